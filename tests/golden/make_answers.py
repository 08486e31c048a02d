#!/usr/bin/env python3
"""Writes tests/golden/tasks/answer and tests/golden/tasks/fill: small checkpoints with a tokenizer, and what transformers'
pipelines for question answering and for missing words say.

make_answers.py answer   needs torch and transformers 4.57, the last with a pipeline for question answering
make_answers.py fill     needs torch and transformers 5.24

expected.json of `answer`: `cases`, each with `question`, `context`, the pipeline's options, and `answers` with score,
start and end in characters. Of `fill`: `texts` with `masks`, of each the best words as [id, probability], and
`likelihood`, with the sum of the logarithms of each token's probability where it alone is masked.
"""
import json
import os
import sys

import torch
import transformers as tf
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tasks")
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CONTEXTS = [
    "It was written by the younger brother in 1603, and printed by two men who did not know each other.",
    "The king is in the hall, and his men are with him; the queen is not. " * 5,
    "Three days, four nights, and no more than twelve ships. The Ships came back — «naïve» café 🙂 — and the ships left!",
]
QUESTIONS = ["Who wrote it?", "Where is the king?", "how many ships"]
OPTIONS = [
    {"top_k": 1},
    {"top_k": 4},
    {"top_k": 5, "handle_impossible_answer": True, "max_answer_len": 4},
    {"top_k": 4, "max_seq_len": 48, "doc_stride": 12},
    {"top_k": 3, "align_to_words": False},
]
TEXTS = ["The [MASK] is in the hall.", "[MASK] days, four [MASK], and no more than [MASK] ships", "café [MASK]"]


def tokenizer():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=160, special_tokens=SPECIAL)
    t.train_from_iterator(CONTEXTS + QUESTIONS, trainer)
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")
    return tf.BertTokenizerFast(tokenizer_object=t, model_max_length=96, **names)


def draw(model, seed):
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "norm" in name.lower() and name.endswith("weight"):
                p.uniform_(0.6, 1.5)
            else:
                p.normal_(0, 0.2 if p.dim() == 1 else 0.5 if "embed" in name else 1.2 / p.shape[1] ** 0.5)
            p.copy_(p.half().float())


def rounded(x):
    return float(f"{x:.7g}")


def answers(model, words):
    pipe = tf.pipeline("question-answering", model=model, tokenizer=words)
    cases = []
    for options in OPTIONS:
        for question, context in zip(QUESTIONS, CONTEXTS):
            found = pipe(question=question, context=context, **options)
            found = found if isinstance(found, list) else [found]
            keep = [dict(score=rounded(x["score"]), start=x["start"], end=x["end"]) for x in found]
            cases.append(dict(question=question, context=context, **options, answers=keep))
    return dict(cases=cases)


def likelihood(model, words, text):
    ids = words(text, return_special_tokens_mask=True)
    total = 0.0
    with torch.no_grad():
        for i, special in enumerate(ids["special_tokens_mask"]):
            masked = list(ids["input_ids"])
            masked[i] = words.mask_token_id
            if not special:
                logits = model(torch.tensor([masked])).logits[0, i]
                total += logits.double().log_softmax(-1)[ids["input_ids"][i]].item()
    return rounded(total)


def fills(model, words):
    pipe = tf.pipeline("fill-mask", model=model, tokenizer=words)
    texts = []
    for text in TEXTS:
        masks = pipe(text, top_k=4)
        masks = masks if isinstance(masks[0], list) else [masks]
        texts.append(dict(text=text, masks=[[[x["token"], rounded(x["score"])] for x in mask] for mask in masks]))
    return dict(texts=texts, likelihood=[[text, likelihood(model, words, text)] for text in CONTEXTS[:1] + QUESTIONS])


def main(kind):
    words = tokenizer()
    numbers = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40)
    config = tf.BertConfig(vocab_size=len(words), max_position_embeddings=96, **numbers)
    model = {"answer": tf.BertForQuestionAnswering, "fill": tf.BertForMaskedLM}[kind](config).eval()
    draw(model, 5)
    to = os.path.join(HERE, kind)
    model.half().save_pretrained(to)
    model.float()
    words.save_pretrained(to)
    for name in os.listdir(to):
        if name in ("special_tokens_map.json", "vocab.txt"):
            os.remove(os.path.join(to, name))
    with open(os.path.join(to, "expected.json"), "w") as f:
        json.dump({"answer": answers, "fill": fills}[kind](model, words), f, ensure_ascii=False)
        f.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
