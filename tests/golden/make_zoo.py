#!/usr/bin/env python3
"""Writes tests/golden/zoo: one small checkpoint of every family, and what PyTorch answers.

make_zoo.py [NAME...]   needs torch, transformers 5.24 and safetensors

zoo/NAME/ has config.json and model.safetensors as transformers saves them (16-bit floats, no tokenizer), and
expected.json: `kind` (embed, classify, tag, answer or fill), `ids` and `types` of each text, and `answers`: of each text
the mean of its states, its logits, the logits of its tokens in a row, or those of all words for the token in its middle. Weights are drawn so wide that a gate, a bias, a turn or a
window that is missing moves every answer.
"""
import json
import math
import os
import sys

import torch
import transformers as tf
from safetensors.torch import load_file, save_file

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "zoo")
VOCAB, POSITIONS, HIDDEN, HEADS, WIDE = 96, 48, 24, 2, 40
LENGTHS = (3, 11, 40)
# Texts that leave a window, and those that are seen in blocks: of more than 5 + 2 * num_random_blocks of them.
LONGER = {"longformer": (3, 37, 90), "longformer-tokens": (2, 33, 70), "longformer-embed": (3, 37, 90)}
LONGER.update({"bigbird": (11, 37, 94), "bigbird-embed": (28, 29, 93), "jina2": (3, 40, 90)})
LONGER.update({"elu": (1, 11, 40), "cosformer": (1, 12, 41)})
LONGER.update({"longformer-answer": (12, 51, 90), "bigbird-answer": (12, 51, 90)})
MASK = 4

BERT = dict(
    vocab_size=VOCAB,
    hidden_size=HIDDEN,
    num_hidden_layers=2,
    num_attention_heads=HEADS,
    intermediate_size=WIDE,
    max_position_embeddings=POSITIONS,
)
DEBERTA = dict(BERT, relative_attention=True, pos_att_type=["c2p", "p2c"], position_biased_input=False)
ROBERTA = {**BERT, "max_position_embeddings": POSITIONS + 2, "type_vocab_size": 1, "pad_token_id": 1}
XMOD = dict(ROBERTA, languages=["en_XX", "de_DE"], default_language="de_DE", adapter_reduction_factor=3)
MOBILEBERT = dict(
    BERT, embedding_size=8, intra_bottleneck_size=16, num_feedforward_networks=3, classifier_activation=False
)

LONGFORMER = {**ROBERTA, "num_hidden_layers": 3, "attention_window": [4, 10, 40], "max_position_embeddings": 98}
BIGBIRD = {**BERT, "max_position_embeddings": 96, "block_size": 4, "attention_type": "block_sparse"}

# name: kind, class, configuration
ZOO = {
    "electra": ("classify", "ElectraForSequenceClassification", dict(BERT, embedding_size=16, num_labels=3)),
    "mpnet": ("embed", "MPNetModel", {**BERT, "max_position_embeddings": POSITIONS + 2}),
    "nomic": ("embed", "NomicBertModel", dict(BERT, head_dim=HIDDEN // HEADS)),
    "gte": ("embed", "GteModel", BERT),
    "squeezebert": (
        "classify",
        "SqueezeBertForSequenceClassification",
        dict(BERT, embedding_size=HIDDEN, q_groups=2, k_groups=4, v_groups=2, num_labels=2),
    ),
    "ernie": ("classify", "ErnieForSequenceClassification", dict(BERT, num_labels=2)),
    "megatron": ("classify", "MegatronBertForSequenceClassification", dict(BERT, num_labels=2)),
    "roberta": ("classify", "RobertaForSequenceClassification", dict(ROBERTA, num_labels=3)),
    "xlm-roberta": ("tag", "XLMRobertaForTokenClassification", dict(ROBERTA, num_labels=3)),
    "roberta-prelayernorm": ("classify", "RobertaPreLayerNormForSequenceClassification", dict(ROBERTA, num_labels=2)),
    "xlm-roberta-xl": ("embed", "XLMRobertaXLModel", ROBERTA),
    "luke": ("embed", "LukeModel", dict(ROBERTA, entity_vocab_size=4, entity_emb_size=8)),
    "ibert": ("classify", "IBertForSequenceClassification", dict(ROBERTA, num_labels=2)),
    "albert": (
        "classify",
        "AlbertForSequenceClassification",
        dict(BERT, num_hidden_layers=4, num_hidden_groups=2, embedding_size=16, num_labels=2),
    ),
    "rembert": ("classify", "RemBertForSequenceClassification", dict(BERT, input_embedding_size=16, num_labels=2)),
    "jina3": ("embed", "JinaEmbeddingsV3Model", dict(BERT, type_vocab_size=1)),
    "roformer": ("classify", "RoFormerForSequenceClassification", dict(BERT, num_labels=2)),
    "esm": ("embed", "EsmModel", dict(BERT, position_embedding_type="rotary", pad_token_id=1, mask_token_id=4)),
    "modernbert": (
        "classify",
        "ModernBertForSequenceClassification",
        dict(BERT, num_hidden_layers=4, local_attention=8, classifier_pooling="mean", num_labels=2),
    ),
    "modernbert-tokens": (
        "tag",
        "ModernBertForTokenClassification",
        dict(BERT, num_hidden_layers=4, local_attention=6, num_labels=2),
    ),
    # of v1 distances beyond 16 are alike; of v2 they share rows from 8 on
    "deberta": (
        "classify",
        "DebertaForSequenceClassification",
        dict(DEBERTA, type_vocab_size=2, max_relative_positions=16, num_labels=2),
    ),
    "deberta-v2": (
        "classify",
        "DebertaV2ForSequenceClassification",
        dict(DEBERTA, share_att_key=True, norm_rel_ebd="layer_norm", position_buckets=16, num_labels=3),
    ),
    "deberta-v2-tokens": (
        "tag",
        "DebertaV2ForTokenClassification",
        {**DEBERTA, "pos_att_type": ["p2c"], "position_biased_input": True, "embedding_size": 16, "num_labels": 2},
    ),
    # the first token is global in a classifier of texts alone
    "longformer": ("classify", "LongformerForSequenceClassification", dict(LONGFORMER, num_labels=3)),
    "longformer-tokens": ("tag", "LongformerForTokenClassification", {**LONGFORMER, "attention_window": 6, "num_labels": 2}),
    "longformer-embed": ("embed", "LongformerModel", LONGFORMER),
    "bigbird": ("classify", "BigBirdForSequenceClassification", dict(BIGBIRD, num_random_blocks=2, num_labels=3)),
    "bigbird-embed": ("embed", "BigBirdModel", dict(BIGBIRD, num_random_blocks=1, hidden_act="gelu")),
    # slopes of six heads are those of four and two of eight
    "jina2": (
        "embed",
        "JinaBert",
        {
            **BERT,
            "num_attention_heads": 6,
            "max_position_embeddings": 96,
            "position_embedding_type": "alibi",
            "feed_forward_type": "geglu",
            "emb_pooler": "mean",
        },
    ),
    "xmod": ("embed", "XmodModel", dict(XMOD, adapter_layer_norm=True)),
    "xmod-prenorm": (
        "classify",
        "XmodForSequenceClassification",
        dict(XMOD, pre_norm=True, ln_before_adapter=False, num_labels=2),
    ),
    "mobilebert": (
        "classify",
        "MobileBertForSequenceClassification",
        {**MOBILEBERT, "classifier_activation": True, "num_labels": 3},
    ),
    "mobilebert-tokens": (
        "tag",
        "MobileBertForTokenClassification",
        dict(MOBILEBERT, use_bottleneck_attention=True, key_query_shared_bottleneck=False, num_labels=2),
    ),
    "convbert": (
        "classify",
        "ConvBertForSequenceClassification",
        dict(BERT, num_attention_heads=4, embedding_size=16, head_ratio=2, conv_kernel_size=5, num_labels=3),
    ),
    "convbert-tokens": (
        "tag",
        "ConvBertForTokenClassification",
        dict(BERT, embedding_size=HIDDEN, head_ratio=4, conv_kernel_size=9, num_labels=2),
    ),
    "fnet": (
        "classify",
        "FNetForSequenceClassification",
        {**{k: v for k, v in BERT.items() if k != "num_attention_heads"}, "type_vocab_size": 2, "num_labels": 2},
    ),
    "nystromformer": (
        "classify",
        "NystromformerForSequenceClassification",
        dict(
            BERT, hidden_act="gelu_new", num_landmarks=48, segment_means_seq_len=48, conv_kernel_size=5, num_labels=3
        ),
    ),
    "mobilebert-wide": ("embed", "MobileBertModel", dict(MOBILEBERT, use_bottleneck=False, type_vocab_size=1)),
    "bert-fill": ("fill", "BertForMaskedLM", BERT),
    "distilbert-fill": (
        "fill",
        "DistilBertForMaskedLM",
        dict(vocab_size=VOCAB, dim=HIDDEN, n_layers=2, n_heads=HEADS, hidden_dim=WIDE, max_position_embeddings=POSITIONS),
    ),
    "electra-fill": ("fill", "ElectraForMaskedLM", dict(BERT, embedding_size=16)),
    "albert-fill": ("fill", "AlbertForMaskedLM", dict(BERT, embedding_size=16)),
    "rembert-fill": ("fill", "RemBertForMaskedLM", dict(BERT, input_embedding_size=16, output_embedding_size=32)),
    "roberta-fill": ("fill", "RobertaForMaskedLM", ROBERTA),
    "nomic-fill": ("fill", "NomicBertForMaskedLM", dict(BERT, head_dim=HIDDEN // HEADS)),
    "gte-fill": ("fill", "GteForMaskedLM", BERT),
    "modernbert-fill": ("fill", "ModernBertForMaskedLM", dict(BERT, local_attention=8)),
    "eurobert-fill": ("fill", "EuroBertForMaskedLM", dict(BERT, num_key_value_heads=1)),
    "deberta-v2-fill": ("fill", "DebertaV2ForMaskedLM", DEBERTA),
    "bert-answer": ("answer", "BertForQuestionAnswering", BERT),
    "modernbert-answer": ("answer", "ModernBertForQuestionAnswering", dict(BERT, local_attention=8)),
    "mobilebert-answer": ("answer", "MobileBertForQuestionAnswering", MOBILEBERT),
    # more than 128 logits of kernels, which two threads once made inside of one another
    "convbert-wide": (
        "embed",
        "ConvBertModel",
        dict(BERT, num_attention_heads=4, embedding_size=16, head_ratio=2, conv_kernel_size=71),
    ),
    # texts without masks, with one, and with nothing but masks in their middle
    "esm-dropout": (
        "embed",
        "EsmModel",
        dict(BERT, position_embedding_type="rotary", pad_token_id=1, mask_token_id=MASK, token_dropout=True),
    ),
    # the questions' tokens are global; in the longest text they are more than a block of queries
    "longformer-answer": ("answer", "LongformerForQuestionAnswering", dict(LONGFORMER, sep_token_id=3)),
    # its head has a feed-forward layer, and takes 10^6 from the logits of questions
    "bigbird-answer": ("answer", "BigBirdForQuestionAnswering", dict(BIGBIRD, num_random_blocks=2, sep_token_id=3)),
    "mobilebert-fill": ("fill", "MobileBertForMaskedLM", MOBILEBERT),
    "ultrabert": (
        "classify",
        "UltrabertForSequenceClassification",
        dict(BERT, num_hidden_layers=4, num_key_value_heads=1, sliding_window=3, classifier_pooling="mean", num_labels=3),
    ),
    "jina3-classify": (
        "classify",
        "JinaEmbeddingsV3ForSequenceClassification",
        dict(BERT, type_vocab_size=1, num_labels=3),
    ),
    # what stands in place of softmax attention over all tokens (attend below)
    "windows": ("classify", "BertForSequenceClassification", dict(BERT, attention_window=[8, None], num_labels=2)),
    "elu": ("embed", "RobertaModel", dict(ROBERTA, attention_kind="linear", feature_map="elu", attention_window=None)),
    "cosformer": (
        "classify",
        "DistilBertForSequenceClassification",
        dict(
            vocab_size=VOCAB,
            dim=HIDDEN,
            n_layers=2,
            n_heads=HEADS,
            hidden_dim=WIDE,
            max_position_embeddings=POSITIONS,
            attention_kind="linear",
            feature_map="cosformer",
            num_labels=3,
        ),
    ),
    "linear-mixed": (
        "tag",
        "ElectraForTokenClassification",
        dict(
            BERT,
            embedding_size=HIDDEN,
            num_hidden_layers=3,
            attention_kind=["linear", "softmax", "linear"],
            feature_map="relu",
            attention_window=[None, 6, None],
            num_labels=2,
        ),
    ),
    "electra-wide": ("embed", "ElectraModel", dict(BERT, embedding_size=40)),
}


class JinaBert(torch.nn.Module):
    """jinaai/jina-bert-implementation's encoder, which transformers has no class of, by its published formulas: BERT
    whose scores lose slope * distance, and whose feed-forward is wo(gelu(first half) * second half of gated_layers)."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        h, n, eps = config.hidden_size, config.num_hidden_layers, config.layer_norm_eps
        linear, table, norm = torch.nn.Linear, torch.nn.Embedding, torch.nn.LayerNorm
        dicts = torch.nn.ModuleDict
        self.embeddings = dicts(
            dict(
                word_embeddings=table(config.vocab_size, h),
                token_type_embeddings=table(config.type_vocab_size, h),
                LayerNorm=norm(h, eps),
            )
        )
        wide = config.intermediate_size
        layers = [
            dict(
                attention=dicts(
                    {
                        "self": dicts(dict(query=linear(h, h), key=linear(h, h), value=linear(h, h))),
                        "output": dicts(dict(dense=linear(h, h), LayerNorm=norm(h, eps))),
                    }
                ),
                mlp=dicts(
                    dict(gated_layers=linear(h, 2 * wide, bias=False), wo=linear(wide, h), layernorm=norm(h, eps))
                ),
            )
            for _ in range(n)
        ]
        self.encoder = dicts(dict(layer=torch.nn.ModuleList([dicts(x) for x in layers])))
        self.pooler = dicts(dict(dense=linear(h, h)))

    @staticmethod
    def slopes(n):
        """Of n heads; for no power of two those of the last, then every other one of the next."""
        if math.log2(n).is_integer():
            start = 2 ** (-(2 ** -(math.log2(n) - 3)))
            return [start ** (i + 1) for i in range(n)]
        power = 2 ** math.floor(math.log2(n))
        return JinaBert.slopes(power) + JinaBert.slopes(2 * power)[0::2][: n - power]

    def forward(self, input_ids, token_type_ids):
        e, c, n = self.embeddings, self.config, input_ids.shape[1]
        x = e["LayerNorm"](e["word_embeddings"](input_ids) + e["token_type_embeddings"](token_type_ids))[0]
        at = torch.arange(n)
        bias = -(at[:, None] - at[None]).abs() * torch.tensor(self.slopes(c.num_attention_heads))[:, None, None]
        for layer in self.encoder["layer"]:
            own, out, mlp = layer["attention"]["self"], layer["attention"]["output"], layer["mlp"]
            q, k, v = (own[m](x).view(n, c.num_attention_heads, -1).transpose(0, 1) for m in ("query", "key", "value"))
            p = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[2]) + bias, 2)
            x = out["LayerNorm"](out["dense"]((p @ v).transpose(0, 1).reshape(n, -1)) + x)
            gate, up = mlp["gated_layers"](x).chunk(2, 1)
            x = mlp["layernorm"](mlp["wo"](torch.nn.functional.gelu(gate) * up) + x)
        return tf.modeling_outputs.BaseModelOutput(last_hidden_state=x[None])

    def save_pretrained(self, to):
        os.makedirs(to, exist_ok=True)
        self.config.architectures = ["JinaBertModel"]
        self.config.save_pretrained(to)
        save_file({k: v.contiguous() for k, v in self.state_dict().items()}, os.path.join(to, "model.safetensors"))


JinaBert.config_class = tf.BertConfig


def feature_map(x, name):
    """[heads][n][features]; cosFormer's by the token's place, from 1 on, and the text's length."""
    if name == "elu":
        return torch.nn.functional.elu(x) + 1
    if name == "relu":
        return x.relu()
    angle = math.pi / 2 * torch.arange(1, x.shape[1] + 1)[:, None] / x.shape[1]
    return torch.cat([x.relu() * angle.cos(), x.relu() * angle.sin()], 2)


def attend(module, query, key, value, attention_mask, scaling=None, **others):
    """transformers' attention with the keys attention_window, attention_kind and feature_map, by whole weights."""
    config, i = module.config, module.layer_number
    of_layer = [x[i] if isinstance(x, list) else x for x in (config.window_of_layers, config.kind_of_layers)]
    q, k, v = query[0], key[0], value[0]
    if of_layer[1] == "linear":
        p = feature_map(q, config.feature_map) @ feature_map(k, config.feature_map).transpose(1, 2)
        p = p / p.sum(2, keepdim=True).clamp(min=1e-6)
    else:
        s = q @ k.transpose(1, 2) / math.sqrt(q.shape[2])
        at = torch.arange(q.shape[1])
        if of_layer[0]:
            s = s.masked_fill((at[:, None] - at[None]).abs() > of_layer[0] // 2, -math.inf)
        p = torch.softmax(s, 2)
    return (p @ v).transpose(0, 1)[None], p[None]


def use_mixers(model, config):
    """Lets a model whose config has such keys attend by them; its config.json is written before."""
    if not hasattr(config, "attention_window") and not hasattr(config, "attention_kind") or "Longformer" in type(model).__name__:
        return
    tf.AttentionInterface.register("mixers", attend)
    config._attn_implementation = "mixers"
    config.window_of_layers = getattr(config, "attention_window", None)
    config.kind_of_layers = getattr(config, "attention_kind", "softmax")
    attentions = [m for m in model.modules() if type(m).__name__.endswith("SelfAttention")]
    assert len(attentions) == config.num_hidden_layers
    for number, m in enumerate(attentions):
        m.layer_number, m.config = number, config


def draw(model, seed):
    torch.manual_seed(seed)
    for name, p in model.named_parameters():
        if "norm" in name.lower() and name.endswith("weight"):
            p.uniform_(0.6, 1.5)
        elif p.dim() == 1:
            p.normal_(0, 0.2)
        elif "embed" in name or "relative_attention_bias" in name:
            p.normal_(0, 0.5)
        else:
            p.normal_(0, 1.2 / p.shape[1] ** 0.5)
        p.copy_(p.half().float())


def answer(model, kind, ids, types):
    inputs = {"input_ids": torch.tensor([ids])}
    if types:
        inputs["token_type_ids"] = torch.tensor([types])
    encoder = getattr(model, "bert", model)
    if hasattr(encoder, "set_attention_type"):  # BigBird's, which a short text changes for all that follow
        encoder.set_attention_type(model.config.attention_type)
    out = model(**inputs)
    if kind == "fill":
        return out.logits[0, len(ids) // 2].tolist()
    if kind == "answer":
        return torch.stack([out.start_logits[0], out.end_logits[0]], 1).flatten().tolist()
    return (out.last_hidden_state[0].mean(0) if kind == "embed" else out.logits[0].flatten()).tolist()


def put_special(name, ids):
    """Separators behind questions, as the families' tokenizers put them, and masks."""
    for number, text in enumerate(ids):
        n = len(text)
        question = n // 2 if number else 4
        if name in ("longformer-answer", "bigbird-answer"):
            text[question] = 3
        if name == "longformer-answer":
            text[question + 1] = 3
        if name == "esm-dropout" and number:
            for i in range(3, 4 if number == 1 else n - 4):
                text[i] = MASK


def make(name, seed):
    kind, cls, numbers = ZOO[name]
    cls = getattr(tf, cls, None) or globals()[cls]
    config = cls.config_class(**{"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, **numbers})
    config._attn_implementation = "eager"
    model = cls(config).eval()
    draw(model, seed)
    to = os.path.join(HERE, name)
    model.save_pretrained(to)
    path = os.path.join(to, "model.safetensors")
    save_file({k: v.half() if v.is_floating_point() else v for k, v in load_file(path).items()}, path)
    use_mixers(model, config)
    random = torch.Generator().manual_seed(seed)
    lengths = LONGER.get(name, LENGTHS)
    ids = [([2] + torch.randint(5, VOCAB, (max(n - 2, 0),), generator=random).tolist() + [3])[:n] for n in lengths]
    put_special(name, ids)
    two = getattr(config, "type_vocab_size", 1) == 2 and not name.startswith("esm") and name != "bigbird-answer"
    types = [[0] * (n - n // 3) + [1] * (n // 3) for n in lengths] if two else None
    answers = [answer(model, kind, ids[i], types[i] if types else None) for i in range(len(ids))]
    with open(os.path.join(to, "expected.json"), "w") as f:
        json.dump(dict(kind=kind, ids=ids, types=types, answers=[[float(f"{x:.6g}") for x in a] for a in answers]), f)
        f.write("\n")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    for number, name in enumerate(ZOO):
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            make(name, 100 + number)
