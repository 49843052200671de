"""A plot of rate against quality in which every point tells its photo, its encoder and its setting.

It is a small script of our own (``assets/points``) that draws SVG: a plotting library would add megabytes to a book
that has to be read offline, and its points cannot be reached by keyboard. All data are inside the cell's output, as
with :func:`bookkit.curtain`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bookkit.html import Html, json_script, scripted, table


def points(plot: Mapping[str, Any], caption: str) -> Html:
    """Every point of some curves, to be pointed at by mouse, finger or arrow keys; under it the means as a table.

    plot
        as ``chapters.rate_distortion.every_point`` makes it: ``series``, a list of dictionaries with ``label``,
        ``color``, ``dash``, ``marker`` (an SVG path one unit wide) and ``filled``; ``photos``, names, the first of them
        that of the mean; ``metrics``, dictionaries with ``label``, ``better`` ("lower" or "higher") and ``digits``;
        ``rates``, the smallest and the largest bits per pixel shown; ``points``, lists of (index of the series, index
        of the photo, setting in words, bits per pixel, a value or None for each metric)
    caption
        of the table

    """
    metrics, series = plot["metrics"], plot["series"]
    means = [_row(point, series, metrics) for point in plot["points"] if point[1] == 0]
    head = ["encoder", "setting", "bits per pixel", *(metric["label"] for metric in metrics)]
    told = f"<details><summary>The means in numbers</summary>{table(head, means, caption=caption).text}</details>"
    return scripted("points", f"{json_script(plot)}{told}")


def _row(point: Sequence[Any], series: Sequence[Mapping[str, Any]], metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    of, _, setting, rate, *values = point
    told = ["–" if v is None else f"{v:.{m['digits']}f}" for v, m in zip(values, metrics, strict=True)]
    return [series[of]["label"], setting, f"{rate:.3f}", *told]
