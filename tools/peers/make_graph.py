#!/usr/bin/env python3
"""Write the ONNX graphs that tern is compared with: an encoder of a named shape, seeded weights.

Seeded weights time the same as trained ones, and neither PyTorch nor a checkpoint is needed. The operators are those
that ONNX Runtime's own tools leave behind (its transformer optimiser, then quantize_dynamic with per_channel=True).
They leave a choice of several, which differ in speed, hence two forms:

  fast   the fastest found: MultiHeadAttention over three products that share one DynamicQuantizeLinear, biases inside
         the products, Gelu, Add + LayerNormalization. Run it at optimisation level `basic`: from `extended` on, ONNX
         Runtime fuses Add + LayerNormalization into SkipLayerNormalization, which is several times slower on CPUs.
  tools  what the tools write by default: Attention (QAttention), BiasGelu, SkipLayerNormalization. Level `all`.

The options after --form replace one choice each, for whoever doubts the default; README.md has the figures.
fp32 and int8 of one form come from the same seed, so their outputs agree up to quantisation: compare.mjs checks it.
"""
import argparse
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# name: layers, hidden, heads, ffn, token types. The names and shapes of `tern bench --shape`.
SHAPES = {
    "distilbert": (6, 768, 12, 3072, 0),
    "minilm-l6": (6, 384, 12, 1536, 2),
    "bert-base": (12, 768, 12, 3072, 2),
    "bge-small": (12, 384, 12, 1536, 2),
    "bert-mini": (4, 256, 4, 1024, 2),
    "tinybert-4l": (4, 312, 12, 1200, 2),
}
VOCAB, POSITIONS, EPSILON = 30522, 512, 1e-12
FORMS = {
    "fast": {"attention": "mha", "gelu": "plain", "norm": "layer"},
    "tools": {"attention": "fused", "gelu": "bias", "norm": "skip"},
}
MS = "com.microsoft"


class Graph:
    """Nodes and initialisers under construction; a method that adds a node returns the name of its output."""

    def __init__(self, args):
        self.args, self.int8, self.int4 = args, args.precision == "int8", args.precision == "int4"
        self.nodes, self.inits, self.tensors = [], [], 0
        self.quantised = {}
        self.rng = np.random.default_rng(args.seed)

    def const(self, array):
        name = "c%d" % len(self.inits)
        self.inits.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, op, inputs, outputs=1, domain="", **attributes):
        names = ["t%d" % (self.tensors + i) for i in range(outputs)]
        self.tensors += outputs
        self.nodes.append(helper.make_node(op, inputs, names, name=op + "_" + names[0], domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def normal(self, *shape):
        """BERT is initialised with sd 0.02; trained biases are of about that size too."""
        return self.rng.standard_normal(shape, dtype=np.float32) * np.float32(0.02)

    def norm_params(self, width):
        return [self.const(1 + self.normal(width)), self.const(self.normal(width))]

    def int8_weight(self, w):
        """Symmetric, one scale per column, zero points spelled out: as quantize_dynamic writes QInt8 weights."""
        scale = np.abs(w).max(axis=0) / np.float32(127)
        q = np.clip(np.rint(w / scale), -127, 127).astype(np.int8)
        return self.const(q), self.const(scale.astype(np.float32)), self.const(np.zeros(w.shape[1], np.int8))

    def int4_product(self, x, w, bias):
        """MatMulNBits as MatMulNBitsQuantizer writes it: blocks of 32 inputs, symmetric around 8, activations to int8
        (accuracy level 4)."""
        (k, n), block = w.shape, 32
        groups = w.T.reshape(n, k // block, block)
        at = np.abs(groups).argmax(axis=2, keepdims=True)
        scale = np.take_along_axis(groups, at, axis=2) / np.float32(-8)
        q = np.clip(np.rint(groups / scale) + 8, 0, 15).astype(np.uint8)
        packed = (q[:, :, 0::2] | q[:, :, 1::2] << 4).astype(np.uint8)
        inputs = [x, self.const(packed), self.const(scale.reshape(-1).astype(np.float32))]
        inputs += [] if bias is None else ["", "", self.const(bias)]
        return self.node("MatMulNBits", inputs, domain=MS, K=k, N=n, bits=4, block_size=block, accuracy_level=4)

    def quantise(self, x):
        if x not in self.quantised:
            self.quantised[x] = self.node("DynamicQuantizeLinear", [x], 3)
        return self.quantised[x]

    def linear(self, x, w, bias=None, shared=False):
        """x * w (+ bias); `shared` says that other products read the same x, which is then quantised once."""
        if self.int4:
            return self.int4_product(x, w, bias)
        b = [] if bias is None else [self.const(bias)]
        if not self.int8:
            y = self.node("MatMul", [x, self.const(w)])
            return self.node("Add", [y] + b) if b else y
        q, scale, zero = self.int8_weight(w)
        if self.args.linear == "each" or (self.args.linear == "auto" and not shared):
            return self.node("DynamicQuantizeMatMul", [x, q, scale, zero] + b, domain=MS)
        xq, xs, xz = self.quantise(x)
        return self.node("MatMulIntegerToFloat", [xq, q, xs, scale, xz, zero] + b, domain=MS)

    def fused_attention(self, x, w, bias, heads, mask):
        """The operators that hold the three projections as well."""
        if not self.int8:
            return self.node("Attention", [x, self.const(w), self.const(bias), mask], domain=MS, num_heads=heads)
        q, scale, zero = self.int8_weight(w)
        xq, xs, xz = self.quantise(x)
        inputs = [xq, q, self.const(bias), xs, scale, mask, xz, zero]
        return self.node("QAttention", inputs, domain=MS, num_heads=heads)

    def multi_head_attention(self, x, w, bias, heads, mask):
        """The projections outside it: three products, or one product split in three."""
        if self.args.attention == "mha-split":
            qkv = self.node("Split", [self.linear(x, w, bias)], 3, axis=2)
        else:
            parts = zip(np.split(w, 3, axis=1), np.split(bias, 3))
            qkv = [self.linear(x, part, part_bias, shared=True) for part, part_bias in parts]
        return self.node("MultiHeadAttention", qkv + (["", mask] if mask else []), domain=MS, num_heads=heads)

    def add_and_norm(self, x, skip, w):
        """LayerNorm(x * w + bias + skip). SkipLayerNormalization takes the bias, else the product does."""
        bias = self.normal(w.shape[1])
        params = self.norm_params(w.shape[1])
        if self.args.norm == "skip":
            inputs = [self.linear(x, w), skip] + params + [self.const(bias)]
            return self.node("SkipLayerNormalization", inputs, domain=MS, epsilon=EPSILON)
        y = self.node("Add", [self.linear(x, w, bias), skip])
        return self.node("LayerNormalization", [y] + params, epsilon=EPSILON)

    def gelu_of(self, x, w):
        bias = self.normal(w.shape[1])
        if self.args.gelu == "plain":
            return self.node("Gelu", [self.linear(x, w, bias)], domain=MS)
        op = {"bias": "BiasGelu", "tanh": "FastGelu"}[self.args.gelu]
        return self.node(op, [self.linear(x, w), self.const(bias)], domain=MS)

    def layer(self, x, hidden, heads, ffn, mask):
        attention = self.fused_attention if self.args.attention == "fused" else self.multi_head_attention
        context = attention(x, self.normal(hidden, 3 * hidden), self.normal(3 * hidden), heads, mask)
        x = self.add_and_norm(context, x, self.normal(hidden, hidden))
        y = self.gelu_of(x, self.normal(hidden, ffn))
        return self.add_and_norm(y, x, self.normal(ffn, hidden))


def build(args):
    layers, hidden, heads, ffn, types = SHAPES[args.shape]
    g = Graph(args)
    inputs = ["input_ids"] + (["token_type_ids"] if types else [])
    embed = ["input_ids", "token_type_ids" if types else "", g.const(g.normal(VOCAB, hidden)),
             g.const(g.normal(POSITIONS, hidden)), g.const(g.normal(types, hidden)) if types else ""]
    embed += g.norm_params(hidden)
    if args.mask:
        inputs.append("attention_mask")
        embed.append("attention_mask")
    x, lengths = g.node("EmbedLayerNormalization", embed, 2, domain=MS, epsilon=EPSILON)
    for _ in range(layers):
        x = g.layer(x, hidden, heads, ffn, lengths if args.mask else "")
    g.nodes[-1].output[0] = "last_hidden_state"

    graph = helper.make_graph(
        g.nodes, args.shape,
        [helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "seq"]) for name in inputs],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "seq", hidden])],
        g.inits)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MS, 1)]
    # IR version 8 belongs to opset 17; a newer onnx package would otherwise stamp one that ONNX Runtime may refuse.
    return helper.make_model(graph, opset_imports=opsets, producer_name="tern-peers", ir_version=8)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--shape", default="distilbert", choices=sorted(SHAPES))
    p.add_argument("--precision", default="int8", choices=["fp32", "int8", "int4"])
    p.add_argument("--out", required=True, help="the .onnx file to write")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--mask", action="store_true", help="take attention_mask; without it every text has full length")
    p.add_argument("--form", default="fast", choices=sorted(FORMS))
    p.add_argument("--attention", choices=["mha", "mha-split", "fused"])
    p.add_argument("--gelu", choices=["plain", "bias", "tanh"])
    p.add_argument("--norm", choices=["layer", "skip"])
    p.add_argument("--linear", default="auto", choices=["auto", "each", "shared"],
                   help="quantise activations in each product, or once per tensor (auto: once where it has readers)")
    args = p.parse_args()
    for key, value in FORMS[args.form].items():
        if getattr(args, key) is None:
            setattr(args, key, value)

    os.makedirs(os.path.dirname(args.out) or ".", exist_ok=True)
    # Written aside and renamed, so that an interrupted run leaves no half graph for the next one to trust.
    onnx.save(build(args), args.out + ".part")
    os.replace(args.out + ".part", args.out)
    print("%s: %.1f MB" % (args.out, os.path.getsize(args.out) / 1e6), file=sys.stderr)


if __name__ == "__main__":
    main()
