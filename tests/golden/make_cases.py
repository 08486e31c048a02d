#!/usr/bin/env python3
"""Prints the numbers of tests/test_task.c: what PyTorch answers for the folders of tests/golden/cases.

Needs torch, transformers and safetensors.
"""
import json
import os
import sys

import torch
from safetensors.torch import load_file
from transformers import (BertConfig, BertForSequenceClassification, BertForTokenClassification, BertModel,
                          BertTokenizer)

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
TEXT = "the movie was great"


def load(name, kind, **changes):
    folder = os.path.join(CASES, name)
    config = json.load(open(os.path.join(folder, "config.json")))
    config.update(changes)
    model = kind(BertConfig(**config))
    tensors = {k.removeprefix("_orig_mod."): v for k, v in load_file(os.path.join(folder, "model.safetensors")).items()}
    if kind is not BertModel:  # some folders' encoders have no prefix
        tensors = {k if k.startswith(("classifier", "bert.")) else "bert." + k: v for k, v in tensors.items()}
    left = model.load_state_dict(tensors, strict=False)
    if any("pooler" not in name for name in left.missing_keys):
        sys.exit(f"{name}: {left}")
    tokens = BertTokenizer(os.path.join(folder, "vocab.txt"))(TEXT, return_tensors="pt")
    with torch.no_grad():
        return model.eval()(**tokens), model


def show(name, values):
    print(f"{name:24s}", ", ".join(f"{v:.6f}" for v in values.tolist()))


out, model = load("01-multilabel", BertForSequenceClassification)
show("01 sigmoids", torch.sigmoid(out.logits[0]))
out, model = load("02-regression", BertForSequenceClassification)
show("02 raw", out.logits[0])
out, model = load("03-ner-with-pooler", BertForTokenClassification)
print(f"{'03 labels':24s}", " ".join(model.config.id2label[i] for i in out.logits[0].argmax(-1).tolist()))
show("03 first row", out.logits[0, 0])
for name, act in (("38-orig-mod", "gelu"), ("45-act-gelu_python", "gelu_python"), ("45-act-gelu_python", "gelu_fast"),
                  ("45-act-gelu_python", "silu"), ("45-act-gelu_python", "quick_gelu")):
    out, model = load(name, BertModel, hidden_act=act)
    show(f"{name[:2]} mean, {act}", out.last_hidden_state[0].mean(0)[:4])
