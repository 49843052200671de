"""Make what `repro encode` writes with by default: sensitivities, and tables learned with the trellis in the loop.

``python tools/ship_trellis.py`` measures ``src/repro/assets/trellis/sensitivity.safetensors`` and learns
``src/repro/assets/models/trellis``, all on training photos, in about ten minutes; ``--keep`` takes the sensitivities
that are there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from repro import threads
from repro.data import photos
from repro.encoder.calibrate import calibrate
from repro.encoder.models import TRELLIS, ModelSet, save
from repro.experiments.inputs import describe
from repro.runtime import provenance
from repro.training.sensitivity import measure
from repro.trellis import sensitivity
from repro.trellis import tables as learning
from ship_models import CALIBRATION_PHOTOS, spread

ASSETS = Path(__file__).resolve().parents[1] / "src" / "repro" / "assets"
#: What errors are worth, as weights in Eq. 8's distortion with MSE at 1.
METRIC_WEIGHTS = {"mse": 1.0, "lpips": 200.0, "ms_ssim": 2400.0}
#: Squared error that a bit is worth, from the finest tables to the coarsest.
LAMBDAS = (12.0, 30.0, 75.0, 170.0, 380.0, 800.0, 1600.0, 3200.0, 6400.0)
#: Crops that tables learn from, their side, and how many of them sensitivities are measured on.
CROPS, SIDE, MEASURED = 96, 256, 48


def training_crops(seed: int = 0) -> np.ndarray:
    """uint8 (CROPS, SIDE, SIDE, 3): one from each of as many training photos."""
    rng = np.random.default_rng(seed)
    crops = []
    for photo in spread()[:CROPS]:
        rgb = photo.rgb()
        top, left = (int(rng.integers(0, side - SIDE + 1)) for side in rgb.shape[:2])
        crops.append(rgb[top : top + SIDE, left : left + SIDE])
    return np.stack(crops)


def learn_set(crops: np.ndarray, known: sensitivity.Sensitivity) -> ModelSet:
    """The tables of every λ, not yet calibrated."""
    examples = learning.examples_of(crops, lambda dct: known.weights(dct, METRIC_WEIGHTS))
    cores = threads.available()
    tables = [learning.learn(examples, lam, steps=40, batch=16, threads=cores) for lam in sorted(LAMBDAS, reverse=True)]
    made = provenance()
    return ModelSet(
        name="trellis",
        method=TRELLIS,
        lams=np.array([1 / lam for lam in sorted(LAMBDAS, reverse=True)]),
        qualities=np.arange(1.0, len(LAMBDAS) + 1),
        tables=np.array(tables),
        metric_weights=METRIC_WEIGHTS,
        provenance={
            "commit": made["commit"],
            "training photos": describe(photos("train")),
            "learned on": f"{len(crops)} crops of {crops.shape[1]} px",
            "calibrated on": f"{CALIBRATION_PHOTOS} training photos",
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="take the sensitivities that are there")
    crops = training_crops()
    path = ASSETS / "trellis" / "sensitivity.safetensors"
    if not parser.parse_args().keep:
        path.parent.mkdir(parents=True, exist_ok=True)
        measured = measure(crops[:MEASURED])
        sensitivity.save(path, measured, {"commit": provenance()["commit"], "crops": MEASURED})
    pictures = [photo.rgb()[:512, :512] for photo in spread()[-CALIBRATION_PHOTOS:]]
    save(calibrate(learn_set(crops, sensitivity.load(path)), pictures), ASSETS / "models" / "trellis")
    print(ASSETS / "models" / "trellis")


if __name__ == "__main__":
    main()
