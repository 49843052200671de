"""Pictures of chapter 1, second half: what rounding does to an edge and to a border, and what the bits buy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from chapters import style
from chapters.jpeg import Box, code_block
from chapters.style import OKABE_ITO, show_image
from repro import codecs
from repro.jpeg.codestream import read, write
from repro.jpeg.color import rgb_to_ycbcr
from repro.jpeg.huffman import count_bits
from repro.jpeg.tables import quality_tables

#: What a file is made of, in the order of the stacked bars.
PARTS = ("headers", "luma: means (DC)", "luma: detail (AC)", "luma: end signs", "chroma: all")


def luma(rgb: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 → (H, W) float64: Y on 0–255."""
    return rgb_to_ycbcr(torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].double())[0, 0].numpy()


def step_rows(dark: float = 60, light: float = 190, at: int = 11) -> np.ndarray:
    """Three blocks side by side, (8, 24): dark up to column ``at``, light from there on."""
    return np.where(np.arange(24) < at, dark, light) * np.ones((8, 1))


def edge(quality: int, at: int = 11) -> Figure:
    """Why a block rings: a sharp step at column ``at`` of three blocks, its cosines before and after, the outcome."""
    rows, Q = step_rows(at=at), quality_tables(quality)[0]
    coded = [code_block(rows[:, i : i + 8], Q) for i in (0, 8, 16)]
    rebuilt = np.concatenate([block.rebuilt for block in coded], axis=1)
    middle, u = coded[1], np.arange(8)
    fig, axes = style.figure(4.6, 2, 2, width_ratios=(1, 1), height_ratios=(1, 2.1))
    for ax, picture, title in (
        (axes[0, 0], rows, "three blocks with an edge"),
        (axes[0, 1], rebuilt, "after rounding"),
    ):
        show_image(ax, picture, title, vmin=0, vmax=255)
        ax.vlines([7.5, 15.5], -0.5, 7.5, color=OKABE_ITO["sky"], lw=1.2)
    ax = axes[1, 0]
    ax.bar(u - 0.2, middle.F[0], 0.4, color=OKABE_ITO["blue"], label="F, as it should be")
    back = middle.z_hat[0] * Q[0].numpy()
    ax.bar(u + 0.2, back, 0.4, color=OKABE_ITO["orange"], hatch="///", ec="white", lw=0, label="Ẑ·Q, as it is stored")
    ax.axhline(0, color="#666666", lw=0.8)
    ax.set(xlabel="horizontal frequency u", ylabel="coefficient (levels)", title="the middle block's cosines", xticks=u)
    ax.legend(loc="lower right")
    ax = axes[1, 1]
    x = np.arange(24)
    ax.plot(x, rows[0], color=OKABE_ITO["blue"], drawstyle="steps-mid", label="original")
    ax.plot(x, rebuilt[0], color=OKABE_ITO["vermillion"], marker="o", ms=4, ls="--", label="decoded")
    for border in (7.5, 15.5):
        ax.axvline(border, color=OKABE_ITO["sky"], lw=1.2)
    ax.set(xlabel="column (pixels)", ylabel="brightness (levels)", title="one row of pixels", xticks=range(0, 24, 4))
    ax.legend(loc="lower right")
    return fig


def off_by(quality: int, at: int = 11, clear: int = 0) -> float:
    """By how many levels a pixel of :func:`step_rows` is off at most, ``clear`` pixels beside the edge left out."""
    rows, Q = step_rows(at=at), quality_tables(quality)[0]
    rebuilt = np.concatenate([code_block(rows[:, i : i + 8], Q).rebuilt for i in (0, 8, 16)], axis=1)
    beside = (np.arange(24) >= at - clear) & (np.arange(24) < at + clear)
    return float(np.abs(rebuilt - rows)[:, ~beside].max())


def errors(rgb: np.ndarray, decoded: np.ndarray, box: Box) -> Figure:
    """A part of the photo, what the file shows there, and the difference in luma with the grid of blocks."""
    fig, axes = style.figure(2.75, 1, 3)
    difference = luma(decoded) - luma(rgb)
    show_image(axes[0, 0], box.of(rgb), "original", interpolation="nearest")
    show_image(axes[0, 1], box.of(decoded), "decoded", interpolation="nearest")
    shown = show_image(
        axes[0, 2], box.of(difference), "difference in luma", cmap="RdBu_r", vmin=-60, vmax=60, interpolation="nearest"
    )
    axes[0, 2].set_xticks(np.arange(-box.left % 8, box.width, 8) - 0.5, [])
    axes[0, 2].set_yticks(np.arange(-box.top % 8, box.height, 8) - 0.5, [])
    axes[0, 2].tick_params(length=0)
    axes[0, 2].grid(True, color="#bbbbbb", lw=0.6)
    axes[0, 2].set_axisbelow(False)
    fig.colorbar(shown, ax=axes[0, 2], label="levels", shrink=0.55)
    return fig


def border_steps(picture: np.ndarray) -> np.ndarray:
    """(8,) mean absolute difference in luma from column k of a block to the next one; k = 7 steps over the border."""
    steps = np.abs(np.diff(luma(picture), axis=1))
    return np.array([steps[:, k::8].mean() for k in range(8)])


def blocking(pictures: Mapping[str, np.ndarray]) -> Figure:
    """:func:`border_steps` of several versions of a photo: a peak at the border is what we see as blocks."""
    fig, axes = style.figure(3.1)
    ax = axes[0, 0]
    colors = ("black", "blue", "orange", "vermillion")
    for (name, picture), color, marker in zip(pictures.items(), colors, "osD^", strict=False):
        ax.plot(border_steps(picture), color=OKABE_ITO[color], marker=marker, label=name)
    ax.set(
        xlabel="from column k of a block to the next",
        ylabel="mean step (levels)",
        xticks=range(8),
        ylim=(0, None),
    )
    ax.set_xticklabels(["0→1", "1→2", "2→3", "3→4", "4→5", "5→6", "6→7", "over the\nborder"])
    ax.legend(ncols=2, loc="upper left")
    ax.margins(y=0.25)
    return fig


def spend(rgb: np.ndarray, quality: int) -> dict[str, float]:
    """Bits per pixel of a 4:4:4 file with Annex K's Huffman codes, by :data:`PARTS`; they add up to the file."""
    data = codecs.get("pillow-444-default").encode(rgb, quality)
    first, *chroma = (count_bits(plane, min(i, 1)) for i, plane in enumerate(read(data).planes))
    of_luma = [first[..., 0].sum(), first[..., 1:64].sum(), first[..., 64].sum()]
    counted = [*of_luma, sum(bits.sum() for bits in chroma)]
    pixels = rgb.shape[0] * rgb.shape[1]
    return dict(zip(PARTS, [float(n) / pixels for n in (8 * len(data) - sum(counted), *counted)], strict=True))


def where_bits_go(rgb: np.ndarray, qualities: Sequence[int]) -> Figure:
    """Stacked bars of :func:`spend`, one a quality."""
    fig, axes = style.figure(0.5 * len(qualities) + 1.5)
    ax, spent = axes[0, 0], [spend(rgb, quality) for quality in qualities]
    left = np.zeros(len(qualities))
    colors, hatches = ("black", "blue", "sky", "orange", "purple"), ("", "", "///", "...", "")
    for part, color, hatch in zip(PARTS, colors, hatches, strict=True):
        width = np.array([row[part] for row in spent])
        ax.barh([f"quality {q}" for q in qualities], width, left=left, color=OKABE_ITO[color], hatch=hatch,
                ec="white", lw=0.5, label=part)  # fmt: skip
        left += width
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("bits per pixel")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


def file_sizes(rgb: np.ndarray, qualities: Sequence[int]) -> dict[str, np.ndarray]:
    """Bytes of the same coefficients written three ways, by quality: default and optimised Huffman, progressive."""
    stored = [read(codecs.get("pillow-444").encode(rgb, quality)) for quality in qualities]
    ways = {"default Huffman": (False, False), "optimised Huffman": (False, True), "progressive": (True, True)}
    return {
        name: np.array([len(write(c, progressive=progressive, optimise=optimise)) for c in stored])
        for name, (progressive, optimise) in ways.items()
    }


def compare_sizes(sizes: Mapping[str, np.ndarray], qualities: Sequence[int], pixels: int) -> Figure:
    """:func:`file_sizes` in bits per pixel, and as a share of the file with default Huffman codes."""
    fig, axes = style.figure(3.2, 1, 2)
    default = next(iter(sizes.values()))
    for (name, size), color, marker in zip(sizes.items(), ("black", "blue", "green"), "os^", strict=True):
        look = {"color": OKABE_ITO[color], "marker": marker, "label": name}
        axes[0, 0].plot(qualities, 8 * size / pixels, **look)
        axes[0, 1].plot(qualities, 100 * size / default, **look)
    axes[0, 0].set(xlabel="quality", ylabel="bits per pixel", ylim=(0, None))
    axes[0, 1].set(xlabel="quality", ylabel="size, % of default", ylim=(0, 105))
    axes[0, 0].legend(loc="upper left")
    return fig
