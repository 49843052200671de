"""The ablations of chapter 10, from plain JPEG to our best encoder, and the peers: functions of pixels and quality.

One thing is added at a time, so that comparing each ablation with the one before shows what it is worth: Annex K's
tables in 4:2:0, the trellis, tables learned through it, a weight for each band, and a network that sees one block, or
its neighbours as well. Others learn from another metric, or lack one part. ``tables-444`` is the paper's way: learned
tables, 4:4:4, rounding. ``default-sparse`` is ``default`` at the other ablations' qualities, to compare like with like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

import numpy as np

from repro import codecs, threads
from repro.encoder import models, trellis_set
from repro.encoder.encode import Effort, Settings, encode_picture
from repro.encoder.images import Picture
from repro.encoder.trellis_encoder import TrellisEncoder
from repro.experiments.registry import PLAIN, RIVALS
from repro.experiments.store import Store
from repro.files import sha256_file
from repro.jpeg.tables import quality_tables
from repro.jpeg.writer import write
from repro.training.sensitivity import mse_profile
from repro.trellis import planes

#: λ of ``annexk-trellis`` as a share of the mean squared step of the luma table. Of 0.005, 0.0075, 0.01, 0.015, 0.02
#: and 0.03, it saves the most bits against rounding at equal MSE, on every third tuning photo, over 0.2–0.6 bpp.
STEP_SHARE = 0.02
#: Time limit of "best" for a photo, in seconds: enough for all its steps, so that a busy machine changes no result.
PATIENCE = 3600.0
#: Trellis sets that differ from the shipped one in one thing: name → label. They are in ``data/ablation_sets``, made by
#: ``tools/ship_trellis.py``.
SETS = {
    "mse": "weights of MSE alone",
    "constant": "one weight for each band",
    "own-block": "network of 1 × 1 blocks",
    "3x3": "network of 3 × 3 blocks",
    "9x9": "network of 9 × 9 blocks",
    "ssimulacra2": "learned from SSIMULACRA 2",
    "ms-ssim": "learned from MS-SSIM",
}
Encode = Callable[[np.ndarray, int], bytes]


@dataclass(frozen=True)
class Ablation:
    """An encoder of the comparison.

    label
        words for a legend.
    encode
        (H, W, 3) uint8 and a quality on the encoder's own scale, 1–100 → the bytes of a JPEG file.
    assets
        files on which these bytes depend, under the package's ``assets/`` or under ``data/``.
    peer
        whether it is an encoder by others.
    """

    label: str
    encode: Encode
    assets: tuple[str, ...] = ()
    peer: bool = False

    def hashes(self) -> dict[str, str]:
        """Asset → SHA-256 of its present content; missing files are left out."""
        with resources.as_file(resources.files("repro") / "assets") as folder:
            places = {asset: (folder / asset, Store.default().data / asset) for asset in self.assets}
            return {asset: sha256_file(path) for asset, of in places.items() for path in of if path.is_file()}


def mse_weights(dct: planes.DctPlanes) -> list[planes.Weights]:
    """Weights of squared errors in MSE over RGB, for each plane of a picture in 4:2:0; the same in every block."""
    return [
        planes.Weights(np.ones((len(plane.F), 1), np.float32), by_frequency, np.zeros(64, np.int64))
        for plane, by_frequency in zip(dct.planes, mse_profile(dct.subsampling), strict=False)
    ]


def rounded(dct: planes.DctPlanes, tables: np.ndarray) -> list[np.ndarray]:
    """int32 (n, 64) zigzag for each plane: coefficients rounded to whole numbers of steps and clipped to ±1023."""
    return [
        np.rint(plane.F / planes.steps(tables, i)).astype(np.int32).clip(-1023, 1023)
        for i, plane in enumerate(dct.planes)
    ]


def lam_of(tables: np.ndarray) -> float:
    """The squared error that one bit is worth with ``tables`` (2, 8, 8): proportional to luma's mean squared step."""
    return STEP_SHARE * float(np.square(tables[0].astype(np.float64)).mean())


def tables_444(rgb: np.ndarray, quality: int) -> bytes:
    """The paper's way: tables learned with its loss, 4:4:4, rounding to the nearest; progressive and optimised."""
    return _shipped(models.TABLES, "default", rgb, quality)


def annexk_420(rgb: np.ndarray, quality: int) -> bytes:
    """Annex K's tables, 4:2:0, rounding to the nearest."""
    dct, tables = _standard(rgb, quality)
    return write(planes.assemble(dct, rounded(dct, tables), tables))


def annexk_trellis(rgb: np.ndarray, quality: int) -> bytes:
    """Annex K's tables, 4:2:0, coefficients chosen by the trellis for MSE alone."""
    dct, tables = _standard(rgb, quality)
    z = planes.trellis_quantize(dct, mse_weights(dct), tables, lam_of(tables), threads=threads.available())
    return write(planes.assemble(dct, z, tables))


def by_effort(effort: Effort, rgb: np.ndarray, quality: int) -> bytes:
    """Tables learned through the trellis, at one of the encoder's efforts."""
    return _shipped(models.DEFAULT, effort, rgb, quality)


def default_scans(rgb: np.ndarray, quality: int) -> bytes:
    """ "default" with the smallest of the known scan layouts, which shows no colour until late."""
    return encode_picture(Picture(rgb), Settings(quality=quality, scans="smallest")).data


def default_soft(rgb: np.ndarray, quality: int) -> bytes:
    """ "default" without sharpening subsampled chroma to counter the decoder's filter."""
    return TrellisEncoder(Picture(rgb), trellis_set.load(), sharp_chroma=False).encode(quality)


def by_set(name: str, rgb: np.ndarray, quality: int) -> bytes:
    """ "default" with another of :data:`SETS`."""
    return TrellisEncoder(Picture(rgb), trellis_set.load(str(set_folder(name)))).encode(quality)


def set_folder(name: str) -> Path:
    """The folder of one of :data:`SETS`."""
    return Store.default().data / "ablation_sets" / name


def _shipped(model: str, effort: Effort, rgb: np.ndarray, quality: int) -> bytes:
    settings = Settings(quality=quality, model=model, effort=effort, seconds=PATIENCE if effort == "best" else None)
    return encode_picture(Picture(rgb), settings).data


def _standard(rgb: np.ndarray, quality: int) -> tuple[planes.DctPlanes, np.ndarray]:
    tables = quality_tables(quality).astype(np.uint16)
    return planes.forward_dct(rgb, "4:2:0", sharp_chroma=False), tables


def _peer(name: str) -> Ablation:
    return Ablation(codecs.CODECS[name].label, lambda rgb, quality: codecs.get(name).encode(rgb, quality), peer=True)


_TABLES, _TRELLIS = ((f"models/{name}/SHA256SUMS",) for name in (models.TABLES, models.DEFAULT))
#: Name → ablation: other encoders, then ours from plain to best, then variants of ours.
ABLATIONS: dict[str, Ablation] = {
    **{name: _peer(name) for name in (PLAIN, *RIVALS)},
    "tables-444": Ablation("the paper's way: learned tables, 4:4:4", tables_444, _TABLES),
    "annexk-420": Ablation("Annex K, 4:2:0, rounding", annexk_420),
    "annexk-trellis": Ablation("Annex K, 4:2:0, trellis for MSE", annexk_trellis),
    "fast": Ablation("fast", partial(by_effort, "fast"), _TRELLIS),
    "default": Ablation("default", partial(by_effort, "default"), _TRELLIS),
    "best": Ablation("best", partial(by_effort, "best"), _TRELLIS),
    "default-sparse": Ablation("default, at the ablations' qualities", partial(by_effort, "default"), _TRELLIS),
    "default-scans": Ablation("default, smallest scans", default_scans, _TRELLIS),
    "default-soft": Ablation("default, chroma not sharpened", default_soft, _TRELLIS),
    **{
        name: Ablation(label, partial(by_set, name), (f"ablation_sets/{name}/SHA256SUMS",))
        for name, label in SETS.items()
    },
}
