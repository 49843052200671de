"""A reader's own photo for chapter 11 and its window: read, encoded, described and drawn.

What the encoder knew of a photo is one number a block: of the set with attention where its trunk's ImageNet weights are
at hand and the photo is not too large to wait for, else what an error there is worth, by which the default set decides.
The window needs a kernel; the built page shows the same for a photo that is always at hand.
"""

from __future__ import annotations

import base64
import io
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from bookkit.curtain import curtain
from bookkit.html import pictures, scripted
from bookkit.markdown import megabytes
from chapters.style import WIDTH, figure, show_image
from repro.encoder import models, trellis_set
from repro.encoder.encode import DEFAULT_QUALITY, Effort, Settings, encode_picture
from repro.encoder.images import Picture, open_picture
from repro.errors import ReproError

if TYPE_CHECKING:
    import ipywidgets

#: A photo of more pixels is refused: encoding it would take more minutes and memory than a lent machine gives.
MAX_PIXELS = 50_000_000
#: The set whose attention is shown, and up to how many pixels one need not wait long for it.
ATTENTIVE, ATTENTION_PIXELS = "vgg16", 4_000_000
#: The part of a photo to compare at first sight, in pixels: (height, width).
VIEW = (420, 640)
#: No picture in a page needs more pixels across than this.
_ACROSS = 900
#: What the window says while no photo is chosen.
_WAITING = "Choose a photo, or drop one on the button: PNG, JPEG, TIFF, WebP, …"


@dataclass(frozen=True)
class Made:
    """A photo and the JPEG file that was made of it; ``lam`` is the set's λ at ``quality``, ``seconds`` wall time."""

    name: str
    picture: Picture
    data: bytes
    quality: float
    lam: float
    effort: Effort
    seconds: float

    @property
    def words(self) -> str:
        """Size and bits per pixel (all of the file's), as a caption says them."""
        bpp = 8 * len(self.data) / (self.picture.width * self.picture.height)
        return f"{megabytes(len(self.data))}, {bpp:.3f} bits per pixel"

    @property
    def file_name(self) -> str:
        """What a download of it is called."""
        return f"{Path(self.name).stem}-q{self.quality:g}.jpg"


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


def read(name: str, data: bytes) -> Picture:
    """The picture in the bytes of a file that its owner calls ``name``.

    Raises :class:`ReproError`, one line, as :func:`repro.encoder.images.open_picture` does, also for more than
    :data:`MAX_PIXELS`.
    """
    with tempfile.TemporaryDirectory(prefix="repro-") as folder:
        path = Path(folder) / "photo"  # a name from elsewhere stays out of this machine's paths
        path.write_bytes(data)
        try:
            return open_picture(path, max_pixels=MAX_PIXELS)
        except ReproError as error:
            said = str(error).replace(str(path), name)
            raise ReproError(said.replace("raise --max-pixels if you trust the file", "shrink it first")) from error


def rgb(picture: Picture) -> np.ndarray:
    """The samples of ``picture`` as uint8 (H, W, 3), grey ones too."""
    return picture.samples if picture.samples.ndim == 3 else np.repeat(picture.samples[..., None], 3, axis=2)


def make(name: str, picture: Picture, quality: float, effort: Effort = "default", seconds: float | None = None) -> Made:
    """Encode with the default set; ``seconds`` bounds effort ``"best"``."""
    start = time.perf_counter()
    data = encode_picture(picture, Settings(quality=quality, effort=effort, seconds=seconds), name).data
    return Made(name, picture, data, quality, lam_of(quality), effort, time.perf_counter() - start)


def lam_of(quality: float) -> float:
    """λ of the median photo at ``quality``."""
    return trellis_set.load().median_lam(quality)


def quality_of(lam: float) -> int:
    """The whole quality, 1 to 100, whose λ is nearest to ``lam`` (above 0), in proportion; of equal ones the lowest."""
    qualities = np.arange(models.LOWEST, models.HIGHEST + 1)
    distances = [abs(np.log(lam_of(quality) / lam)) for quality in qualities]
    return int(qualities[int(np.argmin(distances))])


def part(picture: Picture) -> tuple[int, int, int, int]:
    """The middle of ``picture``, :data:`VIEW` or less, as (top, left, height, width) for the curtain."""
    height, width = min(picture.height, VIEW[0]), min(picture.width, VIEW[1])
    return (picture.height - height) // 2, (picture.width - width) // 2, height, width


def compared(made: Sequence[Made]) -> dict[str, dict[str, tuple[object, str]]]:
    """One photo before and after, for :func:`bookkit.curtain`: its pixels, and each file made of it."""
    first = made[0]
    before = {"original": (rgb(first.picture), f"{first.picture.width} × {first.picture.height} pixels")}
    return {first.name: before | {f"quality {one.quality:g}": (one.data, one.words) for one in made}}


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


class Panel:
    """Upload, settings, a button and what came of it. ``box`` is what a cell ends in.

    ``seconds`` bounds effort ``"best"``.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        import ipywidgets as w

        self._seconds = seconds
        style, layout = {"description_width": "7rem"}, w.Layout(width="min(100%, 30rem)")
        self.upload = w.FileUpload(accept="image/*", multiple=False, description="Photo", layout=layout)
        self.upload.add_class("drop-here")
        self.quality = w.IntSlider(DEFAULT_QUALITY, 1, 100, description="Quality", style=style, layout=layout)
        start, limits = lam_of(DEFAULT_QUALITY), {"min": np.log10(lam_of(100)), "max": np.log10(lam_of(1))}
        self.lam = w.FloatLogSlider(
            start, description="or λ", step=0.01, readout_format=".2g", style=style, layout=layout, **limits
        )
        self.effort = w.Dropdown(
            options=get_args(Effort), value="default", description="Effort", style=style, layout=layout
        )
        self.button = w.Button(description="Encode", button_style="primary", disabled=True)
        self.said, self.shown, self.download = w.HTML(), w.Output(), w.HTML()
        dropping = w.Output()
        dropping.append_display_data(scripted("drop", ""))
        self.made: Made | None = None
        self._following = False  # one slider moves the other, which is not to move it back
        self.upload.observe(self._chosen, "value")
        self.quality.observe(self._set_lam, "value")
        self.lam.observe(self._set_quality, "value")
        self.button.on_click(lambda _: self.encode())
        self._say(_WAITING)
        settings = self.upload, self.quality, self.lam, self.effort, self.button
        self.box: ipywidgets.VBox = w.VBox([*settings, self.said, self.download, self.shown, dropping])

    def encode(self) -> None:
        """Encode what was chosen and show it, or say in a line why not."""
        (file,) = self.upload.value
        self.button.disabled = True
        self._say("Encoding …")
        self._clear()
        try:
            name, content = str(file["name"]), bytes(file["content"])
            picture = read(name, content)
            limit = self._seconds if self.effort.value == "best" else None
            self.made = make(name, picture, self.quality.value, self.effort.value, limit)
            self._show(self.made, len(content))
        except ReproError as error:
            self._say(str(error), "alert")
        finally:
            self.button.disabled = False

    def _show(self, made: Made, size_before: int) -> None:
        picture = made.picture
        self._say(
            f"{made.name}: {picture.width} × {picture.height} pixels in {megabytes(size_before)} became {made.words}, "
            f"at quality {made.quality:g} (λ = {made.lam:.2g}), effort {made.effort}, in {made.seconds:.1f} s. "
            + " ".join(f"Note: {notice}." for notice in picture.notices)
        )
        href = f"data:image/jpeg;base64,{base64.b64encode(made.data).decode()}"
        name = escape(made.file_name)
        self.download.value = f'<a class="jupyter-button" download="{name}" href="{href}">Download {name}</a>'
        self.shown.append_display_data(curtain(compared([made]), {made.name: part(picture)}))
        found = known(picture, made.quality)
        drawn = io.BytesIO()
        known_plot(rgb(picture), found).savefig(drawn, format="png", dpi=110)
        self.shown.append_display_data(
            pictures([drawn.getvalue()], [f"{found.words}."], [f"The photo and a map of it. {found.words}."])
        )

    def _clear(self) -> None:
        self.made, self.download.value, self.shown.outputs = None, "", ()

    def _chosen(self, _: object) -> None:
        self.button.disabled = not self.upload.value
        self._clear()
        self._say("Press “Encode”." if self.upload.value else _WAITING)

    def _set_lam(self, _: object) -> None:
        if not self._following:
            self._following = True
            self.lam.value = lam_of(self.quality.value)
            self._following = False

    def _set_quality(self, _: object) -> None:
        if not self._following:
            self._following = True
            self.quality.value = quality_of(self.lam.value)
            self._following = False

    def _say(self, line: str, role: str = "status") -> None:
        self.said.value = f'<p role="{role}">{escape(line)}</p>'


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
