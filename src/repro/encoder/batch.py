"""Encode many pictures: find them, name the results, and use several processes; one failure does not stop the rest."""

from __future__ import annotations

import multiprocessing
import os
import signal
import unicodedata
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from repro import threads
from repro.encoder import formats
from repro.encoder.encode import Report, Settings, encode_file
from repro.errors import ReproError
from repro.files import shortened
from repro.workers import end_with_program

T = TypeVar("T")


@dataclass(frozen=True)
class Failure:
    """A picture that was not encoded, or a folder that was not read, and the reason in one line."""

    input: str
    error: str


class Found(NamedTuple):
    """The pictures in a folder and below it, in order; how many files and folders of each kind were skipped; and
    folders that cannot be read."""

    pictures: list[Path]
    left_alone: Counter[str]
    unread: list[Failure]


def pictures_in(folder: Path, *, recursive: bool = False, but: Path | None = None) -> Found:
    """Find the files in ``folder`` whose extension belongs to a format that Pillow decodes, sorted; with ``recursive``,
    those in its sub-folders too. Hidden files and the folder ``but`` are skipped. Links to folders are not followed,
    since they may form a cycle."""
    endings = formats.readable_endings()
    found = Found([], Counter(), [])
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        what = f"{folder}: this folder cannot be read ({error.strerror}); check its permissions"
        found.unread.append(Failure(str(folder), what))
        return found
    for path in entries:
        is_file = os.path.isfile(path)  # unlike Path.is_file, False if access is denied
        if path.name.startswith("."):
            found.left_alone["hidden"] += 1
        elif os.path.isdir(path):
            if but is not None and os.path.realpath(path) == os.path.realpath(but):
                continue
            if recursive and not path.is_symlink():
                below = pictures_in(path, recursive=True, but=but)
                found.pictures.extend(below.pictures)
                found.left_alone.update(below.left_alone)
                found.unread.extend(below.unread)
            else:
                found.left_alone["link to a folder" if recursive else "folder"] += 1
        elif is_file and path.suffix.lower() in endings:
            found.pictures.append(path)
        else:
            kind = path.suffix.lower() or "without ending"
            found.left_alone[kind if is_file else "no regular file"] += 1
    return found


def name_outputs(sources: Sequence[Path], folder: Path, below: Sequence[Path] | None = None) -> list[Path]:
    """Return one path in ``folder`` per source: ``a.png`` → ``a.jpg``, or ``a.png.jpg`` if several sources share the
    stem ``a``, then ``a.png-2.jpg``. ``below``: for each source, the sub-folder of ``folder`` for its output.

    Names that differ only in case or in Unicode normalisation count as equal: some file systems cannot tell them apart.
    """
    places = [folder / place for place in below] if below else [folder] * len(sources)
    stems = Counter(_key(place / source.stem) for place, source in zip(places, sources, strict=True))
    taken: set[str] = set()
    outputs = []
    for place, source in zip(places, sources, strict=True):
        base = source.stem if stems[_key(place / source.stem)] == 1 else source.name
        name, number = shortened(base, ".jpg"), 2
        while _key(place / name) in taken:
            name, number = shortened(base, f"-{number}.jpg"), number + 1
        taken.add(_key(place / name))
        outputs.append(place / name)
    return outputs


def _key(path: Path) -> str:
    """A key that is equal for paths that some file system treats as the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", str(path)).casefold())


def encode_files(pairs: Sequence[tuple[Path, Path]], settings: Settings, jobs: int = 1) -> Iterator[Report | Failure]:
    """Encode each (source, output) in up to ``jobs`` processes; yield a report or a failure for each, as it is done."""
    jobs = min(jobs, len(pairs))
    if jobs <= 1:
        for source, output in pairs:
            yield _attempt(source, output, settings)
    else:
        yield from _in_processes(pairs, settings, jobs)


def _in_processes(pairs: Sequence[tuple[Path, Path]], settings: Settings, jobs: int) -> Iterator[Report | Failure]:
    """As :func:`encode_files`. If a process is killed, the pictures that it may have been working on are encoded again,
    one at a time, so that only the picture that caused it fails."""
    left = pairs
    while left:
        left = yield from _until_one_stops(left, settings, jobs)
        if left and jobs == 1:
            name = str(left[0][0])
            yield Failure(name, f"{name}: its process was stopped (out of memory?); shrink it")
            left = left[1:]
        elif left:
            yield from _in_processes(left[:jobs], settings, 1)  # pictures are started in order
            left = left[jobs:]


def _until_one_stops(
    pairs: Sequence[tuple[Path, Path]], settings: Settings, jobs: int
) -> Generator[Report | Failure, None, list[tuple[Path, Path]]]:
    """Yield a report or a failure for each of ``pairs``; return those left over, in order, if a process is killed."""
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    futures: dict[Future[Report | Failure], tuple[Path, Path]] = {}
    done = set()
    with ProcessPoolExecutor(jobs, context, initializer=_begin_worker, initargs=(jobs,)) as pool:
        with _ctrl_c_held(), suppress(BrokenProcessPool):
            for pair in pairs:
                futures[pool.submit(_attempt, *pair, settings)] = pair
        try:
            for future in as_completed(futures):
                with suppress(BrokenProcessPool):
                    yield future.result()
                    done.add(futures[future])
        except BaseException:  # Ctrl-C: start nothing new
            pool.shutdown(cancel_futures=True)
            raise
    return [pair for pair in pairs if pair not in done]


@contextmanager
def _ctrl_c_held() -> Iterator[None]:
    """Ctrl-C reaches every process of a command. Processes started in this context never see it: they finish their
    current file."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _attempt(source: Path, output: Path, settings: Settings) -> Report | Failure:
    return attempt(str(source), lambda: encode_file(source, output, settings))


def attempt(name: str, work: Callable[[], T]) -> T | Failure:
    """Return the result of ``work`` for the picture called ``name``, or a failure that says what went wrong."""
    try:
        return work()
    except ReproError as error:
        return Failure(name, str(error))
    except MemoryError:
        return Failure(name, f"{name}: out of memory; shrink it or try fewer --jobs")
    except Exception as error:
        what = " ".join(str(error).split())
        return Failure(name, f"{name}: unexpected {type(error).__name__}: {what}; try it alone")


def _begin_worker(jobs: int) -> None:
    """Make the worker exit with its parent and use its share of the processors. PyTorch, imported later, reads the
    variable too."""
    end_with_program()
    os.environ[threads.VARIABLE] = str(max(1, threads.available() // jobs))
