"""What holds for every window that encodes in the page (:mod:`bookkit.live`)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from live_page import jpeg, photo
from own_page import write_page

from bookkit import live

PEERS = {"Pillow": [jpeg(quality) for quality in (30, 90)]}
WINDOWS = {
    "own": live.own_photo("cup.png", photo(), "A cup"),
    "block": live.one_block("cup.png", photo(), "A cup", (5, 11)),
    "coded": live.coded_curtain("cup.png", photo(), "A cup", PEERS),
}
MAX_SCRIPTS = 250_000


@pytest.mark.parametrize("name", WINDOWS)
def test_scripts_and_weights_are_small(name: str) -> None:
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", WINDOWS[name].text, re.DOTALL)
    assert 150_000 < sum(len(one.encode()) for one in scripts) <= MAX_SCRIPTS


@pytest.mark.parametrize("name", WINDOWS)
def test_without_javascript_the_photo_is_shown(name: str, browser: Any, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(write_page(tmp_path, WINDOWS[name].text))
    shown = tab.locator("img").first
    assert shown.is_visible() and shown.bounding_box()["width"] == 120
    context.close()
