#!/usr/bin/env python3
"""A DistilBERT checkpoint of seeded weights in Hugging Face form, F16, for `tern convert`:  make_checkpoint.py DIR"""
import json
import os
import struct
import sys

import numpy as np

LAYERS, HIDDEN, HEADS, WIDE, VOCAB, POSITIONS, LABELS = 6, 768, 12, 3072, 30522, 512, 2
SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']


def tensors(rng):
    def matrix(name, outputs, inputs):
        yield name + '.weight', (rng.standard_normal((outputs, inputs)) * 0.04).astype('<f2')
        yield name + '.bias', np.zeros(outputs, '<f2')

    def norm(name):
        yield name + '.weight', np.ones(HIDDEN, '<f2')
        yield name + '.bias', np.zeros(HIDDEN, '<f2')

    embeddings = 'distilbert.embeddings.'
    yield embeddings + 'word_embeddings.weight', (rng.standard_normal((VOCAB, HIDDEN)) * 0.04).astype('<f2')
    yield embeddings + 'position_embeddings.weight', (rng.standard_normal((POSITIONS, HIDDEN)) * 0.04).astype('<f2')
    yield from norm(embeddings + 'LayerNorm')
    for i in range(LAYERS):
        layer = f'distilbert.transformer.layer.{i}.'
        for part in ('q_lin', 'k_lin', 'v_lin', 'out_lin'):
            yield from matrix(layer + 'attention.' + part, HIDDEN, HIDDEN)
        yield from norm(layer + 'sa_layer_norm')
        yield from matrix(layer + 'ffn.lin1', WIDE, HIDDEN)
        yield from matrix(layer + 'ffn.lin2', HIDDEN, WIDE)
        yield from norm(layer + 'output_layer_norm')
    yield from matrix('pre_classifier', HIDDEN, HIDDEN)
    yield from matrix('classifier', LABELS, HIDDEN)


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    header, data, at = {}, [], 0
    for name, array in tensors(np.random.default_rng(1)):
        raw = array.tobytes()
        header[name] = {'dtype': 'F16', 'shape': list(array.shape), 'data_offsets': [at, at + len(raw)]}
        data.append(raw)
        at += len(raw)
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(os.path.join(folder, 'model.safetensors'), 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text)
        file.writelines(data)
    config = {'architectures': ['DistilBertForSequenceClassification'], 'model_type': 'distilbert', 'dim': HIDDEN,
              'hidden_dim': WIDE, 'n_layers': LAYERS, 'n_heads': HEADS, 'vocab_size': VOCAB, 'activation': 'gelu',
              'max_position_embeddings': POSITIONS, 'sinusoidal_pos_embds': False, 'pad_token_id': 0,
              'num_labels': LABELS}
    with open(os.path.join(folder, 'config.json'), 'w') as file:
        json.dump(config, file)
    letters = 'abcdefghijklmnopqrstuvwxyz'
    with open(os.path.join(folder, 'vocab.txt'), 'w') as file:
        for token in SPECIAL:
            file.write(token + '\n')
        for i in range(VOCAB - len(SPECIAL)):
            file.write(''.join(letters[i // 26 ** p % 26] for p in (3, 2, 1, 0)) + '\n')


main()
