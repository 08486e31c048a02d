#!/bin/sh
# usage: tests/test_python.sh     TERN_BUILD names the folder of libtern.so
# A session that was opened before multiprocessing forks answers in parent and children, with one thread and with two:
# a child hung for ever once, waiting for threads that only its parent had.
set -u
cd "$(dirname "$0")/.." || exit 1
library=${TERN_BUILD:-build/x86_64-linux-gnu}/libtern.so
skip() { echo "skipped: $*"; exit 77; }
[ -z "${TERN_RUN:-}" ] || skip "the emulator has no Python"
[ -e "$library" ] || skip "$library was not built"
command -v python3 >/dev/null || skip "python3 is not installed"
exec timeout 120 python3 - "$library" <<'PY'
import ctypes as c
import multiprocessing
import sys


class Error(c.Structure):
    _fields_ = [("code", c.c_int), ("message", c.c_char * 320)]


class Options(c.Structure):
    _fields_ = [("struct_bytes", c.c_size_t), ("threads", c.c_int32), ("max_tokens", c.c_int32),
                ("max_texts", c.c_int32), ("isa", c.c_char_p), ("sparse_table", c.c_char_p)]


class Batch(c.Structure):
    _fields_ = [("ids", c.POINTER(c.c_int32)), ("types", c.POINTER(c.c_int32)), ("offsets", c.POINTER(c.c_int32)),
                ("n_texts", c.c_int32)]


tern = c.CDLL(sys.argv[1])
LENGTH, LABELS = 96, 2
ids = (c.c_int32 * LENGTH)(2, *(1000 + 37 * i for i in range(LENGTH - 2)), 3)
batch = Batch(ids, None, (c.c_int32 * 2)(0, LENGTH), 1)


def check(status, error):
    if status:
        raise SystemExit(error.message.decode())


def open_session(model, threads):
    error, session = Error(), c.c_void_p()
    options = Options(struct_bytes=c.sizeof(Options), threads=threads)
    check(tern.tern_session_open(c.byref(session), model, c.byref(options), c.byref(error)), error)
    return session


def answers(session, times=20):
    """The bits of that many answers, which are all the same."""
    error, logits, seen = Error(), (c.c_float * LABELS)(), set()
    for _ in range(times):
        check(tern.tern_classify(session, c.byref(batch), logits, c.byref(error)), error)
        seen.add(bytes(logits))
    return seen


def in_child(_):
    return answers(session)


error, model = Error(), c.c_void_p()
check(tern.tern_model_open(c.byref(model), b"models/sentiment-mini.tern", c.byref(error)), error)
for threads in (1, 2):
    session = open_session(model, threads)
    before = answers(session)
    assert len(before) == 1
    with multiprocessing.get_context("fork").Pool(3) as pool:
        running = pool.map_async(in_child, range(6), chunksize=1)
        assert answers(session) == before  # beside the children
        for child in running.get(timeout=60):
            assert child == before, f"another answer in a child, {threads} threads"
    assert answers(session) == before
    tern.tern_session_close(session)
    print(f"{threads} threads: 6 children answer as their parent does")
PY
