"""Damaged pictures through the encoder: each becomes a sound JPEG or is refused in one line; data/results/fuzz.json.

    python tools/fuzz.py                # 20,000, about twenty minutes; then `tools/fuzz_parsers.py`
    python tools/fuzz.py --count 400    # fewer; nothing is kept unless --out says where
    python tools/fuzz.py --one 12345    # what becomes of one picture, which is put into _build/fuzz/

A number always stands for the same damaged picture (:mod:`fuzz_pictures`), and for the way it is encoded: from bytes,
from its path, or by the command ``repro encode`` from a folder.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fuzz_pictures import mutant, sound
from repro import cli
from repro.encoder.encode import Report, Scans, Settings, Subsampling, encode_file, encode_source
from repro.encoder.formats import readable_endings
from repro.encoder.metadata import Kept
from repro.encoder.profiles import Policy
from repro.errors import ReproError, one_line
from repro.files import atomic_write
from repro.progress import track

COUNT = 20_000
#: Limits for one picture: seconds of CPU time, bytes of memory of the whole process, pixels beyond which it is refused.
SECONDS, MEMORY, MAX_PIXELS = 10, 1 << 30, 2_000_000
#: Seconds of wall time, on a machine that also has other work, after which a picture is given up.
_PATIENCE = 600
#: Pictures per process.
_BLOCK = 2000


@dataclass(frozen=True)
class Outcome:
    """What became of damaged picture ``number``: "encoded", "encoded with a note", "refused" or "fault".

    ``seconds`` of CPU time; ``mib``: the process's peak memory.
    """

    number: int
    kind: str
    outcome: str
    says: str = ""
    seconds: float = 0.0
    mib: int = 0


class Fault(Exception):
    """What must not happen."""


#: How a picture may be encoded: the choices.
_METADATA: tuple[Kept, ...] = ("none", "copyright", "all")
_ICC: tuple[Policy, ...] = ("keep", "srgb")
_SCANS: tuple[Scans, ...] = ("interleaved", "sequential")
_SUBSAMPLING: tuple[Subsampling, ...] = ("auto", "4:2:0", "4:4:4")


# ---- one picture ----------------------------------------------------------------------------------------------------


def judge(number: int, folder: Path) -> Outcome:
    """Encode the damaged picture in ``folder``, which must be empty and is emptied afterwards."""
    kind, data = mutant(number)
    source, output, temporary = folder / "in" / _name(kind), folder / "out" / "mutant.jpg", folder / "tmp"
    for each in (source.parent, output.parent, temporary):
        each.mkdir()
    source.write_bytes(data)
    before, tempfile.tempdir = tempfile.tempdir, str(temporary)
    with _peak_counted() as peak, _printed(folder / "printed") as printed:
        start, outcome, says = time.process_time(), "", ""
        try:
            encoded, says = _encode(number, data, source, output, printed)
            outcome = "refused" if encoded is None else "encoded with a note" if says else "encoded"
            if encoded is not None:
                _check_picture(encoded, data)
        except Fault as fault:
            outcome, says = "fault", str(fault)
        except Exception as error:
            outcome, says = "fault", f"{type(error).__name__}: {error}"
        seconds = time.process_time() - start
    tempfile.tempdir = before
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    left -= {f"in/{source.name}", "out/mutant.jpg", "printed"}
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    wrong = {
        f"leaves {', '.join(left)}": left,
        f"takes {seconds:.1f} s": seconds > SECONDS,
        f"takes {peak() >> 20} MiB": peak() > MEMORY,
    }
    if outcome != "fault" and any(wrong.values()):
        outcome, says = "fault", "; ".join(text for text, is_so in wrong.items() if is_so)
    return Outcome(number, kind, outcome, says, round(seconds, 3), peak() >> 20)


def _name(kind: str) -> str:
    form = kind.split()[0].upper()
    endings = Image.registered_extensions()
    return "mutant" + next((ending for ending, its in endings.items() if its == form), ".jpg")


def _encode(number: int, data: bytes, source: Path, output: Path, printed: Path) -> tuple[bytes | None, str]:
    """The file or None, and the notices or the error. The number decides how it is encoded."""
    rng = random.Random(f"{number} is encoded")
    metadata, icc = rng.choice(_METADATA), rng.choice(_ICC)
    scans, subsampling, strict = rng.choice(_SCANS), rng.choice(_SUBSAMPLING), rng.random() < 0.2
    way = rng.choice(("bytes", "bytes", "path", "path", "command"))
    if way == "command":
        options = ["--effort", "fast", "--max-pixels", MAX_PIXELS, "--metadata", metadata, "--icc", icc, "--json"]
        options += ["--scans", scans, "--subsampling", subsampling, *(["--strict"] if strict else [])]
        in_folder = rng.random() < 0.5 and source.suffix in readable_endings()
        inputs = (source.parent, "-o", output.parent) if in_folder else (source, "-o", output)
        return _by_command([str(part) for part in ("encode", *inputs, *options)], source, output, printed)
    settings = Settings(
        effort="fast", max_pixels=MAX_PIXELS, metadata=metadata, icc=icc, scans=scans, subsampling=subsampling,
        strict=strict,
    )  # fmt: skip
    encoded: bytes | None
    report: Report | None
    try:
        if way == "bytes":
            encoded, report = encode_source(data, settings, source.name, "")
        else:
            report = encode_file(source, output, settings)
            encoded = output.read_bytes()
    except ReproError as error:
        _check_line(str(error), source.name)
        if output.exists():
            raise Fault("is refused, but there is a file") from error
        encoded, report, says = None, None, str(error)
    sys.stderr.flush()
    if text := printed.read_text(errors="replace"):
        raise Fault(f"prints {text!r}")
    if encoded is None or report is None:
        return None, says
    for notice in report.notices:
        _check_line(notice)
    if (report.width, report.height) != Image.open(io.BytesIO(encoded)).size or report.bytes != len(encoded):
        raise Fault("reports another size than the file's")
    return encoded, "; ".join(report.notices)


def _by_command(arguments: list[str], source: Path, output: Path, printed: Path) -> tuple[bytes | None, str]:
    code = cli.run(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    lines = printed.read_text().splitlines()
    objects, told = [json.loads(line) for line in lines if line.startswith("{")], []
    for line in lines:
        _check_line(line)
        if not line.startswith("{"):
            told.append(line)
    if any(not line.startswith(("repro: ", str(source))) for line in told) or len(objects) != 1:
        raise Fault(f"prints {lines}")
    if code != (1 if "error" in objects[0] else 0):
        raise Fault(f"exits with {code}")
    if code:
        _check_line(objects[0]["error"], source.name)
        if output.exists():
            raise Fault("is refused, but there is a file")
        return None, objects[0]["error"]
    return output.read_bytes(), "; ".join(objects[0]["notices"])


def _check_line(text: str, name: str = "") -> None:
    if one_line(text) != text or name not in text or "unexpected" in text or len(text) > 1000:
        raise Fault(f"says {text!r}")


def _check_picture(encoded: bytes, data: bytes) -> None:
    """Raises :class:`Fault` unless the file is a JPEG of a size that Pillow reads from the damaged picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(encoded), formats=("JPEG",)) as image:
                size = np.asarray(image).shape[1::-1]
        except Exception as error:
            raise Fault(f"becomes a broken file ({error})") from error
        sizes = set()
        with suppress(Exception), Image.open(io.BytesIO(data)) as image:
            sizes |= {image.size}
            for frame in range(1, getattr(image, "n_frames", 1) if image.format == "TIFF" else 1):
                image.seek(frame)
                sizes |= {image.size}
    if size not in sizes and size[::-1] not in sizes:
        raise Fault(f"becomes a file of {size[0]}×{size[1]} pixels, but says {sizes}")


@contextmanager
def _printed(path: Path) -> Iterator[Path]:
    """Redirect what is printed, even by C libraries, to the file at ``path``."""
    kept, streams = (os.dup(1), os.dup(2)), (sys.stdout, sys.stderr)
    with path.open("w", buffering=1) as stream:
        for number in (1, 2):
            os.dup2(stream.fileno(), number)
        sys.stdout = sys.stderr = stream
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                yield path
        finally:
            sys.stdout, sys.stderr = streams
            for number, own in zip((1, 2), kept, strict=True):
                os.dup2(own, number)
                os.close(own)


@contextmanager
def _peak_counted() -> Iterator[Any]:
    """A function that returns the process's peak memory in bytes from here on."""
    with suppress(OSError):  # Linux only; elsewhere it counts from the start
        Path("/proc/self/clear_refs").write_text("5")
    yield lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


# ---- many -----------------------------------------------------------------------------------------------------------


def outcomes(numbers: Iterable[int]) -> Iterator[Outcome]:
    """Outcomes of the damaged pictures with these ``numbers``, from a process that is replaced if it ends or hangs."""
    context, left = multiprocessing.get_context("spawn"), list(numbers)
    while left:
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(there, left), daemon=True)
        process.start()
        there.close()
        try:
            while left:
                found = here.recv() if here.poll(_PATIENCE) else None
                if found is None:
                    yield Outcome(left[0], mutant(left[0])[0], "fault", f"takes more than {_PATIENCE} s")
                    break
                left.pop(0)
                yield found
        except EOFError:
            process.join()
            yield Outcome(left[0], mutant(left[0])[0], "fault", f"ends the process ({process.exitcode})")
        left = left[1:]
        process.join(_PATIENCE if not left else 0)
        process.kill()
        process.join()


def _work(there: Connection, numbers: list[int]) -> None:
    os.setsid()  # Ctrl-C is for the waiting process
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))  # protects the machine
    grey = np.zeros((16, 16), np.uint8)
    for samples in (grey, np.dstack([grey] * 3)):  # compile now, not in a damaged picture's time
        for scans in _SCANS:
            encode_source(samples, Settings(effort="fast", scans=scans), "warm-up", "")
    with tempfile.TemporaryDirectory(prefix="repro-fuzz-") as name:
        for number in numbers:
            there.send(judge(number, Path(name)))


def summary(found: list[Outcome]) -> dict[str, Any]:
    """The part "pictures" of ``fuzz.json``."""
    formats: dict[str, Counter[str]] = {}
    for each in found:
        formats.setdefault(each.kind.split()[0], Counter())[each.outcome] += 1
    slowest, largest = max(found, key=lambda each: each.seconds), max(found, key=lambda each: each.mib)
    return {
        "count": len(found),
        "sound_pictures": len(sound()),
        "outcomes": dict(sorted(Counter(each.outcome for each in found).items())),
        "formats": {name: dict(sorted(counts.items())) for name, counts in sorted(formats.items())},
        "slowest": {"number": slowest.number, "kind": slowest.kind, "seconds": slowest.seconds},
        "largest": {"number": largest.number, "kind": largest.kind, "mib": largest.mib},
        "limits": {"seconds": SECONDS, "mib": MEMORY >> 20, "pixels": MAX_PIXELS},
        "faults": [asdict(each) for each in found if each.outcome == "fault"],
    }


def main() -> int:
    """Encode, print and store; return 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=COUNT, help=f"how many pictures ({COUNT})")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="how many at once (2)")
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER", help="of the first one (0)")
    parser.add_argument("--one", type=int, metavar="NUMBER", help="only this one, and say what becomes of it")
    parser.add_argument("--out", type=Path, help="where the result is kept")
    options = parser.parse_args()
    if options.one is not None:
        return _tell(options.one)
    start = time.perf_counter()
    numbers = range(options.first, options.first + options.count)
    blocks = [numbers[at : at + _BLOCK] for at in range(0, len(numbers), _BLOCK)]
    found = []
    with ThreadPool(options.jobs) as pool:  # each thread waits for its own process
        for block in track(pool.imap(lambda block: list(outcomes(block)), blocks), "encode", total=len(blocks)):
            found += block
            for each in block:
                if each.outcome == "fault":
                    print(f"{each.number} ({each.kind}): {each.says}", file=sys.stderr, flush=True)
    pictures = summary(found)
    rows = [
        f"{name:10}" + ", ".join(f"{n} {what}" for what, n in row.items()) for name, row in pictures["formats"].items()
    ]
    print("\n".join(rows), *(f"{key}: {pictures[key]}" for key in ("outcomes", "slowest", "largest")), sep="\n")
    out = options.out or (result() if numbers == range(COUNT) else None)
    if out:
        store(out, "pictures", pictures | {"seconds": round(time.perf_counter() - start)})
    return int(bool(pictures["faults"]))


def result() -> Path:
    """Where the results are kept."""
    from repro.experiments.store import Store  # imports PyTorch, whose memory must not count here

    return Store.default().data / "results" / "fuzz.json"


def store(out: Path, part: str, content: dict[str, Any]) -> None:
    """Store ``content`` as a ``part`` of the file at ``out``, with its provenance; other parts are kept."""
    from repro.runtime import provenance

    kept = json.loads(out.read_text()) if out.exists() else {}
    kept[part] = content | {"provenance": provenance()}
    atomic_write(out, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def _tell(number: int) -> int:
    kind, data = mutant(number)
    path = Path("_build", "fuzz", f"{number}{Path(_name(kind)).suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    (found,) = outcomes([number])
    print(f"{path}: {found}")
    return int(found.outcome == "fault")


if __name__ == "__main__":
    raise SystemExit(main())
