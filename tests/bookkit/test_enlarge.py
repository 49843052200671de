"""The button that enlarges a picture shrunk by a phone: where it is offered, and what it does."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from own_page import opened, write_page
from PIL import Image

STATIC = Path(__file__).resolve().parents[2] / "book" / "_static"


def page(folder: Path, column: int, width: int = 936) -> str:
    """A page with a picture of this width, in a column of that width, both in pixels."""
    stream = io.BytesIO()
    Image.new("RGB", (width, 400), "white").save(stream, "PNG")
    source = f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
    style, script = ((STATIC / name).read_text(encoding="utf-8") for name in ("repro.css", "enlarge.js"))
    picture = f'<figure style="margin: 0"><img src="{source}" alt="white" style="max-width: 100%"></figure>'
    inside = f'<article class="bd-article" style="width: {column}px"><div class="cell_output">{picture}</div></article>'
    return write_page(folder, f"<style>{style}</style>{inside}<script>{script}</script>")


def shown(tab: Any) -> int:
    """Width in pixels at which the picture is shown."""
    return tab.evaluate("document.querySelector('img').clientWidth")


def test_a_shrunk_picture_is_shown_at_its_own_size(browser: Any, tmp_path: Path) -> None:
    with opened(browser, page(tmp_path, 340), 500) as tab:
        button = tab.get_by_role("button", name="Enlarge the picture")
        assert button.count() == 1 and shown(tab) == 340
        button.click()
        assert shown(tab) == 704
        holder = tab.locator(".repro-enlarged")
        assert holder.evaluate("e => [e.clientWidth, e.scrollWidth, e.tabIndex]") == [340, 704, 0]
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page itself stays in its place"
        tab.get_by_role("button", name="Show the whole picture").click()
        assert shown(tab) == 340 and holder.count() == 0


@pytest.mark.parametrize(("column", "width"), [(560, 936), (340, 400)], ids=["wide enough", "small by itself"])
def test_a_picture_that_can_be_read_has_no_button(browser: Any, tmp_path: Path, column: int, width: int) -> None:
    with opened(browser, page(tmp_path, column, width), 500) as tab:
        assert tab.get_by_role("button").count() == 0
