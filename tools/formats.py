#!/usr/bin/env python3
"""Every format of weights side by side: bits, bytes, accuracy and time, as a Markdown table.

    tools/formats.py TERN --checkpoint DIR --texts FILE --sst2 dev.tsv [--stsb sts-dev.csv] [--shape distilbert]

`make bench-formats` calls it. Bytes and accuracy are those of the checkpoint, converted with second-order compensation
on the texts (a text per line; a .tsv's first column without its header); times are those of seeded weights of the shape,
one thread, the formats interleaved over some rounds, medians. Nothing stays behind.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile

ROUNDS = 3


def run(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f'{" ".join(map(str, words))}: {done.stderr.strip().splitlines()[-1:]}')
    return done.stdout


def plain_texts(path, out):
    """Of a .tsv only long lines: SST-2 trains on fragments and is judged on whole sentences."""
    with open(path, encoding='utf-8') as file, open(out, 'w', encoding='utf-8') as to:
        lines = [line.rstrip('\n').split('\t')[0] for line in file][1 if path.endswith('.tsv') else 0:]
        to.writelines(line + '\n' for line in lines if len(line) > 100 or not path.endswith('.tsv'))
    return out


def convert(o, weights, texts, folder):
    words = ['--calibrate', texts] if weights not in ('f32', 'int8') else []
    path = os.path.join(folder, weights.replace(':', '-') + '.tern')
    run(o.tern, 'convert', o.checkpoint, '-o', path, '--weights', weights, '-q', *words)
    return path


def evaluate(o, task, data, path, f32):
    return json.loads(run(o.tern, 'eval', path, '--task', task, data, '--json', '--against', f32))


def formats(o):
    """All that the program knows, and a mixture."""
    return [*run(o.tern, 'info', '--formats').split(), 'auto:3']


def times(o):
    """Medians of the rounds' medians, by format and length."""
    found = {}
    for _ in range(ROUNDS):
        for weights in formats(o):
            if weights.startswith('auto'):
                continue
            text = run(o.tern, 'bench', '--shape', o.shape, '--weights', weights, '-s', o.tokens, '-t', 1, '-r', 20,
                       '--format', 'jsonl')
            for record in (json.loads(line) for line in text.splitlines()):
                found.setdefault((weights, record['seq']), []).append(record['p50_ms'])
                found['isa'] = record['isa']
    return found


def bits_of(info):
    """Of the encoder's matrices, with their groups' multipliers."""
    hidden, kinds = info['hidden'], ('.weight', '.code', '.group')
    stored = sum(t['bytes'] for t in info['tensors'] if t['name'].startswith('layer.') and
                 t['name'].endswith(kinds) and '_norm' not in t['name'])
    return stored * 8 / (info['layers'] * hidden * (4 * hidden + 2 * info['intermediate']))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('tern')
    for name in ('checkpoint', 'texts', 'sst2'):
        parser.add_argument('--' + name, required=True)
    parser.add_argument('--stsb')
    parser.add_argument('--shape', default='distilbert')
    parser.add_argument('--tokens', default='1,16,128')
    o = parser.parse_args()
    ms, lengths = times(o), [int(t) for t in o.tokens.split(',')]
    print(f'{os.path.basename(os.path.normpath(o.checkpoint))} on SST-2 dev'
          f'{" and STS-B dev" if o.stsb else ""}; ms: {o.shape}, 1 thread, {ms["isa"]}\n')
    print('| weights | bits | bytes | accuracy | same label as f32 | cosine |' + (' STS-B cosine |' if o.stsb else '') +
          ''.join(f' ms, {t} tokens |' for t in lengths))
    print('|---|---:|---:|---:|---:|---:|' + ('---:|' if o.stsb else '') + '---:|' * len(lengths))
    with tempfile.TemporaryDirectory() as folder:
        texts = plain_texts(o.texts, os.path.join(folder, 'texts'))
        f32 = convert(o, 'f32', texts, folder)
        for weights in formats(o):
            path = f32 if weights == 'f32' else convert(o, weights, texts, folder)
            sst2 = evaluate(o, 'sst2', o.sst2, path, f32)
            stsb = evaluate(o, 'stsb', o.stsb, path, f32) if o.stsb else None
            info = json.loads(run(o.tern, 'info', path, '--json'))
            cells = [f'{bits_of(info):.2f}', f'{info["file_bytes"]:,}', f'{100 * sst2["accuracy"]:.2f} %',
                     f'{100 * sst2["agreement"]:.2f} %', f'{sst2["cosine"]:.4f}']
            cells += [f'{stsb["cosine"]:.4f}'] if stsb else []
            cells += [f'{statistics.median(ms[weights, t]):.2f}' if (weights, t) in ms else '' for t in lengths]
            print(f'| {weights} | ' + ' | '.join(cells) + ' |', flush=True)


if __name__ == '__main__':
    main()
