"""Curves point by point and photo by photo, for a plot that answers when one asks it: ``bookkit.points``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.markers import MarkerStyle
from matplotlib.path import Path

from chapters.rate_distortion import look_of
from chapters.style import LOOKS, Look
from chapters.tables import DECIMALS
from repro.evaluation import Curve
from repro.evaluation.curves import Point
from repro.experiments.claims import SHORT
from repro.metrics import METRICS as ALL_METRICS

MEAN = "mean over photos"
#: matplotlib's lines in SVG's words.
_DASHES = {"-": "none", "--": "7 3", ":": "2 3", "-.": "7 3 2 3"}
#: matplotlib's codes of a path in SVG's.
_LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}


def every_point(
    curves: Mapping[str, Curve],
    metrics: Sequence[str],
    rates: tuple[float, float],
    looks: Mapping[str, Look] | None = None,
) -> dict[str, Any]:
    """What :func:`bookkit.points` takes: every photo's point of each of ``curves`` that lies within ``rates``.

    ``looks``: name of a curve → its look, unless it is that of the other plots. Rates are bits per pixel of the file.
    """
    photos = [MEAN, *sorted({photo for curve in curves.values() for photo in curve.images})]
    series, points = [], []
    for of, (name, curve) in enumerate(curves.items()):
        look = looks[name] if looks else look_of(name)
        drawn = {"marker": marker_path(look.marker), "filled": MarkerStyle(look.marker).is_filled()}
        series.append({"label": look.label, "color": look.color, "dash": _DASHES[look.linestyle], **drawn})
        unit = "λ =" if name.partition(",")[0] in LOOKS and name not in LOOKS else "quality"
        everywhere = {MEAN: curve.mean().images["mean"], **curve.images}
        for who, photo in enumerate(photos):
            points += [_point(of, who, unit, point, metrics, rates) for point in everywhere.get(photo, ())]
    return {
        "series": series,
        "photos": [photo.partition(".")[0] for photo in photos],
        "metrics": [_metric(name) for name in metrics],
        "rates": rates,
        "points": [point for point in points if point],
    }


def marker_path(marker: str) -> str:
    """A marker of matplotlib as an SVG path, about one unit wide, around (0, 0)."""
    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform())
    parts = []
    for vertices, code in path.iter_segments(simplify=False):
        numbers = " ".join(f"{v if i % 2 == 0 else -v:.3g}" for i, v in enumerate(vertices))  # SVG counts downwards
        parts.append(_LETTERS[code] + ("" if code == Path.CLOSEPOLY else numbers))
    return "".join(parts)


def _metric(name: str) -> dict[str, Any]:
    better = ALL_METRICS[name][1] if name in ALL_METRICS else "higher"
    return {"label": SHORT[name], "better": better, "digits": DECIMALS.get(name, 1)}


def _point(
    of: int, who: int, unit: str, point: Point, metrics: Sequence[str], rates: tuple[float, float]
) -> list[Any] | None:
    """(series, photo, setting in words, bits per pixel, metrics …), or None for one outside of ``rates``."""
    bpp = point["bpp"]
    if bpp is None or not rates[0] <= bpp <= rates[1]:
        return None
    values = [None if (v := point[name]) is None else float(f"{v:.5g}") for name in metrics]
    return [of, who, f"{unit} {point['setting']:g}", round(bpp, 4), *values]
