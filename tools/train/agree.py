#!/usr/bin/env python3
"""Whether the tern program and PyTorch say the same of a model that a recipe wrote: agree.py OUT TEXTS. Converts OUT as
it is, with the arithmetic of grid.py on the other side; exit code 1 where less than 99 % of labels are equal, or a mean
cosine of vectors is below 0.999."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import torch

import data
import folder
import grid
import losses
from task import in_batches


def by_tern(tern, command, model, texts):
    done = subprocess.run([tern, command, model, "--json", "-"], input="\n".join(texts) + "\n", capture_output=True,
                          text=True, check=False)
    if done.returncode:
        folder.fail(f"tern {command}: {grid.last_line(done.stderr)}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("checkpoint")
    p.add_argument("texts", help="a text in each line, or with --text-column a table")
    p.add_argument("--text-column")
    p.add_argument("--most", type=int, default=1000, help="texts that are looked at")
    p.add_argument("--max-tokens", type=int, default=128, help="longer texts are left out")
    p.add_argument("--tern")
    args = p.parse_args()
    torch.set_num_threads(1)
    heads = folder.read_json(os.path.join(args.checkpoint, "config.json")).get("architectures") or [""]
    if (heads[0] or "").endswith("ForTokenClassification"):
        folder.fail(f"{args.checkpoint}: labels tokens; agree.py compares labels of texts, and vectors")
    task = "classify" if heads[0].endswith("ForSequenceClassification") else "embed"
    checkpoint = folder.open_checkpoint(args.checkpoint, task)
    quantised = grid.load(checkpoint)
    checkpoint.model.eval()
    if args.text_column:
        texts = [r[0] for r in data.pick(args.texts, data.read_rows(args.texts), [args.text_column])]
    else:
        texts = data.read_lines(args.texts)
    texts = [t.strip() for t in texts if t.strip()][:args.most]
    items = data.tokenize(checkpoint.tokenizer, [(t,) for t in texts], args.max_tokens + 1)
    short = [i for i, (ids, _) in enumerate(items) if len(ids) <= args.max_tokens]
    texts, items = [texts[i] for i in short], [items[i] for i in short]
    with torch.no_grad():
        ours = in_batches(losses.Watched(checkpoint, quantised.layout), items, "cpu")
    tern = grid.find_tern(args.tern)
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "m.tern")
        done = subprocess.run([tern, "convert", args.checkpoint, "-o", path], capture_output=True, text=True,
                              check=False)
        if done.returncode:
            folder.fail(f"tern convert: {grid.last_line(done.stderr)}")
        if task == "classify":
            labels = [max(x["scores"], key=x["scores"].get) for x in by_tern(tern, "classify", path, texts)]
            named = checkpoint.labels()
            share = sum(named[int(row.argmax())] == label for row, label in zip(ours, labels)) / len(texts)
            print(f"{share * 100:.2f} % of {len(texts)} labels agree")
            sys.exit(share < 0.99)
        theirs = torch.tensor([x["embedding"] for x in by_tern(tern, "embed", path, texts)])
    cosines = torch.nn.functional.cosine_similarity(ours, theirs)
    print(f"cosine {float(cosines.mean()):.6f} on average, at least {float(cosines.min()):.6f}, of {len(texts)} texts")
    sys.exit(float(cosines.mean()) < 0.999)


if __name__ == "__main__":
    folder.run(main)
