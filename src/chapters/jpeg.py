"""Pictures of chapter 1: a photo's way through JPEG, from colour planes to one block's whole numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from chapters import style
from chapters.style import OKABE_ITO, WIDTH, cells, show_image
from repro import codecs
from repro.jpeg.blocks import pad, to_blocks
from repro.jpeg.codestream import decode, predict_decode, read
from repro.jpeg.color import rgb_to_ycbcr
from repro.jpeg.dct import dct, dct_matrix, idct
from repro.jpeg.huffman import count_bits
from repro.jpeg.tables import ZIGZAG, quality_tables


class Box(NamedTuple):
    """A part of a picture in pixels: its top left corner and its size."""

    top: int
    left: int
    height: int
    width: int

    def of(self, picture: np.ndarray) -> np.ndarray:
        """This part of ``picture``, (H, W, …)."""
        return picture[self.top : self.top + self.height, self.left : self.left + self.width]

    def frame(self, color: str = OKABE_ITO["vermillion"]) -> Rectangle:
        """A frame around this part, for the axes that show the picture."""
        return Rectangle((self.left - 0.5, self.top - 0.5), self.width, self.height, fill=False, ec=color, lw=2)


@dataclass(frozen=True)
class CodedBlock:
    """One 8×8 luma block on its way: samples, F, Ẑ and the samples that come back, all (8, 8); what it costs."""

    samples: np.ndarray
    F: np.ndarray
    z_hat: np.ndarray
    rebuilt: np.ndarray
    bits: int

    @property
    def kept(self) -> int:
        """How many of the 64 coefficients are not zero."""
        return int(np.count_nonzero(self.z_hat))

    @property
    def error(self) -> float:
        """Root mean square error of the samples, in levels."""
        return float(np.sqrt(((self.samples - self.rebuilt) ** 2).mean()))


def planes(rgb: np.ndarray) -> torch.Tensor:
    """(H, W, 3) uint8 → (1, 3, H, W) float: Y, Cb, Cr on 0–255, sides made multiples of 8."""
    return rgb_to_ycbcr(pad(torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float()))


def code_block(samples: np.ndarray, Q: np.ndarray | torch.Tensor) -> CodedBlock:
    """An 8×8 block of luma samples (0–255) through DCT, table ``Q`` (8, 8), rounding and back.

    Bits are Annex K's, for a block whose neighbour on the left is mid-grey.
    """
    x = torch.as_tensor(samples, dtype=torch.float64).view(1, 1, 1, 1, 8, 8)
    steps = torch.as_tensor(Q, dtype=torch.float64)
    F = dct(x - 128)
    z_hat = (F / steps).round()
    rebuilt = (idct(z_hat * steps) + 128).round().clamp(0, 255)
    whole = z_hat.to(torch.int64).numpy()[0, 0]
    bits = int(count_bits(whole, 0).sum())
    return CodedBlock(np.asarray(samples), F.numpy()[0, 0, 0, 0], whole[0, 0], rebuilt.numpy()[0, 0, 0, 0], bits)


def edge_block(y: np.ndarray) -> tuple[int, int]:
    """Row and column of a telling block of a luma plane (H, W): a strong edge beside a flat part."""
    blocks = to_blocks(torch.as_tensor(y, dtype=torch.float32)[None, None])[0, 0].flatten(2)
    low, high = blocks.amin(2), blocks.amax(2)
    near = torch.minimum(blocks - low[..., None], high[..., None] - blocks)
    flat = (near < 0.12 * (high - low)[..., None]).float().mean(2)
    rows, cols = flat.shape
    score = ((high - low) * flat)[1 : rows - 1, 1 : cols - 1]
    row, col = divmod(int(score.argmax()), cols - 2)
    return row + 1, col + 1


def around(row: int, col: int, rgb: np.ndarray, height: int = 88, width: int = 128) -> Box:
    """A part of the picture with the block (row, col) near its middle, whole blocks only."""
    tall, wide = min(height, rgb.shape[0]), min(width, rgb.shape[1])
    top = min(max(8 * (row - tall // 16), 0), (rgb.shape[0] - tall) // 8 * 8)
    left = min(max(8 * (col - wide // 16), 0), (rgb.shape[1] - wide) // 8 * 8)
    return Box(top, left, tall, wide)


def energy_share(y: np.ndarray, count: int) -> float:
    """Which share (0–1) of the AC coefficients' energy the first ``count`` of them in zigzag order hold."""
    F = dct(to_blocks(pad(torch.from_numpy(y)[None, None] - 128)))
    energy = F.square().sum((0, 1, 2, 3)).ravel()[ZIGZAG][1:]
    return float(energy[:count].sum() / energy.sum())


def inverse_agreement(rgb: np.ndarray, quality: int) -> dict[str, float]:
    """What our inverse predicts against what libjpeg-turbo decodes, over all samples of the picture.

    ``equal`` and ``within_one`` are shares in 0–1, ``largest`` is in levels of 255.
    """
    data = codecs.get("pillow-444").encode(rgb, quality)
    ours = predict_decode(read(data))[0].permute(1, 2, 0).numpy()
    off = np.abs(ours - decode(data))
    return {"equal": float((off == 0).mean()), "within_one": float((off <= 1).mean()), "largest": float(off.max())}


def levels(versions: Mapping[str, np.ndarray], box: Box) -> Figure:
    """Several versions of one photo, whole, and ``box`` of each enlarged below (Fig. 1 of the paper)."""
    first = next(iter(versions.values()))
    wide = WIDTH / len(versions)
    tall = wide * first.shape[0] / first.shape[1], wide * box.height / box.width
    fig, axes = style.figure(sum(tall) + 0.5, 2, len(versions), height_ratios=tall)
    for column, (title, picture) in zip(axes.T, versions.items(), strict=True):
        show_image(column[0], picture, title)
        column[0].add_patch(box.frame())
        show_image(column[1], box.of(picture), interpolation="nearest")
    return fig


#: The steps of the encoder, what each hands on, and where the decoder undoes it. Fig. 2 of the paper.
_STEPS = (
    ("colour", "RGB → Y Cb Cr"),
    ("blocks", "8×8, − 128"),
    ("DCT", "64 numbers F"),
    ("quantise", "round(F / Q)"),
    ("entropy code", "Huffman codes"),
)
_BACK = (
    ("colour", "Y Cb Cr → RGB"),
    ("unblock", "+ 128"),
    ("inverse DCT", "add 64 waves"),
    ("scale", "Ẑ · Q"),
    ("decode", "Huffman codes"),
)


def workflow() -> Figure:
    """The encoder from left to right, the decoder from right to left; the one step that loses is marked."""
    fig, axes = style.figure(2.9)
    ax = axes[0, 0]
    ax.set(xlim=(-0.55, 5.6), ylim=(-0.55, 1.75))
    ax.axis("off")
    for row, steps in ((1.15, _STEPS), (0.0, _BACK)):
        for i, (name, what) in enumerate(steps):
            draw_step(ax, (i, row), name, what, loses=name == "quantise")
    for i in range(4):
        draw_arrow(ax, (i + 0.44, 1.15), (i + 0.57, 1.15))
        draw_arrow(ax, (i + 0.56, 0), (i + 0.43, 0))
    ax.text(5.1, 0.575, ".jpg\nfile", ha="center", va="center", fontweight="bold")
    draw_arrow(ax, (4.46, 1.15), (5.1, 0.85), bend=-0.3)
    draw_arrow(ax, (5.1, 0.3), (4.46, 0), bend=-0.3)
    ax.text(-0.45, 1.68, "Encoder", fontweight="bold", va="top")
    ax.text(-0.45, 0.53, "Decoder", fontweight="bold", va="top")
    ax.text(3, 0.62, "only here is\nanything thrown away", ha="center", va="center", color=OKABE_ITO["vermillion"])
    return fig


def draw_step(
    ax: Axes, at: tuple[float, float], name: str, what: str, *, loses: bool = False, wide: float = 0.9
) -> None:
    """A box of a diagram with a name and, below, what it does."""
    color = OKABE_ITO["vermillion" if loses else "blue"]
    corner, shape = (at[0] - wide / 2, at[1] - 0.24), "round,pad=0,rounding_size=0.06"
    ax.add_patch(FancyBboxPatch(corner, wide, 0.48, boxstyle=shape, fc=color + "1c", ec=color, lw=1.4))
    ax.text(at[0], at[1] + 0.1, name, ha="center", va="center", fontweight="bold", fontsize=style.SMALLEST)
    ax.text(at[0], at[1] - 0.11, what, ha="center", va="center", fontsize=style.SMALLEST)


def draw_arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], bend: float = 0.0) -> None:
    """An arrow of a diagram, straight or bent."""
    how: dict[str, Any] = {
        "arrowstyle": "-|>",
        "mutation_scale": 11,
        "color": "#444444",
        "connectionstyle": f"arc3,rad={bend}",
    }
    ax.add_patch(FancyArrowPatch(start, end, **how))


def colour_planes(rgb: np.ndarray) -> Figure:
    """The photo and its planes Y, Cb, Cr, each with the spread of its values (standard deviation, in levels)."""
    fig, axes = style.figure(2 * WIDTH / 2 * rgb.shape[0] / rgb.shape[1] + 0.5, 2, 2)
    show_image(axes[0, 0], rgb, "photo")
    for ax, name, plane in zip(axes.flat[1:], ("Y", "Cb", "Cr"), planes(rgb)[0].numpy(), strict=True):
        show_image(ax, plane, f"{name}: spread {plane.std():.0f} levels", vmin=0, vmax=255)
    return fig


def block_in_photo(y: np.ndarray, row: int, col: int) -> Figure:
    """Where a block lies in the luma plane ``y``, its neighbours, and its 64 numbers."""
    fig, axes = style.figure(3.0, 1, 3, width_ratios=(1.45, 1, 1.15))
    around = Box(8 * (row - 1), 8 * (col - 1), 24, 24)
    show_image(axes[0, 0], y, "luma plane Y", vmin=0, vmax=255)
    axes[0, 0].add_patch(around.frame())
    show_image(axes[0, 1], around.of(y), "3 × 3 blocks", vmin=0, vmax=255)
    for line in (7.5, 15.5):
        axes[0, 1].axhline(line, color=OKABE_ITO["sky"])
        axes[0, 1].axvline(line, color=OKABE_ITO["sky"])
    axes[0, 1].add_patch(Box(8, 8, 8, 8).frame())
    show_image(axes[0, 2], Box(8 * row, 8 * col, 8, 8).of(y), "the block: 64 samples", vmin=0, vmax=255)
    return fig


def basis() -> Figure:
    """The 64 basis images: row v and column u show a cosine of v half-waves down and u half-waves across."""
    D = dct_matrix().numpy()
    mosaic = np.full((79, 79), np.nan)
    for v, u in np.ndindex(8, 8):
        image = np.outer(D[v], D[u])
        mosaic[10 * v : 10 * v + 8, 10 * u : 10 * u + 8] = image / np.abs(image).max() if v + u else 1
    fig, axes = style.figure(5.2)
    ax = axes[0, 0]
    show_image(ax, mosaic, interpolation="nearest", vmin=-1, vmax=1)
    ax.set_facecolor("#9fc9e6")  # shows between the images, which use all greys
    middles = 10 * np.arange(8) + 3.5
    ax.set_xticks(middles, range(8))
    ax.set_yticks(middles, range(8))
    ax.set(xlabel="horizontal frequency u (half-waves across the block)", ylabel="vertical frequency v (half-waves)")
    return fig


def tables(Q: torch.Tensor, titles: Sequence[str] = ("luma", "chroma")) -> Figure:
    """Quantisation tables (2, 8, 8) with their numbers; dark squares are coarse steps."""
    fig, axes = style.figure(3.9, 1, len(Q))
    for ax, table, title in zip(axes[0], Q.numpy(), titles, strict=True):
        cells(ax, table, title, cmap="cividis_r", vmin=1, vmax=max(120, int(Q.max())))
    return fig


def block_frame(block: CodedBlock) -> Figure:
    """One stop of the quality slider: samples, F, Ẑ and the rebuilt samples of a block, as pictures with numbers."""
    style.use()
    fig = Figure(figsize=(6.2, 6.5), layout="constrained")
    axes = fig.subplots(2, 2)
    grey: dict[str, Any] = {"vmin": 0, "vmax": 255, "cmap": "gray"}
    signed: dict[str, Any] = {"cmap": "RdBu_r", "norm": SymLogNorm(8, vmin=-1000, vmax=1000)}
    small: dict[str, Any] = {"cmap": "RdBu_r", "norm": SymLogNorm(1, vmin=-60, vmax=60)}
    cells(axes[0, 0], block.samples.round(), "samples", **grey)
    cells(axes[0, 1], block.F.round(), "coefficients F", **signed)
    cells(axes[1, 1], block.z_hat, "whole numbers Ẑ = round(F / Q)", **small)
    cells(axes[1, 0], block.rebuilt, "what the decoder shows", **grey)
    return fig


def block_slider(samples: np.ndarray, qualities: Sequence[int]) -> tuple[list[Figure], list[str], list[str], list[str]]:
    """Frames, labels, alternative texts and captions for ``bookkit.frames_slider``: one block by quality."""
    frames, alts, captions = [], [], []
    for quality in qualities:
        block = code_block(samples, quality_tables(quality)[0])
        frames.append(block_frame(block))
        facts = f"{block.kept} of 64 coefficients left, {block.bits} bits, off by {block.error:.1f} levels (RMS)"
        captions.append(f"Quality {quality}: {facts}.")
        alts.append(
            f"Four 8 by 8 tables at quality {quality}: samples, coefficients, quantised coefficients, rebuilt: {facts}."
        )
    return frames, [str(q) for q in qualities], alts, captions
