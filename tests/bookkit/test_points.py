"""The plot that names its points: what it puts into a page, and what it says to mouse, finger and keyboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from own_page import opened, write_page
from test_book_html import WILD, Parsed

from bookkit import points
from chapters import findings
from chapters.rate_distortion import MEAN, every_point
from made_curves import curves_of
from repro.experiments.claims import METRICS

RATES = (0.1, 0.8)


@pytest.fixture(scope="module")
def plot() -> dict[str, Any]:
    curves = curves_of()
    return every_point({name: curves[name] for name in findings.MAIN_LINES}, METRICS, RATES)


# --- what is in the page


def test_every_point_is_there_with_its_photo_and_setting(plot: dict[str, Any]) -> None:
    curves = curves_of()
    assert plot["photos"][0] == MEAN and [one["label"] for one in plot["series"]][-2] == "learned tables"
    for of, name in enumerate(findings.MAIN_LINES):
        images = {MEAN: curves[name].mean().images["mean"], **curves[name].images}
        held = {(plot["photos"][p[1]], p[2]): p[3:] for p in plot["points"] if p[0] == of}
        inside = {
            (photo.partition(".")[0], f"{'λ =' if 'MSE' in name else 'quality'} {p['setting']:g}"): p
            for photo, all_of in images.items()
            for p in all_of
            if RATES[0] <= (p["bpp"] or 0) <= RATES[1]
        }
        assert held.keys() == inside.keys() and held
        for key, (bpp, *values) in held.items():
            assert bpp == pytest.approx(inside[key]["bpp"], abs=1e-4)
            assert values == pytest.approx([inside[key][metric] for metric in METRICS], rel=1e-4)


def test_words_stay_words(plot: dict[str, Any]) -> None:
    series = [{**plot["series"][0], "label": WILD}, *plot["series"][1:]]
    parsed = Parsed(points({**plot, "series": series}, WILD))
    assert parsed.tags.count("script") == 2
    assert json.loads(parsed.all("script")[0][1])["series"][0]["label"] == WILD


# --- what it does


@pytest.fixture(scope="module")
def page(plot: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(tmp_path_factory.mktemp("points"), points(plot, "Means").text)


@pytest.fixture
def tab(browser: Any, page: str) -> Iterator[Any]:
    with opened(browser, page, 900) as tab:
        yield tab


def told(tab: Any) -> tuple[str, str, str]:
    """(photo, encoder, setting) of the point that is described, or three empty strings."""
    name, _, rest = tab.get_by_role("status").inner_text().partition("\n")
    photo, _, encoder = name.partition(": ")
    return photo, encoder, rest.partition(",")[0]


def test_arrow_keys_walk_over_all_points(tab: Any, plot: dict[str, Any]) -> None:
    view = tab.get_by_role("application")
    labels, photos = [one["label"] for one in plot["series"]], plot["photos"]
    assert told(tab) == ("", "", "")
    view.press("ArrowRight")
    first = told(tab)
    assert first[:2] == (photos[1], labels[0])
    curve = sorted((p for p in plot["points"] if p[:2] == [0, 1]), key=lambda p: p[3])
    assert first[2] == curve[0][2]
    view.press("ArrowRight")
    assert told(tab) == (photos[1], labels[0], curve[1][2])
    for _ in range(2):
        view.press("ArrowLeft")
    assert told(tab) == first, "no further than the curve"
    view.press("ArrowDown")
    assert told(tab)[:2] == (photos[1], labels[1])
    view.press("PageDown")
    assert told(tab)[:2] == (photos[2], labels[1])
    view.press("PageUp")
    view.press("ArrowUp")
    assert told(tab)[:2] == first[:2]
    view.press("Escape")
    assert told(tab) == ("", "", "")


def test_pointing_at_a_point_names_it(tab: Any) -> None:
    view = tab.get_by_role("application")
    for _ in range(5):
        view.press("ArrowRight")
    there, ring = told(tab), tab.locator(".told circle").bounding_box()
    at = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
    view.press("Escape")
    tab.mouse.move(*at)
    assert told(tab) == there
    tab.mouse.move(1, 1)
    assert told(tab) == ("", "", ""), "gone with the mouse"
    tab.touchscreen.tap(*at)
    assert told(tab) == there, "stays where a finger was"


def test_one_chooses_photo_metric_and_encoders(tab: Any, plot: dict[str, Any]) -> None:
    def markers() -> int:
        return int(tab.locator(".all path[transform]").count())

    def count(**of: int) -> int:
        return sum(all(p[("of", "who").index(key)] == value for key, value in of.items()) for p in plot["points"])

    assert markers() == count() - count(who=0), "every photo, and not their mean"
    tab.get_by_role("combobox", name="Photo").select_option(plot["photos"][0])
    assert markers() == count(who=0)
    tab.get_by_role("checkbox", name="mozjpeg").uncheck()
    assert markers() == count(who=0) - count(who=0, of=findings.MAIN_LINES.index("mozjpeg-420"))
    tab.get_by_role("combobox", name="Metric").select_option("MS-SSIM")
    assert tab.locator("svg text", has_text="MS-SSIM (higher is better)").count() == 1
    for box in tab.get_by_role("checkbox").all():
        box.uncheck()
    assert markers() == 0


def test_without_a_script_the_means_are_there(browser: Any, page: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(page)
    assert tab.get_by_text("The means in numbers").is_visible() and tab.locator("select").count() == 0
    context.close()
