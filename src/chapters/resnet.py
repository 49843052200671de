"""Pictures of chapter 6: where the trunks are cut, how far they see, what they know, and what each seed gains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chapters import style
from chapters.rate_distortion import Pair
from chapters.style import FAINT, INK, LOOKS, OKABE_ITO, Box, legend_below
from repro.experiments.claims import METRICS, SHORT, Evidence
from repro.experiments.paper import RESNETS

#: Method → its name on the page.
NAMES = {"vgg16": "VGG-16", "resnet152-block1": "ResNet, block 1", "resnet152-block7": "ResNet, block 7"}
_WITHOUT = ", loss without MS-SSIM"
#: ResNet-152 from the photo on: part, stride in pixels of the photo, channels, blocks.
STAGES = (("photo", 1, 3, 0), ("conv1", 2, 64, 0), ("max-pool, conv2", 4, 256, 3), ("conv3", 8, 512, 8),
          ("conv4", 16, 1024, 36), ("conv5", 32, 2048, 3))  # fmt: skip


def anatomy(crop: np.ndarray, seen: Mapping[str, tuple[int, int]], row: int, col: int) -> Figure:
    """Plot the stages of ResNet-152 with its two cuts (left), and what each trunk sees of ``crop`` for a block (right).

    ``seen``: method → the first and last column of the square that it sees for the block (row, col).
    """
    fig, axes = style.figure(3.7, 1, 2, width_ratios=(1.12, 1))
    _stages(axes[0, 0], crop.shape[0])
    ax = axes[0, 1]
    style.show_image(ax, crop, "what each sees for the filled block")
    for method, (first, last) in seen.items():
        width = last - first + 1
        frame = Box(first + 8 * (row - col), first, width, width).frame(LOOKS[method].color)
        frame.set(linestyle="--" if method == "resnet152-block1" else "-", label=f"{NAMES[method]}: {width} px")
        ax.add_patch(frame)
    block = Box(8 * row, 8 * col, 8, 8).frame(OKABE_ITO["yellow"])
    block.set(fill=True, facecolor=OKABE_ITO["yellow"])
    ax.add_patch(block)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=1)
    return fig


def _stages(ax: Axes, side: int) -> None:
    """Draw a bar for each stage, as wide as its features' side, and a line across conv3 at each cut."""
    for y, (name, stride, channels, blocks) in enumerate(STAGES):
        used = stride <= 8
        wide = side / stride / side
        color = OKABE_ITO["blue"] if used else "#999999"
        ax.barh(y, wide, 0.62, left=0.5 - wide / 2, color=color + "33", edgecolor=color, linewidth=1.2)
        what = f"{name}, {blocks} blocks" if blocks else name
        ax.text(1.06, y, f"{what}\n{side // stride} × {side // stride}, {channels}", va="center", fontsize=9,
                color=INK if used else "#666666")  # fmt: skip
    for block, method in ((1, "resnet152-block1"), (7, "resnet152-block7")):
        at = 2.69 + 0.62 * block / 8
        ax.plot([0.1, 0.9], [at, at], color=LOOKS[method].color, lw=2, ls="--" if block == 1 else "-")
        ax.text(0.09, at, f"block {block}", ha="right", va="center", color=INK, fontsize=9)
    ax.set(xlim=(-0.22, 1.75), ylim=(5.5, -0.5))
    ax.axis("off")
    ax.set_title("ResNet-152: side, channels")


def knowledge_plot(found: Mapping[str, Sequence[float]]) -> Figure:
    """Plot bars of the explained share of VGG-16's variance. ``found``: source of weights → a share per ``RESNETS``."""
    fig, ax = style.plot(2.5)
    looks = (("blue", ""), ("sky", "///"))
    for i, ((name, shares), (color, hatch)) in enumerate(zip(found.items(), looks, strict=True)):
        at = np.arange(len(shares)) + 0.38 * (i - 0.5)
        bars = ax.barh(at, [100 * s for s in shares], 0.36, color=OKABE_ITO[color], hatch=hatch, ec="white", label=name)
        ax.bar_label(bars, [f"{100 * s:.0f} %".replace("-0", "0") for s in shares], padding=3, fontsize=9)
    ax.set_yticks(range(len(RESNETS)), [NAMES[m] for m in RESNETS])
    ax.set(
        xlabel="variance of VGG-16's features that is explained, %",
        xlim=(min(0, *(100 * min(of) - 9 for of in found.values())), 109),
        ylim=(1.6, -0.6),
    )
    ax.grid(axis="y", visible=False)
    ax.legend(title="ResNet's weights", loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def trunk_of(evidence: Evidence) -> str:
    """Which ResNet weights the stored runs of Fig. 8 used: "distilled trunk", or the name of their source."""
    made = evidence.parts("8", "provenance")
    told = {s for runs in made.values() for one in runs.values() for n, s in one["weights"].items() if "resnet" in n}
    return "; ".join(sorted({"distilled trunk" if "distilled" in s else s.split(" (sha256")[0] for s in told}))


def labelled(fig: Figure, trunk: str) -> Figure:
    """``fig`` with a title over its legend that names ResNet's ``trunk``, and the loss if it is without MS-SSIM."""
    (legend,) = fig.legends
    (handles, _), labels = fig.axes[0].get_legend_handles_labels(), [text.get_text() for text in legend.get_texts()]
    title = f"ResNet-152: {trunk}{_WITHOUT if any(label.endswith(_WITHOUT) for label in labels) else ''}"
    legend.remove()
    labels = [label.removesuffix(_WITHOUT) for label in labels]
    fig.legend(handles, labels, loc="outside lower center", ncols=2, title=title)
    return fig


def seed_plot(gains: Mapping[tuple[str, str, float], Sequence[float]], pairs: Sequence[Pair]) -> Figure:
    """Plot the gain of each seed. ``gains``: (label of a pair, metric, bits per pixel) → one gain per seed."""
    fig, axes = style.figure(2.7, 1, 3)
    rates = sorted({bpp for _, _, bpp in gains})
    step = 0.16 * min(np.diff(rates))
    for ax, metric in zip(axes[0], METRICS, strict=True):
        ax.axhline(0, color=INK, linewidth=1)
        for i, pair in enumerate(pairs):
            look = LOOKS[pair.look]
            for rate in rates:
                marks, at = gains[pair.label, metric, rate], rate + step * (2 * i + 1 - len(pairs))
                ax.vlines(at, min(marks), max(marks), color=FAINT, linewidth=3, zorder=1)
                ax.plot([at] * len(marks), marks, look.marker, color=look.color)
            ax.plot([], [], look.marker, color=look.color, label=pair.label)
        ax.set(title=f"{SHORT[metric]} {'gained' if metric == 'ms_ssim' else 'saved'}", xlabel="bits per pixel")
    legend_below(fig, 2)
    return fig
