"""Whether files of every kind, of all formats that are read, are read correctly or refused with one line.

    python tools/format_census.py    # data/results/formats.json; half a minute

The files show a known picture. They are written by libraries other than Pillow, or here from the specification.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import format_bitmaps as bitmaps
import format_rasters as rasters
import format_tiff as tiff
from format_pictures import Case
from repro.encoder.images import open_picture
from repro.errors import ReproError
from repro.experiments.store import Store
from repro.files import atomic_write
from repro.runtime import provenance

#: Functions that make files, by format.
FORMATS: dict[str, tuple[Callable[[], Iterator[Case]], ...]] = {
    "TIFF": (
        tiff.tiff_grey,
        tiff.tiff_palette,
        tiff.tiff_channels,
        tiff.tiff_fax,
        tiff.tiff_jpeg,
        tiff.tiff_ycbcr,
        tiff.tiff_lab,
        tiff.tiff_rare,
        tiff.tiff_orientations,
    ),
    "PNG": (rasters.png_kinds,),
    "JPEG": (rasters.jpeg_kinds,),
    "JPEG 2000": (rasters.jpeg2000_kinds,),
    "AVIF": (rasters.avif_kinds,),
    "WebP": (rasters.webp_kinds,),
    "BMP": (bitmaps.bmp_kinds,),
    "TGA": (bitmaps.tga_kinds,),
    "DDS": (bitmaps.dds_kinds,),
    "Netpbm": (bitmaps.netpbm_kinds,),
    "SGI": (bitmaps.sgi_kinds,),
    "Sun": (bitmaps.sun_kinds,),
    "PCX": (bitmaps.pcx_kinds,),
    "PSD": (bitmaps.psd_kinds,),
    "others": (bitmaps.other_kinds,),
}


def outcome(case: Case) -> str:
    """``"right"``, ``"refused"``, or what is wrong."""
    try:
        picture = open_picture(case.data, name="picture", icc="srgb")
    except ReproError as error:
        if "\n" in str(error) or not str(error).startswith("picture: "):
            return f"refused, but not with one line: {error}"
        return "refused" if case.rare else f"refused: {error}"
    samples, shown = picture.samples.astype(float), case.shown * 255
    if any("damaged" in notice for notice in picture.notices):
        return f"said to be damaged: {picture.notices}"
    if samples.ndim != shown.ndim:
        samples, shown = (np.dstack([s] * 3) if s.ndim == 2 else s for s in (samples, shown))
    if samples.shape != shown.shape:
        return f"has shape {samples.shape}"
    furthest = np.abs(samples - shown).max()
    return "right" if furthest <= case.tolerance else f"{furthest:.0f} levels wrong"


def census(name: str) -> tuple[Counter[str], list[str]]:
    """How many files of a format are right and refused, and what is wrong with the others."""
    outcomes = [(case.kind, outcome(case)) for make in FORMATS[name] for case in make()]
    wrong = [f"{kind}: {what}" for kind, what in outcomes if what not in ("right", "refused")]
    return Counter(what for _, what in outcomes if what in ("right", "refused")), wrong


def main() -> None:
    """Print and store a row for each format."""
    rows: list[dict[str, Any]] = []
    start = time.process_time()
    for name in FORMATS:
        counts, wrong = census(name)
        rows.append({"format": name, "right": counts["right"], "refused": counts["refused"], "wrong": wrong})
        print(f"{name:12} {counts['right']:5} right {counts['refused']:5} refused {len(wrong):3} wrong")
    result: dict[str, Any] = {"formats": rows, "seconds": round(time.process_time() - start)}
    result["provenance"] = provenance()
    atomic_write(Store.default().data / "results/formats.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    sys.exit(any(row["wrong"] for row in rows))


if __name__ == "__main__":
    main()
