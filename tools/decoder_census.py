"""Whether common decoders make the same pixels of the encoder's files: a table; data/results/decoders.json.

    python tools/decoder_census.py               # all 300 files, about a quarter of an hour on two cores
    python tools/decoder_census.py --files 30    # fewer, spread over all; nothing is kept unless --out says where

Each file is compared with one that libjpeg wrote of the same picture, with the same subsampling at the same quality: if
decoders differ from each other on that one, it is no fault of ours. A decoder that is not on the machine gets a row
that says so.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from PIL import ImageFile

from decoder_files import Case, Fault, File, cases, icc_profile
from decoders import Decoder, every
from repro.errors import ReproError
from repro.experiments.store import Store
from repro.files import atomic_write
from repro.progress import track
from repro.runtime import provenance

RESULT = "results/decoders.json"


@dataclass(frozen=True)
class Finding:
    """What one decoder makes of one file: its distance from Pillow on our file and on libjpeg's, or what is wrong.

    ``progressive``: whether our file is; small ones are sequential if that takes less.
    """

    decoder: str
    case: Case
    progressive: bool = False
    distance: int | None = None
    of_libjpeg: int | None = None
    fault: str | None = None


@contextmanager
def installed() -> Iterator[list[Decoder]]:
    """All decoders on this machine."""
    with ExitStack() as stack:
        found = [stack.enter_context(closing(make())) for make in every()]
        yield [decoder for decoder in found if decoder.version() is not None]


def decode_with(
    case: Case, data: bytes, decoders: Iterable[Decoder], folder: Path, *, twin: bool = True, jobs: int = 4
) -> list[Finding]:
    """What ``decoders`` make of ``data``, the file of ``case``, with ``jobs`` of them at a time.

    With ``twin``, decoders that need not agree with Pillow in every bit decode libjpeg's file, too.
    """
    ours = _file(folder / "ours.jpg", data)
    theirs = _file(folder / "libjpeg.jpg", of_libjpeg(case, ours)) if twin else None
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda decoder: _found(decoder, case, ours, theirs), decoders))


def _found(decoder: Decoder, case: Case, ours: File, theirs: File | None) -> Finding:
    try:
        of_libjpeg_file = decoder.distance(theirs) if theirs and decoder.limit else None
    except Fault:  # on libjpeg's file; our own file is judged all the same
        of_libjpeg_file = None
    try:
        if decoder.name == "Pillow":
            check_header(case, ours)
        distance = decoder.distance(ours)
    except Fault as fault:
        return Finding(decoder.name, case, ours.progressive, None, of_libjpeg_file, str(fault))
    far = decoder.limit is not None and distance > decoder.limit
    fault_text = f"is {distance} from Pillow, more than {decoder.limit}" if far else None
    return Finding(decoder.name, case, ours.progressive, distance, of_libjpeg_file, fault_text)


def check_header(case: Case, file: File) -> None:
    """Raises :class:`Fault` if the file is not of the kind that was asked for."""
    image = file.opened()
    if image.size != (case.width, case.height):
        raise Fault(f"is of {image.size[0]}×{image.size[1]} pixels")
    if image.mode != ("L" if case.grey else "RGB"):
        raise Fault(f"is of mode {image.mode}")
    if file.progressive and case.scans == "sequential":  # not the reverse: sequential may be smaller
        raise Fault("is progressive")
    one_block = max(image.size) <= 8  # per component, whatever was asked for
    half = case.subsampling == "4:2:0" and not one_block
    if not case.grey and case.subsampling != "auto" and file.subsampled != half:
        raise Fault("has another subsampling")
    if image.info.get("icc_profile") != (icc_profile(case.profile) if case.profile else None):
        raise Fault("has another colour profile")
    if case.metadata and not all(image.info.get(kind) for kind in ("exif", "xmp", "photoshop")):
        raise Fault("lacks metadata")


def of_libjpeg(case: Case, ours: File) -> bytes:
    """libjpeg's file of the picture, with the subsampling of ``ours``, at the nearest whole quality."""
    stream, image = io.BytesIO(), case.image()
    # Pillow's buffer must hold the whole file if scans are progressive, and is too small for noise.
    with mock.patch.object(ImageFile, "MAXBLOCK", 2**20 + 6 * case.width * case.height):
        image.save(
            stream,
            "JPEG",
            quality=round(case.quality),
            progressive=case.scans != "sequential",
            icc_profile=image.info.get("icc_profile"),
            **({} if case.grey else {"subsampling": "4:2:0" if ours.subsampled else "4:4:4"}),
        )
    return stream.getvalue()


def _file(path: Path, data: bytes) -> File:
    path.write_bytes(data)
    return File(path)


def table(findings: Sequence[Finding], decoders: Iterable[Decoder]) -> list[dict[str, Any]]:
    """A row for each decoder: how many files it took, how many were sound, the largest distances."""
    rows = []
    for decoder in decoders:
        own = [f for f in findings if f.decoder == decoder.name]
        row = {"name": decoder.name, "version": decoder.version(), "built_on": decoder.built_on, "files": len(own)}
        row["sound"] = sum(f.fault is None for f in own)
        if decoder.limit is not None:
            row["furthest"] = max((f.distance for f in own if f.distance is not None), default=None)
            row["limit"], row["chroma"] = decoder.limit, decoder.chroma
        if decoder.limit:
            row["furthest_of_libjpeg"] = max((f.of_libjpeg for f in own if f.of_libjpeg is not None), default=None)
        rows.append(row)
    return rows


def summary(findings: Iterable[Finding]) -> dict[str, Any]:
    """What kinds of files there were."""
    made = {one.case: one.progressive for one in findings}
    pixels = [case.width * case.height for case in made]
    return {
        "count": len(made),
        "efforts": dict(Counter(f"{case.model} {case.effort}" for case in made)),
        "contents": dict(Counter(case.content for case in made)),
        "grey": sum(case.grey for case in made),
        "scans": dict(Counter(case.scans for case in made)),
        "subsamplings": dict(Counter(case.subsampling for case in made if not case.grey)),
        "progressive": sum(made.values()),
        "metadata": sum(case.metadata for case in made),
        "profiles": sum(case.profile is not None for case in made),
        "qualities": sorted({case.quality for case in made}),
        "pixels": [min(pixels), max(pixels)],
    }


def report(rows: Iterable[dict[str, Any]]) -> str:
    """The table for a terminal."""
    keys = ("name", "version", "files", "sound", "furthest", "furthest_of_libjpeg", "limit")
    lines = [["decoder", "version", "files", "sound", "furthest", "libjpeg's", "limit"]]
    lines += [[str(row.get(key, "–")) for key in keys] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def main() -> int:
    """Encode, decode, print and store; return 1 if a decoder found a fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, help="how many, spread over all (all)")
    parser.add_argument("--jobs", type=int, default=4, help="how many decoders work at a time (4)")
    parser.add_argument("--out", type=Path, help="where the result is kept")
    options = parser.parse_args()
    files = cases()
    count = len(files) if options.files is None else max(1, min(options.files, len(files)))
    chosen = [files[n * len(files) // count] for n in range(count)]
    out = options.out or (Store.default().data / RESULT if count == len(files) else None)
    start = time.monotonic()
    findings: list[Finding] = []
    with installed() as decoders, tempfile.TemporaryDirectory(prefix="repro-decoders-") as name:
        for case in track(chosen, "decode"):
            try:
                data = case.encoded()
            except ReproError as error:
                findings.append(Finding("the encoder", case, fault=str(error)))
            else:
                findings += decode_with(case, data, decoders, Path(name), jobs=options.jobs)
        rows = table(findings, decoders)
    missing = [name for name in (make().name for make in every()) if name not in {row["name"] for row in rows}]
    faults = [{"decoder": f.decoder, "file": str(f.case), "fault": f.fault} for f in findings if f.fault]
    print(report(rows))
    for name in missing:
        print(f"{name}: not at hand")
    for fault in faults:
        print(f"{fault['decoder']}: {fault['file']}: {fault['fault']}", file=sys.stderr)
    if out:
        result = {"decoders": rows, "missing": missing, "files": summary(findings), "faults": faults}
        result["seconds"] = round(time.monotonic() - start)
        atomic_write(out, json.dumps(result | {"provenance": provenance()}, indent=1, ensure_ascii=False) + "\n")
    return int(bool(faults))


if __name__ == "__main__":
    raise SystemExit(main())
