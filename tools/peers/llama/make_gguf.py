#!/usr/bin/env python3
"""A BERT of seeded weights as a GGUF file for llama.cpp, in the shapes of `tern bench --shape`.

    make_gguf.py --shape distilbert --type q8_0 --out build/peers/distilbert-q8_0.gguf

The container is GGUF version 3 (ggml's docs/gguf.md): header, metadata, tensor table, data aligned to 32 bytes. Matrices
are stored in blocks of 32 along the input: q8_0 is a half-float scale and 32 int8, q4_0 a scale and 32 nibbles that
stand for -8 .. 7. Everything else is f32. The vocabulary is made up: 30,522 words of letters; a text of N tokens is
[CLS], N - 2 words, [SEP].
"""
import argparse
import struct

import numpy as np

SHAPES = {  # layers, hidden, heads, intermediate
    'distilbert': (6, 768, 12, 3072),
    'minilm-l6': (6, 384, 12, 1536),
    'bert-base': (12, 768, 12, 3072),
    'bert-mini': (4, 256, 4, 1024),
    'tinybert-4l': (4, 312, 12, 1200),
}
VOCAB, POSITIONS, TYPES = 30522, 512, 2
SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9  # metadata value types
GGML = {'f32': 0, 'q4_0': 2, 'q8_0': 8}
ALIGNMENT = 32


def string(text):
    data = text.encode()
    return struct.pack('<Q', len(data)) + data


def value(kind, v):
    if kind == STRING:
        return string(v)
    return struct.pack({UINT32: '<I', INT32: '<i', FLOAT32: '<f', BOOL: '<?'}[kind], v)


def entry(key, kind, v):
    return string(key) + struct.pack('<I', kind) + value(kind, v)


def array(key, kind, values):
    body = b''.join(value(kind, v) for v in values)
    return string(key) + struct.pack('<IIQ', ARRAY, kind, len(values)) + body


def words():
    """Distinct words of letters; the mark says that a piece begins a word."""
    letters = 'abcdefghijklmnopqrstuvwxyz'
    for i in range(VOCAB - len(SPECIAL)):
        yield '\u2581' + ''.join(letters[i // 26 ** p % 26] for p in (3, 2, 1, 0))


def blocks(w, kind):
    """Rows of 32: an f16 scale from the largest magnitude, then the integers."""
    b = w.reshape(-1, 32)
    if kind == 'q8_0':
        scale = np.abs(b).max(axis=1, keepdims=True) / 127
        q = np.rint(b / np.where(scale == 0, 1, scale)).astype(np.int8)
    else:
        at = np.abs(b).argmax(axis=1)
        scale = b[np.arange(len(b)), at][:, None] / -8
        n = np.clip(np.floor(b / np.where(scale == 0, 1, scale) + 8.5), 0, 15).astype(np.uint8)
        q = n[:, :16] | n[:, 16:] << 4
    return np.concatenate([scale.astype('<f2').view(np.uint8), q.view(np.uint8)], axis=1).tobytes()


def tensors(shape, kind, rng):
    """(name, dimensions with the contiguous one first, ggml type, bytes)"""
    layers, hidden, _, wide = shape

    def matrix(name, inputs, outputs):
        w = (rng.standard_normal((outputs, inputs)) * 0.04).astype(np.float32)
        yield name + '.weight', (inputs, outputs), kind, blocks(w, kind)
        yield name + '.bias', (outputs,), 'f32', np.zeros(outputs, np.float32).tobytes()

    def norm(name):
        yield name + '.weight', (hidden,), 'f32', np.ones(hidden, np.float32).tobytes()
        yield name + '.bias', (hidden,), 'f32', np.zeros(hidden, np.float32).tobytes()

    def table(name, rows, as_type):
        w = (rng.standard_normal((rows, hidden)) * 0.04).astype(np.float32)
        yield name, (hidden, rows), as_type, blocks(w, as_type) if as_type != 'f32' else w.tobytes()

    yield from table('token_embd.weight', VOCAB, kind)
    yield from table('token_types.weight', TYPES, 'f32')
    yield from table('position_embd.weight', POSITIONS, 'f32')
    yield from norm('token_embd_norm')
    for i in range(layers):
        for part in ('attn_q', 'attn_k', 'attn_v', 'attn_output'):
            yield from matrix(f'blk.{i}.{part}', hidden, hidden)
        yield from norm(f'blk.{i}.attn_output_norm')
        yield from matrix(f'blk.{i}.ffn_up', hidden, wide)
        yield from matrix(f'blk.{i}.ffn_down', wide, hidden)
        yield from norm(f'blk.{i}.layer_output_norm')


def metadata(shape, name):
    layers, hidden, heads, wide = shape
    pieces = SPECIAL + list(words())
    ids = {token: i for i, token in enumerate(SPECIAL)}
    return [
        entry('general.architecture', STRING, 'bert'),
        entry('general.name', STRING, name),
        entry('bert.block_count', UINT32, layers),
        entry('bert.context_length', UINT32, POSITIONS),
        entry('bert.embedding_length', UINT32, hidden),
        entry('bert.feed_forward_length', UINT32, wide),
        entry('bert.attention.head_count', UINT32, heads),
        entry('bert.attention.layer_norm_epsilon', FLOAT32, 1e-12),
        entry('bert.attention.causal', BOOL, False),
        entry('bert.pooling_type', UINT32, 1),
        entry('tokenizer.ggml.model', STRING, 'bert'),
        entry('tokenizer.ggml.pre', STRING, 'jina-v2-en'),
        entry('tokenizer.ggml.token_type_count', UINT32, TYPES),
        array('tokenizer.ggml.tokens', STRING, pieces),
        array('tokenizer.ggml.token_type', INT32, [3] * len(SPECIAL) + [1] * (len(pieces) - len(SPECIAL))),
        entry('tokenizer.ggml.bos_token_id', UINT32, ids['[CLS]']),
        entry('tokenizer.ggml.eos_token_id', UINT32, ids['[SEP]']),
        entry('tokenizer.ggml.cls_token_id', UINT32, ids['[CLS]']),
        entry('tokenizer.ggml.seperator_token_id', UINT32, ids['[SEP]']),
        entry('tokenizer.ggml.unknown_token_id', UINT32, ids['[UNK]']),
        entry('tokenizer.ggml.padding_token_id', UINT32, ids['[PAD]']),
        entry('tokenizer.ggml.mask_token_id', UINT32, ids['[MASK]']),
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--shape', choices=SHAPES, required=True)
    parser.add_argument('--type', choices=['q8_0', 'q4_0'], required=True)
    parser.add_argument('--out', required=True)
    o = parser.parse_args()
    shape = SHAPES[o.shape]
    if shape[1] % 32 or shape[3] % 32:
        parser.error(f'{o.shape}: ggml blocks need sizes that 32 divides')
    table, data, offset = [], [], 0
    for name, dims, kind, raw in tensors(shape, o.type, np.random.default_rng(1)):
        table.append(string(name) + struct.pack(f'<I{len(dims)}QIQ', len(dims), *dims, GGML[kind], offset))
        padding = -len(raw) % ALIGNMENT
        data.append(raw + bytes(padding))
        offset += len(raw) + padding
    entries = metadata(shape, o.shape)
    head = b'GGUF' + struct.pack('<IQQ', 3, len(table), len(entries)) + b''.join(entries + table)
    with open(o.out, 'wb') as file:
        file.write(head + bytes(-len(head) % ALIGNMENT))
        file.writelines(data)


if __name__ == '__main__':
    main()
