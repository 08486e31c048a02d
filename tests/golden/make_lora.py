#!/usr/bin/env python3
"""Writes tests/golden/zoo/jina3-lora: a small jina-embeddings-v3 with an adapter for each of five tasks, its tensors and
config.json called as those that were published, and what PyTorch answers without a task and with each.

make_lora.py   needs torch, transformers 5.24 and safetensors

The formulas are those of modeling_lora.py in jinaai/xlm-roberta-flash-implementation (recalled, not run): a matrix is
W + B A alpha / rank, a table of embeddings W + A B alpha / rank. The answers are transformers' class's with these weights.
"""
import json
import os

import torch
import transformers as tf
from make_zoo import BERT, HERE, LENGTHS, VOCAB, answer, draw
from safetensors.torch import load_file, save_file

NAME, SEED, RANK, ALPHA = "jina3-lora", 311, 3, 2
TASKS = ["retrieval.query", "retrieval.passage", "separation", "classification", "text-matching"]


def merged(weight, a, b, is_table):
    return (weight + (a @ b if is_table else b @ a) * (ALPHA / RANK)).float()


def main():
    torch.set_grad_enabled(False)
    config = tf.JinaEmbeddingsV3Config(**{**BERT, "type_vocab_size": 1, "pad_token_id": 0})
    config._attn_implementation = "eager"
    model = tf.JinaEmbeddingsV3Model(config).eval()
    draw(model, SEED)
    to = os.path.join(HERE, NAME)
    model.save_pretrained(to)
    path = os.path.join(to, "model.safetensors")
    plain = load_file(path)
    published, tasks = {}, [dict(plain) for _ in TASKS]
    for name, w in plain.items():
        stem, is_table = name.removesuffix(".weight"), "embeddings" in name
        if w.dim() < 2 or not name.endswith(".weight"):
            published["roberta." + name] = w.half()
            continue
        n, k = w.shape
        a = torch.randn(len(TASKS), *((n, RANK) if is_table else (RANK, k))).mul(0.4).half()
        b = torch.randn(len(TASKS), *((RANK, k) if is_table else (n, RANK))).mul(0.4).half()
        front = f"roberta.{stem}.parametrizations.weight."
        published.update({front + "original": w.half(), front + "0.lora_A": a, front + "0.lora_B": b})
        for i, task in enumerate(tasks):
            task[name] = merged(w, a[i].double(), b[i].double(), is_table)
    random = torch.Generator().manual_seed(SEED)
    ids = [[2] + torch.randint(5, VOCAB, (n - 2,), generator=random).tolist() + [3] for n in LENGTHS]
    answers = []
    for tensors in [plain] + tasks:
        save_file(tensors, path, metadata={"format": "pt"})
        model = tf.JinaEmbeddingsV3Model.from_pretrained(to, attn_implementation="eager").eval()
        answers.append([[float(f"{x:.6g}") for x in answer(model, "embed", i, None)] for i in ids])
    save_file(published, path, metadata={"format": "pt"})
    code = "jinaai/xlm-roberta-flash-implementation--"
    numbers = {k: v for k, v in config.to_dict().items() if k in BERT or k.endswith("_id") or k == "layer_norm_eps"}
    numbers.update(
        architectures=["XLMRobertaModel"],
        model_type="xlm-roberta",
        auto_map={
            "AutoConfig": code + "configuration_xlm_roberta.XLMRobertaFlashConfig",
            "AutoModel": code + "modeling_lora.XLMRobertaLoRA",
        },
        emb_pooler=None,
        hidden_act="gelu",
        layer_norm_eps=1e-5,
        load_trained_adapters=True,
        lora_adaptations=TASKS,
        lora_alpha=ALPHA,
        lora_dropout_p=0.0,
        lora_main_params_trained=False,
        lora_rank=RANK,
        matryoshka_dimensions=[8, 24],
        position_embedding_type="rotary",
        rotary_emb_base=20000.0,
        task_instructions={"retrieval.query": "Represent the query for retrieving evidence documents: "},
        truncate_dim=None,
        type_vocab_size=1,
        use_flash_attn=True,
        use_reg_tokens=False,
    )
    with open(os.path.join(to, "config.json"), "w") as f:
        json.dump(numbers, f, indent=2, sort_keys=True)
        f.write("\n")
    with open(os.path.join(to, "expected.json"), "w") as f:
        json.dump(dict(kind="embed", ids=ids, types=None, answers=answers[0], tasks=dict(zip(TASKS, answers[1:]))), f)
        f.write("\n")


main()
