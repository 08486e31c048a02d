#!/usr/bin/env python3
"""Writes tests/golden/zoo: one small checkpoint of every family, and what PyTorch answers.

make_zoo.py [NAME...]   needs torch, transformers and safetensors

zoo/NAME/ has config.json and model.safetensors as transformers saves them (16-bit floats, no tokenizer), and
expected.json: `kind` (embed, classify or tag), `ids` and `types` of each text, and `answers`: of each text the mean of
its states, its logits, or the logits of its tokens in a row. Weights are drawn so wide that a gate, a bias, a turn or a
window that is missing moves every answer.
"""
import json
import os
import sys

import torch
import transformers as tf
from safetensors.torch import load_file, save_file

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "zoo")
VOCAB, POSITIONS, HIDDEN, HEADS, WIDE = 96, 48, 24, 2, 40
LENGTHS = (3, 11, 40)

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
}


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
    out = model(**inputs)
    return (out.last_hidden_state[0].mean(0) if kind == "embed" else out.logits[0].flatten()).tolist()


def make(name, seed):
    kind, cls, numbers = ZOO[name]
    cls = getattr(tf, cls)
    config = cls.config_class(**{"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, **numbers})
    config._attn_implementation = "eager"
    model = cls(config).eval()
    draw(model, seed)
    to = os.path.join(HERE, name)
    model.save_pretrained(to)
    path = os.path.join(to, "model.safetensors")
    save_file({k: v.half() if v.is_floating_point() else v for k, v in load_file(path).items()}, path)
    random = torch.Generator().manual_seed(seed)
    ids = [[2] + torch.randint(5, VOCAB, (n - 2,), generator=random).tolist() + [3] for n in LENGTHS]
    two = getattr(config, "type_vocab_size", 1) == 2 and name != "esm"
    types = [[0] * (n - n // 3) + [1] * (n // 3) for n in LENGTHS] if two else None
    answers = [answer(model, kind, ids[i], types[i] if types else None) for i in range(len(ids))]
    with open(os.path.join(to, "expected.json"), "w") as f:
        json.dump(dict(kind=kind, ids=ids, types=types, answers=[[float(f"{x:.6g}") for x in a] for a in answers]), f)
        f.write("\n")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    for number, name in enumerate(ZOO):
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            make(name, 100 + number)
