"""What ``repro encode`` does with one picture, and with many."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import typer

from repro import progress
from repro.cli.printer import Printer
from repro.encoder.batch import Failure, attempt, name_outputs, pictures_in
from repro.encoder.encode import Report, Settings, encode_source
from repro.encoder.images import read_all
from repro.encoder.places import check_output, is_done
from repro.errors import ReproError, UsageError
from repro.files import atomic_write, is_stream, shortened

_STDIN = "-"
_STDOUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


def encode_one(source: Path, output: str | None, settings: Settings, printer: Printer, *, skips: bool) -> None:
    """Encode a file or standard input to a file or standard output; do nothing if ``skips`` and the result exists."""
    piped = str(source) == _STDIN
    try:
        target = _output_of(source, output)
        printer.to_stderr = target is None
        if target is None and sys.stdout is None:
            raise ReproError("standard output: is closed; redirect it, or name a file with -o")
        if target is None and sys.stdout.isatty():
            raise UsageError("the picture would go to this terminal; name a file with -o, or redirect standard output")
        if skips and target is not None and is_done(target):
            progress.note(f"{target}: is there already; --force without --skip-existing makes it again")
            return
        if target is not None:
            check_output(None if piped else source, target, settings.overwrite)
        name = "standard input" if piped else str(source)
        if piped and sys.stdin is None:
            raise ReproError("standard input: is closed; redirect it, or name a file")
        content = read_all(sys.stdin.buffer, name, "check what writes into it") if piped else source
        data, report = encode_source(content, settings, name, "standard output" if target is None else str(target))
        if target is None:
            typer.echo(data, nl=False)
        else:
            atomic_write(target, data)
    except ReproError as error:
        printer.failure_object(str(source), str(error))
        raise
    printer.report(report)


def _output_of(source: Path, output: str | None) -> Path | None:
    """Where the picture goes; None for standard output."""
    nameless = str(source) == _STDIN or is_stream(source)
    if output in _STDOUT or (output is None and str(source) == _STDIN):
        return None
    if output is None:
        if nameless:
            raise UsageError(f"{source}: is a pipe; name the JPEG file with -o")
        return source.with_name(shortened(source.stem, ".jpg"))
    if not (os.path.isdir(output) or output.endswith(os.sep)):
        return Path(output)
    if nameless:
        raise UsageError(f"{output}: is a folder; name a file in it, such as {Path(output) / 'photo.jpg'}")
    folder = _made(Path(output))
    return folder / shortened(source.stem, ".jpg")


def _made(folder: Path) -> Path:
    """Make the folder if it is missing, and return it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReproError(f"{folder}: cannot create this folder ({error.strerror}); name another with -o") from error
    return folder


def encode_many(
    inputs: list[Path],
    output: str | None,
    settings: Settings,
    run: Callable[[list[tuple[Path, Path]]], Iterator[Report | Failure]],
    printer: Printer,
    *,
    skips: bool,
    recursive: bool,
) -> None:
    """Encode files and folders into a folder, which gets their tree if ``recursive``; ``run`` encodes (source, target).

    Existing results are left alone if ``skips``. Raises :class:`ReproError` at the end if a picture failed.
    """
    if _STDIN in map(str, inputs):
        raise UsageError("-: standard input is one picture; encode it alone")
    if output is None or output in _STDOUT:
        raise UsageError("several inputs or a folder: name a folder for the results with -o")
    folder = Path(output)
    settings.check_model()  # a wrong name is one error, not one per picture
    sources, below, unread = _collect(inputs, folder, recursive)
    if not (sources or unread):
        raise ReproError(f"{', '.join(map(str, inputs))}: holds no pictures; name a folder that does")
    pairs = list(zip(sources, name_outputs(sources, folder, below), strict=True))
    total = len(pairs) + len(unread)
    read = {os.path.realpath(source) for source in sources}
    if os.path.realpath(folder) in {os.path.dirname(source) for source in read}:
        raise UsageError(f"{output}: is the folder of an input; name another with -o")
    for _, target in pairs:
        if os.path.realpath(target) in read:
            raise UsageError(f"{target}: is an input; name another folder for the results with -o")
    _made(folder)
    if skips:
        pairs = _passed(pairs, lambda target: not is_done(target), unread)
        if len(pairs) + len(unread) < total:
            done = total - len(pairs) - len(unread)
            progress.note(f"{output}: has {done} of the pictures; --force without --skip-existing encodes them again")
    pairs = _passed(pairs, lambda target: bool(_made(target.parent)), unread)
    for failure in unread:
        printer.failure(failure)
    if not (pairs or unread):
        return
    targets = {str(source): target for source, target in pairs}
    reports: list[Report] = []
    total = len(pairs) + len(unread)
    with progress.bar(len(pairs), "encode") as bar:
        for result in run(pairs):
            bar.clear()  # results are printed where the bar is
            if isinstance(result, Failure) and skips and targets[result.input].exists():
                total -= 1  # another process has made it in the meantime
            elif isinstance(result, Failure):
                printer.failure(result)
            else:
                reports.append(result)
                printer.report(result)
            bar.update()
    printer.summary(reports, total)


def _passed(
    pairs: list[tuple[Path, Path]], check: Callable[[Path], bool], failures: list[Failure]
) -> list[tuple[Path, Path]]:
    """The pairs (source, target) whose target passes ``check``; what it raises is appended to ``failures``."""
    passed = []
    for source, target in pairs:
        found = attempt(str(source), partial(check, target))
        if isinstance(found, Failure):
            failures.append(found)
        elif found:
            passed.append((source, target))
    return passed


def _collect(inputs: list[Path], output: Path, recursive: bool) -> tuple[list[Path], list[Path], list[Failure]]:
    """Pictures, the sub-folder of ``output`` for each, and unreadable folders. Notes say what was left alone."""
    sources: list[Path] = []
    below: list[Path] = []
    unread: list[Failure] = []
    for path in inputs:
        if not os.path.isdir(path):
            sources.append(path)
            below.append(Path())
            continue
        if len(inputs) > 1 and os.path.realpath(path) == os.path.realpath(output):
            progress.note(f"{path}: is the folder for the results; left alone")
            continue
        found = pictures_in(path, recursive=recursive, but=output)
        sources += found.pictures
        below += [picture.parent.relative_to(path) for picture in found.pictures]
        unread += found.unread
        if found.left_alone:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.left_alone.items()))
            progress.note(f"{path}: left alone: {kinds}")
        if not (found.pictures or found.unread):
            progress.note(f"{path}: holds no pictures")
    return sources, below, unread
