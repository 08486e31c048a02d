#!/usr/bin/env python3
"""The forms of an ONNX file that pypi.py times.

    pypi_graphs.py FORM SOURCE TARGET [TEXTS|CHECKPOINT]

fused: Attention, BiasGelu and SkipLayerNormalization, as ONNX Runtime's transformer optimiser finds them. int8, int7:
dynamic quantisation by ONNX Runtime's tools; int7 keeps weights within 7 bits (reduce_range), for its kernels for AVX2
without VNNI add two products in 16 bits, where 8 bits overflow. nncf: static quantisation by OpenVINO's NNCF, its ranges
from TEXTS, a JSON list of lists of token ids. weights: NNCF's int8 weights, where OpenVINO rounds activations as it runs.
fte: fasttextembed's file of bge-small-en-v1.5, which it would load from elsewhere, and its vocabulary beside it.
"""
import json
import logging
import os
import struct
import sys


def fused(source, target):
    from onnxruntime.transformers import optimizer
    # Level 0: what ONNX Runtime fuses besides, it fuses when it loads the file.
    optimizer.optimize_model(source, model_type='bert', num_heads=12, hidden_size=384, opt_level=0).save_model_to_file(target)


def dynamic(source, target, reduce_range=False):
    import onnx
    from onnxruntime.quantization import quantize_dynamic
    # Shapes are not inferred through fused operators; without that the quantiser must be told that all is float.
    quantize_dynamic(source, target, reduce_range=reduce_range, extra_options={'DefaultTensorType': onnx.TensorProto.FLOAT})


def nncf_int8(source, target, texts):
    import nncf
    import numpy
    import openvino
    with open(texts, encoding='utf-8') as file:
        rows = [numpy.array([ids], dtype=numpy.int64) for ids in json.load(file)]
    inputs = [{'input_ids': row, 'attention_mask': numpy.ones_like(row), 'token_type_ids': numpy.zeros_like(row)}
              for row in rows]
    model = nncf.quantize(openvino.Core().read_model(source), nncf.Dataset(inputs), subset_size=len(inputs),
                          model_type=nncf.ModelType.TRANSFORMER)
    openvino.save_model(model, target, compress_to_fp16=False)


def nncf_weights(source, target):
    import nncf
    import openvino
    model = nncf.compress_weights(openvino.Core().read_model(source), mode=nncf.CompressWeightsMode.INT8_SYM)
    openvino.save_model(model, target, compress_to_fp16=False)


def fte(source, target, folder):
    """A header, a row for each tensor (offset, bytes, name), the tensors: matrices in f16, vectors in f32. Matrices of
    layers are inputs x outputs, under the names that they have in the ONNX file which the library was written for."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
    import checkpoints
    import numpy
    layers, hidden, align = 12, 384, 64
    found = checkpoints.tensors_of(source)
    named = {name: value for name, value in found.items()
             if name.startswith('embeddings.') or name.endswith('.bias') or 'LayerNorm' in name}
    for layer in range(layers):
        at = f'encoder.layer.{layer}.'
        three = [f'{at}attention.self.{part}.' for part in ('query', 'key', 'value')]
        named[f'Attention_{layer}_qkv_weight'] = numpy.concatenate([found[name + 'weight'].T for name in three], axis=1)
        named[f'Attention_{layer}_qkv_bias'] = numpy.concatenate([found[name + 'bias'] for name in three])
        for i, part in enumerate(('attention.output', 'intermediate', 'output')):
            named[f'onnx::MatMul_{1536 + 13 * layer + i}'] = found[f'{at}{part}.dense.weight'].T
    head = struct.pack('<QQ4s6I', 56, 0, b'FTE1', 2, hidden, layers, 12, 1536, 30522).ljust(52, b'\0')
    rows, data, start = b'', b'', -(-(56 + 104 * len(named)) // align) * align
    for name, value in named.items():
        raw = numpy.ascontiguousarray(value).astype('<f2' if value.ndim == 2 else '<f4').tobytes()
        rows += struct.pack('<QQ64s24x', start + len(data), len(raw), name.encode())
        data += raw + bytes(-len(raw) % align)
    with open(os.path.join(folder, 'tokenizer.json'), encoding='utf-8') as file:
        words = json.load(file)['model']['vocab']
    with open(target + '.tsv', 'w', encoding='utf-8') as file:
        file.writelines(f'{word}\t{number}\n' for word, number in words.items())
    with open(target, 'wb') as file:
        file.write((head + struct.pack('<I', len(named)) + rows).ljust(start, b'\0') + data)


FORMS = {'fused': fused, 'int8': dynamic, 'int7': lambda source, target: dynamic(source, target, True), 'nncf': nncf_int8,
         'weights': nncf_weights, 'fte': fte}


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    form, source, target, *more = sys.argv[1:]
    logging.disable(logging.WARNING)
    # Under a name of its own until it is whole. OpenVINO's weights and fasttextembed's words are files beside it.
    stem, kind = os.path.splitext(target)
    part = f'{stem}-part{kind}'
    FORMS[form](source, part, *more)
    for suffix in ('.bin', kind + '.tsv', kind):
        if os.path.exists(f'{stem}-part{suffix}'):
            os.replace(f'{stem}-part{suffix}', stem + suffix)


if __name__ == '__main__':
    main()
