"""Attention as the recipes run it: exact or with Tern's int8, over all tokens, over a window, or linear in the text's
length. config.json says which in keys that transformers' classes do not read, but Tern does:

    "attention_window": 256        or a list with a number, or null for all tokens, for each layer: tokens on both sides
                                   together, as Longformer counts them
    "attention_kind": "linear", "feature_map": "elu" | "cosformer" | "relu"
"""
import math

import torch
from torch.nn import functional as F

from folder import fail

FEATURES = ("elu", "cosformer", "relu")
KEYS = ("attention_window", "attention_kind", "feature_map")
EPS = 1e-6


def features(x, kind, seen):
    """phi of queries or keys x[text][head][token][column]. `seen`[text][token] is 1 for tokens that are there."""
    if kind == "elu":
        return F.elu(x) + 1
    x = F.relu(x)
    if kind == "relu":
        return x
    # cosFormer (Qin et al. 2022): places from 1 on, over the text's own length.
    place = torch.arange(1, x.shape[2] + 1, device=x.device)[None, :] / seen.sum(1, keepdim=True).clamp_min(1)
    angle = (math.pi / 2 * place)[:, None, :, None]
    return torch.cat([x * torch.cos(angle), x * torch.sin(angle)], -1)


def linear(query, key, value, kind, seen):
    """phi(q) S / phi(q) z with S = sum of phi(k) v^T and z = sum of phi(k)."""
    q, k = features(query.float(), kind, seen), features(key.float(), kind, seen) * seen[:, None, :, None]
    total = torch.matmul(k.transpose(-1, -2), value.float())
    weight = torch.matmul(q, k.sum(2)[..., None])
    return torch.matmul(q, total) / weight.clamp_min(EPS)


def outside(count, window, device):
    """What is added to scores: tokens that are more than half a window away are not seen."""
    place = torch.arange(count, device=device)
    far = (place[:, None] - place[None, :]).abs() > window // 2
    return torch.zeros(count, count, device=device).masked_fill_(far, torch.finfo(torch.float32).min)


def seen_tokens(key, mask):
    """1 for tokens that are there, [text][token]."""
    return torch.ones_like(key[:, 0, :, 0]) if mask is None else (mask[:, 0].amax(1) >= 0).float()


def set_mixers(model, layers):
    """Attention of `layers` (layout.Layer) as the model's config says it."""
    config = model.config
    kind, window = getattr(config, "attention_kind", None) or "softmax", getattr(config, "attention_window", None)
    kinds, feature = kind if isinstance(kind, list) else [kind] * len(layers), getattr(config, "feature_map", None)
    if len(kinds) != len(layers) or not set(kinds) <= {"softmax", "linear"}:
        fail(f"config.json: attention_kind '{kind}'; softmax and linear are known, or one of them for each layer")
    if "linear" in kinds and feature not in FEATURES:
        fail(f"config.json: feature_map '{feature}'; {', '.join(FEATURES)} are known")
    windows = window if isinstance(window, list) else [window] * len(layers)
    if len(windows) != len(layers) or any(w for k, w in zip(kinds, windows) if k == "linear"):
        fail("config.json: attention_window has a number for each layer, and none with linear attention")
    for layer, kind, own in zip(layers, kinds, windows):
        layer.attention.feature_map = feature if kind == "linear" else None
        layer.attention.window = own
