"""Fig. 12: seconds per photo for encoding and for decoding, by our encoder and by learned codecs, each warm.

Times are from pixels in memory to a file's bytes, and back. Every photo gives one number, the median of its rounds; the
mean and its standard error are over photos, as the paper's are.
"""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from statistics import fmean, median, stdev
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

import factorised
import paired
from chapters.style import kodak_or_sample
from repro.attention import ConvolutionalAttention
from repro.encoder import models
from repro.encoder.encode import DEFAULT_QUALITY, Settings, encode_picture
from repro.encoder.images import Picture
from repro.errors import ReproError
from repro.progress import track
from repro.torch_encoder.networks import AttentionEncoder, attention_of

TABLES, VGG16, VGG19 = "tables alone", "VGG-16 attention", "VGG-19 attention"
#: A learned codec's name here → its name in the program that runs it.
LEARNED = {"Ballé et al. 2017": factorised.BLS2017, "factorised prior": factorised.FACTORISED}
CODERS = (TABLES, VGG16, VGG19, *LEARNED)


class Coder:
    """What is timed. ``encode(rgb)`` returns (seconds, bytes); ``decode(rgb)``, called afterwards, seconds."""

    start_seconds: float | None = None

    def __init__(self, encode: Callable[[np.ndarray], bytes], remark: str) -> None:
        self._encode, self.remark = encode, remark
        self._files: dict[int, bytes] = {}

    def encode(self, rgb: np.ndarray) -> tuple[float, int]:
        seconds = paired.seconds(lambda: self._files.update({id(rgb): self._encode(rgb)}))
        return seconds, len(self._files[id(rgb)])

    def decode(self, rgb: np.ndarray) -> float:
        data = self._files[id(rgb)]
        return paired.seconds(lambda: np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))

    def cost(self, rgb: np.ndarray) -> dict[str, Any]:
        """The network's ``operations_per_pixel``: multiplications with an addition. The codec is not counted."""
        with FlopCounterMode(display=False) as counted:
            self._encode(rgb)
        return {"operations_per_pixel": counted.get_total_flops() / 2 / (rgb.size / 3)}


class LearnedCoder(Coder):
    """A codec of CompressAI, in its own process, which times itself."""

    def __init__(self, model: factorised.Factorised) -> None:
        self.model, self.start_seconds = model, model.start_seconds
        self.remark = f"CompressAI, {model.weights} weights"

    def encode(self, rgb: np.ndarray) -> tuple[float, int]:
        found = self.model.compress(rgb)
        return found["seconds"], found["bytes"]

    def decode(self, rgb: np.ndarray) -> float:
        return self.model.decompress(rgb)["seconds"]

    def cost(self, rgb: np.ndarray) -> dict[str, Any]:
        """Also ``transform_seconds``: the time that would be left if entropy coding cost nothing."""
        found = self.model.transform(rgb)
        per_pixel = found["operations"] / (rgb.size / 3)
        return {"operations_per_pixel": per_pixel, "transform_seconds": found["seconds"]}


def inference(quick: bool) -> list[dict[str, Any]]:
    """A row per coder for encoding and one for decoding; if a coder cannot be installed, its rows say how it could."""
    chosen = kodak_or_sample()
    pictures = [photo.rgb() for photo in chosen][: 2 if quick else None]
    coders = {TABLES: ours()} if quick else {TABLES: ours(), VGG16: ours("vgg16"), VGG19: vgg19()}
    with ExitStack() as stack:
        learned, missing = ({}, []) if quick else begin(stack)
        coders |= learned
        times = measure(coders, pictures, rounds=1 if quick else 2)
        rows = []
        for name, coder in coders.items():
            more = {"remark": coder.remark, "photos": chosen.name, "start_seconds": coder.start_seconds}
            rows.append(row(name, "encode", times[name], pictures, **more, **coder.cost(pictures[0])))
            if name not in (VGG16, VGG19):  # their files decode like those of the tables
                more = {"remark": coder.remark if name in LEARNED else "libjpeg-turbo", "photos": chosen.name}
                rows.append(row(name, "decode", times[name], pictures, **more))
    return rows + missing


def ours(model: str = models.TABLES) -> Coder:
    """``repro encode`` with its defaults, at its default quality."""
    settings = Settings(model=model)
    return Coder(lambda rgb: encode_picture(Picture(rgb), settings).data, f"quality {DEFAULT_QUALITY:g}")


def vgg19() -> Coder:
    """The same with VGG-19. No model of ours has it, so head and tables are VGG-16's, which have the right shape."""
    remark = "VGG-16's head and tables"
    try:
        network = attention_of("vgg19")
    except ReproError:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = ConvolutionalAttention("vgg19", pretrained=False).eval()
        remark = f"random trunk, {remark}"
    model = models.load("vgg16")

    def encode(rgb: np.ndarray) -> bytes:
        return AttentionEncoder(Picture(rgb), model, once=True, attention=network).encode(DEFAULT_QUALITY)

    return Coder(encode, remark)


def begin(stack: ExitStack) -> tuple[dict[str, Coder], list[dict[str, Any]]]:
    """The learned codecs, open until ``stack`` is closed, and a row for each task of one that is not available."""
    coders: dict[str, Coder] = {}
    missing = []
    for name, model in LEARNED.items():
        try:
            coders[name] = LearnedCoder(factorised.Factorised(model))
            stack.callback(coders[name].model.close)  # type: ignore[attr-defined]
        except (OSError, subprocess.CalledProcessError) as error:
            remark = f"could not be installed ({error}); by hand: {factorised.INSTALL}"
            missing += [{"name": f"{name}, {task}", "coder": name, "task": task, "remark": remark} for task in TASKS]
    return coders, missing


TASKS = ("encode", "decode")
#: Coder → task → seconds of each photo; and the bytes of each file.
Times = dict[str, dict[str, list[Any]]]


def measure(coders: dict[str, Coder], pictures: Sequence[np.ndarray], rounds: int) -> Times:
    """Time every photo with all coders in turn, ``rounds`` times, after one photo as a warm-up."""
    for coder in coders.values():
        coder.encode(pictures[0])
        coder.decode(pictures[0])
    times: Times = {name: {"encode": [], "decode": [], "bytes": []} for name in coders}
    for rgb in track(pictures, "inference"):
        seconds: dict[str, list[tuple[float, float, int]]] = {name: [] for name in coders}
        for turn in range(rounds):
            for name in list(coders)[:: -1 if turn % 2 else 1]:
                encoding, size = coders[name].encode(rgb)
                seconds[name].append((encoding, coders[name].decode(rgb), size))
        for name, found in seconds.items():
            for key, values in zip(("encode", "decode", "bytes"), zip(*found, strict=True), strict=True):
                times[name][key].append(median(values))
    return times


def row(
    name: str, task: str, times: dict[str, list[Any]], pictures: Sequence[np.ndarray], **more: Any
) -> dict[str, Any]:
    """Seconds per photo with their mean, its standard error, and the relative standard deviation over photos."""
    seconds = times[task]
    deviation = stdev(seconds) if len(seconds) > 1 else 0.0
    return {
        "name": f"{name}, {task}",
        "coder": name,
        "task": task,
        "seconds": paired.spread(seconds),
        "seconds_by_photo": seconds,
        "mean": fmean(seconds),
        "standard_error": deviation / len(seconds) ** 0.5,
        "relative_deviation": deviation / fmean(seconds),
        "bits_per_pixel": 8 * sum(times["bytes"]) / sum(rgb.size / 3 for rgb in pictures),
        **more,
    }
