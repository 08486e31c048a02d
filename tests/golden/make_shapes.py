#!/usr/bin/env python3
"""Writes checkpoints of shapes that pruning, search and training leave into tests/golden/zoo, as make_zoo.py does.

make_shapes.py [NAME...]   needs torch, transformers and safetensors

The modules that transformers has not are written out here, from their papers' formulas.
"""
import json
import os
import sys

import torch
import transformers as tf
from safetensors.torch import save_file
from torch import nn

from make_zoo import BERT, HERE, HIDDEN, LENGTHS, VOCAB, answer, draw


def pair(linear, rank, name, bias=False):
    """Two matrices in place of one, called as a tool calls them."""
    n, k = linear.weight.shape
    first, second = nn.Linear(k, rank, bias=bias), nn.Linear(rank, n)
    if name == "sequential":
        return nn.Sequential(first, second)
    module = nn.Module()
    if name == "led":
        module.led_unit = nn.Sequential(first, second)
        module.forward = lambda x: module.led_unit(x)
    else:
        module.BLinear, module.ALinear = first, second
        module.forward = lambda x: second(first(x))
    return module


def low_rank(config):
    """Pairs of all spellings; one of them, of a rank too high to pay, is to be multiplied out."""
    model = tf.BertForSequenceClassification(config)
    one, two = model.bert.encoder.layer
    one.attention.self.query = pair(one.attention.self.query, 7, "sequential", bias=True)
    one.attention.self.value = pair(one.attention.self.value, 5, "led")
    one.attention.output.dense = pair(one.attention.output.dense, 9, "asvd")
    one.intermediate.dense = pair(one.intermediate.dense, 10, "sequential")
    one.output.dense = pair(one.output.dense, 6, "sequential", bias=True)
    two.attention.self.key = pair(two.attention.self.key, 20, "sequential", bias=True)
    two.output.dense = pair(two.output.dense, 11, "led")
    return model


class RMS(nn.Module):
    def __init__(self, n, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(n)), eps

    def forward(self, x):
        return self.weight * x / (x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt()


def sub_norms(config):
    """Norms in front of o_proj and down_proj, where transformers' BitNet has them and as it calls them."""
    model = tf.EuroBertModel(config)
    for layer in model.layers:
        layer.self_attn.attn_sub_norm = RMS(HIDDEN, config.rms_norm_eps)
        layer.mlp.ffn_sub_norm = RMS(config.intermediate_size, config.rms_norm_eps)
        for norm, linear in ((layer.self_attn.attn_sub_norm, layer.self_attn.o_proj),
                             (layer.mlp.ffn_sub_norm, layer.mlp.down_proj)):
            linear.register_forward_pre_hook(lambda module, x, norm=norm: (norm(x[0]),))
    return model


class Quantizable(nn.Module):
    """Attention of Quantizable Transformers (Bondarenko et al. 2023): clip((eta - gamma) softmax + gamma, 0, 1), and a
    gate of the head (fixed), or of the token by its part of the input (list) or by all of it, over `divided`."""

    def __init__(self, config, gate, gamma, eta, divided=1):
        super().__init__()
        self.heads, self.gamma, self.eta, self.divided = config.num_attention_heads, gamma, eta, divided
        self.query, self.key, self.value = (nn.Linear(HIDDEN, HIDDEN) for _ in range(3))
        if gate == "fixed":
            self.alpha = nn.Parameter(torch.zeros(self.heads))
        elif gate == "list":
            self.alpha = nn.ModuleList(nn.Linear(HIDDEN // self.heads, 1) for _ in range(self.heads))
        else:
            self.alpha = nn.Linear(HIDDEN, self.heads)

    def gates(self, x):
        if isinstance(self.alpha, nn.Parameter):
            return self.alpha.expand(*x.shape[:2], -1)
        if isinstance(self.alpha, nn.Linear):
            return self.alpha(x)
        return torch.cat([a(part) for a, part in zip(self.alpha, x.split(HIDDEN // self.heads, -1))], -1)

    def forward(self, x, *ignored, **more):
        q, k, v = (m(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for m in (self.query, self.key, self.value))
        p = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)
        p = (p * (self.eta - self.gamma) + self.gamma).clip(0, 1)
        gate = self.gates(x).sigmoid().unsqueeze(-1) / self.divided
        return ((p @ v).transpose(1, 2) * gate).flatten(2), p


def quantizable(*how):
    def build(config):
        model = tf.BertForSequenceClassification(config)
        for layer in model.bert.encoder.layer:
            layer.attention.self = Quantizable(config, *how)
        return model

    return build


FIRST = 18  # neurons of the model within "nested", which is stored whole


def first_neurons(model):
    for layer in model.bert.encoder.layer:
        up, down = layer.intermediate.dense, layer.output.dense
        up.weight, up.bias = nn.Parameter(up.weight[:FIRST]), nn.Parameter(up.bias[:FIRST])
        down.weight = nn.Parameter(down.weight[:, :FIRST])


# name: kind, what makes the model, configuration class, numbers, keys added to config.json
SHAPES = {
    "low-rank": ("classify", low_rank, tf.BertConfig, dict(BERT, num_labels=3), {}),
    "clipped-gated": (
        "classify", quantizable("list", -0.025, 1.0, 0.5), tf.BertConfig, dict(BERT, num_labels=2),
        dict(attn_gate_type="conditional_per_token", attn_gate_init=0.5, fine_tuning=True, alpha=1.2, max_seq_length=48),
    ),
    "clipped-fixed": (
        "classify", quantizable("fixed", -0.1, 1.1), tf.BertConfig, dict(BERT, num_labels=2),
        dict(attn_gate_type="unconditional_per_head", attn_softmax="clipped(-.1:1.1)"),
    ),
    "gated-all": (
        "classify", quantizable("all", 0, 1), tf.BertConfig, dict(BERT, num_labels=2),
        dict(attn_gate_type="conditional_per_token"),
    ),
    "nested": ("classify", tf.BertForSequenceClassification, tf.BertConfig, dict(BERT, num_labels=3), {}),
    "sub-norms": ("embed", sub_norms, tf.EuroBertConfig, dict(BERT, num_key_value_heads=1, pad_token_id=0), {}),
}


def make(name, seed):
    kind, build, config, numbers, keys = SHAPES[name]
    config = config(**{"pad_token_id": 0, **numbers})
    config._attn_implementation = "eager"
    model = build(config).eval()
    draw(model, seed)
    to = os.path.join(HERE, name)
    os.makedirs(to, exist_ok=True)
    save_file({k: v.half().contiguous() for k, v in model.state_dict().items() if v.is_floating_point()},
              os.path.join(to, "model.safetensors"))
    written = json.loads(config.to_json_string())
    written.update(architectures=[type(model).__name__], **keys)
    with open(os.path.join(to, "config.json"), "w") as f:
        json.dump(written, f, indent=1)
        f.write("\n")
    random = torch.Generator().manual_seed(seed)
    if name == "nested":
        first_neurons(model)
    ids = [[2] + torch.randint(5, VOCAB, (n - 2,), generator=random).tolist() + [3] for n in LENGTHS]
    two = getattr(config, "type_vocab_size", 1) == 2
    types = [[0] * (n - n // 3) + [1] * (n // 3) for n in LENGTHS] if two else None
    answers = [answer(model, kind, ids[i], types[i] if types else None) for i in range(len(ids))]
    with open(os.path.join(to, "expected.json"), "w") as f:
        expected = dict(kind=kind, ids=ids, types=types, answers=[[float(f"{x:.6g}") for x in a] for a in answers])
        json.dump({**expected, **({"ffn_width": FIRST} if name == "nested" else {})}, f)
        f.write("\n")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    for number, name in enumerate(SHAPES):
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            make(name, 300 + number)
