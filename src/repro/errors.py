"""The two errors that a user meets: one line that says what is wrong, where, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

REPOSITORY = "https://github.com/literate-jpeg/repro"


class ReproError(Exception):
    """Something failed; the message is one line that names the file and the fix. Exit code 1."""

    exit_code = 1


class UsageError(ReproError):
    """The call was wrong: an unknown option, say, or a value out of range. Exit code 2."""

    exit_code = 2


def install_command(extra: str) -> str:
    """The command that installs this package with its extra ``extra``; what PyPI calls ``repro`` is another project."""
    return f"pip install 'repro[{extra}] @ git+{REPOSITORY}'"


@contextmanager
def needs_extra(extra: str, what: str) -> Iterator[None]:
    """Imports inside need packages of the extra ``extra``. If one is missing, raise :class:`ReproError`, which says how
    to install them; ``what`` is what they are needed for."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ReproError(f"{what}: {error.name} is not installed; run: {install_command(extra)}") from error
