"""The photo of chapter 11: encoded, described and drawn.

What the encoder knew of a photo is one number a block: of the set with attention where its trunk's ImageNet weights are
at hand and the photo is not too large to wait for, else what an error there is worth, by which the default set decides.
The window for the reader's own photo is :func:`bookkit.live.own_photo`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from bookkit.markdown import megabytes
from chapters.style import WIDTH, figure, show_image
from repro.encoder import models, trellis_set
from repro.encoder.encode import Effort, Settings, encode_picture
from repro.encoder.images import Picture

#: The set whose attention is shown, and up to how many pixels one need not wait long for it.
ATTENTIVE, ATTENTION_PIXELS = "vgg16", 4_000_000
#: No picture in a page needs more pixels across than this.
_ACROSS = 900


@dataclass(frozen=True)
class Made:
    """A photo and the JPEG file that was made of it; ``lam`` is the set's λ at ``quality``."""

    picture: Picture
    data: bytes
    quality: float
    lam: float

    @property
    def words(self) -> str:
        """Size and bits per pixel (all of the file's), as a caption says them."""
        bpp = 8 * len(self.data) / (self.picture.width * self.picture.height)
        return f"{megabytes(len(self.data))}, {bpp:.3f} bits per pixel"


@dataclass(frozen=True)
class Known:
    """What an encoder knew of a photo: a number for each 8×8 block (rows, cols), and what the numbers are.

    ``ratio``: they are multiples of the photo's mean, else they lie between 0 and 1. ``words``: what a low and a high
    number mean, and whose it is.
    """

    values: np.ndarray
    label: str
    ratio: bool
    words: str


def rgb(picture: Picture) -> np.ndarray:
    """The samples of ``picture`` as uint8 (H, W, 3), grey ones too."""
    return picture.samples if picture.samples.ndim == 3 else np.repeat(picture.samples[..., None], 3, axis=2)


def make(picture: Picture, quality: float, effort: Effort = "default") -> Made:
    """Encode with the default set."""
    data = encode_picture(picture, Settings(quality=quality, effort=effort)).data
    return Made(picture, data, quality, lam_of(quality))


def lam_of(quality: float) -> float:
    """λ of the median photo at ``quality``."""
    return trellis_set.load().median_lam(quality)


def known(picture: Picture, quality: float) -> Known:
    """What an encoder knows of ``picture`` when it writes it at ``quality``; see the module for which."""
    from repro import weights

    have = {row.name for row in weights.status() if row.source}
    if ATTENTIVE in have and picture.width * picture.height <= ATTENTION_PIXELS:
        return _attention(picture, quality)
    return _worth(picture)


def known_plot(rgb: np.ndarray, found: Known) -> Figure:
    """The photo (H, W, 3) beside what an encoder knew of it, block by block."""
    step = -(-rgb.shape[1] // _ACROSS)
    fig, axes = figure(min(9.0, WIDTH / 2 * rgb.shape[0] / rgb.shape[1]) + 0.9, 1, 2)
    show_image(axes[0, 0], rgb[::step, ::step], "photo")
    low, high = float(found.values.min()), float(found.values.max())
    low = min(low, high / 1.01)  # one colour, too, has a scale
    norm = {"norm": LogNorm(low, high)} if found.ratio else {"vmin": low, "vmax": high}
    shown = show_image(axes[0, 1], found.values, "block by block", cmap="viridis", interpolation="nearest", **norm)
    fig.colorbar(shown, ax=axes[0, :], orientation="horizontal", label=found.label, fraction=0.07, aspect=50)
    return fig


def _attention(picture: Picture, quality: float) -> Known:
    """The mean of A^(L) over a block's 63 AC coefficients."""
    import torch

    from repro.torch_encoder.networks import AttentionEncoder

    encoder = AttentionEncoder(picture, models.load(ATTENTIVE), once=True)
    values = np.zeros((-(-picture.height // 8), -(-picture.width // 8)), np.float32)
    with torch.no_grad():
        for region, _, A in encoder.parts(models.load(ATTENTIVE).at(quality)):
            assert A is not None
            of_luma = A[0, 0].flatten(2)[..., 1:].mean(-1).numpy()
            values[region.top // 8 : region.bottom // 8, region.left // 8 : region.right // 8] = of_luma
    words = f"Attention of the set {ATTENTIVE}: how much of the detail of a block it keeps"
    return Known(values, "A of luma, mean over AC", False, words)


def _worth(picture: Picture) -> Known:
    """The mean weight of a luma block's 63 AC coefficients over the photo's."""
    from repro.trellis import planes

    dct = planes.forward_dct(picture.samples)
    luma = trellis_set.load().network.weights(dct)[0]
    worth = luma.each()[:, 1:].mean(1).reshape(dct.planes[0].rows, dct.planes[0].cols)
    words = "What the default set decides by: what its network says that an error in a block is worth"
    return Known(worth / worth.mean(), "worth of an error, against the photo's mean", True, words)
