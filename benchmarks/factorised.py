"""CompressAI's learned codecs, timed in a process of their own that waits between calls.

CompressAI needs an older NumPy than we do, so it has an environment of its own under ``_build``, made at first use. Run
with that environment's Python and a model's name, this file is the other end of the pipe: from each line it reads what
to do and the path of an array, and it answers with what that took.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "_build" / "compressai"
PINS = ("compressai==1.2.8", "torch==2.14.1", "torchvision==0.29.1", "numpy==1.26.4")
QUALITY = 3
#: Ballé, Minnen et al. 2018 without the hyperprior; and Ballé, Laparra, Simoncelli 2017, with as many filters as
#: its authors' program uses by default (``bls2017.py`` of TensorFlow Compression).
FACTORISED, BLS2017 = "bmshj2018_factorized", "bls2017"
FILTERS = 128
#: Number of analysis transforms that are timed together.
TRANSFORMS = 5
INSTALL = f"python -m venv _build/compressai && _build/compressai/bin/pip install {' '.join(PINS)}"


class Factorised:
    """A model, ready to use. ``compress(rgb)`` is one encoding with real entropy coding; call ``close`` when done.

    ``weights`` says whether they were trained; ``start_seconds`` is the time to start the process and build the model.
    Raises :class:`OSError` or ``subprocess.CalledProcessError`` if it cannot be installed or started.
    """

    def __init__(self, model: str = FACTORISED) -> None:
        python = str(FOLDER / "bin" / "python")
        done = FOLDER / ".installed"
        if not done.exists():
            subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True, capture_output=True)
            install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINS]
            subprocess.run(install, check=True, capture_output=True)
            done.touch()
        self._arrays = tempfile.TemporaryDirectory(prefix="repro-bench-")
        begun = time.perf_counter()
        self._process = subprocess.Popen(
            [python, __file__, model],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.weights: str = self._answer()["weights"]
        self.start_seconds = time.perf_counter() - begun

    def compress(self, rgb: np.ndarray) -> dict[str, Any]:
        """(H, W, 3) uint8 → ``seconds``, ``cpu_seconds`` and ``bytes`` of one call of ``compress``."""
        return self._ask("compress", rgb)

    def decompress(self, rgb: np.ndarray) -> dict[str, Any]:
        """The same for decoding what ``compress`` last made of ``rgb``; ``bytes`` counts those of the pixels."""
        return self._ask("decompress", rgb)

    def transform(self, rgb: np.ndarray) -> dict[str, Any]:
        """The analysis transform alone: ``operations`` (each a multiplication and an addition) and ``seconds``."""
        return self._ask("transform", rgb)

    def close(self) -> None:
        """End the process and delete the arrays."""
        self._process.communicate()
        self._arrays.cleanup()

    def _ask(self, what: str, rgb: np.ndarray) -> dict[str, Any]:
        path = Path(self._arrays.name) / f"{id(rgb)}.npy"
        if not path.exists():
            np.save(path, rgb)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what} {path}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise OSError(f"its process ended with code {self._process.wait()}")
        return json.loads(line)


def _serve(name: str) -> None:
    """The other end: print one line of JSON when ready, and one in answer to each line that comes in."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries may print, but only we answer
    torch = importlib.import_module("torch")
    torch.manual_seed(0)
    model, weights = _bls2017(torch) if name == BLS2017 else _zoo(name)
    model.eval().update()
    print(json.dumps({"weights": weights}), file=answers, flush=True)
    arrays: dict[str, Any] = {}
    made: dict[str, Any] = {}
    for line in sys.stdin:
        what, _, path = line.strip().partition(" ")
        if path not in arrays:
            arrays[path] = torch.from_numpy(np.load(path)).permute(2, 0, 1)[None]
        with torch.no_grad():
            print(json.dumps(_done(torch, model, what, path, arrays, made)), file=answers, flush=True)


def _done(
    torch: Any, model: Any, what: str, path: str, arrays: dict[str, Any], made: dict[str, Any]
) -> dict[str, float]:
    """Carry out one order: see :class:`Factorised`."""
    if what == "transform":
        with importlib.import_module("torch.utils.flop_counter").FlopCounterMode(display=False) as counted:
            model.g_a(arrays[path].float() / 255)
        begun = time.perf_counter()
        for _ in range(TRANSFORMS):
            model.g_a(arrays[path].float() / 255)
        seconds = (time.perf_counter() - begun) / TRANSFORMS
        return {"operations": counted.get_total_flops() // 2, "seconds": seconds}
    begun, cpu = time.perf_counter(), time.process_time()
    if what == "compress":
        made[path] = model.compress(arrays[path].float() / 255)
        size = sum(len(s) for group in made[path]["strings"] for s in group)
    else:
        x_hat = model.decompress(**made[path])["x_hat"]
        size = len((255 * x_hat).round().to(torch.uint8)[0].permute(1, 2, 0).numpy().tobytes())
    return {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - cpu, "bytes": size}


def _zoo(name: str) -> tuple[Any, str]:
    """A model that CompressAI publishes, and whether its weights are pretrained or random."""
    build = getattr(importlib.import_module("compressai.zoo"), name)
    socket.setdefaulttimeout(10)
    try:
        return build(QUALITY, pretrained=True), "pretrained"
    except Exception:  # no network: only time counts here, and weights hardly affect it
        return build(QUALITY, pretrained=False), "random"


def _bls2017(torch: Any) -> tuple[Any, str]:
    """A factorised prior with the transforms of Ballé, Laparra and Simoncelli: strides 4, 2, 2 with GDN between."""
    nn, GDN = torch.nn, importlib.import_module("compressai.layers").GDN
    model = importlib.import_module("compressai.models").FactorizedPrior(FILTERS, FILTERS)  # has EntropyBottleneck
    n = FILTERS
    model.g_a = nn.Sequential(
        nn.Conv2d(3, n, 9, 4, 4), GDN(n), nn.Conv2d(n, n, 5, 2, 2), GDN(n), nn.Conv2d(n, n, 5, 2, 2, bias=False)
    )
    model.g_s = nn.Sequential(
        nn.ConvTranspose2d(n, n, 5, 2, 2, output_padding=1),
        GDN(n, inverse=True),
        nn.ConvTranspose2d(n, n, 5, 2, 2, output_padding=1),
        GDN(n, inverse=True),
        nn.ConvTranspose2d(n, 3, 9, 4, 4, output_padding=3),
    )
    return model, "random"


if __name__ == "__main__":
    _serve(sys.argv[1])
