"""The reader's own photo: what is taken, what is refused and in which words, and the window of chapter 11."""

from __future__ import annotations

import base64
import io
import re
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from bookkit import curtain
from chapters import own_photo
from chapters.own_photo import Panel
from repro.encoder.images import Picture
from repro.errors import ReproError


def photo(height: int = 40, width: int = 60) -> np.ndarray:
    """(H, W, 3) uint8: calm on the left, busy on the right."""
    down, across = np.mgrid[:height, :width]
    busy = 60 * ((down + across) % 2) * (across >= width // 2)
    return np.repeat((120 + across // 4 + busy)[..., None], 3, axis=2).astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def panel() -> Panel:
    return Panel()


def choose(panel: Panel, name: str, data: bytes) -> None:
    """As the browser hands a file over."""
    file = {
        "name": name,
        "type": "image/png",
        "size": len(data),
        "content": memoryview(data),
        "last_modified": datetime.now(UTC),
    }
    panel.upload.value = (file,)


def said(panel: Panel) -> str:
    return re.sub("<[^>]*>", "", panel.said.value)


# --- a photo


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        (
            "notes.txt",
            b"not a picture",
            "notes.txt: not a picture that Pillow can open; name a PNG, JPEG, TIFF, WebP, …",
        ),
        ("half.png", png(photo())[:-40], "half.png: damaged or cut off"),
        ("../../etc/passwd", b"root", "../../etc/passwd: not a picture"),
    ],
)
def test_what_is_no_photo_is_refused_in_a_line(name: str, data: bytes, says: str) -> None:
    with pytest.raises(ReproError) as caught:
        own_photo.read(name, data)
    assert str(caught.value).startswith(says) and "\n" not in str(caught.value) and "repro-" not in str(caught.value)


def test_a_photo_of_more_than_fifty_megapixels_is_refused() -> None:
    stream = io.BytesIO()
    Image.new("1", (10_000, 5_001)).save(stream, "PNG")
    with pytest.raises(ReproError) as caught:
        own_photo.read("huge.png", stream.getvalue())
    assert str(caught.value) == "huge.png: 10000×5001 pixels are more than the limit of 50000000; shrink it first"


def test_what_was_made_is_counted() -> None:
    made = own_photo.make("holiday.png", Picture(photo()), 30, "fast")
    assert Image.open(io.BytesIO(made.data)).size == (60, 40)
    assert (
        made.words.endswith(f"{8 * len(made.data) / 2400:.3f} bits per pixel") and made.file_name == "holiday-q30.jpg"
    )
    shown = curtain(own_photo.compared([made]), {made.name: own_photo.part(made.picture)})
    assert base64.b64encode(made.data).decode() in shown.text


def test_lambda_and_quality_are_two_words_for_one_thing() -> None:
    assert [own_photo.quality_of(own_photo.lam_of(quality)) for quality in range(1, 101)] == list(range(1, 101))
    assert (own_photo.quality_of(1e9), own_photo.quality_of(1e-9)) == (1, 100)


def test_a_view_lies_inside_its_photo() -> None:
    for height, width in ((3, 5), (420, 640), (1000, 300), (999, 2001)):
        top, left, tall, wide = own_photo.part(Picture(photo(height, width)))
        assert top >= 0 and left >= 0 and tall >= 1 and wide >= 1 and top + tall <= height and left + wide <= width
        assert (tall, wide) == (min(height, 420), min(width, 640))


def test_without_weights_the_default_sets_own_knowledge_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repro.weights.status", list)
    found = own_photo.known(Picture(photo(43, 61)), 30)
    assert found.ratio and found.values.shape == (6, 8) and found.values.mean() == pytest.approx(1)
    assert found.values[:, 0].mean() > found.values[:, -1].mean(), "an error in a calm place is worth more"


@pytest.mark.parametrize("samples", [photo(43, 61), photo(43, 61)[..., 0]], ids=["colour", "grey"])
def test_with_weights_attention_is_shown(samples: np.ndarray) -> None:
    found = own_photo.known(Picture(samples), 30)
    assert "vgg16" in found.words and not found.ratio and found.values.shape == (6, 8)
    assert 0 < found.values.min() < found.values.max() <= 1
    eased = own_photo.known(Picture(samples), 80)
    assert eased.values.min() > found.values.min(), "beyond the set's last model attention fades less"


# --- the window


@pytest.mark.parametrize("effort", ["fast", "default", "best"])
def test_a_photo_goes_in_and_a_jpeg_comes_out(panel: Panel, effort: str) -> None:
    choose(panel, 'my "photo".png', png(photo()))
    panel.quality.value, panel.effort.value = 20, effort
    panel.button.click()
    assert panel.made is not None and panel.made.effort == effort
    assert f"became {panel.made.words}" in said(panel) and f"quality 20 (λ = {own_photo.lam_of(20):.2g})" in said(panel)
    (data,) = re.findall(r'href="data:image/jpeg;base64,([^"]+)"', panel.download.value)
    assert base64.b64decode(data) == panel.made.data and "&quot;photo&quot;-q20.jpg" in panel.download.value
    before_and_after, known = (output["data"]["text/html"] for output in panel.shown.outputs)
    assert "repro-curtain" in before_and_after and data in before_and_after
    assert 'alt="The photo and a map of it. ' in known


def test_a_photos_name_is_no_html(panel: Panel) -> None:
    choose(panel, "</script><img src=x onerror=alert(1)>'\".png", png(photo()))
    panel.effort.value = "fast"
    panel.button.click()
    assert panel.made is not None
    shown = [output["data"]["text/html"] for output in panel.shown.outputs]
    for html in (panel.said.value, panel.download.value, *shown):
        assert "<img src=x" not in html and "onerror=alert(1)>" not in html


def test_what_cannot_be_taken_is_said_in_a_friendly_line(panel: Panel) -> None:
    choose(panel, "<b>.txt", b"no")
    panel.button.click()
    assert panel.said.value.startswith('<p role="alert">&lt;b&gt;.txt: not a picture') and not panel.shown.outputs
    assert panel.made is None and not panel.download.value and not panel.button.disabled
    choose(panel, "a.png", png(photo()))
    assert 'role="status"' in panel.said.value, "a new file is a new beginning"


def test_the_sliders_of_quality_and_lambda_move_each_other(panel: Panel) -> None:
    panel.quality.value = 30
    assert panel.lam.value == pytest.approx(own_photo.lam_of(30))
    panel.lam.value = own_photo.lam_of(52)
    assert panel.quality.value == 52
    panel.quality.value = 100
    assert panel.quality.value == 100, "λ's end is no reason to move it back"
