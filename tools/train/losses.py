"""Losses between a student and its teacher: logits, embeddings, hidden states, attention maps and outputs."""
import torch
from torch.nn import functional as F

from folder import fail
from grid import register
from layout import Layout


OF_LAYERS = ("hidden", "outputs", "maps")  # what a teacher must run for in each step


class Watched:
    """A model that keeps what its layers give: `hidden` (the embeddings' rows first) and `outputs` (of attention with
    its residual, normalised), and by its attention modules the maps."""

    def __init__(self, checkpoint, layout=None):
        self.checkpoint, self.layout = checkpoint, layout or Layout(checkpoint)
        register()
        checkpoint.model.config._attn_implementation = "tern"
        self.hidden, self.outputs, self.instead = [], [], None
        self.layout.embeddings.register_forward_hook(lambda m, a, out: self.hidden.append(out))
        for i, layer in enumerate(self.layout.layers):
            layer.attn_norm.register_forward_hook(lambda m, a, out: self.outputs.append(out))
            layer.ffn_norm.register_forward_hook(lambda m, a, out: self.hidden.append(out))
            layer.block.register_forward_pre_hook(lambda m, a, i=i: self.replace(a, i))

    def replace(self, arguments, i):
        """Teacher intervention: the layer reads the teacher's rows."""
        return arguments if self.instead is None else (self.instead[i],) + arguments[1:]

    def run(self, arguments, instead=None):
        """Logits, or the texts' vectors of length 1."""
        self.hidden, self.outputs, self.instead = [], [], instead
        out = self.checkpoint.model(**arguments)
        if self.checkpoint.task != "embed":
            return out.logits.float()
        return pool(out.last_hidden_state.float(), arguments["attention_mask"], self.checkpoint.pooling)

    def maps(self):
        return [layer.attention.map for layer in self.layout.layers]


def pool(states, mask, pooling):
    if pooling == "cls":
        return F.normalize(states[:, 0], dim=-1)
    mask = mask[..., None].to(states.dtype)
    return F.normalize((states * mask).sum(1) / mask.sum(1).clamp_min(1), dim=-1)


def mse(student, teacher, mask):
    """Over the tokens that are there, per the teacher's variance."""
    mask = mask[..., None].to(student.dtype)
    norm = (teacher.float().square() * mask).sum().clamp_min(1e-12)
    return ((student.float() - teacher.float()).square() * mask).sum() / norm


def map_loss(student, teacher, mask):
    """KL divergence of the teacher's attention maps from the student's, per query that is there."""
    kl = (teacher * (teacher.clamp_min(1e-8).log() - student.clamp_min(1e-8).log())).sum(-1).mean(1)
    return (kl * mask).sum() / mask.sum()


class Match:
    """Which parts of a teacher a student's layers answer to: the teacher's layer of each, from 1 on, and the heads of
    it that the student has (None: all); modules by "hidden" and "outputs" that make the student's rows as wide as the
    teacher's; and the teacher's id for each of the student's ids (None: the same)."""

    def __init__(self, layers, heads=None, project=None, ids=None):
        self.layers, self.heads, self.project, self.ids = layers, heads or [None] * len(layers), project, ids

    def cut(self, layers, heads):
        """Of a student that has these layers and heads of this one's."""
        whole = [self.heads[i - 1] for i in layers]
        heads = [h if w is None else [w[i] for i in h] for h, w in zip(heads, whole)]
        return Match([self.layers[i - 1] for i in layers], heads, self.project, self.ids)

    def translate(self, arguments):
        return arguments if self.ids is None else {**arguments, "input_ids": self.ids[arguments["input_ids"]]}

    def widen(self, name, student, teacher):
        return student if student.shape[-1] == teacher.shape[-1] else self.project[name](student)


def distil(student, teacher, arguments, weights, match, instead=False, taught=None):
    """Losses by name, each times its weight, and what the student gives. `instead`: the student's layers read the
    teacher's rows. `taught`: the teacher's answers, where they are known already."""
    mask, n = arguments["attention_mask"], len(match.layers)
    hidden = outputs = maps = before = None
    if taught is None or instead or any(weights.get(name) for name in OF_LAYERS):
        with torch.no_grad():
            said = teacher.run(match.translate(arguments))
        taught = said if taught is None else taught
        hidden, outputs, maps = list(teacher.hidden), list(teacher.outputs), teacher.maps()
    if instead:
        before = [hidden[0] if i == 0 else hidden[match.layers[i - 1]] for i in range(n)]
    given = student.run(arguments, before)
    losses = {}

    def rows(name, pairs):
        losses[name] = weights[name] * sum(mse(match.widen(name, s, t), t, mask) for s, t in pairs) / len(pairs)
    if weights.get("logits"):
        losses["logits"] = weights["logits"] * logits_loss(given, taught, mask)
    if weights.get("embedding"):
        losses["embedding"] = weights["embedding"] * (1 - (given * taught).sum(-1)).mean()
    if weights.get("hidden"):
        rows("hidden", [(student.hidden[i], hidden[t]) for i, t in enumerate([0] + match.layers)])
    if weights.get("outputs"):
        rows("outputs", [(student.outputs[i], outputs[t - 1]) for i, t in enumerate(match.layers)])
    if weights.get("maps"):
        if any(m is None for m in student.maps() + maps):
            fail("--losses: linear attention has no maps to compare")
        pairs = [(s, maps[t - 1] if h is None else maps[t - 1][:, h])
                 for s, t, h in zip(student.maps(), match.layers, match.heads)]
        losses["maps"] = weights["maps"] * sum(map_loss(s, t, mask) for s, t in pairs) / len(pairs)
    return losses, given


def logits_loss(given, taught, mask):
    """KL divergence of texts' labels, or of the labels of the tokens that are there."""
    if given.dim() == 3:
        given, taught = given[mask > 0], taught[mask > 0]
    return F.kl_div(F.log_softmax(given, -1), F.softmax(taught, -1), reduction="batchmean")


def labels_loss(logits, targets):
    """`targets`: a label of each text, or of each token, -100 for those that have none."""
    return F.cross_entropy(logits.flatten(0, -2), targets.flatten())
