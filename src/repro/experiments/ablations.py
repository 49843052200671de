"""The rungs from plain JPEG to the best that this encoder does, and its peers: each one function of pixels and quality.

What is done well is added one thing at a time, so that each rung less the one below says what that thing is worth:
Annex K's tables in 4:2:0, scans of one component, the trellis, learned tables with what errors are worth to people, and
a descent on the distortion itself. ``tables-444`` is the paper's own way: learned tables, all of chroma, rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources

import numpy as np
import torch

from repro import codecs
from repro.encoder import models
from repro.encoder.analysis import to_tensor
from repro.encoder.encode import Effort, Settings, encode_picture
from repro.encoder.images import Picture
from repro.encoder.optimised import PLANS, Optimised, Plan
from repro.errors import UsageError
from repro.files import sha256_file
from repro.jpeg.codestream import write
from repro.jpeg.tables import ZIGZAG, quality_tables
from repro.trellis import planes
from repro.trellis.scans import smallest

#: λ of ``annexk-trellis`` in mean squared steps of the luma table: of 0.005, 0.0075, 0.01, 0.015, 0.02 and 0.03 the one
#: that saves most bits at equal MSE against plain rounding on every third tuning photo, over 0.2–0.6 bpp.
STEP_SHARE = 0.02
#: Seconds that "best" may take for a photo here: enough for all its steps, so that no busy machine changes a number.
PATIENCE = 3600.0
#: A target that may move by so little of a step does not move.
_STILL = 1e-4
#: Mean square over R, G and B of an error of 1 in Cb, and in Cr (JFIF's colours).
_CHROMA = ((0.344136**2 + 1.772**2) / 3, (1.402**2 + 0.714136**2) / 3)
_SETS, _SENSITIVITY = "models", "trellis/sensitivity.safetensors"
Encode = Callable[[np.ndarray, int], bytes]


@dataclass(frozen=True)
class Rung:
    """One encoder of the ladder.

    name, label
        the key in :data:`RUNGS` or :data:`TRIED`, and words for a legend.
    encode
        (H, W, 3) uint8 and a quality of its own scale, 1–100 → the bytes of a JPEG file.
    assets
        files under ``assets/`` that its bytes depend on.
    peer
        whether the work is another encoder's.
    """

    name: str
    label: str
    encode: Encode
    assets: tuple[str, ...] = ()
    peer: bool = False

    def hashes(self) -> dict[str, str]:
        """Asset → SHA-256 of what it holds now."""
        folder = resources.files("repro") / "assets"
        found = {}
        for asset in self.assets:
            with resources.as_file(folder / asset) as path:
                found[asset] = sha256_file(path)
        return found


def get(name: str) -> Rung:
    """The rung or trial called ``name``; :class:`UsageError` lists the names where there is none."""
    every = RUNGS | TRIED
    if name not in every:
        raise UsageError(f"unknown rung {name!r}; choose from {', '.join(every)}")
    return every[name]


def mse_weights(analysed: planes.Analysed) -> list[planes.Weights]:
    """What an error is worth to MSE over RGB, for each plane of a picture in 4:2:0: the same in every block.

    An error of chroma reaches four pixels, through the decoder's triangle filter, which dampens high frequencies.
    """
    half = np.outer(_grown(), _grown()).ravel()[ZIGZAG.numpy()]
    by_frequency = [np.ones(64), *(channels * half for channels in _CHROMA)]
    return [
        planes.Weights(w[None].astype(np.float32), np.zeros(len(plane.F), np.int64))
        for plane, w in zip(analysed.planes, by_frequency, strict=False)
    ]


def _grown() -> np.ndarray:
    """(8,): the energy of each cosine of a block, 1 at half resolution, after the triangle filter on one axis."""
    places = np.arange(8)
    cosines = np.cos(np.pi * places[:, None] * (2 * places + 1) / 16) / 2
    cosines[0] /= np.sqrt(2)
    samples = np.pad(cosines, ((0, 0), (2, 2)))
    left, right = (3 * samples[:, 1:-1] + beside for beside in (samples[:, :-2], samples[:, 2:]))
    return np.asarray(np.square(left).sum(1) + np.square(right).sum(1)) / 16


def rounded(analysed: planes.Analysed, tables: np.ndarray) -> list[np.ndarray]:
    """int32 (n, 64) zigzag for each plane: the nearest whole numbers of steps."""
    return [
        np.rint(plane.F / planes.steps(tables, i)).astype(np.int32).clip(-1023, 1023)
        for i, plane in enumerate(analysed.planes)
    ]


def lam_of(tables: np.ndarray, share: float = STEP_SHARE) -> float:
    """Squared error that a bit is worth with ``tables`` (2, 8, 8): in proportion to luma's mean squared step."""
    return share * float(np.square(tables[0].astype(np.float64)).mean())


def tables_444(rgb: np.ndarray, quality: int) -> bytes:
    """The paper's way: tables learned by its loss, all of chroma, rounding to the nearest; progressive, optimised."""
    return _shipped(models.TABLES, "default", rgb, quality)


def annexk_420(rgb: np.ndarray, quality: int) -> bytes:
    """Annex K's tables, half of chroma, rounding to the nearest; progressive, optimised."""
    analysed, tables = _standard(rgb, quality)
    return write(planes.assemble(analysed, rounded(analysed, tables), tables))


def annexk_scans(rgb: np.ndarray, quality: int) -> bytes:
    """The same numbers, in the smallest scans that are known."""
    analysed, tables = _standard(rgb, quality)
    return smallest(planes.assemble(analysed, rounded(analysed, tables), tables))


def annexk_trellis(rgb: np.ndarray, quality: int, share: float = STEP_SHARE) -> bytes:
    """The same, with numbers chosen by the trellis, for MSE alone, and what those scans cost."""
    analysed, tables = _standard(rgb, quality)
    z = planes.optimise(analysed, mse_weights(analysed), tables, lam_of(tables, share), threads=torch.get_num_threads())
    return smallest(planes.assemble(analysed, z, tables))


def by_effort(effort: Effort, rgb: np.ndarray, quality: int, seconds: float = PATIENCE) -> bytes:
    """The shipped set for the trellis: tables learned through it, at one of its efforts; ``seconds`` bounds "best"."""
    return _shipped(models.TRELLIS, effort, rgb, quality, seconds)


def by_plan(plan: Plan, rgb: np.ndarray, quality: int) -> bytes:
    """The shipped set for the trellis, by a plan that no effort has."""
    return Optimised(Picture(rgb), models.load(models.TRELLIS), plan).at(quality)


def peer(codec: str, rgb: np.ndarray, quality: int) -> bytes:
    """Another encoder (:mod:`repro.codecs`) as it is."""
    return codecs.get(codec).encode(rgb, quality)


def _shipped(model: str, effort: Effort, rgb: np.ndarray, quality: int, seconds: float = PATIENCE) -> bytes:
    settings = Settings(quality=quality, model=model, effort=effort, seconds=seconds if effort == "best" else None)
    return encode_picture(Picture(rgb), settings).data


def _standard(rgb: np.ndarray, quality: int) -> tuple[planes.Analysed, np.ndarray]:
    tables = quality_tables(quality).numpy().astype(np.uint16)
    return planes.analyse(to_tensor(Picture(rgb)), "4:2:0"), tables


def _of_set(name: str) -> tuple[str, ...]:
    return (f"{_SETS}/{name}/model.json",)


#: What the shipped set for the trellis depends on.
_OF_TRELLIS = (*_of_set(models.TRELLIS), _SENSITIVITY)


def _efforts(labels: Sequence[tuple[Effort, str]]) -> list[Rung]:
    return [Rung(effort, label, partial(by_effort, effort), _OF_TRELLIS) for effort, label in labels]


def _tried() -> list[Rung]:
    """What two efforts could be otherwise: each says what bounds one."""
    look = PLANS["default"].descent
    assert look is not None
    leaning = Plan(mix={"mse": 1.0, "lpips": 1500.0, "ms_ssim": 2400.0}, heavier=2.2)
    told = Plan(replace(look, trust=_STILL), tables=PLANS["default"].tables)
    return [
        Rung("fast-lpips", "fast, LPIPS weighing more", partial(by_plan, leaning), _OF_TRELLIS),
        Rung("default-still", "default, no target moved", partial(by_plan, told), _OF_TRELLIS),
    ]


#: name → rung: the peers, then ours from plain to best.
RUNGS: dict[str, Rung] = {
    rung.name: rung
    for rung in (
        *(
            Rung(name, codecs.CODECS[name].label, partial(peer, name), peer=True)
            for name in ("pillow-420-progressive", "mozjpeg-420", "jpegli-420")
        ),
        Rung("tables-444", "the paper's way: learned tables, 4:4:4", tables_444, _of_set(models.TABLES)),
        Rung("annexk-420", "Annex K, 4:2:0, rounding", annexk_420),
        Rung("annexk-scans", "the same, DC of luma in a scan of its own", annexk_scans),
        Rung("annexk-trellis", "Annex K, 4:2:0, trellis for MSE", annexk_trellis),
        *_efforts(
            [
                ("fast", "fast: tables learned through the trellis"),
                ("default", "default: and a look at the picture"),
                ("best", "best: and a descent until it ends"),
            ]
        ),
    )
}
#: What is not on the way up.
TRIED: dict[str, Rung] = {rung.name: rung for rung in _tried()}
