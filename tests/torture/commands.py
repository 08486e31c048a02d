"""What is run, what must hold however it ends, and the parts that need no tracer: allocations, limits, kills."""
import json
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time

DOCUMENTED = range(6)  # exit codes: tools/cli.h
SECONDS = 60           # no command takes as long
# What others say where memory or a thread fails while LAPACK is loaded: they end the process, each in its way.
OF_OTHERS = ('Operating system error: Cannot allocate memory', 'OpenBLAS blas_thread_init: pthread_create failed')


# ---- Inputs: a small checkpoint, a larger one so that signals find it at work, models, texts ---------------------------

def write_checkpoint(path, hidden, vocab, layers):
    rng, inner, tensors = random.Random(7), hidden * 2, {}

    def add(name, *shape):
        n = 1
        for size in shape:
            n *= size
        base = 0.9 if name.endswith('Norm.weight') else 0.0
        tensors[name] = (shape, struct.pack(f'<{n}f', *(base + rng.uniform(-0.1, 0.1) for _ in range(n))))

    def pair(name, rows, *columns):
        add(f'{name}.weight', rows, *columns)
        add(f'{name}.bias', rows)

    add('embeddings.word_embeddings.weight', vocab, hidden)
    add('embeddings.position_embeddings.weight', 32, hidden)
    add('embeddings.token_type_embeddings.weight', 2, hidden)
    pair('embeddings.LayerNorm', hidden)
    for i in range(layers):
        stem = f'encoder.layer.{i}.'
        for name in ('self.query', 'self.key', 'self.value', 'output.dense'):
            pair(f'{stem}attention.{name}', hidden, hidden)
        pair(f'{stem}attention.output.LayerNorm', hidden)
        pair(f'{stem}intermediate.dense', inner, hidden)
        pair(f'{stem}output.dense', hidden, inner)
        pair(f'{stem}output.LayerNorm', hidden)
    pair('pooler.dense', hidden, hidden)
    pair('classifier', 2, hidden)
    header, at = {}, 0
    for name, (shape, data) in tensors.items():
        header[name] = {'dtype': 'F32', 'shape': shape, 'data_offsets': [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    os.makedirs(path)
    with open(f'{path}/model.safetensors', 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + b''.join(data for _, data in tensors.values()))
    config = dict(architectures=['BertForSequenceClassification'], model_type='bert', vocab_size=vocab,
                  hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=2, intermediate_size=inner,
                  max_position_embeddings=32, type_vocab_size=2, id2label={'0': 'no', '1': 'yes'})
    words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'good', 'film', '.', '##s']
    words += [f'w{i}' for i in range(vocab - len(words))]
    for name, text in {'config.json': json.dumps(config), 'vocab.txt': '\n'.join(words) + '\n',
                       'tokenizer_config.json': '{"do_lower_case": true}'}.items():
        with open(f'{path}/{name}', 'w') as f:
            f.write(text)


def make_inputs(setting):
    at = f'{setting.work}/inputs'
    os.makedirs(at)
    write_checkpoint(f'{at}/small', 8, 40, 1)
    write_checkpoint(f'{at}/larger', 64, 3000, 2)
    with open(f'{at}/texts.txt', 'w') as f:
        f.write('a good film .\nfilms\n' * 20)
    with open(f'{at}/many.txt', 'w') as f:
        f.write('a good film . a good film w9 w8 w7\n' * 3000)
    with open(f'{at}/sst2.tsv', 'w') as f:
        f.write('sentence\tlabel\na good film\t1\nfilms\t0\n')
    with open(f'{at}/stsb.jsonl', 'w') as f:
        f.write('{"sentence1": "a good film", "sentence2": "films", "score": 1.5}\n'
                '{"sentence1": "a film", "sentence2": "a film .", "score": 5}\n')
    with open(f'{at}/distinct.txt', 'w') as f:
        f.writelines(f'a film w{i}\n' for i in range(14))
    for name in ('small', 'larger'):
        subprocess.run([setting.tern, 'convert', f'{at}/{name}', '-o', f'{at}/{name}.tern'], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(f'{at}/distinct.txt') as f:
        subprocess.run([setting.tern, 'embed', f'{at}/small.tern', '-o', f'{at}/vectors.npy'], check=True, stdin=f)
    return at


# ---- Commands ------------------------------------------------------------------------------------------------------

def end(process):
    """Kills it and, if it is a tracer, what it traced."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


class Command:
    """Words of tern; INPUTS and OUT stand for folders. `output` is the file in OUT that it makes. What takes time or
    tells times has no bytes to compare with (`steady`). `lapack`: it loads LAPACK. Debian's is OpenBLAS, which ends the
    process where a thread fails."""

    def __init__(self, words, output=None, stdin=None, steady=True, lapack=False):
        self.words, self.output, self.stdin, self.steady = words.split(), output, stdin, steady
        self.lapack = lapack
        self.reference = None

    def __str__(self):
        return 'tern ' + ' '.join(self.words) + (f' < {self.stdin}' if self.stdin else '')

    def begin(self, setting, out, prefix=(), environment=None, prepare=None):
        words = [w.replace('INPUTS', setting.inputs).replace('OUT', out) for w in self.words]
        stdin = open(f'{setting.inputs}/{self.stdin}', 'rb') if self.stdin else subprocess.DEVNULL
        try:
            return subprocess.Popen([*prefix, setting.tern, *words], stdin=stdin, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, preexec_fn=prepare, start_new_session=True,
                                    env={**os.environ, 'XDG_CACHE_HOME': setting.work, **(environment or {})})
        finally:
            if self.stdin:
                stdin.close()

    def run(self, setting, out, **how):
        process = self.begin(setting, out, **how)
        try:
            stdout, stderr = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            end(process)
            return None, b'', b''
        return process.returncode, stdout, stderr

    def learn(self, setting):
        """What it says and writes when nothing is wrong."""
        if self.reference is None:
            with tempfile.TemporaryDirectory(dir=setting.work) as out:
                code, stdout, stderr = self.run(setting, out)
                if code != 0:
                    raise SystemExit(f'{self}: {code} {stderr.decode(errors="replace")}')
                report = stderr.decode().replace(out, 'OUT').splitlines()
                self.reference = stdout.replace(out.encode(), b'OUT'), self.bytes_of(out), set(report)
        return self.reference

    def bytes_of(self, out):
        if not self.output:
            return None
        with open(f'{out}/{self.output}', 'rb') as f:
            return f.read()

    def whole(self, out, reference):
        data = self.bytes_of(out)
        if self.steady:
            return data == reference
        try:
            return 'records' in json.loads(data)
        except ValueError:
            return False

    def fault_of_files(self, out, may_litter):
        there = set(os.listdir(out))
        more = there - {self.output}
        if more and not may_litter:
            return f'leaves {", ".join(sorted(more))}'
        if self.output in there and not self.whole(out, self.reference[1]):
            return f'{self.output} is not whole: {os.path.getsize(f"{out}/{self.output}")} bytes'
        return None

    def fault(self, out, code, stdout, stderr, may_litter=False, loader=False):
        """What is wrong with how it ended; None: nothing."""
        lines = stderr.decode(errors='replace').replace(out, 'OUT').splitlines()
        if code is None:
            return f'no end within {SECONDS} s'
        # Before main the dynamic loader or the C library speaks.
        if loader and (code == 127 or any('error while loading shared libraries' in line or 'rtld' in line for line in lines)):
            return self.fault_of_files(out, may_litter)
        if self.lapack and any(line.startswith(OF_OTHERS) for line in lines):
            return self.fault_of_files(out, may_litter)
        if code not in DOCUMENTED:
            return f'ends with {code}: {" / ".join(lines[-3:])}'
        # A report, as convert's, goes to standard error; so does what strace says of itself.
        lines = [line for line in lines if line not in self.reference[2] and not line.startswith('strace: ')]
        strange = [line for line in lines if not line.startswith('tern: ')]
        if strange:
            return f'says {strange[0]!r}'
        said = [line for line in lines if not line.startswith('tern: warning: ')]
        if (code != 0) != (len(said) == 1):
            return f'ends with {code} and {len(said)} lines: {lines}'
        if code == 0 and self.steady and stdout.replace(out.encode(), b'OUT') != self.reference[0]:
            return 'ends with 0 and says something else than it does otherwise'
        if code == 0 and self.output and not os.path.exists(f'{out}/{self.output}'):
            return f'ends with 0 without {self.output}'
        return self.fault_of_files(out, may_litter)

    def judge(self, setting, what, may_litter=False, loader=False, must_work=False, **how):
        """One run in a folder of its own, as a case."""
        self.learn(setting)
        with tempfile.TemporaryDirectory(dir=setting.work) as out:
            code, stdout, stderr = self.run(setting, out, **how)
            fault = self.fault(out, code, stdout, stderr, may_litter, loader)
            if not fault and must_work and code != 0:
                fault = f'ends with {code}: {stderr.decode(errors="replace").strip()}'
        return f'{self}: {what}: {fault}' if fault else None


SMALL = [
    Command('info INPUTS/small.tern'),
    Command('info', steady=False),
    Command('classify INPUTS/small.tern', stdin='texts.txt'),
    Command('classify INPUTS/small.tern --json', stdin='texts.txt'),
    Command('embed INPUTS/small.tern --json', stdin='texts.txt'),
    Command('embed INPUTS/small.tern -o OUT/v.npy', output='v.npy', stdin='texts.txt'),
    Command('tokenize INPUTS/small.tern', stdin='texts.txt'),
    Command('tokenize INPUTS/small', stdin='texts.txt'),
    Command('eval INPUTS/small.tern --task sst2 INPUTS/sst2.tsv', steady=False),
    Command('eval INPUTS/small.tern --task stsb INPUTS/stsb.jsonl', steady=False),
    Command('eval INPUTS/small.tern --against INPUTS/vectors.npy INPUTS/distinct.txt', steady=False),
    Command('bench INPUTS/small.tern -s 8 -t 1 -r 2 --format json --out OUT/b.json', output='b.json', steady=False),
    Command('convert INPUTS/small -o OUT/m.tern', output='m.tern', steady=True),
    Command('convert INPUTS/small -o OUT/m.tern --weights f32', output='m.tern'),
    Command('convert INPUTS/small -o OUT/m.tern --weights int4 --calibrate INPUTS/texts.txt', output='m.tern', lapack=True),
]
LARGER = [
    Command('convert INPUTS/larger -o OUT/m.tern', output='m.tern'),
    Command('embed INPUTS/larger.tern -o OUT/v.npy', output='v.npy', stdin='many.txt'),
    Command('embed INPUTS/larger.tern -o OUT/v.f32', output='v.f32', stdin='many.txt'),
    Command('bench INPUTS/larger.tern -s 8,16 -t 1 -r 50 --format json --out OUT/b.json', output='b.json', steady=False),
]


def shuffled(rng, cases):
    cases = list(cases)
    rng.shuffle(cases)
    return cases


# ---- Parts ---------------------------------------------------------------------------------------------------------

def allocations(setting):
    counts = f'{setting.work}/allocations'
    numbered = []
    for command in SMALL:
        command.learn(setting)
        with tempfile.TemporaryDirectory(dir=setting.work) as out:
            command.run(setting, out, environment={'LD_PRELOAD': setting.preload, 'TORTURE_COUNT': counts})
        with open(counts) as f:
            numbered += [(command, n) for n in range(1, int(f.read()) + 1)]
    for command, n in shuffled(setting.random('allocations'), numbered):
        yield lambda command=command, n=n: command.judge(
            setting, f'LD_PRELOAD={setting.preload} TORTURE_FAIL={n}',
            environment={'LD_PRELOAD': setting.preload, 'TORTURE_FAIL': str(n)})


def limits(setting):
    kinds = {'RLIMIT_AS': [n << 20 for n in (*range(4, 80), 96, 128, 160, 192, 256, 384, 512, 1024)],
             'RLIMIT_NOFILE': range(3, 16), 'RLIMIT_FSIZE': [0, 1, 100, 4096, 8192, 16384, 65536],
             'RLIMIT_STACK': [n << 10 for n in (256, 512, 1024)]}
    cases = [(command, kind, n) for command in SMALL for kind, values in kinds.items() for n in values]
    for command, kind, n in shuffled(setting.random('limits'), cases):
        def prepare(kind=kind, n=n):
            # A program that is not told of the signal sees the error instead.
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(getattr(resource, kind), (n, n))
        yield lambda command=command, kind=kind, n=n, prepare=prepare: command.judge(
            setting, f'{kind} {n}', prepare=prepare, loader=True)


def kills(setting):
    rng, signals = setting.random('kills'), ['KILL', 'TERM', 'INT', 'HUP', 'XCPU']
    duration = {}
    for command in LARGER:
        command.learn(setting)
        with tempfile.TemporaryDirectory(dir=setting.work) as out:
            began = time.monotonic()
            command.run(setting, out)
            duration[command] = time.monotonic() - began
    while True:
        command, name = rng.choice(LARGER), rng.choice(signals)
        seconds = rng.uniform(0, 1.1 * duration[command])
        yield lambda command=command, name=name, seconds=seconds: kill(setting, command, name, seconds)


def kill(setting, command, name, seconds):
    out = tempfile.mkdtemp(dir=setting.work)
    process = command.begin(setting, out)
    time.sleep(seconds)
    process.send_signal(getattr(signal, 'SIG' + name))
    try:
        process.communicate(timeout=SECONDS)
        fault = command.fault_of_files(out, name == 'KILL')
    except subprocess.TimeoutExpired:
        end(process)
        fault = f'no end within {SECONDS} s'
    shutil.rmtree(out)
    return f'{command}: SIG{name} after {seconds * 1e3:.1f} ms: {fault}' if fault else None
