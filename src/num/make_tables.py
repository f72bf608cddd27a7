#!/usr/bin/env python3
"""Writes num/math_tables.h: the constants of num/math.c, from 60-digit arithmetic (mpmath).

    python3 src/num/make_tables.py > src/num/math_tables.h
"""
from mpmath import mp, mpf, chebyfit, erfc, exp, log, nint, sqrt

mp.dps = 60


def dbl(v):
    """Nearest double of v, as a C hexadecimal literal."""
    return float(v).hex()


def split(v, unit):
    """v = hi + lo, hi a multiple of unit."""
    hi = nint(v / unit) * unit
    assert mpf(float(hi)) == hi
    return float(hi), float(v - hi)


def tail_share(x):
    return exp(x * x / 2) * erfc(x / sqrt(mpf(2))) / 2


def main():
    unit = mpf(2) ** -42
    out = ["/* num/math_tables.h -- made by num/make_tables.py; do not edit. */", "/* clang-format off */",
           "#ifndef QLAB_NUM_MATH_TABLES_H", "#define QLAB_NUM_MATH_TABLES_H", ""]
    hi, lo = split(log(mpf(2)), unit)
    out += ["/* ln 2; the first part is a multiple of 2^-42, so that k times it is exact. */",
            f"static const double LN2_HI = {hi.hex()}, LN2_LO = {lo.hex()};", ""]

    out += ["/* By the top 7 bits of the mantissa: c, 10 bits, near 1/m; -ln c in two parts. */",
            "static const struct log_row {", "    double c, hi, lo;", "} LOG_TABLE[128] = {"]
    for i in range(128):
        m = 1 + (mpf(i) + mpf(1) / 2) / 128
        if i >= 53:
            m /= 2
        c = mpf(1) if i in (0, 127) else nint(1024 / m) / 1024
        hi, lo = split(-log(c), unit)
        out.append(f"    {{{dbl(c)}, {hi.hex()}, {lo.hex()}}},")
    out += ["};", ""]

    step = log(mpf(2)) / 128
    hi, lo = split(step, mpf(2) ** -41)
    out += ["/* ln 2 / 128; the first part has so few bits that 2^18 times it is exact. */",
            f"static const double STEP_HI = {hi.hex()}, STEP_LO = {lo.hex()};",
            f"static const double STEP_INV = {dbl(1 / step)};", "",
            "/* 2^(i/128) in two parts. */",
            "static const struct exp_row {", "    double hi, lo;", "} EXP_TABLE[128] = {"]
    for i in range(128):
        v = mpf(2) ** (mpf(i) / 128)
        h = float(v)
        out.append(f"    {{{h.hex()}, {float(v - mpf(h)).hex()}}},")
    out += ["};", "", "/* Mills' ratio over sqrt(2 pi), (1 - Phi(x)) exp(x^2/2), on [j/2, (j+1)/2), j = 1..19, as a polynomial in the",
            " * distance from the middle, constant term first. */",
            "static const double TAIL_TABLE[19][15] = {"]
    for j in range(1, 20):
        middle = mpf(j) / 2 + mpf(1) / 4
        quarter = mpf(1) / 4
        # 1/1000 wider than the interval: no edge is extrapolated.
        fit = chebyfit(lambda t: tail_share(middle + t), [-quarter * 1.001, quarter * 1.001], 15)
        out.append("    {" + ",\n     ".join(dbl(c) for c in reversed(fit)) + "},")
    out += ["};", "", "#endif"]
    print("\n".join(out))


main()
