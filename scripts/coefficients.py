#!/usr/bin/env python3
"""Coefficients of src/numeric/coefficients.h: for float, or with the argument 64 for double.

Interpolates at Chebyshev nodes in 80 digits (near-minimax), rounds to float32 or float64, and prints the
result with the largest relative error of the rounded polynomial. Needs mpmath."""
import struct
import sys

import mpmath as mp

mp.mp.dps = 80
WIDE = sys.argv[1:] == ["64"]


def rounded(value):
    """The nearest number of the type."""
    if not WIDE:
        return struct.unpack("f", struct.pack("f", float(value)))[0]
    with mp.workprec(53):
        return float(+value)


def degree(narrow, wide):
    return wide if WIDE else narrow


def fit(f, lo, hi, n):
    nodes = [(lo + hi) / 2 + (hi - lo) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * (n + 1)))
             for i in range(n + 1)]
    matrix = mp.matrix(n + 1, n + 1)
    right = mp.matrix(n + 1, 1)
    for i, x in enumerate(nodes):
        right[i] = f(x)
        for j in range(n + 1):
            matrix[i, j] = x**j
    exact = mp.lu_solve(matrix, right)
    return [rounded(c) for c in exact]


def report(name, coefficients, whole, f, lo, hi):
    worst = mp.mpf(0)
    for i in range(2001):
        x = lo + (hi - lo) * mp.mpf(i) / 2000
        if f(x) == 0:
            continue
        p = sum(mp.mpf(c) * x**j for j, c in enumerate(coefficients))
        worst = max(worst, abs(whole(x, p) / f(x) - 1))
    print(f"{name}: relative error {mp.nstr(worst, 3)}")
    for c in coefficients:
        mantissa, exponent = c.hex().split("p")
        print(f"    {mantissa.rstrip('0')}p{exponent}{'' if WIDE else 'f'} /* {c:.17g} */")


half = mp.log(2) / 2
report("exp: 1 + r + r^2 P(r)",
       c := fit(lambda r: (mp.exp(r) - 1 - r) / r**2 if abs(r) > 1e-15 else mp.mpf(1) / 2, -half, half, degree(5, 10)),
       lambda r, p: 1 + r + r * r * p, mp.exp, -half, half)
lo, hi = mp.sqrt(mp.mpf(1) / 2) - 1, mp.sqrt(2) - 1
report("log: f - f^2/2 + f^3 Q(f)",
       fit(lambda x: (mp.log(1 + x) - x + x * x / 2) / x**3 if abs(x) > 1e-12 else mp.mpf(1) / 3, lo, hi, degree(8, 21)),
       lambda x, p: x - x * x / 2 + x**3 * p, lambda x: mp.log(1 + x), lo, hi)
ln2 = mp.log(2)
bits = degree(15, 40)
hi_part = rounded(mp.floor(ln2 * 2**bits) / 2**bits)
print(f"ln2 high ({bits} bits)", hi_part.hex(), "low", rounded(ln2 - mp.mpf(hi_part)).hex())
print("log2e", rounded(1 / ln2).hex())


report("tanh: x + x^3 T(x^2), by z = x^2",
       fit(lambda z: (mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z if z > 1e-20 else -mp.mpf(1) / 3,
           mp.mpf(0), mp.mpf(0.65)**2, degree(5, 13)),
       lambda z, p: mp.sqrt(z) * (1 + z * p), lambda z: mp.tanh(mp.sqrt(z)), mp.mpf(0), mp.mpf(0.65)**2)
report("erf: x + x G(x^2), by z = x^2",
       fit(lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1 if z > 1e-20 else 2 / mp.sqrt(mp.pi) - 1,
           mp.mpf(0), mp.mpf(1), degree(6, 15)),
       lambda z, p: mp.sqrt(z) * (1 + p), lambda z: mp.erf(mp.sqrt(z)), mp.mpf(0), mp.mpf(1))


def scaled_tail(u):
    """The normal distribution's tail beyond a, times exp(a^2 / 2) / t, where t = 1 / (1 + 0.3 a), u = t - 0.5."""
    t = u + mp.mpf(0.5)
    a = (1 / t - 1) / mp.mpf(0.3)
    return mp.erfc(a / mp.sqrt(2)) / 2 * mp.exp(a * a / 2) / t


lo, hi = 1 / (1 + mp.mpf(0.3) * degree(15, 39)) - 0.5, mp.mpf(0.5)
report("normal tail: exp(-a^2 / 2) t N(t - 0.5), by u = t - 0.5", fit(scaled_tail, lo, hi, degree(10, 26)),
       lambda u, p: p, scaled_tail, lo, hi)
