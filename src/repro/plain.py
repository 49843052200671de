"""The paper as plain code: one short function for each of its equations, and for what they need.

Nothing here is fast, and nothing is hidden: every function stands alone, in eager PyTorch or NumPy, and takes its
arguments as the paper names them. The book shows this code, the tests take it as their oracle, and the benchmarks as
their yardstick. What the package actually runs (:mod:`repro.metrics`, :mod:`repro.training`, :mod:`repro.jpeg`) is
tested against it.

Pictures are (B, 3, H, W) float RGB on 0–255, blocks (B, 3, rows, cols, 8, 8), tables Q (2, 8, 8): luma, then chroma.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as nnf
from scipy.interpolate import PchipInterpolator
from torch import nn

# JPEG: colour, blocks, cosines, symbols (ITU-T T.81 and T.871)

YCBCR = torch.tensor([[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]])
RGB = torch.tensor([[1.0, 0.0, 1.402], [1.0, -0.344136286, -0.714136286], [1.0, 1.772, 0.0]])
CENTRE = torch.tensor([0.0, 128.0, 128.0]).view(3, 1, 1)


def rgb_to_ycbcr(x: torch.Tensor) -> torch.Tensor:
    """RGB → Y, Cb and Cr, all (B, 3, H, W) on 0–255."""
    return torch.einsum("ij,bjhw->bihw", YCBCR, x) + CENTRE


def ycbcr_to_rgb(y: torch.Tensor) -> torch.Tensor:
    """Y, Cb and Cr → RGB, all (B, 3, H, W); not clipped."""
    return torch.einsum("ij,bjhw->bihw", RGB, y - CENTRE)


def to_blocks(x: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) with sides that are multiples of 8 → (B, C, rows, cols, 8, 8)."""
    return x.unfold(2, 8, 8).unfold(3, 8, 8)


def from_blocks(blocks: torch.Tensor) -> torch.Tensor:
    """(B, C, rows, cols, 8, 8) → (B, C, H, W)."""
    batch, channels, rows, cols = blocks.shape[:4]
    return blocks.permute(0, 1, 2, 4, 3, 5).reshape(batch, channels, 8 * rows, 8 * cols)


def dct_matrix() -> torch.Tensor:
    """(8, 8): row u is the cosine of frequency u, of length 1."""
    n = torch.arange(8.0)
    D = torch.cos((2 * n[None, :] + 1) * n[:, None] * math.pi / 16) / 2
    D[0] /= math.sqrt(2)
    return D


def dct(blocks: torch.Tensor) -> torch.Tensor:
    """Samples (…, 8, 8) → coefficients F (…, 8, 8): F[v, u] of vertical frequency v and horizontal frequency u."""
    D = dct_matrix()
    return D @ blocks @ D.T


def idct(F: torch.Tensor) -> torch.Tensor:
    """Coefficients F (…, 8, 8) → samples (…, 8, 8)."""
    D = dct_matrix()
    return D.T @ F @ D


def zigzag(block: np.ndarray) -> np.ndarray:
    """(8, 8) → (64,): along the anti-diagonals, from low to high frequencies, turning at the edges."""
    places = [(v, u) for v in range(8) for u in range(8)]
    places.sort(key=lambda p: (sum(p), p[0] if sum(p) % 2 else p[1]))
    return np.array([block[v, u] for v, u in places])


def block_symbols(z: np.ndarray, dc_before: int) -> list[tuple[int, int]]:
    """The symbols of a block ``z``, integers (64,) in zigzag order, in a sequential scan: (symbol, number of bits that
    follow it), DC first. ``dc_before`` is the DC of the block before it. T.81, F.1.2.

    A symbol is 16 · run + size: the zeros before a coefficient, and the coefficient's size in bits. 0xF0 is sixteen
    zeros, 0x00 the end of the block.
    """
    size = abs(int(z[0]) - dc_before).bit_length()
    symbols = [(size, size)]
    run = 0
    for value in z[1:]:
        if value == 0:
            run += 1
            continue
        symbols += [(0xF0, 0)] * (run // 16)
        size = abs(int(value)).bit_length()
        symbols.append((16 * (run % 16) + size, size))
        run = 0
    return symbols + [(0x00, 0)] * (run > 0)


def block_bits(z: np.ndarray, dc_before: int, dc_lengths: Mapping[int, int], ac_lengths: Mapping[int, int]) -> int:
    """Bits of a block in a file whose Huffman codes have these lengths (symbol → bits)."""
    (dc, dc_size), *ac = block_symbols(z, dc_before)
    return dc_lengths[dc] + dc_size + sum(ac_lengths[s] + size for s, size in ac)


# Eqs. 1 and 2: attention, from a convolutional network (Fig. 3) or from a recurrent one (Fig. 4)

IMAGENET_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
IMAGENET_STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def convolutional_attention(x: torch.Tensor, trunk: nn.Module, head: nn.Module) -> torch.Tensor:
    """A (B, 2, rows, cols, 8, 8) in 0–1, luma and chroma. Eqs. 1 and 2.

    ``trunk`` has one feature vector for each 8×8 block (stride 8), ``head`` is a 1×1 convolution to 2 · 64 numbers.
    """
    features = trunk((x / 255 - IMAGENET_MEAN) / IMAGENET_STD)
    A = torch.sigmoid(head(features))
    return A.unflatten(1, (2, 8, 8)).permute(0, 1, 4, 5, 2, 3)


def recurrent_attention(
    F: torch.Tensor, luma: nn.LSTM, chroma: nn.LSTM, merge: Sequence[nn.Module] | None = None
) -> torch.Tensor:
    """A (B, 2, rows, cols, 8, 8) in 0–1 from LSTMs with 64 units, which read F / 128 block by block. Eqs. 1 and 2.

    An output h lies in −1…1, so A = (1 + h) / 2. Two directions give 128 numbers, which ``merge`` brings back to 64: a
    linear layer for luma and one for chroma. One network reads Cb and then Cr; its two maps are averaged.
    """
    maps = []
    for plane, lstm in enumerate((luma, chroma, chroma)):
        h, _ = lstm(F[:, plane].flatten(1, 2).flatten(2) / 128)  # (B, rows · cols, 64)
        A = (1 + h) / 2 if merge is None else torch.sigmoid(merge[min(plane, 1)](h))
        maps.append(A)
    A = torch.stack([maps[0], (maps[1] + maps[2]) / 2], dim=1)
    return A.view(F.shape[0], 2, *F.shape[2:])


def lstm_step(x: torch.Tensor, h: torch.Tensor, c: torch.Tensor, lstm: nn.LSTM) -> tuple[torch.Tensor, torch.Tensor]:
    """The next h and c (64,) of a one-layer ``lstm`` that reads the block ``x`` (64,)."""
    W, U, b, d = lstm.parameters()
    i, f, g, o = (W @ x + b + U @ h + d).chunk(4)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def min_max(A: torch.Tensor) -> torch.Tensor:
    """Each map of A (B, 2, rows, cols, 8, 8) stretched over its picture to 0–1 (section 6.8)."""
    low, high = A.amin((2, 3, 4, 5), keepdim=True), A.amax((2, 3, 4, 5), keepdim=True)
    return (A - low) / (high - low).clamp_min(1e-6)


# Eq. 3: rounding with a derivative


def round_third_order(z: torch.Tensor) -> torch.Tensor:
    """⌊z⌉ forward; backward the derivative of ⌊z⌉ + (z − ⌊z⌉)³, which is 3 (z − ⌊z⌉)². Eq. 3, its sign corrected."""
    rounded = z.detach().round()
    rest = (z - rounded) ** 3
    return rounded + (rest - rest.detach())


def round_straight_through(z: torch.Tensor) -> torch.Tensor:
    """⌊z⌉ forward; backward the derivative of z, which is 1."""
    return z + (z.round() - z).detach()


# Eqs. 4–6: attention and tables, and back again


def quantise(
    F: torch.Tensor, A: torch.Tensor, Q: torch.Tensor, rounding: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Ẑ = ⌊F ⊙ A / Q⌉, (B, 3, rows, cols, 8, 8). Cb and Cr share A^(C) and Q^(C). Eqs. 4, 5 and 6."""
    plane = [0, 1, 1]
    return rounding(F * A[:, plane] / Q[plane][:, None, None])


def forward_dct(x: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) RGB on 0–255 → F (B, 3, rows, cols, 8, 8)."""
    return dct(to_blocks(rgb_to_ycbcr(x) - 128))


def decode(z_hat: torch.Tensor, Q: torch.Tensor) -> torch.Tensor:
    """x̂ (B, 3, H, W) on 0–255, as a decoder makes it: it knows Q, and nothing of A."""
    F_hat = z_hat * Q[[0, 1, 1]][:, None, None]
    return ycbcr_to_rgb(from_blocks(idct(F_hat)) + 128).clamp(0, 255)


# Eqs. 7–10: the loss


def loss(d: torch.Tensor, r: torch.Tensor, lam: float) -> torch.Tensor:
    """L = λ d + r. Eq. 7."""
    return lam * d + r


def distortion(
    x: torch.Tensor,
    x_hat: torch.Tensor,
    lpips: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    gamma: float = 500,
    sigma: float = 1000,
) -> torch.Tensor:
    """d(x, x̂) = MSE + γ LPIPS + σ (1 − MS-SSIM), the mean over the batch. Eq. 8."""
    structure = ms_ssim(x, x_hat).mean()
    return mse(x, x_hat) + gamma * lpips(x, x_hat).mean() + sigma * (1 - structure)


def rate(Q: torch.Tensor, A: torch.Tensor, alpha: float = 10, beta: float = 1) -> torch.Tensor:
    """r(x) = α Σ 1/Q + β (mean A^(L) + mean A^(C)), in the place of bits. Eq. 9."""
    return alpha * (1 / Q).sum() + beta * (A[:, 0].mean() + A[:, 1].mean())


def mse(x: torch.Tensor, x_hat: torch.Tensor) -> torch.Tensor:
    """The mean squared error over all samples, on 0–255. Eq. 10."""
    return ((x - x_hat) ** 2).mean()


def ms_ssim(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(B,) multi-scale structural similarity, 1 for equal pictures (Wang, Simoncelli and Bovik 2003).

    Contrast and structure at five scales, luminance at the last; the product for each channel, then the mean. Sides
    are multiples of 16 and at least 176 px, so that halving loses no line.
    """
    result = torch.ones(x.shape[:2])
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        if scale:
            x, y = nnf.avg_pool2d(x, 2), nnf.avg_pool2d(y, 2)
        luminance, structure = ssim_terms(x, y)
        term = structure * luminance if scale == 4 else structure
        result = result * term.mean((2, 3)).clamp_min(0) ** weight
    return result.mean(1)


def ssim_terms(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Luminance, and contrast with structure, at each place, (B, C, H − 10, W − 10): from means, variances and the
    covariance under a Gaussian window of 11×11 px (σ = 1.5)."""
    g = torch.exp(-((torch.arange(11.0) - 5) ** 2) / (2 * 1.5**2))
    window = torch.outer(g, g) / g.sum() ** 2

    def mean(v: torch.Tensor) -> torch.Tensor:
        planes = v.flatten(0, 1)[:, None]
        return nnf.conv2d(planes, window[None, None]).unflatten(0, v.shape[:2])[:, :, 0]

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    luminance = (2 * mx * my + c1) / (mx * mx + my * my + c1)
    return luminance, (2 * cov + c2) / (vx + vy + c2)


def lpips(
    features_x: Sequence[torch.Tensor], features_y: Sequence[torch.Tensor], weights: Sequence[torch.Tensor]
) -> torch.Tensor:
    """(B,) perceptual distance (Zhang et al. 2018) from a network's features, (B, C, h, w) per layer, and ``weights``
    (C,) of their channels: vectors of unit length, their squared differences weighted, the mean over places."""
    total = torch.zeros(len(features_x[0]))
    for f, g, w in zip(features_x, features_y, weights, strict=True):
        f, g = (v / (v.norm(dim=1, keepdim=True) + 1e-10) for v in (f, g))
        total = total + torch.einsum("bchw,c->bhw", (f - g) ** 2, w).mean((1, 2))
    return total


# Training (section 6.2)


def adam_step(
    value: float, gradient: float, m: float, v: float, step: int, lr: float, b1: float = 0.9, b2: float = 0.999
) -> tuple[float, float, float]:
    """The next value, and the means of the gradient and of its square, after ``step`` = 1, 2, … (Kingma and Ba 2015).

    Whatever the gradient's size, while it stays about the same the value moves by about ``lr``: that is why the paper
    scales Q by s = 1e-5.
    """
    m, v = b1 * m + (1 - b1) * gradient, b2 * v + (1 - b2) * gradient**2
    m_hat, v_hat = m / (1 - b1**step), v / (1 - b2**step)
    return value - lr * m_hat / (math.sqrt(v_hat) + 1e-8), m, v


def training_step(
    x: torch.Tensor,
    log_Q: torch.Tensor,
    attend: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    lpips: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    adam: torch.optim.Optimizer,
    lam: float,
    rounding: Callable[[torch.Tensor], torch.Tensor] = round_third_order,
) -> float:
    """One step on a batch ``x`` of crops: forward by Eqs. 1–6, the loss by Eqs. 7–9, backward, Adam, tables back into
    1–255. Returns the loss before the step. ``attend`` is (x, F) → A."""
    Q, F = log_Q.exp(), forward_dct(x)
    A = attend(x, F)
    x_hat = decode(quantise(F, A, Q, rounding), Q)
    L = loss(distortion(x, x_hat, lpips), rate(Q, A), lam)
    adam.zero_grad()
    L.backward()
    adam.step()
    with torch.no_grad():
        log_Q.clamp_(0, math.log(255))
    return L.item()


# Comparing two encoders


def bd_rate(anchor: np.ndarray, test: np.ndarray) -> float:
    """How many per cent more bits (below 0: fewer) ``test`` takes than ``anchor`` at equal quality, averaged over the
    qualities that both reach (Bjøntegaard 2001). Curves are (n, 2): bits per pixel and decibels, both rising.
    """
    low = max(anchor[0, 1], test[0, 1])
    high = min(anchor[-1, 1], test[-1, 1])
    areas = []
    for bpp, dB in (anchor.T, test.T):
        areas.append(PchipInterpolator(dB, np.log(bpp)).integrate(low, high))
    return 100 * float(np.expm1((areas[1] - areas[0]) / (high - low)))


def paired_bootstrap(differences: np.ndarray, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """A 95 % interval of the mean of paired ``differences`` (seeds, photos): seeds and photos are drawn anew, with
    replacement, and the means of the draws are sorted."""
    rng = np.random.default_rng(seed)
    seeds, photos = differences.shape
    drawn_photos = rng.integers(0, photos, (draws, 1, photos))
    drawn_seeds = rng.integers(0, seeds, (draws, seeds, 1))
    means = differences[drawn_seeds, drawn_photos].mean(axis=(1, 2))
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
