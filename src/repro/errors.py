"""The two errors that a user meets: one line that says what is wrong, where, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class ReproError(Exception):
    """Something failed; the message is one line that names the file and the fix. Exit code 1."""

    exit_code = 1


class UsageError(ReproError):
    """The call was wrong: an unknown option, a value out of range. Exit code 2."""

    exit_code = 2


@contextmanager
def needs_extra(extra: str, what: str) -> Iterator[None]:
    """Imports in here need packages of ``extra``, which not everybody has installed: then :class:`ReproError` says how
    to get it. ``what`` is what they are for."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ReproError(
            f"{what}: needs {error.name}, which is not installed; run: pip install 'repro[{extra}]'"
        ) from error
