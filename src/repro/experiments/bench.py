"""The stored benchmarks: how long things take, compared with what, and whether they are as fast as required.

``make bench`` writes ``data/results/bench.json``: table name → ``rows`` and ``provenance``. A row has a ``name``,
usually ``seconds`` (median and quartiles) and, if it was timed against something in the same rounds, ``against``,
``reference_seconds``, ``ratio`` and the limits ``at_least`` (times as fast) or ``at_most`` (times as long). ``at_most``
also limits an ``exponent``; other limits are ``seconds_at_most``, ``peak_mib_at_most`` and ``cosine_at_least``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from repro.errors import ReproError
from repro.experiments.store import Store

BENCH = "results/bench.json"

Row = Mapping[str, Any]


def load(store: Store | None = None) -> dict[str, dict[str, Any]]:
    """Every stored table by its name. Raises :class:`ReproError` if there is none, or if the file is broken."""
    path = (store or Store.default()).data / BENCH
    try:
        stored = json.loads(path.read_text())
        if not all({"rows", "provenance"} <= table.keys() for table in stored.values()):
            raise KeyError("rows")
    except FileNotFoundError as error:
        raise ReproError(f"{path}: no stored benchmarks; run `make bench`") from error
    except (ValueError, KeyError, AttributeError) as error:
        raise ReproError(f"{path}: not a table of benchmarks; delete it and run `make bench`") from error
    return stored


def reached(row: Row) -> bool | None:
    """Whether the row keeps all of its limits; None if it has none."""
    checks = []
    if row.get("at_least") is not None:
        checks.append(row["ratio"]["median"] >= row["at_least"])
    if row.get("at_most") is not None:
        checks.append((row["ratio"]["median"] if "ratio" in row else row["exponent"]) <= row["at_most"])
    if row.get("seconds_at_most") is not None:
        checks.append(row["seconds"]["median"] <= row["seconds_at_most"])
    if row.get("peak_mib_at_most") is not None:
        checks.append(row["peak_mib"] <= row["peak_mib_at_most"])
    if row.get("cosine_at_least") is not None:
        checks.append(min(row["cosine"].values()) >= row["cosine_at_least"])
    return all(checks) if checks else None


def missed(stored: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of table and row for each row that misses a limit."""
    return [
        f"{name}: {row['name']}" for name, table in stored.items() for row in table["rows"] if reached(row) is False
    ]


def cells(row: Row) -> tuple[str, ...]:
    """A row as text: name, seconds, what it is compared with, ratio with quartiles or other result, limits, verdict."""
    verdict = {True: "reached", False: "missed", None: ""}[reached(row)]
    seconds = seconds_in_words(row["seconds"]["median"]) if "seconds" in row else ""
    sized = row.get("megapixels") is not None and "ratio" not in row
    name = f"{row['name']}, {row['megapixels']:.3g} MP" if sized else row["name"]
    limits = ", ".join(words.format(row[key]) for key, words in _LIMITS.items() if row.get(key) is not None)
    return name, seconds, row.get("against") or "", _found(row), limits, verdict


_LIMITS = {
    "at_least": "≥ {:g}",
    "at_most": "≤ {:g}",
    "cosine_at_least": "≥ {:g}",
    "seconds_at_most": "≤ {:g} s",
    "peak_mib_at_most": "≤ {:g} MiB",
}
_METRICS = {"mse": "MSE", "lpips": "LPIPS", "ms_ssim": "MS-SSIM"}


def _found(row: Row) -> str:
    """The row's most telling result besides the seconds."""
    if "ratio" in row:
        return _times(row["ratio"], " × as fast" if row.get("at_most") is None else " × as long")
    if "exponent" in row:
        return f"∝ pixels^{row['exponent']:.2f}, peak {row['peak_mib']:.0f} MiB"
    if "cosine" in row:
        return f"{min(row['cosine'].values()):.5f}"
    if "apart" in row:
        return "; ".join(
            f"{_METRICS[metric]} {100 * d['precision']:.2f} %, another seed {100 * d['seed']:.2f} %"
            for metric, d in row["apart"].items()
        )
    if row.get("remark"):
        return str(row["remark"])
    return f"peak {row['peak_mib']:.0f} MiB" if "peak_mib" in row and row.get("megapixels") is None else ""


def significant(value: float) -> str:
    """Three significant digits, trailing zeros included: "2.30", "37.0", "1,090"."""
    return f"{value:#.3g}".rstrip(".") if value < 999.5 else f"{float(f'{value:.3g}'):,.0f}"


def _times(ratio: Mapping[str, float], unit: str) -> str:
    """ "2.30 (2.25–2.41) × as fast"; far below one, how many times as long, which is easier to grasp."""
    median, low, high = (ratio[key] for key in ("median", "low", "high"))
    if unit.endswith("fast") and median < 0.1:
        median, low, high, unit = 1 / median, 1 / high, 1 / low, " × as long"
    return f"{significant(median)} ({significant(low)}–{significant(high)}){unit}"


def seconds_in_words(seconds: float) -> str:
    """ "12.3 ms", "1.23 s" or "3.4 min"."""
    if seconds < 1:
        return f"{1e3 * seconds:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 120 else f"{seconds / 60:.3g} min"


HEADER = ("", "median time", "against", "ratio (quartiles)", "asked for", "")


def table(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the rows for a page, without columns that are empty in every row."""
    lines = [cells(row) for row in rows]
    used = [i for i in range(len(HEADER)) if any(line[i] for line in lines)]
    found = HEADER[3] if any("ratio" in row for row in rows) else "result"
    header = [*HEADER[:3], found, *HEADER[4:]]
    return [header[i] for i in used], [[line[i] for i in used] for line in lines]
