#!/usr/bin/env python3
"""What PyTorch's BERT makes of tests/golden/cases/37-pruned-heads, on standard output, for tests/test_pruned_heads.c.

usage: make_pruned_heads.py tests/golden/cases/37-pruned-heads > tests/golden/pruned_heads.h

transformers 5 no longer prunes heads: the cut heads are put back with weights of zero, which adds nothing to the
layer's output, and the whole model is run. Prints the ids of a text and the mean of the last hidden states.
"""
import json
import os
import sys

import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertModel

IDS = [2, 104, 105, 106, 107, 23, 31, 3]


def main(folder):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
        settings = json.load(f)
    pruned = {int(layer): heads for layer, heads in settings.pop("pruned_heads").items()}
    config = BertConfig(**settings)
    state = load_file(os.path.join(folder, "model.safetensors"))
    size = config.hidden_size // config.num_attention_heads
    for layer, heads in pruned.items():
        kept = [h for h in range(config.num_attention_heads) if h not in heads]
        rows = torch.cat([torch.arange(h * size, (h + 1) * size) for h in kept])
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            key = f"encoder.layer.{layer}.attention.{name}"
            columns = name == "output.dense"
            whole = torch.zeros(config.hidden_size, config.hidden_size)
            (whole.t() if columns else whole)[rows] = state[key + ".weight"].t() if columns else state[key + ".weight"]
            state[key + ".weight"] = whole
            if not columns:
                bias = torch.zeros(config.hidden_size)
                bias[rows] = state[key + ".bias"]
                state[key + ".bias"] = bias
    model = BertModel(config)
    model.load_state_dict(state)
    with torch.no_grad():
        mean = model.eval()(torch.tensor([IDS])).last_hidden_state[0].mean(0)
    print("/* Printed by tests/golden/make_pruned_heads.py. */")
    print(f"static const int32_t pruned_ids[{len(IDS)}] = {{{', '.join(map(str, IDS))}}};")
    print(f"static const float pruned_mean[{len(mean)}] = {{")
    for i in range(0, len(mean), 8):
        print("    " + " ".join(f"{x:.9g}f," for x in mean[i:i + 8].tolist()))
    print("};")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
