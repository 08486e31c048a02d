"""Holds docs/format.md against the library: reads converted files with docs/read_tern.py, and with the codes and blocks
that format.md describes, and compares the weights with those of the checkpoint. tests/check_format.sh runs it.

usage: check_format.py TERN WORK [CHECKPOINT]
"""
import json
import os
import shutil
import struct
import subprocess
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "docs"))
import read_tern  # noqa: E402

CODES = {  # number of the format: bits, the value of each code
    1: (4, range(-8, 8)), 2: (4, (-15, -10, -8, -6, -4, -3, -1, 0, 1, 2, 4, 5, 7, 8, 11, 15)),
    3: (4, (0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)), 4: (3, range(-7, 8, 2)),
    5: (2, (-3, -1, 1, 3)), 6: (2, (-1, 0, 1)), 7: (1, (-1, 1))}
OUTPUTS = {1: 16, 2: 4, 3: 1, 4: 4}  # of a block, by param's number: 16x4, 4x4, 1x4, 4x1


class Model(read_tern.Model):
    """Every form of weights."""

    def values(self, name):
        param, k4 = self[name + ".param"], self.inputs(name) // 4
        if param[6]:
            value = self.blocks(name, param, k4)
        else:
            value = self[name + ".weight"] if param[4] not in CODES else self.codes(name, param[4])[:, :k4]
        if param[5]:  # each group of inputs has a multiplier
            panels, groups = len(value), -(-k4 * 4 // param[5])
            mul = self[name + ".group"][:panels * groups * 16].reshape(panels, groups, 1, 16, 1).astype("i1")
            value = value * np.repeat(mul, param[5] // 4, axis=2).reshape(panels, -1, 16, 1)[:, :k4]
        return value

    def inputs(self, name):
        k = self.config["intermediate" if name.endswith("ffn_down") else "hidden"]
        return -(-(k + int(self[name + ".param"][8])) // 4) * 4

    def codes(self, name, form):
        bits, values = CODES[form]
        line = self[name + ".code"]
        if bits == 4:  # a line is two k steps, the even one in the low nibbles
            code = np.stack([line & 15, line >> 4], axis=2).reshape(len(line), -1, 16, 4)
        else:  # [panel][block of 8 k steps][plane][pair of steps][channel], a bit for each step and input
            plane = line.reshape(len(line), -1, bits, 4, 16, 1) >> np.arange(8).astype("u1") & 1
            code = sum(plane[:, :, b] << b for b in range(bits)).reshape(len(line), -1, 4, 16, 2, 4)
            code = code.transpose(0, 1, 2, 4, 3, 5).reshape(len(line), -1, 16, 4)
        return np.array(list(values) + [99] * (2**bits - len(values)), "i1")[code]

    def blocks(self, name, param, k4):
        index, count, first = (self[f"{name}.{part}"] for part in ("index", "count", "first"))
        if param[4] in CODES:  # a line of codes holds two lines of values
            code = self[name + ".code"]
            line = np.array(CODES[param[4]][1], "i1")[np.stack([code & 15, code >> 4], axis=1)]
        else:
            line = self[name + ".value"]
        outputs = OUTPUTS[param[6]]
        panels = -(-self.config["intermediate" if name.endswith("ffn_up") else "hidden"] // 16)
        value, dense = line.reshape(-1, outputs, 4), np.zeros((panels, k4, 16, 4), "i1")
        for panel in range(panels):
            at = first[panel] * 16 // outputs
            for strip in range(16 // outputs):
                place = dense[panel, :, strip * outputs:(strip + 1) * outputs]
                for at in range(at, at + count[panel * (16 // outputs) + strip]):
                    for j in range(4):  # 4x1: each column has an index of its own, 0 .. 4 * k4 - 1
                        step, i = divmod(index[4 * at + j], 4) if param[6] == 4 else (index[at], j)
                        place[step, :, i] += value[at, :, j]
                at += count[panel * (16 // outputs) + strip] > 0
        return dense

    def word_values(self):
        if "embed.word.q" in self.tensors:
            return self["embed.word.q"]
        return self.codes("embed.word", self["embed.word.param"][4]).reshape(-1, -(-self.config["hidden"] // 64) * 64)


def write_tensors(folder, tensors):
    header, at = {}, 0
    for name, t in tensors.items():
        header[name] = {"dtype": "F32", "shape": t.shape, "data_offsets": [at, at + t.nbytes]}
        at += t.nbytes
    text = json.dumps(header).encode()
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/model.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(t.tobytes() for t in tensors.values()))


def write_module(folder, number, name, config):
    """A module of sentence-transformers, which is known by its folder's name."""
    os.makedirs(f"{folder}/{number}_{name}", exist_ok=True)
    with open(f"{folder}/{number}_{name}/config.json", "w") as f:
        json.dump(config, f)


def write_checkpoint(folder):
    """A BERT of odd sizes with a classifier; random weights, a third of the blocks of 16x4 zero."""
    rng, hidden, wide, vocab = np.random.default_rng(7), 72, 152, 61
    shapes = {"bert.embeddings.word_embeddings.weight": (vocab, hidden),
              "bert.embeddings.position_embeddings.weight": (40, hidden),
              "bert.embeddings.token_type_embeddings.weight": (2, hidden)}
    for name in ("bert.embeddings.LayerNorm", "bert.encoder.layer.0.attention.output.LayerNorm",
                 "bert.encoder.layer.0.output.LayerNorm"):
        shapes[name + ".weight"] = shapes[name + ".bias"] = (hidden,)
    for name, n, k in (("bert.encoder.layer.0.attention.self.query", hidden, hidden),
                       ("bert.encoder.layer.0.attention.self.key", hidden, hidden),
                       ("bert.encoder.layer.0.attention.self.value", hidden, hidden),
                       ("bert.encoder.layer.0.attention.output.dense", hidden, hidden),
                       ("bert.encoder.layer.0.intermediate.dense", wide, hidden),
                       ("bert.encoder.layer.0.output.dense", hidden, wide),
                       ("bert.pooler.dense", hidden, hidden), ("classifier", 3, hidden)):
        shapes[name + ".weight"], shapes[name + ".bias"] = (n, k), (n,)
    tensors = {n: (rng.standard_normal(s) * 0.05 + ("Norm.weight" in n)).astype("<f4") for n, s in shapes.items()}
    for name, t in tensors.items():
        if "encoder" in name and t.ndim == 2:
            for n in range(0, t.shape[0], 16):
                for k in range(0, t.shape[1], 4):
                    t[n:n + 16, k:k + 4] *= rng.random() > 0.33
    write_tensors(folder, tensors)
    write_module(folder, 1, "Pooling", {"pooling_mode": "mean"})
    write_module(folder, 2, "Dense", {"in_features": hidden, "out_features": 21})
    write_tensors(folder + "/2_Dense", {"linear.weight": (rng.standard_normal((21, hidden)) * 0.2).astype("<f4"),
                                        "linear.bias": rng.standard_normal(21).astype("<f4")})
    with open(folder + "/config.json", "w") as f:
        json.dump({"model_type": "bert", "architectures": ["BertForSequenceClassification"], "vocab_size": vocab,
                   "hidden_size": hidden, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": wide,
                   "max_position_embeddings": 40, "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
                   "id2label": {str(i): f"label {i}" for i in range(3)}}, f)
    with open(folder + "/vocab.txt", "w") as f:
        f.write("".join(w + "\n" for w in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"w{i}" for i in range(56)]))


def read_checkpoint(folder):
    with open(folder + "/model.safetensors", "rb") as f:
        raw = f.read()
    end = 8 + struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:end])
    return {name: np.frombuffer(raw[end + t["data_offsets"][0]:end + t["data_offsets"][1]], "<f4").reshape(t["shape"])
            for name, t in header.items() if name != "__metadata__"}


def error_of(got, want, free):
    """Relative squared error; `free`: up to a factor."""
    factor = (got * want).sum() / (got * got).sum() if free else 1
    return ((got * factor - want) ** 2).sum() / (want ** 2).sum()


def check_copies(path, model, name, want, most):
    """A repeated column's weights are the means of what stands at all its places: finer than one place can be."""
    param = model[name + ".param"]
    input_name = {"query": "qkv", "key": "qkv", "value": "qkv"}.get(name.split(".")[-1], name.split(".")[-1])
    n, k = want.shape
    copies = model[f"layer.0.{input_name}.copies"][:param[8]].astype("u2").astype(int)
    assert len(copies) == 8 and (np.diff(copies) >= 0).all(), f"{path}: the copies of {name}"
    whole = model.integers(name, n, k + 8).astype("f8")
    if not param[5]:  # in groups each place has a multiplier of its own
        apart = np.abs(whole[:, k:] - whole[:, copies]).max()
        assert apart <= 1, f"{path}: places of one column of {name} are {apart:g} steps apart"
    columns = np.unique(copies)
    means = [np.c_[whole[:, column], whole[:, k:][:, copies == column]].mean(axis=1) for column in columns]
    scale = model[name + ".mul"][:n, None].astype("f8")
    wrong = error_of(np.stack(means, axis=1) * scale, want[:, columns], True)
    assert wrong < most / 2, f"{path}: the repeated columns of {name} are wrong by {wrong:.2e}"


def check_list(tern, path, model):
    shown = json.loads(subprocess.run([tern, "info", path, "--json"], check=True, capture_output=True).stdout)
    shown = {t["name"]: (t["dtype"], t["shape"], t["bytes"]) for t in shown["tensors"]}
    mine = {n: (t["dtype"], t["shape"], model[n].nbytes) for n, t in model.tensors.items()}
    assert shown == mine, f"{path}: the tensors are not those of tern info"


def check_dense(checkpoint, model, path):
    """The dense layers behind the pooling, weights and bias: a file has exactly those of the checkpoint."""
    for i, layer in enumerate(model.config.get("dense", [])):
        source = read_checkpoint(f"{checkpoint}/{2 + i}_Dense")
        got, bias = model.dense(i)
        assert got.shape[0] == layer["outputs"], f"{path}: dense layer {i} has {got.shape[0]} outputs"
        error = error_of(got, source["linear.weight"].astype("f8"), False)
        assert error < 2e-4, f"{path}: dense layer {i} is wrong by {error:.2e}"
        assert np.abs(bias - source["linear.bias"]).max() < 2**-16, f"{path}: the bias of dense layer {i} is wrong"
    assert len(model.config.get("dense", [])) == os.path.exists(checkpoint + "/2_Dense"), f"{path}: a layer is missing"


def check(tern, checkpoint, path, options, most):
    subprocess.run([tern, "convert", checkpoint, "-o", path, "-q", *options], check=True, stdout=subprocess.DEVNULL)
    model, source = Model(path), read_checkpoint(checkpoint)
    check_list(tern, path, model)
    c, worst = model.config, 0
    check_dense(checkpoint, model, path)
    layer = "bert.encoder.layer.0."
    norms = {"layer.0.query": "bert.embeddings.LayerNorm", "layer.0.ffn_up": layer + "attention.output.LayerNorm"}
    for name, theirs in (("layer.0.query", layer + "attention.self.query"),
                         ("layer.0.attn_out", layer + "attention.output.dense"),
                         ("layer.0.ffn_up", layer + "intermediate.dense"),
                         ("layer.0.ffn_down", layer + "output.dense"), ("classifier", "classifier")):
        want = source[theirs + ".weight"].astype("f8")
        if name in norms and not model[{"layer.0.query": "embed_norm"}.get(name, "layer.0.attn_norm") + ".param"][4]:
            want = want * source[norms[name] + ".weight"]  # gamma is folded in
        got = model.matrix(name, *want.shape)
        if name == "classifier":  # it reads tanh in steps of 1 / 32767, so that kappa tells its scale
            mul, exp = (float(x) for x in model["classifier.param"][1:3])
            got = got * (mul * 2 ** -exp * 127 * 32767 * 32767 / 32768)
        if "--outliers" in options and name.startswith("layer.0."):
            check_copies(path, model, name, want, most)
        error = error_of(got, want, name != "classifier")
        worst = max(worst, error if name != "classifier" else 0)
        assert error < (most if name != "classifier" else 2e-4), f"{path}: {name} is wrong by {error:.2e}"
    words = error_of(model.words(), source["bert.embeddings.word_embeddings.weight"].astype("f8"), False)
    assert words < (2e-4 if "--embeddings" not in options else 0.3), f"{path}: the words are wrong by {words:.2e}"
    print(f"{os.path.basename(path):20} {c['weights']:8} matrices {worst:.1e}, words {words:.1e}")


def check_slopes(tern, work):
    """ALIBI's: six heads have the slopes of four, and of eight the first and the third."""
    folder = f"{work}/jina2"
    shutil.copytree(os.path.join(os.path.dirname(__file__), "golden/zoo/jina2"), folder)
    with open(folder + "/vocab.txt", "w") as file:
        file.write("".join(f"{x}\n" for x in ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + [f"t{i}" for i in range(92)]))
    subprocess.run([tern, "convert", folder, "-o", folder + ".tern", "-q"], check=True, stdout=subprocess.DEVNULL)
    model = Model(folder + ".tern")
    check_list(tern, folder + ".tern", model)
    wrong = np.abs(model.slopes(0) * 2.0 ** np.array([2, 4, 6, 8, 1, 3]) - 1).max()
    assert wrong < 1e-7, f"{folder}: the slopes are wrong by {wrong:.2e}"


def check_elu(tern, work):
    """Linear attention with elu: its two numbers of a unit agree, and info says what the attention is."""
    folder = f"{work}/linear"
    shutil.copytree(os.path.join(os.path.dirname(__file__), "golden/zoo/windows"), folder)
    with open(folder + "/config.json") as file:
        config = json.load(file)
    config.update(attention_window=[8, None], attention_kind=["softmax", "linear"], feature_map="elu")
    with open(folder + "/config.json", "w") as file:
        json.dump(config, file)
    with open(folder + "/vocab.txt", "w") as file:
        file.write("".join(f"{x}\n" for x in ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + [f"t{i}" for i in range(92)]))
    subprocess.run([tern, "convert", folder, "-o", folder + ".tern", "-q"], check=True, stdout=subprocess.DEVNULL)
    model = Model(folder + ".tern")
    check_list(tern, folder + ".tern", model)
    assert [run["mixer"] for run in model.config["layer"]] == ["softmax", "elu"]
    assert "layer.1.score" not in model.tensors and "layer.0.elu" not in model.tensors
    octaves = [float(model["layer.1.elu"][i]) * 2.0 ** -int(model["layer.1.elu"][i + 1]) for i in (2, 6)]
    wrong = np.abs(np.array(model.units(1)) * 1024 / np.log(2) / octaves - 1).max()
    assert wrong < 1e-8, f"{folder}: the units differ by {wrong:.2e}"
    info = subprocess.run([tern, "info", folder + ".tern"], check=True, capture_output=True, text=True).stdout
    assert "1 of 2 layers: windows of 8 tokens; 1 of 2 layers: linear, feature map elu\n" in info, info


def check_static(tern, work):
    """A table without layers: what a token's own vector is, of rows of very different lengths."""
    rng, folder = np.random.default_rng(8), work + "/static"
    table = (rng.standard_normal((61, 40)) * np.exp(rng.standard_normal((61, 1)))).astype("<f4")
    write_tensors(folder, {"embeddings": table})
    with open(folder + "/config.json", "w") as f:
        json.dump({"model_type": "model2vec", "normalize": False}, f)
    words = ["[UNK]"] + [f"w{i}" for i in range(60)]
    with open(folder + "/tokenizer.json", "w") as f:
        json.dump({"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
                   "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": None, "decoder": None,
                   "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                             "max_input_chars_per_word": 100, "vocab": {w: i for i, w in enumerate(words)}}}, f)
    for name, most in (("int8", 1e-4), ("int4", 0.02)):
        path = f"{work}/static-{name}.tern"
        subprocess.run([tern, "convert", folder, "-o", path, "-q", "--weights", name], check=True)
        model = Model(path)
        check_list(tern, path, model)
        words = model.words()
        error = error_of(words, table.astype("f8"), False)
        assert error < most, f"{path}: the words are wrong by {error:.2e}"
        out = subprocess.run([tern, "embed", path, "w3 w59 nothing w3"], check=True, capture_output=True).stdout
        got, want = np.array(out.split(), "f8"), (2 * words[4] + words[60]) / 3
        assert np.abs(got - want).max() < 1e-5, f"{path}: a text's mean is wrong by {np.abs(got - want).max():.1e}"
        print(f"{os.path.basename(path):20} {name:8} words {error:.1e}")


def main():
    tern, work = sys.argv[1:3]
    write_checkpoint(work + "/checkpoint")
    forms = {"int8": ([], 2e-4), "int4": (["--embeddings", "int4", "--group", "32"], 0.02), "nf4": ([], 0.02),
             "fp4": ([], 0.03), "int3": (["--group", "128"], 0.08), "int2": ([], 0.25),
             "ternary": (["--embeddings", "ternary"], 0.4), "binary": ([], 0.7),
             "int7": ([], 8e-4), "int6": ([], 3e-3)}
    for name, (options, most) in forms.items():
        check(tern, work + "/checkpoint", f"{work}/{name}.tern", ["--weights", name, *options], most)
    for shape in ("16x4", "4x4", "1x4", "4x1"):
        check(tern, work + "/checkpoint", f"{work}/{shape}.tern", ["--sparse", shape], 2e-4)
        if shape != "4x1":
            options = ["--sparse", shape, "--weights", "int4"]
            check(tern, work + "/checkpoint", f"{work}/{shape}-int4.tern", options, 0.02)
    for name, most in (("int8", 2e-4), ("int4", 0.02), ("int2", 0.25), ("ternary", 0.4)):
        check(tern, work + "/checkpoint", f"{work}/{name}-outliers.tern", ["--weights", name, "--outliers", "8"], most)
    check(tern, work + "/checkpoint", f"{work}/blocks-outliers.tern", ["--sparse", "16x4", "--outliers", "8"], 2e-4)
    check_static(tern, work)
    for folder in sys.argv[3:]:
        check(tern, folder, work + "/given.tern", [], 2e-4)
    check_slopes(tern, work)
    check_elu(tern, work)


main()
