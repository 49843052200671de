"""Pictures of chapter 6: where the trunks are cut and how far they see, what they know, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chapters import attention, style
from chapters.jpeg import Box
from chapters.rate_distortion import Pair
from chapters.style import FAINT, INK, LOOKS, OKABE_ITO
from repro.attention import ConvolutionalAttention
from repro.attention import build as new_attention
from repro.evaluation import BDRate, compare_at_rate
from repro.experiments.claims import METRICS, SHORT, Evidence
from repro.experiments.claims import verdicts as v
from repro.experiments.paper import RESNETS
from repro.metrics import METRICS as ALL_METRICS

#: Method → how the page calls it.
NAMES = {"vgg16": "VGG-16", "resnet152-block1": "ResNet, block 1", "resnet152-block7": "ResNet, block 7"}
_WITHOUT = ", loss without MS-SSIM"
#: ResNet-152 from the photo on: part, pixels of a feature a side in those of the photo, channels, blocks.
STAGES = (("photo", 1, 3, 0), ("conv1", 2, 64, 0), ("max-pool, conv2", 4, 256, 3), ("conv3", 8, 512, 8),
          ("conv4", 16, 1024, 36), ("conv5", 32, 2048, 3))  # fmt: skip


def extent(strength: np.ndarray) -> Box:
    """The smallest part of a picture that holds every pixel with any influence, see :func:`attention.reach`."""
    rows, cols = (np.flatnonzero((strength > 0).any(axis)) for axis in (1, 0))
    return Box(int(rows[0]), int(cols[0]), int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1)


def fields(crop: np.ndarray, row: int, col: int, seed: int = 0) -> dict[str, Box]:
    """Method → the pixels of ``crop`` that its features of block (row, col) depend on, found by gradients."""
    networks = {method: attention.build(method, seed) for method in NAMES}
    return {method: extent(attention.reach(network, crop, row, col)) for method, network in networks.items()}


def anatomy(crop: np.ndarray, seen: Mapping[str, Box], row: int, col: int) -> Figure:
    """Left: the stages of ResNet-152 and its two cuts. Right: what each trunk sees of ``crop`` for one block."""
    fig, axes = style.figure(3.7, 1, 2, width_ratios=(1.12, 1))
    _stages(axes[0, 0], crop.shape[0])
    ax = axes[0, 1]
    style.show_image(ax, crop, "what each sees for the filled block")
    for method, box in seen.items():
        look = LOOKS[method]
        frame = box.frame(look.color)
        frame.set(linestyle="--" if method == "resnet152-block1" else "-", label=f"{NAMES[method]}: {box.width} px")
        ax.add_patch(frame)
    block = Box(8 * row, 8 * col, 8, 8).frame(OKABE_ITO["yellow"])
    block.set(fill=True, facecolor=OKABE_ITO["yellow"])
    ax.add_patch(block)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=1)
    return fig


def _stages(ax: Axes, side: int) -> None:
    """A bar for each stage, as wide as its features' side; blocks of conv3 are drawn one by one, the cuts marked."""
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


@torch.no_grad()
def knowledge(fit: Sequence[np.ndarray], test: np.ndarray, side: int = 448, seed: int = 0) -> dict[str, list[float]]:
    """How much of VGG-16's features a linear map finds in ResNet's, at both depths: "as used here" and "random".

    The map is fitted on the middles (``side`` px) of the photos of ``fit``, the share of the variance is ``test``'s.
    """
    pictures = [attention.to_tensor(attention.middle(rgb, side)) for rgb in (*fit, test)]
    teacher = [_vectors(attention.build("vgg16", seed), x) for x in pictures]
    found: dict[str, list[float]] = {"as used here": [], "random": []}
    for method in RESNETS:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            random = new_attention(method, pretrained=False)
        for name, network in (("as used here", attention.build(method, seed)), ("random", random)):
            found[name].append(linear_share([_vectors(network, x) for x in pictures], teacher))
    return found


def linear_share(inputs: Sequence[torch.Tensor], wanted: Sequence[torch.Tensor]) -> float:
    """Share of the variance of the last of ``wanted`` (n, d) that a linear map, fitted on the others, explains."""
    x, y = (torch.cat(list(of[:-1])).double() for of in (inputs, wanted))
    mean, spread = x.mean(0), x.std(0)
    spread = spread.clamp_min(0.05 * spread.mean())  # a channel that hardly speaks must not shout elsewhere
    design = [torch.nn.functional.pad((of.double() - mean) / spread, (0, 1), value=1.0) for of in (x, inputs[-1])]
    penalty = 0.1 * len(x) * torch.eye(design[0].shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(design[0].T @ design[0] + penalty, design[0].T @ y)
    target = wanted[-1].double()
    error = ((design[1] @ weights - target) ** 2).sum()
    return float(1 - error / ((target - target.mean(0)) ** 2).sum())


def knowledge_plot(found: Mapping[str, Sequence[float]]) -> Figure:
    """:func:`knowledge` as bars, with the numbers."""
    fig, axes = style.figure(2.5)
    ax, looks = axes[0, 0], (("blue", ""), ("sky", "///"))
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


def trunk_of(evidence: Evidence, figure: str = "8") -> str:
    """Which ResNet the stored runs of ``figure`` had: "distilled trunk", or whatever its source is called."""
    made = evidence.parts(figure, "provenance")
    told = {s for runs in made.values() for one in runs.values() for n, s in one["weights"].items() if "resnet" in n}
    return "; ".join(sorted({"distilled trunk" if "distilled" in s else s.split(" (sha256")[0] for s in told}))


def trunk_words(trunk: str) -> str:
    """What :func:`trunk_of` means for whoever reads the numbers."""
    if trunk == "distilled trunk":
        return (
            "The runs on this page were made with the distilled trunk: “ResNet” means the shape of ResNet-152 with "
            "the knowledge of VGG-16"
        )
    return f"The runs on this page were made with {trunk}"


def labelled(fig: Figure, trunk: str) -> Figure:
    """``fig`` with a line over its legend that says which trunk stands behind ResNet's lines, and which loss behind
    all, if it is another than the paper's."""
    (legend,) = fig.legends
    (handles, _), labels = fig.axes[0].get_legend_handles_labels(), [text.get_text() for text in legend.get_texts()]
    title = f"ResNet-152: {trunk}{_WITHOUT if any(label.endswith(_WITHOUT) for label in labels) else ''}"
    legend.remove()
    labels = [label.removesuffix(_WITHOUT) for label in labels]
    fig.legend(handles, labels, loc="outside lower center", ncols=2, title=title)
    return fig


def seed_plot(pairs: Sequence[Pair], rates: Sequence[float]) -> Figure:
    """What each seed gains over its anchor's at equal rate: a mark for each seed, mean over photos; up is better."""
    fig, axes = style.figure(2.7, 1, 3)
    step = 0.16 * min(np.diff(rates))
    for ax, metric in zip(axes[0], METRICS, strict=True):
        ax.axhline(0, color=INK, linewidth=1)
        for i, pair in enumerate(pairs):
            found = seed_gains(pair, rates, metric)
            for at, gains in ((rate + step * (2 * i + 1 - len(pairs)), gains) for rate, gains in found.items()):
                ax.vlines(at, min(gains), max(gains), color=FAINT, linewidth=3, zorder=1)
                ax.plot([at] * len(gains), gains, LOOKS[pair.look].marker, color=LOOKS[pair.look].color)
            ax.plot([], [], LOOKS[pair.look].marker, color=LOOKS[pair.look].color, label=pair.label)
        word = "saved" if ALL_METRICS[metric][1] == "lower" else "gained"
        ax.set(title=f"{SHORT[metric]} {word}", xlabel="bits per pixel")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig


def seed_gains(pair: Pair, rates: Sequence[float], metric: str) -> dict[float, tuple[float, ...]]:
    """Rate → what each seed gains, mean over photos, wherever enough photos reach that rate.

    See :func:`repro.experiments.claims.gains`.
    """
    sign = -1 if ALL_METRICS[metric][1] == "lower" else 1
    reached = {g.bpp for g in v.gains(pair.anchor, pair.test, rates, (metric,))}
    found = {rate: compare_at_rate(pair.anchor, pair.test, rate, metric).per_seed for rate in sorted(reached)}
    return {rate: tuple(sign * gain for gain in gains) for rate, gains in found.items()}


def numbers(compared: Mapping[str, Mapping[str, BDRate]]) -> dict[str, str]:
    """:func:`repro.experiments.claims.trunks.comparisons` in words, by glue name: "block1_without_mse", …"""
    keys = ("block1_without", "block7_without", "block1_with", "block7_with")
    return v.numbers_of(dict(zip(keys, compared.values(), strict=True)))


def _vectors(network: object, x: torch.Tensor) -> torch.Tensor:
    """A picture's features, a vector a block: (blocks, channels)."""
    assert isinstance(network, ConvolutionalAttention)
    return network.features(x)[0].flatten(1).T
