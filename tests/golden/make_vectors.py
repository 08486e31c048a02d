#!/usr/bin/env python3
"""Writes tests/golden/vectors: small checkpoints of SPLADE and ColBERT, and what sentence-transformers makes with them.

make_vectors.py   needs torch, transformers 5.24, safetensors and sentence-transformers 6.2

vectors/NAME/ is a folder as its library saves it, with 16-bit floats. expected.json in it: `texts`, and of each either
`sparse` (a list of words and weights by id) or `query` and `document` (lists of vectors).

vectors/router/ is laid out as the published models whose queries need no encoder: a Router at the root, whose documents
go through the transformer beside it. expected.json has `query` and `sparse`, and `plain_query` and `plain` of the folder
without modules.json, where idf.json alone speaks of queries. saved_router_config.json is what the library writes.
"""
import json
import os
import shutil
import string

import torch
from safetensors.torch import save_file
from sentence_transformers import MultiVectorEncoder, SparseEncoder
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding, SpladePooling
from transformers import BertConfig, BertForMaskedLM, BertModel, BertTokenizerFast

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors")
TEXTS = ["how do i reset the router?", "press a button, for ten seconds.", '(the "router"); a']
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["[PAD]", "[unused0]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS]
WORDS += ["##" + c for c in LETTERS] + list(".,!?;'\"()")
WORDS += ["the", "how", "reset", "router", "press", "button", "do", "for", "ten", "seconds"]
HIDDEN, WIDTH = 24, 12


def path(*parts):
    return os.path.join(HERE, *parts)


def write(name, value):
    with open(path(name), "w") as file:
        json.dump(value, file)


def config():
    return BertConfig(
        vocab_size=len(WORDS),
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=40,
        max_position_embeddings=48,
        initializer_range=0.4,
    )


def halves(tensors):
    return {name: t.to(torch.float16).contiguous() for name, t in tensors.items()}


def rounded(model):
    """The weights that are saved are those that the answers are made with."""
    model.load_state_dict({name: t.to(torch.float16).to(t.dtype) for name, t in model.state_dict().items()})
    return model.eval()


def save_tokenizer(folder):
    os.makedirs(path(folder), exist_ok=True)
    with open(path(folder, "vocab.txt"), "w") as file:
        file.write("\n".join(WORDS) + "\n")
    write(folder + "/tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "model_max_length": 48})


def save_config(folder, architecture):
    write(
        folder + "/config.json",
        {**json.loads(config().to_json_string()), "model_type": "bert", "architectures": [architecture]},
    )


def masked_lm(folder):
    """The checkpoint, and a module that runs it."""
    torch.manual_seed(11)
    model = rounded(BertForMaskedLM(config()))
    save_tokenizer(folder)
    weights = halves(model.state_dict())
    for tied in ("cls.predictions.decoder.weight", "cls.predictions.decoder.bias"):
        weights.pop(tied, None)
    save_file(weights, path(folder, "model.safetensors"), metadata={"format": "pt"})
    save_config(folder, "BertForMaskedLM")
    return Transformer(path(folder), transformer_task="fill-mask", model_kwargs={"dtype": torch.float32})


def by_id(vectors):
    return [{str(i): w for i, w in enumerate(v.tolist()) if w} for v in vectors]


def splade(folder, strategy, activation):
    transformer = masked_lm(folder)
    encoder = SparseEncoder(modules=[transformer, SpladePooling(strategy, activation)], device="cpu")
    encoder.prompts = {"query": "the ", "document": ""}
    keep = {name: open(path(folder, name), "rb").read() for name in ("model.safetensors", "config.json")}
    encoder.save(path("saved"))
    for name in ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json", "1_SpladePooling"):
        copy = shutil.copytree if os.path.isdir(path("saved", name)) else shutil.copy
        copy(path("saved", name), path(folder, name))
    shutil.rmtree(path("saved"))
    assert keep == {name: open(path(folder, name), "rb").read() for name in keep}
    vectors = [encoder.encode(text, convert_to_sparse_tensor=False) for text in TEXTS]
    write(folder + "/expected.json", {"texts": TEXTS, "sparse": by_id(vectors)})


def routed():
    texts = [*TEXTS, "the the router [SEP] the"]
    transformer = masked_lm("router")
    tokenizer = transformer.tokenizer
    torch.manual_seed(13)
    idf = {w: round(float(torch.rand(1)) * 8, 4) for w in WORDS if w not in ("[CLS]", "do", "q")}
    write("router/idf.json", idf)

    def both(query, activation):
        router = Router.for_query_document([query], [transformer, SpladePooling("max", activation)])
        encoder = SparseEncoder(modules=[router], similarity_fn_name="dot", device="cpu")
        return encoder, [
            by_id(encode(t, convert_to_sparse_tensor=False) for t in texts)
            for encode in (encoder.encode_query, encoder.encode_document)
        ]

    query = SparseStaticEmbedding.from_json(path("router", "idf.json"), tokenizer=tokenizer, frozen=True)
    _, (plain_query, plain) = both(query, "relu")
    own = (torch.rand(len(WORDS)) * 4).to(torch.float16).to(torch.float32)
    own[WORDS.index("the")] = 0
    encoder, (of_query, of_document) = both(SparseStaticEmbedding(tokenizer, own, frozen=True), "log1p_relu")
    encoder.save(path("saved"))
    for name in ("query_0_SparseStaticEmbedding", "document_1_SpladePooling"):
        shutil.copytree(path("saved", name), path("router", name))
    for name in ("modules.json", "config_sentence_transformers.json"):
        shutil.copy(path("saved", name), path("router", name))
    shutil.copy(path("saved", "router_config.json"), path("router", "saved_router_config.json"))
    shutil.copy(path("saved", "document_0_Transformer", "sentence_bert_config.json"), path("router"))
    shutil.rmtree(path("saved"))
    models = "sentence_transformers.sparse_encoder.models."
    write(
        "router/router_config.json",
        {
            "types": {
                "query_0_SparseStaticEmbedding": models + "SparseStaticEmbedding",
                "": models + "MLMTransformer",
                "document_1_SpladePooling": models + "SpladePooling",
            },
            "structure": {"query": ["query_0_SparseStaticEmbedding"], "document": ["", "document_1_SpladePooling"]},
            "parameters": {"default_route": "document", "allow_empty_key": True},
        },
    )
    again = SparseEncoder(path("router"), device="cpu", model_kwargs={"dtype": torch.float32})
    for text, q, d in zip(texts, of_query, of_document):
        assert by_id([again.encode_query(text, convert_to_sparse_tensor=False)]) == [q]
        assert by_id([again.encode_document(text, convert_to_sparse_tensor=False)]) == [d]
    write(
        "router/expected.json",
        {"texts": texts, "query": of_query, "sparse": of_document, "plain_query": plain_query, "plain": plain},
    )


def answers(folder):
    encoder = MultiVectorEncoder(path(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    write(
        folder + "/expected.json",
        {
            "texts": TEXTS,
            "query": [encoder.encode_query(text).tolist() for text in TEXTS],
            "document": [encoder.encode_document(text).tolist() for text in TEXTS],
        },
    )
    return encoder


def colbert():
    torch.manual_seed(12)
    model = rounded(BertModel(config(), add_pooling_layer=False))
    linear = (torch.randn(WIDTH, HIDDEN) * 0.3).to(torch.float16)
    for folder in ("stanford", "pylate"):
        save_tokenizer(folder)
        own = folder == "pylate"
        weights = halves({("" if own else "bert.") + name: t for name, t in model.state_dict().items()})
        weights.update({} if own else {"linear.weight": linear})
        save_file(weights, path(folder, "model.safetensors"), metadata={"format": "pt"})
        save_config(folder, "BertModel" if own else "HF_ColBERT")
    write(
        "stanford/artifact.metadata",
        {"query_token_id": "[unused0]", "doc_token_id": "[unused1]", "dim": WIDTH, "query_maxlen": 16, "doc_maxlen": 40,
         "mask_punctuation": True, "attend_to_mask_tokens": False, "similarity": "cosine", "nbits": 1},
    )
    os.makedirs(path("pylate", "1_Dense"), exist_ok=True)
    save_file({"linear.weight": linear}, path("pylate", "1_Dense", "model.safetensors"))
    write(
        "pylate/1_Dense/config.json",
        {"in_features": HIDDEN, "out_features": WIDTH, "bias": False,
         "activation_function": "torch.nn.modules.linear.Identity"},
    )
    modules = [("", "sentence_transformers.models.Transformer"), ("1_Dense", "pylate.models.Dense.Dense")]
    write("pylate/modules.json", [{"idx": i, "name": str(i), "path": p, "type": t} for i, (p, t) in enumerate(modules)])
    write("pylate/sentence_bert_config.json", {"max_seq_length": 39, "do_lower_case": False})
    write(
        "pylate/config_sentence_transformers.json",
        {"__version__": {"sentence_transformers": "4.0.2"}, "prompts": {}, "default_prompt_name": None,
         "similarity_fn_name": "MaxSim", "query_prefix": "[unused0]", "document_prefix": "[unused1]", "query_length": 16,
         "document_length": 40, "attend_to_expansion_tokens": True, "skiplist_words": list(string.punctuation),
         "do_query_expansion": True, "model_type": "ColBERT"},
    )
    answers("pylate")
    encoder = answers("stanford")
    encoder.save(path("native"))
    save_file(
        halves(model.state_dict()), path("native", "model.safetensors"), metadata={"format": "pt"}
    )
    save_file({"linear.weight": linear}, path("native", "1_Dense", "model.safetensors"))
    for name in os.listdir(path("native")):
        if name == "README.md":
            os.remove(path("native", name))
    answers("native")


shutil.rmtree(HERE, ignore_errors=True)
os.makedirs(HERE)
splade("splade", "max", "relu")
splade("splade-sum", "sum", "log1p_relu")
routed()
colbert()
