#!/usr/bin/env python3
"""Packs a reference.jsonl, as the model's training wrote it, into the file that tests/test_golden.c reads.

usage: make_reference.py shared/models/sentiment-mini/reference.jsonl tests/golden/sentiment_reference.bin

Each line of the input holds one text of the SST-2 development set: "ids", its tokens; "logits" and "mean8", PyTorch's
float32 logits and the first eight values of the last hidden state's mean, one text at a time without padding.

The output, little-endian throughout:
    char magic[4] = "TRF1"
    int32 texts, labels, means, tokens
    uint16 length[texts]
    uint16 ids[tokens]              text after text
    float32 logits[texts][labels]
    float32 mean[texts][means]
"""
import json
import struct
import sys


def main(source, target):
    with open(source, encoding="utf-8") as lines:
        texts = [json.loads(line) for line in lines]
    ids = [i for t in texts for i in t["ids"]]
    labels, means = len(texts[0]["logits"]), len(texts[0]["mean8"])
    with open(target, "wb") as out:
        out.write(struct.pack("<4s4i", b"TRF1", len(texts), labels, means, len(ids)))
        out.write(struct.pack(f"<{len(texts)}H", *(len(t["ids"]) for t in texts)))
        out.write(struct.pack(f"<{len(ids)}H", *ids))
        for name, width in (("logits", labels), ("mean8", means)):
            for t in texts:
                out.write(struct.pack(f"<{width}f", *t[name]))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
