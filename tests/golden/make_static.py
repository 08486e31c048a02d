#!/usr/bin/env python3
"""Writes tests/golden/static: checkpoints of static embeddings, and what model2vec and sentence-transformers answer.

make_static.py [FOLDER]   needs model2vec, sentence-transformers, tokenizers and safetensors

FOLDER/NAME/ is a checkpoint with its tokenizer, as the library saves it; expected.json has `texts` and `answers`. The
tables are random; texts are empty, of unknown words alone, and longer than what model2vec reads, in tokens and in
characters.
"""
import json
import os
import random
import shutil
import sys

import numpy as np
import torch
from model2vec import StaticModel
from safetensors.numpy import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "static")
WORDS = "the of and a to in is was for on with as by river stone cloud winter garden letter engine music".split()
PIECES = ["##s", "##ed", "##er", "##ing", "##x", "e", "s", "t", "é", ".", ",", "!"]
TEXTS = [
    "The river and the stone.",
    "Letters, engines, gardens!",
    "winter",
    "",
    "qqq zzz",
    "qqq winter zzz the",
    "music " * 9,
    "a cloud in the winter garden is as a letter to the river, by and by, with music on an engine",
    "e" * 40 + " cloud " + "of " * 30,
]
DIM = 20


def wordpiece():
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS + PIECES
    t = Tokenizer(models.WordPiece({w: i for i, w in enumerate(vocab)}, unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    t.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return t


def unigram():
    pieces = [("<pad>", 0.0), ("<unk>", -20.0)] + [("▁" + w, -3.0 - i / 7) for i, w in enumerate(WORDS)]
    pieces += [(w.strip("#"), -9.0 - i / 3) for i, w in enumerate(PIECES) if w not in ("e", "s")] + [("e", -8.0), ("s", -8.5)]
    t = Tokenizer(models.Unigram(list(dict(pieces).items()), unk_id=1))
    t.normalizer = normalizers.Lowercase()
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    return t


def table(rng, n):
    """Rows of very different lengths, as frequent words have, and two wide columns."""
    x = rng.normal(size=(n, DIM)) * np.exp(rng.normal(size=(n, 1)) - 1)
    x[:, 3] *= 6
    x[:, 11] *= 4
    return x.astype(np.float32)


def model2vec(folder, name, tokenizer, rng, **how):
    n = tokenizer.get_vocab_size()
    kind = how.pop("dtype", np.float32)
    x = table(rng, how.pop("rows", n))
    if kind == np.int8:
        x = np.rint(x / np.abs(x).max() * 127)
    static = StaticModel(
        x.astype(kind),
        tokenizer,
        config={"model_type": "model2vec", "architectures": ["StaticModel"], "apply_pca": DIM, "hidden_dim": DIM,
                "sif_coefficient": 1e-4, "tokenizer_name": "none", "seq_length": 1000000},
        **how,
    )
    to = os.path.join(folder, name)
    static.save_pretrained(to)
    if "README.md" in os.listdir(to):
        os.remove(os.path.join(to, "README.md"))
    expect(to, StaticModel.from_pretrained(to, force_download=False).encode(TEXTS))


def expect(to, answers):
    with open(os.path.join(to, "expected.json"), "w") as f:
        json.dump(dict(texts=TEXTS, answers=[[float(f"{float(x):.6g}") for x in a] for a in answers]), f, ensure_ascii=False)
        f.write("\n")


def sentence(folder, name, tokenizer, rng, dense):
    to = os.path.join(folder, name)
    static = modules.StaticEmbedding(tokenizer, embedding_weights=table(rng, tokenizer.get_vocab_size()))
    chain = [static]
    if dense:
        chain += [modules.Dense(DIM, 12), modules.Normalize()]
    model = SentenceTransformer(modules=chain, device="cpu")
    model.save(to, create_model_card=False)
    expect(to, model.encode(TEXTS))
    if not dense:  # as releases before 5.0 save it
        os.makedirs(to + "/0_StaticEmbedding")
        for file in ("model.safetensors", "tokenizer.json"):
            os.rename(f"{to}/{file}", f"{to}/0_StaticEmbedding/{file}")
        with open(to + "/modules.json", "w") as f:
            json.dump([{"idx": 0, "name": "0", "path": "0_StaticEmbedding",
                        "type": "sentence_transformers.models.StaticEmbedding"}], f)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else HERE
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    rng = np.random.default_rng(5)
    torch.manual_seed(5)
    random.seed(5)
    model2vec(folder, "potion", wordpiece(), rng, normalize=True)
    model2vec(folder, "short", wordpiece(), rng, max_length=6, dtype=np.float16)
    n = unigram().get_vocab_size()
    model2vec(folder, "mapped", unigram(), rng, rows=11, normalize=True,
              token_mapping=rng.integers(0, 11, n), weights=np.exp(rng.normal(size=n) * 2).astype(np.float32))
    model2vec(folder, "bytes", wordpiece(), rng, dtype=np.int8, max_length=None)
    sentence(folder, "bag", wordpiece(), rng, False)
    sentence(folder, "dense", wordpiece(), rng, True)


if __name__ == "__main__":
    with torch.no_grad():
        main()
