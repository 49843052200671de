"""``repro encode``: a photo, or a folder of photos, to standard JPEG files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from repro import progress
from repro.errors import ReproError, UsageError

if TYPE_CHECKING:
    from repro.encoder.batch import Failure
    from repro.encoder.encode import Report, Settings


def encode(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT...", help="One or more pictures (any format that Pillow reads), or a folder."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="The JPEG file; for several inputs or a folder, the folder for the results."
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
            help="More effort gives better files. best takes up to a minute and needs PyTorch; only --model trellis "
            "has it."
        ),
    ] = "default",
    seconds: Annotated[
        float | None, typer.Option(help="Time limit of --effort best for each picture. [default: 60]")
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

    The orientation is applied, transparency becomes white, and all metadata but the colour profile is dropped. Without
    -o, photo.png becomes photo.jpg beside it. An existing file is replaced if you name it with -o FILE, any other only
    with --force, and the input itself never.
    """
    progress.quiet = quiet
    from repro.encoder.encode import Settings
    from repro.encoder.images import MAX_PIXELS

    several = len(inputs) > 1 or inputs[0].is_dir()
    printer = _Printer(json=json, quiet=quiet)
    settings = Settings(
        quality=quality,
        bpp=bpp,
        ssimulacra2=ssimulacra2,
        model=model,
        icc=icc,
        scans=scans,
        max_pixels=MAX_PIXELS if max_pixels is None else max_pixels,
        overwrite=force or (output is not None and not several),
        effort=effort,
        seconds=seconds,
    )
    if jobs < 1:
        raise UsageError(f"--jobs {jobs}: must be 1 or more")
    if scheduler != "local" and (jobs > 1 or not several):
        raise UsageError("--scheduler: spreads several pictures or a folder, one at a time on each worker; no --jobs")
    if skip_existing and (force or not several):
        raise UsageError("--skip-existing: goes on with several pictures or a folder, and not with --force")
    if several:
        skips = skip_existing or (scheduler != "local" and not force)
        _encode_many(inputs, output, settings, jobs, scheduler, skips, printer)
    else:
        _encode_one(inputs[0], output, settings, printer)


def _encode_one(source: Path, output: Path | None, settings: Settings, printer: _Printer) -> None:
    from repro.encoder.encode import encode_file

    try:
        printer.report(encode_file(source, output or source.with_suffix(".jpg"), settings))
    except ReproError as error:
        printer.failure_object(str(source), str(error))
        raise


def _encode_many(
    inputs: list[Path],
    output: Path | None,
    settings: Settings,
    jobs: int,
    scheduler: str,
    skips: bool,
    printer: _Printer,
) -> None:
    from repro.encoder import cluster
    from repro.encoder.batch import Failure, encode_files, name_outputs, pictures_in

    if output is None:
        raise UsageError("several inputs or a folder: name a folder for the results with -o")
    settings.check_model()  # a wrong name is one error, not one per picture
    sources: list[Path] = []
    for path in inputs:
        found, others = pictures_in(path) if path.is_dir() else ([path], 0)
        sources += found
        if others:
            progress.note(f"{path}: {others} other files and folders skipped")
    if output.resolve() in {source.resolve().parent for source in sources}:
        raise UsageError(f"{output}: is the folder of an input; name another with -o")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReproError(f"{output}: cannot create this folder ({error.strerror}); name another with -o") from error
    pairs = list(zip(sources, name_outputs(sources, output), strict=True))
    if skips:
        due = [pair for pair in pairs if not pair[1].exists()]
        if len(due) < len(pairs):
            progress.note(f"{output}: has {len(pairs) - len(due)} of the pictures; --force encodes them again")
        pairs = due
    if not pairs:
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
    printer.summary(reports, len(pairs))


class _Printer:
    """Results to standard output, notices and errors to standard error."""

    def __init__(self, *, json: bool, quiet: bool) -> None:
        self.json, self.quiet = json, quiet

    def report(self, report: Report) -> None:
        for notice in report.notices:
            progress.note(f"{report.input}: {notice}")
        if self.json:
            self._object(report.as_dict())
        elif not self.quiet:
            quality = "" if report.quality is None else f"quality {report.quality:g}, "
            score = "" if report.ssimulacra2 is None else f"SSIMULACRA 2 {report.ssimulacra2:.2f}, "
            typer.echo(
                f"{report.output}: {report.width}×{report.height} pixels, {report.bytes} bytes, {report.bpp:.3f} bpp, "
                f"{quality}{score}{report.seconds:.2f} s"
            )

    def failure(self, failure: Failure) -> None:
        self.failure_object(failure.input, failure.error)
        typer.echo(f"repro: {failure.error}", err=True)

    def failure_object(self, source: str, error: str) -> None:
        if self.json:
            self._object({"input": source, "error": error})

    def summary(self, reports: list[Report], total: int) -> None:
        """The last line; an error if a file failed."""
        if len(reports) < total:
            raise ReproError(f"{total - len(reports)} of {total} pictures failed; the lines above say why")
        if not (self.json or self.quiet):
            size = sum(report.bytes for report in reports)
            bpp = 8 * size / sum(report.width * report.height for report in reports)
            typer.echo(f"{total} pictures, {size} bytes, {bpp:.3f} bpp")

    @staticmethod
    def _object(content: dict[str, object]) -> None:
        import json

        typer.echo(json.dumps(content, ensure_ascii=False))
