#!/usr/bin/env python3
"""Writes lines to tokenize, to compare tokenizers on; the same lines for the same seed.

    make_lines.py [--seed N] [--count N] [DATA_DIR]   lines (formats: tests/tokenize_lines.c)
    make_lines.py --vocabulary                        a small vocabulary, for the tests that are stored

Without DATA_DIR all lines are self-made: every Unicode block, combining marks, ideographs, emoji, right-to-left
text, controls, special tokens, over-long words, pairs. With it, lines of every file of the directory are added."""
import argparse
import gzip
import os
import random
import sys
import unicodedata

WORDS = """the of and to in a is that for it as was with be by on not he his but at are this have from or had an they
which one you were all her she there would their we him been has when who will no more if out so what up said its about
into than them can only other time new some could these two may first then do any like my now over such our man me even
most made after also well many before must through back years where much your way down should because long each just
state those people too mr how little good world make very year still see own work men day get here between both life
being under three never know same last another while us off might great go come since against right came take used
himself few house use place during high without again home around small however found part school every union unite
affable unaffable running runner runs quickly quick brown fox jumps jumped lazy dogs tokenizer tokenization""".split()

# First and last code point of blocks that take their own paths through the tokenizer, visited more often than others.
HOT = [(0x00, 0x7f), (0x80, 0xff), (0x100, 0x24f), (0x300, 0x36f), (0x370, 0x3ff), (0x400, 0x52f), (0x591, 0x5f4),
       (0x600, 0x6ff), (0x900, 0x97f), (0xe00, 0xe7f), (0x1100, 0x11ff), (0x1e00, 0x1fff), (0x2000, 0x206f),
       (0x20d0, 0x20ff), (0x2e80, 0x303f), (0x3040, 0x30ff), (0x3400, 0x3420), (0x4e00, 0x9fff), (0xac00, 0xd7a3),
       (0xf900, 0xfaff), (0xfb1d, 0xfdff), (0xfe00, 0xfeff), (0xff00, 0xffef), (0x1d100, 0x1d1ff), (0x1f300, 0x1faff),
       (0x2b700, 0x2b940), (0x2f800, 0x2fa1f), (0xe0000, 0xe01ef), (0x8d4, 0x8ff), (0x1e000, 0x1e02a),
       (0x1e900, 0x1e95f), (0x1b00, 0x1bff), (0xa700, 0xa7ff), (0x10d40, 0x10d8f), (0x11380, 0x113ff)]
# Marks that stay when nonspacing marks are dropped, and so are reordered; then some that are dropped.
STAYING = [0x1d165, 0x1d166, 0x1d16d, 0x1d16e, 0x302e, 0x302f, 0x1b44, 0x8d4, 0x8e1, 0x1dfb, 0x1e000, 0x1e944, 0x1e94a,
           0x11442, 0x11446, 0xa953]
DROPPED = [0x300, 0x301, 0x302, 0x308, 0x323, 0x327, 0x328, 0x345, 0x34f, 0x5b0, 0x5bc, 0x64b, 0x651, 0x93c, 0x94d,
           0xe48, 0xf71, 0x3099, 0x20d0, 0x1d167, 0x1d17b, 0xfe20]
SPECIALS = ["[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]"]
SPACES = [" ", "  ", "\t", "\n", "\r", "\r\n", "\u00a0", "\u1680", "\u2003", "\u2028", "\u2029", "\u202f", "\u3000",
          "\u0085", "\v", "\f"]
ODD = ["\0", "\x01", "\x1b", "\x7f", "\u00ad", "\u200b", "\u200c", "\u200d", "\u200e", "\u202e", "\u2060", "\ufeff",
       "\ufffd", "\ufe0f", "\U000e0001", "\U000e0041", "\ue000", "\U000f0000", "\U0010ffff", "\u0378", "\ufdd0"]
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡§«¶·»¿–—‘’“”…‰€£©®°±²½×÷→∞≠。、「」・؟،।"
EMOJI = "😀 😂 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 ❤️ 1️⃣ 🧑🏿‍🚀 ☃ ✈️ 🫠".split()


def escape(text):
    for char, name in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\0", "\\0")):
        text = text.replace(char, name)
    return text


def blocks():
    """Every 16 code points, assigned or not, surrogates left out."""
    for first in range(0, 0x110000, 16):
        plane_tail = 0x40000 <= first < 0xe0000 or first >= 0xf0000
        if 0xd800 <= first < 0xe000 or (plane_tail and first % 0x8000):
            continue
        yield "".join(chr(c) for c in range(first, first + 16))


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def any_char(self):
        if self.rng.random() < 0.9:
            first, last = self.rng.choice(HOT)
        else:
            first, last = 0xa0, 0x3ffff
        c = self.rng.randint(first, last)
        return "?" if 0xd800 <= c < 0xe000 else chr(c)

    def word(self):
        word = self.rng.choice(WORDS)
        form = self.rng.randrange(8)
        if form == 0:
            return word.upper()
        if form == 1:
            return word.capitalize()
        if form == 2:
            return word + self.rng.choice(WORDS)
        if form == 3:
            return "".join(c + chr(self.rng.choice(DROPPED)) for c in word)
        if form == 4:
            at = self.rng.randint(0, len(word))
            odd = self.rng.choice(["é", "Å", "ß", "İ", "ı", "Σ", "ς", "ﬁ", "Ǆ", "Ω", "한", "中", "が"])
            return word[:at] + odd + word[at:]
        return word

    def marks(self):
        rng = self.rng
        n = rng.choice([1, 2, 3, 5, 8, 20, 60, 98, 99, 100, 101, 120, 300, 1000])
        pool = rng.choice([STAYING, STAYING + DROPPED, DROPPED, [0x1d165, 0x1d16d, 0x302e], [0x302e, 0x34f, 0x1b44]])
        base = rng.choice(["a", "e", "", "中", "\U0001d15e", "\U0001d160", ".", " "])
        return base + "".join(chr(rng.choice(pool)) for _ in range(n)) + rng.choice(["", "b", " b", "."])

    def long_word(self):
        rng = self.rng
        n = rng.choice([97, 98, 99, 100, 101, 102, 103, 255, 256, 257, 1000])
        unit = rng.choice(["a", "the", "é", "e\u0301", "ж", "が", "İ", "한", "\U00010400", "x\u200d", "ab\0", "ß"])
        text = (unit * n)[:n]
        return self.rng.choice(["", "a ", "."]) + text + self.rng.choice(["", " b", "!", "-" + text])

    def special(self):
        rng = self.rng
        token = rng.choice(SPECIALS)
        form = rng.randrange(6)
        if form == 0:
            token = token.lower()
        elif form == 1:
            token = token.replace("[", "[ ") if rng.random() < 0.5 else token[:-1]
        elif form == 2:
            token = token[:2] + rng.choice(["\u0301", "\u200b", "\0"]) + token[2:]
        gap = lambda: "".join(rng.choice(SPACES + [""]) for _ in range(rng.randrange(3)))
        return rng.choice(["", self.word()]) + gap() + token + gap() + rng.choice(["", self.word(), token, "\u0301"])

    def piece(self):
        rng = self.rng
        kind = rng.randrange(12)
        if kind < 4:
            return self.word()
        if kind == 4:
            return rng.choice(PUNCTUATION) * rng.choice([1, 1, 1, 2, 3])
        if kind == 5:
            return "".join(self.any_char() for _ in range(rng.randint(1, 12)))
        if kind == 6:
            return rng.choice(EMOJI)
        if kind == 7:
            return rng.choice(["שָׁלוֹם", "السَّلامُ", "עולם", "مرحبا", "नमस्ते", "ภาษาไทย", "Ελληνικός",
                               "ΟΔΥΣΣΕΥΣ", "Привет", "日本語テスト", "中文字符", "한국어", "\u1112\u1161\u11ab", "Việt", "ÅÄÖ", "Ἀθῆναι",
                               "ǅ", "ﬃ", "Ⅷ"])
        if kind == 8:
            return rng.choice(ODD)
        if kind == 9:
            return self.special()
        if kind == 10:
            return self.marks() if rng.random() < 0.5 else str(rng.randint(0, 10 ** rng.randint(1, 12)))
        return self.long_word() if rng.random() < 0.2 else self.word()

    def text(self):
        rng = self.rng
        out = []
        for _ in range(rng.choice([0, 1, 2, 3, 5, 8, 13, 30])):
            out.append(self.piece())
            out.append(rng.choice(SPACES) if rng.random() < 0.2 else rng.choice(["", " ", " "]))
        return "".join(out)

    def line(self):
        line = escape(self.text())
        return line + "\t" + escape(self.text()) if self.rng.random() < 0.25 else line


def read_lines(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as stream:
        return [raw.decode("utf-8", "replace") for raw in stream.read().split(b"\n")]


def data_lines(maker, directory, per_file):
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if not os.path.isfile(path):
            continue
        lines = [line for line in read_lines(path) if line]
        chosen = lines if len(lines) <= per_file else maker.rng.sample(lines, per_file)
        for line in chosen:
            if "\t" in line and maker.rng.random() < 0.5:
                first, second = line.split("\t", 1)
                yield escape(first) + "\t" + escape(second)
            else:
                yield escape(line)


def vocabulary():
    """Letters of many scripts, with and without "##", and the words above with some of their parts."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [chr(c) for first, last in [(0x21, 0x7e), (0xa1, 0x17f), (0x391, 0x3c9), (0x410, 0x44f), (0x5d0, 0x5ea),
               (0x621, 0x64a), (0x905, 0x939), (0xe01, 0xe30), (0x1100, 0x1112), (0x1161, 0x1175), (0x11a8, 0x11c2),
               (0x3041, 0x3093), (0x4e00, 0x4e2f), (0xac00, 0xac0f)]
               for c in range(first, last + 1) if unicodedata.category(chr(c)) not in ("Cn", "Cf")]
    letters += [chr(c) for c in STAYING] + ["中", "文", "😀", "é", "\u0307"]
    parts = sorted({w[i:j] for w in WORDS for i in range(len(w)) for j in range(i + 2, min(i + 4, len(w)) + 1)})
    pieces += letters + ["##" + c for c in letters] + WORDS + [w.capitalize() for w in WORDS]
    pieces += ["##" + p for p in parts]
    return list(dict.fromkeys(pieces))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", metavar="DATA_DIR")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=6000, help="random lines")
    parser.add_argument("--per-file", type=int, default=1500, help="lines of each file of DATA_DIR")
    parser.add_argument("--no-blocks", action="store_true", help="without the lines of 16 code points each")
    parser.add_argument("--vocabulary", action="store_true")
    args = parser.parse_args()
    maker = Maker(args.seed)
    if args.vocabulary:
        lines = vocabulary()
    else:
        lines = [] if args.no_blocks else [escape(text) for text in blocks()]
        lines += [escape(" ".join(text)) for text in ([] if args.no_blocks else blocks())]
        lines += [maker.line() for _ in range(args.count)]
        if args.data:
            lines += data_lines(maker, args.data, args.per_file)
    sys.stdout.buffer.write("".join(line + "\n" for line in lines).encode("utf-8"))


if __name__ == "__main__":
    main()
