"""Files that are either whole or absent: written beside, then renamed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from repro.errors import ReproError


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it onto ``path`` on success, remove it on failure.

    Raises :class:`ReproError` where the folder is missing, not writable, or the disk is full.
    """
    path = Path(path)
    if path.is_dir():
        raise ReproError(f"{path}: is a folder; name a file inside it")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise ReproError(f"{path}: cannot be written ({error.strerror}); check the folder {path.parent}") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes private files; a result is an ordinary one
        temporary.replace(path)
    except OSError as error:
        raise ReproError(
            f"{path}: cannot be written ({error.strerror}); free some space or name another place"
        ) from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def atomic_write(path: Path | str, data: bytes | str) -> None:
    """Write ``data`` (text as UTF-8) to ``path`` so that a reader sees the old file or the new one, never a half."""
    content = data.encode() if isinstance(data, str) else data
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of ``data`` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path | str) -> str:
    """SHA-256 of the file at ``path`` as 64 hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _umask() -> int:
    """The process's umask (Python offers no way to read it but to set it)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
