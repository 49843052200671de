"""``repro encode``: a photo, or a folder of photos, to standard JPEG files."""

from __future__ import annotations

import os
import re
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from repro import progress
from repro.cli.printer import Printer
from repro.errors import UsageError


def _input(text: str) -> Path:
    """The path that an argument names. ``./-`` is a file, although ``Path`` reduces it to ``-``, standard input."""
    if not text:
        raise UsageError("an input's name is empty; name a picture or a folder (. is the current one)")
    return Path(os.path.abspath(text)) if text != "-" and Path(text) == Path("-") else Path(text)


def encode(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            parser=_input,
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
            help="interleaved: progressive, in colour from the start. smallest: some tenths of a per cent smaller, "
            "but grey at first, and some embedded decoders refuse it. sequential: baseline."
        ),
    ] = "interleaved",
    subsampling: Annotated[
        Literal["auto", "4:2:0", "4:4:4"],
        typer.Option(help="Half of chroma's resolution, or all of it. auto: whichever is worth its bits."),
    ] = "auto",
    metadata: Annotated[
        Literal["none", "copyright", "all"],
        typer.Option(
            help="copyright: who made the photo and who may use it. all: EXIF, XMP, IPTC and comments, with the "
            "orientation reset and without the thumbnail."
        ),
    ] = "none",
    keep_smaller: Annotated[
        bool | None,
        typer.Option(
            "--keep-smaller/--no-keep-smaller",
            help="Copy the picture of a JPEG file that would grow instead of encoding it. [default: unless --bpp, "
            "--size or --subsampling is given]",
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Refuse a picture that is damaged or whose colours can only be guessed, and metadata that cannot be "
            "kept as asked, instead of encoding it with a note.",
        ),
    ] = False,
    max_pixels: Annotated[
        int | None, typer.Option(help="Refuse larger pictures. [default: Pillow's limit, 89478485]")
    ] = None,
    jobs: Annotated[
        int, typer.Option("-j", "--jobs", help="How many pictures to encode at once, each in a process.")
    ] = 1,
    scheduler: Annotated[
        str,
        typer.Option(
            help="local, or dask://HOST:PORT for a Dask cluster, over which several pictures are spread; results "
            "that exist are skipped."
        ),
    ] = "local",
    recursive: Annotated[
        bool, typer.Option("-r", "--recursive", help="Take sub-folders too, and make the same ones for the results.")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Skip pictures whose result exists, to go on with a folder.")
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
    from repro.cli import pictures
    from repro.encoder.batch import encode_files
    from repro.encoder.encode import Settings

    if output == "":
        raise UsageError("-o: its name is empty; name a JPEG file or a folder (. is the current one)")
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
        run = partial(encode_files, settings=settings, jobs=jobs)
        if scheduler != "local":
            from repro.encoder import cluster

            run = partial(cluster.encode_files, settings=settings, scheduler=scheduler)
        pictures.encode_many(inputs, output, settings, run, printer, skips=skips, recursive=recursive)
    else:
        pictures.encode_one(inputs[0], output, settings, printer, skips=skip_existing)


def _bytes_of(size: str) -> int:
    """200KB → 200,000; 200KiB → 204,800."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *([kmg]?)(i?)b?", size.strip().lower())
    if not found:
        raise UsageError(f"--size {size}: must be a number of bytes, such as 200KB, 1.5MB or 64KiB")
    number, unit, binary = found.groups()
    return int(Fraction(number) * (1024 if binary else 1000) ** " kmg".index(unit or " "))
