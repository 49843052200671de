"""Make the book smaller without changing a pixel: recompress its pictures, drop files that no reader loads."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from PIL import Image


def smaller(png: bytes) -> bytes:
    """Recompress a PNG file without loss, or return it as it is if that does not make it smaller.

    Matplotlib writes every figure with an opaque alpha channel and weak compression.
    """
    with Image.open(io.BytesIO(png)) as picture:
        opaque = picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255)
        packed = io.BytesIO()
        (picture.convert("RGB") if opaque else picture).save(packed, "PNG", optimize=True)
    return min(packed.getvalue(), png, key=len)


def pack_pictures(notebook: Any) -> None:
    """Make every PNG in the outputs of an executed notebook :func:`smaller`, in place."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                packed = smaller(base64.b64decode(output["data"]["image/png"]))
                output["data"]["image/png"] = base64.b64encode(packed).decode()


def drop_maps(html: Path) -> None:
    """Delete the source maps of the theme's scripts and styles, which only the theme's authors need."""
    for path in (html / "_static").rglob("*.map"):
        path.unlink()
