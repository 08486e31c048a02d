#!/usr/bin/env python3
"""A reader of .tern files in NumPy. It follows docs/format.md and shows how little a reader needs.

usage: read_tern.py MODEL.tern              lists the tensors
       read_tern.py MODEL.tern words        the word embeddings as floats
       read_tern.py MODEL.tern MATRIX N K   the weights of a dense int8 matrix, such as layer.0.attn_out 256 256
       read_tern.py MODEL.tern dense I      weights and bias of dense layer I behind the pooling
       read_tern.py MODEL.tern units N      the units of layer N's queries and keys, of linear attention with elu
"""
import json
import struct
import sys

import numpy as np

BOUNDS = {0: 127, 8: 63, 9: 31}  # the largest magnitudes of int8, int7 and int6, by their numbers
TYPES = {"I8": "i1", "U8": "u1", "I16": "<i2", "I32": "<i4", "F32": "<f4"}


class Model:
    def __init__(self, path):
        with open(path, "rb") as file:
            raw = file.read()
        end = 8 + struct.unpack("<Q", raw[:8])[0]
        self.tensors = json.loads(raw[8:end])
        self.metadata = self.tensors.pop("__metadata__")
        if self.metadata["tern.scheme"] not in ("1", "2", "3"):
            raise ValueError("the file has another version of the numbers")
        self.config = json.loads(self.metadata["tern.config"])
        self.data = raw[end:]

    def __getitem__(self, name):
        tensor = self.tensors[name]
        begin, end = tensor["data_offsets"]
        return np.frombuffer(self.data[begin:end], TYPES[tensor["dtype"]]).reshape(tensor["shape"])

    def values(self, name):
        """int8 [panels][k4][16][4]: the integers of a matrix. Only dense int8, int7 and int6 are read here."""
        param = self[name + ".param"]
        if param[4] not in BOUNDS or param[6]:
            raise ValueError(name + " is stored in codes or in blocks")
        weight = self[name + ".weight"]
        if np.abs(weight.astype(np.int16)).max() > BOUNDS[param[4]]:
            raise ValueError(name + " holds a weight beyond its format")
        return weight

    def integers(self, name, n, k):
        """The same as int8 [n][k], without repeated columns and what pads both."""
        panels = self.values(name)
        return panels.transpose(0, 2, 1, 3).reshape(panels.shape[0] * 16, -1)[:n, :k]

    def matrix(self, name, n, k):
        """Weights in units of the largest channel's scale, which a file stores only as a part of `kappa`."""
        left = self[name + ".left"][:n, None] if self[name + ".param"][9] else 0
        return self.integers(name, n, k) * (self[name + ".mul"][:n, None] / 32767) * 2.0**left

    def dense(self, i):
        """Weights and bias of dense layer i behind the pooling, as floats. It reads 2^-16, so that kappa tells its scale."""
        inputs = self.config["dense"][i - 1]["outputs"] if i else self.config["hidden"] * self.poolings()
        n, name = self.config["dense"][i]["outputs"], f"module.{i}.dense"
        mul, exp = (float(x) for x in self[name + ".param"][1:3])
        scale = mul * 2 ** -exp * 127 * 32767 / 32768 * 2**16
        return self.matrix(name, n, inputs) * scale, self[name + ".bias"][:n] / 2**16

    def slopes(self, i):
        """Of table i of positions, ALIBI's: what a step of distance takes from each head's scores."""
        pairs = self[f"positions.{i}.table.q"][: 2 * self.config["tables"][i]["heads"]].reshape(-1, 2).astype("f8")
        return pairs[:, 0] * 2.0 ** -pairs[:, 1] * np.log(2)

    def units(self, layer):
        """Of a layer with elu(x) + 1: the units of its queries and keys."""
        pairs = self[f"layer.{layer}.elu"][:8].reshape(-1, 2).astype("f8")
        return 2.0 ** pairs[0, 1] / pairs[0, 0], 2.0 ** pairs[2, 1] / pairs[2, 0]

    def poolings(self):
        """How many vectors of `hidden` numbers are joined."""
        return len(self.config["pooling"]) if isinstance(self.config["pooling"], list) else 1

    def word_values(self):
        return self["embed.word.q"]

    def words(self):
        """The word table as float [vocab][hidden]."""
        vocab, hidden = self.config["vocab"], self.config["hidden"]
        if self.config["layers"]:
            low, high = (int(x) & 0xFFFFFFFF for x in self["embed_norm.param"][:2])
            unit = (self.config["layer_norm_eps"] * hidden / (high << 32 | low)) ** 0.5 / 256  # / 256: of the sums
        else:
            unit = float(self["static"][0]) * 2.0 ** -int(self["static"][1])
        scale = self["embed.word.mul"][:vocab, None] * unit
        return self.word_values()[:vocab, :hidden] * scale * self["embed.column"][:hidden]


def main():
    model = Model(sys.argv[1])
    if len(sys.argv) == 2:
        for name in sorted(model.tensors):
            print(name, model.tensors[name]["dtype"], model.tensors[name]["shape"], model[name].nbytes)
    elif sys.argv[2] == "words":
        print(model.words())
    elif sys.argv[2] == "units":
        print(*model.units(int(sys.argv[3])))
    elif sys.argv[2] == "dense":
        print(*model.dense(int(sys.argv[3])))
    else:
        print(model.matrix(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))


if __name__ == "__main__":
    main()
