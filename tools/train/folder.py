"""Checkpoint folders: opened with transformers, written so that a folder is whole or not there."""
import json
import os
import shutil
import sys

# Families that the recipes know, by config.json's model_type: what their encoder's layers look like.
BERT_LIKE = ("bert", "roberta", "xlm-roberta", "camembert", "electra")
FAMILIES = BERT_LIKE + ("distilbert",)
# Files of a checkpoint that name the longest text, and the key.
LIMITS = (("tokenizer_config.json", "model_max_length"), ("sentence_bert_config.json", "max_seq_length"))


class Refused(Exception):
    """What a user can mend: the message says what, and how."""


def fail(message):
    raise Refused(message)


def run(main):
    """Runs a recipe's main; an error that a user can mend is one line and exit code 2."""
    try:
        main()
    except Refused as e:
        print(f"{os.path.basename(sys.argv[0])}: {e}", file=sys.stderr)
        sys.exit(2)


class Checkpoint:
    """A model with its tokenizer: `model` is transformers', in f32; `encoder` the part of it without a head."""

    def __init__(self, folder, model, tokenizer, task, pooling):
        self.folder, self.model, self.tokenizer, self.task, self.pooling = folder, model, tokenizer, task, pooling
        self.config = model.config
        self.encoder = model if task == "embed" else model.base_model

    def labels(self):
        return [self.config.id2label[i] for i in range(self.config.num_labels)]


def read_json(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except OSError as e:
        fail(f"{path}: {e.strerror}")
    except ValueError as e:
        fail(f"{path}: no JSON: {e}")


def read_pooling(folder):
    """How an embedder's rows become one vector: "mean" or "cls"."""
    if not os.path.exists(os.path.join(folder, "modules.json")):
        return "mean"
    for module in read_json(os.path.join(folder, "modules.json")):
        kind = module["type"].rsplit(".", 1)[-1]
        if kind == "Pooling":
            pooling = read_json(os.path.join(folder, module["path"], "config.json"))
            mode = pooling.get("pooling_mode")
            on = [mode] if mode else [k[len("pooling_mode_"):] for k, v in pooling.items() if v is True and
                                      k.startswith("pooling_mode_")]
            on = ["mean" if m == "mean_tokens" else "cls" if m == "cls_token" else m for m in on]
            if on in (["mean"], ["cls"]):
                return on[0]
            fail(f"{folder}: pooling {' and '.join(on)}; the recipes train mean and cls")
        if kind not in ("Transformer", "Normalize"):
            fail(f"{folder}: the module {kind}; the recipes train Transformer, Pooling and Normalize")
    return "mean"


def open_checkpoint(folder, task):
    """task: "classify" or "tag" (the folder must have a classifier of texts or of tokens), or "embed"."""
    import transformers
    config = read_json(os.path.join(folder, "config.json"))
    family = config.get("model_type")
    if family not in FAMILIES:
        fail(f"{folder}: model_type '{family}'; the recipes train {', '.join(FAMILIES)}")
    heads = config.get("architectures") or []
    if task == "classify" and not any(h.endswith("ForSequenceClassification") for h in heads):
        fail(f"{folder}: a {' and '.join(heads) or 'model without a head'} has no classifier of texts; "
             "fine-tune one first, or take --task embed")
    if task == "tag" and not any(h.endswith("ForTokenClassification") for h in heads):
        fail(f"{folder}: a {' and '.join(heads) or 'model without a head'} has no classifier of tokens; fine-tune one "
             "first, or take another --task")
    labels = config.get("id2label") or {}
    if task == "classify" and (len(labels) == 1 or config.get("problem_type") == "multi_label_classification"):
        fail(f"{folder}: its head gives a number, or several labels at once; the recipes train one label of several")
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    auto = {"classify": transformers.AutoModelForSequenceClassification, "embed": transformers.AutoModel,
            "tag": transformers.AutoModelForTokenClassification}[task]
    try:
        model = auto.from_pretrained(folder, dtype="float32", local_files_only=True,
                                     ignore_mismatched_sizes=bool(config.get("pruned_heads")))
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError) as e:
        fail(f"{folder}: {str(e).splitlines()[0]}")
    if len(tokenizer) > model.config.vocab_size:
        fail(f"{folder}: the tokenizer has {len(tokenizer)} tokens, the model {model.config.vocab_size}")
    checkpoint = Checkpoint(folder, model, tokenizer, task, read_pooling(folder))
    if config.get("pruned_heads"):
        from smaller import read_pruned_heads
        read_pruned_heads(checkpoint)
    if has_sub_norms(folder):
        from layout import add_sub_norms
        add_sub_norms(checkpoint)
    import attention
    import layout
    import pairs
    pairs.read_pairs(checkpoint)
    attention.set_mixers(model, layout.Layout(checkpoint).layers)
    return checkpoint


def has_sub_norms(folder):
    from safetensors import safe_open
    path = os.path.join(folder, "model.safetensors")
    if not os.path.exists(path):
        return False
    with safe_open(path, "pt") as f:
        return any(".sub_norm." in name for name in f.keys())


def tensors(model):
    """What write_checkpoint takes as `state`."""
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


# Of the source's folder, what describes the model stays; these are made anew, or are of another run.
NOT_COPIED = ("onnx", "openvino", "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin.index.json",
              "config.json", "tern_grid.json", "train.jsonl", "train.svg", "reference.jsonl")


def write_checkpoint(out, checkpoint, state, files=None):
    """The folder `out`, from the tensors in `state` and what else lies in the folder that was opened. `files` are more,
    text or bytes by name. The folder gets its name when all of it is there; an `out` that exists is refused."""
    if os.path.exists(out):
        fail(f"{out}: exists already; remove it, or choose another name")
    temporary = out.rstrip("/") + ".part"
    shutil.rmtree(temporary, ignore_errors=True)

    def skip(folder, names):
        return [n for n in names if n.endswith((".onnx", ".tern", ".h5", ".msgpack", ".bin", ".ot", ".md"))
                or (folder == checkpoint.folder and n in NOT_COPIED)]
    shutil.copytree(checkpoint.folder, temporary, ignore=skip, copy_function=shutil.copyfile)
    for folder, _, _ in os.walk(temporary):
        os.chmod(folder, 0o755)
    checkpoint.model.save_pretrained(temporary, state_dict=state)
    for name, content in (files or {}).items():
        with open(os.path.join(temporary, name), "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
    for folder, _, names in os.walk(temporary):
        for name in names:
            os.chmod(os.path.join(folder, name), 0o644)
            with open(os.path.join(folder, name), "rb") as f:
                os.fsync(f.fileno())
    os.rename(temporary, out)
