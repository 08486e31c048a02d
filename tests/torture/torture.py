#!/usr/bin/env python3
"""usage: tests/torture/torture.py --tern TERN --replay FOLDER --preload LIBRARY [PART...]        (make torture)

Breaks what Tern depends on, at random, and looks at what it does. Whatever happens, a command ends by itself with one of
its exit codes and, unless that is 0, with one line; its output is whole or absent; nothing temporary is left. The parts:

  models       bytes of .tern files changed, their checksum mended, and files cut: a sanitized build refuses or runs them
  checkpoints  the same of the files of a checkpoint, which a sanitized build converts
  allocations  the n-th allocation fails, for all n
  limits       little memory, few descriptors, small files
  calls        the n-th call of each kind into the kernel fails; or all of a kind are forbidden
  kills        a signal at a random moment

TORTURE_SECONDS (240) is shared among the parts: each takes its cases in random order until its share is over, or, with 0,
takes all (hours). TORTURE_SEED repeats a run. Prints "N passed, N failed"; ends with 1 if one failed, and keeps what is
needed to see it again under build/torture.
"""
import argparse
import os
import random
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import commands  # noqa: E402
import damage  # noqa: E402
import kernel  # noqa: E402

# Each yields cases, in random order: functions that return what is wrong, or None. Then come its share of the time, and
# what one case counts for.
PARTS = {
    'models': (damage.models, 3, damage.BATCH),
    'checkpoints': (damage.checkpoints, 3, damage.BATCH),
    'allocations': (commands.allocations, 4, 1),
    'limits': (commands.limits, 1, 1),
    'calls': (kernel.calls, 5, 1),
    'kills': (commands.kills, 4, 1),
}


class Setting:
    """What all parts know."""

    def __init__(self, arguments, seed):
        self.tern, self.replay, self.preload = (os.path.abspath(p) for p in
                                                (arguments.tern, arguments.replay, arguments.preload))
        self.seed = seed
        self.work = os.path.abspath('build/torture')
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)
        self.inputs = commands.make_inputs(self)

    def random(self, part):
        return random.Random(f'{self.seed} {part}')


def run_part(name, setting, seconds):
    cases, _, each = PARTS[name]
    began, passed, failed = time.monotonic(), 0, 0
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        source, running, more = iter(cases(setting)), [], True
        while more or running:
            while more and len(running) < 2 * workers:
                case = next(source, None)
                more = case is not None and not (seconds and time.monotonic() - began > seconds)
                if more:
                    running.append(pool.submit(case))
            if not running:
                break
            fault = running.pop(0).result()
            passed += (fault is None) * each
            failed += fault is not None
            if fault:
                print(f'FAIL  {name}: {fault}', flush=True)
    how = 'all of them' if case is None else 'as many as there was time for'
    print(f'{name:<12} {passed + failed:>6} cases, {how}, {failed} failed, {time.monotonic() - began:.0f} s', flush=True)
    return passed, failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--tern', required=True)
    parser.add_argument('--replay', required=True)
    parser.add_argument('--preload', required=True)
    parser.add_argument('parts', nargs='*', metavar='PART')
    arguments = parser.parse_args()
    for name in arguments.parts:
        if name not in PARTS:
            parser.error(f'no part {name}; there are {" ".join(PARTS)}')
    parts = arguments.parts or list(PARTS)
    seconds = float(os.environ.get('TORTURE_SECONDS') or 240)
    seed = os.environ.get('TORTURE_SEED') or str(random.SystemRandom().randrange(10**9))
    print(f'TORTURE_SEED={seed}, {seconds:.0f} s', flush=True)
    setting = Setting(arguments, seed)
    shares = sum(PARTS[name][1] for name in parts)
    results = [run_part(name, setting, seconds * PARTS[name][1] / shares) for name in parts]
    passed, failed = (sum(column) for column in zip(*results))
    print(f'{passed} passed, {failed} failed')
    return failed > 0 or passed == 0


sys.exit(main())
