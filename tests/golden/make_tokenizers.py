#!/usr/bin/env python3
"""Writes tokenizer folders, and what Hugging Face's tokenizers make of texts, for tests/test_tokenizer_folders.c.

usage: make_tokenizers.py tests/golden                     (needs transformers; reads tests/golden/cases)

A line of tokenizers/ids.txt: a folder or tokenizer.json below tests/golden, a text, its ids, with tabs between them.
"""
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece
from transformers import BertTokenizer, EsmTokenizer

PLAIN = ["the movie was great", "The  MOVIE", "the the", "covid was the movie", "COVID, covids", "a [SEP] b", "great!"]
HARD = ["École", "e\u0301cole", "É E\u0301", "\u0130stanbul", "中文 a中b", "\uf900", "\u212b \u1e9e", "a\u200db", "किताब",
        "q\u0323\u0307 q\u0307\u0323", "한국", "a\u0000b", "x\u3000y", "straße STRASSE", "<ent> <ENT> covid Covid"]
PROTEINS = ["MKTAYIAKQR", "M K<mask>LLJ<null_1>", "xyz A.-", " <mask> ", "J", "MéK<eos>", "<maskM>"]
RESIDUES = ("<cls> <pad> <eos> <unk> L A G V S E R T I D P K Q N F Y M H W C X B U Z O . - <null_1> <mask>").split()
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def letters():
    """Every character of HARD as it is, in lower case, and decomposed, alone and inside words."""
    decomposed = normalizers.NFD()
    found = set()
    for text in HARD:
        for form in (text, text.lower()):
            found |= set(form) | set(decomposed.normalize_str(form)) | set(decomposed.normalize_str(form).lower())
    found = sorted(c for c in found if not c.isspace() and c.isprintable() and c != "\u200d")
    return SPECIALS + found + ["##" + c for c in found]


def write(folder, name, text):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w", encoding="utf-8", newline="\n") as out:
        out.write(text)


def tokenizer(normalizer):
    made = Tokenizer(WordPiece({piece: i for i, piece in enumerate(letters())}, unk_token="[UNK]"))
    if normalizer is not None:
        made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                        special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    made.add_special_tokens(SPECIALS)
    return made


def bert(lowercase=True, **more):
    return normalizers.BertNormalizer(lowercase=lowercase, **more)


def sequences():
    n, s = normalizers, normalizers.Sequence
    return {"bert": bert(), "sequence": s([bert()]), "nested": s([s([]), s([s([bert()])])]),
            "lower-behind": s([bert(False, strip_accents=True), n.Lowercase()]),
            "lower-before": s([n.Lowercase(), bert(False)]), "nfd": s([n.NFD(), bert()]),
            "nfc-lower": s([n.NFC(), n.Lowercase(), bert(strip_accents=True)]), "lower": n.Lowercase(), "none": None,
            "cased": bert(False), "not-clean": s([bert(clean_text=False, handle_chinese_chars=False)])}


def main(golden):
    lines = []

    def ids(place, texts, encode):
        for text in texts:
            lines.append("\t".join((place, text.replace("\0", "\\0"), " ".join(map(str, encode(text))))))

    def folder(place, texts):
        made = BertTokenizer.from_pretrained(os.path.join(golden, place))
        ids(place, texts, lambda text: made(text)["input_ids"])

    for case in ("21-blank-lines", "21-blank-lines/one", "21-blank-lines/dup", "21-blank-lines/tail",
                 "30c-added_tokens_json-plain"):
        folder("cases/" + case, PLAIN)
    place = "tokenizers/added"
    vocabulary = letters()
    n = len(vocabulary)
    write(os.path.join(golden, place), "vocab.txt", "".join(piece + "\n" for piece in vocabulary))
    write(os.path.join(golden, place), "added_tokens.json", json.dumps({"<ent>": n + 1, "covid": n, "[MASK]": 4}))
    write(os.path.join(golden, place), "special_tokens_map.json", json.dumps({"extra_special_tokens": ["<ent>"]}))
    folder(place, HARD)
    case = "cases/26c-bert-in-sequence/tokenizer.json"
    made = Tokenizer.from_file(os.path.join(golden, case))
    ids(case, PLAIN, lambda text: made.encode(text).ids)
    for name, normalizer in sequences().items():
        place = f"tokenizers/{name}/tokenizer.json"
        os.makedirs(os.path.join(golden, "tokenizers", name), exist_ok=True)
        tokenizer(normalizer).save(os.path.join(golden, place), pretty=False)
        made = Tokenizer.from_file(os.path.join(golden, place))
        ids(place, HARD, lambda text: made.encode(text).ids)
    place = "tokenizers/esm"
    write(os.path.join(golden, place), "vocab.txt", "\n".join(RESIDUES))
    write(os.path.join(golden, place), "tokenizer_config.json", json.dumps({"tokenizer_class": "EsmTokenizer"}))
    made = EsmTokenizer.from_pretrained(os.path.join(golden, place))
    ids(place, PROTEINS, lambda text: made(text)["input_ids"])
    write(os.path.join(golden, "tokenizers"), "ids.txt", "".join(line + "\n" for line in lines))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
