#!/usr/bin/env python3
"""Measures what the library asserts about customers whose wishes are known, and how often it errs;
writes the table into docs/preferences.md and draws docs/certain.svg.

    cmake --build build --target certainty
    python3 tests/resolve/certainty.py build/tests/certainty [CUSTOMERS]

CUSTOMERS (1000 unless named) of each population live once for every threshold. The same number
gives the same figures on every machine. A file of figures measured before serves instead of the
program: pass it by `-`, on standard input.
"""
import json
import pathlib
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
BEGIN, END = "<!-- certainty: written by tests/resolve/certainty.py -->", "<!-- end of certainty -->"
TABLE_THRESHOLDS = (0.6, 0.75, 0.9)
COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#8d5fd3", "#c77d0a", "#5b6770")


def measure(program, customers):
    if program == "-":
        lines = sys.stdin.read().splitlines()
    else:
        run = subprocess.run([program, customers], check=True, stdout=subprocess.PIPE, text=True)
        lines = run.stdout.splitlines()
    return [json.loads(line) for line in lines]


def share(part, whole):
    return part / whole if whole else None


def percent(number):
    return "–" if number is None else f"{100 * number:.1f} %"


def row_of(rows, kind, threshold):
    return next(r for r in rows if r["kind"] == kind and r["threshold"] == threshold)


def kinds_of(rows, fits):
    return list(dict.fromkeys(r["kind"] for r in rows if r["fits"] == fits))


def table(rows, kinds):
    heads = [f"{t:g} {what}" for t in TABLE_THRESHOLDS for what in ("said", "wrong")]
    lines = ["| customers | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    for kind in kinds:
        cells = []
        for threshold in TABLE_THRESHOLDS:
            r = row_of(rows, kind, threshold)
            cells.append(percent(share(r["assertions"], r["questions"])))
            cells.append(percent(share(r["disagreements"], r["assertions"])))
        about = next(r["about"] for r in rows if r["kind"] == kind)
        lines.append(f"| *{kind}*: {about} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def text_of(rows, customers):
    questions = sum(r["questions"] for r in rows)
    assertions = sum(r["assertions"] for r in rows)
    unlike = sum(r["unlike"] for r in rows)
    fair, unfit = kinds_of(rows, True), kinds_of(rows, False)
    luke = row_of(rows, "lukewarm", 0.75)
    over = [r for r in rows if r["disagreements"] > (1 - r["threshold"]) * r["assertions"] + 1e-9]
    excess = "; ".join(f"*{r['kind']}* at {r['threshold']:g}, {r['disagreements']:,} of "
                       f"{r['assertions']:,}" for r in over) or "nowhere"
    limits = ", ".join(f"{100 - 100 * t:g} % at {t:g}" for t in TABLE_THRESHOLDS)
    return f"""{BEGIN}
*said*: how many of the questions were answered; *wrong*: how many of these answers the next sight contradicted. Allowed
are {limits}.

{table(rows, fair)}

![Error and coverage by threshold](certain.svg)

And where the settings do not fit the customers, which nothing is promised for:

{table(rows, unfit)}

Of all {len(rows)} pairs of population and threshold, more than allowed is wrong here: {excess}.

Whoever answers as soon as the expected share reaches the threshold, without the 95 %, tells the *lukewarm* something at
0.75 in {percent(share(luke["hasty"], luke["questions"]))} of the questions, and {percent(share(luke["hasty_wrong"], luke["hasty"]))} of that is wrong.

{customers} customers of each kind at nine thresholds, {questions:,} questions, {assertions:,} assertions. A second
implementation of the definition, in long double and by another series (`tests/resolve/reference.c`), answered
{"all of them alike" if unlike == 0 else f"{unlike:,} of them otherwise"}. To measure again:

```sh
cmake --build build --target certainty
python3 tests/resolve/certainty.py build/tests/certainty {customers}
```
{END}"""


# ---- the drawing ----

LEFT, TOP, WIDTH, HEIGHT, STEP = 56, 44, 290, 230, 376


def place(panel, x, y, top):
    """A point of a panel: x from 0.5 to 1, y from 0 to `top`."""
    return LEFT + panel * STEP + (x - 0.5) / 0.5 * WIDTH, TOP + HEIGHT * (1 - y / top)


def line(points, colour, extra=""):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{extra}/>'


def label(x, y, text, anchor="middle", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{text}</text>'


def frame(panel, title, top):
    out = []
    for i in range(round(top * 10) + 1):
        y = i / 10
        left, height = place(panel, 0.5, y, top)
        out.append(f'<path d="M{left:.1f} {height:.1f}h{WIDTH}" stroke="#dddddd"/>')
        out.append(label(left - 6, height + 4, f"{100 * y:g} %", "end"))
    for i in range(6):
        x, bottom = place(panel, 0.5 + i / 10, 0, top)
        out.append(label(x, bottom + 18, f"{0.5 + i / 10:.1f}"))
    x, _ = place(panel, 0.75, 0, top)
    out.append(label(x, TOP + HEIGHT + 36, "threshold"))
    out.append(label(x, TOP - 18, title, extra=' font-weight="bold"'))
    return out


def curve(rows, kind, panel, top, part, whole):
    points = []
    for r in rows:
        if r["kind"] == kind and r[whole] >= 100:  # of fewer a share says nothing
            points.append(place(panel, r["threshold"], r[part] / r[whole], top))
    return points


def draw(rows):
    kinds = kinds_of(rows, True)
    error_top, cover_top = 0.5, 0.6
    width = LEFT + STEP + WIDTH + 24
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="374" '
           f'viewBox="0 0 {width} 374" font-family="sans-serif" font-size="12" '
           f'fill="#222222">',
           "<title>Error and coverage of what is asserted, by threshold</title>",
           '<rect width="100%" height="100%" fill="#ffffff"/>']
    out += frame(0, "wrong, of what is asserted", error_top)
    out += frame(1, "asserted, of all questions", cover_top)
    most = [place(0, x, 1 - x, error_top) for x in (0.5, 1)]
    out.append(line(most, "#222222", ' stroke-dasharray="6 4"'))
    x, y = place(0, 0.66, 0.34, error_top)
    out.append(label(x + 6, y - 4, "allowed: 1 − threshold", "start"))
    for i, kind in enumerate(kinds):
        colour = COLOURS[i % len(COLOURS)]
        out.append(line(curve(rows, kind, 0, error_top, "disagreements", "assertions"), colour))
        out.append(line(curve(rows, kind, 1, cover_top, "assertions", "questions"), colour))
        x = LEFT + i * 118
        out.append(f'<path d="M{x} 350h22" stroke="{colour}" stroke-width="3"/>')
        out.append(label(x + 28, 354, kind, "start"))
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    customers = sys.argv[2] if len(sys.argv) == 3 else "1000"
    rows = measure(sys.argv[1], customers)
    page = DOCS / "preferences.md"
    text = page.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    page.write_text(head + text_of(rows, customers) + tail, encoding="utf-8")
    (DOCS / "certain.svg").write_text(draw(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
