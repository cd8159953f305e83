#!/usr/bin/env python3
"""Compares what the library finds certain with the incomplete beta functions of R and of mpmath.

    python3 tests/resolve/peers.py PROGRAM r|mpmath [COUNT]

PROGRAM is verdicts.c. R judges 100,000 cases, mpmath 1,000 with a + b up to 10,000. A verdict is
wrong if the peer's probability lies further than 1e-9 from 95 %, on the other side. Part of the
full run: without PZ_FULL=1, or without the peer, the status is 77, and why is said.
"""
import fractions
import os
import shutil
import subprocess
import sys

EDGE, NEAR = 0.95, 1e-9
R_PROGRAM = """
x <- read.table(file("stdin"), colClasses = "character")
n <- function(column) as.numeric(x[[column]])
p <- pbeta(n(3), n(1), n(2), lower.tail = FALSE)
writeLines(sprintf("%.17g", p))
"""


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def verdicts_of(program, *arguments):
    run = subprocess.run([program, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return run.stdout


def ask_r(lines):
    if not shutil.which("Rscript"):
        skip("there is no R (Debian: r-base-core)")
    run = subprocess.run(["Rscript", "-e", R_PROGRAM], check=True, input=lines,
                         stdout=subprocess.PIPE, text=True)
    return [float(p) for p in run.stdout.split()]


def below_by_mpmath(mpmath, a, b, x):
    try:
        return mpmath.betainc(a, b, 0, x, regularized=True)
    except (ValueError, mpmath.libmp.NoConvergence):
        # Its series alternates and loses too many digits; this one has positive terms only.
        lead = x**a * (1 - x)**b / (a * mpmath.beta(a, b))
        return lead * mpmath.hyp2f1(a + b, 1, a + 1, x)


def above_by_mpmath(mpmath, a, b, x):
    if a == 0 or b == 0:
        return 0.0 if a == 0 else 1.0
    # Of the two tails the smaller is summed, so that no digits cancel.
    a, b, x = mpmath.mpf(a), mpmath.mpf(b), mpmath.mpf(x)
    if x > a / (a + b):
        return below_by_mpmath(mpmath, b, a, 1 - x)
    return 1 - below_by_mpmath(mpmath, a, b, x)


def ask_mpmath(lines):
    try:
        import mpmath
    except ImportError:
        skip("there is no mpmath (Debian: python3-mpmath)")
    mpmath.mp.dps = 50
    answers = []
    for line in lines.splitlines():
        a, b, x = (float.fromhex(word) for word in line.split()[:3])
        answers.append(float(above_by_mpmath(mpmath, a, b, x)))
    return answers


def is_confidence(told, a, b):
    share = fractions.Fraction(a) / (fractions.Fraction(a) + fractions.Fraction(b)) * 65536
    return abs(told - share) <= fractions.Fraction(1, 2) + fractions.Fraction(1, 10**9)


def compare(lines, answers):
    rows = lines.splitlines()
    assert len(rows) == len(answers), "the peer did not answer every question"
    wrong, near, certain, furthest, worst = 0, 0, 0, 0.0, ""
    for row, answer in zip(rows, answers):
        a, b, x, above = (float.fromhex(word) for word in row.split()[:4])
        verdict, told = (int(word) for word in row.split()[4:])
        near += abs(answer - EDGE) <= 1e-6
        certain += verdict
        if abs(above - answer) > furthest:
            furthest, worst = abs(above - answer), f"a={a!r} b={b!r} threshold={x!r}"
        is_wrong = (answer >= EDGE) != bool(verdict) and abs(answer - EDGE) > NEAR
        if is_wrong or answer != answer or not is_confidence(told, a, b):
            wrong += 1
            print(f"wrong: a={a!r} b={b!r} threshold={x!r}: {above!r}, peer {answer!r}, "
                  f"verdict {verdict}, confidence {told}")
    print(f"{len(rows)} cases, {certain} certain, {near} within 1e-6 of the edge, {wrong} wrong")
    print(f"greatest difference of the probabilities {furthest:.2e} ({worst})")
    return wrong == 0


PEERS = {"r": (ask_r, "100000", []), "mpmath": (ask_mpmath, "1000", ["10000"])}


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[2] not in PEERS:
        sys.exit(__doc__)
    ask, count, more = PEERS[sys.argv[2]]
    if len(sys.argv) == 4:
        count = sys.argv[3]
    elif os.environ.get("PZ_FULL", "0") in ("", "0"):
        skip("part of the full run (PZ_FULL=1)")
    lines = verdicts_of(sys.argv[1], count, *more)
    sys.exit(0 if compare(lines, ask(lines)) else 1)


if __name__ == "__main__":
    main()
