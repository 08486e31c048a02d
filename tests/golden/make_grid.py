#!/usr/bin/env python3
"""Golden values for tests/test_grid_file.c, on standard output: matrices as tools/train/grid.py exports them behind a
LayerNorm, and what they are times gamma, in PyTorch. make_grid.py > grid.h"""
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "train"))
import grid  # noqa: E402

N, K = 3, 72
COPIES = [5, 5, 5, 40]


def show(name, values):
    print(f"static const float golden_{name}[] = {{")
    flat = values.flatten().tolist()
    for i in range(0, len(flat), 6):
        print("    " + " ".join(f"{x:.9e}f," for x in flat[i:i + 6]))
    print("};")


torch.manual_seed(5)
norm = torch.nn.LayerNorm(K)
norm.weight.data = torch.randn(K) * 0.3 + 0.8
norm.bias.data = torch.randn(K)
print("/* Written by tests/golden/make_grid.py. */\n// clang-format off")
print(f"enum {{ GOLDEN_N = {N}, GOLDEN_K = {K} }};")
print("static const uint16_t golden_copies[] = {" + ", ".join(map(str, COPIES)) + "};")
show("gamma", norm.weight)
for kind in ("int8", "int4"):
    matrix = grid.Linear(torch.nn.Linear(K, N), kind, norm)
    matrix.repeat(COPIES)
    show(f"{kind}_weight", matrix.exported()[0])
    show(f"{kind}_values", matrix.values(matrix.folded()[0].detach()))
