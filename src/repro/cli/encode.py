"""``repro encode``: a photo, or a folder of photos, to standard JPEG files."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from repro import progress
from repro.cli.printer import Printer
from repro.errors import ReproError, UsageError

if TYPE_CHECKING:
    from repro.encoder.batch import Failure
    from repro.encoder.encode import Report, Settings

_STDIN = "-"
_STDOUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


def encode(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="One or more pictures (any format that Pillow reads), or folders; - is standard input.",
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="<path>",
            help="The JPEG file, or a folder for it; for several inputs or a folder, the folder for the results. - is "
            "standard output.",
        ),
    ] = None,
    quality: Annotated[
        float | None, typer.Option(help="1 to 100, fractions allowed; about libjpeg's scale. [default: 75]")
    ] = None,
    bpp: Annotated[
        float | None, typer.Option(help="Instead of --quality: the largest file within this many bits per pixel.")
    ] = None,
    ssimulacra2: Annotated[
        float | None,
        typer.Option(
            help="Instead of --quality: the smallest file whose SSIMULACRA 2 is no less than this; 70 is high quality, "
            "90 looks the same."
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="<size>", help="Instead of --quality: the best file of at most this size, such as 200KB."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            help="trellis, tables or vgg16 (shipped), the folder of another model set, or FOLDER/model.safetensors "
            "from `repro train`."
        ),
    ] = "trellis",
    effort: Annotated[
        Literal["fast", "default", "best"],
        typer.Option(
            help="More effort gives better files. best takes 5 to 10 seconds a megapixel and needs PyTorch; only "
            "--model trellis has it."
        ),
    ] = "default",
    seconds: Annotated[
        float | None,
        typer.Option(help="Time limit of --effort best for each picture. [default: 10 a megapixel, at least 60]"),
    ] = None,
    icc: Annotated[
        Literal["keep", "srgb"], typer.Option(help="Keep an RGB colour profile, or convert the colours to sRGB.")
    ] = "keep",
    scans: Annotated[
        Literal["interleaved", "smallest", "sequential"],
        typer.Option(
            help="interleaved: progressive, in colour from the start. smallest: tenths of a per cent less, but grey at "
            "first, and some embedded decoders refuse it. sequential: baseline."
        ),
    ] = "interleaved",
    subsampling: Annotated[
        Literal["auto", "4:2:0", "4:4:4"],
        typer.Option(help="Half of chroma's resolution, or all of it. auto: as is worth its bits."),
    ] = "auto",
    metadata: Annotated[
        Literal["none", "copyright", "all"],
        typer.Option(
            help="copyright: who made the photo and who may use it. all: EXIF, XMP, IPTC and comments, with the "
            "orientation reset and without thumbnail."
        ),
    ] = "none",
    keep_smaller: Annotated[
        bool | None,
        typer.Option(
            "--keep-smaller/--no-keep-smaller",
            help="Copy a JPEG file's picture where it would grow. [default: unless --bpp, --size or --subsampling is "
            "given]",
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Refuse a picture that is damaged or whose colours can only be guessed, and metadata that cannot be "
            "kept as asked, instead of a note.",
        ),
    ] = False,
    max_pixels: Annotated[
        int | None, typer.Option(help="Stop at larger pictures. [default: Pillow's limit, 89478485]")
    ] = None,
    jobs: Annotated[
        int, typer.Option("-j", "--jobs", help="How many pictures to encode at once, each in a process.")
    ] = 1,
    scheduler: Annotated[
        str,
        typer.Option(
            help="local, or dask://HOST:PORT for a Dask cluster, over which several pictures are spread; what is there "
            "already is skipped."
        ),
    ] = "local",
    recursive: Annotated[
        bool, typer.Option("-r", "--recursive", help="Take sub-folders too, and make the same ones for the results.")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave pictures alone whose result exists: go on with a folder.")
    ] = False,
    force: Annotated[
        bool, typer.Option("-f", "--force", help="Replace existing files, even those not named with -o.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per file.")] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print errors only, and the progress bar in a terminal.")
    ] = False,
) -> None:
    """Encode pictures as standard JPEG files with learned quantisation tables.

    The orientation is applied, transparency becomes white, and all metadata but the colour profile and the density is
    dropped unless --metadata says otherwise. Without -o, photo.png becomes photo.jpg beside it, and standard input goes
    to standard output. An existing file is replaced if you name it with -o FILE, any other only with --force, and the
    input itself never.
    """
    progress.quiet = quiet
    from repro.encoder.encode import Settings

    several = len(inputs) > 1 or os.path.isdir(inputs[0])
    into_folder = output is not None and (os.path.isdir(output) or output.endswith(os.sep))
    printer = Printer(json=json, quiet=quiet)
    settings = Settings(
        quality=quality,
        bpp=bpp,
        ssimulacra2=ssimulacra2,
        model=model,
        icc=icc,
        scans=scans,
        max_pixels=max_pixels,
        overwrite=force or not (output is None or several or into_folder),
        effort=effort,
        seconds=seconds,
        size=None if size is None else _bytes_of(size),
        keep_smaller=keep_smaller,
        subsampling=subsampling,
        metadata=metadata,
        strict=strict,
    )
    if jobs < 1:
        raise UsageError(f"--jobs {jobs}: must be 1 or more")
    if scheduler != "local" and (jobs > 1 or not several):
        raise UsageError("--scheduler: spreads several pictures or a folder, one at a time on each worker; no --jobs")
    if skip_existing and force:
        raise UsageError("--skip-existing and --force: give only one of them")
    if several:
        skips = skip_existing or (scheduler != "local" and not force)
        if _STDIN in map(str, inputs):
            raise UsageError("-: standard input is one picture; encode it alone")
        _encode_many(
            inputs, None if output is None else Path(output), settings, jobs, scheduler, skips, recursive, printer
        )
    else:
        _encode_one(inputs[0], output, settings, skip_existing, printer)


def _bytes_of(size: str) -> int:
    """200KB → 200,000; 200KiB → 204,800."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *([kmg]?)(i?)b?", size.strip().lower())
    if not found:
        raise UsageError(f"--size {size}: must be a number of bytes, such as 200KB, 1.5MB or 64KiB")
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** " kmg".index(unit or " "))


def _encode_one(source: Path, output: str | None, settings: Settings, skips: bool, printer: Printer) -> None:
    """From a file or standard input, to a file or standard output."""
    from repro.encoder.encode import encode_source
    from repro.encoder.images import read_all
    from repro.encoder.places import check_output, is_done
    from repro.files import atomic_write

    piped = str(source) == _STDIN
    try:
        target = _output_of(source, output)
        printer.to_stderr = target is None
        if target is None and sys.stdout.isatty():
            raise UsageError("the picture would go to this terminal; name a file with -o, or redirect standard output")
        if skips and target is not None and is_done(target):
            progress.note(f"{target}: is there already; --force makes it again")
            return
        if target is not None:
            check_output(None if piped else source, target, settings.overwrite)
        name = "standard input" if piped else str(source)
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
    """Where the picture goes; None: to standard output."""
    from repro.files import is_stream, shortened

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
    """The folder, which is there now."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReproError(f"{folder}: cannot create this folder ({error.strerror}); name another with -o") from error
    return folder


def _encode_many(
    inputs: list[Path],
    output: Path | None,
    settings: Settings,
    jobs: int,
    scheduler: str,
    skips: bool,
    recursive: bool,
    printer: Printer,
) -> None:
    from repro.encoder import cluster
    from repro.encoder.batch import Failure, encode_files, name_outputs
    from repro.encoder.places import is_done

    if output is None:
        raise UsageError("several inputs or a folder: name a folder for the results with -o")
    settings.check_model()  # a wrong name is one error, not one per picture
    sources, below, unread = _collect(inputs, output, recursive)
    if not (sources or unread):
        raise ReproError(f"{', '.join(map(str, inputs))}: holds no pictures; name a folder that does")
    pairs = list(zip(sources, name_outputs(sources, output, below), strict=True))
    total = len(pairs) + len(unread)
    read = {os.path.realpath(source) for source in sources}
    if os.path.realpath(output) in {os.path.dirname(source) for source in read}:
        raise UsageError(f"{output}: is the folder of an input; name another with -o")
    for _, target in pairs:
        if os.path.realpath(target) in read:
            raise UsageError(f"{target}: is an input; name another folder for the results with -o")
    _made(output)
    if skips:
        pairs = _passed(pairs, lambda target: not is_done(target), unread)
        if len(pairs) + len(unread) < total:
            progress.note(
                f"{output}: has {total - len(pairs) - len(unread)} of the pictures; --force encodes them again"
            )
    pairs = _passed(pairs, lambda target: bool(_made(target.parent)), unread)
    for failure in unread:
        printer.failure(failure)
    if not (pairs or unread):
        return
    if scheduler == "local":
        results = encode_files(pairs, settings, jobs)
    else:
        results = cluster.encode_files(pairs, settings, scheduler)
    reports: list[Report] = []
    with progress.bar(len(pairs), "encode") as bar:
        for result in results:
            bar.clear()  # results are printed where the bar is
            if isinstance(result, Failure):
                printer.failure(result)
            else:
                reports.append(result)
                printer.report(result)
            bar.update()
    printer.summary(reports, len(pairs) + len(unread))


def _passed(
    pairs: list[tuple[Path, Path]], check: Callable[[Path], bool], failures: list[Failure]
) -> list[tuple[Path, Path]]:
    """The (source, target) for whose target ``check`` says yes; where it raises, that goes to ``failures``."""
    from repro.encoder.batch import Failure, attempt

    passed = []
    for source, target in pairs:
        found = attempt(str(source), partial(check, target))
        if isinstance(found, Failure):
            failures.append(found)
        elif found:
            passed.append((source, target))
    return passed


def _collect(inputs: list[Path], output: Path, recursive: bool) -> tuple[list[Path], list[Path], list[Failure]]:
    """Pictures, the folder in ``output`` that each goes to, and folders that cannot be read. Notes say what is left."""
    from repro.encoder.batch import pictures_in

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
