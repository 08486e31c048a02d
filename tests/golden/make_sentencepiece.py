#!/usr/bin/env python3
"""Writes folders of tokenizers without a tokenizer.json, SentencePiece models and vocab.json with merges.txt, and what
transformers makes of texts with them, for tests/test_pipelines.c.

usage: make_sentencepiece.py tests/golden/pipelines     (needs transformers and sentencepiece)

A line of folders.txt: a folder, a text, its ids, with tabs between them; escapes are those of texts.txt.
"""
import io
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import sentencepiece
import transformers

from make_pipelines import LINES, corpus, escape, roberta

FAMILIES = {
    "xlm-roberta": ("sentencepiece.bpe.model", "XLMRobertaTokenizer", {},
                    dict(unk_id=0, bos_id=1, eos_id=2, normalization_rule_name="nmt_nfkc")),
    "camembert": ("sentencepiece.bpe.model", "CamembertTokenizer", {}, dict(unk_id=0, bos_id=1, eos_id=2)),
    "albert": ("spiece.model", "AlbertTokenizer", {}, dict(pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
                                                             control_symbols="[CLS],[SEP],[MASK]")),
    "deberta-v2": ("spm.model", "DebertaV2Tokenizer", {"do_lower_case": False, "split_by_punct": True},
                   dict(pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]",
                        eos_piece="[SEP]", unk_piece="[UNK]")),
    "rembert": ("sentencepiece.model", "RemBertTokenizer", {"keep_accents": True},
                dict(pad_id=0, unk_id=2, bos_id=1, eos_id=-1, control_symbols="[CLS],[SEP],[MASK]",
                     user_defined_symbols="<own>")),
}


def train(options):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus()), model_writer=out, model_type="unigram",
                                             vocab_size=220, num_threads=1, minloglevel=2,
                                             **{"normalization_rule_name": "identity", **options})
    return out.getvalue()


def write(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def main(golden):
    lines = []

    def ids(folder, made):
        # From a model file transformers 5 makes a RemBERT tokenizer that puts nothing around a text; transformers 4 does.
        around = [made.cls_token_id], [made.sep_token_id]
        bare = made("")["input_ids"] == []
        for text in LINES + ["a <own>b<own>", "x<mask>y  <mask> [MASK]"]:
            found = made(text)["input_ids"]
            found = around[0] + found + around[1] if bare else found
            lines.append("\t".join((os.path.basename(folder), escape(text), " ".join(map(str, found)))))

    for model_type, (file, name, options, training) in FAMILIES.items():
        folder = os.path.join(golden, model_type)
        write(folder, file, train(training))
        write(folder, "tokenizer_config.json", json.dumps({"tokenizer_class": name, **options}).encode())
        ids(folder, getattr(transformers, name).from_pretrained(folder))
    folder = os.path.join(golden, "merges")
    model = roberta()["model"]
    write(folder, "vocab.json", json.dumps(model["vocab"], ensure_ascii=False).encode())
    write(folder, "merges.txt", ("#version: 0.2\n" + "\n".join(model["merges"]) + "\n").encode())
    write(folder, "tokenizer_config.json", json.dumps({"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True,
                                                       "mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True}}).encode())
    ids(folder, transformers.RobertaTokenizer.from_pretrained(folder))
    write(golden, "folders.txt", "".join(line + "\n" for line in lines).encode())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
