"""SSIMULACRA 2, version 2.1 (Sneyers 2023), a metric held out.

No loss contains it, and no table or network learned from it; one threshold was chosen by it, the margin in
:mod:`repro.encoder.chroma`.

It compares local structure, edges gained and edges lost at six scales of the XYB colour space. The weights of these
maps were fitted by its author to opinions of compressed photos, those of CID22's training part among them. It is not
differentiable.

Colours, maps and weights are those of the package ``ssimulacra2``. The blur and the loop over scales are here, because
the package's differ from the reference, libjxl's ``tools/ssimulacra2.cc``: it mirrors images at two of their edges
where libjxl assumes zeros at all four, blurs with the Gaussian that libjxl approximates, and leaves out a scale on
small images. That moves its score by up to 4 points on photos of 300 px a side or more, and by 10 to 15 on photos of
200 px. What is here agrees with libjxl's program to 0.2 points up to a score of 80
(``tests/goldens/ssimulacra2.json``). Above that the program, whose blur rounds to 32 bits at every step, may give up to
a point less for smooth skies.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from repro.metrics.checks import check_installed, check_pair, check_side

#: Smallest side at which libjxl's program reaches all six scales; below, its weights would meet the wrong scales.
MIN_SIDE_SSIMULACRA2 = 113
_SIGMA = 1.5  # of the blur, in px


def ssimulacra2(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """SSIMULACRA 2.1 of ``y`` against the original ``x``: (B, 3, H, W) sRGB on 0–255 twice → (B,). Not symmetric.

    100 for equal images, and no lower limit. In its author's words, 90 cannot be told apart in a flicker test, 70 is
    high quality, 50 medium (about libjpeg's 4:2:0 at quality 35) and 30 low.

    Raises :class:`ReproError` for sides under 113 px, and where the package is not installed.
    """
    check_pair(x, y)
    check_side(x, MIN_SIDE_SSIMULACRA2, "SSIMULACRA 2 halves it five times")
    check_installed("SSIMULACRA 2", "ssimulacra2", "ssimulacra2")
    pairs = zip(_pixels(x), _pixels(y), strict=True)
    return torch.tensor([_score(*pair) for pair in pairs], dtype=torch.float64, device=x.device)


def _pixels(x: torch.Tensor) -> np.ndarray:
    return np.asarray(x.detach().double().movedim(1, -1).cpu())


def _score(original: np.ndarray, changed: np.ndarray) -> float:
    """Of two (H, W, 3) images on 0–255."""
    from ssimulacra2 import ssimulacra2 as package

    linear = [package.srgb_to_linear(image) for image in (original, changed)]
    scores = package.Msssim()
    for scale in range(package.kNumScales):
        if scale:
            linear = [package.downsample(image, 2, 2) for image in linear]
        # the package's XYB has columns for rows, which matters neither to the blur nor to means over all places
        x, y = (package.make_positive_xyb(package.linear_rgb_to_xyb(image)) for image in linear)
        mean_x, mean_y = _blur(x), _blur(y)
        here = package.MsssimScale()
        here.avg_ssim = package.ssim_map(mean_x, mean_y, _blur(x * x), _blur(y * y), _blur(x * y))
        here.avg_edgediff = package.edge_diff_map(x, mean_x, y, mean_y)
        scores.scales.append(here)
    return float(scores.score())


def _blur(planes: np.ndarray) -> np.ndarray:
    """libjxl's blur of (H, W, 3), with zeros beyond all edges."""
    from scipy.ndimage import correlate1d

    return np.asarray(correlate1d(correlate1d(planes, _kernel(), 0, mode="constant"), _kernel(), 1, mode="constant"))


@lru_cache(maxsize=1)
def _kernel() -> np.ndarray:
    """libjxl's stand-in for a Gaussian, (9,): three cosines that reach zero together, five pixels from the middle.

    Of all such kernels of sum 1 and variance σ² it is the one whose amplitudes are nearest to the Gaussian's.
    Charalampidis, "Recursive Implementation of the Gaussian Filter Using Truncated Cosine Functions", 2016.
    """
    radius = round(3.2795 * _SIGMA + 0.2546)  # Eq. 57
    places = np.arange(1 - radius, radius)
    frequencies = np.array([1, 3, 5]) * np.pi / (2 * radius)
    cosines = np.cos(np.outer(frequencies, places))
    gaussian = np.exp(-((_SIGMA * frequencies) ** 2) / 2) / radius
    moments = np.stack([cosines.sum(1), cosines @ places**2])
    lacking = np.array([1, _SIGMA**2]) - moments @ gaussian
    return np.asarray((gaussian + np.linalg.pinv(moments) @ lacking) @ cosines)
