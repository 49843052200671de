"""Files that are read again only after they have changed, and written only if that changes them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, TypeVar

import yaml

from repro.errors import ReproError
from repro.files import atomic_write, sha256_file

Found = TypeVar("Found")


def remembered(read: Callable[[Path], Found]) -> Callable[[Path], Found]:
    """Cache ``read`` for each state of a file. Its result is shared, so callers must not modify it."""

    @lru_cache(maxsize=4096)
    def known(path: Path, _state: tuple[int, ...]) -> Found:
        return read(path)

    @wraps(read)
    def ask(path: Path) -> Found:
        now = path.stat()
        return known(path, (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns))

    return ask


@remembered
def file_hash(path: Path) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits."""
    return sha256_file(path)


@remembered
def notebook(path: Path) -> Any:
    """A notebook, ``.ipynb``. Raises ``OSError``, ``ValueError`` or ``AttributeError`` if it cannot be read."""
    import nbformat

    return nbformat.v4.reads(path.read_text(encoding="utf-8"))


@remembered
def source(path: Path) -> Any:
    """A notebook's text, ``.py``, as jupytext reads it."""
    import jupytext

    return jupytext.read(path)


@remembered
def yaml_of(path: Path) -> Any:
    """The content of a YAML file, ``{}`` if it is empty. Raises :class:`ReproError` if it is not valid YAML."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ReproError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error


def write_if_changed(path: Path, text: str) -> None:
    """Write ``text`` unless the file already contains it, so that Sphinx reads only what changed."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, text)
