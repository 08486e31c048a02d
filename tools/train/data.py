"""Texts to train and to validate on: tables of texts and labels, STS pairs, plain lines; and batches of them."""
import gzip
import lzma

import torch

from folder import fail


def open_text(path):
    opener = {"gz": gzip.open, "xz": lzma.open}.get(path.rsplit(".", 1)[-1], open)
    try:
        return opener(path, "rt", encoding="utf-8", newline="\n")
    except OSError as e:
        fail(f"{path}: {e.strerror}")


def read_rows(path):
    """The rows of a table, split at tabs."""
    try:
        with open_text(path) as f:
            rows = [line.rstrip("\r\n").split("\t") for line in f]
    except UnicodeDecodeError as e:
        fail(f"{path}: not UTF-8: {e.reason} at byte {e.start}")
    except (OSError, lzma.LZMAError) as e:
        fail(f"{path}: {e}")
    rows = [r for r in rows if r != [""]]
    if not rows:
        fail(f"{path}: has no lines")
    return rows


def pick(path, rows, columns):
    """Columns by their names in the first line, which is then no row, or by their numbers, from 1 on."""
    header = rows[0]
    if not all(c.isdigit() for c in columns):
        for c in columns:
            if c not in header:
                fail(f"{path}: no column '{c}' in its first line, which has {', '.join(header[:8])}; name one of "
                     "these, or give its number, from 1 on")
        places, rows, first = [header.index(c) for c in columns], rows[1:], 2
    else:
        places, first = [int(c) - 1 for c in columns], 1
    for number, row in enumerate(rows, first):
        if max(places) >= len(row) or min(places) < 0:
            fail(f"{path}:{number}: {len(row)} columns, and number {max(places) + 1} is asked for")
    return [[row[p] for p in places] for row in rows]


def read_table(path, texts="sentence", label="label", labels=None):
    """[(texts, label)]: one or two columns of texts ("premise,hypothesis"), a label's number or one of `labels`."""
    names = texts.split(",")
    examples = []
    for row in pick(path, read_rows(path), names + [label]):
        value = row[-1]
        if labels and value in labels:
            number = labels.index(value)
        elif value.isdigit() and (not labels or int(value) < len(labels)):
            number = int(value)
        else:
            fail(f"{path}: the label '{value}' is none of the model's: {', '.join(labels or [])} or their numbers")
        examples.append((tuple(t.strip() for t in row[:-1]), number))
    return examples


def read_sts(path):
    """[((a, b), score)] of STS benchmark files: the score in column 5, the sentences in 6 and 7."""
    rows = pick(path, read_rows(path), ["5", "6", "7"])
    try:
        return [((a.strip(), b.strip()), float(score)) for score, a, b in rows]
    except ValueError:
        fail(f"{path}: column 5 is no score; an STS benchmark file has one there, and the sentences in 6 and 7")


def read_lines(path):
    """The texts of a file with one in each line."""
    return [" ".join(row).strip() for row in read_rows(path)]


def read_words(path, labels):
    """[((words,), numbers of their labels)] of a CoNLL file: a word in each line, its label last, an empty line behind
    each sentence."""
    sentences, words, numbers = [], [], []
    with open_text(path) as f:
        for line_number, line in enumerate(f, 1):
            fields = line.split()
            if fields and fields[0] == "-DOCSTART-":
                continue
            if fields and (len(fields) < 2 or fields[-1] not in labels):
                fail(f"{path}:{line_number}: the label '{fields[-1]}' is none of the model's: {', '.join(labels)}")
            if fields:
                words.append(fields[0])
                numbers.append(labels.index(fields[-1]))
            elif words:
                sentences.append(((words,), numbers))
                words, numbers = [], []
    if words:
        sentences.append(((words,), numbers))
    if not sentences:
        fail(f"{path}: has no sentences")
    return sentences


def label_tokens(tokenizer, sentences, numbers, most):
    """Token ids (and types) of sentences in words, and the labels of their tokens: a word's first piece has its label,
    others have -100."""
    out = tokenizer([s[0] for s in sentences], is_split_into_words=True, truncation=True, max_length=most)
    types, labels = out.get("token_type_ids"), []
    for i, own in enumerate(numbers):
        words = out.word_ids(i)
        labels.append([own[w] if w is not None and w != before else -100
                       for w, before in zip(words, [None] + words[:-1])])
    return [(ids, types[i] if types else None) for i, ids in enumerate(out["input_ids"])], labels


def pad_labels(labels):
    longest = max(len(own) for own in labels)
    return torch.tensor([own + [-100] * (longest - len(own)) for own in labels])


def tokenize(tokenizer, texts, most):
    """Token ids (and types) of each text or pair, cut to `most` tokens: computed once, before training."""
    first = [t[0] for t in texts]
    second = [t[1] for t in texts] if texts and len(texts[0]) > 1 else None
    out = tokenizer(first, second, truncation=True, max_length=most)
    types = out.get("token_type_ids")
    return [(ids, types[i] if types else None) for i, ids in enumerate(out["input_ids"])]


def collate(tokenizer, items):
    """A batch as the model's arguments."""
    longest = max(len(ids) for ids, _ in items)
    pad = tokenizer.pad_token_id or 0
    batch = {"input_ids": torch.full((len(items), longest), pad), "attention_mask": torch.zeros(len(items), longest)}
    if items[0][1] is not None:
        batch["token_type_ids"] = torch.zeros(len(items), longest, dtype=torch.long)
    for i, (ids, types) in enumerate(items):
        batch["input_ids"][i, :len(ids)] = torch.tensor(ids)
        batch["attention_mask"][i, :len(ids)] = 1
        if types is not None:
            batch["token_type_ids"][i, :len(types)] = torch.tensor(types)
    return batch


class Batches:
    """An endless stream of batches that depends on the seed and the number of a step alone, so that a run goes on where
    it was killed. Texts of like length come together: each epoch is shuffled, cut into stretches of 50 batches, and
    each stretch is sorted by length and its batches shuffled."""

    def __init__(self, tokenizer, items, targets, size, seed):
        self.tokenizer, self.items, self.targets, self.size, self.seed = tokenizer, items, targets, size, seed
        self.per_epoch = len(items) // size
        if not self.per_epoch:
            fail(f"{len(items)} texts to train on do not fill a batch of {size}")
        self.epoch, self.order = -1, []

    def shuffle(self, epoch):
        g = torch.Generator().manual_seed(self.seed * 1000003 + epoch)
        order = torch.randperm(len(self.items), generator=g).tolist()[:self.per_epoch * self.size]
        batches = []
        for i in range(0, len(order), 50 * self.size):
            stretch = sorted(order[i:i + 50 * self.size], key=lambda j: len(self.items[j][0]))
            cut = [stretch[j:j + self.size] for j in range(0, len(stretch), self.size)]
            batches += [cut[j] for j in torch.randperm(len(cut), generator=g).tolist()]
        self.epoch, self.order = epoch, batches

    def at(self, step):
        """(arguments of the model, targets or None) of a step, from 0 on."""
        if step // self.per_epoch != self.epoch:
            self.shuffle(step // self.per_epoch)
        chosen = self.order[step % self.per_epoch]
        targets = [self.targets[i] for i in chosen] if self.targets else None
        if targets:
            targets = pad_labels(targets) if isinstance(targets[0], list) else torch.tensor(targets)
        return collate(self.tokenizer, [self.items[i] for i in chosen]), targets
