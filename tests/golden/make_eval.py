#!/usr/bin/env python3
"""Golden values for tests/test_eval.c: correlations by SciPy, percentiles and nearest neighbours by NumPy, files by
numpy.save.

usage: make_eval.py tests/golden/eval.h tests/fuzz/fuzz_npy      (NumPy 2.4 and SciPy 1.17 made them)

The files of the folder are the seeds of the fuzz target too; those whose names begin with bad_ are refused.
"""
import os
import sys
import warnings

import numpy as np
from scipy import stats

NEAREST, VECTORS, WIDTH = 10, 37, 5
rng = np.random.default_rng(11)


def number(x):
    return "NAN" if np.isnan(x) else repr(float(x))


def array(kind, name, values):
    words = [number(v) if kind != "int32_t" else str(v) for v in values]
    if kind == "float":
        words = [w + "f" for w in words]
    rows = "".join("    " + ", ".join(words[i:i + 8]) + ",\n" for i in range(0, len(words), 8))
    return f"static const {kind} {name}[] = {{\n{rows}}};\n"


def correlation_cases():
    x = np.round(rng.uniform(-1, 1, 40), 6)
    yield "random", x, np.round(x + rng.normal(0, 0.7, 40), 6)
    yield "ties", np.round(x, 1), np.round((x + rng.normal(0, 0.3, 40) + 2) * 2) / 4
    yield "two", np.array([0.25, 0.5]), np.array([3.0, 1.0])
    yield "nearly_equal", 0.9 + 1e-9 * np.arange(12), np.round(rng.uniform(0, 5, 12), 2)
    yield "constant_x", np.full(10, 0.1), np.arange(10.0)
    yield "constant_y", np.arange(10.0), np.full(10, 1 / 3)
    yield "one", np.array([0.5]), np.array([1.0])


def correlations():
    rows = []
    for name, x, y in correlation_cases():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SciPy warns of what is not defined
            r = stats.pearsonr(x, y).statistic if len(x) > 1 else np.nan
            rho = stats.spearmanr(x, y).statistic if len(x) > 1 else np.nan
        yield array("double", "golden_x_" + name, x) + array("double", "golden_y_" + name, y)
        rows.append(f'    {{"{name}", golden_x_{name}, golden_y_{name}, {len(x)}, {number(r)}, {number(rho)}}},\n')
    yield ("static const struct {\n    const char *name;\n    const double *x, *y;\n    size_t n;\n"
           "    double pearson, spearman;\n} golden_correlations[] = {\n" + "".join(rows) + "};\n")


def percentiles():
    values = np.round(rng.uniform(0, 1, 250), 6)
    counts = [1, 2, 3, 100, 101, 250]
    yield array("double", "golden_values", values)
    yield ("static const struct {\n    size_t n;\n    double first, half;\n} golden_percentiles[] = {\n" +
           "".join(f"    {{{n}, {number(np.percentile(values[:n], 1))}, {number(np.percentile(values[:n], 50))}}},\n"
                   for n in counts) + "};\n")


def nearest(v):
    """Of each vector the others by falling cosine, the first of equals first."""
    v = v.astype(np.float64)
    unit = v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-300)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    order = np.argsort(-np.round(cosine, 12), axis=1, kind="stable")
    sorted_cosines = np.take_along_axis(cosine, order, 1)[:, :NEAREST + 1]
    gaps = -np.diff(sorted_cosines, axis=1)
    assert ((gaps > 1e-6) | (gaps < 1e-12)).all(), "single precision could change an order"
    return order[:, :NEAREST]


def neighbours():
    a = np.round(rng.normal(0, 1, (VECTORS, WIDTH)), 3).astype(np.float32)
    a[20], a[21], a[30] = a[3], 2 * a[3], 0  # the same direction three times, and no direction
    b = np.round(a + rng.normal(0, 0.4, a.shape), 3).astype(np.float32)
    near, near_b = nearest(a), nearest(b)
    kept = np.mean([len(set(p) & set(q)) / NEAREST for p, q in zip(near, near_b)])
    norms = np.linalg.norm(a.astype(np.float64), axis=1) * np.linalg.norm(b.astype(np.float64), axis=1)
    cosines = np.sum(a.astype(np.float64) * b, axis=1) / np.where(norms == 0, 1, norms)
    yield f"enum {{ GOLDEN_VECTORS = {VECTORS}, GOLDEN_WIDTH = {WIDTH} }};\n"
    yield array("float", "golden_a", a.ravel()) + array("float", "golden_b", b.ravel())
    yield array("double", "golden_cosines", cosines)
    yield array("int32_t", "golden_nearest_a", near.ravel()) + array("int32_t", "golden_nearest_b", near_b.ravel())
    yield f"static const double golden_kept = {number(kept)};\n"


def files(folder):
    """golden_array[4][3], which all types hold exactly, in every form; and forms that are not read."""
    a = np.array([[0, 1, -2.5], [0.125, 2 ** -24, -65504], [1e3, 2 ** -14, 0.333251953125], [-0.0, 7, 1]])
    os.makedirs(folder, exist_ok=True)

    def save(name, array, version=(1, 0)):
        with open(os.path.join(folder, name), "wb") as f:
            np.lib.format.write_array(f, array, version=version)

    def cut(name, source, change):
        with open(os.path.join(folder, source), "rb") as f:
            content = f.read()
        with open(os.path.join(folder, name), "wb") as f:
            f.write(change(content))

    for kind in ("f2", "f4", "f8"):
        save(kind, a.astype("<" + kind))
    save("version_2", a.astype("<f4"), (2, 0))
    save("version_3", a.astype("<f4"), (3, 0))
    save("bad_fortran", np.asfortranarray(a.astype("<f4")))
    save("bad_big_endian", a.astype(">f4"))
    save("bad_integers", a.astype("<i4"))
    save("bad_fields", np.zeros(3, dtype=[("a", "<f4"), ("b", "<f4")]))
    save("bad_one_dimension", a[0].astype("<f4"))
    save("bad_three_dimensions", a.reshape(2, 2, 3).astype("<f4"))
    save("bad_no_columns", a[:, :0].astype("<f4"))
    save("bad_nan", np.where(a == 7, np.nan, a).astype("<f4"))
    save("bad_large", np.where(a == 7, 1e300, a))
    cut("bad_short", "f4", lambda c: c[:-5])
    cut("bad_long", "f4", lambda c: c + b"\0")
    cut("bad_header_short", "f4", lambda c: c[:60])
    cut("bad_prefix_short", "f4", lambda c: c[:9])
    cut("bad_magic", "f4", lambda c: b"\x92" + c[1:])
    cut("bad_version", "f4", lambda c: c[:6] + b"\4" + c[7:])
    cut("bad_header_long", "version_2", lambda c: c[:8] + b"\xff\xff\xff\x7f" + c[12:])
    cut("bad_key", "f4", lambda c: c.replace(b"'shape'", b"'shame'"))
    cut("bad_order", "f4", lambda c: c.replace(b"False", b"Fals "))
    cut("bad_shape", "f4", lambda c: c.replace(b"(4, 3)", b"(4; 3)"))
    cut("bad_negative", "f4", lambda c: c.replace(b"(4, 3)", b"(-4,3)"))
    cut("bad_huge", "f4", lambda c: c.replace(b"(4, 3), }" + 30 * b" ", b"(99999999999999999999999, 3), }        "))
    cut("bad_open", "f4", lambda c: c.replace(b"}", b" "))
    cut("bad_descr", "f4", lambda c: c.replace(b"'<f4'", b"'<f4,"))
    cut("bad_comma", "f4", lambda c: c.replace(b"False,", b"False "))
    yield array("float", "golden_array", a.ravel())
    yield ("static const char *const golden_refused[] = {\n" +
           "".join(f'    "{name}",\n' for name in sorted(os.listdir(folder)) if name.startswith("bad_")) + "};\n")


def main(target, folder):
    parts = [*correlations(), *percentiles(), *neighbours(), *files(folder)]
    with open(target, "w") as out:
        out.write("/* Written by tests/golden/make_eval.py. */\n// clang-format off\n")
        out.writelines(parts)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
