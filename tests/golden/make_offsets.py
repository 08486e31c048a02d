#!/usr/bin/env python3
"""Writes tests/golden/offsets.txt: where Hugging Face's tokenizer says that each token stands in its text.

usage: make_offsets.py [--check TOKENIZE_LINES]      (pip install tokenizers; made with 0.23.3)

Three lines a record: "# NAME", the text (with a TAB before its pair; \\\\ \\n \\r \\t \\0 are escapes), and START,END,SOURCE
of every token, in bytes. NAME is the tokenizer: uncased, cased and lower are tokenizer_vocab.txt with these settings,
added is tokenizer_added.json. --check compares 40,000 random lines with build/.../tests/tokenize_lines instead, for each of
the two tokenizers that it can open (uncased, added).
"""

import os
import random
import subprocess
import sys

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

HERE = os.path.dirname(os.path.abspath(__file__))
VOCABULARY = os.path.join(HERE, "tokenizer_vocab.txt")
ADDED = os.path.join(HERE, "tokenizer_added.json")

LINES = [
    "",
    " ",
    "a",
    " the  end ",
    "The quick brown fox!",
    "Unbelievable, isn't it?",
    "##ing word##s # ##",
    "caf\u00e9 CAF\u00c9 cafe\u0301 \u00c5ngstro\u0308m na\u00efve",
    "\u01d5ber \u1e69 s\u0323\u0307 s\u0307\u0323",
    "\u0130stanbul \u0131\u0130 \u1e9e\u00df \ufb01ne",
    "\u4e2d\u6587\u5b57 a\u4e2db \uf900\u2f800x",
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab",
    "\u3070\u30d0 \u306f\u3099 \u30cf\u3099",
    "good \U0001f600 film \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1eb\U0001f1f7 \u2764\ufe0f",
    "a\u0000b\ufffdc\u0007d\u200be\ufefff",
    "tab\there\nline\rfeed\u00a0nbsp\u3000wide\u2028sep\u0085nel",
    "x" * 99 + " " + "x" * 101 + " y",
    "\u0301\u0301abc \u0301",
    "a\U0001d165\U0001d16d\u0301b",
    "\u302f\u302ea \u0b95\u0bca \u0915\u094d\u0937",
    "\u0645\u064e\u0631\u0652\u062d\u064e\u0628\u064b\u0627 \u05e9\u05b8\u05dc\u05d5\u05b9\u05dd",
    "\u03a3\u03bf\u03c6\u03cc\u03c2 \u1f82\u0390",
    "12:30--d'ufu (1,000.5)",
    "[CLS] a [SEP] b [MASK] [mask]c[UNK]",
    "  [MASK]  end",
    "$5 + \u20ac7 = \uff11\uff12 \u00bd\u00b2",
    "\u0e44\u0e17\u0e22\u0e20\u0e32\u0e29\u0e32",
    "the END\nnewtok CAF\u00c9 foobar foo[MASK]",
    "  newtok  NewTok new tok  ",
    "q\u0301\u0323\u0301w",
]
PAIRS = [
    ("the film", "is good"),
    ("", ""),
    ("a", ""),
    ("", "b"),
    ("caf\u00e9 \u4e2d", "\u4e2d caf\u00e9!"),
    ("##s", "\U0001f600 x"),
]
# No marks that stay and are sorted (U+1D165, U+1D16D, U+302E beside others): there Hugging Face gives each the range of what
# stood in its place before, and Tern its own.
ALPHABET = list("aeqzAE  .!'#") + [
    "\u00e9",
    "\u0301",
    "\u0323",
    "\u0308",
    "\u094d",
    "\u4e2d",
    "\ud55c",
    "\u0130",
    "\u01d5",
    "\u1f82",
    "\u0000",
    "\u200b",
    "\u00a0",
    "\u3000",
    "\n",
    "\t",
    "\U0001f600",
    "[MASK]",
    "[SEP]",
    "the",
    "ing",
    "film",
]
ADDED_WORDS = [
    "<mask>",
    "<a>",
    "<b>",
    "<a><b>",
    " pad",
    "[a b]",
    "\u00e9<",
    "NewTok",
    "Caf\u00e9",
    "foo",
    "foobar",
    "\u4e2dx",
    "the END",
    "\u0130s",
    "under",
    "-x-",
    "##ing",
    " ",
    "  ",
    "\n",
]


def from_vocabulary(lower, strip):
    pieces = {line.rstrip("\n"): i for i, line in enumerate(open(VOCABULARY, encoding="utf-8", newline="\n"))}
    made = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]", max_input_chars_per_word=100))
    made.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=strip, lowercase=lower
    )
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    made.post_processor = processors.BertProcessing(("[SEP]", pieces["[SEP]"]), ("[CLS]", pieces["[CLS]"]))
    return made


def from_json():
    made = Tokenizer.from_file(ADDED)
    made.no_padding()
    made.no_truncation()
    return made


def byte_positions(text):
    positions = [0]
    for c in text:
        positions.append(positions[-1] + len(c.encode("utf-8")))
    return positions


def spans(tokenizer, text, pair):
    encoding = tokenizer.encode(text) if pair is None else tokenizer.encode(text, pair)
    at = [byte_positions(text), byte_positions(pair or "")]
    return " ".join(
        "0,0,-1" if side is None else f"{at[side][start]},{at[side][end]},{side}"
        for (start, end), side in zip(encoding.offsets, encoding.sequence_ids)
    )


def escape(text):
    for raw, written in ("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\0", "\\0"):
        text = text.replace(raw, written)
    return text


def written(text, pair):
    return escape(text) + ("" if pair is None else "\t" + escape(pair))


def random_lines(seed, n, alphabet):
    chance = random.Random(seed)
    draw = lambda: "".join(chance.choice(alphabet) for _ in range(chance.randrange(1, 14)))
    return [(draw(), draw() if chance.random() < 0.2 else None) for _ in range(n)]


def check(program):
    for name, path, tokenizer, alphabet in (
        ("uncased", VOCABULARY, from_vocabulary(True, None), ALPHABET),
        ("added", ADDED, from_json(), ALPHABET + ADDED_WORDS),
    ):
        lines = random_lines(2, 40000, alphabet)
        out = (
            subprocess.run(
                [program, "--spans", path],
                input="".join(written(*line) + "\n" for line in lines).encode(),
                capture_output=True,
                check=True,
            )
            .stdout.decode()
            .split("\n")[:-1]
        )
        bad = [
            (line, got, spans(tokenizer, *line))
            for line, got in zip(lines, out)
            if got.split(" | ")[-1] != spans(tokenizer, *line)
        ]
        print(f"{name}: {len(bad)} of {len(out)} lines differ", *map(ascii, bad[:8]), sep="\n    ")


def main():
    if sys.argv[1:2] == ["--check"]:
        return check(sys.argv[2])
    with open(os.path.join(HERE, "offsets.txt"), "w", encoding="utf-8", newline="\n") as out:
        for name, tokenizer, alphabet in (
            ("uncased", from_vocabulary(True, None), ALPHABET),
            ("cased", from_vocabulary(False, False), ALPHABET),
            ("lower", from_vocabulary(True, False), ALPHABET),
            ("added", from_json(), ALPHABET + ADDED_WORDS),
        ):
            for line in [(text, None) for text in LINES] + PAIRS + random_lines(1, 40, alphabet):
                out.write(f"# {name}\n{written(*line)}\n{spans(tokenizer, *line)}\n")


main()
