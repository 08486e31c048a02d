"""Blocks of weights that are zero: which go, by how much they matter, and which stay so."""
import torch
from torch import nn
from torch.nn import functional as F

SHAPES = {"1x4": (1, 4), "4x1": (4, 1), "4x4": (4, 4), "16x4": (16, 4)}  # outputs x inputs
SCORES = ("magnitude", "movement", "second")


def sums(w, shape):
    """Of each block; those at the edges are smaller."""
    (n, k), (height, width) = w.shape, shape
    w = F.pad(w, (0, -k % width, 0, -n % height))
    return w.view(w.shape[0] // height, height, w.shape[1] // width, width).sum((1, 3))


def spread(blocks, like, shape):
    """A number for each block as one for each weight of `like`."""
    out = blocks.repeat_interleave(shape[0], 0).repeat_interleave(shape[1], 1)
    return out[:like.shape[0], :like.shape[1]]


def zero_part(w, shape):
    return float((sums((w.detach() != 0).float(), shape) == 0).float().mean())


def kept(w, least=0.05):
    """1 where a weight may change, where the zeros of a matrix lie in whole blocks; None: they do not, or are few."""
    part = max(zero_part(w, SHAPES["1x4"]), zero_part(w, SHAPES["4x1"]))
    return (w.detach() != 0).float() if part >= least else None


class Masks(nn.Module):
    """The blocks that stay of each matrix of the layers. Their part falls from all to 1 - `sparsity` in `first` to
    `last` steps, as a cube does (Zhu and Gupta 2017), and is left alone then. What is gone stays gone. Scores:

    magnitude  the squares of W diag(gamma)
    movement   how far training moves weights away from zero: the sum of -w dL/dw (Sanh et al. 2020)
    second     what taking out costs by a diagonal second order: w^2 times the Fisher information, a running mean of
               the squares of the loss's gradients

    Buffers, so that they are saved with the model."""

    def __init__(self, layout, shape, score, sparsity, first, last, every):
        super().__init__()
        self.shape, self.score, self.sparsity = SHAPES[shape], score, sparsity
        self.first, self.last, self.every = first, max(last, first + 1), every
        self.places = []
        for layer in layout.layers:
            for name, norm, places in layer.inputs:
                self.places += [(getattr(*place), norm) for place in places]
        for i, (matrix, _) in enumerate(self.places):
            stays = (sums((matrix.weight.detach() != 0).float(), self.shape) > 0).float()
            self.register_buffer(f"stays{i}", stays)
            self.register_buffer(f"score{i}", torch.zeros_like(stays))

    def fraction(self, step):
        """Of the blocks that are zero after a step."""
        part = min(1.0, max(0.0, (step + 1 - self.first) / (self.last - self.first)))
        return self.sparsity * (1 - (1 - part)**3)

    @torch.no_grad()
    def before(self, step):
        """Gradients of the step are there."""
        for i, (matrix, _) in enumerate(self.places):
            score, moved = getattr(self, f"score{i}"), matrix.weight * matrix.weight.grad
            if self.score == "movement":
                score -= sums(moved, self.shape)
            elif self.score == "second":
                score.lerp_(sums(moved.square(), self.shape), 0.05 if step else 1.0)
            matrix.weight.grad *= spread(getattr(self, f"stays{i}"), matrix.weight, self.shape)

    @torch.no_grad()
    def after(self, step):
        """Weights have changed."""
        due = step + 1 <= self.last and ((step + 1) % self.every == 0 or step + 1 == self.last)
        for i, (matrix, norm) in enumerate(self.places):
            stays = getattr(self, f"stays{i}")
            if due:
                self.choose(stays, self.importance(i, matrix.weight, norm), self.fraction(step))
            matrix.weight *= spread(stays, matrix.weight, self.shape)

    def importance(self, i, weight, norm):
        if self.score == "magnitude":
            return sums((weight if norm is None else weight * norm.weight).square(), self.shape)
        return getattr(self, f"score{i}")

    @staticmethod
    def choose(stays, score, fraction):
        count = round(fraction * stays.numel())
        gone = torch.where(stays > 0, score, -torch.inf).flatten()
        stays.view(-1)[torch.sort(gone, stable=True).indices[:count]] = 0

    def parts(self):
        """Of each matrix, the part of its blocks that is zero."""
        return [zero_part(matrix.weight, self.shape) for matrix, _ in self.places]
