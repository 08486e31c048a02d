#!/usr/bin/env python3
"""Takes rows out of a sentence embedder that its texts never read, without training: positions beyond its longest text,
types beyond the first, the pooler where vectors are means or [CLS] rows. All else stays, tern_grid.json too:
trim.py FOLDER -o OUT --positions 256
"""
import argparse
import json
import os
import shutil

import folder
from folder import fail

# The tables' names end so in the BERT family.
POSITIONS, TYPES, POOLER = "embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight", "pooler."


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("folder")
    p.add_argument("-o", "--out", required=True)
    p.add_argument("--positions", type=int, required=True, help="tokens of the longest text, special ones included")
    return p.parse_args()


def trimmed(tensors, count):
    """The tensors that stay, and how many rows the tables of positions and types have then."""
    out = {}
    for name, tensor in tensors.items():
        if name.startswith(POOLER) or f".{POOLER}" in name:
            continue
        rows = count if name.endswith(POSITIONS) else 1 if name.endswith(TYPES) else len(tensor)
        if rows > len(tensor):
            fail(f"--positions {count}: {name} has {len(tensor)}")
        out[name] = tensor[:rows].clone()
    return out


def limited(root, count):
    """Files that name the longest text, with the new limit where theirs is longer."""
    for name, key in folder.LIMITS:
        path = os.path.join(root, name)
        if os.path.exists(path):
            content = folder.read_json(path)
            if content.get(key) and content[key] > count:
                yield path, {**content, key: count}


def main():
    args = arguments()
    from safetensors.torch import load_file, save_file
    config = folder.read_json(os.path.join(args.folder, "config.json"))
    if config.get("model_type") != "bert" or not os.path.exists(os.path.join(args.folder, "modules.json")):
        fail(f"{args.folder}: is no sentence embedder of the family bert, which trim.py knows")
    folder.read_pooling(args.folder)
    if os.path.exists(args.out):
        fail(f"{args.out}: exists already; remove it, or choose another name")
    tensors = trimmed(load_file(os.path.join(args.folder, "model.safetensors")), args.positions)
    temporary = args.out.rstrip("/") + ".part"
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(args.folder, temporary)
    save_file(tensors, os.path.join(temporary, "model.safetensors"), {"format": "pt"})
    changed = list(limited(temporary, args.positions))
    changed.append((os.path.join(temporary, "config.json"),
                    {**config, "max_position_embeddings": args.positions, "type_vocab_size": 1}))
    for path, content in changed:
        with open(path, "w", encoding="utf-8") as f:
            json.dump(content, f, indent=2)
    os.rename(temporary, args.out)
    print(args.out)


if __name__ == "__main__":
    folder.run(main)
