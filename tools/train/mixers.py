#!/usr/bin/env python3
"""Trains a checkpoint with another mixer in the place of attention over all tokens, for long texts, and with
feed-forward layers or matrices of another shape, and writes one that `tern convert` takes:
mixers.py CHECKPOINT -o OUT --mixer window:512 --positions 4096 --task classify --data train.tsv --dev dev.tsv
"""
import argparse
import json
import os

import torch

import attention
import data
import folder
import layout
import loop
import losses
import pairs
import smaller
import task
from folder import fail


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("checkpoint")
    p.add_argument("-o", "--out", required=True)
    p.add_argument("--mixer", help="softmax (all tokens), window:N (N tokens on both sides together), or linear in the "
                                   "text's length: elu, cosformer, relu; default: as the checkpoint has it")
    p.add_argument("--positions", type=int, help="the most tokens of a text: the table of positions is repeated")
    p.add_argument("--nested", metavar="N,N", help="feed-forward widths that the model is to work with, besides the whole "
                                                   "one (MatFormer): tern convert --ffn-width N keeps the first N rows")
    p.add_argument("--low-rank", type=float, metavar="PART", help="each matrix becomes a pair with this part of its "
                                                                  "numbers")
    task.add_arguments(p)
    p.add_argument("--teacher", help="a checkpoint of this one's shape, or none (labels alone); default: this one as it "
                                     "was")
    loop.add_arguments(p)
    return p.parse_args()


def set_mixer(checkpoint, text):
    """Writes config.json's keys, and what they say into the layers."""
    config, (kind, _, size) = checkpoint.config, text.partition(":")
    for key in attention.KEYS:
        if hasattr(config, key):
            delattr(config, key)
    if kind == "window":
        if not size.isdigit() or int(size) < 2 or int(size) % 2:
            fail(f"--mixer {text}: a window is an even number of tokens, such as window:256")
        config.attention_window = int(size)
    elif kind in attention.FEATURES and not size:
        config.attention_kind, config.feature_map = "linear", kind
    elif text != "softmax":
        fail(f"--mixer {text}: is unknown; softmax, window:N, {', '.join(attention.FEATURES)} are")
    attention.set_mixers(checkpoint.model, layout.Layout(checkpoint).layers)


def repeat_positions(checkpoint, count):
    """A longer table of positions: the one that is there, again and again, as Longformer's began."""
    embeddings, config = layout.Layout(checkpoint).embeddings, checkpoint.config
    table = embeddings.position_embeddings
    have = layout.Layout(checkpoint).positions()
    first = table.num_embeddings - have
    if count <= have:
        fail(f"--positions {count}: the model has {have} already")
    rows = torch.cat([torch.arange(first), first + torch.arange(count) % have])
    table.weight = torch.nn.Parameter(table.weight.detach()[rows].clone())
    table.num_embeddings = config.max_position_embeddings = len(rows)
    embeddings.register_buffer("position_ids", torch.arange(len(rows))[None], persistent=False)
    if hasattr(embeddings, "token_type_ids"):
        embeddings.register_buffer("token_type_ids", torch.zeros(1, len(rows), dtype=torch.long), persistent=False)


def files_of(checkpoint, count):
    """The tokenizer's configuration, and a sentence embedder's, with the new limit."""
    out = {}
    for name, key in folder.LIMITS if count else ():
        path = os.path.join(checkpoint.folder, name)
        if os.path.exists(path):
            out[name] = json.dumps({**folder.read_json(path), key: count}, indent=2) + "\n"
    return out


def check_lengths(items, teacher):
    """A teacher reads the texts, too."""
    longest, limit = max(len(ids) for ids, _ in items), layout.Layout(teacher.checkpoint).positions()
    if longest > limit:
        fail(f"{teacher.checkpoint.folder}: the teacher has {limit} positions, the longest text {longest} tokens; take a lower "
             "--max-tokens, --teacher none, or make a twin with --mixer softmax --positions first and take that")


class Nested:
    """Feed-forward layers whose first rows are a smaller feed-forward layer. `width` is the one that runs; None: all."""

    def __init__(self, checkpoint, text):
        layers, whole = layout.Layout(checkpoint).layers, checkpoint.config.intermediate_size
        self.widths, self.width = [int(t) if t.isdigit() else 0 for t in text.split(",")], None
        if min(self.widths) < 1 or max(self.widths) >= whole:
            fail(f"--nested {text}: widths are from 1 to {whole - 1}, the model has {whole}")
        for layer in layers:
            up, down = layer.matrices("ffn_up")[0], layer.matrices("ffn_down")[0]
            order = torch.argsort(smaller.neuron_scores(layer), descending=True, stable=True)  # those that weigh most
            smaller.cut_matrix(up, outputs=order)
            smaller.cut_matrix(down, inputs=order)
            down.register_forward_pre_hook(self.cut)

    def cut(self, _, arguments):
        if self.width is None:
            return arguments
        return (torch.cat([arguments[0][..., :self.width], torch.zeros_like(arguments[0][..., self.width:])], -1),)

    def at(self, step):
        """Each of the widths in turn."""
        return self.widths[step % len(self.widths)]

    def figures(self, validate):
        """The validation of all widths."""
        found = dict(validate())
        for self.width in self.widths:
            found.update({f"{name} {self.width}": value for name, value in validate().items()})
        self.width = None
        return found


def main():
    args = arguments()
    run = loop.Run(args)
    checkpoint = folder.open_checkpoint(args.checkpoint, args.task)
    teacher = task.open_teacher(args, checkpoint)
    weights = task.weights_of(args)
    if args.nested and args.low_rank:
        fail("--nested and --low-rank: a pair of matrices has no rows that go first; take one of them")
    if args.positions:
        repeat_positions(checkpoint, args.positions)
    if args.mixer:
        set_mixer(checkpoint, args.mixer)
    if args.low_rank:
        pairs.factor(checkpoint, args.low_rank)
    nested = Nested(checkpoint, args.nested) if args.nested else None
    layout.without_dropout(checkpoint.model)
    checkpoint.model.to(args.device)
    texts, labels = task.read_training(args, checkpoint)
    items, labels = task.tokens_of(args, checkpoint, texts, labels)
    batches = data.Batches(checkpoint.tokenizer, items, list(range(len(items))), args.batch, args.seed)
    if teacher:
        check_lengths(items, teacher)
    match = task.match_of(checkpoint, teacher, args.device) if teacher else None
    taught = task.asked_once(args, run, teacher, texts, weights)
    student = losses.Watched(checkpoint)

    def distilled(batch, numbers):
        return task.learn(student, teacher, batch, numbers, weights, match, taught, labels)

    def losses_of(step, batch, numbers):
        found = distilled(batch, numbers)
        if nested:
            nested.width = nested.at(step)
            found.update({f"{name} narrow": value for name, value in distilled(batch, numbers).items()})
            nested.width = None
        return found

    validate = task.validation(args, student, teacher)
    loop.train(run, checkpoint.model, batches, losses_of,
               (lambda: nested.figures(validate)) if nested and validate else validate)
    files = {**files_of(checkpoint, args.positions), **run.files()}
    folder.write_checkpoint(args.out, checkpoint, folder.tensors(checkpoint.model), files)
    run.finish()
    print(args.out)


if __name__ == "__main__":
    folder.run(main)
