"""The blind test: what it puts into a page, and how readers take it by keyboard, by finger and without JavaScript."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_page import write_page
from PIL import Image
from scipy.stats import binomtest
from test_book_html import WILD, Parsed
from test_curtain import jpeg, photo

from bookkit import eyes
from bookkit.eyes import Pair
from repro.jpeg.codestream import decode

BETTER = {"SSIMULACRA 2": "higher", "MSE": "lower"}
PEERS, RATES = ("jpegli", "mozjpeg"), ("0.5 bpp", "1 bpp")
AXE = Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js"
SIDES = ("first", "second")


def made(name: str, number: int, rate: str, peer: str) -> Pair:
    """By SSIMULACRA 2 ours is nearer to the original in every pair, by MSE in none."""
    rgb = np.ascontiguousarray(photo(number)[:144, :160])
    coarse, fine = (jpeg(rgb, 8 + 10 * RATES.index(rate) + step) for step in (0, 5))
    return Pair(name, peer, rate, rgb, coarse, fine, {"SSIMULACRA 2": (70.0, 60.0), "MSE": (12.0, 11.0)})


PAIRS = [
    made(f"photo{i}", i, rate, PEERS[(i + j) % 2])
    for i in (1, 2, 3)
    for j, rate in enumerate(RATES)
]  # fmt: skip
BY_NAME = {pair.name: pair for pair in PAIRS}


# --- what is in the page


def test_files_stay_as_they_are_and_originals_lose_nothing() -> None:
    parsed = Parsed(eyes(PAIRS, BETTER))
    held = {str(figure["data-key"]): str(image["src"]) for (figure, _), (image, _) in zip(
        parsed.all("figure"), parsed.all("img"), strict=True)}  # fmt: skip
    assert len(held) == 3 + 2 * len(PAIRS), "an original is there once"
    for pair in PAIRS:
        for key, file in ((f"{pair.name}/ours", pair.ours), (f"{pair.name}/theirs", pair.theirs)):
            assert base64.b64decode(held[key].removeprefix("data:image/jpeg;base64,"), validate=True) == file
        kind, _, data = held[pair.photo].partition(";base64,")
        assert kind == "data:image/webp"
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), pair.original)
    shown = [str(figure["data-key"]) for figure, _ in parsed.all("figure") if "hidden" not in figure]
    assert {key.partition(" ")[0] for key in shown} == {"photo1", "photo2"}, "without a script: the first two photos"


def test_words_stay_words() -> None:
    pair = made(WILD, 1, RATES[0], WILD)
    parsed = Parsed(eyes([pair], BETTER))
    assert parsed.tags.count("script") == 2
    assert json.loads(parsed.all("script")[0][1])["pairs"][0]["name"] == pair.name
    assert WILD in str(parsed.all("img")[1][0]["alt"])


def test_answers_are_kept_for_files_and_names() -> None:
    one = PAIRS[0]
    changed = [one, replace(one, peer="other"), replace(one, rate="2 bpp"), replace(one, ours=one.theirs)]
    tests = [Parsed(eyes([pair], BETTER)).all("div")[0][0]["data-test"] for pair in changed]
    assert len(set(tests)) == len(tests)


# --- what it does


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(tmp_path_factory.mktemp("eyes"), eyes(PAIRS, BETTER).text)


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    with browser.new_context(has_touch=True, viewport={"width": 390, "height": 844}) as one:
        yield one


@pytest.fixture
def tab(context: Any, page: str) -> Any:
    return visit(context, page)


def visit(context: Any, page: str) -> Any:
    """``page`` in a new tab; an error in its script or a request for anything but the page fails the test."""
    tab = context.new_page()
    tab.on("pageerror", lambda error: pytest.fail(str(error)))
    tab.on("request", lambda r: None if r.url.startswith((page, "data:", "blob:")) else pytest.fail(r.url))
    tab.goto(page)
    return tab


def button(tab: Any, name: str) -> Any:
    return tab.get_by_role("button", name=name)


def begin(tab: Any) -> None:
    button(tab, "Begin").press("Enter")
    ready(tab)


def ready(tab: Any) -> None:
    """Wait until the pair is shown and can be answered."""
    tab.wait_for_selector(".stage:not(.waiting)")
    tab.wait_for_timeout(350)


def answers(tab: Any) -> Any:
    return tab.get_by_role("group", name="Which is nearer to the original?")


def state(tab: Any) -> Any:
    """The state that the browser stores."""
    return tab.evaluate("JSON.parse(Object.values(localStorage)[0] ?? null)")


def current(tab: Any) -> tuple[Pair, str]:
    """The pair that is shown, and which of its two pictures is ours."""
    kept = state(tab)
    index = kept["order"][kept["at"]]
    return PAIRS[index], SIDES[kept["swapped"][index]]


def seen(tab: Any) -> list[np.ndarray]:
    """The pixels of the screen in each view."""
    screen = np.asarray(Image.open(io.BytesIO(tab.screenshot())).convert("RGB"))
    boxes = [view.bounding_box() for view in tab.locator(".view:visible").all()]
    corners = [[round(box[key]) for key in ("y", "height", "x", "width")] for box in boxes]
    return [screen[top : top + height, left : left + width] for top, height, left, width in corners]


def assert_shown(found: np.ndarray, wanted: np.ndarray) -> None:
    """JPEG decoders may round differently: by one step, seldom more."""
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).max() <= 2


def pixels(tab: Any) -> dict[str, np.ndarray]:
    """The pixels that the first picture, the second and the original should show."""
    pair, ours = current(tab)
    files = {ours: pair.ours, SIDES[1 - SIDES.index(ours)]: pair.theirs}
    return {"original": pair.original, **{side: decode(file) for side, file in files.items()}}


def wanted_choice(number: int) -> str:
    """Ours, the peer, ours, can't tell, ours, ours."""
    return ("ours", "theirs", "ours", "neither", "ours", "ours")[number]


def key_for(tab: Any, number: int) -> str:
    choice, (_, ours) = wanted_choice(number), current(tab)
    first = (choice == "ours") == (ours == "first")
    return "0" if choice == "neither" else "1" if first else "2"


def take(tab: Any, count: int = len(PAIRS)) -> None:
    """Answer ``count`` pairs by keyboard alone."""
    for number in range(count):
        ready(tab)
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press(key_for(tab, number))


def test_each_picture_is_shown_pixel_by_pixel(tab: Any) -> None:
    begin(tab)
    wanted = pixels(tab)
    for key, shown in [(None, "first"), ("ArrowRight", "second"), ("o", "original"), ("o", "second"), (" ", "first")]:
        if key:
            tab.keyboard.press(key)
        (view,) = seen(tab)
        assert_shown(view, wanted[shown])
        visible = tab.locator(".view img:visible").evaluate_all(
            "all => all.filter(i => getComputedStyle(i).visibility === 'visible').map(i => i.alt)"
        )
        assert visible == ["original of pair 1" if shown == "original" else f"{shown} picture of pair 1"]
    tab.keyboard.press("s")
    first, second = seen(tab)
    assert_shown(first, wanted["first"])
    assert_shown(second, wanted["second"])
    tab.keyboard.press("o")
    assert all(np.array_equal(view, wanted["original"]) for view in seen(tab)), "lossless means every bit"


@pytest.mark.parametrize("ratio", [1, 2, 3])
def test_a_pixel_takes_a_whole_number_of_the_screens(browser: Any, page: str, ratio: int) -> None:
    with browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=ratio) as context:
        tab = visit(context, page)
        begin(tab)
        assert f"{ratio} × {ratio}" in tab.locator(".scale").inner_text()
        tab.keyboard.press("o")
        wanted = current(tab)[0].original.repeat(ratio, 0).repeat(ratio, 1)
        screen = np.asarray(Image.open(io.BytesIO(tab.screenshot(scale="device"))).convert("RGB"))
        box = tab.locator(".view:visible").bounding_box()  # not exact to the pixel vertically
        y, x = round(box["y"] * ratio), round(box["x"] * ratio)
        height, width = wanted.shape[:2]
        found = [screen[y + dy : y + dy + height, x : x + width] for dy in (-1, 0, 1)]
        assert any(np.array_equal(view, wanted) for view in found)


def test_an_enlarged_picture_moves_by_mouse_and_keys(tab: Any) -> None:
    begin(tab)
    tab.keyboard.press("o")
    for _ in range(2):
        button(tab, "Larger").click()
    large = pixels(tab)["original"].repeat(4, 0).repeat(4, 1)
    (view,) = seen(tab)
    height, width = view.shape[:2]
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    assert width > 160 and np.array_equal(view, large[top : top + height, left : left + width])
    box = tab.locator(".view:visible").bounding_box()
    tab.mouse.move(box["x"] + 80, box["y"] + 80)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 60, box["y"] + 92, steps=2)
    tab.mouse.up()
    assert np.array_equal(seen(tab)[0], large[top - 12 : top - 12 + height, left + 20 : left + 20 + width])
    for _ in range(30):
        tab.keyboard.press("Shift+ArrowLeft")
    assert np.array_equal(seen(tab)[0], large[top - 12 : top - 12 + height, :width]), "no further than the picture"
    tab.keyboard.press("-")
    tab.keyboard.press("-")
    assert_shown(seen(tab)[0], pixels(tab)["original"])


def test_nothing_says_which_is_which_before_the_end(tab: Any) -> None:
    begin(tab)
    for number in range(len(PAIRS)):
        ready(tab)
        told = tab.evaluate(
            """() => {
                const copy = document.querySelector(".repro-eyes").cloneNode(true);
                for (const image of copy.querySelectorAll("img")) image.removeAttribute("src");
                return copy.outerHTML;
            }"""
        ).lower()
        assert not [word for word in ("ours", "theirs", *PEERS, "bpp", "photo1", "mse") if word in told]
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press(key_for(tab, number))
    assert "ours" in tab.locator(".after").inner_text()


def test_one_looks_at_both_before_one_answers(tab: Any) -> None:
    begin(tab)
    for key in ("1", "o", "2", "0"):
        tab.keyboard.press(key)
    answers(tab).get_by_role("button", name="Second").click(force=True)  # although it is disabled
    assert state(tab)["answers"] == {} and "Look at both" in answers(tab).inner_text()
    tab.keyboard.press("s")
    answers(tab).get_by_role("button", name="Second").dblclick()
    assert len(state(tab)["answers"]) == 1, "the next pair has not been seen yet"
    tab.wait_for_selector(".stage:not(.waiting)")
    tab.keyboard.press("1")
    assert len(state(tab)["answers"]) == 1
    assert tab.get_by_role("status").inner_text() == "Pair 2 of 6"
    ready(tab)
    hold(tab, "2")
    assert len(state(tab)["answers"]) == 2


def hold(tab: Any, key: str) -> None:
    """Hold a key down until it repeats."""
    for _ in range(4):
        tab.keyboard.down(key)
        tab.wait_for_timeout(200)
    tab.keyboard.up(key)


def test_a_key_that_is_held_makes_nothing_flash_and_no_key_is_lost(tab: Any) -> None:
    begin(tab)
    label = tab.locator(".label").first
    for key, shown in (("o", "Original"), (" ", "First"), (" ", "Second")):
        hold(tab, key)
        assert label.inner_text() == shown
    button(tab, "Original").focus()
    hold(tab, "Enter")
    assert label.inner_text() == "Original"
    tab.get_by_role("group", name="Picture that is shown").get_by_role("button", name="First").focus()
    tab.keyboard.press("s")
    tab.keyboard.press("f")
    assert tab.locator(".view:visible").count() == 1, "the button with the focus is hidden, and keys still work"


def test_pictures_swap_automatically_if_asked(tab: Any) -> None:
    begin(tab)
    label = tab.locator(".label:visible")
    assert label.inner_text() == "First"
    button(tab, "Swap automatically").click()
    for shown in ("Second", "First"):
        tab.wait_for_function("shown => document.querySelector('.label').textContent === shown", arg=shown)
    tab.keyboard.press("o")
    tab.wait_for_timeout(900)
    assert label.inner_text() == "Original", "one looks at it as long as one wants"


def test_the_whole_test_by_keyboard(tab: Any) -> None:
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    take(tab)
    rows = [row.locator("th, td").all_inner_texts() for row in tab.locator(".after table").first.locator("tr").all()]
    told = {row[0]: row[1:] for row in rows[1:]}
    assert told["all pairs"][:3] == ["4", "1", "1"]
    choices = {name: answer["choice"] for name, answer in state(tab)["answers"].items()}
    for label, key, value in [
        *((f"against {peer}", "peer", peer) for peer in PEERS),
        *((f"at {rate}", "rate", rate) for rate in RATES),
    ]:
        found = [choice for name, choice in choices.items() if getattr(BY_NAME[name], key) == value]
        counts = [found.count(choice) for choice in ("ours", "theirs", "neither")]
        assert told[label][:3] == [str(count) for count in counts]
        assert told[label][3] == expected(counts[0], counts[0] + counts[1])
    assert told["all pairs"][3] == expected(4, 5)
    assert "4 of the 5 pairs" in tab.locator(".verdict").inner_text()
    assert tab.locator("figcaption").filter(has_text="decided beforehand").is_visible()
    judges = [row.locator("th, td").all_inner_texts() for row in tab.locator(".after table").nth(1).locator("tr").all()]
    assert judges[1][:3] == ["SSIMULACRA 2", "6", "0"] and judges[1][3].startswith("4 of 5 (")
    assert judges[2][:3] == ["MSE", "0", "6"] and judges[2][3].startswith("1 of 5 (")
    spoken = tab.get_by_role("img", name="How often ours is nearer").get_attribute("aria-label")
    assert f"all pairs: {expected(4, 5)}" in spoken


def test_one_pair_that_not_every_metric_judged(context: Any, tmp_path: Path) -> None:
    pair = replace(PAIRS[0], measures={"SSIMULACRA 2": (70.0, 60.0)})
    tab = visit(context, write_page(tmp_path, eyes([pair], BETTER).text))
    begin(tab)
    take(tab, 1)
    told = f"You could tell one pair apart, and found ours nearer: for ours {expected(1, 1).partition(' (')[0]}, with"
    assert tab.locator(".verdict").inner_text().startswith(told)
    assert tab.locator(".after tr", has_text="MSE").locator("td").all_inner_texts() == ["0", "0", "–"]
    tab.get_by_text("Pair by pair").click()
    tab.get_by_role("button", name=f"Look again at {pair.name}").click()
    assert tab.locator(".files").inner_text().endswith("bytes; SSIMULACRA 2 70.00 and 60.00.")


def expected(k: int, n: int) -> str:
    """k of n, as the page writes it."""
    ends = binomtest(k, n).proportion_ci(0.95, method="exact")
    low, high, share = (int(100 * part + 0.5) for part in (ends.low, ends.high, k / n))
    return f"{share}\u00a0% ({low} to {high}\u00a0%)"


def test_the_whole_test_by_touch_and_its_answers_saved(tab: Any) -> None:
    button(tab, "Begin").tap()
    for number in range(len(PAIRS)):
        ready(tab)
        tab.locator(".view:visible").tap()
        name = {"0": "Can’t tell", "1": "First", "2": "Second"}[key_for(tab, number)]
        answers(tab).get_by_role("button", name=name).tap()
    with tab.expect_download() as download:
        button(tab, "Save your answers").tap()
    told = json.loads(download.value.path().read_text())
    assert told["format"] == "repro eyes" and told["version"] == 1 and told["pairs"] == len(PAIRS)
    assert told["viewport"] == [390, 844] and told["devicePixelRatio"] == 1
    assert set(told) == {"format", "version", "test", "sitting", "pairs", "viewport", "devicePixelRatio", "answers"}
    kept = state(tab)
    order = [PAIRS[i].name for i in kept["order"]]
    chosen = {one["pair"]: one for one in told["answers"]}
    assert [chosen[name]["choice"] for name in order] == [wanted_choice(i) for i in range(len(PAIRS))]
    for pair, swapped in zip(PAIRS, kept["swapped"], strict=True):
        one = chosen[pair.name]
        assert (one["peer"], one["rate"], one["first"]) == (pair.peer, pair.rate, "theirs" if swapped else "ours")
        assert one["metrics"] == {"SSIMULACRA 2": "ours", "MSE": "theirs"} and 0 <= one["seconds"] < 60


def test_answers_are_kept_until_they_are_forgotten(tab: Any) -> None:
    begin(tab)
    take(tab, 2)
    before = state(tab)
    tab.reload()
    assert "2 of 6" in tab.locator(".before").inner_text()
    button(tab, "Go on with pair 3").click()
    ready(tab)
    assert state(tab) == before and tab.get_by_role("heading", name="Pair 3 of 6").is_visible()
    button(tab, "Back one pair").click()
    ready(tab)
    pressed = answers(tab).locator("[aria-pressed=true]").all_inner_texts()
    assert len(pressed) == 1, "the answer that was given"
    button(tab, "Stop here and see").click()
    assert tab.get_by_role("heading", name="Your answers: 2 of 6 pairs").is_visible()
    tab.reload()
    button(tab, "Go on with pair 3").click()
    ready(tab)
    assert not button(tab, "Back one pair").is_visible(), "the names of the pair before were shown"
    take(tab, 1)
    ready(tab)
    assert button(tab, "Back one pair").is_visible()
    tab.reload()
    button(tab, "Forget your answers").click()
    assert len(state(tab)["answers"]) == 3, "it asks once more"
    button(tab, "Press again").click()
    assert state(tab) is None
    begin(tab)
    assert state(tab)["answers"] == {} and state(tab)["sitting"] != before["sitting"]


def test_order_and_sides_are_drawn_anew(browser: Any, page: str) -> None:
    draws = []
    for _ in range(6):
        with browser.new_context() as context:
            tab = visit(context, page)
            begin(tab)
            draws.append((tuple(state(tab)["order"]), tuple(state(tab)["swapped"])))
    assert len({order for order, _ in draws}) > 1 and len({sides for _, sides in draws}) > 1


@pytest.mark.parametrize("kept", ["{", "null", '{"order": [0, 0, 1, 2, 3, 4]}', '{"order": [5, 4, 3, 2, 1, 0]}'])
def test_a_damaged_memory_begins_anew(tab: Any, kept: str) -> None:
    begin(tab)
    tab.evaluate("kept => localStorage.setItem(Object.keys(localStorage)[0], kept)", kept)
    tab.reload()
    begin(tab)
    take(tab)
    assert tab.locator(".verdict").is_visible()


def test_it_works_where_nothing_can_be_kept(context: Any, page: str) -> None:
    context.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('no') } })")
    tab = visit(context, page)
    begin(tab)
    for _ in PAIRS:
        ready(tab)
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("1")
    assert "Your answers: 6 of 6" in tab.locator(".after").inner_text()


def test_afterwards_one_looks_again_with_names(tab: Any) -> None:
    begin(tab)
    take(tab)
    tab.get_by_text("Pair by pair").click()
    pair = PAIRS[3]
    tab.get_by_role("button", name=f"Look again at {pair.name}").click()
    ready(tab)
    ours = SIDES[state(tab)["swapped"][3]]
    assert tab.locator(".label:visible").inner_text() == f"First: {'ours' if ours == 'first' else pair.peer}"
    assert not answers(tab).is_visible() and f"{len(pair.ours):,}" in tab.locator(".files").inner_text()
    assert_shown(seen(tab)[0], decode(pair.ours if ours == "first" else pair.theirs))
    for key in ("ArrowRight", "1"):
        tab.keyboard.press(key)
    assert len(state(tab)["answers"]) == 6, "it is not asked again"
    button(tab, "Back to your answers").click()
    assert tab.locator(".verdict").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_screen_shuts_anybody_out(browser: Any, page: str, scheme: str) -> None:
    with browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 844}) as context:
        tab = visit(context, page)
        tab.add_style_tag(content=":root { color-scheme: light dark; }")
        tab.evaluate(AXE.read_text(encoding="utf-8"))
        assert serious(tab) == []
        begin(tab)
        assert serious(tab) == []
        take(tab)
        tab.get_by_text("Pair by pair").click()
        assert serious(tab) == []
        for width in (390, 320):
            tab.set_viewport_size({"width": width, "height": 844})
            assert tab.evaluate("document.querySelector('.repro-eyes').scrollWidth - innerWidth") <= 0
            half, track = (middle(tab, of) for of in (".ends span:nth-child(2)", ".track"))
            assert abs(half - track) < 1, "50 % is below the line in the middle"
        tab.emulate_media(forced_colors="active")
        dot = np.asarray(Image.open(io.BytesIO(tab.locator(".you .dot").first.screenshot())).convert("L")).astype(int)
        assert abs(dot[6, 6] - dot[0, 0]) > 100, "a dot is seen where the reader chose the colours"


def middle(tab: Any, of: str) -> float:
    box = tab.locator(of).first.bounding_box()
    return float(box["x"] + box["width"] / 2)


def serious(tab: Any) -> list[str]:
    found = tab.evaluate("axe.run(document)")["violations"]
    return [f"{r['id']}: {r['nodes'][0]['html'][:160]}" for r in found if r["impact"] in ("serious", "critical")]


def test_without_a_script_a_few_pairs_are_there_with_their_names(browser: Any, page: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(page)
        assert tab.locator("figure:visible").count() == 2 + 4 * 2 and tab.locator("button").count() == 0
        assert "ours, 0.5 bpp" in tab.locator("main").inner_text()
