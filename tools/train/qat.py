#!/usr/bin/env python3
"""Trains a checkpoint with Tern's quantisation in the forward pass, and writes one whose weights are on the grid that
`tern convert` keeps exactly: qat.py CHECKPOINT -o OUT --weights ternary --task classify --data train.tsv --dev dev.tsv
"""
import argparse
import os
import tempfile

import data
import folder
import grid
import layout
import loop
import losses
import task
from folder import fail

LOW = {"outputs": 1.0, "maps": 1.0}  # maps and outputs matter below 2 bits


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("checkpoint")
    p.add_argument("-o", "--out", required=True)
    p.add_argument("--weights", choices=grid.WEIGHTS, required=True)
    p.add_argument("--embeddings", choices=grid.EMBEDDINGS, default="int8")
    p.add_argument("--group", choices=("32", "64", "128", "channel"), default="32",
                   help="int4: inputs of one multiplier")
    task.add_arguments(p)
    p.add_argument("--teacher", help="a checkpoint, or none (labels alone); default: the one that is trained")
    p.add_argument("--intervene", type=float, nargs="?", const=0.3, default=0.0, metavar="PART",
                   help="teacher intervention: each layer reads the teacher's rows for this part of the steps")
    p.add_argument("--sub-norms", action="store_true", help="norms in front of attn_out and ffn_down, as BitNet has")
    p.add_argument("--clip", choices=("lsq", "pact"), help="lsq: the weights' scales learn, too, and with them where "
                                                           "weights are clipped")
    p.add_argument("--outliers", choices=("auto", "off"), default="auto", help="repeated columns, by tern convert")
    p.add_argument("--tern", help="the tern program; default: the one that was built here")
    loop.add_arguments(p)
    return p.parse_args()


def find_copies(args, quantised):
    """Columns to repeat, as conversion would choose them of the checkpoint when nothing is trained yet."""
    with tempfile.TemporaryDirectory() as scratch:
        first = os.path.join(scratch, "first")
        folder.write_checkpoint(first, quantised.checkpoint, quantised.state())
        return grid.choose_copies(grid.find_tern(args.tern), first, args.weights, quantised.grid.group)


def main():
    args = arguments()
    if args.clip == "pact":
        fail("--clip pact: learns where activations are clipped, and Tern clips none: each row has the scale of its "
             "largest number, found when it runs; take --clip lsq, which is for weights")
    run = loop.Run(args)
    checkpoint = folder.open_checkpoint(args.checkpoint, args.task)
    checkpoint.model.to(args.device)
    teacher = task.open_teacher(args, checkpoint)
    weights = task.weights_of(args, LOW if args.weights in ("ternary", "binary") else None)
    if args.intervene and not teacher:
        fail("--intervene: there is no teacher")
    match = task.match_of(checkpoint, teacher, args.device) if teacher else None
    texts, targets = task.read_training(args, checkpoint)
    items, targets = task.tokens_of(args, checkpoint, texts, targets)
    batches = data.Batches(checkpoint.tokenizer, items, targets, args.batch, args.seed)
    if args.sub_norms and not folder.has_sub_norms(args.checkpoint):
        layout.add_sub_norms(checkpoint)
        layout.settle_sub_norms(checkpoint, {k: v.to(args.device) for k, v in batches.at(0)[0].items()})
    quantised = grid.Quantised(checkpoint, grid.Grid(args.weights, args.embeddings,
                                                     0 if args.group == "channel" else int(args.group)))
    if args.outliers == "auto":
        quantised.repeat(run.remembered("copies.json", lambda: find_copies(args, quantised)))
    if args.clip:
        quantised.learn_steps()
    student = losses.Watched(checkpoint, quantised.layout)
    alone = {**weights, "logits": 0, "embedding": 0, "labels": 0}  # the heads wait while layers are taught apart
    if args.intervene and not any(alone.values()):
        fail("--intervene: layers learn from hidden, outputs or maps; --losses has none of these")

    def losses_of(step, batch, truth):
        apart = step < args.intervene * args.steps
        if not teacher:
            return {"labels": losses.labels_loss(student.run(batch), truth)}
        found, given = losses.distil(student, teacher, batch, alone if apart else weights, match, instead=apart)
        if weights.get("labels") and not apart:
            found["labels"] = weights["labels"] * losses.labels_loss(given, truth)
        return found

    loop.train(run, checkpoint.model, batches, losses_of, task.validation(args, student, teacher))
    files = {"tern_grid.json": quantised.grid.json(), **run.files()}
    folder.write_checkpoint(args.out, checkpoint, quantised.state(), files)
    run.finish()
    print(args.out)


if __name__ == "__main__":
    folder.run(main)
