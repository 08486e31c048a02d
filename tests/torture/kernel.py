"""Calls into the kernel that fail, by strace's injection: one of them, or all of a kind."""
import collections
import os
import re
import shutil
import subprocess
import tempfile

from commands import SMALL, shuffled

# What each call may be answered with on a real machine. brk has no errors: it
# answers with the end that there is. Futexes are left out: waking has none either, and which call wakes is up to chance.
ERRORS = {
    'openat': ['EACCES', 'EMFILE', 'EINTR', 'ENOENT'],
    'read': ['EIO', 'EINTR'],
    'pread64': ['EIO'],
    'write': ['ENOSPC', 'EIO', 'EINTR', 'EAGAIN'],
    'newfstatat': ['EIO', 'EACCES'],
    'lseek': ['EIO', 'ESPIPE'],
    'mmap': ['ENOMEM', 'EPERM'],
    'mprotect': ['ENOMEM'],
    'fsync': ['EIO', 'ENOSPC', 'EINTR'],
    'ftruncate': ['EIO'],
    'fchmod': ['EPERM'],
    'rename': ['EACCES', 'ENOSPC', 'EIO'],
    'close': ['EIO', 'EINTR'],
    'clone3': ['EAGAIN', 'EPERM', 'ENOMEM'],
    'clone': ['EAGAIN', 'EPERM'],
    'sched_getaffinity': ['EPERM', 'EINVAL'],
    'madvise': ['EPERM', 'EINVAL'],
    'getdents64': ['EIO'],
    'sysinfo': ['EPERM'],
    'prlimit64': ['EPERM'],
    'getrandom': ['ENOSYS', 'EAGAIN'],
    'poll': ['EINTR', 'EPERM'],
    'clock_nanosleep': ['EINTR'],
    'rt_sigaction': ['EINVAL'],
    'rt_sigprocmask': ['EINVAL'],
}
# What a container may forbid, and every command does without.
FORBIDDEN = {
    'threads': 'clone,clone3:error=EPERM',
    'threads, for now': 'clone,clone3:error=EAGAIN',
    'clone3': 'clone3:error=ENOSYS',
    'the affinity mask': 'sched_getaffinity:error=EPERM',
    'the affinity mask of kernels with more CPUs': 'sched_getaffinity:error=EINVAL',
    'madvise': 'madvise:error=EPERM',
    'all advice': 'madvise,fadvise64,mlock,sched_setaffinity,setpriority:error=ENOSYS',
    'getrandom': 'getrandom:error=ENOSYS',
    'sysinfo': 'sysinfo:error=EPERM',
    'limits': 'prlimit64,getrlimit:error=EPERM',
    'synchronised directories': 'fsync:error=EINVAL:when=2+',
}


def traced(setting, command, log, more):
    """Runs it under strace; its log's lines of the first thread."""
    with tempfile.TemporaryDirectory(dir=setting.work) as out:
        command.run(setting, out, prefix=['strace', '-f', '-o', log, *more])
    with open(log, errors='replace') as f:
        lines = f.read().splitlines()
    os.remove(log)
    first = lines[0].split()[0] if lines else ''
    return [line.split(None, 1)[1] for line in lines if line.split()[0] == first]


def call_lines(lines):
    calls = collections.defaultdict(list)
    for line in lines:
        name = re.match(r'(\w+)\(', line)
        if name:
            calls[name.group(1)].append(line)
    return calls


def numbered(setting, command, loading):
    """(call, error, number) of every call that the loader has not made before main."""
    log = f'{setting.work}/strace.log'
    calls = call_lines(traced(setting, command, log, ['-e', 'trace=' + ','.join(ERRORS)]))
    for name, lines in calls.items():
        # Whether there may be threads is tried before LAPACK is loaded; one that fails after that is too late.
        if command.lapack and name.startswith('clone'):
            continue
        for n, line in enumerate(lines, 1):
            # An error of standard error itself cannot be reported.
            if n > len(loading[name]) and not line.startswith('write(2,'):
                yield from ((command, f'{name}:error={error}:when={n}') for error in ERRORS.get(name, []))


def places(setting, command):
    """The files of /proc and /sys that it looks at."""
    lines = traced(setting, command, f'{setting.work}/strace.log', ['-e', 'trace=openat,newfstatat,readlink'])
    return sorted({m.group(1) for line in lines for m in [re.search(r'"(/(?:proc|sys)/[^"]*)"', line)] if m})


def inject(setting, command, what, more, must_work):
    return command.judge(setting, 'strace ' + ' '.join(more), prefix=['strace', '-f', '-qq', '-o', '/dev/null', *more],
                         may_litter='unlink' in what, loader=True, must_work=must_work)


def calls(setting):
    works = shutil.which('strace') and subprocess.run(['strace', '-o', '/dev/null', 'true'], capture_output=True).returncode == 0
    if not works:
        # Not in silence: a part that does nothing is a case that fails.
        yield lambda: 'strace is not installed, or this container forbids ptrace (docker run --cap-add SYS_PTRACE)'
        return
    rng = setting.random('calls')
    loading = call_lines(traced(setting, type(SMALL[0])('--version'), f'{setting.work}/strace.log',
                                ['-e', 'trace=' + ','.join(ERRORS)]))
    forbidden, single = [], []
    for command in SMALL:
        command.learn(setting)
        for name, spec in FORBIDDEN.items():
            forbidden.append((command, ['-e', f'inject={spec}']))
        paths = places(setting, command)
        if paths:
            every = [word for path in paths for word in ('-P', path)]
            forbidden.append((command, [*every, '-e', 'inject=openat,newfstatat,readlink,access,faccessat,faccessat2:error=EACCES']))
        single += numbered(setting, command, loading)
    for command, more in shuffled(rng, forbidden):
        yield lambda command=command, more=more: inject(setting, command, '', more, True)
    for command, spec in shuffled(rng, single):
        yield lambda command=command, spec=spec: inject(setting, command, spec, ['-e', f'inject={spec}'], False)
