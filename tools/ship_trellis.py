"""Make what `repro encode` writes with by default: the trellis's network, tables, and the λ of each quality.

``python tools/ship_trellis.py`` makes ``src/repro/assets/models/trellis`` and, for the ablations of chapter 10,
``data/ablation_sets``, all from training photos, in about half an hour on two cores. ``--only NAME`` makes one set.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from repro import codecs, threads
from repro.data import photos
from repro.encoder import chroma
from repro.encoder.images import Picture
from repro.encoder.trellis_encoder import TrellisEncoder
from repro.encoder.trellis_set import TrellisSet, expected_losses, load, save
from repro.experiments.inputs import describe
from repro.jpeg.codestream import decode
from repro.progress import track
from repro.runtime import provenance
from repro.ssimulacra2 import Reference
from repro.training.sensitivity import Blend, Sample, fit, measure, mse_profile
from repro.trellis import planes
from repro.trellis import tables as learning
from repro.trellis.sensitivity import FEATURES, OUTPUTS, Network
from ship_models import spread

ROOT = Path(__file__).resolve().parents[1]
#: λ for which tables are learned.
LAMBDAS = (0.3, 1.0, 3.0, 9.0, 25.0, 70.0, 200.0, 600.0)
#: Crops are 256 px square: so many to measure on in the first round, in the second, and to learn tables from.
SIDE, FIRST, SECOND, LEARNED = 256, 120, 300, 64
#: Factors of luma's lowest steps as learned: their errors add up over blocks, and so cost more than the weights of
#: single blocks say. Chosen by SSIMULACRA 2 on tuning photos: it saves 2 % of bits at 0.3–0.8 bpp.
FINER = np.array([[0.7, 0.85], [0.85, 1.0]])
#: Qualities whose λ is stored, and the number of training photos on which it is found.
QUALITIES = (1, 2, 4, 8, 15, 25, 35, 45, 55, 65, 72, 78, 83, 87, 90, 93, 95, 97, 98, 99)
CALIBRATION_PHOTOS = 24


@dataclass(frozen=True)
class Made:
    """What a set learns from, and the size of its network."""

    blend: Blend = field(default_factory=Blend)
    kernels: Sequence[int] = (1, 3, 3, 1)
    constant: bool = False


SETS = {
    "trellis": Made(),
    "constant": Made(constant=True),
    "own-block": Made(kernels=(1, 1, 1)),
    "3x3": Made(kernels=(1, 3, 1)),
    "9x9": Made(kernels=(1, 3, 3, 3, 3, 1)),
    "ssimulacra2": Made(Blend({"ssimulacra2": 0.95})),
    "ms-ssim": Made(Blend({"ms_ssim": 0.95}, {})),
    "mse": Made(Blend({}, {}), constant=True),
}


def training_crops(count: int, seed: int) -> list[np.ndarray]:
    """uint8 (SIDE, SIDE, 3) crops: one of each training photo in turn, starting again as often as needed."""
    rng = np.random.default_rng(seed)
    every = spread()
    crops = []
    for i in range(count):
        rgb = every[i % len(every)].rgb()
        top, left = (8 * int(rng.integers(0, (side - SIDE) // 8 + 1)) for side in rgb.shape[:2])
        crops.append(np.ascontiguousarray(rgb[top : top + SIDE, left : left + SIDE]))
    return crops


def start(crops: Sequence[np.ndarray]) -> TrellisSet:
    """A set with weights for MSE alone, and tables learned for them."""
    nothing = Network(
        [(np.zeros((1, 1, FEATURES, OUTPUTS), np.float32), np.zeros(OUTPUTS, np.float32))],
        np.stack([mse_profile("4:2:0"), mse_profile("4:4:4")]),
    )
    return with_network("start", nothing, learn_tables(nothing, crops, steps=8))


def with_network(name: str, network: Network, tables: np.ndarray) -> TrellisSet:
    """A set that is not yet calibrated: its qualities span all λ, with no meaning."""
    scale = np.array([[1.0, 1e3], [100.0, 1e-2]])
    return TrellisSet(name, network, np.array(LAMBDAS), tables, scale, np.ones(len(LAMBDAS)), np.zeros(len(LAMBDAS)))


def learn_tables(network: Network, crops: Sequence[np.ndarray], steps: int) -> np.ndarray:
    """Tables for each chroma subsampling and λ, float (2, K, 3, 8, 8)."""
    learn = partial(learning.learn, steps=steps, batch=10, rate=0.08, rounds=1, threads=threads.available())
    found = []
    for subsampling in (chroma.HALF, chroma.FULL):
        examples = learning.examples_of(np.stack(crops), network.weights, subsampling)
        found.append([learn(examples, lam) for lam in LAMBDAS])
    tables = np.array(found)
    tables[:, :, 0, :2, :2] *= FINER
    return tables.clip(1, 255)


def calibrate(made: TrellisSet, pictures: Sequence[np.ndarray]) -> TrellisSet:
    """Add the λ of each quality, at which our median SSIMULACRA 2 score equals that of libjpeg's files in 4:2:0 or
    4:4:4, whichever is higher; and the powers of a photo's loss for which scores at one quality differ least."""
    fixed = replace(made, powers=np.zeros(len(LAMBDAS)))
    losses, ours, theirs = [], [], []
    peers = [codecs.get("pillow-420-progressive"), codecs.get("pillow-444")]
    for rgb in track(pictures, "calibrate"):
        reference = Reference(rgb)
        dct = planes.forward_dct(rgb)
        losses.append(expected_losses(made, dct.planes[0], made.network.weights(dct)[0]))
        ours.append([reference.score(decode(_at_lam(fixed, rgb, lam))) for lam in LAMBDAS])
        theirs.append([max(reference.score(decode(p.encode(rgb, q))) for p in peers) for q in QUALITIES])
    log_lams, median_losses = np.log(LAMBDAS), np.median(losses, axis=0)
    slopes = np.gradient(np.mean(ours, axis=0), log_lams)
    excess = np.log(losses) - np.log(median_losses)
    powers = [
        max(0.0, np.polyfit(x, y, 1)[0] / slope) for x, y, slope in zip(excess.T, np.array(ours).T, slopes, strict=True)
    ]
    scores = np.minimum.accumulate(np.median(ours, axis=0)) - 1e-3 * np.arange(len(LAMBDAS))
    wanted = np.maximum.accumulate(np.median(theirs, axis=0)) + 1e-3 * np.arange(len(QUALITIES))
    found = []
    for score in wanted:
        i = int(np.clip(np.searchsorted(-scores, -score), 1, len(scores) - 1))
        t = (score - scores[i - 1]) / (scores[i] - scores[i - 1])
        found.append(log_lams[i - 1] + t * (log_lams[i] - log_lams[i - 1]))
    lams = np.exp(np.clip(found, np.log(0.02), np.log(2e4)))
    lams = np.minimum.accumulate(lams) * (1 - 1e-4 * np.arange(len(lams)))
    scale = np.array([*zip(QUALITIES, lams, strict=True), (100, 0.001)])  # at 100 all steps are 1
    return replace(made, scale=scale, losses=median_losses, powers=np.array(powers))


def _at_lam(fixed: TrellisSet, rgb: np.ndarray, lam: float) -> bytes:
    """Encode at a λ, with a set whose powers are 0."""
    alone = replace(fixed, scale=np.array([[1.0, 1.001 * lam], [100.0, 0.999 * lam]]))
    return TrellisEncoder(Picture(rgb), alone).encode(50.5)


def folder_of(name: str) -> Path:
    """The folder of the set called ``name``."""
    return ROOT / ("src/repro/assets/models" if name == "trellis" else "data/ablation_sets") / name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=SETS, help="make this set alone")
    parser.add_argument("--tables", action="store_true", help="take the networks that are there")
    parser.add_argument("--calibrate", action="store_true", help="only find anew what a quality means")
    options = parser.parse_args()
    wanted = {options.only: SETS[options.only]} if options.only else SETS
    pictures = [photo.rgb()[:512, :512] for photo in spread()[-CALIBRATION_PHOTOS:]]
    crops = training_crops(LEARNED, seed=3)
    samples = [] if options.tables or options.calibrate else _samples(crops, wanted)
    for name, made in wanted.items():
        if options.calibrate or options.tables:
            chosen = load(str(folder_of(name)))
            network, told = chosen.network, chosen.provenance
        else:
            network, told = fit(samples, made.blend, made.kernels, constant=made.constant), _told(made)
        if not options.calibrate:
            chosen = with_network(name, network, learn_tables(network, crops, steps=24))
        save(replace(calibrate(chosen, pictures), provenance=told), folder_of(name))
        print(folder_of(name))


def _samples(crops: Sequence[np.ndarray], wanted: Mapping[str, Made]) -> list[Sample]:
    """Samples measured with weights and tables that were themselves learned from such samples."""
    metrics = sorted({metric for made in wanted.values() for metric in made.blend.metrics} | {"ssimulacra2", "ms_ssim"})
    first = measure(training_crops(FIRST, seed=1), start(crops), metrics, seed=1)
    network = fit(first, Blend())
    policy = with_network("trellis", network, learn_tables(network, crops, steps=16))
    return measure(training_crops(SECOND, seed=2), policy, metrics, seed=2)


def _told(made: Made) -> dict[str, object]:
    return {
        "commit": provenance()["commit"],
        "training photos": describe(photos("train")),
        "learned from": {**made.blend.metrics, "mse": round(1 - sum(made.blend.metrics.values()), 3)},
        "measured on": f"{SECOND} crops of {SIDE} px",
        "tables learned on": f"{LEARNED} crops of {SIDE} px",
        "calibrated on": f"{CALIBRATION_PHOTOS} training photos",
    }


if __name__ == "__main__":
    main()
