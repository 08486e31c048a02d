"""Losses between a student and its teacher: logits, embeddings, hidden states, attention maps and outputs."""
import torch
from torch.nn import functional as F

from grid import register
from layout import Layout


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
        if self.checkpoint.task == "classify":
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


def distil(student, teacher, arguments, weights, layers=None, instead=False):
    """Losses by name, each times its weight. `layers`: the teacher's layer for each of the student's, from 1 on (all of
    them when None). `instead`: the student's layers read the teacher's rows."""
    mask = arguments["attention_mask"]
    with torch.no_grad():
        taught = teacher.run(arguments)
        hidden, outputs, maps = list(teacher.hidden), list(teacher.outputs), teacher.maps()
    n = len(student.layout.layers)
    layers = layers or list(range(1, n + 1))
    before = [hidden[0] if i == 0 else hidden[layers[i - 1]] for i in range(n)]
    given = student.run(arguments, before if instead else None)
    losses = {}
    if weights.get("logits"):
        losses["logits"] = weights["logits"] * F.kl_div(F.log_softmax(given, -1), F.softmax(taught, -1),
                                                        reduction="batchmean")
    if weights.get("embedding"):
        losses["embedding"] = weights["embedding"] * (1 - (given * taught).sum(-1)).mean()
    if weights.get("hidden"):
        pairs = [(student.hidden[0], hidden[0])] + [(student.hidden[i + 1], hidden[t]) for i, t in enumerate(layers)]
        losses["hidden"] = weights["hidden"] * sum(mse(s, t, mask) for s, t in pairs) / len(pairs)
    if weights.get("outputs"):
        pairs = [(student.outputs[i], outputs[t - 1]) for i, t in enumerate(layers)]
        losses["outputs"] = weights["outputs"] * sum(mse(s, t, mask) for s, t in pairs) / len(pairs)
    if weights.get("maps"):
        pairs = [(student.maps()[i], maps[t - 1]) for i, t in enumerate(layers)]
        losses["maps"] = weights["maps"] * sum(map_loss(s, t, mask) for s, t in pairs) / len(pairs)
    return losses, given


def labels_loss(logits, targets):
    return F.cross_entropy(logits, targets)
