#!/usr/bin/env python3
"""Compares the speed of Tern's tokenizer with that of Hugging Face's tokenizers, each on one thread, in turns.

usage: speed.py DRIVER TEXTS TOKENIZER...     (needs tokenizers)

DRIVER is a built tests/tokenize_lines.c, TEXTS a file of paragraphs with blank lines between them. Prints the median of
five turns in MB for each second of the processor, Hugging Face's of encode_batch and of encode_batch_fast, which leaves the spans out as Tern does here.
"""
import os
import statistics
import subprocess
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer


def main(driver, path, *tokenizers):
    with open(path, encoding="utf-8", errors="replace") as file:
        texts = [" ".join(p.split("\n")) for p in file.read().split("\n\n") if p.strip()]
    lines = "".join(t.replace("\\", "\\\\").replace("\t", "\\t") + "\n" for t in texts).encode()
    size = sum(len(t.encode()) for t in texts)
    for name in tokenizers:
        made = Tokenizer.from_file(os.path.join(name, "tokenizer.json") if os.path.isdir(name) else name)
        made.no_truncation()
        made.no_padding()
        speeds = [], [], []
        for _ in range(5):
            run = subprocess.run([driver, "--time", name], input=lines, capture_output=True, check=True)
            total, seconds = run.stdout.split()
            speeds[0].append(int(total) / float(seconds))
            for k, encode in ((1, made.encode_batch), (2, made.encode_batch_fast)):
                start = time.process_time()
                encode(texts)
                speeds[k].append(size / (time.process_time() - start))
        ours, theirs, fast = (statistics.median(s) / 1e6 for s in speeds)
        print(f"{name}: Tern {ours:.1f} MB/s; Hugging Face {theirs:.2f}, fast {fast:.2f} MB/s; "
              f"{ours / theirs:.1f} and {ours / fast:.1f} times", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
