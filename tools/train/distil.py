#!/usr/bin/env python3
"""Trains a smaller model to answer as a larger one does: distil.py TEACHER -o OUT --layers 3 --hidden 128 --vocab 8000
--task classify --data train.tsv --dev dev.tsv. The student begins as a part of the teacher."""
import argparse

from torch import nn

import data
import folder
import layout
import loop
import losses
import smaller
import task
import vocabulary
from folder import fail


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("teacher")
    p.add_argument("-o", "--out", required=True)
    p.add_argument("--layers", help="how many, evenly spaced; or which of the teacher's, from 1 on: 1,3,6")
    p.add_argument("--hidden", type=int, help="the width of rows between layers (not with --task embed)")
    p.add_argument("--heads", type=int, help="default: as many as keep the width of a head")
    p.add_argument("--intermediate", type=int, help="the rows of feed-forward layers")
    p.add_argument("--vocab", type=int, help="pieces that stay: those that --data has most often")
    task.add_arguments(p)
    loop.add_arguments(p)
    return p.parse_args()


def main():
    args = arguments()
    run = loop.Run(args)
    whole = folder.open_checkpoint(args.teacher, args.task)
    width = whole.config.hidden_size
    if args.task == "embed" and args.hidden not in (None, width):
        fail(f"--hidden {args.hidden}: the teacher's vectors have {width} numbers, and only vectors of as many are "
             "compared; leave it out, and take fewer layers or feed-forward rows (--intermediate)")
    weights = task.weights_of(args)
    cut = smaller.Cut(whole, args.layers)
    cut.narrow(args.hidden, args.heads, args.intermediate)
    student = cut.checkpoint
    layout.without_dropout(student.model)
    texts, labels = task.read_training(args, whole)
    ids, files = None, {}
    if args.vocab:
        ids, files = vocabulary.reduce(student, task.tokens_of(args, whole, texts, labels)[0], args.vocab)
        ids = ids.to(args.device)
    items, labels = task.tokens_of(args, student, texts, labels)
    # What goes with a text is its number, by which the teacher's answer and the label are found.
    batches = data.Batches(student.tokenizer, items, list(range(len(items))), args.batch, args.seed)
    teacher = task.watch(whole, args.device)
    taught = task.asked_once(args, run, teacher, texts, weights, other_ids=ids is not None)
    trained = nn.ModuleDict({"student": student.model, "project": cut.projections(width)}).to(args.device)
    watched = losses.Watched(student)
    match = losses.Match(cut.layers, cut.heads, trained["project"], ids)

    def losses_of(step, batch, numbers):
        return task.learn(watched, teacher, batch, numbers, weights, match, taught, labels)

    loop.train(run, trained, batches, losses_of, task.validation(args, watched, teacher))
    folder.write_checkpoint(args.out, student, folder.tensors(student.model), {**files, **run.files()})
    run.finish()
    print(args.out)


if __name__ == "__main__":
    folder.run(main)
