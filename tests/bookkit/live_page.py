"""Pages with a window that encodes (:mod:`bookkit.live`), in a browser that may not connect to anything."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from own_page import opened, write_page
from PIL import Image

from bookkit import live


def photo(height: int = 88, width: int = 120) -> np.ndarray:
    """(H, W, 3) uint8, calm on the left, busy on the right."""
    down, across = np.mgrid[:height, :width]
    busy = 70 * ((down // 2 + across // 3) % 2) * (across >= width // 2)
    return (
        np.stack([90 + across // 2 + busy, 120 + down // 2, 200 - across // 2 - busy // 2], -1)
        .clip(0, 255)
        .astype(np.uint8)
    )


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def jpeg(quality: int) -> bytes:
    """:func:`photo` as a JPEG file by Pillow."""
    stream = io.BytesIO()
    Image.fromarray(photo()).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


@contextmanager
def window(browser: Any, folder: Path, inside: str) -> Iterator[Any]:
    """A page with the window and its content security policy; any request beyond the page itself fails the test."""
    policy = f'<meta http-equiv="Content-Security-Policy" content="{live.POLICY}">'
    with opened(browser, write_page(folder, inside, policy), 1200) as tab:
        asked: list[str] = []
        tab.on("request", lambda one: asked.append(one.url))
        yield tab
        assert [url for url in asked if not url.startswith(("data:", "blob:"))] == []


def line(tab: Any) -> str:
    return str(tab.locator(".line").inner_text())


def wait_for_line(tab: Any, words: str, where: str = ".line") -> None:
    said = "([where, words]) => document.querySelector(where).textContent.includes(words)"
    tab.wait_for_function(said, arg=[where, words], timeout=180_000)  # a busy machine's


def choose(tab: Any, name: str, data: bytes, then: str, where: str = ".line") -> None:
    """Choose a photo, and wait until the words ``then`` are shown in the line, or at ``where``."""
    tab.set_input_files("input[type=file]", {"name": name, "mimeType": "image/png", "buffer": data})
    wait_for_line(tab, then, where)
