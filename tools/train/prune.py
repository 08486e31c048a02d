#!/usr/bin/env python3
"""Prunes a checkpoint step by step while it learns from what it was: prune.py CHECKPOINT -o OUT --blocks 16x4
--sparsity 0.8 --task classify --data train.tsv --dev dev.tsv. Blocks of weights become exactly zero, which `tern
convert --sparse` stores as such; heads, feed-forward rows and layers are taken out before training."""
import argparse

from torch import nn

import blocks
import data
import folder
import layout
import loop
import losses
import smaller
import task
from folder import fail


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("checkpoint")
    p.add_argument("-o", "--out", required=True)
    p.add_argument("--blocks", choices=list(blocks.SHAPES), help="outputs x inputs")
    p.add_argument("--sparsity", type=float, metavar="PART", help="of each matrix's blocks that are zero at the end")
    p.add_argument("--score", choices=blocks.SCORES, default="magnitude",
                   help="which blocks go; second: by the diagonal Fisher information of gradients")
    p.add_argument("--ramp", type=float, default=0.7, metavar="PART",
                   help="of the steps, after which no more blocks go; they begin to go after the warm-up")
    p.add_argument("--every", type=int, default=10, metavar="N", help="blocks go every N steps")
    p.add_argument("--rows", type=float, metavar="PART", help="of the rows of feed-forward layers, to take out")
    p.add_argument("--heads", type=float, metavar="PART", help="of all heads, to take out")
    p.add_argument("--layers", help="how many stay, evenly spaced; or which, from 1 on: 1,3,6")
    task.add_arguments(p)
    p.add_argument("--teacher", help="a checkpoint, or none (labels alone); default: the one that is pruned, as it was")
    loop.add_arguments(p)
    return p.parse_args()


def check_parts(args):
    if not (args.blocks or args.rows or args.heads or args.layers):
        fail("nothing is asked for; say --blocks and --sparsity, --rows, --heads or --layers")
    if bool(args.blocks) != bool(args.sparsity):
        fail("--blocks and --sparsity go together, as in --blocks 16x4 --sparsity 0.8")
    for name in ("sparsity", "rows", "heads"):
        if getattr(args, name) is not None and not 0 < getattr(args, name) < 1:
            fail(f"--{name} {getattr(args, name)}: is a part, between 0 and 1")
    if args.blocks and not args.warmup < args.ramp <= 1:
        fail(f"--ramp {args.ramp}: blocks go from --warmup {args.warmup} of the steps to there; choose more, at most 1")


def main():
    args = arguments()
    check_parts(args)
    run = loop.Run(args)
    whole = folder.open_checkpoint(args.checkpoint, args.task)
    teacher = task.open_teacher(args, whole)
    weights = task.weights_of(args)
    cut = smaller.Cut(whole, args.layers)
    if args.heads:
        cut.prune_heads(args.heads)
    if args.rows:
        cut.cut_rows(round((1 - args.rows) * cut.layout.layers[0].matrices("ffn_up")[0].out_features))
    student = cut.checkpoint
    layout.without_dropout(student.model)
    texts, labels = task.read_training(args, whole)
    items, labels = task.tokens_of(args, student, texts, labels)
    batches = data.Batches(student.tokenizer, items, list(range(len(items))), args.batch, args.seed)
    trained = nn.ModuleDict({"student": student.model})
    masks = None
    if args.blocks:
        first, last = int(args.warmup * args.steps), round(args.ramp * args.steps)
        masks = blocks.Masks(cut.layout, args.blocks, args.score, args.sparsity, first, last, args.every)
        trained["masks"] = masks
    trained.to(args.device)
    watched = losses.Watched(student, cut.layout)
    match = task.match_of(whole, teacher, args.device).cut(cut.layers, cut.heads) if teacher else None
    taught = task.asked_once(args, run, teacher, texts, weights, other_ids=match is not None and match.ids is not None)

    def losses_of(step, batch, numbers):
        return task.learn(watched, teacher, batch, numbers, weights, match, taught, labels)

    loop.train(run, trained, batches, losses_of, task.validation(args, watched, teacher), masks=masks)
    folder.write_checkpoint(args.out, student, folder.tensors(student.model), run.files())
    run.finish()
    if masks:
        parts = masks.parts()
        print(f"{sum(parts) / len(parts) * 100:.1f} % of {args.blocks} blocks are zero, of a matrix at least "
              f"{min(parts) * 100:.1f} %")
    print(args.out)


if __name__ == "__main__":
    folder.run(main)
