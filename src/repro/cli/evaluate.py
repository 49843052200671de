"""``repro evaluate``: the bits of a JPEG file, and how far it is from its original."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from repro import progress
from repro.cli.printer import say, to_json
from repro.errors import ReproError, UsageError, one_line

if TYPE_CHECKING:
    import numpy as np

#: column title → key of a measurement, format
_COLUMNS = {
    "bpp": ("bpp", ".4f"),
    "MSE": ("mse", ".2f"),
    "PSNR dB": ("psnr", ".2f"),
    "PSNR-Y dB": ("psnr_y", ".2f"),
    "LPIPS": ("lpips", ".4f"),
    "MS-SSIM": ("ms_ssim", ".4f"),
    "SSIMULACRA 2": ("ssimulacra2", ".2f"),
}


def evaluate(
    files: Annotated[
        list[Path], typer.Argument(metavar="ORIGINAL JPEG [ORIGINAL JPEG]...", help="Pairs of original and JPEG file.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """Measure JPEG files against their originals.

    Bits per pixel, MSE, PSNR, LPIPS, MS-SSIM and SSIMULACRA 2 are measured, on the pictures as viewers show them:
    upright, and in sRGB where a file has a colour profile.
    """
    if len(files) % 2:
        raise UsageError(f"{files[-1]}: is not part of a pair; give pairs: ORIGINAL JPEG [ORIGINAL JPEG]...")
    rows = [_measure(original, jpeg) for original, jpeg in zip(files[::2], files[1::2], strict=True)]
    if as_json:
        typer.echo(to_json([_finite(row) for row in rows], indent=2))
        return
    names = [one_line(row["file"]) for row in rows]
    width = max(len("file"), *map(len, names))
    typer.echo(f"{'file':{width}}  " + "  ".join(f"{title:>9}" for title in _COLUMNS))
    for name, row in zip(names, rows, strict=True):
        cells = [
            f"{f'{row[key]:{form}}' if row[key] is not None else '–':>{max(9, len(title))}}"
            for title, (key, form) in _COLUMNS.items()
        ]
        say(f"{name:{width}}  " + "  ".join(cells))
    if any(row["ms_ssim"] is None for row in rows):
        typer.echo(
            "–: the picture is too small for this metric (LPIPS needs 31 px a side, SSIMULACRA 2 113, MS-SSIM 161)",
            err=True,
        )


def _measure(original: Path, jpeg: Path) -> dict[str, Any]:
    from repro.encoder.images import read_bytes
    from repro.evaluation import measure_many

    def show(data: bytes) -> np.ndarray:
        return _shown(data, str(jpeg))

    rgb, data = _shown(original, str(original)), read_bytes(jpeg)
    try:
        (row,) = measure_many(rgb, [data], more=["ssimulacra2"], show=show)
    except ReproError as error:
        raise ReproError(str(error) if str(error).startswith(f"{jpeg}: ") else f"{jpeg}: {error}") from error
    return {"file": str(jpeg), "original": str(original), **row}


def _shown(source: Path | bytes, name: str) -> np.ndarray:
    """(H, W, 3) uint8, upright and in sRGB."""
    import numpy as np

    from repro.encoder.images import open_picture

    picture = open_picture(source, icc="srgb", name=name)
    for notice in picture.notices:
        progress.note(f"{name}: {notice}")
    samples = picture.samples
    return samples if samples.ndim == 3 else np.stack([samples] * 3, axis=-1)


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity: the PSNR of equal pictures becomes null."""
    return {key: None if value == float("inf") else value for key, value in row.items()}
