"""A smaller vocabulary of a WordPiece tokenizer: the pieces that texts have most often, with special tokens and single
characters, so that every word that could be written still can. Ids move; files that have some are written anew."""
import json
import os
import re
import tempfile

import torch

from folder import fail, read_json

FILES = ("config.json", "special_tokens_map.json")  # of a tokenizer, which have no ids in them


def choose(pieces, counts, special, size):
    """Ids to keep, in their order. `pieces` by their ids; `counts` of what texts have; `special`: these must stay."""
    def single(piece):
        return len(piece[2:] if piece.startswith("##") else piece) == 1
    must = {i for i, piece in enumerate(pieces) if i in special or single(piece)}
    if size < len(must) or size > len(pieces):
        fail(f"--vocab {size}: special tokens and single characters are {len(must)} pieces, all of them "
             f"{len(pieces)}; choose a number between")
    # What no text has comes in the vocabulary's order, which is often that of frequency; names without a use last.
    def rank(i):
        return -counts[i], bool(re.fullmatch(r"\[unused\d+\]", pieces[i])), i
    rest = sorted((i for i in range(len(pieces)) if i not in must), key=rank)
    return sorted([*must, *rest[:size - len(must)]])


def renumber(tokenizer, new):
    """The content of a tokenizer.json with new ids, `new` by the old ones."""
    model = tokenizer["model"]
    model["vocab"] = {piece: new[i] for piece, i in sorted(model["vocab"].items(), key=lambda x: x[1]) if i in new}
    for token in tokenizer.get("added_tokens") or []:
        token["id"] = new[token["id"]]
    post = tokenizer.get("post_processor") or {}
    for token in (post.get("special_tokens") or {}).values():
        token["ids"] = [new[i] for i in token["ids"]]
    for name in ("sep", "cls"):
        if name in post:
            post[name][1] = new[post[name][1]]
    if tokenizer.get("padding"):
        tokenizer["padding"]["pad_id"] = new[tokenizer["padding"]["pad_id"]]
    return tokenizer


def files_of(folder, pieces, kept):
    """The tokenizer's files, by name, with the pieces in `kept` only."""
    new = {old: i for i, old in enumerate(kept)}
    def path(name):
        return os.path.join(folder, name)
    out = {}
    if os.path.exists(path("vocab.txt")):
        out["vocab.txt"] = "".join(pieces[i] + "\n" for i in kept)
    if os.path.exists(path("tokenizer.json")):
        out["tokenizer.json"] = json.dumps(renumber(read_json(path("tokenizer.json")), new), ensure_ascii=False,
                                           indent=2) + "\n"
    if os.path.exists(path("added_tokens.json")):
        out["added_tokens.json"] = json.dumps({k: new[i] for k, i in read_json(path("added_tokens.json")).items()})
    if os.path.exists(path("tokenizer_config.json")):
        settings = read_json(path("tokenizer_config.json"))
        if "added_tokens_decoder" in settings:
            settings["added_tokens_decoder"] = {str(new[int(i)]): token for i, token in
                                                settings["added_tokens_decoder"].items()}
        out["tokenizer_config.json"] = json.dumps(settings, ensure_ascii=False, indent=2) + "\n"
    return out


def is_wordpiece(folder):
    path = os.path.join(folder, "tokenizer.json")
    if os.path.exists(path):
        return read_json(path)["model"].get("type", "WordPiece") == "WordPiece"
    return os.path.exists(os.path.join(folder, "vocab.txt"))


def opened(folder, files):
    """The tokenizer of a folder with other files in it."""
    import transformers
    with tempfile.TemporaryDirectory() as scratch:
        for name in FILES:
            if os.path.exists(os.path.join(folder, name)):
                files = {name: json.dumps(read_json(os.path.join(folder, name))), **files}
        for name, content in files.items():
            with open(os.path.join(scratch, name), "w", encoding="utf-8") as f:
                f.write(content)
        return transformers.AutoTokenizer.from_pretrained(scratch, local_files_only=True)


def reduce(checkpoint, items, size):
    """Gives a checkpoint a vocabulary of `size` pieces, by what tokenised texts have. Returns the ids that they had
    and the files by name."""
    folder, config = checkpoint.folder, checkpoint.config
    if not is_wordpiece(folder):
        fail(f"{folder}: the tokenizer is no WordPiece, whose vocabulary --vocab reduces; leave it out")
    tokenizer = checkpoint.tokenizer
    pieces = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    counts = torch.zeros(len(pieces), dtype=torch.long)
    for ids, _ in items:
        counts += torch.bincount(torch.tensor(ids), minlength=len(pieces))
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    kept = choose(pieces, counts.tolist(), special, size)
    files = files_of(folder, pieces, kept)
    checkpoint.tokenizer = opened(folder, files)
    words = checkpoint.encoder.embeddings.word_embeddings
    words.weight = torch.nn.Parameter(words.weight.detach()[kept].clone())
    words.num_embeddings = config.vocab_size = len(kept)
    for name in ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"):
        if getattr(config, name, None) is not None:
            setattr(config, name, kept.index(getattr(config, name)) if getattr(config, name) in kept else None)
    words.padding_idx = config.pad_token_id
    return torch.tensor(kept), files
