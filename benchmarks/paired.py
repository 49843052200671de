"""Two programs timed in turns, in one process: what slows the machine for a while slows both, and cancels in the ratio.

Every table of the benchmarks is a list of :func:`row`: what was timed against what, in how many rounds, with medians
and quartiles, and the ratio that had to be reached, if any.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from repro.progress import track


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call, including all threads of this process and the processes that it waited for."""
    before = os.times()
    work()
    after = os.times()
    return sum(after[:4]) - sum(before[:4])


def interleaved(
    programs: Mapping[str, Callable[[], object]], *, rounds: int, warm_up: int = 1, name: str = "benchmark"
) -> dict[str, list[float]]:
    """Name → seconds of each of ``rounds`` calls, after ``warm_up`` calls that are not counted. Programs take turns,
    in reverse order every other round, so that none always follows the same neighbour."""
    for _ in range(warm_up):
        for work in programs.values():
            work()
    times: dict[str, list[float]] = {label: [] for label in programs}
    for turn in track(range(rounds), name):
        for label in list(programs)[:: -1 if turn % 2 else 1]:
            times[label].append(seconds(programs[label]))
    return times


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and quartiles; a single value stands for all three."""
    if len(values) == 1:
        return {"median": values[0], "low": values[0], "high": values[0]}
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "low": low, "high": high}


def row(
    name: str,
    ours: Sequence[float],
    reference: Sequence[float],
    *,
    against: str,
    at_least: float | None = None,
    at_most: float | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A line of a table: our seconds and those of the reference, taken in the same rounds.

    ``ratio`` is how many times as fast ours is (reference over ours, pair by pair) or, if ``at_most`` is given, how
    many times as long it takes (ours over reference). ``more`` is kept unchanged: sizes, settings, remarks.
    """
    pairs = list(zip(ours, reference, strict=True))
    ratios = [o / r for o, r in pairs] if at_most is not None else [r / o for o, r in pairs]
    return {
        "name": name,
        "against": against,
        "seconds": spread(ours),
        "reference_seconds": spread(reference),
        "ratio": spread(ratios),
        "at_least": at_least,
        "at_most": at_most,
        "rounds": len(pairs),
        **more,
    }
