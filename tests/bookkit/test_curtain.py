"""The curtain: what it puts into a page, and what it does in a browser with mouse, finger and keyboard."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_page import opened, write_page
from PIL import Image
from test_book_html import WILD, Parsed

from bookkit import curtain
from repro.jpeg.codestream import decode

CROP = (16, 24, 150, 240)


def photo(seed: int) -> np.ndarray:
    """Colours and edges, (200, 300, 3) uint8."""
    down, across = np.mgrid[:200, :300]
    waves = np.sin(down / 9 + seed)[..., None] + np.cos(across[..., None] / np.array([5, 11, 17]))
    return np.uint8(127 + 55 * waves + 12 * ((down // 20 + across // 20) % 2)[..., None])


def jpeg(pixels: np.ndarray, quality: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality, progressive=True)
    return stream.getvalue()


PHOTOS = {f"photo{seed}": photo(seed) for seed in (1, 2)}
PICTURES: dict[str, dict[str, tuple[Any, str]]] = {
    name: {
        "original": (rgb, "24 bpp"),
        "coarse": (jpeg(rgb, 10), f"0.2 bpp of {name}"),
        "fine": (jpeg(rgb, 60), f"0.6 bpp of {name}"),
    }
    for name, rgb in PHOTOS.items()
}
CROPS = dict.fromkeys(PICTURES, CROP)


def cropped(pixels: np.ndarray) -> np.ndarray:
    top, left, height, width = CROP
    return pixels[top : top + height, left : left + width]


# --- what is in the page


def test_files_stay_as_they_are_and_pixels_lose_nothing() -> None:
    parsed = Parsed(curtain(PICTURES, CROPS))
    assert parsed.tags == ["style", "div", *["figure", "img", "figcaption"] * 6, "script"]
    figures, images = parsed.all("figure"), parsed.all("img")
    assert ["hidden" in attributes for attributes, _ in figures] == [False] * 3 + [True] * 3, (
        "without a script: one photo"
    )
    for (figure, words), (image, _) in zip(figures, images, strict=True):
        name, of = str(figure["data-photo"]), str(figure["data-name"])
        picture, told = PICTURES[name][of]
        kind, _, data = str(image["src"]).partition(";base64,")
        held = base64.b64decode(data, validate=True)
        if isinstance(picture, bytes):
            assert kind == "data:image/jpeg" and held == picture
            assert "object-position: -24px -16px" in str(image["style"])
        else:
            assert kind == "data:image/webp"
            assert np.array_equal(np.asarray(Image.open(io.BytesIO(held))), cropped(picture))
            assert "object-position: 0px 0px" in str(image["style"])
        assert (image["width"], image["height"]) == ("240", "150")
        assert image["alt"] == f"Part of {name}, {of}" and words == f"{of}: {told}"


def test_words_stay_words() -> None:
    parsed = Parsed(curtain({WILD: {WILD: (photo(0), WILD), "b": (photo(1), "b")}}))
    assert parsed.tags.count("script") == 1
    assert parsed.all("figure")[0][0]["data-name"] == WILD and parsed.all("figcaption")[0][0]["data-words"] == WILD


@pytest.mark.parametrize(
    ("pictures", "options"),
    [
        ({"a": {"one": (photo(0), "1")}}, {}),
        ({"a": {"one": (photo(0), "1"), "two": (photo(0), "")}}, {}),
        ({"a": {"one": (photo(0), "1"), "two": (photo(0)[1:], "2")}}, {}),
        ({"a": {"one": (photo(0), "1"), "two": (b"GIF89a", "2")}}, {}),
        (PICTURES | {"b": {"original": (photo(0), "1"), "other": (photo(0), "2")}}, {}),
        (PICTURES, {"crops": {"photo1": (0, 0, 201, 10)}}),
        (PICTURES, {"start": ("original", "nobody")}),
    ],
)
def test_a_curtain_refuses(pictures: Any, options: Any) -> None:
    with pytest.raises(ValueError, match="curtain"):
        curtain(pictures, **options)


# --- what it does


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(tmp_path_factory.mktemp("curtain"), curtain(PICTURES, CROPS, start=("coarse", "fine")).text)


@pytest.fixture
def tab(browser: Any, page: str) -> Iterator[Any]:
    with opened(browser, page, 600) as tab:
        yield tab


def chooser(tab: Any, name: str) -> Any:
    return tab.get_by_role("combobox", name=name, exact=True)


def at(tab: Any) -> int:
    return int(tab.get_by_role("slider").get_attribute("aria-valuenow"))


def seen(tab: Any) -> np.ndarray:
    """The view's pixels, 0–255, without what lies over the pictures."""
    tab.evaluate("Promise.all([...document.querySelectorAll('.view img')].map(image => image.decode()))")
    box = tab.locator(".view").bounding_box()
    clip = {key: round(value) for key, value in box.items()}  # text above it may end between pixels
    shot = tab.screenshot(clip=clip, style=".repro-curtain :is(.tag, .handle) { display: none !important; }")
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


def pixels(name: str, of: str) -> np.ndarray:
    picture = PICTURES[name][of][0]
    return cropped(decode(picture) if isinstance(picture, bytes) else picture)


def assert_shown(found: np.ndarray, wanted: np.ndarray) -> None:
    """JPEG decoders may round differently: by one step, seldom more."""
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).max() <= 2


def test_each_side_shows_its_own_pixels(tab: Any) -> None:
    assert at(tab) == 50
    left, right = pixels("photo1", "coarse")[:, :120], pixels("photo1", "fine")[:, 120:]
    assert_shown(seen(tab), np.concatenate([left, right], axis=1))
    chooser(tab, "Left").select_option("original")
    tab.get_by_role("slider").press("End")
    assert np.array_equal(seen(tab), pixels("photo1", "original")), "lossless means every bit"


def test_it_enlarges_without_smoothing(tab: Any) -> None:
    chooser(tab, "Left").select_option("original")
    tab.get_by_role("slider").press("End")
    whole = pixels("photo1", "original")
    for zoom in (2, 4, 8, 1):
        button = tab.get_by_role("button", name=f"{zoom}×")
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        assert tab.locator("button[aria-pressed=true]").count() == 1
        large, shown = whole.repeat(zoom, 0).repeat(zoom, 1), seen(tab)
        top, left = (large.shape[0] - 150) // 2, (large.shape[1] - 240) // 2
        assert np.array_equal(shown, large[top : top + 150, left : left + 240])


def test_each_curtain_of_a_page_has_its_own_handle(browser: Any, tmp_path: Path) -> None:
    """Each brings its own script."""
    with opened(browser, write_page(tmp_path, 2 * curtain(PICTURES, CROPS).text), 600) as tab:
        ids = tab.locator(".view").evaluate_all("all => all.map(view => view.id)")
        assert len(set(ids)) == 2
        assert [handle.get_attribute("aria-controls") for handle in tab.get_by_role("slider").all()] == ids


def test_the_handle_answers_to_keys(tab: Any) -> None:
    handle = tab.get_by_role("slider")
    assert (handle.get_attribute("aria-valuemin"), handle.get_attribute("aria-valuemax")) == ("0", "100")
    for key, value in [
        ("ArrowRight", 52),
        ("ArrowDown", 50),
        ("Shift+ArrowRight", 60),
        ("PageUp", 70),
        ("Home", 0),
        ("ArrowLeft", 0),
        ("End", 100),
    ]:
        handle.press(key)
        assert at(tab) == value, key
    for key in ("Alt+ArrowLeft", "Control+ArrowLeft", "Meta+ArrowLeft"):
        handle.press(key)
        assert at(tab) == 100, f"{key} is the browser's own"
    assert handle.get_attribute("aria-valuetext") == "100 % coarse, 0 % fine"


def test_the_handle_answers_to_mouse_and_finger(tab: Any) -> None:
    box, touch = tab.locator(".view").bounding_box(), tab.context.new_cdp_session(tab)

    tab.mouse.move(box["x"] + 120, box["y"] + 30)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 900, box["y"] + 100, steps=3)
    assert at(tab) == 100
    tab.mouse.up()
    tab.mouse.move(box["x"] + 10, box["y"])
    assert at(tab) == 100, "a button that is up drags nothing"
    tab.mouse.click(box["x"] + 120, box["y"] + 100)
    assert at(tab) == 50, "where nothing is enlarged, one may point anywhere"

    def send(kind: str, *x: float) -> None:
        points = [{"x": box["x"] + one, "y": box["y"] + 75} for one in x]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", 120)
    for x in (130, 150, 180):
        send("touchMove", x)
    send("touchEnd")
    assert at(tab) == 75


def test_an_enlarged_picture_moves_by_mouse_and_keys(tab: Any) -> None:
    chooser(tab, "Left").select_option("original")
    tab.get_by_role("slider").press("End")
    large = pixels("photo1", "original").repeat(2, 0).repeat(2, 1)
    tab.get_by_role("button", name="2×").click()
    box = tab.locator(".view").bounding_box()
    tab.mouse.move(box["x"] + 100, box["y"] + 75)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 70, box["y"] + 85, steps=2)
    tab.mouse.up()
    assert at(tab) == 100
    assert np.array_equal(seen(tab), large[65:215, 150:390])
    view = tab.locator(".view")
    for key, corner in [("ArrowLeft", (65, 120)), ("ArrowDown", (95, 120)), ("ArrowUp", (65, 120))]:
        view.press(key)
        assert np.array_equal(seen(tab), large[corner[0] : corner[0] + 150, corner[1] : corner[1] + 240]), key
    for _ in range(20):
        view.press("ArrowRight")
    assert np.array_equal(seen(tab), large[65:215, 240:]), "no further than the picture"
    view.press("+")
    assert tab.get_by_role("button", name="4×").get_attribute("aria-pressed") == "true"
    for _ in range(3):
        view.press("-")
    assert np.array_equal(seen(tab), pixels("photo1", "original"))


def test_one_chooses_pictures_and_photo(tab: Any) -> None:
    told = tab.locator(".told p")
    assert told.all_inner_texts() == ["Left: coarse\n0.2 bpp of photo1", "Right: fine\n0.6 bpp of photo1"]
    chooser(tab, "Photo").select_option("photo2")
    assert told.all_inner_texts() == ["Left: coarse\n0.2 bpp of photo2", "Right: fine\n0.6 bpp of photo2"]
    chooser(tab, "Right").select_option("coarse")
    assert told.all_inner_texts() == ["Left: fine\n0.6 bpp of photo2", "Right: coarse\n0.2 bpp of photo2"], "they swap"
    assert tab.locator(".view img").evaluate_all("all => all.map(i => i.alt)") == [
        "Part of photo2, fine",
        "Part of photo2, coarse",
    ]
    tab.get_by_role("slider").press("Home")
    assert_shown(seen(tab), pixels("photo2", "coarse"))


def test_without_a_script_the_pictures_are_there(browser: Any, page: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(page)
    assert tab.locator("figure:visible").count() == 3 and tab.locator("select").count() == 0
    context.close()
