#!/usr/bin/env python3
"""usage: tests/fuzz/coverage.py BUILD TARGET...        (a part of make fuzz)

Replays seeds (tests/fuzz/TARGET) and found inputs (build/fuzz/TARGET) in a build with clang's coverage and prints the
part of the lines that they reach, for each parser that a target's COVERS: names; what several targets name counts for all
of them together. Ends with 1 if a parser lies under the goal.

Lines that report a failed allocation count only when they are reached: failing each allocation is the business of
tests/test_oom.c and `make torture`. With MISSED=1 in the environment the lines that were not reached are printed. With KEEP=1 the found inputs that reach lines
which no seed reaches become seeds, the smallest first.
"""
import os
import re
import shutil
import subprocess
import sys

GOAL = 90
NOMEM = re.compile(r'nomem|no_memory|TERN_NOMEM|out of memory')


def tool(name):
    """llvm-cov as clang's own version calls it, or without a number."""
    version = subprocess.run(['clang', '-dumpversion'], capture_output=True, text=True).stdout.split('.')[0]
    for candidate in (f'{name}-{version}', name, f'/usr/lib/llvm-{version}/bin/{name}'):
        if shutil.which(candidate):
            return candidate
    sys.exit(f'{name} is not installed; toolchains/install-deps.sh fuzz installs it')


def covers(target):
    with open(f'tests/fuzz/{target}.c') as source:
        head = source.readlines()[:9]
    found = [m.group(1).split() for m in (re.match(r'/\* COVERS: *(.*) \*/$', line) for line in head) if m]
    return [name for names in found for name in names]


def line_counts(report):
    """{file: {line: count}} of an lcov report."""
    counts, lines = {}, None
    for line in report.splitlines():
        if line.startswith('SF:'):
            lines = counts.setdefault(os.path.relpath(line[3:]), {})
        elif line.startswith('DA:'):
            number, count = line[3:].split(',')[:2]
            lines[int(number)] = int(count)
    return counts


def measure(build, target, files, inputs):
    program, raw, data = f'{build}/replay/{target}', f'{build}/{target}.profraw', f'{build}/{target}.profdata'
    run = subprocess.run([program, *inputs], env={**os.environ, 'LLVM_PROFILE_FILE': raw}, capture_output=True)
    if run.returncode:
        sys.exit(f'{program} {" ".join(inputs)}: {(run.stdout + run.stderr).decode(errors="replace")[-2000:]}')
    subprocess.run([tool('llvm-profdata'), 'merge', '-sparse', raw, '-o', data], check=True)
    report = subprocess.run([tool('llvm-cov'), 'export', '-format=lcov', f'-instr-profile={data}', program, *files],
                            check=True, capture_output=True, text=True).stdout
    os.remove(raw)
    return line_counts(report)


def reached(counts):
    return {(name, n) for name, lines in counts.items() for n, count in lines.items() if count}


def keep(build, target, files):
    """Copies found inputs into the seeds' folder as long as each reaches another line."""
    seeds, found = f'tests/fuzz/{target}', f'build/fuzz/{target}'
    have = reached(measure(build, target, files, [seeds]))
    everything = reached(measure(build, target, files, [seeds, found]))
    for path in sorted((f'{found}/{name}' for name in os.listdir(found)), key=os.path.getsize):
        if everything <= have:
            break
        more = reached(measure(build, target, files, [path])) - have
        if more:
            shutil.copy(path, f'{seeds}/found_{os.path.basename(path)[:8]}')
            have |= more


def report(name, lines, targets):
    """Prints a parser's row; whether it is under the goal."""
    with open(name) as f:
        source = f.readlines()
    lines = {n: c for n, c in lines.items() if c or not NOMEM.search(source[n - 1])}
    missed = sorted(n for n, c in lines.items() if not c)
    percent = 100 * (1 - len(missed) / len(lines)) if lines else 0
    print(f'{name:<28} {len(lines):>6} {percent:>6.1f} %  {"    " if percent >= GOAL else "LOW "}{" ".join(targets)}')
    if os.environ.get('MISSED'):
        for n in missed:
            print(f'    {name}:{n}: {source[n - 1].rstrip()}')
    return percent < GOAL


def main():
    build, parsers = sys.argv[1], {}
    for target in sys.argv[2:]:
        files = covers(target)
        if not files:
            sys.exit(f'tests/fuzz/{target}.c: no COVERS: line names the parsers that it is for')
        folders = [d for d in (f'tests/fuzz/{target}', f'build/fuzz/{target}') if os.path.isdir(d) and os.listdir(d)]
        if os.environ.get('KEEP') and len(folders) == 2:
            keep(build, target, files)
        counts = measure(build, target, files, folders)
        for name in files:
            lines, targets = parsers.setdefault(name, ({}, []))
            targets.append(target)
            for n, count in counts.get(name, {}).items():
                lines[n] = lines.get(n, 0) + count
    print(f'{"parser":<28} {"lines":>6} {"reached":>8}  (goal {GOAL} %) by')
    return any([report(name, *found) for name, found in sorted(parsers.items())])


sys.exit(main())
