"""Where a picture's file may be written, so that nothing precious is overwritten."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from repro.errors import ReproError, UsageError
from repro.files import is_stream
from repro.jpeg.segments import SOS, picture_end, segments

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")


def is_done(output: Path) -> bool:
    """Whether ``output`` exists already, as a whole JPEG file.

    Raises :class:`ReproError` if it exists but is something else, such as the first half of a file.
    """
    if not os.path.lexists(output) or is_stream(output):
        return False
    try:
        with output.open("rb") as stream:
            begins = stream.read(2) == b"\xff\xd8"
            stream.seek(-2, os.SEEK_END)
            whole = begins and (stream.read() == b"\xff\xd9" or _holds_picture(output.read_bytes()))
    except OSError:
        whole = False
    if not whole:
        raise ReproError(f"{output}: is there already, but is no whole JPEG file; remove it to have it made again")
    return True


def _holds_picture(data: bytes) -> bool:
    """Whether the JPEG file ``data`` has the end of its picture; a second picture, a film or zeros may follow."""
    scan = next((found.start for found in segments(data) if found.marker == SOS), None)
    return scan is not None and picture_end(data, scan) is not None


def check_output(source: Path | None, output: Path, overwrite: bool) -> None:
    """Raise :class:`UsageError` or :class:`ReproError`, before any work, if ``output`` is a folder, has no JPEG
    extension, is the input, or exists; with ``overwrite``, if it exists and is read-only or has hard links.

    ``source``: None if the picture is not a file.
    """
    if is_stream(output):
        return
    try:
        found = output.stat()
    except FileNotFoundError:
        found = None
    except OSError as error:
        raise ReproError(f"{output}: cannot be written ({error.strerror}); name another output with -o") from error
    if found and stat.S_ISDIR(found.st_mode):
        raise UsageError(f"{output}: is a folder; name a file in it, such as {output / 'photo.jpg'}")
    if output.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{output}: a JPEG's name ends in .jpg; call it {output.with_suffix('.jpg').name}")
    if not found:
        return
    if source and os.path.exists(source) and output.samefile(source):
        raise UsageError(f"{output}: is the input itself; name another output with -o")
    if not overwrite:
        raise ReproError(
            f"{output}: exists already; name another output with -o, add --force to replace it, or --skip-existing"
        )
    if not found.st_mode & 0o222 or not os.access(output, os.W_OK):
        raise ReproError(f"{output}: is read-only; make it writable, or name another output with -o")
    if found.st_nlink > 1:
        raise ReproError(
            f"{output}: has other names (hard links), which would keep the old picture; "
            "remove this one first, or name another output with -o"
        )
