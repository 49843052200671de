"""Functions compiled by Numba and cached on disk, so that the next process need not compile them again.

A cache that is damaged, of another version, or in a folder that cannot be written costs only time and a note.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar

import numba
from numba.core.runtime.nrt import rtsys

from repro.progress import note

Found = TypeVar("Found", bound=Callable[..., Any])


def compiled(**options: Any) -> Callable[[Found], Found]:
    """``numba.njit`` with ``options``, which releases the GIL and caches on disk if that is possible."""

    def decorate(function: Found) -> Found:
        try:
            made = numba.njit(cache=True, nogil=True, **options)(function)
        except RuntimeError:  # Numba found no folder to write to
            _tell_that_nothing_is_kept("no folder for it can be written")
            return numba.njit(nogil=True, **options)(function)
        _forgive(made._cache)
        return made

    return decorate


def _forgive(kept: Any) -> None:
    """Make a function's cache ignore files that are damaged or cannot be written, where Numba would raise.

    Numba's own ``load_overload`` first initialises the compiler, which takes a quarter of a second. To run code from
    the cache, only the memory manager is needed.
    """
    save = kept.save_overload

    def load_if_possible(signature: Any, context: Any) -> Any:
        found = None
        try:
            rtsys.initialize(context)
            found = kept._load_overload(signature, context)
        except Exception:  # unpickling a damaged file raises nearly anything
            with suppress(OSError):
                kept.flush()
        if found is None:
            _tell_that_it_takes_a_while()
        return found

    def save_if_possible(*arguments: Any) -> None:
        try:
            save(*arguments)
        except OSError as error:
            _tell_that_nothing_is_kept(error.strerror or str(error))

    kept.load_overload, kept.save_overload = load_if_possible, save_if_possible


@cache
def _tell_that_it_takes_a_while() -> None:
    if sys.stderr.isatty():
        note("compiling for this machine, once; later runs start faster")


@cache
def _tell_that_nothing_is_kept(why: str) -> None:
    note(
        f"compiled code cannot be kept ({why}), so every run compiles it again; name another folder in NUMBA_CACHE_DIR"
    )
