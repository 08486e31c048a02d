#!/usr/bin/env python3
"""tools/train end to end on toy models, in at most two minutes: check_train.py TERN. Ends with exit code 77 where a
module is missing. What must hold: losses fall, tern convert keeps every weight, tern answers as PyTorch does, a run
that was killed goes on to the same bytes, and what does not fit is refused with one line and leaves nothing behind."""
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TRAIN = os.path.join(ROOT, "tools", "train")
sys.path.insert(0, TRAIN)
try:
    import torch
    import transformers
    import agree
    import folder
    import qat
except ImportError as missing:
    print(f"skipped: Python has no {missing.name}, which training needs (pip install torch transformers safetensors)")
    sys.exit(77)

WORDS = "a the film plot cast music scene was is very not so and but of in it this that one".split()
GOOD, BAD = "fine good great lovely warm bright".split(), "dull bad poor weak cold grey".split()
failed = 0


def check(holds, what):
    global failed
    if not holds:
        failed += 1
        print(f"FAIL: {what}", flush=True)


def make_data(path, n, seed):
    r = random.Random(seed)
    with open(path, "w", encoding="utf-8") as f:
        f.write("sentence\tlabel\n")
        for _ in range(n):
            label = r.randrange(2)
            words = r.choices(WORDS, k=r.randrange(2, 12)) + r.choices(GOOD if label else BAD, k=r.randrange(1, 3))
            r.shuffle(words)
            f.write(" ".join(words) + f" \t{label}\n")


def make_model(path, family, labels=2):
    """A small model with random weights, wide enough in some columns that rows repeat them."""
    torch.manual_seed(11)
    os.makedirs(path)
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + sorted(WORDS + GOOD + BAD)
    with open(os.path.join(path, "vocab.txt"), "w", encoding="utf-8") as f:
        f.write("\n".join(vocab) + "\n")
    size = {"vocab_size": len(vocab), "max_position_embeddings": 64, "num_labels": labels}
    if family == "bert":
        config = transformers.BertConfig(hidden_size=72, num_hidden_layers=2, num_attention_heads=3,
                                         intermediate_size=136, **size)
        model = (transformers.BertForSequenceClassification if labels else transformers.BertModel)(config)
    else:
        config = transformers.DistilBertConfig(dim=64, n_layers=2, n_heads=4, hidden_dim=96, **size)
        model = transformers.DistilBertForSequenceClassification(config)
    for name, p in model.named_parameters():
        if name.endswith("orm.weight"):
            p.data += torch.randn_like(p) * 0.2
            p.data[5] = 3
        elif p.dim() == 2:
            p.data *= 2
    model.save_pretrained(path)
    if not labels:
        os.makedirs(os.path.join(path, "1_Pooling"))
        kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
        modules = [{"idx": i, "name": str(i), "path": p, "type": f"sentence_transformers.models.{k}"}
                   for i, (p, k) in enumerate(kinds)]
        pooling = {"word_embedding_dimension": 72, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
        for name, content in (("modules.json", modules), ("1_Pooling/config.json", pooling)):
            with open(os.path.join(path, name), "w", encoding="utf-8") as f:
                json.dump(content, f)
    transformers.BertTokenizerFast(os.path.join(path, "vocab.txt")).save_pretrained(path)


def call(module, *words):
    """(exit code, stdout, stderr) of a recipe's main, in this process."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = [module.__name__ + ".py", *words]
    code = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            folder.run(module.main)
        except SystemExit as e:
            code = int(e.code or 0)
    sys.argv = before
    return code, out.getvalue(), err.getvalue()


def lines_of(path):
    with open(os.path.join(path, "train.jsonl"), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def check_written(tern, path, weights, texts):
    """The log, what tern convert says, and that it answers as PyTorch does."""
    losses = [x["loss"] for x in lines_of(path) if "loss" in x]
    check(losses[-1] < 0.95 * max(losses[:2]), f"{path}: the loss went from {losses[:2]} to {losses[-2:]}")
    check(os.path.getsize(os.path.join(path, "train.svg")) > 0, f"{path}: no plot")
    done = subprocess.run([tern, "convert", path, "-o", path + ".tern"], capture_output=True, text=True, check=False)
    report = done.stdout + done.stderr
    check(done.returncode == 0, f"{path}: tern convert says {report}")
    kept = [line for line in report.splitlines() if f"{weights} [" in line and "kept as trained" in line]
    check(len([k for k in kept if k.startswith("layer.")]) == 12, f"{path}: {len(kept)} are kept, not 12:\n{report}")
    check(f"tern_grid.json: trained for {weights} weights" in report, f"{path}: the grid is not named:\n{report}")
    again = subprocess.run([tern, "convert", path, "-o", path + ".same", "--weights", weights], check=False,
                           capture_output=True)
    check(again.returncode == 0 and same(path + ".tern", path + ".same"), f"{path}: --weights {weights} differs")
    code, out, err = call(agree, path, texts, "--tern", tern, "--most", "200")
    check(code == 0, f"{path}: PyTorch and tern differ: {out}{err}")
    print(f"{os.path.basename(path)}: {out.strip()}", flush=True)


def same(a, b):
    with open(a, "rb") as f, open(b, "rb") as g:
        return f.read() == g.read()


def check_resumed(work, words):
    """A run that is killed with SIGKILL behind its first saved state, and goes on."""
    code, _, err = call(qat, *words, "-o", f"{work}/whole")
    check(code == 0, f"a whole run: {err}")
    command = [sys.executable, os.path.join(TRAIN, "qat.py"), *words, "-o", f"{work}/whole"]
    os.rename(f"{work}/whole", f"{work}/expected")
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
        while running.poll() is None and not os.path.exists(f"{work}/whole.train/state.pt"):
            time.sleep(0.002)
        running.send_signal(signal.SIGKILL)
    check(os.path.exists(f"{work}/whole.train/state.pt") and not os.path.exists(f"{work}/whole"), "nothing was killed")
    code, _, err = call(qat, *words, "-o", f"{work}/whole")
    check(code == 2 and "--resume" in err, f"a second start over what was killed: {err}")
    code, _, err = call(qat, *words, "-o", f"{work}/whole", "--resume", "--lr", "0.5")
    check(code == 2 and "other options" in err, f"resumed with other options: {err}")
    code, _, err = call(qat, *words, "-o", f"{work}/whole", "--resume")
    check(code == 0 and "going on at step" in err, f"resumed: {err}")
    for name in sorted(os.listdir(f"{work}/expected")):
        check(same(f"{work}/expected/{name}", f"{work}/whole/{name}"), f"{name} differs where a run was killed")
    check(sorted(os.listdir(f"{work}/whole")) == sorted(os.listdir(f"{work}/expected")), "files of the resumed run")
    check(not os.path.exists(f"{work}/whole.train"), "the run's folder is still there")


def check_refused(work, tern, words):
    def refused(says, *changed):
        code, _, err = call(qat, *changed, "-o", f"{work}/never", "--tern", tern)
        check(code == 2 and says in err and err.count("\n") == 1, f"'{err}' is not one line about '{says}'")
        check(not os.path.exists(f"{work}/never"), f"{says}: something was written")
        subprocess.run(["rm", "-rf", f"{work}/never.train"], check=True)
    base, rest = words[0], words[1:]
    refused("no column 'text'", base, *rest, "--text-column", "text")
    refused("7 is asked for", base, *rest, "--text-column", "1", "--label-column", "7")
    refused("the label 'sentence'", base, *rest, "--text-column", "2", "--label-column", "1")
    refused("No such file", base, *rest, "--data", f"{work}/nothing.tsv")
    refused("config.json: No such file", f"{work}/nothing", *rest)
    refused("has no classifier of texts", f"{work}/embedder", *rest)
    refused("hidden_size is 64", base, *rest, "--teacher", f"{work}/distilbert")
    refused("'sizes' is unknown", base, *rest, "--losses", "sizes=1")
    os.makedirs(f"{work}/other")
    with open(f"{work}/other/config.json", "w", encoding="utf-8") as f:
        f.write('{"model_type": "gpt2"}')
    refused("model_type 'gpt2'", f"{work}/other", *rest)
    with open(f"{work}/train.tsv", encoding="utf-8") as f, open(f"{work}/few.tsv", "w", encoding="utf-8") as g:
        g.write("".join(f.readlines()[:5]))
    refused("do not fill a batch", base, *rest, "--data", f"{work}/few.tsv")


def main():
    tern = os.path.abspath(sys.argv[1])
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as work:
        make_data(f"{work}/train.tsv", 600, 1)
        make_data(f"{work}/dev.tsv", 200, 2)
        with open(f"{work}/dev.tsv", encoding="utf-8") as f, open(f"{work}/texts", "w", encoding="utf-8") as g:
            g.write("".join(line.split("\t")[0] + "\n" for line in f.readlines()[1:]))
        make_model(f"{work}/bert", "bert")
        make_model(f"{work}/distilbert", "distilbert")
        make_model(f"{work}/embedder", "bert", labels=0)
        table = ["--task", "classify", "--data", f"{work}/train.tsv", "--dev", f"{work}/dev.tsv", "--batch", "16",
                 "--tern", tern]

        def train(source, out, weights, *more):
            code, _, err = call(qat, f"{work}/{source}", "-o", f"{work}/{out}", "--weights", weights, *more)
            check(code == 0, f"{out}: {err}")
            check_written(tern, f"{work}/{out}", weights, f"{work}/texts")
        train("bert", "int8", "int8", *table, "--teacher", "none", "--steps", "120", "--lr", "2e-3")
        check(lines_of(f"{work}/int8")[-1]["validation"]["accuracy"] > 0.9, "the toy task was not learnt")
        train("int8", "int4", "int4", *table, "--embeddings", "int4", "--steps", "40", "--lr", "1e-3")
        train("int8", "channel", "int4", *table, "--group", "channel", "--steps", "40", "--lr", "1e-3")
        train("int8", "binary", "binary", *table, "--embeddings", "int4", "--steps", "60", "--lr", "1e-3",
              "--intervene")
        train("int8", "sub_norms", "binary", *table, "--sub-norms", "--steps", "80", "--lr", "2e-3")
        train("sub_norms", "again", "int8", *table, "--steps", "30", "--lr", "1e-3")
        train("distilbert", "distil8", "int8", *table, "--teacher", "none", "--steps", "120", "--lr", "2e-3")
        train("embedder", "vectors", "int4", "--task", "embed", "--data", f"{work}/texts", "--dev", f"{work}/texts",
              "--batch", "16", "--steps", "12", "--lr", "3e-3", "--tern", tern)
        check(folder.read_json(f"{work}/vectors/tern_grid.json")["copies"], "no columns are repeated")
        resumed = [f"{work}/int8", "--weights", "ternary", *table, "--embeddings", "int4", "--steps", "120",
                   "--lr", "1e-3", "--save", "20", "--validate", "50", "--intervene", "0.4"]
        check_resumed(work, resumed)
        check_written(tern, f"{work}/whole", "ternary", f"{work}/texts")
        check_refused(work, tern, [f"{work}/int8", "--weights", "int8", *table])
    print(f"training: {'all holds' if not failed else f'{failed} failed'}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
