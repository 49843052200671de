"""Pictures of chapter 4: what each distortion sees, how the terms of the loss weigh, and what the rate term counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from chapters.jpeg import Box
from chapters.style import INK, OKABE_ITO, SMALLEST, WIDTH, figure, show_image
from repro import codecs
from repro.errors import ReproError
from repro.evaluation.measure import paper_bpp, rgb_to_tensor
from repro.jpeg.codestream import decode
from repro.jpeg.tables import quality_tables
from repro.losses import Distortion, LossWeights, rate
from repro.metrics import lpips, ms_ssim, mse

_LOOKS = {"MSE": ("blue", "//"), "γ · LPIPS": ("vermillion", "\\\\"), "σ · (1 − MS-SSIM)": ("green", "..")}


@dataclass(frozen=True)
class Damaged:
    """One photo, damaged in one way, and what the three metrics say of it."""

    name: str
    pixels: np.ndarray
    mse: float
    lpips: float
    ms_ssim: float


def equally_wrong(rgb: np.ndarray, target: float, seed: int = 0) -> list[Damaged]:
    """``rgb`` (H, W, 3) uint8 damaged in four ways, each as strongly as it takes for an MSE of ``target``."""
    x = rgb.astype(np.float32)
    noise = np.random.default_rng(seed).normal(size=rgb.shape)
    save = codecs.get("pillow-444").encode
    ways: dict[str, tuple[Callable[[float], np.ndarray], float]] = {
        "lighter": (lambda s: x + s, 100),
        "noise": (lambda s: x + s * noise, 100),
        "blur": (lambda s: gaussian_filter(x, (s, s, 0), mode="nearest"), 20),
        "JPEG": (lambda s: decode(save(rgb, round(100 - s))), 99),
    }
    return [_damaged(rgb, name, _solve(rgb, way, most, target)) for name, (way, most) in ways.items()]


def damage_row(found: Sequence[Damaged], box: Box) -> Figure:
    """A part of each, with its three numbers."""
    fig, axes = figure(WIDTH / len(found) * box.height / box.width + 0.85, 1, len(found))
    for ax, one in zip(axes[0], found, strict=True):
        show_image(ax, box.of(one.pixels), one.name)
        ax.set_xlabel(f"MSE {one.mse:.0f}\nLPIPS {one.lpips:.3f}\nMS-SSIM {one.ms_ssim:.3f}", fontsize=SMALLEST)
    return fig


def complaints(rgb: np.ndarray, decoded: np.ndarray) -> dict[str, np.ndarray]:
    """Metric → (H, W): how strongly each pixel of ``decoded`` is asked to change, by the gradient; mean 1."""
    found = {}
    for name, metric in (("MSE", mse), ("LPIPS", lpips), ("MS-SSIM", ms_ssim)):
        x, y = rgb_to_tensor(rgb, "cpu"), rgb_to_tensor(decoded, "cpu")
        (gradient,) = torch.autograd.grad(metric(x, y.requires_grad_()).sum(), y)
        strength = gradient[0].abs().sum(0).numpy()
        found[name] = strength / strength.mean()
    return found


def complaint_maps(decoded: np.ndarray, found: Mapping[str, np.ndarray], blur: float = 3) -> Figure:
    """The decoded photo and :func:`complaints` of each metric, a little blurred; bright asks for most change."""
    tall = WIDTH / 2 * decoded.shape[0] / decoded.shape[1]
    fig, axes = figure(2 * tall + 0.6, 2, 2)
    show_image(axes[0, 0], decoded, "what the decoder shows")
    for ax, (name, strength) in zip(axes.flat[1:], found.items(), strict=True):
        soft = gaussian_filter(strength, blur)
        show_image(ax, soft, f"{name} would change", cmap="magma", vmin=0, vmax=np.percentile(soft, 99.5))
    return fig


def terms(rgb: np.ndarray, qualities: Sequence[int], weights: LossWeights) -> dict[str, np.ndarray]:
    """The three terms of d (Eq. 8) for plain JPEG files of ``rgb``, weighted as in the loss, one value a quality."""
    x, distortion = rgb_to_tensor(rgb, "cpu"), Distortion(weights)
    save = codecs.get("pillow-444").encode
    rows = []
    with torch.no_grad():
        for quality in qualities:
            found = {
                name: float(v) for name, v in distortion(x, rgb_to_tensor(decode(save(rgb, quality)), "cpu")).items()
            }
            rows.append((found["mse"], weights.gamma * found["lpips"], weights.sigma * (1 - found["ms_ssim"])))
    return dict(zip(_LOOKS, np.array(rows).T, strict=True))


def term_bars(found: Mapping[str, np.ndarray], qualities: Sequence[int]) -> Figure:
    """:func:`terms` stacked: in their own size on the left, as shares of d on the right."""
    fig, axes = figure(3.2, 1, 2)
    total = sum(found.values())
    places = np.arange(len(qualities))
    for ax, scale, title in zip(axes[0], (1.0, 100 / total), ("d, in levels²", "share of d, %"), strict=True):
        bottom = np.zeros(len(qualities))
        for name, values in found.items():
            color, hatch = _LOOKS[name]
            ax.bar(
                places,
                values * scale,
                bottom=bottom,
                label=name,
                color=OKABE_ITO[color],
                hatch=hatch,
                edgecolor="white",
            )
            bottom = bottom + values * scale
        ax.set(title=title, xlabel="quality")
        ax.set_xticks(places, [str(q) for q in qualities])
        ax.grid(axis="x", visible=False)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


@dataclass(frozen=True)
class RateCheck:
    """Qualities, the tables' part of Eq. 9 (α = 10), and the bits per pixel of real files, counted twice."""

    qualities: Sequence[int]
    r: np.ndarray
    bpp: dict[str, np.ndarray]


def rate_check(rgb: np.ndarray, qualities: Sequence[int]) -> RateCheck:
    """The first part of Eq. 9 for the standard's tables against what files of ``rgb`` really cost."""
    weights = LossWeights(lam=0.0, beta=0.0)  # without attention the second part is a constant
    r = np.array([float(rate(quality_tables(q).float(), None, weights)) for q in qualities])
    files = [codecs.get("pillow-444").encode(rgb, q) for q in qualities]
    bpp = {
        "the file": np.array([8 * len(data) / rgb[..., 0].size for data in files]),
        "the paper's counting": np.array(
            [paper_bpp(decode(data), quality_tables(q).numpy()) for data, q in zip(files, qualities, strict=True)]
        ),
    }
    return RateCheck(qualities, r, bpp)


def rate_plot(found: RateCheck) -> Figure:
    """:func:`rate_check`: real bits against the rate term, both on a logarithmic scale, and a line of proportion."""
    fig, axes = figure(3.4)
    ax = axes[0, 0]
    for (name, bpp), (color, marker) in zip(found.bpp.items(), (("blue", "o"), ("orange", "s")), strict=True):
        ax.plot(found.r, bpp, marker=marker, color=OKABE_ITO[color], label=name)
    middle = len(found.r) // 2
    line = found.bpp["the file"][middle] * found.r / found.r[middle]
    ax.plot(found.r, line, ":", color=INK, label="proportional")
    for quality, r, bpp, on_line in zip(found.qualities, found.r, found.bpp["the file"], line, strict=True):
        above = max(of[list(found.r).index(r)] for of in found.bpp.values())
        place, y = ((5, -12), bpp) if on_line >= bpp else ((0, 7), above)  # where the dotted line is not
        ax.annotate(str(quality), (r, y), xytext=place, textcoords="offset points", fontsize=SMALLEST, ha="center")
    ax.set(xscale="log", yscale="log", xlabel="rate term of the tables, α Σ 1/Q", ylabel="bits per pixel")
    ax.set_xticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"])
    ax.set_yticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
    ax.minorticks_off()
    ax.set_ylim(bottom=0.75 * ax.get_ylim()[0])  # room below the first number
    ax.legend(loc="upper left")
    return fig


def refusal(call: Callable[..., object], *arguments: object) -> str:
    """The line in which ``call`` refuses ``arguments``. Raises ``ValueError`` where it takes them."""
    try:
        call(*arguments)
    except ReproError as error:
        return str(error)
    raise ValueError("nothing was refused")


def _solve(rgb: np.ndarray, way: Callable[[float], np.ndarray], most: float, target: float) -> np.ndarray:
    """The damaged picture, whole levels in 0–255, whose MSE is nearest to ``target`` from below; by bisection."""
    low, high = 0.0, most
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if _off(rgb, _levels(way(middle))) <= target else (low, middle)
    return _levels(way(low))


def _levels(pixels: np.ndarray) -> np.ndarray:
    return np.rint(pixels).clip(0, 255).astype(np.uint8)


def _off(rgb: np.ndarray, pixels: np.ndarray) -> float:
    return float(((rgb.astype(np.float64) - pixels) ** 2).mean())


@torch.no_grad()
def _damaged(rgb: np.ndarray, name: str, pixels: np.ndarray) -> Damaged:
    x, y = rgb_to_tensor(rgb, "cpu"), rgb_to_tensor(pixels, "cpu")
    return Damaged(name, pixels, float(mse(x, y)), float(lpips(x, y)), float(ms_ssim(x, y)))
