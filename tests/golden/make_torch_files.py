#!/usr/bin/env python3
"""Writes the checkpoint files of tests/golden/torch: the same small model in every form that torch.save has, and as
safetensors, from which tests/test_weight_files.c must convert the same bytes.

usage: make_torch_files.py tests/golden/torch              (needs torch and safetensors)
"""
import json
import os
import sys
from collections import OrderedDict

import torch
from safetensors.torch import save_file

HIDDEN, HEADS, INTERMEDIATE, VOCAB, POSITIONS = 8, 2, 12, 16, 8


def model():
    """A BERT of one layer, with what its checkpoints of 2019 carry beside the weights."""
    torch.manual_seed(5)
    layer = "encoder.layer.0."
    shapes = {"embeddings.word_embeddings": (VOCAB, HIDDEN), "embeddings.position_embeddings": (POSITIONS, HIDDEN),
              "embeddings.token_type_embeddings": (2, HIDDEN)}
    linear = {layer + "attention.self.query": (HIDDEN, HIDDEN), layer + "attention.self.key": (HIDDEN, HIDDEN),
              layer + "attention.self.value": (HIDDEN, HIDDEN), layer + "attention.output.dense": (HIDDEN, HIDDEN),
              layer + "intermediate.dense": (INTERMEDIATE, HIDDEN), layer + "output.dense": (HIDDEN, INTERMEDIATE),
              "pooler.dense": (HIDDEN, HIDDEN)}
    norms = ["embeddings.LayerNorm", layer + "attention.output.LayerNorm", layer + "output.LayerNorm"]
    state = OrderedDict()
    for name, shape in {**shapes, **linear}.items():
        state[name + ".weight"] = torch.randn(shape) * 0.5
    for name, shape in linear.items():
        state[name + ".bias"] = torch.randn(shape[0]) * 0.1
    for name in norms:
        state[name + ".weight"] = 1 + torch.randn(HIDDEN) * 0.1
        state[name + ".bias"] = torch.randn(HIDDEN) * 0.1
    # halves are exact in every type, so that all files hold the same numbers
    return OrderedDict((k, v.to(torch.bfloat16).to(torch.float16).to(torch.float32)) for k, v in state.items())


def views(state):
    """Transposed, strided and offset views of larger storages, and two tensors in one storage."""
    out = OrderedDict()
    pile = torch.cat([v.reshape(-1) for k, v in state.items() if k.endswith(".bias")])
    at = 0
    for k, v in state.items():
        if k.endswith(".bias"):
            out[k] = pile[at:at + v.numel()]
            at += v.numel()
        elif k.endswith("query.weight"):
            out[k] = v.t().contiguous().t()
        elif k.endswith("key.weight"):
            out[k] = torch.stack([v, -v], dim=2)[:, :, 0]
        elif k.endswith("position_embeddings.weight"):
            out[k] = torch.cat([torch.zeros(3, HIDDEN), v])[3:]
        else:
            out[k] = v
    assert all(torch.equal(out[k], v) for k, v in state.items())
    return out


def main(folder):
    os.makedirs(folder, exist_ok=True)
    path = lambda name: os.path.join(folder, name)
    state = model()
    config = {"model_type": "bert", "vocab_size": VOCAB, "hidden_size": HIDDEN, "num_hidden_layers": 1,
              "num_attention_heads": HEADS, "intermediate_size": INTERMEDIATE, "max_position_embeddings": POSITIONS,
              "type_vocab_size": 2, "hidden_act": "gelu"}
    with open(path("config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f, indent=1)
    with open(path("vocab.txt"), "w", encoding="utf-8") as f:
        f.write("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijk"]) + "\n")
    position_ids = torch.arange(POSITIONS).expand((1, -1))
    save_file(dict(state), path("model.safetensors"))
    old = {"_use_new_zipfile_serialization": False}
    module_state = state.copy()
    module_state._metadata = OrderedDict([("", {"version": 1})])  # as nn.Module.state_dict() has it
    torch.save(module_state, path("zip.bin"))
    torch.save(module_state, path("legacy.bin"), **old)
    torch.save(views(state), path("zip-views.bin"))
    torch.save(views(state), path("legacy-views.bin"), **old)
    for name, dtype in (("half", torch.float16), ("bfloat16", torch.bfloat16)):
        torch.save({k: v.to(dtype) for k, v in state.items()}, path(name + ".bin"))
    torch.save({"embeddings.position_ids": position_ids, **state}, path("buffers.bin"))
    empty = {"observer.min_val": torch.empty(0), "rest": torch.arange(4.)[4:], **state, "z": torch.empty(3, 0).t()}
    torch.save(empty, path("empty.bin"))
    torch.save(empty, path("legacy-empty.bin"), **old)
    torch.save({k: torch.nn.Parameter(v) for k, v in state.items()}, path("parameters.bin"))
    torch.save({"epoch": 3, "loss": 0.5, "name": "x", "betas": [0.9, 0.999], "done": None, "state_dict": state},
               path("nested.bin"))
    torch.save(state, path("protocol4.bin"), pickle_protocol=4)
    torch.save({"a": {"b": torch.zeros(2)}}, path("no-state.bin"))
    torch.save({"model": state, "model_ema": state}, path("two-states.bin"))
    torch.save(torch.nn.Linear(2, 2), path("module.bin"))
    torch.save({"w": torch.complex(torch.ones(3), torch.ones(3)).conj().imag}, path("negated.bin"))
    names = list(state)
    files = {"pytorch_model-00001-of-00002.bin": names[:9], "pytorch_model-00002-of-00002.bin": names[9:]}
    for file, part in files.items():
        torch.save({k: state[k] for k in part}, path(file))
    with open(path("pytorch_model.bin.index.json"), "w", encoding="utf-8") as f:
        json.dump({"metadata": {}, "weight_map": {k: file for file, part in files.items() for k in part}}, f, indent=1)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
