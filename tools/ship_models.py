"""Make the model sets that `repro encode` ships, from the stored results of `repro reproduce`.

``python tools/ship_models.py`` writes ``src/repro/assets/models/tables`` (the paper's loss, tables alone) and
``src/repro/assets/models/vgg16`` (tables and attention heads), each model's quality calibrated on training photos.
The default set, which is learned with the trellis in the loop, is made by ``tools/ship_trellis.py``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from repro.attention import ConvolutionalAttention
from repro.data import Photo, photos
from repro.encoder.calibrate import calibrate
from repro.encoder.models import ModelSet, save
from repro.errors import ReproError
from repro.experiments import Experiment, Store, claims, experiments_of
from repro.model import load_checkpoint

ASSETS = Path(__file__).resolve().parents[1] / "src" / "repro" / "assets" / "models"
CALIBRATION_PHOTOS = 40


def model_set(name: str, experiments: Sequence[Experiment], store: Store) -> ModelSet:
    """The set of the experiments' checkpoints, in order of λ, not yet calibrated."""
    chosen = sorted(experiments, key=lambda e: e.loss.lam)
    models, results = [], []
    for experiment in chosen:
        result = store.load(experiment)
        if result is None:
            raise ReproError(f"{experiment.key}: no stored result; run `repro reproduce`")
        results.append(result)
        models.append(load_checkpoint(store.checkpoint_path(experiment))[0])
    heads = [m.attention.head for m in models if isinstance(m.attention, ConvolutionalAttention)]
    return ModelSet(
        name=name,
        method=chosen[0].model.method,
        lams=np.array([e.loss.lam for e in chosen]),
        qualities=np.arange(1.0, len(chosen) + 1),
        tables=np.array([model.tables().detach().double().numpy() for model in models]).clip(1, 255),
        head_weights=np.array([h.weight.detach().numpy()[:, :, 0, 0] for h in heads]) if heads else None,
        head_biases=np.array([h.state_dict()["bias"].numpy() for h in heads]) if heads else None,
        provenance={
            "results": [e.key for e in chosen],
            "commit": sorted({str(r["provenance"]["commit"]) for r in results}),
            "training photos": results[0]["provenance"]["data"]["train"],
            "weights": results[0]["provenance"]["weights"],
            "calibrated on": f"{CALIBRATION_PHOTOS} training photos",
        },
    )


def spread() -> list[Photo]:
    """The training photos, sorted by a hash of the name, so that their order has nothing to do with source or name."""
    return sorted(photos("train").items, key=lambda p: hashlib.sha256(p.name.encode()).hexdigest())


def main() -> None:
    store = Store.default()
    pictures = [photo.rgb()[:512, :512] for photo in spread()[:CALIBRATION_PHOTOS]]
    wanted = [e for e in experiments_of("encoder", "cpu") if isinstance(e, Experiment)]
    attention = [e for e in experiments_of("5", "cpu") if isinstance(e, Experiment) and e.series == claims.loss.PAPER]
    attention = [e for e in attention if e.seed == 0]
    for name, experiments in {"tables": wanted, "vgg16": attention}.items():
        save(calibrate(model_set(name, experiments, store), pictures), ASSETS / name)
        print(ASSETS / name, sum(f.stat().st_size for f in (ASSETS / name).iterdir()) // 1024, "KiB")


if __name__ == "__main__":
    main()
