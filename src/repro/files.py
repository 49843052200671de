"""Write files whole or not at all: to a temporary file beside the target, which is then renamed."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from repro.errors import ReproError

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: Errors of ``fsync`` on file systems that do not support it.
_NO_FSYNC = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
#: The most bytes (not letters) of a file name on common file systems.
LONGEST_NAME = 255


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it onto ``path`` on success, remove it on failure.

    If ``path`` is a symbolic link, the file it points to is replaced. A replaced file keeps its mode and, as far as
    permitted, its owner; a new file's mode follows from the umask. Raises :class:`ReproError` if ``path`` is a folder,
    its parent folder is missing or not writable, or the disk is full.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise ReproError(f"{path}: is a folder; name a file inside it")
    target = Path(os.path.realpath(path))
    with ExitStack() as stack:
        try:
            old = target.stat() if target.exists() else None
            allowed = 0o666 if old is None else old.st_mode & 0o666 | 0o200
            temporary = stack.enter_context(_temporary(target, partial(_make_file, mode=allowed)))
        except OSError as error:
            raise ReproError(f"{path}: cannot be written ({error.strerror}); check the folder {path.parent}") from error
        try:
            yield temporary
            if old is not None:
                _take_over(temporary, old)
            temporary.replace(target)
        except OSError as error:
            raise _not_written(path, error) from error


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """As :func:`atomic_path`, for a new folder. If another process has made one there meanwhile, that one stays."""
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = stack.enter_context(_temporary(path, os.mkdir))
            yield temporary
            try:
                temporary.rename(path)
            except OSError:
                if not path.exists():
                    raise
        except OSError as error:
            raise _not_written(path, error) from error


def _take_over(path: Path, old: os.stat_result) -> None:
    """Give ``path`` the owner and mode in ``old``, as far as the file system and the user's rights allow."""
    if hasattr(os, "chown") and (path.stat().st_uid, path.stat().st_gid) != (old.st_uid, old.st_gid):
        with suppress(OSError):
            os.chown(path, old.st_uid, old.st_gid)
    with suppress(OSError):  # some file systems refuse every chmod
        path.chmod(stat.S_IMODE(old.st_mode))


def _make_file(path: Path, mode: int) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))


def _not_written(path: Path, error: OSError) -> ReproError:
    return ReproError(f"{path}: cannot be written ({error.strerror}); free some space or name another place")


class _NoLocks(Exception):
    """The operating system or the file system has no locks."""


@contextmanager
def _temporary(target: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """Yield a temporary path beside ``target``, made by ``make``; remove it in the end unless it was renamed.

    Its name is derived from the target's, and it is locked while in use, so that the next process to write the target
    finds and removes what a killed one has left. If another process is writing the same target, or the file system has
    no locks, the name is random. A file of the derived name is removed only by a process that has locked it, since it
    may be another's.
    """
    own = target.with_name(f".tmp-{sha256_bytes(os.fsencode(target.name))[:16]}{target.suffix[:16]}")
    _discard(own)
    temporary, lock = own, None
    try:
        try:
            make(own)
            lock = _locked(own)
        except FileExistsError:
            pass
        except _NoLocks:
            _remove(own)
        if lock is None:
            temporary = target.with_name(f".tmp-{secrets.token_hex(8)}{target.suffix[:16]}")
            make(temporary)
        yield temporary
    finally:
        if temporary != own:
            _remove(temporary)
        elif lock is None:  # a signal interrupted us
            _discard(own)
        else:
            if _is_still(lock, own):
                _remove(own)
            os.close(lock)


def _discard(path: Path) -> None:
    """Remove ``path`` unless another process holds its lock."""
    with suppress(_NoLocks):
        lock = _locked(path)
        if lock is not None:
            _remove(path)
            os.close(lock)


def _locked(path: Path) -> int | None:
    """A descriptor that locks the file or folder ``path``; None if it does not exist or another process holds it.

    Raises :class:`_NoLocks` if there are no locks.
    """
    if fcntl is None:
        raise _NoLocks
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        os.close(descriptor)
        raise _NoLocks from error
    if _is_still(descriptor, path):
        return descriptor
    os.close(descriptor)
    return None


def _is_still(descriptor: int, path: Path) -> bool:
    """Whether ``path`` is still the file that was opened, not removed or renamed since."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


@contextmanager
def alone(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold an exclusive lock on ``path``: at most one process is in here at a time. Call ``waiting`` before waiting.

    The file ``path`` is made for this purpose and removed in the end. A killed process releases its lock. On systems
    without locks, nobody waits.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    held = None
    while fcntl is not None and held is None:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:  # no locks here
            os.close(descriptor)
            break
        if _is_still(descriptor, path):
            held = descriptor
        else:  # the previous holder has removed it
            os.close(descriptor)
    try:
        yield
    finally:
        _remove(path)
        if held is not None:
            os.close(held)


def atomic_write(path: Path | str, data: bytes | str) -> None:
    """Write ``data`` (text as UTF-8) to ``path`` so that a reader sees the old file or the new one, never part of it.

    A pipe or a device is written to directly. Raises :class:`ReproError` if ``path`` cannot be written.
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
        try:
            os.fsync(stream.fileno())
        except OSError as error:
            if error.errno not in _NO_FSYNC:
                raise


def is_stream(path: Path | str) -> bool:
    """Whether ``path`` exists and is a pipe, a socket or a device."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def version(path: Path | str) -> tuple[str | int, ...]:
    """A key that changes when the file at ``path`` is rewritten or ``path`` points elsewhere: its real path, inode (two
    writes may share a time stamp), modification time and size; ``path`` alone if there is no file.
    """
    try:
        real = os.path.realpath(path)
        now = os.stat(real)
    except (OSError, ValueError):  # a name with a zero byte is a ValueError
        return (str(path),)
    return real, now.st_ino, now.st_mtime_ns, now.st_size


def shortened(name: str, ending: str) -> str:
    """``name`` + ``ending``, with as many last letters of ``name`` cut as needed to fit into a file name."""
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
