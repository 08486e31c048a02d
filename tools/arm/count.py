#!/usr/bin/env python3
"""Executed instructions and llvm-mca cycles of the AArch64 build: figures where there is no ARM hardware. Never times.

    tools/arm/count.py [--shapes minilm-l6] [--tokens 8,128] [--cpus 'cortex-a53 cortex-a72']

Run by `make count-arm`, which builds what it needs. README.md says what is counted and what it is worth. What is not
installed is named, and its table left out.
"""
import argparse
import collections
import os
import re
import shutil
import subprocess
import sys

OUT = 'build/arm'
TRIPLE = 'aarch64-linux-gnu'
EMULATOR = 'qemu-aarch64'
TERN = f'build/{TRIPLE}-static/tern'
CPUS = ['cortex-a53', 'cortex-a72', 'cortex-a76', 'max,sve=off']
MODELS = {  # what the board is, and the core that llvm-mca knows best
    'cortex-a53': 'Pi 3, Zero 2', 'cortex-a72': 'Pi 4', 'cortex-a76': 'Pi 5', 'max,sve=off': 'i8mm',
}
PRODUCTS = [  # int8 or float multiply-adds of one instruction
    (r'^(sdot|udot)\b', 16), (r'^smmla\b', 32), (r'^(smull|smlal)2?\b.*\.8h', 8), (r'^fmla\b.*\.4s', 4),
]


def say(text):
    print(f'count.py: {text}', file=sys.stderr)


def blocks_of(command, cpu, prefix=None):
    """{(address, instructions): entries} of one run; the environment is empty, as its size changes the count."""
    out = os.path.abspath(f'{OUT}/blocks.txt')
    words = [EMULATOR, '-seed', '1', '-cpu', cpu, '-plugin', f'{os.path.abspath(OUT)}/qcount.so,out={out}']
    words += ['-L', prefix] if prefix else []
    run = subprocess.run(words + command, env={}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                         check=False)
    if run.returncode:
        raise RuntimeError(f'{command[0]} under {cpu}: {run.stderr.strip().splitlines()[-1:]}')
    blocks = collections.Counter()
    with open(out, encoding='ascii') as file:
        for line in file:
            address, instructions, entries = line.split()
            blocks[int(address, 16), int(instructions)] += int(entries)
    return blocks


def per_run(command, cpu, prefix=None, runs=2):
    """Blocks of one inference: twice as many runs less as many, which cancels everything but the runs."""
    few, many = (blocks_of(command(n), cpu, prefix) for n in (runs, 2 * runs))
    return {key: (many[key] - few[key]) / runs for key in many if many[key] > few[key]}


def total(blocks):
    return sum(instructions * entries for (_, instructions), entries in blocks.items())


def functions(binary):
    text = subprocess.run([f'{TRIPLE}-nm', '-n', binary], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in text.splitlines()]
    return [(int(r[0], 16), r[2]) for r in rows if len(r) == 3 and r[1] in 'tTwW']


def by_function(blocks, symbols):
    counts, names = collections.Counter(), [name for _, name in symbols]
    addresses = [address for address, _ in symbols]
    import bisect
    for (address, instructions), entries in blocks.items():
        at = bisect.bisect_right(addresses, address) - 1
        counts[names[at] if at >= 0 else '?'] += instructions * entries
    return counts


def bench(shape, tokens, extra=()):
    return lambda n: [TERN, 'bench', '--shape', shape, '-s', str(tokens), '-t', '1', '-r', str(n), *extra]


# ---- ONNX Runtime -----------------------------------------------------------------------------------------------------

def fake_board(name, part):
    """A -L prefix whose /proc/cpuinfo and /sys describe four cores of the board: ONNX Runtime reads them at start."""
    root = f'{OUT}/{name}'
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(f'{root}/proc')
    os.symlink(f'/usr/{TRIPLE}/lib', f'{root}/lib')  # the cross compiler's own, which have libstdc++
    core = ('processor\t: {}\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd crc32 cpuid\nCPU implementer\t: 0x41\n'
            f'CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 3\n\n')
    with open(f'{root}/proc/cpuinfo', 'w', encoding='ascii') as file:
        file.writelines(core.format(i) for i in range(4))
    base = f'{root}/sys/devices/system/cpu'

    def write(path, text):
        os.makedirs(os.path.dirname(f'{base}/{path}'), exist_ok=True)
        with open(f'{base}/{path}', 'w', encoding='ascii') as file:
            file.write(text + '\n')
    for path in ('online', 'possible', 'present'):
        write(path, '0-3')
    write('kernel_max', '3')
    for i in range(4):
        topology = {'core_id': i, 'physical_package_id': 0, 'core_siblings': 'f', 'core_siblings_list': '0-3',
                    'package_cpus_list': '0-3', 'cluster_cpus_list': '0-3', 'thread_siblings': f'{1 << i:x}',
                    'thread_siblings_list': i}
        for key, value in topology.items():
            write(f'cpu{i}/topology/{key}', str(value))
    return root


def ort_program():
    library = next((f'tools/peers/node_modules/onnxruntime-node/bin/{d}/linux/arm64'
                    for d in sorted(os.listdir('tools/peers/node_modules/onnxruntime-node/bin'))
                    if os.path.isdir(f'tools/peers/node_modules/onnxruntime-node/bin/{d}/linux/arm64')), None)
    program = f'{OUT}/ort_first'
    libs = f'/usr/{TRIPLE}/lib'
    subprocess.run([f'{TRIPLE}-gcc', '-O2', '-o', program, 'tools/peers/cold/ort_first.c',
                    f'{library}/libonnxruntime.so.1', f'-Wl,-rpath,{os.path.abspath(library)}',
                    f'-Wl,-rpath-link,{libs}', f'-L{libs}', '-Wl,--allow-shlib-undefined'], check=True)
    return program


def ort_counts(o):
    """{(cpu, shape, tokens, precision): instructions}, or {} with the reason said."""
    counts = {}
    try:
        program = ort_program()
    except (OSError, subprocess.CalledProcessError, TypeError) as error:
        say(f'ONNX Runtime is left out: {error} (make bench-peers fetches it)')
        return counts
    parts = {'cortex-a53': '0xd03', 'cortex-a72': '0xd08', 'cortex-a76': '0xd0b', 'max,sve=off': '0xd0b'}
    for cpu in o.cpus:
        prefix = fake_board(cpu.split(',', maxsplit=1)[0], parts[cpu])
        for shape in o.shapes:
            for precision in ('int8', 'fp32'):
                graph = f'build/peers/{shape}-{precision}.onnx'
                if not os.path.exists(graph):
                    say(f'{graph} is not there: make bench-peers PEERS_ARGS="--shape {shape} --rounds 1"')
                    continue
                for tokens in o.tokens:
                    try:
                        runs = per_run(lambda n: [program, graph, str(tokens), str(n)], cpu, prefix, 1)
                        counts[cpu, shape, tokens, precision] = total(runs)
                    except RuntimeError as error:
                        say(f'ONNX Runtime: {error}')
    return counts


# ---- llvm-mca ---------------------------------------------------------------------------------------------------------

def newest_mca():
    found = [(int(m.group(1)), f'/usr/bin/{name}') for name in os.listdir('/usr/bin')
             if (m := re.fullmatch(r'llvm-mca-(\d+)', name))]
    return max(found, default=(0, ''))


def joined(blocks):
    """Blocks that follow one another and are entered as often are one: the emulator cuts long ones."""
    whole = []
    for (address, instructions), entries in sorted(blocks.items()):
        if whole and whole[-1][0] + 4 * whole[-1][1] == address and whole[-1][2] == entries:
            whole[-1][1] += instructions
        else:
            whole.append([address, instructions, entries])
    return {(address, instructions): entries for address, instructions, entries in whole}


def hottest_loop(blocks, names, symbols):
    """Address and length of the block in one of the functions that executes the most instructions."""
    import bisect
    addresses = [address for address, _ in symbols]
    best = (0, 0, 0)
    for (address, instructions), entries in joined(blocks).items():
        name = symbols[bisect.bisect_right(addresses, address) - 1][1]
        if re.fullmatch(names, name) and instructions * entries > best[0]:
            best = (instructions * entries, address, instructions)
    return best[1], best[2]


def listing(address, instructions):
    text = subprocess.run([f'{TRIPLE}-objdump', '-d', '--no-show-raw-insn', f'--start-address={address}',
                           f'--stop-address={address + 4 * instructions}', TERN], capture_output=True, text=True,
                          check=True).stdout
    lines = re.findall(r'^\s*[0-9a-f]+:\t(.*)$', text, re.M)
    code = [re.sub(r'\s*//.*', '', line).replace('\t', ' ') for line in lines]
    return [re.sub(r'[0-9a-f]+ <[^>]*>$', 'loop', line) for line in code]


def products_of(code):
    return sum(n for line in code for pattern, n in PRODUCTS if re.match(pattern, line))


def mca_cycles(mca, core, code):
    text = 'loop:\n' + '\n'.join(code) + '\n'
    run = subprocess.run([mca, '-mtriple=aarch64', f'-mcpu={core}', '-mattr=+dotprod,+i8mm', '-iterations=1000'],
                         input=text, capture_output=True, text=True, check=False)
    found = re.search(r'Total Cycles:\s+(\d+)', run.stdout)
    if run.returncode or not found or 'error' in run.stderr:
        raise RuntimeError(f'{mca} {core}: {run.stderr.strip()[:200]}')
    return int(found.group(1)) / 1000


def mca_table(tokens=48):
    version, mca = newest_mca()
    if not mca:
        say('no llvm-mca-NN in /usr/bin: the table of cycles is left out (Debian: llvm-19)')
        return
    cores = ['cortex-a53', 'cortex-a72', 'neoverse-n1']
    symbols = functions(TERN)
    rows = [('int8 neon', 'cortex-a72', r'tern_gemm_s8_neon', ()),
            ('int8 dotprod', 'cortex-a76', r'tern_gemm_s8_dotprod|tile_\d', ()),
            ('int8 i8mm', 'max,sve=off', r'tern_gemm_s8_i8mm|tile_\d', ()),
            ('16x4 neon', 'cortex-a72', r'wide_\d', ('--sparse', '16x4:0.8')),
            ('16x4 dotprod', 'cortex-a76', r'wide_\d', ('--sparse', '16x4:0.8')),
            ('16x4 i8mm', 'max,sve=off', r'wide_\d', ('--sparse', '16x4:0.8')),
            ('f32 neon', 'cortex-a72', r'tern_gemm_f32_neon|tile.*', ('--weights', 'f32'))]
    print(f'\nllvm-mca {version}, cycles per multiply-add of the hottest loop (a model; relative use only)\n')
    print('| loop | instructions | multiply-adds | ' + ' | '.join(cores) + ' |')
    print('|---|---:|---:|' + '---:|' * len(cores))
    figures = {}
    for name, cpu, pattern, extra in rows:
        blocks = per_run(bench('bert-mini', tokens, extra), cpu, runs=1)
        code = listing(*hottest_loop(blocks, pattern, symbols))
        products = products_of(code)
        cells = []
        for core in cores:
            if 'neon' not in name and core != 'neoverse-n1':
                cells.append('')  # the core has no such instruction
                continue
            figures[name, core] = mca_cycles(mca, core, code) / products
            cells.append(f'{figures[name, core]:.4f}')
        print(f'| {name} | {len(code)} | {products} | ' + ' | '.join(cells) + ' |')
    for core in cores[:2]:
        print(f'\n{core}, f32 loop / int8 loop: {figures["f32 neon", core] / figures["int8 neon", core]:.2f}')


# ---- The tables -------------------------------------------------------------------------------------------------------

def instruction_table(o, ort):
    print('Executed guest instructions per inference, millions (qemu-user, one thread, exact to 0.1 %)\n')
    print('| CPU | board | shape | tokens | tern int8 | ORT int8 | ORT / tern | ORT fp32 |')
    print('|---|---|---|---:|---:|---:|---:|---:|')
    parts = {}
    for cpu in o.cpus:
        for shape in o.shapes:
            for tokens in o.tokens:
                blocks = per_run(bench(shape, tokens), cpu)
                own = parts[cpu, shape, tokens] = blocks
                own = total(own)
                int8, fp32 = (ort.get((cpu, shape, tokens, p)) for p in ('int8', 'fp32'))
                cells = [f'{own / 1e6:.2f}', f'{int8 / 1e6:.2f}' if int8 else '', f'{int8 / own:.2f}' if int8 else '',
                         f'{fp32 / 1e6:.2f}' if fp32 else '']
                print(f'| {cpu} | {MODELS.get(cpu, "")} | {shape} | {tokens} | ' + ' | '.join(cells) + ' |', flush=True)
    return parts


def per_inference(command, cpu, tokens, symbols):
    """As per_run, for inferences so short that the benchmark's warming up takes as many as it has time for: they are
    counted, by the calls of the op that sums embeddings, once per token. Warming up the shorter run may have taken more
    than the longer one's: then both run longer."""
    starts = {address for address, name in symbols if name.startswith('tern_embed_')}
    for runs in (2, 8, 32, 128):
        blocks = per_run(command, cpu, runs=runs)
        inferences = sum(n for (address, _), n in blocks.items() if address in starts) * runs / tokens
        if inferences >= runs / 2:
            return {key: n * runs / inferences for key, n in blocks.items()}
    raise RuntimeError(f'{cpu}, {tokens} tokens: the machine is too busy to tell runs from warming up')


def weights_table(o):
    """Formats side by side: all of an inference, and what the products of the matrices take of it."""
    symbols = functions(TERN)
    products = r'^(tern_(gemm_s8|gemm_s4|gemm_lut|unpack|lut)_|tile|plain_|grouped_)'
    print('\nBy format of the weights, millions of instructions per inference; in brackets those of the products\n')
    print('| CPU | shape | tokens | ' + ' | '.join(o.weights) + ' |')
    print('|---|---|---:|' + '---:|' * len(o.weights))
    for cpu in o.cpus:
        for shape in o.shapes:
            for tokens in o.weight_tokens:
                cells = []
                for weights in o.weights:
                    blocks = per_inference(bench(shape, tokens, ('--weights', weights)), cpu, tokens, symbols)
                    part = sum(n for name, n in by_function(blocks, symbols).items() if re.search(products, name))
                    cells.append(f'{total(blocks) / 1e6:.2f} ({part / 1e6:.2f})')
                print(f'| {cpu} | {shape} | {tokens} | ' + ' | '.join(cells) + ' |', flush=True)


def sparse_table(o):
    """Dense int8 against block-sparse: all of an inference, and what the products of the matrices take of it."""
    symbols = functions(TERN)
    products = r'^(tern_(gemm_s8|spmm)_|tern_sparse_expand|tile|(wide|block|one|column)_\d)'
    print('\nBlock-sparse, millions of instructions per inference; in brackets those of the products, and dense / sparse\n')
    print('| CPU | shape | tokens | dense | ' + ' | '.join(o.sparse) + ' |')
    print('|---|---|---:|---:|' + '---:|' * len(o.sparse))
    for cpu in o.cpus:
        for shape in o.shapes:
            for tokens in o.tokens:
                cells, dense = [], None
                for sparse in ['', *o.sparse]:
                    extra = ('--sparse', sparse) if sparse else ()
                    blocks = per_inference(bench(shape, tokens, extra), cpu, tokens, symbols)
                    part = sum(n for name, n in by_function(blocks, symbols).items() if re.search(products, name))
                    dense = dense or part
                    cells.append(f'{total(blocks) / 1e6:.2f} ({part / 1e6:.2f}' +
                                 (f', {dense / part:.2f}x)' if sparse else ')'))
                print(f'| {cpu} | {shape} | {tokens} | ' + ' | '.join(cells) + ' |', flush=True)


def breakdown(parts):
    symbols = functions(TERN)
    for (cpu, shape, tokens), blocks in parts.items():
        if tokens != min(t for _, _, t in parts):
            continue
        counts, whole = by_function(blocks, symbols), total(blocks)
        print(f'\n{cpu}, {shape}, {tokens} tokens, by function:', ', '.join(
            f'{name.removeprefix("tern_")} {100 * n / whole:.1f} %' for name, n in counts.most_common(8)))


def models_table(o):
    """Files side by side, as of one checkpoint with and without repeated columns: instructions, and over the first's."""
    print('Executed guest instructions per inference, millions, and over those of the first file\n')
    print('| CPU | tokens | ' + ' | '.join(os.path.basename(m) for m in o.models) + ' |')
    print('|---|---:|' + '---:|' * len(o.models))
    for cpu in o.cpus:
        for tokens in o.tokens:
            counts = [total(per_run(lambda n, m=m: [TERN, 'bench', m, '-s', str(tokens), '-t', '1', '-r', str(n)], cpu))
                      for m in o.models]
            cells = (f'{c / 1e6:.2f} ({c / counts[0]:.4f})' for c in counts)
            print(f'| {cpu} | {tokens} | ' + ' | '.join(cells) + ' |', flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--shapes', default='minilm-l6')
    parser.add_argument('--tokens', default='8,128')
    parser.add_argument('--cpus', default=' '.join(CPUS), help='separated by spaces')
    parser.add_argument('--weights', default='int8,int4,ternary,binary')
    parser.add_argument('--weight-tokens', default='1,8')
    parser.add_argument('--sparse', default='16x4:0.8,16x4:0.9,4x4:0.8,1x4:0.8')
    parser.add_argument('--models', default='', help='.tern files to count instead, with commas between')
    o = parser.parse_args()
    o.models = [m for m in o.models.split(',') if m]
    o.sparse = o.sparse.split(',')
    o.weights, o.weight_tokens = o.weights.split(','), [int(t) for t in o.weight_tokens.split(',')]
    o.shapes, o.cpus = o.shapes.split(','), o.cpus.split()
    o.tokens = [int(t) for t in o.tokens.split(',')]
    if not shutil.which('qemu-aarch64'):
        sys.exit("count.py: no qemu-aarch64: Debian's qemu-user (the static one has no plugins)")
    os.makedirs(OUT, exist_ok=True)
    subprocess.run(['gcc', '-O2', '-fPIC', '-shared', '-o', f'{OUT}/qcount.so', 'tools/arm/qcount.c'], check=True)
    if o.models:
        models_table(o)
        return
    breakdown(instruction_table(o, ort_counts(o)))
    weights_table(o)
    sparse_table(o)
    mca_table()
    for triple in (TRIPLE, 'arm-linux-gnueabihf'):
        library = f'build/{triple}/libtern.so.0'
        if os.path.exists(library):
            stripped = f'{OUT}/libtern.so'
            subprocess.run([f'{triple}-strip', '-o', stripped, library], check=True)
            print(f'\n{triple}: libtern.so stripped, {os.path.getsize(stripped) / 1024:.0f} KiB')


if __name__ == '__main__':
    main()
