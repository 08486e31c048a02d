#!/usr/bin/env python3
"""Writes tests/golden/sentence.json: folders of sentence-transformers over one tiny transformer, and the vectors that
the library itself makes with them. tests/test_sentence.c converts the same folders.

usage: make_sentence.py tests/golden/cases/05-default-prompt tests/golden/sentence.json
       (needs sentence-transformers; version 6.2.0 made the file)
"""
import json
import os
import shutil
import sys
import tempfile

import numpy as np
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer

OLD, NEW = "sentence_transformers.models.", "sentence_transformers.sentence_transformer.modules."
NEW_NAMES = {"Transformer": "sentence_transformers.base.modules.transformer.Transformer",
             "Pooling": NEW + "pooling.Pooling", "Dense": "sentence_transformers.base.modules.dense.Dense",
             "Normalize": "sentence_transformers.base.modules.normalize.Normalize", "Dropout": NEW + "dropout.Dropout"}
TEXTS = ["the movie was great", "Paris is not very slow, hello (world)!"]
ROWS = ["04-st-lowercase", "05-default-prompt", "07-st54-compact", "10-old-layout", "12-maxseq-over-modelmax"]
SWITCHES = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]


def chain(*modules, old=False, transformer=""):
    """modules.json: the folders are numbered, as the library numbers them."""
    rows = [{"idx": 0, "name": "0", "path": transformer, "type": OLD + "Transformer" if old else NEW_NAMES["Transformer"]}]
    for i, name in enumerate(modules, 1):
        rows.append({"idx": i, "name": str(i), "path": f"{i}_{name}", "type": OLD + name if old else NEW_NAMES[name]})
    return rows


def pooling(mode, include_prompt=True):
    return {"embedding_dimension": 32, "pooling_mode": mode, "include_prompt": include_prompt}


def switches(*on):
    return {"word_embedding_dimension": 32, **{"pooling_mode_" + s: s in on for s in SWITCHES}}


def dense(rng, inputs, outputs, activation, bias=True):
    config = {"in_features": inputs, "out_features": outputs, "bias": bias,
              "activation_function": "torch.nn.modules." + activation}
    weights = {"weight": rng.standard_normal((outputs, inputs)) * 0.2}
    if bias:
        weights["bias"] = rng.standard_normal(outputs) * 0.1
    return config, {k: np.round(v, 4).tolist() for k, v in weights.items()}


def cases():
    rng = np.random.default_rng(3)
    prompts = {"prompts": {"query": "query: ", "bare": "cat", "none": ""}, "default_prompt_name": "query"}
    for mode in ("mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"):
        yield {"name": mode, "files": {"modules.json": chain("Pooling"), "1_Pooling/config.json": pooling(mode)}}
    yield {"name": "joined", "files": {"modules.json": chain("Pooling", "Normalize"), "1_Pooling/config.json":
                                       pooling(["lasttoken", "cls", "mean"])}}
    yield {"name": "joined by switches", "files": {
        "modules.json": chain("Pooling", old=True),
        "1_Pooling/config.json": switches("lasttoken", "mean_tokens", "cls_token", "max_tokens")}}
    yield {"name": "no switch", "files": {"modules.json": chain("Pooling", old=True), "1_Pooling/config.json": switches()}}
    config, weights = dense(rng, 32, 16, "activation.Tanh")
    yield {"name": "dense tanh", "dense": {"2_Dense": weights}, "files": {
        "modules.json": chain("Pooling", "Dense", "Normalize", old=True), "1_Pooling/config.json": switches("mean_tokens"),
        "2_Dense/config.json": config}}
    config, weights = dense(rng, 64, 24, "linear.Identity", bias=False)
    yield {"name": "dense identity", "dense": {"2_Dense": weights}, "files": {
        "modules.json": chain("Pooling", "Dense"), "1_Pooling/config.json": pooling(["mean", "max"]),
        "2_Dense/config.json": config}}
    relu, relu_weights = dense(rng, 32, 20, "activation.ReLU")
    sigmoid, sigmoid_weights = dense(rng, 20, 12, "activation.Sigmoid")
    yield {"name": "two dense", "dense": {"3_Dense": relu_weights, "5_Dense": sigmoid_weights}, "files": {
        "modules.json": chain("Pooling", "Normalize", "Dense", "Dropout", "Dense"),
        "1_Pooling/config.json": pooling("cls"), "2_Normalize/config.json": {"module_input_name": "sentence_embedding"},
        "3_Dense/config.json": relu, "4_Dropout/config.json": {"dropout": 0.1}, "5_Dense/config.json": sigmoid},
        "runs": [{}, {"dimensions": 5, "normalize": True}]}
    yield {"name": "truncate_dim", "files": {
        "modules.json": chain("Pooling", "Normalize"), "1_Pooling/config.json": pooling("mean"),
        "config_sentence_transformers.json": {"truncate_dim": 8}},
        "runs": [{}, {"dimensions": 4}, {"normalize": True}, {"dimensions": 20}, {"dimensions": 40}]}
    yield {"name": "prompts", "files": {
        "modules.json": chain("Pooling"), "1_Pooling/config.json": pooling("mean"),
        "config_sentence_transformers.json": prompts},
        "runs": [{}, {"prompt_name": "bare"}, {"prompt_name": "none"}, {"prompt": ""}, {"prompt": "dog, "}]}
    for mode in (["mean", "max", "cls"], ["weightedmean", "lasttoken", "mean_sqrt_len_tokens"]):
        yield {"name": "without the prompt: " + mode[0], "files": {
            "modules.json": chain("Pooling"), "1_Pooling/config.json": pooling(mode, False),
            "config_sentence_transformers.json": prompts}, "runs": [{}, {"prompt": ""}]}
    yield {"name": "lower case", "files": {
        "modules.json": chain("Pooling"), "1_Pooling/config.json": pooling("mean"),
        "tokenizer_config.json": {"do_lower_case": False, "tokenizer_class": "BertTokenizer", "model_max_length": 64},
        "sentence_distilbert_config.json": {"do_lower_case": True, "max_seq_length": 32}}}
    yield {"name": "limits", "files": {
        "modules.json": chain("Pooling"), "1_Pooling/config.json": pooling("mean"),
        "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "model_max_length": 4},
        "sentence_bert_config.json": {}, "sentence_roberta_config.json": {"max_seq_length": 7}}}
    yield {"name": "limit of the tokenizer", "files": {
        "modules.json": chain("Pooling"), "1_Pooling/config.json": pooling("mean"),
        "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "model_max_length": 6},
        "sentence_bert_config.json": {"do_lower_case": False}}}
    yield {"name": "old layout", "transformer": "0_Transformer", "files": {
        "modules.json": chain("Pooling", old=True, transformer="0_Transformer"), "1_Pooling/config.json":
        switches("cls_token"), "config.json": {"__version__": "0.2.0"},
        "0_Transformer/sentence_bert_config.json": {"max_seq_length": 5, "do_lower_case": False}}}


    for name in ROWS:
        yield {"name": name, "folder": name, "files": {}}


def write(folder, base, case):
    if "folder" in case:
        shutil.copytree(os.path.join(os.path.dirname(base), case["folder"]), folder, dirs_exist_ok=True)
        path = os.path.join(folder, "modules.json")
        with open(path) as f:  # the library has forgotten the name of its first transformer
            text = f.read().replace(OLD + "BERT", OLD + "Transformer")
        with open(path, "w") as f:
            f.write(text)
        return
    home = os.path.join(folder, case.get("transformer", ""))
    os.makedirs(home, exist_ok=True)
    for name in ("config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"):
        shutil.copyfile(os.path.join(base, name), os.path.join(home, name))
        os.chmod(os.path.join(home, name), 0o644)
    for path, content in case["files"].items():
        os.makedirs(os.path.dirname(os.path.join(folder, path)) or ".", exist_ok=True)
        with open(os.path.join(folder, path), "w") as f:
            json.dump(content, f)
    for path, weights in case.get("dense", {}).items():
        tensors = {f"linear.{k}": torch.tensor(v, dtype=torch.float32) for k, v in weights.items()}
        save_file(tensors, os.path.join(folder, path, "model.safetensors"))


def main(base, target):
    made = []
    for case in cases():
        with tempfile.TemporaryDirectory() as folder:
            write(folder, base, case)
            model = SentenceTransformer(folder, device="cpu")
            for run in case.setdefault("runs", [{}]):
                given = {"truncate_dim": run.get("dimensions"), "normalize_embeddings": run.get("normalize", False),
                         "prompt_name": run.get("prompt_name"), "prompt": run.get("prompt")}
                vectors = [model.encode(t, **given) for t in TEXTS]  # one by one: no padding
                run["vectors"] = [[float(f"{x:.8g}") for x in v] for v in vectors]
        made.append(case)
    lines = ",\n".join(json.dumps(c) for c in made)
    with open(target, "w") as out:
        out.write(f'{{"texts": {json.dumps(TEXTS)},\n"cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
