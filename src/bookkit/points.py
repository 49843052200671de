"""A rate–quality plot in which every point shows its photo, encoder and setting.

The script (``assets/points``) is our own and draws SVG: a plotting library would add megabytes to a book that must be
readable offline, and its points cannot be reached by keyboard. All data are inside the cell's output, as with
:func:`bookkit.curtain`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bookkit.html import Html, json_script, scripted, table


def points(plot: Mapping[str, Any], caption: str) -> Html:
    """A plot of every point of some curves, selected by mouse, finger or arrow keys, above a table of the means.

    plot
        as made by ``chapters.rate_distortion.every_point``: ``series``, a list of dictionaries with ``label``,
        ``color``, ``dash``, ``marker`` (an SVG path one unit wide) and ``filled``; ``photos``, a list of names, the
        first of which stands for the mean; ``metrics``, a list of dictionaries with ``label``, ``better`` ("lower" or
        "higher") and ``digits``; ``rates``, the smallest and largest bits per pixel shown; and ``points``, a list of
        [index of the series, index of the photo, setting in words, bits per pixel, a value or None for each metric]
    caption
        caption of the table

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
