"""Encode many pictures on a Dask cluster.

The pictures' files are sent to the workers, and the results come back and are written here, whole or not at all. So
workers need no shared folder, and a picture whose worker is lost is sent to another.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import repro
from repro import cluster, threads
from repro.encoder import models
from repro.encoder.batch import Failure, attempt
from repro.encoder.encode import Report, Settings, encode_source
from repro.encoder.images import read_bytes
from repro.encoder.places import check_output
from repro.errors import ReproError
from repro.files import atomic_write

#: How many pictures are given to a worker at once, so that the next is there when one is done.
_AHEAD = 2


def encode_files(pairs: Sequence[tuple[Path, Path]], settings: Settings, scheduler: str) -> Iterator[Report | Failure]:
    """Encode each (source, output) on the workers of the Dask ``scheduler`` (dask://HOST:PORT), and yield a report or a
    failure for each as soon as it is done. A worker takes one picture at a time, with all its threads.

    Raises as :func:`repro.cluster.connect`, also if a worker has another version of this package or of the model.
    """
    own = None if settings.model in models.shipped() else settings.model
    sources = {str(output): (source, output) for source, output in pairs}
    with cluster.connect(scheduler, partial(_installed, own), _take_threads) as there:
        ended = there.each(partial(_encode, settings), sources, partial(_load, settings), ahead=_AHEAD)
        for name, outcome in ended:
            source, output = sources[name]
            if isinstance(outcome, Exception):
                outcome = Failure(str(source), _naming(source, outcome))
            yield outcome if isinstance(outcome, Failure) else attempt(str(source), partial(_write, output, *outcome))


def _load(settings: Settings, pair: tuple[Path, Path]) -> tuple[str, str, bytes]:
    """Return what is sent to a worker: the names of source and output, and the source's bytes."""
    source, output = pair
    check_output(source, output, settings.overwrite)
    return str(source), str(output), read_bytes(source)


def _encode(settings: Settings, sent: tuple[str, str, bytes]) -> tuple[bytes, Report] | Failure:
    """Encode one picture; runs on the worker."""
    source, output, data = sent
    return attempt(source, lambda: encode_source(data, settings, source, output))


def _write(output: Path, data: bytes, report: Report) -> Report:
    atomic_write(output, data)
    return report


def _naming(source: Path, error: Exception) -> str:
    text = str(error)
    return text if isinstance(error, ReproError) and str(source) in text else f"{source}: {text}"


def _take_threads(nthreads: int) -> None:
    os.environ[threads.VARIABLE] = str(nthreads)


def _installed(model: str | None) -> cluster.View:
    """Return what must be the same here and on a worker. ``model``: the path of one that is not shipped, or None."""
    seen = {"repro": f"{repro.__version__} ({_digest(Path(repro.__file__).parent)})"}
    view = {"install the same version there": seen}
    if model is not None:
        view["copy the model to that path there"] = {f"model {model}": _digest(Path(model))}
    return view


def _digest(path: Path) -> str:
    """Return the SHA-256 (8 hex digits) of a file, or of all files in a folder; ``"missing"`` without any."""
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    sha = hashlib.sha256()
    for file in found:
        if file.is_file() and "__pycache__" not in file.parts:
            sha.update(str(file.relative_to(path)).encode() + file.read_bytes())
    return sha.hexdigest()[:8] if any(file.is_file() for file in found) else "missing"
