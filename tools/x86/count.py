#!/usr/bin/env python3
"""Executed instructions of the x86-64 build on a CPU without AVX, by row of kernels. Never times.

    tools/x86/count.py [--shapes minilm-l6] [--tokens 16,128] [--cpu Denverton] [--isas scalar,sse41] [--weights int8]

Run by `make count-x86`, which builds what it needs. How it is counted is said in tools/arm/README.md.
"""
import argparse
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'arm'))
import count  # noqa: E402

count.OUT = 'build/x86'
count.TRIPLE = 'x86_64-linux-gnu'
count.TERN = 'build/x86_64-linux-gnu-static/tern'
count.EMULATOR = 'qemu-x86_64'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--shapes', default='minilm-l6')
    parser.add_argument('--tokens', default='16,128')
    parser.add_argument('--cpu', default='Denverton', help='a CPU that the emulator knows')
    parser.add_argument('--isas', default='scalar,sse41')
    parser.add_argument('--weights', default='int8')
    o = parser.parse_args()
    if not shutil.which(count.EMULATOR):
        sys.exit("count.py: no qemu-x86_64: Debian's qemu-user (the static one has no plugins)")
    os.makedirs(count.OUT, exist_ok=True)
    subprocess.run(['gcc', '-O2', '-fPIC', '-shared', '-o', f'{count.OUT}/qcount.so', 'tools/arm/qcount.c'], check=True)
    isas = o.isas.split(',')
    print(f'Executed instructions per inference, millions ({o.cpu}, one thread)\n')
    print('| shape | weights | tokens | ' + ' | '.join(isas) + ' | first / last |')
    print('|---|---|---:|' + '---:|' * (len(isas) + 1))
    for shape in o.shapes.split(','):
        for weights in o.weights.split(','):
            for tokens in o.tokens.split(','):
                counts = [count.total(count.per_run(count.bench(shape, int(tokens), ('--isa', isa, '--weights', weights)),
                                                    o.cpu)) / 1e6 for isa in isas]
                cells = ' | '.join(f'{c:.1f}' for c in counts)
                print(f'| {shape} | {weights} | {tokens} | {cells} | {counts[0] / counts[-1]:.1f} |', flush=True)


main()
