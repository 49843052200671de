"""Spread the work on one picture over threads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
Found = TypeVar("Found")

#: The environment variable that OpenMP, and so PyTorch, reads when it is loaded. The trellis obeys it too.
VARIABLE = "OMP_NUM_THREADS"


def available() -> int:
    """The number of threads that :data:`VARIABLE` gives, or else one for each core that this process may use."""
    named = os.environ.get(VARIABLE, "")
    if named.isdigit() and int(named):
        return int(named)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spans(count: int, parts: int) -> list[tuple[int, int]]:
    """Split ``range(count)`` into ``parts`` nearly equal parts: (first, end) of each, in order."""
    return [(count * i // parts, count * (i + 1) // parts) for i in range(parts)]


def in_parallel(work: Callable[[T], Found], parts: Sequence[T], threads: int) -> list[Found]:
    """Call ``work`` on each of ``parts`` on ``threads`` threads. Return the results in order; raise what it raises."""
    if threads == 1 or len(parts) == 1:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))


@contextmanager
def one_thread() -> Iterator[None]:
    """Use one thread within this context, for jobs that share the cores or for comparing times."""
    named = os.environ.get(VARIABLE)
    torch = sys.modules.get("torch")  # if it is not imported, it has no threads
    before = torch.get_num_threads() if torch else 1
    os.environ[VARIABLE] = "1"
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if named is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = named
        if torch:
            torch.set_num_threads(before)
