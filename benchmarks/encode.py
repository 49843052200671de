"""``repro encode``: its efforts against other encoders, time and memory by pixels, several λ at once, and its start."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import paired
from encoders import ByFactorised, Program, ours, plain, theirs
from factorised import INSTALL, Factorised
from repro import codecs
from repro.data import PhotoSet, photos
from repro.encoder.encode import Settings, encode_picture, encoder_for
from repro.encoder.images import Picture
from repro.errors import ReproError

EFFORTS: dict[str, dict[str, Any]] = {
    "fast": {"model": "tables", "effort": "fast"},
    "default, tables": {"model": "tables"},
    "default, VGG-16": {"model": "vgg16"},
}
PILLOW, PLAIN, MOZJPEG = "pillow-420-progressive", "Pillow as it comes", "mozjpeg-420"
FACTORISED, GUETZLI = "CompressAI factorised prior", "guetzli"
#: Encoders to compare, with ``at_most`` or ``at_least`` if their ratio of times had to reach one.
PAIRS: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("fast", PILLOW, {"at_most": 2.0}),
    ("fast", PLAIN, {}),
    ("default, tables", MOZJPEG, {"at_most": 15.0}),
    ("default, tables", FACTORISED, {"at_least": 4.0}),
    ("default, tables", PILLOW, {}),
    ("default, VGG-16", MOZJPEG, {}),
    ("default, VGG-16", FACTORISED, {}),
    (PILLOW, MOZJPEG, {}),
    (PLAIN, MOZJPEG, {}),
    (MOZJPEG, PILLOW, {}),
    ("jpegli-420", MOZJPEG, {}),
    (FACTORISED, MOZJPEG, {}),
)
#: Limits: the power of its pixels with which a photo's time may grow, and the memory of the largest.
EXPONENT, PEAK_MIB = 1.05, 2500

_COST = """
import json, sys, time
from pathlib import Path
from repro.encoder.encode import Settings, encode_file
warm, source, settings, rounds = sys.argv[1:]
settings = Settings(overwrite=True, **eval(settings))
encode_file(warm, warm + ".jpg", settings)
seconds, cpu_seconds = [], []
for _ in range(int(rounds)):
    begun, cpu = time.perf_counter(), time.process_time()
    encode_file(source, source + ".jpg", settings)
    seconds.append(time.perf_counter() - begun)
    cpu_seconds.append(time.process_time() - cpu)
status = Path("/proc/self/status")
if status.exists():  # what getrusage says here begins with the memory of the process that began this one
    peak = int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
else:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mib": peak}))
"""


def encode(quick: bool) -> list[dict[str, Any]]:
    """A row per pair of encoders, from pixels in memory to a file's bytes, at about equal bits per pixel."""
    chosen = _photos()
    pictures = [photo.rgb() for photo in chosen][: 1 if quick else 8]
    programs = {label: ours(settings, pictures) for label, settings in EFFORTS.items()}
    if quick:
        del programs["default, VGG-16"]
    for name in (PILLOW, MOZJPEG, "jpegli-420"):
        if not codecs.get(name).missing:
            programs[name] = theirs(name, pictures)
    programs[PLAIN] = plain(pictures)
    missing = [_absent(name) for name in ("jpegli-420", GUETZLI) if codecs.get(name).missing]
    with ExitStack() as stack:
        if not quick:
            try:
                model = Factorised()
                stack.callback(model.close)
                programs[FACTORISED] = ByFactorised(model, pictures)
            except (OSError, subprocess.CalledProcessError) as error:
                remark = f"could not be installed ({error}); by hand: {INSTALL}"
                missing.append({"name": FACTORISED, "against": None, "remark": remark})
        work = {label: program.run for label, program in programs.items()}
        seconds = paired.interleaved(work, rounds=2 if quick else 7, name="encode")
        rows = [
            _row(programs, seconds, name, against, limit)
            for name, against, limit in PAIRS
            if name in programs and against in programs
        ]
    if not quick and not codecs.get(GUETZLI).missing:  # a minute per megapixel: one photo, once
        few = {GUETZLI: theirs(GUETZLI, pictures[:1]), MOZJPEG: theirs(MOZJPEG, pictures[:1])}
        once = paired.interleaved({k: p.run for k, p in few.items()}, rounds=1, warm_up=0, name=GUETZLI)
        rows.append(_row(few, once, GUETZLI, MOZJPEG, {}))
    return [row | {"photos": chosen.name} for row in rows] + missing


def _row(
    programs: dict[str, Program], seconds: dict[str, list[float]], name: str, against: str, limit: dict[str, float]
) -> dict[str, Any]:
    program = programs[name]
    return paired.row(
        name,
        seconds[name],
        seconds[against],
        against=against,
        at_least=limit.get("at_least"),
        at_most=limit.get("at_most"),
        megapixels=program.megapixels,
        megapixels_per_second=program.megapixels / paired.spread(seconds[name])["median"],
        cpu_seconds=program.cpu_seconds(),
        bits_per_pixel=8 * program.run() / (1e6 * program.megapixels),
        remark=program.remark,
    )


def _absent(name: str) -> dict[str, Any]:
    return {"name": name, "against": None, "remark": f"pip install {codecs.get(name).missing}"}


def _photos() -> PhotoSet:
    try:
        return photos("kodak")
    except ReproError:
        return photos("sample")


def size(quick: bool) -> list[dict[str, Any]]:
    """A row per size and effort, each measured in a process of its own, and per effort the exponent of the fit
    seconds ∝ pixels^exponent, with the peak memory."""
    most = {"fast": 50.0, "default, tables": 50.0, "default, VGG-16": 24.0}
    megapixels = (0.1, 0.4) if quick else (0.1, 0.5, 2.0, 8.0, 24.0, 50.0)
    rows = []
    with tempfile.TemporaryDirectory(prefix="repro-bench-") as folder:
        for label, settings in list(EFFORTS.items())[: 2 if quick else 3]:
            points = [_point(Path(folder), label, settings, mega) for mega in megapixels if mega <= most[label]]
            medians = [point["seconds"]["median"] for point in points]
            exponent, _ = np.polyfit(np.log([point["megapixels"] for point in points]), np.log(medians), 1)
            fit = {"exponent": float(exponent), "at_most": EXPONENT}
            peak = {"peak_mib": max(point["peak_mib"] for point in points), "peak_mib_at_most": PEAK_MIB}
            rows += [*points, {"name": label, "megapixels": None, **fit, **peak}]
    return rows


def _point(folder: Path, label: str, settings: dict[str, Any], megapixels: float) -> dict[str, Any]:
    height = round((megapixels * 1e6 * 2 / 3) ** 0.5)
    found = cost(folder, height, round(height * 1.5), rounds=5 if megapixels < 1 else 1, **settings)
    spreads = {key: paired.spread(found[key]) for key in ("seconds", "cpu_seconds")}
    return {"name": label, "megapixels": height * round(height * 1.5) / 1e6, **spreads, "peak_mib": found["peak_mib"]}


def cost(folder: Path, height: int, width: int, *, rounds: int = 1, **settings: Any) -> dict[str, Any]:
    """Lists of ``seconds`` and ``cpu_seconds`` for ``rounds`` encodings of a picture of this size, file to file, in a
    warm process, and the ``peak_mib`` of the whole process."""
    warm, source = folder / "warm.ppm", folder / f"{height}x{width}.ppm"
    for path, (rows, cols) in ((warm, (256, 256)), (source, (height, width))):
        if not path.exists():
            photo = next(iter(photos("sample"))).rgb()
            repeats = (-(-rows // photo.shape[0]), -(-cols // photo.shape[1]), 1)
            Image.fromarray(np.tile(photo, repeats)[:rows, :cols]).save(path)
    arguments = [str(warm), str(source), repr(settings), str(rounds)]
    done = subprocess.run([sys.executable, "-c", _COST, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def lambdas(quick: bool) -> list[dict[str, Any]]:
    """A row per model and number of qualities: all from one encoder, against a new encoder for each."""
    picture = Picture(next(iter(_photos())).rgb())
    rows = []
    for label, settings in list(EFFORTS.items())[1 : 2 if quick else 3]:
        for count in (1, 2) if quick else (1, 2, 4, 8):
            qualities = np.linspace(20, 80, count).tolist()

            def together(settings: dict[str, Any] = settings, qualities: list[float] = qualities) -> None:
                encoder = encoder_for(picture, Settings(**settings), once=len(qualities) == 1)
                for quality in qualities:
                    encoder.encode(quality)

            def apart(settings: dict[str, Any] = settings, qualities: list[float] = qualities) -> None:
                for quality in qualities:
                    encode_picture(picture, Settings(quality=quality, **settings))

            work: dict[str, Callable[[], object]] = {"together": together, "apart": apart}
            times = paired.interleaved(work, rounds=1 if quick else 3, warm_up=int(not quick), name="λ")
            name, against = f"{label}: {count} λ", "one by one"
            rows.append(paired.row(name, times["together"], times["apart"], against=against, lambdas=count))
    return rows


#: Runs a command and prints its seconds and its peak memory in KiB (on a Mac in bytes). It is small so as to add
#: nothing: a process starts with the peak of the process that started it.
_WATCH = """
import resource, subprocess, sys, time
begun = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def start(quick: bool) -> list[dict[str, Any]]:
    """A row per command line from a cold start, file to file: seconds, peak memory, and their limits."""
    with tempfile.TemporaryDirectory(prefix="repro-bench-") as folder:
        rgb = next(iter(_photos())).rgb()
        files = {name: Path(folder, f"{name}.png") for name in ("small", "large")}
        for path, (height, width) in zip(
            files.values(), ((512, 768), (256, 256) if quick else (4000, 6000)), strict=True
        ):
            repeats = (-(-height // rgb.shape[0]), -(-width // rgb.shape[1]), 1)
            Image.fromarray(np.tile(rgb, repeats)[:height, :width]).save(path)
        repro = [sys.executable, "-m", "repro"]
        encode = {name: [*repro, "encode", str(path), "--force"] for name, path in files.items()}
        commands: dict[str, tuple[list[str], dict[str, float]]] = {
            "repro --help": ([*repro, "--help"], {}),
            "repro encode --effort fast, 0.4 MP": ([*encode["small"], "--effort", "fast"], {}),
            "repro encode, 0.4 MP": (encode["small"], {"seconds_at_most": 0.9, "peak_mib_at_most": 286}),
            "repro encode, 24 MP": (encode["large"], {"seconds_at_most": 6.0, "peak_mib_at_most": 1144}),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for turn in range(2 if quick else 6):
            for name, (command, _) in commands.items():
                watched = _watched(command)
                if turn:  # the first run compiles, or loads compiled code from disk
                    found[name].append(watched)
    return [
        {
            "name": name,
            "against": None,
            "seconds": paired.spread([seconds for seconds, _ in found[name]]),
            "peak_mib": max(peak for _, peak in found[name]),
            **limits,
        }
        for name, (_, limits) in commands.items()
    ]


def _watched(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory in MiB of a command, which must succeed."""
    done = subprocess.run([sys.executable, "-S", "-c", _WATCH, *command], capture_output=True, text=True, check=True)
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak / (2**20 if sys.platform == "darwin" else 1024)
