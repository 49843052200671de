"""Curves that are better or worse by construction, which the tests of verdicts and of their plots share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from repro.evaluation import Curve
from repro.experiments import Experiment, experiments_of

#: Bits per pixel of the paper's counting, and of a sequential file, over those of the file itself.
PAPER, SEQUENTIAL = 1.25, 1.04
#: At a rate of 1: half of the photos are as easy as the first, the others up to 3 times as hard.
_AT_1 = {"mse": 20.0, "lpips": 0.03, "ms_ssim": 0.01, "mse_chroma": 6.0, "blocking": 0.5}
Factor = float | Callable[[float], float]


def curve(
    name: str,
    worse: Mapping[str, Factor] | None = None,
    *,
    saved: float = 1.0,
    photos: int = 24,
    noise: float = 0.0,
    rates: tuple[float, float] = (0.1, 1.0),
    reach: Mapping[int, float] | None = None,
    points: int = 9,
) -> Curve:
    """Errors that fall as rate^-1.2, on ``photos`` that differ threefold.

    worse
        metric → what its error (for MS-SSIM, 1 − MS-SSIM) is multiplied by: a number, or a function of the rate.
    saved
        all of the same at so many times the bits.
    noise
        of two photos that are equally hard one is by so much better, the other worse: on average nothing changes.
    rates
        bits per pixel of the first and the last of ``points``; ``reach`` gives some photos another last one.
    """
    images = {}
    for i in range(photos):
        hard = 1 + 2 * (i // 2) / photos
        grid = np.geomspace(rates[0], (reach or {}).get(i, rates[1]), points)
        measured = []
        for setting, rate in enumerate(grid):
            error = {
                metric: start * hard * rate**-1.2 * (1 + noise * (-1) ** i) * _at((worse or {}).get(metric, 1.0), rate)
                for metric, start in _AT_1.items()
            }
            bpp = float(rate) * saved
            counted = {"bpp": bpp, "bpp_paper": PAPER * bpp, "bpp_sequential": SEQUENTIAL * bpp}
            measured.append({"setting": setting, **counted, **error, "ms_ssim": 1 - error["ms_ssim"]})
        images[f"photo{i:02}"] = tuple(measured)
    return Curve(name, images)


def names_of(*figures: str, profile: str = "cpu") -> list[str]:
    """The curves that these figures have, in order; those of Fig. 5 and of what is ours, if none is named."""
    wanted = [e for figure in figures or ("5", "ours") for e in experiments_of(figure, profile)]
    return list(dict.fromkeys(e.series if isinstance(e, Experiment) else e.encoder for e in wanted))


def curves_of(*figures: str, changed: Mapping[str, Curve] | None = None, photos: int = 24) -> dict[str, Curve]:
    """All curves of these figures at profile ``cpu``, alike but for those that are given."""
    return {name: curve(name, photos=photos) for name in names_of(*figures)} | dict(changed or {})


def below(rate: float, factor: float) -> Factor:
    """``factor`` at rates below ``rate``, 1 from there on."""
    return lambda bpp: factor if bpp < rate else 1.0


def _at(factor: Factor, rate: float) -> float:
    return factor(rate) if callable(factor) else factor
