#!/usr/bin/env python3
"""Fits the polynomials of quant/activation.c and of tern_exp2 in simd/ops.h, and prints their integers and errors.

Needs numpy. A minimax fit by iteratively reweighted least squares; the last column is the error of the integer
evaluation (Horner in 16 bits, as simd/ops.h defines it).
"""
from math import erf, pi, sqrt

import numpy as np

ERF = np.vectorize(erf)


def fit(columns, target, rounds=400):
    weight = np.ones_like(target)
    for _ in range(rounds):
        c = np.linalg.lstsq(columns * weight[:, None], target * weight, rcond=None)[0]
        error = abs(columns @ c - target)
        weight *= 1 + error / error.max()
        weight /= weight.mean()
    return c, error.max()


def mulr(a, b):
    return (a * b + (1 << 14)) >> 15


def horner(c, x):
    h = np.full_like(x, c[-1])
    for k in range(len(c) - 2, -1, -1):
        h = np.clip(mulr(h, x) + c[k], -32768, 32767)
    return h


def even_bump(name, f, limit, bits):
    """Degree 7 in x = 2 z / limit - 1 on [-1, 1], zero at x = 1 (so that clamped inputs add nothing)."""
    x = np.cos(np.linspace(0, pi, 6001))
    z = (x + 1) / 2 * limit
    columns = np.stack([x**k - 1 for k in range(1, 8)], 1)
    c, error = fit(columns, f(z) - 0)
    coefficients = np.concatenate([[-c.sum()], c]) * 2.0**bits
    integers = np.round(coefficients).astype(np.int64)
    integers[0] -= integers.sum()
    xi = np.arange(-32767, 32768, dtype=np.int64)
    exact = f((xi / 32767 + 1) / 2 * limit)
    integer_error = abs(horner(integers, xi) / 2.0**bits - exact).max()
    print(f"{name:9s} limit {limit} Q{bits}: {list(map(int, integers))}  real {error:.1e} integer {integer_error:.1e}")


def exp2():
    x = np.linspace(0, 1, 2001)
    one = 127 * 256
    c, error = fit(np.stack([x, x**2, x**3], 1), (2.0**-x - 1) * one)
    print("exp2      c0..c3:", [one] + [int(round(v)) for v in c], f" error {error / one:.1e}")


even_bump("gelu", lambda z: z / 2 * (1 - ERF(z / sqrt(2))), 4.0, 16)
even_bump("gelu_new", lambda z: z / 2 * (1 - np.tanh(sqrt(2 / pi) * (z + 0.044715 * z**3))), 4.0, 16)
even_bump("tanh", lambda z: 1 - np.tanh(z), 4.0, 15)
even_bump("silu", lambda z: z / (1 + np.exp(z)), 8.0, 15)
even_bump("quick_gelu", lambda z: z / (1 + np.exp(1.702 * z)), 5.0, 16)
exp2()
