#!/usr/bin/env python3
"""Writes small tokenizers of every kind of pipeline, and what Hugging Face's tokenizers make of texts with them, for
tests/test_pipelines.c.

usage: make_pipelines.py tests/golden/pipelines     (needs tokenizers)

NAME.json is a tokenizer. A line of texts.txt: a name, a text, its pair or nothing, ids, types and spans, with tabs
between them; \\\\ \\n \\r \\t \\0 stand for what they look like. A span is START,END,SOURCE in bytes. Of a long text
*COUNT stands before the text that is repeated so often, and instead of ids, types and spans their number and a hash.
"""
import base64
import json
import os
import random
import struct
import sys

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers as n, pre_tokenizers as p
from tokenizers import processors, trainers

WORDS = """the of and to in a is that for it as was with be by on not he his but at are this have from or had an they
which one you were all her she there would their we him been has when who will more no if out so said what up its about
into than them can only other new some could time these two may then do first any my now such like our over man me even
most made after also did many before must through years where much your way well down should because each just those
people how too little state good very make world still own see men work long get here between both life being under
never day same another know while last might us great old year off come since against go came right used take three
café naïve über straße Москва привет мир κόσμος 東京 日本語 한국어 ﬁne don't we're I'll it's she'd 1234 2,500 3.14"""
LINES = [
    "", " ", "a", "hello world", "Hello World", " leading", "  two leading", "trailing ", "trailing  ", "a  b   c    d",
    "the\tquick\nbrown\r\nfox", "\n\n", "x\n \ny", "don't I'll we're she'd IT'S 'S 'x o'clock", "'\u017f I'LL", "1 12 123 1234 12345 1,234.5",
    "it is (very) good, isn't it?!", "...---...", "foo_bar-baz/qux@example.com", "caf\u00e9 cafe\u0301", "\u0301x e\u0301\u0323 e\u0323\u0301",
    "a\u0315\u0300\u05ae\u0062", "\u1e9b\u0323", "\u212b \u2126 \ufb01 \u00bd \u2460 \ufdfa \u3000x", "\u1100\u1161\u11a8 \uac00\u11a8 \ud55c\uad6d\uc5b4",
    "\u65e5\u672c\u8a9e\u306e\u30c6\u30b9\u30c8", "\u4e2d\u6587 mixed \u4e2d\u6587", "\u041c\u043e\u0441\u043a\u0432\u0430 \u043f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440", "\u03ba\u03cc\u03c3\u03bc\u03bf\u03c2 \u03a3\u0391\u03a3",
    "\U0001f600 \U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f 1\ufe0f\u20e3", "\u0915\u093f\u0924\u093e\u092c \u0e20\u0e32\u0e29\u0e32",
    "stra\u00dfe STRASSE \u0130stanbul", "a\u00a0b\u2003c\u200bd\ufeffe\u2028f", "\x01\x07x\x7f\x85y", "a\0b", "\ufffd broken \ufffd",
    "\u2581under \u2581", "``quotes'' and 'more'", "[MASK]", "a [MASK] b", "a[MASK]b", "[MASK] [MASK]", "x <ent> y <ENT> z", "covid covids xcovid covid.",
    "New Tok new tok", "</s> <s> [CLS] [SEP]", "\u0120\u00e9 \u010a", "wwwwwwwwwwwwwwwwwwwwwwwwww", "zq\u0444\u0445zq", "\u6f22\u6f22", "\u00e9" * 9, "the of and to",
    "people  should\u00a0know", "1\u00b2 \u2167 \u0661\u0662", "a.b.c 3.14", "x\u0300\u0301\u0302\u0303\u0304\u0305y", "\u0344 \u0958 \u2adc \U0001d15e",
    "Replace``it''", " \u3000 ", "\u00ad\u200d", "end", "A\u030a\u0301 \uff21\u030a", "\r\nx\r\n", "\u0600a \u0600\u0301", "\u00a9\u200d\u00ae",
]
LONG = [("the people of this world are many and they work ", 700), ("caf\u00e9 \u4e2d\u6587 [MASK] 12345 x  y\n", 300),
        ("\u65e5\u672c\u8a9e", 1500), ("wxyz", 2500), ("a\u0301\u0323", 900)]
PAIRS = [("hello world", "the of and"), ("a", ""), ("", "b"), ("", ""), ("a [MASK]", " b ")]


def escape(text):
    for char, name in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\0", "\\0")):
        text = text.replace(char, name)
    return text


def corpus():
    words, rng = WORDS.split(), random.Random(7)
    return [" ".join(rng.choice(words) for _ in range(rng.randint(3, 12))) for _ in range(1500)]


def charsmap(pairs):
    """SentencePiece's precompiled map: a double array as darts-clone makes it, without its compression."""
    texts, starts = b"", {}
    for key, value in pairs.items():
        starts[key.encode()] = len(texts)
        texts += value.encode() + b"\0"
    units, used = {0: 0}, set()

    def place(node, keys, depth):
        labels = sorted({key[depth] if depth < len(key) else 0 for key in keys})
        offset = next(o for o in range(1, 1 << 16) if o not in used and all(o ^ label not in units for label in labels))
        used.add(offset)
        units[node] |= (offset ^ node) << 10
        children = {}
        for label in labels:
            units[offset ^ label] = label
            children[label] = [key for key in keys if (key[depth] if depth < len(key) else 0) == label]
        for label, own in children.items():
            if label == 0:
                units[node] |= 1 << 8
                units[offset] = starts[own[0]] | 1 << 31
            else:
                place(offset ^ label, own, depth + 1)

    place(0, sorted(starts), 0)
    size = (max(units) | 0xFF) + 1
    trie = b"".join(struct.pack("<I", units.get(i, 0xFF)) for i in range(size))
    return base64.b64encode(struct.pack("<I", len(trie)) + trie + texts).decode()


MAP = charsmap({"\ufb01": "fi", "\u00bd": "1\u20442", "A\u030a": "\u00c5", "\u00a0": " ", "\u2460": "1", "\u200b": "", "\t": " ", "\n": " ",
                "\r": " ", "\uff21": "A", "e\u0301": "\u00e9", "\u2581": " ", "\x7f": "", "\u0301": "", "\u1100\u1161": "\uac00", "\ufdfa": "salla allahou alayhi",
                "\u3000": " ", "\u0600a": "na"})


def bpe(pre, normalizer=None, size=420, trainer=None, **options):
    made = Tokenizer(models.BPE(**options))
    made.pre_tokenizer = pre
    if normalizer:
        made.normalizer = normalizer
    made.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=size, show_progress=False, **(trainer or {})))
    return made


def unigram(pre, normalizer=None, specials=("<s>", "<pad>", "</s>", "<unk>"), unk="<unk>"):
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre
    if normalizer:
        made.normalizer = normalizer
    made.train_from_iterator(corpus(), trainers.UnigramTrainer(vocab_size=330, show_progress=False, unk_token=unk,
                                                               special_tokens=list(specials)))
    return made


def template(cls, sep, ids, second=0, double=False):
    return processors.TemplateProcessing(single=f"{cls} $A {sep}",
                                         pair=f"{cls} $A {sep} " + (f"{sep} " if double else "") + f"$B:{second} {sep}:{second}",
                                         special_tokens=[(cls, ids[0]), (sep, ids[1])])


def added(made, mask="[MASK]", normalized=True):
    made.add_special_tokens([AddedToken(mask, lstrip=True, special=True, normalized=False)])
    made.add_tokens([AddedToken("<ent>", rstrip=True, normalized=False)])
    if normalized:
        made.add_tokens([AddedToken("covid", single_word=True, normalized=True)])
    if normalized == "spaces":
        made.add_tokens([AddedToken("New Tok", normalized=True), AddedToken("   ", normalized=True)])
    return made


def roberta():
    made = bpe(p.ByteLevel(add_prefix_space=True), trainer={"special_tokens": ["<s>", "<pad>", "</s>", "<unk>"],
                                                            "initial_alphabet": p.ByteLevel.alphabet()})
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
    root = json.loads(added(made, "<mask>").to_str())
    root["model"]["merges"] = [" ".join(pair) for pair in root["model"]["merges"]]
    return root


def modernbert():
    made = bpe(p.ByteLevel(add_prefix_space=False), n.NFC(), trainer={"special_tokens": ["[CLS]", "[SEP]"],
                                                                      "initial_alphabet": p.ByteLevel.alphabet()})
    made.post_processor = template("[CLS]", "[SEP]", (0, 1))
    return json.loads(added(made, normalized="spaces").to_str())


LLAMA = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
         r"|\s+(?!\S)|\s+")


def eurobert():
    pre = p.Sequence([p.Split(Regex(LLAMA), "isolated"), p.ByteLevel(add_prefix_space=False, use_regex=False)])
    made = bpe(pre, trainer={"special_tokens": ["<s>", "</s>"], "initial_alphabet": p.ByteLevel.alphabet()[:200]})
    made.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True, add_prefix_space=False),
                                               template("<s>", "</s>", (0, 1))])
    root = json.loads(added(made, normalized=False).to_str())
    root["model"]["ignore_merges"] = True
    root["model"]["vocab"]["\u0120people\u0120"] = len(root["model"]["vocab"])
    shift = max(root["model"]["vocab"].values()) + 1
    for k, token in enumerate([t for t in root["added_tokens"] if t["id"] > 1]):
        token["id"] = shift + k
    return root


def xlmr():
    made = unigram(p.Sequence([p.WhitespaceSplit(), p.Metaspace()]))
    made.post_processor = template("<s>", "</s>", (0, 2), double=True)
    root = json.loads(added(made, "<mask>").to_str())
    root["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": MAP}
    return root


def albert():
    normalizer = n.Sequence([n.Replace("``", '"'), n.Replace("''", '"'), n.NFKD(), n.StripAccents(), n.Lowercase()])
    made = unigram(p.Metaspace(), normalizer, ("<pad>", "<unk>", "[CLS]", "[SEP]"))
    made.post_processor = template("[CLS]", "[SEP]", (2, 3), 1)
    return json.loads(added(made).to_str())


def deberta():
    normalizer = n.Sequence([n.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "), n.NFC(), n.Strip(left=False, right=True)])
    pre = p.Sequence([p.Punctuation("isolated"), p.Metaspace(prepend_scheme="first")])
    made = unigram(pre, normalizer, ("[PAD]", "[CLS]", "[SEP]", "[UNK]"), "[UNK]")
    made.post_processor = template("[CLS]", "[SEP]", (1, 2), 1)
    return json.loads(added(made).to_str())


def nmt():
    normalizer = n.Sequence([n.Nmt(), n.NFKC(), n.Replace(Regex(" {2,}"), " "), n.Strip()])
    made = unigram(p.Metaspace(split=False, prepend_scheme="never"), normalizer)
    root = json.loads(added(made, normalized=False).to_str())
    root["model"]["byte_fallback"] = True
    root["model"]["vocab"] += [[f"<0x{b:02X}>", -20.0] for b in range(256)]
    count = len(root["model"]["vocab"])
    for k, token in enumerate([t for t in root["added_tokens"] if t["id"] > 3]):
        token["id"] = count + k
    root["post_processor"] = {"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]}
    return root


def gemma():
    normalizer = n.Sequence([n.Prepend("\u2581"), n.Replace(" ", "\u2581")])
    made = bpe(p.Split(" ", "merged_with_previous"), normalizer, unk_token="<unk>", fuse_unk=True, byte_fallback=True,
               trainer={"special_tokens": ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(0x40, 0xF0)]})
    made.post_processor = template("<s>", "</s>", (1, 2))
    return json.loads(added(made).to_str())


def pieces():
    pre = p.Sequence([p.Whitespace(), p.Digits(individual_digits=True), p.Punctuation("contiguous")])
    made = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=12, continuing_subword_prefix="@@"))
    made.normalizer = n.Sequence([n.NFD(), n.Lowercase(), n.StripAccents()])
    made.pre_tokenizer = pre
    made.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=350, show_progress=False,
                                                                 continuing_subword_prefix="@@",
                                                                 special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"]))
    made.post_processor = template("[CLS]", "[SEP]", (2, 3), 1)
    return json.loads(added(made).to_str())


def splits():
    pre = p.Sequence([p.Split("o", "merged_with_next"), p.Split(Regex(r"\s+"), "contiguous", invert=True),
                      p.Split(".", "removed"), p.Digits()])
    made = bpe(pre, n.BertNormalizer(lowercase=False, strip_accents=True), unk_token="[UNK]", fuse_unk=False,
               trainer={"special_tokens": ["[UNK]", "[CLS]", "[SEP]"]})
    made.post_processor = template("[CLS]", "[SEP]", (1, 2), 1)
    root = json.loads(added(made).to_str())
    vocab = root["model"]["vocab"]
    for letter in "qzwx":
        if letter in vocab:  # unknown characters beside known ones
            root["model"]["merges"] = [m for m in root["model"]["merges"] if letter not in m[0] + m[1]]
    return root


KINDS = {"roberta": roberta, "modernbert": modernbert, "eurobert": eurobert, "xlmr": xlmr, "albert": albert,
         "deberta": deberta, "nmt": nmt, "gemma": gemma, "pieces": pieces, "splits": splits}


def spans(encoding, texts):
    starts = []
    for text in texts:
        own = [0]
        for char in text:
            own.append(own[-1] + len(char.encode()))
        starts.append(own)
    return " ".join("0,0,-1" if s is None else f"{starts[s][o[0]]},{starts[s][o[1]]},{s}"
                    for o, s in zip(encoding.offsets, encoding.sequence_ids))


def fnv(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return f"{value:016x}"


def main(folder):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "texts.txt"), "w", encoding="utf-8", newline="\n") as out:
        for name, make in KINDS.items():
            text = json.dumps(make(), ensure_ascii=False, separators=(",", ":"))
            with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8", newline="\n") as file:
                file.write(text + "\n")
            made = Tokenizer.from_str(text)
            for pair in [(line,) for line in LINES] + PAIRS:
                got = made.encode(*pair)
                second = escape(pair[1]) if len(pair) == 2 else "-"
                out.write("\t".join((name, escape(pair[0]), second, " ".join(map(str, got.ids)),
                                     " ".join(map(str, got.type_ids)), spans(got, pair))) + "\n")
            for line, count in LONG:
                got = made.encode(line * count)
                columns = [" ".join(map(str, got.ids)), " ".join(map(str, got.type_ids)), spans(got, (line * count,))]
                out.write("\t".join([name, f"*{count}" + escape(line), "-", f"{len(got.ids)}"] + [fnv(c) for c in columns]) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
