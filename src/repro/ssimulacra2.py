"""SSIMULACRA 2, version 2.1 (Sneyers 2023): how similar a picture looks to its original, without PyTorch.

It compares local structure (SSIM), edges gained and edges lost in the XYB colour space at six scales, each by its mean
and by its 4-norm over all pixels. The weights of these 108 numbers were fitted to opinions of compressed photos,
including those of CID22's training part. Identical pictures score 100. In the author's words, 90 cannot be told apart
in a flicker test, 70 is high quality, 50 medium (about libjpeg's 4:2:0 at quality 35) and 30 low. There is no lower
limit.

The constants are those of libjxl's ``tools/ssimulacra2.cc``, which defines the metric. This implementation agrees with
it to 0.2 points up to a score of 80 (``tests/goldens/ssimulacra2.json``). Above that, libjxl's program, whose blur is
recursive and rounds to 32 bits at every step, may give up to a point less for smooth skies.

:mod:`repro.metrics.ssimulacra2` is the same in PyTorch, differentiable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from repro import threads
from repro.compiled import compiled
from repro.errors import ReproError

T = TypeVar("T")

#: The smallest side for which libjxl's program has all six scales; below, its weights would apply to the wrong scales.
MIN_SIDE = 113
SCALES = 6
#: (3, 6, 2, 3): channel X, Y, B − Y; scale, finest first; mean and 4-norm; structure, edges gained, edges lost.
# fmt: off
WEIGHTS = np.array([
    0.0, 0.0007376606707406586, 0.0, 0.0, 0.0007793481682867309, 0.0,
    0.0, 0.0004371155730107379, 0.0, 1.1041726426657346, 0.00066284834129271, 0.00015231632783718752,
    0.0, 0.0016406437456599754, 0.0, 1.8422455520539298, 11.441172603757666, 0.0,
    0.0007989109436015163, 0.000176816438078653, 0.0, 1.8787594979546387, 10.94906990605142, 0.0,
    0.0007289346991508072, 0.9677937080626833, 0.0, 0.00014003424285435884, 0.9981766977854967, 0.00031949755934435053,
    0.0004550992113792063, 0.0, 0.0, 0.0013648766163243398, 0.0, 0.0,
    0.0, 0.0, 0.0, 7.466890328078848, 0.0, 17.445833984131262,
    0.0006235601634041466, 0.0, 0.0, 6.683678146179332, 0.00037724407979611296, 1.027889937768264,
    225.20515300849274, 0.0, 0.0, 19.213238186143016, 0.0011401524586618361, 0.001237755635509985,
    176.39317598450694, 0.0, 0.0, 24.43300999870476, 0.28520802612117757, 0.0004485436923833408,
    0.0, 0.0, 0.0, 34.77906344483772, 44.835625328877896, 0.0,
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.0, 0.0008680556573291698, 0.0, 0.0, 0.0, 0.0,
    0.0, 0.0005313191874358747, 0.0, 0.00016533814161379112, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0004179171803251336, 0.0017290828234722833, 0.0,
    0.0020827005846636437, 0.0, 0.0, 8.826982764996862, 23.19243343998926, 0.0,
    95.1080498811086, 0.9863978034400682, 0.9834382792465353, 0.0012286405048278493,
    171.2667255897307, 0.9807858872435379,
    0.0, 0.0, 0.0, 0.0005130064588990679, 0.0, 0.00010854057858411537,
]).reshape(3, SCALES, 2, 3)
# fmt: on
WEIGHTS.flags.writeable = False
#: Linear RGB on 0–1 → the responses of long, middle and short cones, from which XYB is made; and their bias.
OPSIN = np.array(
    [
        (0.30, 0.622, 0.078),
        (0.23, 0.692, 0.078),
        (0.24342268924547819, 0.20476744424496821, 0.5518098665095536),
    ]
)
BIAS = 0.0037930732552754493
#: SSIM's constant, for XYB shifted to be positive.
C2 = 0.0009
#: With s = FACTOR · (the weighted sum of maps) and t = CUBIC · (s, s², s³), the score is 100 − 10 · t^POWER.
FACTOR = 0.9562382616834844
CUBIC = (2.326765642916932, -0.020884521182843837, 6.248496625763138e-05)
POWER = 0.6276336467831387
_SIGMA = 1.5  # of the blur, in px


def _blur_kernel() -> np.ndarray:
    """(9,): libjxl's approximation of a Gaussian by three cosines, which all reach zero five pixels from the centre.

    Of all such kernels with sum 1 and variance σ², it is the one whose amplitudes are nearest to the Gaussian's.
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


#: (9,): the blur kernel along one axis. Pictures are padded with zeros.
KERNEL = _blur_kernel()
REACH = len(KERNEL) // 2
#: Rows processed at a time; must be even.
_STRIP = 64
#: (256,) sRGB → linear light on 0–1.
_LINEAR = np.arange(256) / 255
_LINEAR = np.where(_LINEAR <= 0.04045, _LINEAR / 12.92, ((_LINEAR + 0.055) / 1.055) ** 2.4).astype(np.float32)


class Reference:
    """An original, uint8 (H, W, 3) sRGB or (H, W) grey, to compare pictures with.

    Its maps are computed once and take 16 bytes per pixel. Raises :class:`ReproError` for sides under 113 px.
    """

    def __init__(self, samples: np.ndarray) -> None:
        self.shape = samples.shape[:2]
        check_side(*self.shape)
        self._scales = list(_xyb_scales(samples))

    def score(self, samples: np.ndarray) -> float:
        """SSIMULACRA 2 of ``samples``, uint8 of the same height and width. Raises ``ValueError`` for another size."""
        if samples.shape[:2] != self.shape:
            raise ValueError(f"ssimulacra2: the original is {self.shape}, this picture {samples.shape[:2]}")
        scales = zip(self._scales, _xyb_scales(samples), WEIGHTS.swapaxes(0, 1), strict=True)
        return to_score(sum(float((_norms(x, y) * weights).sum()) for x, y, weights in scales))


def ssimulacra2(original: np.ndarray, samples: np.ndarray) -> float:
    """SSIMULACRA 2.1 of ``samples`` against ``original``, uint8 (H, W, 3) sRGB or (H, W) grey. Not symmetric.

    Raises :class:`ReproError` for sides under 113 px.
    """
    return Reference(original).score(samples)


def check_side(height: int, width: int) -> None:
    """Raise :class:`ReproError` if a side is under 113 px."""
    if min(height, width) < MIN_SIDE:
        raise ReproError(
            f"the picture is {width}×{height} px; SSIMULACRA 2 halves it five times and needs at least {MIN_SIDE} px "
            "a side"
        )


def to_score(total: float) -> float:
    """The weighted sum of maps → the score."""
    s = FACTOR * total
    t = CUBIC[0] * s + CUBIC[1] * s**2 + CUBIC[2] * s**3
    return 100 - 10 * t**POWER if t > 0 else 100.0


def _xyb_scales(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the picture in XYB shifted to be positive, float32 (3, H, W), at each scale, finest first."""
    xyb = np.empty((3, *samples.shape[:2]), np.float32)

    def convert(top: int) -> np.ndarray:
        linear = _LINEAR[samples[top : top + _STRIP]]
        linear = linear[..., None].repeat(3, -1) if linear.ndim == 2 else linear
        xyb[:, top : top + _STRIP] = _xyb(linear)
        return _halve(linear)

    linear = np.concatenate(_side_by_side(convert, range(0, len(samples), _STRIP)))
    yield xyb
    for _ in range(2, SCALES):
        yield _xyb(linear)
        linear = _halve(linear)
    yield _xyb(linear)


def _norms(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(3, 2, 3) for one scale: channel; mean and 4-norm; structure, edges gained, edges lost."""
    height = x.shape[1]
    strips = [(c, top, min(top + _STRIP, height)) for c in range(3) for top in range(0, height, _STRIP)]
    sums = np.zeros((3, 2, 3))
    parts = _side_by_side(lambda s: _strip_sums(x[s[0]], y[s[0]], s[1], s[2]), strips)
    for (channel, _, _), part in zip(strips, parts, strict=True):
        sums[channel] += part
    sums /= x[0].size
    sums[:, 1] **= 0.25
    return sums


def _side_by_side(work: Callable[[T], np.ndarray], parts: Sequence[T]) -> list[np.ndarray]:
    """``work`` on each of ``parts``, on at most two threads."""
    return threads.in_parallel(work, parts, min(2, threads.available()))


@compiled()
def _halve(linear: np.ndarray) -> np.ndarray:
    """2×2 means of float32 (H, W, 3); at an odd edge, means of the pixels that exist."""
    height, width, _ = linear.shape
    out = np.empty(((height + 1) // 2, (width + 1) // 2, 3), np.float32)
    for i in range(out.shape[0]):
        above, below = linear[2 * i], linear[min(2 * i + 1, height - 1)]
        for j in range(out.shape[1]):
            left, right = 2 * j, min(2 * j + 1, width - 1)
            for c in range(3):
                total = above[left, c] + above[right, c] + below[left, c] + below[right, c]
                out[i, j, c] = np.float32(0.25) * total
    return out


@compiled()
def _xyb(linear: np.ndarray) -> np.ndarray:
    """float32 (H, W, 3) linear RGB → (3, H, W): X, Y and B − Y, scaled and shifted as the metric requires."""
    height, width, _ = linear.shape
    m = OPSIN.astype(np.float32)
    bias, root = np.float32(BIAS), np.float32(BIAS ** (1 / 3))
    half, fourteen = np.float32(0.5), np.float32(14)
    out = np.empty((3, height, width), np.float32)
    for i in range(height):
        for j in range(width):
            r, g, b = linear[i, j]
            long = np.cbrt(m[0, 0] * r + m[0, 1] * g + m[0, 2] * b + bias) - root
            middle = np.cbrt(m[1, 0] * r + m[1, 1] * g + m[1, 2] * b + bias) - root
            short = np.cbrt(m[2, 0] * r + m[2, 1] * g + m[2, 2] * b + bias) - root
            y = half * (long + middle)
            out[0, i, j] = fourteen * half * (long - middle) + np.float32(0.42)
            out[1, i, j] = y + np.float32(0.01)
            out[2, i, j] = short - y + np.float32(0.55)
    return out


@compiled(fastmath={"contract", "reassoc", "nsz", "arcp"})
def _strip_sums(x: np.ndarray, y: np.ndarray, top: int, bottom: int) -> np.ndarray:
    """Rows ``top`` up to ``bottom`` of one channel, float32 (H, W) → (2, 3): the sums of the three maps and of their
    fourth powers. Computed from the difference δ = y − x, to lose little to rounding where the pictures are similar."""
    height, width = x.shape
    kernel = KERNEL.astype(np.float32)
    one, two, c2, zero = np.float32(1), np.float32(2), np.float32(C2), np.float32(0)
    down = np.empty((5, width + 2 * REACH), np.float32)  # x, δ, x², δ², x·δ, blurred vertically
    blurred = np.empty((5, width), np.float32)
    sums = np.zeros((2, 3))
    for i in range(top, bottom):
        down[:] = 0
        for k in range(max(-REACH, -i), min(REACH, height - 1 - i) + 1):
            w = kernel[k + REACH]
            for j in range(width):
                a = x[i + k, j]
                d = y[i + k, j] - a
                down[0, j + REACH] += w * a
                down[1, j + REACH] += w * d
                down[2, j + REACH] += w * a * a
                down[3, j + REACH] += w * d * d
                down[4, j + REACH] += w * a * d
        for q in range(5):
            for j in range(width):
                total = zero
                for k in range(2 * REACH + 1):
                    total += kernel[k] * down[q, j + k]
                blurred[q, j] = total
        for j in range(width):
            mean, shift = blurred[0, j], blurred[1, j]
            variance = blurred[2, j] - mean * mean
            of_difference = blurred[3, j] - shift * shift
            covariance = blurred[4, j] - mean * shift
            unlike = of_difference / (two * variance + two * covariance + of_difference + c2)
            structure = max(unlike + shift * shift * (one - unlike), zero)
            before = x[i, j] - mean
            after = before + (y[i, j] - x[i, j]) - shift
            edge = (abs(after) - abs(before)) / (one + abs(before))
            gained, lost = max(edge, zero), max(-edge, zero)
            sums[0, 0] += structure
            sums[0, 1] += gained
            sums[0, 2] += lost
            structure, gained, lost = structure * structure, gained * gained, lost * lost
            sums[1, 0] += structure * structure
            sums[1, 1] += gained * gained
            sums[1, 2] += lost * lost
    return sums
