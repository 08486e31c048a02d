#!/usr/bin/env python3
"""What quantising costs embedders: Tern beside PyTorch and ONNX Runtime, as a Markdown table.

    tools/accuracy.py TERN --sts FILE [--work DIR] [--checkpoints DIR] [NAME...]

`make accuracy` calls it. FILE is the STS benchmark's sts-dev.csv (tab-separated, the score in column 5, the sentences in
6 and 7) or GLUE's dev.tsv. Checkpoints (NAME: tools/checkpoints.py) come from packages and stay in DIR, as all that is
made of them does. Every path's vectors of each distinct sentence are held against those of sentence-transformers in
f32: the cosine's mean, first percentile and least, and the part of ten nearest neighbours that stays. Tern's figures
are `tern eval`'s, the others' NumPy's and SciPy's. What cannot be had is left out, with the reason on standard error.

The modules below go into a virtual environment in DIR, unless this Python has them.
"""
import argparse
import importlib.util
import json
import os
import subprocess
import sys
import venv

import checkpoints
from formats import bits_of, run

MODULES = {'torch': 'torch', 'transformers': 'transformers', 'sentence_transformers': 'sentence-transformers',
           'onnxruntime': 'onnxruntime', 'onnx': 'onnx', 'numpy': 'numpy', 'scipy': 'scipy', 'safetensors': 'safetensors'}
LOW = ['--calibrate', 'builtin']
TERN = [('Tern f32', ['--weights', 'f32']), ('Tern int8', [])]
TERN += [(f'Tern {weights}, groups of {group}', ['--weights', weights, '--group', str(group), *LOW])
         for weights in ('int4', 'int3') for group in (64, 32)]
NEIGHBOURS = 10


def say(text):
    print(f'accuracy.py: {text}', file=sys.stderr, flush=True)


def use_environment(work):
    """Goes on in an interpreter that has the modules."""
    missing = [package for module, package in MODULES.items() if not importlib.util.find_spec(module)]
    if not missing:
        return
    home = os.path.join(work, 'venv')
    python = os.path.join(home, 'bin', 'python')
    if sys.executable == python:
        sys.exit(f'accuracy.py: pip has not installed {", ".join(missing)} in {home}')
    say(f'{home}: installs {", ".join(MODULES.values())}')
    venv.create(home, with_pip=True)
    if subprocess.run([python, '-m', 'pip', 'install', '-q', *MODULES.values()], check=False).returncode:
        sys.exit('accuracy.py: pip failed; with PYTHON=... another interpreter that has the modules is used')
    os.execv(python, [python, *sys.argv])


def read_sts(path):
    """[(score, sentence, sentence)] of a tab-separated file, with or without a header."""
    with open(path, encoding='utf-8-sig', newline='\n') as file:
        lines = [line.rstrip('\r\n').split('\t') for line in file if line.strip()]
    if not lines:
        sys.exit(f'accuracy.py: {path} is empty')
    header = {name: i for i, name in enumerate(lines[0])}
    wanted = ('score', 'sentence1', 'sentence2')
    named = all(name in header for name in wanted)
    places = [header[name] for name in wanted] if named else [4, 5, 6]
    rows = lines[1:] if named else lines
    try:
        return [(float(row[places[0]]), row[places[1]], row[places[2]]) for row in rows]
    except (ValueError, IndexError):
        sys.exit(f'accuracy.py: {path} has not the form of the STS benchmark\'s sts-dev.csv or of GLUE\'s dev.tsv')


# ---- Vectors of others ---------------------------------------------------------------------------------------------

def pooling_of(folder):
    with open(os.path.join(folder, '1_Pooling', 'config.json'), encoding='utf-8') as file:
        config = json.load(file)
    return 'cls' if config.get('pooling_mode_cls_token') or config.get('pooling_mode') == 'cls' else 'mean'


def onnx_vectors(path, folder, model, texts):
    """One text at a time, so that nothing is padded and no text sets the scale of another."""
    import numpy
    import onnxruntime
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    names = {i.name for i in session.get_inputs()}
    cls, out = pooling_of(folder) == 'cls', []
    for text in texts:
        words = model.tokenizer(text, truncation=True, max_length=model.max_seq_length, return_tensors='np',
                                return_token_type_ids=True)
        states = session.run(None, {k: v.astype(numpy.int64) for k, v in words.items() if k in names})[0][0]
        out.append(states[0] if cls else states.mean(axis=0))
    return numpy.asarray(out, dtype=numpy.float32)


def dynamic(source, target):
    from onnxruntime.quantization import quantize_dynamic
    if not os.path.exists(target):
        quantize_dynamic(source, target + '.part')
        os.rename(target + '.part', target)
    return target


def unit(vectors):
    import numpy
    wide = vectors.astype(numpy.float64)
    return wide / numpy.linalg.norm(wide, axis=1, keepdims=True)


def nearest(vectors):
    import numpy
    cosines = vectors @ vectors.T
    numpy.fill_diagonal(cosines, -2)
    return numpy.argsort(-cosines, axis=1, kind='stable')[:, :NEIGHBOURS]


def figures(vectors, f32, sts, texts):
    """As `tern eval --json` calls them."""
    import numpy
    from scipy import stats
    a, b = unit(vectors), unit(f32)
    place = {text: i for i, text in enumerate(texts)}
    similar = [float(a[place[x]] @ a[place[y]]) for _, x, y in sts]
    cosines = numpy.sum(a * b, axis=1)
    kept = [len(set(p) & set(q)) for p, q in zip(nearest(a), nearest(b))]
    return {'spearman': stats.spearmanr(similar, [row[0] for row in sts]).statistic, 'cosine': cosines.mean(),
            'percentile_1': numpy.percentile(cosines, 1), 'least': cosines.min(),
            'neighbours': numpy.mean(kept) / NEIGHBOURS}


# ---- The table -----------------------------------------------------------------------------------------------------

def print_row(checkpoint, path, f, encoder, whole):
    print(f'| {checkpoint} | {path} | {100 * f["spearman"]:.2f} | {f["cosine"]:.4f} | {f["percentile_1"]:.4f} | '
          f'{f["least"]:.4f} | {100 * f["neighbours"]:.1f} | {encoder} | {whole:.2f} |', flush=True)


def others(o, name, folder, model, f32, sts, texts):
    """The rows of PyTorch, which the others are held against, and of ONNX Runtime."""
    import torch
    full, _, _, jar = checkpoints.CHECKPOINTS[name]
    parameters = sum(p.numel() for p in model.parameters())
    print_row(full, f'PyTorch {torch.__version__.split("+")[0]} f32', figures(f32, f32, sts, texts), '32.00', 32)
    if not jar:
        say(f'{full}: no package has an ONNX file of it')
        return
    stem = os.path.join(o.work, name)
    try:
        own = checkpoints.onnx_file(jar + '-q', stem + '-q.onnx')
        made = dynamic(checkpoints.onnx_file(jar, stem + '.onnx'), stem + '-dynamic.onnx')
    except checkpoints.Unavailable as why:
        say(f'{full}, ONNX Runtime: {why}')
        return
    for path, what in ((own, 'the file of its package'), (made, 'quantize_dynamic')):
        print_row(full, f'ONNX Runtime int8, {what}', figures(onnx_vectors(path, folder, model, texts), f32, sts, texts), '8.00',
                  os.path.getsize(path) * 8 / parameters)


def convert(o, name, folder, what, options):
    """The model of a row, made again when the program is newer."""
    path = os.path.join(o.work, f'{name}-{what.replace(" ", "-").replace(",", "")}.tern')
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(o.tern):
        say(f'converts {folder}: {what}')
        run(o.tern, 'convert', folder, '-o', path, '-q', *options)
    return path


def tern(o, name, folder, vectors, data):
    for what, options in TERN:
        path = convert(o, name, folder, what, options)
        found = json.loads(run(o.tern, 'eval', path, '--task', 'stsb', data, '--against', vectors, '--json',
                               '--truncate', 'head'))
        info = json.loads(run(o.tern, 'info', path, '--json'))
        print_row(checkpoints.CHECKPOINTS[name][0], what, found, f'{bits_of(info):.2f}', info['bits_per_weight'])


def refusal(o, family):
    """What tern convert says of a family that it does not know; None when it knows it."""
    probe = os.path.join(o.work, 'probe')
    checkpoints.write_json(probe, 'config.json', {'model_type': family})
    done = subprocess.run([o.tern, 'convert', probe, '-o', probe + '.tern'], capture_output=True, text=True, check=False)
    return done.stderr.strip().split(': ', 2)[-1] if 'is not supported' in done.stderr else None


def checkpoint_rows(o, name, sts, texts, data):
    import numpy
    from sentence_transformers import SentenceTransformer
    full, family, *_ = checkpoints.CHECKPOINTS[name]
    why = refusal(o, family)
    if why:
        say(f'{full} is skipped: {why}')
        return
    try:
        folder = checkpoints.fetch(name, o.checkpoints)
    except checkpoints.Unavailable as reason:
        say(f'{full} is skipped: {reason}')
        return
    vectors = os.path.join(o.work, name + '.npy')
    model = SentenceTransformer(folder, device='cpu')
    f32 = model.encode(texts, convert_to_numpy=True)
    numpy.save(vectors, f32.astype('<f4'))
    others(o, name, folder, model, f32, sts, texts)
    tern(o, name, folder, vectors, data)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('tern')
    parser.add_argument('--sts', required=True, metavar='FILE')
    parser.add_argument('--work', default='build/accuracy', metavar='DIR')
    parser.add_argument('--checkpoints', metavar='DIR', help='where they are or are put; without it DIR/checkpoints')
    parser.add_argument('names', nargs='*', metavar='NAME', help=', '.join(checkpoints.CHECKPOINTS))
    o = parser.parse_intermixed_args()
    o.work, o.tern = os.path.abspath(o.work), os.path.abspath(o.tern)
    o.checkpoints = o.checkpoints or os.path.join(o.work, 'checkpoints')
    for name in o.names:
        if name not in checkpoints.CHECKPOINTS:
            sys.exit(f'accuracy.py: {name} is none of {", ".join(checkpoints.CHECKPOINTS)}')
    if not os.path.exists(o.sts):
        sys.exit(f'accuracy.py: {o.sts} is not there. No package is known that has the STS benchmark: get sts-dev.csv of '
                 'the STS benchmark, or dev.tsv of GLUE\'s STS-B, and give it: make accuracy STSB=FILE')
    os.makedirs(o.work, exist_ok=True)
    use_environment(o.work)
    sts = read_sts(o.sts)
    texts = list(dict.fromkeys(text for _, *pair in sts for text in pair))
    data = os.path.join(o.work, 'sts.jsonl')
    with open(data, 'w', encoding='utf-8') as file:
        for score, x, y in sts:
            file.write(json.dumps({'sentence1': x, 'sentence2': y, 'score': score}) + '\n')
    import onnxruntime
    print(f'{os.path.basename(o.sts)}, {len(sts):,} pairs of {len(texts):,} sentences; against PyTorch in f32; ONNX Runtime '
          f'{onnxruntime.__version__} on {json.loads(run(o.tern, "info", "--json"))["isa"]}\n')
    print('| checkpoint | path | Spearman, % | cosine, mean | 1st percentile | least | neighbours kept, % | bits, encoder | '
          'bits, whole file |\n|---|---|---:|---:|---:|---:|---:|---:|---:|', flush=True)
    for name in o.names or checkpoints.CHECKPOINTS:
        checkpoint_rows(o, name, sts, texts, data)


if __name__ == '__main__':
    main()
