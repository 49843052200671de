"""Small pictures for the table of claims: each effect with its interval against zero, as inline SVG.

Lines and words take the colour of the page's text, so that they are readable on a dark page too. An effect whose
interval excludes zero has a filled, coloured mark, any other a hollow one.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bookkit.html import Html
from chapters.style import OKABE_ITO
from repro.experiments.claims import Effect

#: In pixels: a panel's width and height, the gap between panels, a line of text, and the widest letter.
_WIDE, _HIGH, _GAP, _LINE, _LETTER = 54, 30, 8, 14, 6.2
#: The least half-range of the scale, as a share, so that small effects look small.
_LEAST = 0.02
_ABOVE, _BELOW = OKABE_ITO["blue"], OKABE_ITO["vermillion"]


def effect_picture(effects: Sequence[Effect]) -> Html:
    """A grid of panels with the rows and columns that ``effects`` name, or nothing if there are no effects.

    All panels share one scale with zero in the middle. A text alternative says the same to screen readers.
    """
    if not effects:
        return Html("")
    rows, columns = (list(dict.fromkeys(names)) for names in zip(*((e.row, e.column) for e in effects), strict=True))
    half = max([_LEAST, *(abs(value) for effect in effects for point in effect.points for value in point)]) * 1.1
    wide = max([_WIDE, *(_LETTER * len(name) for name in columns)])
    parts, y = [], 0.0
    if any(columns):
        parts += [_text(i * (wide + _GAP) + wide / 2, y + 10, name, "middle") for i, name in enumerate(columns)]
        y += _LINE
    for row in rows:
        if row:
            parts.append(_text(0, y + 10, row, "start"))
            y += _LINE
        for effect in effects:
            if effect.row == row:
                parts.append(_panel(effect, columns.index(effect.column) * (wide + _GAP), y, wide, half))
        y += _HIGH + 4
    width = max(len(columns) * (wide + _GAP) - _GAP, *(_LETTER * len(row) for row in rows))
    told = escape("; ".join(map(in_words, effects)), quote=True)
    return Html(
        f'<svg class="repro-effect" role="img" aria-label="{told}" width="{width + 1:.1f}" height="{y:.0f}" '
        f'viewBox="-0.5 0 {width + 1:.1f} {y:.0f}" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def in_words(effect: Effect) -> str:
    """ "LSTM against CNN, MS-SSIM: 2 of 7 above zero, 5 of 7 not clear of zero"."""
    sides = [int(low > 0) - int(high < 0) for _, low, high in effect.points]
    words = {1: "above zero", -1: "below zero", 0: "not clear of zero"}
    counts = {word: sides.count(side) for side, word in words.items() if side in sides}
    told = [f"{n} of {len(sides)} {word}" for word, n in counts.items()]
    if len(counts) == 1:
        told = [f"all {word}" if len(sides) > 1 else word for word in counts]
    name = ", ".join(filter(None, (effect.row, effect.column)))
    return f"{name}: {', '.join(told)}"


def _panel(effect: Effect, x: float, y: float, wide: float, half: float) -> str:
    middle, step = y + _HIGH / 2, wide / (len(effect.points) + 1)

    def at(value: float) -> float:
        return middle - value / half * (_HIGH / 2)

    marks = [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{_HIGH}" fill="none" stroke="currentColor" '
        'stroke-opacity="0.3"/>',
        f'<line x1="{x:.1f}" x2="{x + wide:.1f}" y1="{middle:.1f}" y2="{middle:.1f}" stroke="currentColor"/>',
    ]
    for i, (value, low, high) in enumerate(effect.points):
        clear = low > 0 or high < 0
        color = (_ABOVE if low > 0 else _BELOW) if clear else "currentColor"
        place = x + (i + 1) * step
        if low < high:
            ends = f'x1="{place:.1f}" x2="{place:.1f}" y1="{at(low):.1f}" y2="{at(high):.1f}"'
            marks.append(f'<line {ends} stroke="{color}" stroke-width="1.6"/>')
        inside = color if clear else "var(--pst-color-background, white)"
        marks.append(f'<circle cx="{place:.1f}" cy="{at(value):.1f}" r="2.2" fill="{inside}" stroke="{color}"/>')
    return "".join(marks)


def _text(x: float, y: float, words: str, anchor: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="10" text-anchor="{anchor}"'
    return f'<text {place} fill="currentColor">{escape(words)}</text>'
