"""How many threads one picture's work is spread over."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
Found = TypeVar("Found")

#: The variable that OpenMP, and with it PyTorch, reads when it is loaded. The trellis obeys it too.
VARIABLE = "OMP_NUM_THREADS"


def available() -> int:
    """As many as :data:`VARIABLE` says, else one for each core that this process may use."""
    named = os.environ.get(VARIABLE, "")
    if named.isdigit() and int(named):
        return int(named)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spans(count: int, parts: int) -> list[tuple[int, int]]:
    """(first, end) of each of so many nearly equal ``parts`` of ``range(count)``, in order."""
    return [(count * i // parts, count * (i + 1) // parts) for i in range(parts)]


def in_parallel(work: Callable[[T], Found], parts: Sequence[T], threads: int) -> list[Found]:
    """``work`` on each of ``parts``, on so many threads; what it returned, in order. Raises what it raises."""
    if threads == 1 or len(parts) == 1:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))


@contextmanager
def one_thread() -> Iterator[None]:
    """Work on one thread in here: where several jobs share the cores, or times are compared."""
    named = os.environ.get(VARIABLE)
    torch = sys.modules.get("torch")  # who has not imported it has no threads of it to hold
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
