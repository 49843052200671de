"""Curves that are better or worse by construction, shared by the tests of verdicts and of their plots."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from repro.evaluation import Curve
from repro.experiments import Experiment, experiments_of

#: Bits per pixel by the paper's counting, and of a sequential file, as multiples of those of the file itself.
PAPER, SEQUENTIAL = 1.25, 1.04
#: Errors of the easiest two photos at a rate of 1; those of the hardest two are nearly twice as large.
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
    """A curve of errors that fall as rate^-1.2, on ``photos`` whose errors differ up to nearly twofold.

    worse
        metric → factor of its error (for MS-SSIM, of 1 − MS-SSIM): a number, or a function of the rate.
    saved
        factor of the bits per pixel, at the same errors.
    noise
        of two equally hard photos, one has larger errors by this share, the other smaller: the mean stays.
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
    """Names of these figures' curves, in order; by default those of the figures "5" and "ours"."""
    wanted = [e for figure in figures or ("5", "ours") for e in experiments_of(figure, profile)]
    return list(dict.fromkeys(e.series if isinstance(e, Experiment) else e.encoder for e in wanted))


def curves_of(*figures: str, changed: Mapping[str, Curve] | None = None, photos: int = 24) -> dict[str, Curve]:
    """All curves of these figures at profile ``cpu``, equal except for those in ``changed``."""
    return {name: curve(name, photos=photos) for name in names_of(*figures)} | dict(changed or {})


def below(rate: float, factor: float) -> Factor:
    """A factor that is ``factor`` below ``rate``, and 1 from there on."""
    return lambda bpp: factor if bpp < rate else 1.0


def _at(factor: Factor, rate: float) -> float:
    return factor(rate) if callable(factor) else factor
