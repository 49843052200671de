"""The two errors that a user meets: one line that says what is wrong, where, and how to fix it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

#: What would break a line or change a terminal, in any text from outside: controls, half letters (of a name that is no
#: UTF-8), ends of lines and paragraphs. Marks that turn the direction of writing are as bad.
_UNSAFE_KINDS = {"Cc", "Cs", "Zl", "Zp"}
_UNSAFE = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

REPOSITORY = "https://github.com/literate-jpeg/repro"


class ReproError(Exception):
    """Something failed; the message is one line that names the file and the fix. Exit code 1."""

    exit_code = 1


class UsageError(ReproError):
    """The call was wrong: an unknown option, say, or a value out of range. Exit code 2."""

    exit_code = 2


def one_line(text: str) -> str:
    """``text`` for a terminal: what would break the line, or change the terminal, is escaped as in Python."""
    return "".join(ascii(c)[1:-1] if is_unsafe(c) else c for c in text)


def is_unsafe(letter: str) -> bool:
    """Whether it would break a line or change a terminal."""
    return letter in _UNSAFE or unicodedata.category(letter) in _UNSAFE_KINDS


def listed(words: Sequence[str]) -> str:
    """ "a, b and c"; nothing of no words."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


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
