#!/usr/bin/env python3
"""Compares Tern's ids, types and spans with those of Hugging Face's tokenizers, line by line.

usage: compare.py DRIVER LINES TOKENIZER...     (needs tokenizers)

DRIVER is a built tests/tokenize_lines.c. LINES has texts in UTF-8, one a line; what is not UTF-8 in it is replaced. A
TOKENIZER is a tokenizer.json or a folder that has one. Each line is compared by its ids; every fifth one together with
the next as a pair, by ids and types; and every tenth one by its spans as well. Prints a line a tokenizer and the first
differences; the exit status is 1 if there are any.
"""
import os
import subprocess
import sys

from tokenizers import Tokenizer

BATCH = 2000


def escape(text):
    for char, name in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\0", "\\0")):
        text = text.replace(char, name)
    return text


def spans(encoding, texts):
    """Bytes of each token; Hugging Face counts characters."""
    starts = []
    for text in texts:
        at, own = 0, [0]
        for char in text:
            at += len(char.encode("utf-8"))
            own.append(at)
        starts.append(own)
    parts = []
    for (start, end), source in zip(encoding.offsets, encoding.sequence_ids):
        parts.append("0,0,-1" if source is None else f"{starts[source][start]},{starts[source][end]},{source}")
    return " ".join(parts)


def ours(driver, path, texts, with_spans):
    lines = "".join("\t".join(map(escape, text)) + "\n" for text in texts)
    command = [driver] + (["--spans"] if with_spans else []) + [path]
    run = subprocess.run(command, input=lines.encode("utf-8"), capture_output=True, check=False)
    if run.returncode:
        sys.exit(f"{path}: {run.stderr.decode()}")
    return run.stdout.decode("utf-8").split("\n")[:-1]


def theirs(tokenizer, texts, with_spans):
    for i in range(0, len(texts), BATCH):
        batch = texts[i:i + BATCH]
        pair = len(batch[0]) == 2
        for text, encoding in zip(batch, tokenizer.encode_batch(batch if pair else [t[0] for t in batch])):
            line = " ".join(map(str, encoding.ids))
            if pair:
                line += "".join(f"{' ' if k else ' | '}{v}" for k, v in enumerate(encoding.type_ids))
            if with_spans and encoding.ids:
                line += " | " + spans(encoding, text)
            yield line


def compare(driver, path, tokenizer, texts, with_spans):
    found = ours(driver, path, texts, with_spans)
    different = abs(len(found) - len(texts))
    for text, a, b in zip(texts, found, theirs(tokenizer, texts, with_spans)):
        if a != b:
            different += 1
            if different <= 3:
                print(f"  {text!r:.300}\n    Tern {a:.300}\n    Hugging Face {b:.300}")
    return different


def main(driver, path, *tokenizers):
    with open(path, encoding="utf-8", errors="replace", newline="\n") as file:
        lines = file.read().split("\n")
    single = [(line,) for line in lines]
    pairs = [(lines[i], lines[i + 1]) for i in range(0, len(lines) - 1, 5)]
    failed = 0
    for name in tokenizers:
        tokenizer = Tokenizer.from_file(os.path.join(name, "tokenizer.json") if os.path.isdir(name) else name)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        counts = [compare(driver, name, tokenizer, single, False), compare(driver, name, tokenizer, single[::10], True),
                  compare(driver, name, tokenizer, pairs, False)]
        print(f"{name}: {len(single)} texts, {counts[0]} different; {len(single[::10])} with spans, {counts[1]}; "
              f"{len(pairs)} pairs, {counts[2]}", flush=True)
        failed |= sum(counts) > 0
    return failed


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
