"""Changed and cut files, as random inputs for the fuzz targets fuzz_model and fuzz_checkpoint, which say how such an input
is built. They are replayed in a sanitized build; one that ends it is kept as a seed for the fuzzer."""
import os
import shutil
import subprocess

BATCH = 60  # inputs of one process
CHANGED = ['model.safetensors', 'config.json', 'vocab.txt', 'tokenizer_config.json', 'special_tokens_map.json',
           'modules.json', '1_Pooling/config.json']
# Values that mean something as a count, a sign or an exponent.
TELLING = [0, 1, 2, 3, 0x40, 0x7f, 0x80, 0xff]


def value(rng):
    return rng.choice(TELLING) if rng.random() < 0.5 else rng.randrange(256)


def length(rng):
    """From the begin, or back from the end (the highest bit)."""
    near = rng.randrange(80) if rng.random() < 0.5 else rng.randrange(1 << 16)
    return (near | (1 << 23 if rng.random() < 0.5 else 0)).to_bytes(3, 'little')


def model(rng):
    cut = rng.random() < 0.25
    flags = rng.randrange(4) | (4 if rng.random() < 0.05 else 0) | (8 if cut else 0) | (16 if rng.random() < 0.2 else 0)
    flags |= 32 if rng.random() < 0.3 else 0
    changes = b''
    for _ in range(rng.choice([0, 1, 1, 2, 4]) if cut else rng.choice([1, 1, 1, 2, 3, 8])):
        place = rng.randrange(64) if rng.random() < 0.5 else rng.randrange(1 << 16)
        changes += bytes([rng.randrange(256)]) + place.to_bytes(2, 'little') + bytes([value(rng)])
    return bytes([rng.randrange(256), flags]) + changes + (length(rng) if cut else b'')


def checkpoint(rng):
    out = b'%d%d\n' % (rng.randrange(4), rng.randrange(9))
    for name in rng.sample(CHANGED, rng.choice([1, 1, 1, 2])):
        how = rng.random()
        if how < 0.05:
            out += b'=== - ' + name.encode() + b'\n\n'
        elif how < 0.3:
            out += b'=== < ' + name.encode() + b'\n' + length(rng) + b'\n'
        else:
            # Headers and JSON stand at the begin; a line that looks like the next part would only end this one.
            n, most = rng.choice([1, 1, 2, 3, 8]), rng.choice([400, 4000, 1 << 24])
            changes = b''.join(rng.randrange(most).to_bytes(3, 'little') + bytes([value(rng)]) for _ in range(n))
            out += b'=== ~ ' + name.encode() + b'\n' + changes + b'\n'
    return out


def replay(setting, target, folder):
    """The fault of one process that runs the folder's inputs, and the inputs that it did not come to."""
    environment = {**os.environ, 'TMPDIR': setting.work, 'ASAN_OPTIONS': 'detect_stack_use_after_return=0',
                   'UBSAN_OPTIONS': 'print_stacktrace=1'}
    try:
        done = subprocess.run([f'{setting.replay}/{target}', folder], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=300)
        code, said = done.returncode, done.stderr
        seen = done.stdout
    except subprocess.TimeoutExpired as expired:
        code, said, seen = 'no end within 300 s', b'', expired.stdout or b''
    last = [line for line in seen.decode(errors='replace').splitlines() if line.startswith(folder)]
    if code == 0:
        return None
    kept = f'{setting.work}/{target}-{setting.seed}-{os.path.basename(folder)}-{os.path.basename(last[-1]) if last else ""}'
    if last:
        shutil.copy(last[-1], kept)
    log = f'{kept}.log'
    with open(log, 'wb') as f:
        f.write(said)
    summary = [line for line in said.decode(errors='replace').splitlines() if 'SUMMARY' in line or 'runtime error' in line]
    return f'{target} {kept}: {code} {summary[0] if summary else "see " + log}'


def cases(setting, target, make):
    rng, number = setting.random(target), 0
    while True:
        folder = f'{setting.work}/{target}-{number}'
        inputs = [make(rng) for _ in range(BATCH)]

        def case(folder=folder, inputs=inputs):
            os.makedirs(folder)
            for i, data in enumerate(inputs):
                with open(f'{folder}/{i:03}', 'wb') as f:
                    f.write(data)
            fault = replay(setting, target, folder)
            shutil.rmtree(folder)
            return fault
        number += 1
        yield case


def models(setting):
    return cases(setting, 'fuzz_model', model)


def checkpoints(setting):
    return cases(setting, 'fuzz_checkpoint', checkpoint)
