"""The two errors that a user meets: one line that says what is wrong, where, and how to fix it."""

from __future__ import annotations


class ReproError(Exception):
    """Something failed; the message is one line that names the file and the fix. Exit code 1."""

    exit_code = 1


class UsageError(ReproError):
    """The call was wrong: an unknown option, a value out of range. Exit code 2."""

    exit_code = 2
