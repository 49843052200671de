"""What chapter 11 shows for its photo: the size of its files, and how much of each block the attention set keeps.

The interactive window for the reader's own photo is :func:`bookkit.live.own_photo`.
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure

from bookkit.markdown import megabytes
from chapters.style import WIDTH, figure, show_image
from repro.encoder import models
from repro.encoder.images import Picture
from repro.torch_encoder.networks import AttentionEncoder


def words(picture: Picture, data: bytes) -> str:
    """Size and bits per pixel of a file of ``picture``, for a caption."""
    return f"{megabytes(len(data))}, {8 * len(data) / picture.pixels:.3f} bits per pixel"


@torch.no_grad()
def attention_map(picture: Picture, quality: float) -> np.ndarray:
    """A^(L) of the set ``vgg16`` at ``quality``, averaged over the 63 AC coefficients of each block: (rows, cols)."""
    chosen = models.load("vgg16")
    values = np.zeros((-(-picture.height // 8), -(-picture.width // 8)), np.float32)
    for region, _, A in AttentionEncoder(picture, chosen, once=True).parts(chosen.at(quality)):
        assert A is not None
        of_luma = A[0, 0].flatten(2)[..., 1:].mean(-1).numpy()
        values[region.top // 8 : region.bottom // 8, region.left // 8 : region.right // 8] = of_luma
    return values


def map_plot(rgb: np.ndarray, values: np.ndarray) -> Figure:
    """The photo (H, W, 3) beside :func:`attention_map`."""
    fig, axes = figure(WIDTH / 2 * rgb.shape[0] / rgb.shape[1] + 0.9, 1, 2)
    show_image(axes[0, 0], rgb, "photo")
    shown = show_image(axes[0, 1], values, "block by block", cmap="viridis", interpolation="nearest")
    label = "A of luma, mean over AC"
    fig.colorbar(shown, ax=axes[0, :], orientation="horizontal", label=label, fraction=0.07, aspect=50)
    return fig
