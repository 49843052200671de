"""The window of chapter 11, for Jupyter: a photo in, a JPEG file out, with everything between on sight.

It needs a kernel; the built page shows the same for a photo that is always at hand.
"""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING, get_args

import numpy as np

from bookkit.curtain import curtain
from bookkit.html import pictures, scripted
from bookkit.markdown import megabytes
from chapters import own_photo
from chapters.own_photo import Made
from repro.encoder.encode import DEFAULT_QUALITY, Effort
from repro.errors import ReproError

if TYPE_CHECKING:
    import ipywidgets

_WAITING = "Choose a photo, or drop one on the button: PNG, JPEG, TIFF, WebP, …"
_WIDE = {"width": "min(100%, 30rem)"}


class Panel:
    """Upload, settings, a button and what came of it. ``box`` is what a cell ends in.

    ``seconds`` bounds effort ``"best"``.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        import ipywidgets as w

        self._seconds = seconds
        style, layout = {"description_width": "7rem"}, w.Layout(**_WIDE)
        self.upload = w.FileUpload(accept="image/*", multiple=False, description="Photo", layout=layout)
        self.upload.add_class("drop-here")
        self.quality = w.IntSlider(DEFAULT_QUALITY, 1, 100, description="Quality", style=style, layout=layout)
        lam = own_photo.lam_of
        self.lam = w.FloatLogSlider(
            lam(DEFAULT_QUALITY), min=np.log10(lam(1)), max=np.log10(lam(99)), step=0.01, readout_format=".2g",
            description="or λ", style=style, layout=layout,
        )  # fmt: skip
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
        self.box: ipywidgets.VBox = w.VBox(
            [
                self.upload,
                self.quality,
                self.lam,
                self.effort,
                self.button,
                self.said,
                self.download,
                self.shown,
                dropping,
            ]
        )

    def encode(self) -> None:
        """Encode what was chosen and show it, or say in a line why not."""
        (file,) = self.upload.value
        self.button.disabled = True
        self._say("Encoding …")
        self._clear()
        try:
            name, content = str(file["name"]), bytes(file["content"])
            picture = own_photo.read(name, content)
            self.made = own_photo.make(name, picture, self.quality.value, self.effort.value, self._limit())
            self._show(self.made, len(content))
        except ReproError as error:
            self._say(str(error), "alert")
        finally:
            self.button.disabled = False

    def _limit(self) -> float | None:
        return self._seconds if self.effort.value == "best" else None

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
        self.shown.append_display_data(curtain(own_photo.compared([made]), {made.name: own_photo.part(picture)}))
        found = own_photo.known(picture, made.quality)
        drawn = io.BytesIO()
        own_photo.known_plot(own_photo.rgb(picture), found).savefig(drawn, format="png", dpi=110)
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
            self.lam.value = min(own_photo.lam_of(self.quality.value), 10**self.lam.max)
            self._following = False

    def _set_quality(self, _: object) -> None:
        if not self._following:
            self._following = True
            self.quality.value = own_photo.quality_of(self.lam.value)
            self._following = False

    def _say(self, line: str, role: str = "status") -> None:
        self.said.value = f'<p role="{role}">{escape(line)}</p>'
