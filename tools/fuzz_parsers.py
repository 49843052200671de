"""Our own parsers under a fuzzer that watches which lines run (atheris): data/results/fuzz.json, as its "parsers".

    python tools/fuzz_parsers.py                      # all, an hour
    python tools/fuzz_parsers.py --seconds 60 tiff    # fewer; nothing is kept unless --out says where

Whatever the bytes are, a parser returns a result or raises ``ReproError``. Inputs that ran new lines are kept in
``_build/fuzz/corpus``, from which the next run goes on, and those that found a fault in ``_build/fuzz``.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import io
import json
import pickle
import random
import re
import resource
import struct
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

import repro
from repro.errors import ReproError, one_line

#: Packages that atheris watches, except for modules that Numba compiles.
WATCHED = ["repro", "PIL"]
HOUR = 3600
WORK = Path("_build", "fuzz")
#: Bytes of address space, most of which PyTorch takes.
_MEMORY = 6 << 30
#: Pictures are small, as time is better spent on headers.
_MAX_PIXELS = 20_000


def jpeg_codes(data: bytes) -> None:
    """Segments, Huffman tables, and functions that go through segments."""
    from repro.encoder import formats, smaller
    from repro.jpeg import huffman, segments

    for segment in segments.segments(data):
        assert 2 <= segment.start < segment.end
        assert (segments.picture_end(data, segment.start) or 2) <= len(data)
    for baseline in (False, True):
        smaller.bare(data, None, baseline=baseline)
    error = formats.unknown("name", data)
    assert one_line(str(error)) == str(error)
    for lengths in huffman.code_lengths(data).values():
        assert all(1 <= length <= 16 for length in lengths.values())


def jpeg_coefficients(data: bytes) -> None:
    """A file's coefficients, which are written and read again."""
    from repro.jpeg import codestream

    read = codestream.read(data)
    if max(abs(plane).max() for plane in read.planes) < 1024:
        _same(read, codestream.read(codestream.write(read)))


def jpeg_scans(data: bytes) -> None:
    """Coefficients made of the bytes, written in all kinds of scans and read again."""
    from repro.jpeg import codestream, writer

    if len(data) < 4:
        return
    height, width, grey, scale = 1 + data[0] % 40, 1 + data[1] % 40, data[2] % 2, 1 + data[3] % 8
    rows, cols = -(-height // 8), -(-width // 8)
    numbers = np.frombuffer(data[3:], np.int8).astype(np.int16).clip(-127) * scale
    numbers = np.resize(numbers, (3, rows, cols, 8, 8))
    tables = np.full((1 if grey else 2, 8, 8), 1 + data[3], np.uint16)
    made = codestream.Coefficients(tuple(numbers[:1] if grey else numbers), tables.clip(1, 255), height, width)
    for scans in ("interleaved", "sequential", "smallest"):
        _same(made, codestream.read(writer.write(made, scans=scans)))


def _same(a: Any, b: Any) -> None:
    assert (a.height, a.width, len(a.planes)) == (b.height, b.width, len(b.planes))
    assert all(np.array_equal(one, other) for one, other in zip(a.planes, b.planes, strict=True))


def _picture(data: bytes) -> None:
    from repro.encoder.images import open_picture

    try:
        picture = open_picture(data, icc="srgb", max_pixels=_MAX_PIXELS)
    except ReproError as error:
        assert one_line(str(error)) == str(error)
        raise
    assert picture.pixels <= _MAX_PIXELS and all(one_line(notice) == notice for notice in picture.notices)


def tiff(data: bytes) -> None:
    """Pages, sub-IFDs and samples of a TIFF file."""
    _picture(data)


def png(data: bytes) -> None:
    """A PNG's chunks, with correct check sums."""
    from fuzz_pictures import with_right_sums

    _picture(with_right_sums(data))


def jpeg2000(data: bytes) -> None:
    """JPEG 2000's boxes and headers."""
    from repro.encoder import jpeg2000

    jpeg2000.profile(data)
    _picture(data)


def metadata(data: bytes) -> None:
    """EXIF, XMP, IPTC and density, which are put into another file."""
    from PIL import Image

    from repro.encoder import metadata
    from repro.encoder.images import open_picture

    about = open_picture(data, max_pixels=_MAX_PIXELS).about
    plain = io.BytesIO()
    Image.new("L", (8, 8)).save(plain, "JPEG")
    for kept in ("copyright", "all"):
        _, notices = metadata.segments(about, kept, (8, 8), srgb=kept == "all")
        assert all(one_line(notice) == notice for notice in notices)
        with Image.open(io.BytesIO(metadata.embed(plain.getvalue(), about, kept, (8, 8), srgb=kept == "all"))) as image:
            assert image.format == "JPEG" and image.size == (8, 8)
            image.load()


def exif(data: bytes) -> None:
    """EXIF data that are changed in place. They may grow to twice their length if two texts overlap."""
    from repro.encoder import exif

    for change in (lambda block: exif.rights(block, {}), lambda block: exif.revised(block, (8, 8), srgb=True)):
        with suppress(ValueError, KeyError, struct.error):
            assert len(change(data)) <= 2 * len(data) + 100


def xmp(data: bytes) -> None:
    """XMP packets, which must still be well-formed after a change."""
    from repro.encoder import xmp

    for change in (xmp.rights, lambda packet: xmp.revised(packet, (8, 8), srgb=True)):
        with suppress(ValueError, ElementTree.ParseError):
            if packet := change(data):
                ElementTree.fromstring(packet.decode())


def pickled_weights(data: bytes) -> None:
    """Pickles, which may hold only arrays."""
    from repro import weights

    weights._read_arrays(Path("weights"), data)


def model_tables(data: bytes) -> None:
    """``model.json`` of a set with correct hashes."""
    from repro.encoder import trellis_set

    _load_sets({"model.json": data, trellis_set.NETWORK: (_shipped("trellis") / trellis_set.NETWORK).read_bytes()})
    _load_sets({"model.json": data})


def model_arrays(data: bytes) -> None:
    """Heads and networks of a set with correct hashes."""
    from repro.encoder import trellis_set

    _load_sets({"model.json": (_shipped("trellis") / "model.json").read_bytes(), trellis_set.NETWORK: data})
    _load_sets({"model.json": (_shipped("vgg16") / "model.json").read_bytes(), "heads.safetensors": data})


def _shipped(name: str) -> Path:
    from repro.encoder import models

    return models.find(name)


def _load_sets(files: dict[str, bytes]) -> None:
    from repro.encoder import models, trellis_set

    with tempfile.TemporaryDirectory() as name:
        for file, data in files.items():
            Path(name, file).write_bytes(data)
        models.write_sums(Path(name), files)
        for load in (models.load, trellis_set.load):
            with suppress(ReproError):
                load(name)


def checkpoints(data: bytes) -> None:
    """Checkpoints as ``repro train`` writes them."""
    from repro import model

    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        file.write(data)
        file.flush()
        model.load_checkpoint(file.name)


def results(data: bytes) -> None:
    """Stored results of a sweep and of an experiment."""
    from repro.experiments.store import Store

    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name), Path(name))
        for task in _tasks():
            path = store.result_path(task)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            with suppress(ReproError):
                store.load(task)


@functools.cache
def _tasks() -> list[Any]:
    """One task of each type."""
    from repro.experiments.registry import experiments_of

    tasks = [*experiments_of("5", "smoke"), *experiments_of("encoder", "cpu")]
    return list({type(task): task for task in tasks}.values())


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (
        jpeg_codes, jpeg_coefficients, jpeg_scans,
        tiff, png, jpeg2000, metadata, exif, xmp, pickled_weights, model_tables, model_arrays,
        checkpoints, results,
    )
}  # fmt: skip


def seeds(name: str) -> list[bytes]:
    """Sound files for the target called ``name``. They are small, as headers matter most."""
    from fuzz_pictures import XMP, made_exif, sound

    pictures = {
        "jpeg_codes": "JPEG ",
        "jpeg_coefficients": "JPEG ",
        "jpeg2000": "JPEG2000",
        "tiff": "TIFF",
        "png": "PNG",
    }
    if name in pictures:
        return [data for kind, data in sound().items() if kind.startswith(pictures[name])]
    if name == "metadata":
        return [data for kind, data in sound().items() if re.search("metadata|IPTC|two views|PSD", kind)]
    if name == "exif":
        return [made_exif().tobytes()[6:], made_exif().tobytes().replace(b"MM\0*", b"II*\0")[6:]]
    if name == "xmp":
        return [XMP]
    if name == "jpeg_scans":
        return [random.Random(size).randbytes(size) for size in (20, 200, 2000)]
    return _MADE[name]()


def _pickles() -> list[bytes]:
    arrays = {"VGG16_0": {"Conv_0": {"kernel": np.zeros((1, 1, 1, 2), np.float32), "bias": np.ones(2, np.float32)}}}
    return [pickle.dumps(arrays, protocol) for protocol in range(6)]


def _model_json() -> list[bytes]:
    paper, ours = (json.loads((_shipped(name) / "model.json").read_text()) for name in ("tables", "trellis"))
    paper["models"] = paper["models"][:2]
    for key in ("lams", "losses", "powers"):
        ours[key] = ours[key][:2]
    ours["tables"] = {kind: tables[:2] for kind, tables in ours["tables"].items()}
    for stored in (paper, ours):
        stored["provenance"] = {}
    return [json.dumps(stored).encode() for stored in (paper, ours)]


def _safetensors() -> list[bytes]:
    import safetensors.numpy

    layer = {"0.weight": np.zeros((1, 1, 2, 3), np.float32), "0.bias": np.zeros(3, np.float32)}
    network = layer | {"profile": np.zeros((2, 3, 64), np.float32)}
    heads = {"weight": np.zeros((2, 1, 1), np.float32), "bias": np.zeros((2, 1), np.float32)}
    return [safetensors.numpy.save(network, {"format": "2"}), safetensors.numpy.save(heads)]


def _checkpoints() -> list[bytes]:
    from repro.model import LearnedJPEG, ModelSettings, save_checkpoint

    made = []
    for settings in (ModelSettings(), ModelSettings(table_param="paper")):
        with tempfile.NamedTemporaryFile() as file:
            save_checkpoint(file.name, LearnedJPEG(settings))
            made.append(Path(file.name).read_bytes())
    return made


def _results() -> list[bytes]:
    """Stored results of sweeps and experiments, without most of the photos."""
    from repro.experiments.store import Store

    made = []
    for task in _tasks():
        stored = Store.default().read(task)
        if stored is not None:
            for part in ("photos", "images"):
                stored[part] = dict(list(stored.get(part, {}).items())[:1])
            made.append(json.dumps({key: stored[key] for key in stored if key != "log"}).encode())
    return [*made, b'{"experiment": {}, "numerics": {}, "assets": {}, "provenance": {"data": {}, "weights": {}}}']


_MADE = {
    "pickled_weights": _pickles,
    "model_tables": _model_json,
    "model_arrays": _safetensors,
    "checkpoints": _checkpoints,
    "results": _results,
}


def fuzz(name: str, seconds: int) -> None:
    """Run one target in this process, and end the process."""
    import atheris  # type: ignore[import-untyped]

    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))  # then Python raises MemoryError
    sources = Path(repro.__file__).parent
    compiled = [path for path in sources.rglob("*.py") if "@compiled" in path.read_text()]
    modules = [".".join(path.relative_to(sources.parent).with_suffix("").parts) for path in compiled]
    with atheris.instrument_imports(include=WATCHED, exclude=modules):
        from PIL import Image

        Image.init()
        sound = seeds(name)
        for data in sound:
            run(name, data)
    corpus = WORK / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(sound):
        (corpus / f"seed-{number}").write_bytes(data)
    options = [f"-max_total_time={seconds}", "-print_final_stats=1", "-rss_limit_mb=0", "-timeout=60", "-seed=1"]
    atheris.Setup(
        [sys.argv[0], str(corpus), f"-artifact_prefix={WORK}/{name}-", *options], lambda data: run(name, data)
    )
    atheris.Fuzz()


def run(name: str, data: bytes) -> None:
    """Run one target; any error that is no refusal gets through."""
    with suppress(ReproError):
        TARGETS[name](data)


def outcome(name: str, seconds: int) -> dict[str, Any]:
    """The fuzzer's figures for a target, run in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, __file__, "--seconds", str(seconds), "--alone", name]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    executed = re.search(r"stat::number_of_executed_units: *(\d+)", done.stdout)
    covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", done.stdout)
    found = {
        "executions": int(executed[1]) if executed else 0,
        "covered": int(covered[-1][0]) if covered else 0,
        "corpus": int(covered[-1][2]) if covered else 0,
        "seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime),
        "faults": [],
    }
    if done.returncode:
        (WORK / f"{name}.log").write_text(done.stdout)
        saved = re.search(r"Test unit written to (\S+)", done.stdout)
        what = re.search(r"=== Uncaught Python exception: ===\s*(.*)|ERROR: (.*)", done.stdout)
        found["faults"] = [f"{what[1] or what[2] if what else 'ended'} ({saved[1] if saved else 'no input'})"]
    return found


def main() -> int:
    """Fuzz, print and store; return 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)} (all)")
    parser.add_argument("--seconds", type=int, default=HOUR, help=f"for all together ({HOUR})")
    parser.add_argument("--alone", action="store_true", help="run one target in this process")
    parser.add_argument("--out", type=Path, help="where the result is kept")
    options = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed; it is for Linux on x86-64: pip install -e '.[fuzz]'", file=sys.stderr)
        return 1
    WORK.mkdir(parents=True, exist_ok=True)
    names = options.targets or list(TARGETS)
    if options.alone:
        fuzz(names[0], options.seconds)
    found = {}
    for name in names:
        found[name] = outcome(name, options.seconds // len(names))
        print(name, *(f"{value} {key}" for key, value in found[name].items()), sep=", ", flush=True)
    from fuzz import result, store  # not earlier: atheris must be the first to import what it watches

    out = options.out or (result() if names == list(TARGETS) and options.seconds == HOUR else None)
    if out:
        store(out, "parsers", {"targets": found})
    return int(any(each["faults"] for each in found.values()))


if __name__ == "__main__":
    raise SystemExit(main())
