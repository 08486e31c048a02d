"""Matrices as products of two of low rank: X becomes X.0 (no bias) and X.1, as nn.Sequential names them."""
import os

import torch
from torch import nn

from folder import fail
from layout import Layout


def replace(place, rank, weights=None):
    """`weights`: the pair's; without, the best of that rank (singular values)."""
    old = getattr(*place)
    pair = nn.Sequential(nn.Linear(old.in_features, rank, bias=False), nn.Linear(rank, old.out_features))
    with torch.no_grad():
        if weights is None:
            u, s, v = torch.linalg.svd(old.weight, full_matrices=False)
            root = s[:rank].sqrt()
            weights = (root[:, None] * v[:rank], u[:, :rank] * root, old.bias)
        for parameter, value in zip((pair[0].weight, pair[1].weight, pair[1].bias), weights):
            parameter.copy_(value)
    setattr(*place, pair)


def places_of(checkpoint):
    """(name, place) of the layers' matrices."""
    names = {id(m): name for name, m in checkpoint.model.named_modules()}
    return [(names[id(getattr(*place))], place) for layer in Layout(checkpoint).layers
            for _, _, places in layer.inputs for place in places]


def factor(checkpoint, part):
    """Each matrix [n, k] becomes a pair that has `part` of its numbers."""
    for name, place in places_of(checkpoint):
        matrix = getattr(*place)
        if not isinstance(matrix, nn.Linear):
            fail(f"{name} is a pair already; factor the checkpoint from before")
        n, k = matrix.weight.shape
        rank = int(part * n * k / (n + k))
        if rank < 1:
            fail(f"--low-rank {part}: leaves {name} [{n}, {k}] no rank; take a larger part")
        replace(place, rank)


def read_pairs(checkpoint):
    """Pairs of a folder that has some. transformers, which knows none, left these matrices as they were made."""
    from safetensors import safe_open
    path = os.path.join(checkpoint.folder, "model.safetensors")
    if not os.path.exists(path):
        return
    with safe_open(path, "pt") as f:
        found = set(f.keys())
        for name, place in places_of(checkpoint):
            if f"{name}.0.weight" in found and f"{name}.1.weight" in found:
                weights = [f.get_tensor(f"{name}.{end}") for end in ("0.weight", "1.weight", "1.bias")]
                replace(place, weights[0].shape[0], weights)
