#!/usr/bin/env python3
"""Writes tests/golden/tags: small checkpoints that label tokens or say whether a text entails another, and what
transformers' pipelines for token classification and zero-shot classification answer.

make_tags.py   needs torch, transformers 5.24, tokenizers and safetensors

tags/NAME/ is a checkpoint with its tokenizer, and expected.json is a list. Of a tagger: `text`, `aggregation`, `window`
and `stride` (0: the text is read whole), `entities` with label, score, start and end (characters). Of nli-*: `text`,
`labels`, `template`, `multi`, and `ranked` and `scores`, the best first.
"""
import json
import os
import shutil
import warnings

import torch
import transformers as tf
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tags")
TEXTS = [
    "Ada Lovelace was born in London, and Charles Babbage lived in Marylebone.",
    "José Núñez met Zoë Müller in São Paulo; they moved to Köln.",
    "Write to O'Neill & Sons, 12 High Street 🏠, Kraków 😀😀 today!",
    "  two  spaces\tand a tab, 東京 and Ångström ",
    "ſ ﬁ ½ x",
    "x",
    "",
]
LONG = " ".join(TEXTS[:4] * 2)
BIO = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "I-MISC-X"]
IO = ["O", "PER", "LOC", "ORG-UNIT"]
AGGREGATIONS = ["none", "simple", "first", "average", "max"]
LABELS = ["politics", "public health", "économie", "sport", "sport"]


def fast(tokenizer, cls, sep, unk, pad):
    c, s = tokenizer.token_to_id(cls), tokenizer.token_to_id(sep)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}", pair=f"{cls} $A {sep} $B:1 {sep}:1", special_tokens=[(cls, c), (sep, s)]
    )
    return tf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token=cls, sep_token=sep, unk_token=unk, pad_token=pad, model_max_length=64
    )


def kept(name, make):
    """The trainers do not give the same pieces each time: a tokenizer that is there stays."""
    folder = os.path.join(HERE, name)
    there = os.path.exists(os.path.join(folder, "tokenizer.json"))
    return tf.PreTrainedTokenizerFast.from_pretrained(folder) if there else make()


def wordpiece(lower):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lower)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    t.train_from_iterator(TEXTS[:3], trainers.WordPieceTrainer(vocab_size=170, special_tokens=special, show_progress=False))
    return fast(t, "[CLS]", "[SEP]", "[UNK]", "[PAD]")


def bytelevel():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    t.train_from_iterator(TEXTS[:3], trainer)
    return fast(t, "[CLS]", "[SEP]", "[UNK]", "[PAD]")


def save(name, cls, labels, tokenizer, seed):
    torch.manual_seed(seed)
    config = tf.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=64,
        id2label=dict(enumerate(labels)),
        label2id={x: i for i, x in enumerate(labels)},
    )
    model = cls(config).eval()
    for key, w in model.named_parameters():
        torch.nn.init.normal_(w, std=0.9 if "embeddings" in key or key == "classifier.weight" else 0.3)
        if "LayerNorm.weight" in key:
            w.data += 1
        w.data = w.data.to(torch.bfloat16).float()
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.model_max_length = 64
    tokenizer.save_pretrained(folder)
    return folder, model.float()


def write(folder, expected):
    with open(os.path.join(folder, "expected.json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(e, ensure_ascii=False) for e in expected) + "\n]\n")


def tags(name, labels, make, seed):
    tokenizer = kept(name, make)
    folder, model = save(name, tf.BertForTokenClassification, labels, tokenizer, seed)
    expected = []
    for window, stride in (0, 0), (16, 4), (24, 9):
        tokenizer.model_max_length = window or 64
        for text in [LONG] if window else TEXTS:
            for aggregation in AGGREGATIONS[1 if window else 0 :]:
                p = tf.pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy=aggregation)
                got = p(text, stride=stride) if window else p(text)
                entities = [[e.get("entity_group", e.get("entity")), float(e["score"]), e["start"], e["end"]] for e in got]
                expected.append(dict(text=text, aggregation=aggregation, window=window, stride=stride, entities=entities))
    write(folder, expected)
    print(name, sum(len(e["entities"]) for e in expected), {x[0] for e in expected for x in e["entities"]})


def nli(name, labels, make, seed):
    tokenizer = kept(name, make)
    folder, model = save(name, tf.BertForSequenceClassification, labels, tokenizer, seed)
    p = tf.pipeline("zero-shot-classification", model=model, tokenizer=tokenizer)
    expected = []
    for text in TEXTS[:3] + [TEXTS[0] + TEXTS[1]]:
        for template in "This example is {}.", "{} 😀":
            for multi in False, True:
                for n in 1, 5:
                    got = p(text, LABELS[:n], hypothesis_template=template, multi_label=multi)
                    expected.append(dict(text=text, labels=LABELS[:n], template=template, multi=multi, ranked=got["labels"], scores=got["scores"]))
    write(folder, expected)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    tf.logging.set_verbosity_error()
    tags("bio", BIO, lambda: wordpiece(False), 1)
    tags("io-lower", IO, lambda: wordpiece(True), 22)
    tags("bio-bytes", BIO, bytelevel, 23)
    nli("nli", ["contradiction", "neutral", "ENTAILMENT"], lambda: wordpiece(True), 22)
    nli("nli-first", ["entailment", "neutral", "contradiction"], lambda: wordpiece(True), 22)
    nli("nli-unnamed", ["LABEL_0", "LABEL_1"], lambda: wordpiece(True), 22)
