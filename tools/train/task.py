"""What recipes train for: texts with labels, or vectors. Their options, the texts, the teacher and the validation."""
import torch

import data
import folder
import losses
from folder import fail

LOSSES = ("logits", "hidden", "outputs", "maps", "labels", "embedding")
# What each loss counts when --losses does not say.
DEFAULTS = {"classify": {"logits": 1.0, "hidden": 1.0}, "tag": {"logits": 1.0, "hidden": 1.0},
            "embed": {"embedding": 10.0, "hidden": 1.0}}


def add_arguments(parser):
    parser.add_argument("--task", choices=("classify", "tag", "embed"), required=True)
    parser.add_argument("--data", required=True, nargs="+", help="classify: a table; tag: CoNLL; embed: a text in each line")
    parser.add_argument("--dev",
                        help="classify: a table; tag: CoNLL; embed: an STS file (Spearman), or lines (cosine to the teacher)")
    parser.add_argument("--text-column", default="sentence", help="name or number; two with a comma: pairs")
    parser.add_argument("--label-column", default="label")
    parser.add_argument("--losses", help="such as logits=1,hidden=1,outputs=1,maps=1,labels=0.5,embedding=10")


def weights_of(args, more=None):
    """What each loss counts, by its name; `more`: beside the default ones."""
    alone = getattr(args, "teacher", None) == "none"
    if alone and args.task == "embed":
        fail("--teacher none: vectors are learnt from a teacher; leave it out for the checkpoint itself")
    if not args.losses:
        return {"labels": 1.0} if alone else {**DEFAULTS[args.task], **(more or {})}
    out = {}
    for item in args.losses.split(","):
        name, _, value = item.partition("=")
        if name not in LOSSES:
            fail(f"--losses: '{name}' is unknown; {', '.join(LOSSES[:-1])} and {LOSSES[-1]} are")
        if name in (("logits", "labels") if args.task == "embed" else ("embedding",)):
            fail(f"--losses: {name} is not for --task {args.task}")
        try:
            out[name] = float(value or 1)
        except ValueError:
            fail(f"--losses: '{value}' is no number for {name}")
        if alone and name != "labels":
            fail(f"--losses: {name} is learnt from a teacher, and --teacher is none")
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
            fail(f"{teacher.folder}: {name} is {getattr(b, name)}, the student's {getattr(a, name)}; it is compared "
                 "layer by layer: take a teacher of the student's shape, or distil first")
    if args.task != "embed" and a.num_labels != b.num_labels:
        fail(f"{teacher.folder}: {b.num_labels} labels, the student has {a.num_labels}")
    return watch(teacher, args.device)


def watch(teacher, device):
    """A teacher that is only asked."""
    for p in teacher.model.parameters():
        p.requires_grad_(False)
    teacher.model.eval().to(device)
    return losses.Watched(teacher)


def match_of(student, teacher, device):
    """Of a student of the teacher's shape, which may have fewer words and heads."""
    n, count = student.config.num_hidden_layers, student.config.num_attention_heads
    own, other = (getattr(c.config, "pruned_heads", None) or {} for c in (student, teacher.checkpoint))
    if other and own != other:
        fail(f"{teacher.checkpoint.folder}: other heads were pruned than in {student.folder}; take a teacher with all")
    heads = [[h for h in range(count) if h not in own[str(i)]] if str(i) in own and not other else None
             for i in range(n)]
    pieces, taught = student.tokenizer.get_vocab(), teacher.checkpoint.tokenizer.get_vocab()
    strange = sorted(pieces.keys() - taught.keys())
    if strange:
        fail(f"{teacher.checkpoint.folder}: has no piece '{strange[0]}', which the student's tokenizer has; take a "
             "teacher with the same tokenizer, or one that has more pieces")
    ids = torch.zeros(student.config.vocab_size, dtype=torch.long)
    for piece, i in pieces.items():
        ids[i] = taught[piece]
    same = all(taught[piece] == i for piece, i in pieces.items())
    return losses.Match(list(range(1, n + 1)), heads, None, None if same else ids.to(device))


def read_training(args, checkpoint):
    """(texts, labels or None)"""
    if args.task == "classify":
        rows = [r for path in args.data
                for r in data.read_table(path, args.text_column, args.label_column, checkpoint.labels())]
        return [r[0] for r in rows], [r[1] for r in rows]
    if args.task == "tag":
        rows = [r for path in args.data for r in data.read_words(path, checkpoint.labels())]
        return [r[0] for r in rows], [r[1] for r in rows]
    return [(t,) for path in args.data for t in data.read_lines(path) if t], None


def tokens_of(args, checkpoint, texts, targets):
    """Tokenised texts, and their targets: those of tokens, where words had them."""
    if args.task == "tag":
        return data.label_tokens(checkpoint.tokenizer, texts, targets, args.max_tokens)
    return data.tokenize(checkpoint.tokenizer, texts, args.max_tokens), targets


def with_labels(found, given, labels, numbers, weights):
    """The losses by name, and that of the labels of a batch's texts, where it counts."""
    if weights.get("labels"):
        own = [labels[n] for n in numbers.tolist()]
        truth = (data.pad_labels(own) if isinstance(own[0], list) else torch.tensor(own)).to(given.device)
        found["labels"] = weights["labels"] * losses.labels_loss(given, truth)
    return found


def learn(student, teacher, batch, numbers, weights, match, taught, labels):
    """The losses by name of a batch of the texts `numbers`: against the teacher, whose answers may be known (`taught`),
    and the labels; without a teacher of the labels alone."""
    if not teacher:
        return with_labels({}, student.run(batch), labels, numbers, weights)
    known = None if taught is None else taught[numbers]
    found, given = losses.distil(student, teacher, batch, weights, match, taught=known)
    return with_labels(found, given, labels, numbers, weights)


def in_batches(watched, items, device, size=32):
    """Logits or vectors of tokenised texts, in their order."""
    order = sorted(range(len(items)), key=lambda i: len(items[i][0]))
    out = [None] * len(items)
    for i in range(0, len(order), size):
        chosen = order[i:i + size]
        batch = data.collate(watched.checkpoint.tokenizer, [items[j] for j in chosen])
        given = watched.run({k: v.to(device) for k, v in batch.items()}).cpu()
        for j, row in zip(chosen, given):
            out[j] = row if given.dim() == 2 else row[:len(items[j][0])]
    return out if out[0].dim() == 2 else torch.stack(out)


@torch.no_grad()
def answers(args, teacher, texts):
    """What a teacher says of texts that it has cut into pieces itself."""
    return in_batches(teacher, data.tokenize(teacher.checkpoint.tokenizer, texts, args.max_tokens), args.device)


def asked_once(args, run, teacher, texts, weights, other_ids=False):
    """The teacher's answers to all texts, where it need not run in each step as well, or reads other ids there; None:
    each step asks it."""
    if not teacher or not (weights.get("logits") or weights.get("embedding")) or args.task == "tag":
        return None
    if not other_ids and any(weights.get(name) for name in losses.OF_LAYERS):
        return None
    return run.answers(len(texts), lambda: answers(args, teacher, texts)).to(args.device)


def tags(args, student):
    """The part of words with the right label, and the F1 of entities where seqeval is there."""
    checkpoint, names = student.checkpoint, student.checkpoint.labels()
    rows = data.read_words(args.dev, names)
    items, truth = data.label_tokens(checkpoint.tokenizer, [r[0] for r in rows], [r[1] for r in rows], args.max_tokens)
    found = [given.argmax(-1).tolist() for given in in_batches(student, items, args.device)]
    pairs = [[(t, f) for t, f in zip(own, said) if t != -100] for own, said in zip(truth, found)]
    figures = {"words": sum(t == f for p in pairs for t, f in p) / sum(len(p) for p in pairs)}
    try:
        from seqeval.metrics import f1_score
        figures["f1"] = float(f1_score(*([[names[p[side]] for p in own] for own in pairs] for side in (0, 1))))
    except ImportError:
        pass
    return figures


def validation(args, student, teacher):
    """A function that gives figures by name, or None."""
    if not args.dev:
        return None
    checkpoint = student.checkpoint
    def tokens(texts):
        return data.tokenize(checkpoint.tokenizer, texts, args.max_tokens)
    if args.task == "tag":
        return lambda: tags(args, student)
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
    lines = [(t,) for t in data.read_lines(args.dev)]
    if not teacher:
        fail("--dev: lines are compared with the teacher's vectors, and there is no teacher")
    taught, items = answers(args, teacher, lines), tokens(lines)
    return lambda: {"cosine": float((in_batches(student, items, args.device) * taught).sum(-1).mean())}
