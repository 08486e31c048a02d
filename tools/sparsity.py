#!/usr/bin/env python3
"""Accuracy over sparsity: every block shape, pruned by magnitude and on texts, as a Markdown table and an SVG.

    tools/sparsity.py TERN --checkpoint DIR --texts FILE --sst2 dev.tsv --svg docs/sparsity.svg [--shapes 4x4,1x4]

`make bench-sparsity` calls it; some minutes. Texts as in tools/formats.py. As many conversions run side by side as
there are CPUs, each on one of its own.
"""
import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

from formats import plain_texts, run

FRACTIONS = [30, 40, 50, 60, 70, 80, 90]
COLOURS = {'16x4': '#c0392b', '4x4': '#e08e0b', '1x4': '#1f6fb2', '4x1': '#2a8c55'}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 400, 40, 76, 36, 32
LOW, HIGH = 60, 88  # per cent of accuracy; less is cut off


def evaluate(o, path, f32):
    return json.loads(run(o.tern, 'eval', path, '--task', 'sst2', o.sst2, '--against', f32, '--json'))


def measure(o, folder, f32, cpus, job):
    shape, percent, second = job
    path = os.path.join(folder, f'{shape}-{percent}-{second}.tern')
    cpu = cpus.pop()
    words = [o.tern, 'convert', o.checkpoint, '-o', path, '-q', '--sparse', f'{shape}:{percent / 100}']
    words += ['--calibrate', os.path.join(folder, 'texts')] if second else []
    done = subprocess.run(words, capture_output=True, text=True, check=False,
                          preexec_fn=lambda: os.sched_setaffinity(0, [cpu]))
    cpus.append(cpu)
    if done.returncode:
        raise SystemExit(f'{" ".join(words)}: {done.stderr.strip().splitlines()[-1:]}')
    result = evaluate(o, path, f32)
    os.remove(path)
    print(f'{shape} {percent} % {"on texts" if second else "magnitude"}: {100 * result["accuracy"]:.2f} %, '
          f'cosine {result["cosine"]:.4f}', file=sys.stderr, flush=True)
    return job, result


def table(shapes, found, exact):
    print(f'SST-2 dev, f32 {100 * exact:.2f} %: accuracy by magnitude and on texts, and the latter\'s cosine with f32\n')
    print('| zero blocks |' + ''.join(f' {s} magnitude | {s} on texts | cosine |' for s in shapes))
    print('|---:|' + '---:|---:|---:|' * len(shapes))
    for percent in FRACTIONS:
        cells = []
        for shape in shapes:
            plain, second = found[shape, percent, 0], found[shape, percent, 1]
            cells += [f'{100 * plain["accuracy"]:.2f}', f'{100 * second["accuracy"]:.2f}', f'{second["cosine"]:.4f}']
        print(f'| {percent} % | ' + ' | '.join(cells) + ' |')


def place(percent, accuracy):
    x = LEFT + (percent - FRACTIONS[0]) / (FRACTIONS[-1] - FRACTIONS[0]) * (WIDTH - LEFT - RIGHT)
    y = TOP + (HIGH - accuracy) / (HIGH - LOW) * (HEIGHT - TOP - BOTTOM)
    return f'{x:.1f}', f'{y:.1f}'


def spread(labels, gap=15):
    """Labels (y, text, colour) from the top down, at least `gap` apart."""
    labels = sorted(labels)
    for i in range(1, len(labels)):
        labels[i] = (max(labels[i][0], labels[i - 1][0] + gap),) + labels[i][1:]
    return labels


def draw(path, shapes, found, exact):
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
           'font-family="sans-serif" font-size="12" fill="#333">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
           f'<text x="{LEFT}" y="22" font-weight="bold">SST-2 accuracy (%) over zero blocks; solid: pruned on '
           'texts, dashed: by magnitude</text>']
    for accuracy in range(LOW, HIGH + 1, 5):
        x, y = place(FRACTIONS[0], accuracy)
        end, _ = place(FRACTIONS[-1], accuracy)
        out.append(f'<path d="M{x} {y}H{end}" stroke="#ddd"/><text x="{LEFT - 8}" y="{float(y) + 4:.1f}" '
                   f'text-anchor="end">{accuracy}</text>')
    for percent in FRACTIONS:
        x, _ = place(percent, LOW)
        out.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{percent} %</text>')
    x, y = place(FRACTIONS[0], 100 * exact)
    end, _ = place(FRACTIONS[-1], 100 * exact)
    out.append(f'<path d="M{x} {y}H{end}" stroke="#555" stroke-width="1.5" stroke-dasharray="2 3"/>')
    labels = [(float(y) + 4, f'f32 {100 * exact:.1f}', '#555')]
    for shape in shapes:
        for second in (0, 1):
            points = [place(p, max(LOW, 100 * found[shape, p, second]['accuracy'])) for p in FRACTIONS]
            style = '' if second else ' stroke-dasharray="6 4" opacity="0.75"'
            out.append(f'<polyline points="{" ".join(",".join(p) for p in points)}" fill="none" '
                       f'stroke="{COLOURS[shape]}" stroke-width="{2 if second else 1.5}"{style}/>')
            labels.append((float(points[-1][1]) + 4, shape, COLOURS[shape]))
    for y, text, colour in spread(labels):
        out.append(f'<text x="{WIDTH - RIGHT + 8}" y="{y:.1f}" fill="{colour}" font-weight="bold">{text}</text>')
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write('\n'.join(out) + '\n</svg>\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('tern')
    for name in ('checkpoint', 'texts', 'sst2', 'svg'):
        parser.add_argument('--' + name, required=True)
    parser.add_argument('--shapes', default=','.join(COLOURS))
    o = parser.parse_args()
    shapes, cpus, found = o.shapes.split(','), sorted(os.sched_getaffinity(0)), {}
    with tempfile.TemporaryDirectory() as folder:
        plain_texts(o.texts, os.path.join(folder, 'texts'))
        f32 = os.path.join(folder, 'f32.tern')
        run(o.tern, 'convert', o.checkpoint, '-o', f32, '--weights', 'f32', '-q')
        exact = evaluate(o, f32, f32)['accuracy']
        jobs = [(shape, percent, second) for percent in FRACTIONS for shape in shapes for second in (0, 1)]
        with concurrent.futures.ThreadPoolExecutor(len(cpus)) as pool:
            found = dict(pool.map(lambda job: measure(o, folder, f32, cpus, job), jobs))
    table(shapes, found, exact)
    draw(o.svg, shapes, found, exact)


if __name__ == '__main__':
    main()
