"""Tern's arithmetic as torch modules, so that training sees it: weights on the grids that `tern convert` keeps, int8
rows with their repeated columns, int8 attention, the polynomial of GELU, embeddings of 8 and 4 bits. What a module
rounds, gradients pass as if it did not (straight through). models/scheme.h and docs/training.md say what each number
is."""
import glob
import json
import os
import shutil
import subprocess
import tempfile

import torch
from torch import nn
from torch.nn import functional as F

import blocks as zeros
from attention import linear, outside, seen_tokens
from folder import fail
from layout import Layout, watch_sub_norm, without_dropout

WEIGHTS = ("int8", "int4", "ternary", "binary")
EMBEDDINGS = ("int8", "int4", "ternary")
TINY = 1e-30


class Through(torch.autograd.Function):
    @staticmethod
    def forward(_, x, rounded):
        return rounded.view_as(rounded)

    @staticmethod
    def backward(_, gradient):
        return gradient, None


def through(x, rounded):
    """`rounded` with the gradient of x."""
    return Through.apply(x, rounded)


# ---- Activations ----------------------------------------------------------------------------------------------------


def rows(x, times=None):
    """Int8 rows, q = 127 x / amax. A column that stands `times` times counts 1 / times in amax."""
    x0 = x.detach().float()
    magnitude = x0.abs() if times is None else x0.abs() / times
    step = magnitude.amax(-1, keepdim=True).clamp_min(TINY) / 127
    return through(x.float(), torch.round(x0 / step) * step)


def in_units(x, matrix):
    """16-bit numbers in the unit of what a matrix gives, which is known before any text is."""
    if matrix.reads is None:
        return x
    return through(x.float(), torch.round(x.detach().float() / matrix.unit) * matrix.unit)


def blocks(x, seen):
    """Keys or values of a text and head, x[text][head][token][column], with one scale; `seen` marks tokens that are."""
    x0 = x.detach().float()
    most = (x0.abs() * seen[:, None, :, None]).amax((-2, -1), keepdim=True).clamp_min(TINY) / 127
    return through(x.float(), torch.round(x0 / most).clamp(-127, 127) * most)


def attention(module, query, key, value, mask, scaling, dropout=0.0, **_):
    """transformers' interface. Probabilities are 0 to 1016 over their sum. module.map keeps them for distillation; of
    linear attention there are none, and its arithmetic stays exact."""
    exact = not getattr(module, "quantised", False)
    seen = seen_tokens(key, mask)
    if not exact:
        query, key, value = rows(query), blocks(key, seen), blocks(value, seen)
    if getattr(module, "feature_map", None):
        module.map = None
        context = linear(query, key, value, module.feature_map, seen).transpose(1, 2).contiguous()
        return context if exact else in_units(context, module.value_matrix), None
    scores = torch.matmul(query, key.transpose(-1, -2)).float() * scaling
    if mask is not None:
        scores = scores + mask
    if getattr(module, "window", None):
        scores = scores + outside(scores.shape[-1], module.window, scores.device)
    p = module.map = torch.softmax(scores, -1)
    if not exact:
        codes = torch.round(1016 * torch.exp(scores.detach() - scores.detach().amax(-1, keepdim=True)))
        p = through(p, codes / codes.sum(-1, keepdim=True))
    p = F.dropout(p, dropout, module.training)
    context = torch.matmul(p.to(value.dtype), value).transpose(1, 2).contiguous()
    return context if exact else in_units(context, module.value_matrix), p


def register():
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, eager_mask
    AttentionInterface.register("tern", attention)
    AttentionMaskInterface.register("tern", eager_mask)


class Gelu(nn.Module):
    """max(y, 0) - D(|y|): quant/activation.c has D's coefficients. y is what `matrix` gives."""
    coefficients = (2971, -11247, 14546, 964, -21371, 15597, 3847, -5307)

    def __init__(self, matrix):
        super().__init__()
        object.__setattr__(self, "matrix", matrix)

    def forward(self, y):
        y0 = y.detach().float()
        x = y0.abs().clamp_max(4) / 2 - 1
        bump = torch.zeros_like(x)
        for c in reversed(self.coefficients):
            bump = bump * x + c / 65536
        return in_units(through(F.gelu(y.float()), y0.clamp_min(0) - bump), self.matrix)


# ---- Weights --------------------------------------------------------------------------------------------------------


def int8_values(v, times=None):
    """Per row of v. A column that stands r times is r times as fine: its codes' mean."""
    step = v.abs().amax(1, keepdim=True).clamp_min(TINY) / 127
    r = 1 if times is None else times
    return torch.round(v * r / step) / r * step


def ternary_values(v):
    """Ternary weight networks: beyond 0.7 of the row's mean magnitude +-a, a the mean magnitude of those; else 0."""
    magnitude = v.abs()
    beyond = magnitude > 0.7 * magnitude.mean(1, keepdim=True)
    scale = (magnitude * beyond).sum(1, keepdim=True) / beyond.sum(1, keepdim=True).clamp_min(1)
    return torch.sign(v) * beyond * scale


def binary_values(v):
    return torch.where(v < 0, -1.0, 1.0) * v.abs().mean(1, keepdim=True)


def int4_units(v, group):
    """The unit of each group of inputs, [rows][groups]: from all of its range down to half, that of least error."""
    n, k = v.shape
    w = F.pad(v, (0, -k % group)).view(n, -1, group)
    whole = torch.maximum(w.amax(-1) / 7, -w.amin(-1) / 8).clamp_min(TINY)
    best, least = whole, None
    for i in range(14):
        unit = whole * 0.95**i
        error = (w - torch.round(w / unit[..., None]).clamp(-8, 7) * unit[..., None]).square().sum(-1)
        if least is None:
            least = error
        better = error < least
        best, least = torch.where(better, unit, best), torch.minimum(error, least)
    return best


def whole_multiples(units, alike):
    """Units as 1 to 15 times a row's scale; the groups in `alike` get the largest of theirs."""
    if alike:
        units = units.clone()
        units[:, alike] = units[:, alike].amax(1, keepdim=True)
    scale = units.amax(1, keepdim=True) / 15
    return torch.round(units / scale).clamp(1, 15) * scale


def int4_values(v, units, group):
    n, k = v.shape
    w = F.pad(v, (0, -k % group)).view(n, -1, group)
    return (torch.round(w / units[..., None]).clamp(-8, 7) * units[..., None]).view(n, -1)[:, :k]


# The codes of each kind of weights, whose sizes a learned step has (binary ones are -1 and 1).
CODES = {"int8": (-127, 127), "int4": (-8, 7), "ternary": (-1, 1), "binary": (-1, 1)}


def learned_values(v, step, kind):
    """LSQ (Esser et al. 2020): the step learns, too, its gradient times 1 / sqrt(numbers it scales x largest code).
    v[row][group][column] and step[row][group]; gradients pass rounding, and what is clipped teaches the step alone."""
    low, high = CODES[kind]
    rate = (v.shape[-1] * high)**-0.5
    step = step.abs().clamp_min(TINY)[..., None]
    step = step * rate + (step * (1 - rate)).detach()
    x = v / step
    codes = torch.where(v.detach() < 0, -1.0, 1.0) if kind == "binary" else torch.round(x.detach()).clamp(low, high)
    return through(x.clamp(low, high), codes) * step


class Linear(nn.Linear):
    """A matrix as Tern has it: int8 rows times weights on their grid. `norm` is the LayerNorm before it, if that is
    folded in: then it reads the rows before gamma and beta, and W diag(gamma) is on the grid. `reads` is the LayerNorm
    before it of a matrix whose outputs are 16 bits in a unit of their own. `step`: scales that learn; None: each
    follows from the weights."""

    def __init__(self, linear, kind, norm=None, group=32, refresh=20, frozen=False, reads=None):
        nn.Module.__init__(self)
        self.weight, self.in_features, self.out_features = linear.weight, linear.in_features, linear.out_features
        self.bias = linear.bias
        self.stays = None if frozen else zeros.kept(self.weight)  # blocks that were pruned stay zero
        self.kind, self.group, self.refresh, self.frozen = kind, group or linear.in_features, refresh, frozen
        object.__setattr__(self, "norm", norm)  # no submodules of this one
        object.__setattr__(self, "reads", reads)
        self.times, self.alike, self.step = None, [], None
        self.register_buffer("age", torch.zeros((), dtype=torch.long))
        self.register_buffer("unit", torch.zeros((), device=self.weight.device))
        if kind == "int4":
            groups = -(-self.in_features // self.group)
            self.register_buffer("units", torch.zeros(self.out_features, groups, device=self.weight.device))

    def repeat(self, copies):
        """`copies`: the columns that the input repeats, each once for each time more."""
        times = torch.ones(self.in_features)
        for column in copies:
            times[column] += 1
        self.times = times.to(self.weight.device) if copies else None
        # All places of a column have one code, so the groups that they lie in have one unit.
        self.alike = sorted({c // self.group for c in copies})
        self.age.zero_()
        if copies and self.in_features % self.group and self.group < self.in_features:
            self.alike = sorted({*self.alike, self.in_features // self.group})

    @torch.no_grad()
    def learn_step(self):
        """Scales begin as they would follow from the weights. (LSQ's own beginning is larger: it is for networks that
        are not yet trained.)"""
        v, _ = self.folded()
        n, k = v.shape
        if self.kind == "int8":
            step = v.abs().amax(1, keepdim=True) / 127
        elif self.kind == "int4":
            step = whole_multiples(int4_units(v, self.group), self.alike)
        else:
            step = (ternary_values(v) if self.kind == "ternary" else binary_values(v)).abs().amax(1, keepdim=True)
        self.step = nn.Parameter(step.clone())

    def settled_step(self, v):
        """Steps as Tern can have them: of int8 such that the largest code is 127, of int4 whole multiples."""
        if self.kind == "int8":
            return torch.minimum(self.step.abs(), v.detach().abs().amax(1, keepdim=True) / 127)
        if self.kind == "int4":
            return through(self.step, whole_multiples(self.step.detach().abs().clamp_min(TINY), self.alike))
        return self.step

    def learned(self, v):
        n, k = v.shape
        group = self.group if self.kind == "int4" else k
        return learned_values(F.pad(v, (0, -k % group)).view(n, -1, group), self.settled_step(v),
                              self.kind).view(n, -1)[:, :k]

    def folded(self):
        """The matrix that is on the grid, and the bias that goes with it."""
        weight = self.weight if self.stays is None else self.weight * self.stays
        if self.norm is None:
            return weight, self.bias
        return weight * self.norm.weight, self.bias + weight @ self.norm.bias

    def values(self, v):
        if self.frozen:
            return v
        if self.kind == "int8":
            return int8_values(v, self.times)
        if self.kind == "ternary":
            return ternary_values(v)
        if self.kind == "binary":
            return binary_values(v)
        if int(self.age) % self.refresh == 0:
            self.units.copy_(whole_multiples(int4_units(v, self.group), self.alike))
        return int4_values(v, self.units, self.group)

    @torch.no_grad()
    def settle_unit(self, v, bias):
        """The unit of the outputs: of the largest that a row can give over 16000, or more where the row of the longest
        codes and that of the largest scale are not the same (quant/quantize_weights.c)."""
        longest = v.shape[1]**0.5
        if self.norm is None:
            longest = longest * self.reads.weight.abs().max() + self.reads.bias.norm()
        scale = v.abs().amax(1) / 127
        if self.kind in ("ternary", "binary"):
            scale = scale * 127
        elif self.kind == "int4":
            scale = scale * 127 / 8 / 15
        squares = v.square() if self.times is None else v.square() * self.times
        codes = squares.sum(1).sqrt() / scale.clamp_min(TINY)
        most = codes.max()
        # Sums that are small are shifted to the left, each channel's as far as the longest one's may be.
        spare = torch.floor(torch.log2(129 / most.clamp_min(TINY))).clamp(0, 15)
        left = torch.floor(torch.log2(most * 2**spare / codes.clamp_min(TINY))).clamp(0, 15)
        shifted = (scale / 2**left).max()
        if shifted <= scale.max() / 2:
            scale, most = shifted, most * 2**spare
        else:
            scale = scale.max()
        unit = torch.maximum(2 * scale * most * longest / 32768,
                             (longest * v.norm(dim=1).max() + bias.abs().max()) / 16000)
        self.unit.copy_(1.03 * torch.maximum(unit, scale * longest / 127))

    def forward(self, x):
        with torch.autocast(x.device.type, enabled=False):
            x = x.float()
            if self.norm is not None:
                gamma = self.norm.weight
                x = torch.where(gamma == 0, 0, (x - self.norm.bias) / torch.where(gamma == 0, 1, gamma))
            v, bias = self.folded()
            x, v = rows(x, self.times), through(v, self.values(v.detach())) if self.step is None else self.learned(v)
            if self.reads is not None and self.age % self.refresh == 0:
                self.settle_unit(v.detach(), bias.detach())
        if self.training:
            self.age += 1
        return F.linear(x, v, bias) if self.reads is None else self.requant(F.linear(x, v).float(), bias)

    def requant(self, x, bias):
        """Sums to 16 bits, and the bias, which has the same unit."""
        x0 = torch.round(x.detach() / self.unit) + torch.round(bias.detach() / self.unit)
        return through(x + bias, x0 * self.unit)

    @torch.no_grad()
    def exported(self):
        """Weight and bias whose folded form is on the grid."""
        v, bias = self.folded()
        on_grid = self.values(v) if self.step is None else self.learned(v)
        if self.norm is None:
            return on_grid, bias
        gamma = self.norm.weight
        weight = torch.where(gamma == 0, 0, on_grid / torch.where(gamma == 0, 1, gamma))
        return weight, bias - weight @ self.norm.bias


# ---- Embeddings -----------------------------------------------------------------------------------------------------


def column_scales(table):
    """1 to 32767, as the roots of the columns' rms."""
    root = table.detach().double().square().sum(0).sqrt().sqrt()
    return torch.round(root / root.max().clamp_min(TINY) * 32767).clamp_min(1).float()


class Words(nn.Embedding):
    """The word table: a scale for each row and each column."""

    def __init__(self, table, kind, columns, frozen=False):
        nn.Module.__init__(self)
        self.weight, self.padding_idx, self.kind, self.frozen = table.weight, None, kind, frozen
        self.num_embeddings, self.embedding_dim = table.num_embeddings, table.embedding_dim
        self.register_buffer("columns", columns)

    def values(self, w):
        if self.frozen:
            return w
        v = w / self.columns
        if self.kind == "int8":
            v = int8_values(v)
        elif self.kind == "ternary":
            v = ternary_values(v)
        else:
            v = int4_values(v, int4_units(v, v.shape[1]), v.shape[1])
        return v * self.columns

    def forward(self, ids):
        unique, place = torch.unique(ids, return_inverse=True)
        w = F.embedding(unique, self.weight)
        return through(w, self.values(w.detach()))[place]

    @torch.no_grad()
    def exported(self):
        return torch.cat([self.values(part) for part in self.weight.split(2048)])


class Positions(nn.Embedding):
    """Positions and the first type share int8 rows, whose columns are the word table's. (Of a pair's second text the
    type's difference is added in floats, where Tern has rows of its own.)"""

    def __init__(self, table, types, words):
        nn.Module.__init__(self)
        self.weight, self.padding_idx = table.weight, None
        self.num_embeddings, self.embedding_dim = table.num_embeddings, table.embedding_dim
        object.__setattr__(self, "types", types)
        object.__setattr__(self, "words", words)

    def forward(self, ids):
        first = 0 if self.types is None else self.types.weight[0]
        w = (F.embedding(ids, self.weight) + first)
        flat = (w.detach() / self.words.columns).view(-1, w.shape[-1])
        return through(w, (int8_values(flat) * self.words.columns).view_as(w)) - first


# ---- Models ---------------------------------------------------------------------------------------------------------


class Grid:
    """Which grid a model is trained on, as tern_grid.json says it (quant/grid_file.h)."""

    def __init__(self, weights, embeddings="int8", group=32, columns=None, copies=None):
        self.weights, self.embeddings, self.columns, self.copies = weights, embeddings, columns, copies or {}
        self.group = group if weights == "int4" else 0

    def json(self):
        out = {"version": 1, "weights": self.weights, "embeddings": self.embeddings}
        if self.weights == "int4":
            out["group"] = self.group or 128
        if self.columns:
            out["columns"] = self.columns
        out["copies"] = {name: sorted(c) for name, c in self.copies.items() if c}
        return json.dumps(out) + "\n"


class Quantised:
    """A checkpoint's model with Tern's arithmetic in it. `frozen`: its weights are on the grid and stay as they are."""

    def __init__(self, checkpoint, grid, frozen=False):
        self.checkpoint, self.grid, self.layout = checkpoint, grid, Layout(checkpoint)
        layout, kind = self.layout, grid.weights
        register()
        checkpoint.model.config._attn_implementation = "tern"
        without_dropout(checkpoint.model)
        words = layout.embeddings.word_embeddings
        columns = torch.tensor(grid.columns).float() if grid.columns else column_scales(words.weight)
        columns = columns.to(words.weight.device)
        grid.columns = [int(c) for c in columns]
        self.names = {id(m): name for name, m in checkpoint.model.named_modules()}
        self.parts = []
        self._put((layout.embeddings, "word_embeddings"), Words(words, grid.embeddings, columns, frozen))
        self.words = layout.embeddings.word_embeddings
        positions = layout.embeddings.position_embeddings
        layout.embeddings.position_embeddings = Positions(positions, layout.types, self.words)
        if layout.project:
            self._linear(layout.project, "int8", layout.embeddings.LayerNorm, frozen)
        affine = kind in ("ternary", "binary")  # their matrices read y: folding gamma in would take them off their grid
        for i, layer in enumerate(layout.layers):
            for name, norm, places in layer.inputs:
                for place in places:
                    reads = norm if name in ("qkv", "ffn_up") else None
                    self._linear(place, kind, None if affine else norm, frozen, reads)
                    if place in layer.sub_places:
                        watch_sub_norm(place)
                    getattr(*place).repeat(grid.copies.get(f"layer.{i}.{name}", []))
            layer.attention.quantised = True
            object.__setattr__(layer.attention, "value_matrix", layer.matrices("qkv")[2])
            if checkpoint.config.to_dict().get("hidden_act", checkpoint.config.to_dict().get("activation")) == "gelu":
                setattr(*layer.activation, Gelu(layer.matrices("ffn_up")[0]))
        for i, place in enumerate(layout.heads):
            self._linear(place, "int8", layout.last_norm if i == 0 else None, frozen)

    def _put(self, place, module):
        old = getattr(*place)
        module.train(old.training)
        self.parts.append((self.names[id(old)], module))
        setattr(*place, module)

    def _linear(self, place, kind, norm, frozen, reads=None):
        matrix = getattr(*place)
        if not isinstance(matrix, nn.Linear):
            fail(f"{self.names[id(matrix)]} is a pair of matrices, which qat.py does not train; convert it as it is")
        if matrix.bias is None:
            fail(f"{self.names[id(matrix)]} has no bias, which the recipes do not know")
        trained = Linear(matrix, kind, norm, self.grid.group, frozen=frozen, reads=reads)
        if trained.stays is not None and kind == "binary":
            fail(f"{self.names[id(matrix)]} has blocks of zeros, and binary weights are never zero; take int8, int4 or "
                 "ternary")
        self._put(place, trained)

    def repeat(self, copies):
        """Repeats columns: lists by the input's name, "layer.0.qkv"."""
        self.grid.copies = copies
        for i, layer in enumerate(self.layout.layers):
            for name, _, _ in layer.inputs:
                for matrix in layer.matrices(name):
                    matrix.repeat(copies.get(f"layer.{i}.{name}", []))

    def learn_steps(self):
        """Scales of the layers' matrices learn with their weights, of int8 only where no column is repeated."""
        for layer in self.layout.layers:
            for name, _, _ in layer.inputs:
                for matrix in layer.matrices(name):
                    if matrix.kind != "int8" or matrix.times is None:
                        matrix.learn_step()

    @torch.no_grad()
    def state(self):
        """The tensors of a checkpoint that is on the grid."""
        own = {f"{name}.{buffer}" for name, m in self.parts for buffer, _ in m.named_buffers(recurse=False)}
        own |= {f"{name}.step" for name, m in self.parts if getattr(m, "step", None) is not None}
        state = {k: v.detach().cpu().clone() for k, v in self.checkpoint.model.state_dict().items() if k not in own}
        for name, module in self.parts:
            if isinstance(module, Words):
                state[f"{name}.weight"] = module.exported().cpu().contiguous()
            else:
                weight, bias = module.exported()
                state[f"{name}.weight"], state[f"{name}.bias"] = weight.cpu().contiguous(), bias.cpu().contiguous()
        return state


def load(checkpoint):
    """The model of a folder that a recipe wrote, with the arithmetic that its tern_grid.json says."""
    path = os.path.join(checkpoint.folder, "tern_grid.json")
    if not os.path.exists(path):
        fail(f"{path}: is not there; qat.py writes it")
    with open(path, encoding="utf-8") as f:
        g = json.load(f)
    grid = Grid(g["weights"], g["embeddings"], g.get("group", 0), g.get("columns"), g.get("copies"))
    return Quantised(checkpoint, grid, frozen=True)


# ---- The tern program -----------------------------------------------------------------------------------------------


def runs(program):
    """Not so one of a cross build."""
    try:
        return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def find_tern(path):
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    for candidate in [path] if path else sorted(glob.glob(os.path.join(root, "build", "*", "tern"))) + ["tern"]:
        if shutil.which(candidate) and runs(candidate):
            return shutil.which(candidate)
    fail("no tern program is found that runs here, which chooses the columns to repeat: build it (make), name it with --tern, "
         "or take --outliers off")


def last_line(text):
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def choose_copies(tern, folder, weights, group):
    """The columns that `tern convert` repeats of a checkpoint, by the input's name."""
    from safetensors import safe_open
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, "m.tern")
        command = [tern, "convert", folder, "-o", out, "--weights", weights]
        done = subprocess.run(command + (["--group", str(group or 128)] if weights == "int4" else []),
                              capture_output=True, text=True, check=False)
        if done.returncode:
            fail(f"tern convert does not take the checkpoint: {last_line(done.stderr)}")
        copies = {}
        with safe_open(out, "np") as f:
            for name in f.keys():
                if name.endswith(".copies"):
                    reads = {"qkv": "query"}.get(name.split(".")[2], name.split(".")[2])
                    count = int(f.get_tensor(f"layer.{name.split('.')[1]}.{reads}.param")[8])
                    copies[name[:-len(".copies")]] = [int(c) for c in f.get_tensor(name)[:count]]
        return copies
