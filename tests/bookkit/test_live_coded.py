"""The curtain whose right side is encoded in the page, in a browser that may not connect to anything."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_page import jpeg, line, photo, wait_for_line, window
from PIL import Image

import repro
from bookkit import live

PIXELS = photo().shape[0] * photo().shape[1]
PEERS = [jpeg(quality) for quality in (20, 60, 95)]


@pytest.fixture
def tab(browser: Any, tmp_path: Path) -> Iterator[Any]:
    page = live.coded_curtain("cup.png", photo(), "A cup", {"Pillow": PEERS})
    with window(browser, tmp_path, page.text) as tab:
        wait_for_line(tab, "coded in this page")
        yield tab


def drag(tab: Any, value: int) -> float:
    """Move the slider, and return the rate that it shows."""
    tab.get_by_label("Bits per pixel").fill(str(value))
    return float(tab.locator(".settings output").inner_text())


def shown(tab: Any, side: int) -> bytes:
    """A PNG file of what a side of the curtain shows: 0 is left, 1 is right."""
    read = """(image) => new Promise((resolve) => {
        const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
        canvas.getContext("2d").drawImage(image, 0, 0);
        canvas.convertToBlob().then((blob) => {
            const reader = new FileReader();
            reader.onload = () => resolve(reader.result.split(",")[1]);
            reader.readAsDataURL(blob);
        });
    })"""
    return base64.b64decode(tab.locator(".layer img").nth(side).evaluate(read))


def wait_for_other_line(tab: Any, before: str) -> None:
    tab.wait_for_function("before => document.querySelector('.line').textContent !== before", arg=before)


def wait_for_size(tab: Any, side: str, size: int) -> None:
    told = f"document.querySelector('.told .{side}').textContent"
    tab.wait_for_function(f"words => {told}.includes(words)", arg=f" {size:,} bytes")


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.int16)


def test_the_right_side_is_the_commands_file_at_that_rate(tab: Any) -> None:
    before = line(tab)
    bpp = drag(tab, 70)
    wait_for_other_line(tab, before)
    size = int(line(tab).split(" bpp, ")[1].split(" bytes")[0].replace(",", ""))
    assert 0.9 * bpp * PIXELS / 8 < size <= 1.01 * bpp * PIXELS / 8
    expected = repro.encode(Image.fromarray(photo()), size=size)
    wait_for_size(tab, "right", size)
    assert np.abs(pixels(shown(tab, 1)) - pixels(expected)).mean() < 0.5


def test_the_left_side_is_the_peers_file_of_the_nearest_size(tab: Any) -> None:
    for value in (0, 50, 100):
        goal = drag(tab, value) * PIXELS / 8
        nearest = min(PEERS, key=lambda data: abs(np.log(len(data) / goal)))
        wait_for_size(tab, "left", len(nearest))
        assert np.abs(pixels(shown(tab, 0)) - pixels(nearest)).max() <= 3


def test_the_rate_is_dragged_by_keyboard(tab: Any) -> None:
    slider, before = tab.get_by_label("Bits per pixel"), line(tab)
    slider.focus()
    tab.keyboard.press("End")
    wait_for_other_line(tab, before)
    assert slider.get_attribute("aria-valuetext") == "2.00 bits per pixel"


def test_a_rate_that_cannot_be_met_is_told(tab: Any) -> None:
    drag(tab, 0)
    wait_for_line(tab, "cannot be met")
    assert tab.locator(".line").get_attribute("role") == "alert"


def test_a_picture_that_cannot_be_read_is_told(browser: Any, tmp_path: Path) -> None:
    page = live.coded_curtain("cup.png", photo(), "A cup", {"Pillow": PEERS}).text
    broken = "<script>createImageBitmap = async () => { throw Error('no'); }</script>"
    with window(browser, tmp_path, broken + page) as tab:
        wait_for_line(tab, "this browser cannot read it as a picture")
        assert tab.locator(".line").get_attribute("role") == "alert"
