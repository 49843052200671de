"""A smaller book that looks the same: pictures with no pixel changed, and nothing that no reader loads."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from PIL import Image


def smaller(png: bytes) -> bytes:
    """The same pixels as a PNG file in fewer bytes, or the file as it is where it cannot be made smaller.

    Matplotlib writes every figure with a channel of opacity, which is full everywhere, and packs it in haste.
    """
    with Image.open(io.BytesIO(png)) as picture:
        opaque = picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255)
        packed = io.BytesIO()
        (picture.convert("RGB") if opaque else picture).save(packed, "PNG", optimize=True)
    return min(packed.getvalue(), png, key=len)


def pack_pictures(notebook: Any) -> None:
    """Every PNG among the outputs of an executed notebook, made :func:`smaller`."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                packed = smaller(base64.b64decode(output["data"]["image/png"]))
                output["data"]["image/png"] = base64.b64encode(packed).decode()


def drop_maps(html: Path) -> None:
    """Take out of a built book what leads from the theme's scripts and styles to their sources, for its makers."""
    for path in (html / "_static").rglob("*.map"):
        path.unlink()
