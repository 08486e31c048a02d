#!/usr/bin/env python3
"""Trains a checkpoint with Tern's quantisation in the forward pass, and writes one whose weights are on the grid that
`tern convert` keeps exactly: qat.py CHECKPOINT -o OUT --weights ternary --task classify --data train.tsv --dev dev.tsv
"""
import argparse
import os
import tempfile

import torch

import data
import folder
import grid
import layout
import loop
import losses
from folder import fail

# What each loss counts when --losses does not say: maps and outputs matter below 2 bits.
DEFAULTS = {"classify": {"logits": 1.0, "hidden": 1.0}, "embed": {"embedding": 10.0, "hidden": 1.0}}
LOW = {"outputs": 1.0, "maps": 1.0}


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("checkpoint")
    p.add_argument("-o", "--out", required=True)
    p.add_argument("--weights", choices=grid.WEIGHTS, required=True)
    p.add_argument("--embeddings", choices=grid.EMBEDDINGS, default="int8")
    p.add_argument("--group", choices=("32", "64", "128", "channel"), default="32",
                   help="int4: inputs of one multiplier")
    p.add_argument("--task", choices=("classify", "embed"), required=True)
    p.add_argument("--data", required=True, nargs="+", help="classify: a table; embed: a text in each line")
    p.add_argument("--dev", help="classify: a table; embed: an STS file (Spearman) or lines (cosine to the teacher)")
    p.add_argument("--text-column", default="sentence", help="name or number; two with a comma: pairs")
    p.add_argument("--label-column", default="label")
    p.add_argument("--teacher", help="a checkpoint, or none (labels alone); default: the one that is trained")
    p.add_argument("--losses", help="such as logits=1,hidden=1,outputs=1,maps=1,labels=0.5,embedding=10")
    p.add_argument("--intervene", type=float, nargs="?", const=0.3, default=0.0, metavar="PART",
                   help="teacher intervention: each layer reads the teacher's rows for this part of the steps")
    p.add_argument("--sub-norms", action="store_true", help="norms in front of attn_out and ffn_down, as BitNet has")
    p.add_argument("--outliers", choices=("auto", "off"), default="auto", help="repeated columns, by tern convert")
    p.add_argument("--tern", help="the tern program; default: the one that was built here")
    loop.add_arguments(p)
    return p.parse_args()


def weights_of(args):
    if not args.losses:
        low = LOW if args.weights in ("ternary", "binary") else {}
        return {**DEFAULTS[args.task], **low} if args.teacher != "none" else {"labels": 1.0}
    out = {}
    for item in args.losses.split(","):
        name, _, value = item.partition("=")
        if name not in ("logits", "hidden", "outputs", "maps", "labels", "embedding"):
            fail(f"--losses: '{name}' is unknown; logits, hidden, outputs, maps, labels and embedding are")
        out[name] = float(value or 1)
    return out


def open_teacher(args, student):
    """A float model to learn from; it must be as wide as what is compared."""
    if args.teacher == "none":
        return None
    teacher = folder.open_checkpoint(args.teacher or args.checkpoint, args.task)
    a, b = student.config, teacher.config
    sizes = ("num_hidden_layers", "hidden_size", "num_attention_heads")
    for name in sizes:
        if getattr(a, name) != getattr(b, name):
            fail(f"{teacher.folder}: {name} is {getattr(b, name)}, the student's {getattr(a, name)}; qat.py compares "
                 "layer by layer: take a teacher of the student's shape, or distil first")
    if args.task == "classify" and a.num_labels != b.num_labels:
        fail(f"{teacher.folder}: {b.num_labels} labels, the student has {a.num_labels}")
    for p in teacher.model.parameters():
        p.requires_grad_(False)
    teacher.model.eval().to(args.device)
    return losses.Watched(teacher)


def read_training(args, checkpoint):
    """(tokenised texts, targets or None)"""
    if args.task == "classify":
        rows = [r for path in args.data
                for r in data.read_table(path, args.text_column, args.label_column, checkpoint.labels())]
        texts, targets = [r[0] for r in rows], [r[1] for r in rows]
    else:
        texts, targets = [(t,) for path in args.data for t in data.read_lines(path) if t], None
    return data.tokenize(checkpoint.tokenizer, texts, args.max_tokens), targets


def in_batches(watched, items, device, size=32):
    """Logits or vectors of tokenised texts, in their order."""
    order = sorted(range(len(items)), key=lambda i: len(items[i][0]))
    out = [None] * len(items)
    for i in range(0, len(order), size):
        chosen = order[i:i + size]
        batch = data.collate(watched.checkpoint.tokenizer, [items[j] for j in chosen])
        given = watched.run({k: v.to(device) for k, v in batch.items()}).cpu()
        for j, row in zip(chosen, given):
            out[j] = row
    return torch.stack(out)


def validation(args, student, teacher):
    """A function that gives figures by name, or None."""
    if not args.dev:
        return None
    checkpoint = student.checkpoint
    def tokens(texts):
        return data.tokenize(checkpoint.tokenizer, texts, args.max_tokens)
    if args.task == "classify":
        rows = data.read_table(args.dev, args.text_column, args.label_column, checkpoint.labels())
        items, truth = tokens([r[0] for r in rows]), torch.tensor([r[1] for r in rows])
        return lambda: {"accuracy": float((in_batches(student, items, args.device).argmax(-1) == truth).float().mean())}
    if len(data.read_rows(args.dev)[0]) >= 7:
        from scipy.stats import spearmanr
        rows = data.read_sts(args.dev)
        first, second = (tokens([(r[0][side],) for r in rows]) for side in (0, 1))
        def spearman():
            a, b = in_batches(student, first, args.device), in_batches(student, second, args.device)
            return {"spearman": float(spearmanr((a * b).sum(-1).numpy(), [r[1] for r in rows])[0])}
        return spearman
    items = tokens([(t,) for t in data.read_lines(args.dev)])
    if not teacher:
        fail("--dev: lines are compared with the teacher's vectors, and there is no teacher")
    with torch.no_grad():
        taught = in_batches(teacher, items, args.device)
    return lambda: {"cosine": float((in_batches(student, items, args.device) * taught).sum(-1).mean())}


def find_copies(args, quantised):
    """Columns to repeat, as conversion would choose them of the checkpoint when nothing is trained yet."""
    with tempfile.TemporaryDirectory() as scratch:
        first = os.path.join(scratch, "first")
        folder.write_checkpoint(first, quantised.checkpoint, quantised.state())
        return grid.choose_copies(grid.find_tern(args.tern), first, args.weights, quantised.grid.group)


def main():
    args = arguments()
    run = loop.Run(args)
    checkpoint = folder.open_checkpoint(args.checkpoint, args.task)
    checkpoint.model.to(args.device)
    teacher = open_teacher(args, checkpoint)
    weights = weights_of(args)
    if args.intervene and not teacher:
        fail("--intervene: there is no teacher")
    items, targets = read_training(args, checkpoint)
    batches = data.Batches(checkpoint.tokenizer, items, targets, args.batch, args.seed)
    if args.sub_norms and not folder.has_sub_norms(args.checkpoint):
        layout.add_sub_norms(checkpoint)
        layout.settle_sub_norms(checkpoint, {k: v.to(args.device) for k, v in batches.at(0)[0].items()})
    quantised = grid.Quantised(checkpoint, grid.Grid(args.weights, args.embeddings,
                                                     0 if args.group == "channel" else int(args.group)))
    if args.outliers == "auto":
        quantised.repeat(run.remembered("copies.json", lambda: find_copies(args, quantised)))
    student = losses.Watched(checkpoint, quantised.layout)
    alone = {**weights, "logits": 0, "embedding": 0, "labels": 0}  # the heads wait while layers are taught apart
    if args.intervene and not any(alone.values()):
        fail("--intervene: layers learn from hidden, outputs or maps; --losses has none of these")

    def losses_of(step, batch, truth):
        apart = step < args.intervene * args.steps
        if not teacher:
            return {"labels": losses.labels_loss(student.run(batch), truth)}
        found, given = losses.distil(student, teacher, batch, alone if apart else weights, instead=apart)
        if weights.get("labels") and not apart:
            found["labels"] = weights["labels"] * losses.labels_loss(given, truth)
        return found

    loop.train(run, checkpoint.model, batches, losses_of, validation(args, student, teacher))
    files = {"tern_grid.json": quantised.grid.json(), **run.files()}
    folder.write_checkpoint(args.out, checkpoint, quantised.state(), files)
    run.finish()
    print(args.out)


if __name__ == "__main__":
    folder.run(main)
