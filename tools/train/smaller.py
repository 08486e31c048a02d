"""A smaller model out of a larger one: the layers that are chosen, and of width, heads and feed-forward rows those that
weigh most."""
import copy
import os

import torch
from torch import nn

from folder import Checkpoint, fail
from layout import Layout, sub_norm_of


def choose_layers(text, n):
    """Numbers from 1 on: of "3" layers evenly spaced ones, the last among them; of "1,4,6" these."""
    numbers = [int(t) if t.isdigit() else 0 for t in text.split(",")]
    most = numbers[0] if len(numbers) == 1 else max(numbers)
    if min(numbers) < 1 or most > n or sorted(set(numbers)) != numbers:
        fail(f"--layers {text}: the model has layers 1 to {n}; give how many are to stay, or a rising list of two or "
             "more of them")
    return [round((i + 1) * n / most) for i in range(most)] if len(numbers) == 1 else numbers


def largest(score, count):
    """The places of the `count` largest numbers, in their order."""
    return torch.sort(torch.sort(score, descending=True, stable=True).indices[:count]).values


def copied(parameter, *index):
    """Some of a parameter's rows, and of its columns."""
    for dimension, chosen in enumerate(index):
        if chosen is not None:
            parameter = parameter.index_select(dimension, chosen)
    return nn.Parameter(parameter.detach().clone())


def cut_matrix(linear, outputs=None, inputs=None):
    linear.weight = copied(linear.weight, outputs, inputs)
    linear.bias = copied(linear.bias, outputs)
    linear.out_features, linear.in_features = linear.weight.shape


def cut_norm(norm, columns):
    norm.weight, norm.bias = copied(norm.weight, columns), copied(norm.bias, columns)
    norm.normalized_shape = (len(columns),)


def cut_table(table, rows=None, columns=None):
    table.weight = copied(table.weight, rows, columns)
    table.num_embeddings, table.embedding_dim = table.weight.shape


# ---- What weighs most -----------------------------------------------------------------------------------------------


def column_scores(layout):
    """Of each column of the rows between layers: the squares of what reads it, times gamma."""
    score = 0
    for layer in layout.layers:
        for name, norm, places in layer.inputs:
            if name in ("qkv", "ffn_up"):
                gamma = 1 if norm is None else norm.weight.detach()
                score = score + sum((getattr(*p).weight.detach() * gamma).square().sum(0) for p in places)
    return score


def neuron_scores(layer):
    """Of each row of a feed-forward layer: the length of its weights times that of what reads it."""
    up, down = layer.matrices("ffn_up")[0].weight, layer.matrices("ffn_down")[0].weight
    return (up.norm(dim=1) * down.norm(dim=0)).detach()


def head_scores(layer, heads):
    """Of each head: the size of the product of its value and output matrices, which is what it can add."""
    value = layer.matrices("qkv")[2].weight.detach().chunk(heads)
    out = layer.matrices("attn_out")[0].weight.detach().chunk(heads, 1)
    return torch.stack([(o @ v).norm() for o, v in zip(out, value)])


def head_rows(layer, heads, kept, width):
    """Rows of (query and key, value) for the heads in `kept`, `width` of each: those that weigh most."""
    query, key, value = (m.weight.detach().norm(dim=1) for m in layer.matrices("qkv"))
    out = layer.matrices("attn_out")[0].weight.detach().norm(dim=0)
    size = len(query) // heads
    def rows(score):
        parts = score.view(heads, size)
        return torch.cat([h * size + largest(parts[h], width) for h in kept])
    return rows(query * key), rows(value * out)


# ---- The cut --------------------------------------------------------------------------------------------------------


def heads_of(layer, config):
    """How many heads a layer has: less than the config says where some were pruned."""
    return layer.matrices("qkv")[0].out_features // (config.hidden_size // config.num_attention_heads)


def cut_heads(layer, heads, kept, width):
    read, value = head_rows(layer, heads, kept, width)
    query, key, values = layer.matrices("qkv")
    before = query.out_features // heads
    cut_matrix(query, read)
    cut_matrix(key, read)
    cut_matrix(values, value)
    cut_matrix(layer.matrices("attn_out")[0], None, value)
    with torch.no_grad():  # scores are divided by the root of the width
        query.weight *= (width / before)**0.5
        query.bias *= (width / before)**0.5
    layer.attention.attention_head_size, layer.attention.scaling = width, width**-0.5
    name = "num_attention_heads" if hasattr(layer.attention, "num_attention_heads") else "n_heads"
    setattr(layer.attention, name, len(kept))


def cut_columns(checkpoint, layout, columns):
    embeddings, encoder = layout.embeddings, checkpoint.encoder
    if layout.project:
        cut_matrix(getattr(*layout.project), columns)
    else:
        for table in (embeddings.word_embeddings, embeddings.position_embeddings, layout.types):
            if table is not None:
                cut_table(table, None, columns)
        cut_norm(embeddings.LayerNorm, columns)
    for layer in layout.layers:
        for name, _, places in layer.inputs:
            for matrix in (getattr(*p) for p in places):
                cut_matrix(matrix, *((None, columns) if name in ("qkv", "ffn_up") else (columns, None)))
        cut_norm(layer.attn_norm, columns)
        cut_norm(layer.ffn_norm, columns)
    heads = [getattr(*place) for place in layout.heads]
    for i, matrix in enumerate(heads):
        cut_matrix(matrix, columns if i + 1 < len(heads) else None, columns)
    pooler = getattr(encoder, "pooler", None)
    if pooler is not None and pooler.dense not in heads:
        cut_matrix(pooler.dense, columns, columns)


class Cut:
    """A smaller copy of a checkpoint's model, and what it has of the larger one: `layers` (from 1 on), the `columns` of
    its rows, and the `heads` of each layer."""

    def __init__(self, checkpoint, layers=None):
        self.checkpoint = Checkpoint(checkpoint.folder, copy.deepcopy(checkpoint.model), checkpoint.tokenizer,
                                     checkpoint.task, checkpoint.pooling)
        self.config = self.checkpoint.config
        self.layout = Layout(self.checkpoint)
        if any(sub_norm_of(place) for layer in self.layout.layers for place in layer.sub_places):
            fail(f"{checkpoint.folder}: has sub-norms, whose widths are not cut; start from a model without them, and "
                 "let qat.py add them")
        n = len(self.layout.layers)
        self.layers = choose_layers(layers, n) if layers else list(range(1, n + 1))
        self.columns = torch.arange(self.config.hidden_size)
        if layers:
            self.keep_layers()
        self.counts = [heads_of(layer, self.config) for layer in self.layout.layers]
        self.heads = [list(range(count)) for count in self.counts]

    def keep_layers(self):
        encoder = self.checkpoint.encoder
        stack = encoder.transformer if self.config.model_type == "distilbert" else encoder.encoder
        stack.layer = nn.ModuleList([stack.layer[i - 1] for i in self.layers])
        self.config.num_hidden_layers = len(self.layers)
        pruned = getattr(self.config, "pruned_heads", None) or {}
        self.set_pruned({str(i): pruned[str(l - 1)] for i, l in enumerate(self.layers) if str(l - 1) in pruned})
        self.layout = Layout(self.checkpoint)

    def set_pruned(self, pruned):
        if pruned or getattr(self.config, "pruned_heads", None):
            self.config.pruned_heads = pruned

    def narrow(self, hidden=None, heads=None, intermediate=None):
        """The same width for all layers."""
        config = self.config
        before, count = config.hidden_size, config.num_attention_heads
        size = before // count
        if hidden or heads:
            if getattr(config, "pruned_heads", None):
                fail("--hidden and --heads: layers of the teacher have less heads than others, and its own are kept")
            hidden = hidden or before
            if not heads and hidden % size:
                fail(f"--hidden {hidden}: is no multiple of the {size} numbers of a head; say --heads")
            heads = heads or hidden // size
            if hidden > before or heads > count or hidden % heads or hidden // heads > size:
                fail(f"--hidden {hidden} --heads {heads}: they are cut out of {before} columns and {count} heads of "
                     f"{size}; hidden must be a multiple of heads, and no part may be larger")
            for i, layer in enumerate(self.layout.layers):
                self.heads[i] = largest(head_scores(layer, count), heads).tolist()
                cut_heads(layer, count, self.heads[i], hidden // heads)
            if self.layout.project and hidden == config.embedding_size:
                fail(f"--hidden {hidden}: ELECTRA's embeddings are as wide, and such a model does not project them; "
                     "choose another width")
            if hidden < before:
                self.columns = largest(column_scores(self.layout), hidden)
                cut_columns(self.checkpoint, self.layout, self.columns)
            if hasattr(config, "embedding_size") and not self.layout.project:
                config.embedding_size = hidden
            config.hidden_size, config.num_attention_heads = hidden, heads
        if intermediate:
            self.cut_rows(intermediate)

    def cut_rows(self, count):
        name = "hidden_dim" if self.config.model_type == "distilbert" else "intermediate_size"
        if count < 1 or count > getattr(self.config, name):
            fail(f"feed-forward layers of {count} rows: they are cut out of {getattr(self.config, name)}")
        for layer in self.layout.layers:
            chosen = largest(neuron_scores(layer), count)
            cut_matrix(layer.matrices("ffn_up")[0], chosen)
            cut_matrix(layer.matrices("ffn_down")[0], None, chosen)
        setattr(self.config, name, count)

    def prune_heads(self, part):
        """Takes out that part of all heads, those that can add least, but of each layer the last one; config.json names
        them as transformers' prune_heads did."""
        scores = [head_scores(layer, n) for layer, n in zip(self.layout.layers, self.counts)]
        order = sorted((float(s), i, h) for i, layer in enumerate(scores) for h, s in enumerate(layer / layer.mean()))
        most = sum(self.counts) - len(self.counts)
        count = round(part * sum(self.counts))
        if count > most:
            fail(f"--heads {part}: {count} of {sum(self.counts)} heads, and {most} can go: a layer needs one")
        gone = [set() for _ in self.counts]
        for _, i, h in order:
            if sum(map(len, gone)) < count and len(gone[i]) + 1 < self.counts[i]:
                gone[i].add(h)
        before, pruned = getattr(self.config, "pruned_heads", None) or {}, {}
        width = self.config.hidden_size // self.config.num_attention_heads
        for i, layer in enumerate(self.layout.layers):
            earlier = before.get(str(i), [])
            names = [h for h in range(self.config.num_attention_heads) if h not in earlier]
            if earlier or gone[i]:
                pruned[str(i)] = sorted(earlier + [names[h] for h in gone[i]])
            self.heads[i] = [h for h in range(self.counts[i]) if h not in gone[i]]
            if gone[i]:
                cut_heads(layer, self.counts[i], self.heads[i], width)
        self.set_pruned(pruned)

    def projections(self, wide):
        """Modules that make the student's rows as wide as the teacher's, at first its columns at their places."""
        narrow = len(self.columns)
        if narrow == wide:
            return nn.ModuleDict()
        out = nn.ModuleDict({name: nn.Linear(narrow, wide, bias=False) for name in ("hidden", "outputs")})
        for linear in out.values():
            with torch.no_grad():
                linear.weight.zero_()[self.columns, torch.arange(narrow)] = 1
        return out


def read_pruned_heads(checkpoint):
    """Gives layers the widths that pruned_heads of config.json says, which transformers no longer knows, and their
    tensors."""
    from safetensors import safe_open
    config = checkpoint.config
    width = config.hidden_size // config.num_attention_heads
    path = os.path.join(checkpoint.folder, "model.safetensors")
    if not os.path.exists(path):
        fail(f"{path}: is not there; checkpoints with pruned_heads are read from that file")
    names = {id(m): name for name, m in checkpoint.model.named_modules()}
    with safe_open(path, "pt") as f:
        for i, gone in config.pruned_heads.items():
            layer = Layout(checkpoint).layers[int(i)]
            kept = [h for h in range(config.num_attention_heads) if h not in gone]
            cut_heads(layer, config.num_attention_heads, kept, width)
            for matrix in layer.matrices("qkv") + layer.matrices("attn_out"):
                for name in ("weight", "bias"):
                    tensor = f.get_tensor(f"{names[id(matrix)]}.{name}")
                    if tensor.shape != getattr(matrix, name).shape:
                        fail(f"{path}: {names[id(matrix)]}.{name} has not the size that pruned_heads says")
                    getattr(matrix, name).data.copy_(tensor)
