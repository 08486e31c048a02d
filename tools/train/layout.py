"""Where the parts of a model are, whatever its family calls them, and BitNet's sub-norms."""
import os

import torch
from torch import nn


def sub_norm_of(place):
    """The norm in front of a matrix that a layer's block keeps beside it; None: there is none."""
    return getattr(place[0], "sub_norm", None)


class Layer:
    """The parts of an encoder's layer, whatever the family calls them; `inputs` are (name, norm before, matrices)."""

    def __init__(self, block, before, family):
        self.block = block
        if family == "distilbert":
            a, f = block.attention, block.ffn
            self.attention, self.attn_norm, self.ffn_norm = a, block.sa_layer_norm, block.output_layer_norm
            places = [(a, "q_lin"), (a, "k_lin"), (a, "v_lin"), (a, "out_lin"), (f, "lin1"), (f, "lin2")]
            self.activation = (f, "activation")
        else:
            a, o = block.attention.self, block.attention.output
            self.attention, self.attn_norm, self.ffn_norm = a, o.LayerNorm, block.output.LayerNorm
            places = [(a, "query"), (a, "key"), (a, "value"), (o, "dense"), (block.intermediate, "dense"),
                      (block.output, "dense")]
            self.activation = (block.intermediate, "intermediate_act_fn")
        self.sub_places = [places[3], places[5]]
        self.inputs = [("qkv", before, places[:3]), ("attn_out", sub_norm_of(places[3]), places[3:4]),
                       ("ffn_up", self.attn_norm, places[4:5]), ("ffn_down", sub_norm_of(places[5]), places[5:])]

    def matrices(self, name):
        return [getattr(*place) for input_name, _, places in self.inputs for place in places if input_name == name]


class Layout:
    """Where the parts of a model are."""

    def __init__(self, checkpoint):
        encoder, family = checkpoint.encoder, checkpoint.config.model_type
        self.family, self.embeddings = family, encoder.embeddings
        self.types = getattr(self.embeddings, "token_type_embeddings", None)
        stack = encoder.transformer.layer if family == "distilbert" else encoder.encoder.layer
        before = self.embeddings.LayerNorm
        self.project = (encoder, "embeddings_project") if hasattr(encoder, "embeddings_project") else None
        self.layers = []
        for i, block in enumerate(stack):
            self.layers.append(Layer(block, None if i == 0 and self.project else before, family))
            before = self.layers[-1].ffn_norm
        self.last_norm = before
        # Heads, in the order in which they read each other: the first reads the last norm.
        self.heads = []
        model = checkpoint.model
        if checkpoint.task == "tag":
            self.heads = [(model, "classifier")]
        elif checkpoint.task == "classify":
            if family == "distilbert":
                self.heads = [(model, "pre_classifier"), (model, "classifier")]
            elif hasattr(model.classifier, "dense"):
                self.heads = [(model.classifier, "dense"), (model.classifier, "out_proj")]
            else:
                self.heads = [(encoder.pooler, "dense"), (model, "classifier")]

    def positions(self):
        """Tokens of the longest text. RoBERTa's count begins behind that of padding."""
        table = self.embeddings.position_embeddings
        behind = table.padding_idx is not None and self.family != "bert"
        return table.num_embeddings - (table.padding_idx + 1 if behind else 0)


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def watch_sub_norm(place):
    """The matrix reads what the norm beside it gives."""
    norm = sub_norm_of(place)
    if norm is not None:
        getattr(*place).register_forward_pre_hook(lambda m, arguments: (norm(arguments[0]),))


def add_sub_norms(checkpoint):
    """LayerNorms in front of attn_out and ffn_down, which transformers' classes do not have (BitNet: Wang et al. 2023).
    Their tensors are called sub_norm; in a folder that has some they are read."""
    from safetensors import safe_open
    layout = Layout(checkpoint)
    for layer in layout.layers:
        for place in layer.sub_places:
            width = getattr(*place).in_features
            place[0].sub_norm = nn.LayerNorm(width, eps=layer.ffn_norm.eps)
            watch_sub_norm(place)
    path = os.path.join(checkpoint.folder, "model.safetensors")
    with safe_open(path, "pt") as f:
        found = {name: f.get_tensor(name) for name in f.keys() if ".sub_norm." in name}
    checkpoint.model.load_state_dict(found, strict=False)
    return bool(found)


@torch.no_grad()
def settle_sub_norms(checkpoint, arguments):
    """New sub-norms give back the mean and the spread that rows have on a batch, so that training begins near the model
    as it was: each layer after those before it."""
    seen = {}
    for layer in Layout(checkpoint).layers:
        for place in layer.sub_places:
            norm = sub_norm_of(place)
            hook = norm.register_forward_pre_hook(lambda m, a: seen.update({m: a[0]}))
            checkpoint.model(**arguments)
            hook.remove()
            rows = seen[norm][arguments["attention_mask"] > 0]
            norm.weight.fill_(float(rows.std(-1).mean()))
            norm.bias.fill_(float(rows.mean()))
