"""Files that are either whole or absent: written beside, then renamed."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from repro.errors import ReproError

#: The most bytes (not letters) that a file's name has on common file systems.
LONGEST_NAME = 255


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it onto ``path`` on success, remove it on failure.

    A symbolic link stays, and the file it leads to is replaced. A file that is replaced keeps its mode; a new one has
    what the umask says. Raises :class:`ReproError` where the folder is missing, not writable, or the disk is full.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise ReproError(f"{path}: is a folder; name a file inside it")
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".tmp-{secrets.token_hex(8)}{target.suffix[:16]}")
    try:
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        allowed = 0o666 if mode is None else mode & 0o666 | 0o200
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, allowed))
    except OSError as error:
        raise ReproError(f"{path}: cannot be written ({error.strerror}); check the folder {path.parent}") from error
    try:
        yield temporary
        if mode is not None:
            with suppress(OSError):  # some file systems refuse every chmod
                temporary.chmod(mode)
        temporary.replace(target)
    except OSError as error:
        raise ReproError(
            f"{path}: cannot be written ({error.strerror}); free some space or name another place"
        ) from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def atomic_write(path: Path | str, data: bytes | str) -> None:
    """Write ``data`` (text as UTF-8) to ``path`` so that a reader sees the old file or the new one, never a half.

    A pipe or a device is written to as it is.
    """
    content = data.encode() if isinstance(data, str) else data
    if is_stream(path):
        try:
            Path(path).write_bytes(content)
        except BrokenPipeError as error:
            raise ReproError(f"{path}: its reader has gone; nothing more can be written") from error
        except OSError as error:
            raise ReproError(f"{path}: cannot be written ({error.strerror}); name another place") from error
        return
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def is_stream(path: Path | str) -> bool:
    """Whether ``path`` is there and is a pipe, a socket or a device."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def shortened(name: str, ending: str) -> str:
    """``name`` + ``ending``, with the last letters of ``name`` left out that a file's name has no room for."""
    while len(os.fsencode(name + ending)) > LONGEST_NAME:
        name = name[:-1]
    return name + ending


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of ``data`` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path | str) -> str:
    """SHA-256 of the file at ``path`` as 64 hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
