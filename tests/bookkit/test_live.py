"""The window for the reader's own photo, in a browser that may not connect to anything."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_page import choose, line, photo, png, wait_for_line, window
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

import repro
from bookkit import live

CODED = ".download:not([hidden])"


@pytest.fixture
def tab(browser: Any, tmp_path: Path) -> Iterator[Any]:
    with window(browser, tmp_path, live.own_photo("cup.png", photo(), "A cup").text) as tab:
        tab.wait_for_selector(CODED)
        yield tab


def download(tab: Any) -> bytes:
    with tab.expect_download() as started:
        tab.locator(CODED).click()
    return Path(started.value.path()).read_bytes()


def test_the_photo_that_is_there_becomes_the_commands_file(tab: Any) -> None:
    """As `repro encode` makes it, except for rounding in the last digit."""
    data = download(tab)
    expected = repro.encode(Image.fromarray(photo()), quality=75)
    assert len(data) == pytest.approx(len(expected), rel=0.005)
    theirs, ours = (np.asarray(Image.open(io.BytesIO(one)).convert("RGB")) for one in (expected, data))
    assert np.array_equal(theirs, ours) or peak_signal_noise_ratio(theirs, ours) > 45
    assert "cup.png: 120 × 88 pixels" in line(tab) and "at quality 75" in line(tab)


def test_the_slider_is_moved_by_keyboard(tab: Any) -> None:
    before = len(download(tab))
    tab.locator("input[type=range]").focus()
    for _ in range(3):
        tab.keyboard.press("PageDown")
    tab.wait_for_function("() => document.querySelector('.line').textContent.includes('quality 4')")
    assert len(download(tab)) < before


def test_a_size_is_kept(tab: Any) -> None:
    tab.locator("input[type=number]").fill("1.5")
    tab.keyboard.press("Enter")
    tab.wait_for_function("() => !document.querySelector('.line').textContent.includes('quality 75')")
    assert 1000 < len(download(tab)) <= 1500
    tab.locator("input[type=number]").fill("0.01")
    tab.keyboard.press("Enter")
    wait_for_line(tab, "0.01 kB cannot be met; choose at least ")
    assert tab.locator(".seen").is_visible(), "the map of the file before"
    choose(tab, "next.png", png(photo(40, 60)), "next.png: 0.01 kB cannot be met; choose at least ")
    assert not tab.locator(".seen").is_visible(), "it is not of this photo"
    least = line(tab).split("choose at least ")[1].split(" kB")[0]
    tab.locator("input[type=number]").fill(least)
    tab.keyboard.press("Enter")
    wait_for_line(tab, "at quality")
    assert len(download(tab)) == round(1000 * float(least))
    tab.locator("input[type=number]").fill("")
    tab.keyboard.press("Enter")
    assert tab.locator(".settings output").inner_text() == tab.locator("input[type=range]").input_value()


def test_a_photo_is_dropped(tab: Any) -> None:
    drop = """(root) => {
        const canvas = new OffscreenCanvas(64, 48);
        canvas.getContext("2d").fillRect(8, 8, 20, 20);
        return canvas.convertToBlob().then((blob) => {
            const dropped = new DataTransfer();
            dropped.items.add(new File([blob], "holiday.png", { type: "image/png" }));
            root.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: dropped }));
        });
    }"""
    tab.locator(".repro-own").evaluate(drop)
    tab.wait_for_function("() => document.querySelector('.line').textContent.startsWith('holiday.png: 64 × 48')")
    shown = np.asarray(Image.open(io.BytesIO(download(tab))).convert("RGB"))
    assert shown[2, 2].min() > 240 and shown[16, 16].max() < 16, "transparent places are white"


def test_every_map_and_the_browsers_own_file_are_shown(tab: Any) -> None:
    names = tab.locator(".seen option").all_inner_texts()
    seen = set()
    for name in names:
        tab.locator(".seen select").select_option(name)
        seen.add(tab.locator(".map").evaluate("canvas => canvas.toDataURL()"))
    assert len(seen) == len(names) == 10
    tab.wait_for_function("() => document.querySelectorAll('figcaption[data-words*=\"bits per pixel\"]').length === 2")
    tab.locator(".map").click(position={"x": 5, "y": 5})
    assert tab.get_by_role("button", name="4×").get_attribute("aria-pressed") == "true"
    tab.locator(".controls select").nth(1).select_option("browser's JPEG")
    assert "bits per pixel" in tab.locator(".told .right").inner_text()


def test_what_is_no_picture_gets_a_friendly_line(tab: Any) -> None:
    choose(tab, "<b>no.png", b"nothing", "this browser cannot read it as a picture", "[role=alert]")
    assert tab.locator("[role=alert]").inner_text().startswith("<b>no.png: ")
    assert line(tab).startswith("cup.png: "), "the photo before is still there"
    with tab.expect_file_chooser():
        tab.locator("input[type=file]").click()
    assert tab.locator("input[type=file]").input_value() == "", "or the same file, mended, were no change"
    choose(tab, "next.png", png(photo(40, 60)), "next.png: 60 × 40 pixels")
    assert tab.locator("[role=alert]").inner_text() == ""
    tab.evaluate("() => { HTMLCanvasElement.prototype.toBlob = (told) => told(null); }")
    no_room = "this browser could not make a picture file of 60 × 40 pixels"
    choose(tab, "next.png", png(photo(40, 60)), no_room, "[role=alert]")


@pytest.mark.slow
def test_a_photo_that_is_too_large_is_offered_smaller(tab: Any) -> None:
    choose(tab, "wall.png", png(np.full((5001, 5000, 3), 120, np.uint8)), "more than this page can hold", ".refused")
    tab.locator(".refused button").click()
    wait_for_line(tab, "wall.png: 48")
    width, height = Image.open(io.BytesIO(download(tab))).size
    assert width * height <= 24e6 and height > width * 0.99


def test_a_photo_that_the_browser_has_no_room_for_is_offered_smaller(tab: Any) -> None:
    """As on iPhones: a canvas of more than 16 megapixels stays empty there."""
    tab.evaluate(
        """() => {
            const draw = CanvasRenderingContext2D.prototype.getImageData;
            CanvasRenderingContext2D.prototype.getImageData = function (...of) {
                const { width, height } = this.canvas;
                return width * height > 16777216 ? new ImageData(width, height) : draw.apply(this, of);
            };
        }"""
    )
    choose(tab, "wall.png", png(np.full((4200, 4100, 3), 120, np.uint8)), "17.2 megapixels", ".refused")
    assert tab.locator(".refused button").inner_text() == "Make it 16 megapixels, and go on"
    tab.locator(".refused button").press("Enter")
    assert tab.evaluate("document.activeElement.type") == "range", "the button is gone, the keyboard's place is not"


def test_a_transparent_photo_is_shown_as_it_is_coded(tab: Any) -> None:
    clear = np.zeros((40, 60, 4), np.uint8)
    choose(tab, "clear.png", png(clear), "clear.png: 60 × 40 pixels")
    first = tab.locator("figure[data-name=original] img").evaluate(
        """(image) => {
            const context = new OffscreenCanvas(1, 1).getContext("2d");
            context.drawImage(image, 0, 0);
            return [...context.getImageData(0, 0, 1, 1).data];
        }"""
    )
    assert first == [255, 255, 255, 255]


@pytest.mark.parametrize(
    ("instead", "told"),
    [
        ("throw Error('no'); self.onmessage", "Uncaught Error: no"),
        ("self.onmessage", "this browser does not let the page start the encoder"),
    ],
)
def test_an_encoder_that_cannot_start_is_told(instead: str, told: str, browser: Any, tmp_path: Path) -> None:
    page = live.own_photo("cup.png", photo(), "A cup").text.replace("self.onmessage", instead)
    if instead == "self.onmessage":
        page = f"<script>Worker = class {{ constructor() {{ throw Error('no'); }} }}</script>{page}"
    with window(browser, tmp_path, page) as tab:
        wait_for_line(tab, f"cup.png: {told}")
        assert tab.locator(".line").get_attribute("role") == "alert"
        assert not tab.locator(".seen").is_visible(), "there is no map yet"


def test_the_page_cannot_send_anything(tab: Any) -> None:
    refused = tab.evaluate("() => fetch('data:,x').then(() => false, () => true)")
    assert refused


def test_a_photo_is_not_lost_where_the_slider_moves_while_it_is_read(tab: Any) -> None:
    tab.evaluate(
        """() => {
            const slider = document.querySelector("input[type=range]");
            const read = globalThis.createImageBitmap;
            globalThis.createImageBitmap = (file) => {
                slider.value = 20;
                slider.dispatchEvent(new Event("input"));
                return read(file);
            };
        }"""
    )
    choose(tab, "next.png", png(photo(40, 60)), "next.png: 60 × 40 pixels")
    assert "at quality 20" in line(tab)
