#!/usr/bin/env python3
"""Golden values for tests/test_trained.c, on standard output: the rules as their papers write them, in plain Python.

TWN: Li et al. 2016, as TernaryBERT uses it (one threshold and one scale for a matrix). b1.58: Ma et al. 2024, RoundClip.
BitNet: Wang et al. 2023, Sign(W - mean(W)) times mean|W|. Weights are sixty-fourths, so that every sum here is exact.
"""
import random
from fractions import Fraction as F

random.seed(7)
N = 48
W = [F(max(-200, min(200, round(random.gauss(0, 60)))), 64) for _ in range(N)]
W[5] = W[17] = F(0)


def mean(values):
    values = list(values)
    return sum(values, F(0)) / len(values)


def twn(w):
    threshold = F(7, 10) * mean(abs(x) for x in w)
    alpha = mean(abs(x) for x in w if abs(x) > threshold)
    return [alpha if x > threshold else -alpha if x < -threshold else F(0) for x in w]


def b158(w):
    gamma = mean(abs(x) for x in w)
    return [max(-1, min(1, round(x / gamma))) * gamma for x in w]


def bitnet(w):
    centre, beta = mean(w), mean(abs(x) for x in w)
    return [beta if x > centre else -beta for x in w]


def show(name, values):
    print(f"static const double golden_{name}[] = {{")
    for i in range(0, N, 6):
        print("    " + " ".join(f"{float(x)!r}," for x in values[i:i + 6]))
    print("};")


print("/* Written by tests/golden/make_trained.py. */")
show("latent", W)
show("twn", twn(W))
show("b158", b158(W))
show("bitnet", bitnet(W))
