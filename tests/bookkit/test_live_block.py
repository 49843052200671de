"""The window of one block in a browser that may not connect to anything: its numbers match the package and libjpeg."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_page import choose, photo, png, wait_for_line, window
from PIL import Image

from bookkit import live
from repro.jpeg import codestream
from repro.jpeg.huffman import code_lengths, count_bits
from repro.jpeg.tables import ZIGZAG, quality_tables
from repro.jpeg.writer import write
from repro.trellis import planes

ROW, COL, COLS = 5, 11, 15
GRIDS = ("before", "F", "Q", "z", "after")


@pytest.fixture
def tab(browser: Any, tmp_path: Path) -> Iterator[Any]:
    with window(browser, tmp_path, live.one_block("cup.png", photo(), "A cup", (ROW, COL)).text) as tab:
        wait_for_line(tab, "row 5, column 11")
        yield tab


def grids(tab: Any) -> dict[str, np.ndarray]:
    """The five tables, (8, 8) each."""
    read = "tables => tables.map(one => [...one.querySelectorAll('tbody td')].map(cell => cell.textContent))"
    found = tab.locator("table.grid").evaluate_all(read)
    numbers = [np.reshape([float(text.replace("−", "-").replace(",", "")) for text in of], (8, 8)) for of in found]
    return dict(zip(GRIDS, numbers, strict=True))


def symbols(tab: Any) -> list[list[str]]:
    """Each symbol's meaning, place, code, and the bits that follow."""
    read = "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"
    return list(tab.locator(".symbols tbody tr").evaluate_all(read))


@pytest.mark.parametrize(("plane", "quality"), [(0, 50), (1, 50), (2, 90)])
def test_every_number_is_the_packages(plane: int, quality: int, tab: Any) -> None:
    """F, Q and Ẑ are the Python encoder's, the samples libjpeg's, and the bits those of the file's own codes."""
    tab.get_by_label("Plane").select_option(str(plane))
    tab.get_by_label("Quality").fill(str(quality))
    wait_for_line(tab, f"quality {quality} ")
    dct, tables = planes.forward_dct(photo(), "4:4:4", progressive=False), quality_tables(quality)
    z = [np.rint(of.F / planes.steps(tables, i)).astype(np.int16) for i, of in enumerate(dct.planes)]
    file = write(planes.assemble(dct, z, tables), scans="sequential")
    wait_for_line(tab, f": {len(file) / 1000:.1f} kB")

    block = ROW * COLS + COL
    bits = count_bits(codestream.read(file).planes[plane], min(plane, 1), code_lengths(file))
    expected = int(bits.reshape(-1, 65)[block].sum())
    wait_for_line(tab, f" {expected} bits")
    told = symbols(tab)
    assert sum(len(code + following) for _, _, code, following in told) == expected

    shown = grids(tab)
    natural = np.argsort(ZIGZAG)
    np.testing.assert_allclose(shown["F"].ravel(), dct.planes[plane].F[block][natural], atol=0.51)
    np.testing.assert_array_equal(shown["Q"], tables[min(plane, 1)])
    np.testing.assert_array_equal(shown["z"].ravel(), z[plane][block][natural])
    decoded = Image.open(io.BytesIO(file)).convert("RGB")
    for name, picture in (("before", Image.fromarray(photo())), ("after", decoded)):
        samples = np.asarray(picture.convert("YCbCr"))[8 * ROW : 8 * ROW + 8, 8 * COL : 8 * COL + 8, plane]
        np.testing.assert_allclose(shown[name], samples, atol=1.01)


def test_symbols_tell_the_whole_numbers(tab: Any) -> None:
    """Zeros and numbers, read one after the other, are Ẑ in zigzag order."""
    z = grids(tab)["z"].ravel()[ZIGZAG].astype(int)
    read = [z[0]]
    for words, place, _, following in symbols(tab)[1:]:
        if words.startswith("only zeros"):
            break
        zeros, number = words.split(" zeros, then ") if "zeros, then" in words else (0, words)
        if words == "sixteen zeros":
            read += [0] * 16
            continue
        if "a zero, then " in words:
            zeros, number = 1, words.removeprefix("a zero, then ")
        value = int(number.replace("−", "-"))
        read += [*[0] * int(zeros), value]
        assert place == "{}, {}".format(*divmod(int(ZIGZAG[len(read) - 1]), 8))
        assert len(following) == abs(value).bit_length()
    np.testing.assert_array_equal(read + [0] * (64 - len(read)), z)


def test_blocks_are_chosen_by_keyboard_and_by_finger(tab: Any) -> None:
    tab.locator(".view").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        tab.keyboard.press(key)
    wait_for_line(tab, "row 4, column 13")
    for _ in range(5):
        tab.keyboard.press("ArrowRight")
    wait_for_line(tab, "row 4, column 14")  # the last column
    tab.get_by_label("Zoom").select_option("2")
    tab.locator(".stage").tap(position={"x": 16 * 3 + 5, "y": 16 * 2 + 5})
    wait_for_line(tab, "row 2, column 3")
    frame, view = (tab.locator(of).bounding_box() for of in (".frame", ".view"))
    assert view["x"] <= frame["x"] and frame["x"] + frame["width"] <= view["x"] + view["width"]


def test_file_picture_and_numbers_follow_the_slider(tab: Any) -> None:
    seen = "() => document.querySelectorAll('canvas')[1].toDataURL()"
    before, pictures = grids(tab), {tab.evaluate(seen)}
    tab.get_by_label("Quality").focus()
    tab.keyboard.press("PageDown")
    wait_for_line(tab, "quality 40 ")
    tab.wait_for_function(f"before => ({seen})() !== before", arg=pictures.pop())
    assert grids(tab)["Q"].sum() > before["Q"].sum()
    np.testing.assert_array_equal(grids(tab)["F"], before["F"])


def test_the_learned_tables_are_taken(tab: Any) -> None:
    annex_k = grids(tab)["Q"]
    tab.get_by_label("Tables").select_option("learned")
    wait_for_line(tab, "learned tables")
    tab.wait_for_function(
        "() => document.querySelectorAll('table.grid')[2].querySelector('tbody td').textContent !== '16'"
    )
    assert not np.array_equal(grids(tab)["Q"], annex_k)


def test_the_original_is_shown_on_request(tab: Any) -> None:
    tab.get_by_label("Shown").select_option("photo")
    assert tab.locator("canvas:not([hidden])").get_attribute("aria-label") == "cup.png, the original"


def test_a_large_photo_is_made_smaller_and_no_picture_is_refused(tab: Any) -> None:
    choose(tab, "wall.png", png(np.full((1000, 1500, 3), 120, np.uint8)), "made smaller: 1224 × 816 pixels")
    choose(tab, "no.png", b"nothing", "no.png: this browser cannot read it as a picture", ".refused")
    choose(tab, "tiny.png", png(photo(5, 3)), "tiny.png, at quality")
    assert np.isfinite(grids(tab)["before"]).all()


def test_numbers_are_told_as_they_are_stored(tab: Any) -> None:
    """Pure blue's Cb is 255.5, stored as 255; what rounds to zero has no sign."""
    tab.get_by_label("Plane").select_option("1")
    choose(tab, "blue.png", png(np.full((8, 8, 3), (0, 0, 255), np.uint8)), "blue.png, at quality")
    assert (grids(tab)["before"] == 255).all()
    cells = tab.locator("table.grid").nth(1).locator("tbody td").all_inner_texts()
    assert cells.count("0.0") == 63 and cells[0] == "1,020"
