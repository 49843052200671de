"""The two errors that users see: one line that says what is wrong, where, and how to fix it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

#: Unicode categories that would break a line or change a terminal, in text from outside: control characters, surrogates
#: (from names that are not UTF-8), and line and paragraph separators. Characters that change the direction of writing
#: are just as bad.
_UNSAFE_KINDS = {"Cc", "Cs", "Zl", "Zp"}
_UNSAFE = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

REPOSITORY = "https://github.com/literate-jpeg/repro"


class ReproError(Exception):
    """Something failed; the message is one line that names the file and the fix. Exit code 1."""

    exit_code = 1


class UsageError(ReproError):
    """The call was wrong: an unknown option or a value out of range, for example. Exit code 2."""

    exit_code = 2


def one_line(text: str) -> str:
    """``text`` for a terminal: characters that would break the line or change the terminal are escaped as in Python."""
    return "".join(ascii(c)[1:-1] if is_unsafe(c) else c for c in text)


def is_unsafe(letter: str) -> bool:
    """Whether ``letter`` would break a line or change a terminal."""
    return letter in _UNSAFE or unicodedata.category(letter) in _UNSAFE_KINDS


def listed(words: Sequence[str]) -> str:
    """Join ``words`` like "a, b and c"; no words give an empty string."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def install_command(extra: str) -> str:
    """The command that installs this package with ``extra``. (``repro`` on PyPI is another project.)"""
    return f"pip install 'repro[{extra}] @ git+{REPOSITORY}'"


@contextmanager
def needs_extra(extra: str, what: str) -> Iterator[None]:
    """Wrap imports that need the packages of ``extra``. If one is missing, raise :class:`ReproError`, which says how to
    install them. ``what`` is what they are needed for."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ReproError(f"{what}: {error.name} is not installed; run: {install_command(extra)}") from error
