"""Pictures on a slider that works in Jupyter and in a static page alike.

A static page has no Python, so all pictures are made beforehand and the slider only selects which one is shown.
``jslink`` connects the two in the browser.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from bookkit.html import image_source

if TYPE_CHECKING:
    import ipywidgets


def frames_slider(
    frames: Sequence[Any],
    labels: Sequence[str],
    alts: Sequence[str],
    *,
    description: str,
    captions: Sequence[str] | None = None,
    start: int = 0,
    width: str = "100%",
) -> ipywidgets.VBox:
    """A slider over pictures made beforehand, which works without a kernel and by keyboard.

    frames
        one picture for each stop: a matplotlib figure (closed afterwards), an array (H, W) or (H, W, 3) of uint8, or
        the bytes of a PNG, JPEG or WebP file, which are shown as they are
    labels
        the slider's label at each stop; all must differ
    alts
        each picture's alternative text
    description
        what the slider sets, for example "Quality"
    captions
        a line under each picture
    start
        index of the stop to begin with
    width
        CSS width of the pictures, such as "100%" or "24rem"; never wider than the page

    Raises ``ValueError`` if the lists are empty or differ in length, a label repeats, a picture has no alternative
    text, or a frame is none of the above.
    """
    import ipywidgets as w

    captions = [""] * len(frames) if captions is None else captions
    if not len(frames) == len(labels) == len(alts) == len(captions) > 0:
        counts = f"{len(frames)} frames, {len(labels)} labels, {len(alts)} alts, {len(captions)} captions"
        raise ValueError(f"frames_slider: one label, alt and caption for each frame, got {counts}")
    if len(set(labels)) != len(labels):
        raise ValueError(f"frames_slider: labels must differ, got {list(labels)}")
    if not all(alts):
        raise ValueError("frames_slider: every frame needs an alt text")
    pages = [_figure(*of, width) for of in zip(frames, alts, captions, strict=True)]
    # Colab's own ipywidgets 7 has no Stack
    stack = getattr(w, "Stack", w.Tab)([w.HTML(page) for page in pages], selected_index=start)
    slider = w.SelectionSlider(options=list(labels), index=start, description=description, continuous_update=True)
    slider.layout.width = "min(100%, 36rem)"
    slider.style.description_width = "initial"
    w.jslink((slider, "index"), (stack, "selected_index"))
    box = w.VBox([slider, stack])
    box.add_class("repro-frames")
    return box


def _figure(frame: Any, alt: str, caption: str, width: str) -> str:
    """One picture as HTML with the image embedded."""
    data = _encoded(frame)
    try:
        source = image_source(data)
    except ValueError as error:
        raise ValueError(f"frames_slider: {error}") from error
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img src="{source}" alt="{escape(alt)}" style="width: {escape(width)}">{below}</figure>'


def _encoded(frame: Any) -> bytes:
    """The bytes of an image file that shows ``frame``."""
    if isinstance(frame, bytes):
        return frame
    if hasattr(frame, "savefig"):
        import matplotlib.pyplot as plt

        drawn = io.BytesIO()
        frame.savefig(drawn, format="png", dpi=110, bbox_inches="tight")
        plt.close(frame)
        return lossless(np.asarray(Image.open(drawn).convert("RGB")))
    pixels = np.asarray(frame)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        raise ValueError(f"frames_slider: expected uint8 (H, W) or (H, W, 3), got {pixels.dtype} {pixels.shape}")
    return lossless(pixels)


def lossless(pixels: np.ndarray) -> bytes:
    """A lossless WebP file of ``pixels``, uint8 (H, W) or (H, W, 3): a quarter smaller than PNG. More effort would
    take seconds to save one per cent."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", lossless=True, quality=75, method=4)
    return stream.getvalue()
