"""Draw four of the content types, which ship as PNG files in ``src/repro/assets/content_types``.

``python tools/draw_content_types.py`` writes them again, with the same pixels if Pillow draws letters in the same way.
Stored results hold the pixels' hashes, and so does ``src/repro/data/registry.json``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FOLDER = Path(__file__).resolve().parents[1] / "src" / "repro" / "assets" / "content_types"
#: Seed of all random numbers in the images.
SEED = 0
#: Lines are drawn larger by this factor and averaged down.
_SCALE = 4
_BLACK, _BLUE, _RED, _GREEN, _GREY = "#1a1a1a", "#0044cc", "#b00020", "#1d7a2f", "#8a8f98"
_TEXT = (
    "a block of eight by eight pixels holds one mean and many waves that each cost some bits until the table makes "
    "them zero and no eye will miss what the page has lost where letters end and paper begins"
)
_WORDS = _TEXT.split()


def _sky() -> np.ndarray:
    """From deep blue to a pale horizon, brighter around a low sun, with slight noise as in a photo."""
    height, width = 384, 512
    down = (np.arange(height) / (height - 1))[:, None, None]
    across = (np.arange(width) / (width - 1))[None, :, None]
    high, low, sun = (np.array(color, float) for color in ((52, 104, 176), (198, 214, 228), (60, 44, 18)))
    glow = 1 / (1 + 9 * ((down - 0.9) ** 2 + (across - 0.7) ** 2))
    noise = np.random.default_rng(SEED).normal(0, 0.6, (height, width, 3))
    return np.rint(high + (low - high) * down + sun * glow + noise).clip(0, 255).astype(np.uint8)


def _page() -> np.ndarray:
    """A page of small black text, with a coloured heading here and there."""
    page = Image.new("RGB", (384, 512), "white")
    pen, rng = ImageDraw.Draw(page), np.random.default_rng(SEED)
    for line, top in enumerate(range(16, 484, 16)):
        heading = line % 8 == 0
        words = " ".join(rng.choice(_WORDS, 5 if heading else 14))
        font = ImageFont.load_default(14 if heading else 11)
        while pen.textlength(words, font) > 344:
            words = words.rpartition(" ")[0]
        color = (_BLUE, _RED)[line // 8 % 2] if heading else _BLACK
        pen.text((20, top), words, color, font)
    return np.asarray(page)


def _screenshot() -> np.ndarray:
    """A window with a menu, coloured buttons, a list, a program in coloured letters, a selection and a message."""
    screen = Image.new("RGB", (640, 448), "#2f6f8f")
    pen, small, plain = ImageDraw.Draw(screen), ImageFont.load_default(10), ImageFont.load_default(12)
    pen.rectangle((16, 12, 623, 435), "#fbfbfd", "#444a55")
    pen.rectangle((17, 13, 622, 34), "#3b4252")
    for i, color in enumerate(("#ff5f56", "#ffbd2e", "#27c93f")):
        pen.ellipse((26 + 18 * i, 18, 37 + 18 * i, 29), color)
    pen.text((250, 17), "encoder.py - editor", "#eceff4", plain)
    for i, word in enumerate(("File", "Edit", "View", "Run", "Help")):
        pen.text((28 + 44 * i, 39), word, _BLACK, plain)
    for i, color in enumerate(("#d7263d", "#1b998b", "#2e86de", "#f4a259", "#6a4c93", "#8a8f98")):
        pen.rounded_rectangle((300 + 30 * i, 38, 322 + 30 * i, 54), 4, color)
        pen.polygon([(306 + 30 * i, 42), (306 + 30 * i, 50), (316 + 30 * i, 46)], "white")
    pen.rectangle((17, 60, 150, 416), "#eef1f6")
    for line in range(20):
        top = 66 + 17 * line
        if line == 4:
            pen.rectangle((17, top - 2, 150, top + 13), "#2e86de")
        pen.rectangle((26, top + 1, 34, top + 9), ("#f4a259", "#1b998b")[line % 3 == 0])
        pen.text((42, top - 1), f"{_WORDS[line % len(_WORDS)]}_{line}.py", "white" if line == 4 else _BLACK, small)
    _program(pen, ImageFont.load_default(11))
    pen.rounded_rectangle((360, 270, 600, 380), 6, "#ffffff", "#8a8f98")
    pen.text((376, 282), "Save changes before closing?", _BLACK, plain)
    for left, word, color in ((376, "Discard", "#8a8f98"), (500, "Save", "#1b998b")):
        pen.rounded_rectangle((left, 340, left + 84, 366), 5, color)
        pen.text((left + 18, 345), word, "white", plain)
    pen.rectangle((17, 417, 622, 434), "#2e86de")
    pen.text((26, 420), "line 12, column 7    spaces: 4    UTF-8    no problems", "white", small)
    return np.asarray(screen)


def _program(pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> None:
    """Lines of code, word by word in the colours of an editor."""
    line = (("for", _BLUE), ("k", _BLACK), ("in", _BLUE), ("range", "#7a3e9d"), ("(64):", _BLACK))
    other = (("total", _BLACK), ("+=", _RED), ("worth[k] *", _BLACK), ("0.25", _GREEN), ("# a comment", _GREY))
    for row in range(20):
        top, left = 66 + 17 * row, 166.0
        pen.text((left, top), f"{row + 1:2d}", _GREY, font)
        left += 26 + 16 * (row % 2)
        for word, color in (line, other)[row % 2]:
            pen.text((left, top), word, color, font)
            left += pen.textlength(word + " ", font)


def _plot() -> np.ndarray:
    """Thin lines on white: axes, curves, circles, hatching, and small labels."""
    height, width = 384, 512
    paper = Image.new("RGB", (width * _SCALE, height * _SCALE), "white")
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(11 * _SCALE)

    def stroke(points: Sequence[tuple[float, float]], color: str, thick: float = 1.0) -> None:
        pen.line(
            [(x * _SCALE, y * _SCALE) for x, y in points],
            color,
            round(thick * _SCALE),
            joint="curve",
        )

    for i in range(9):
        stroke([(48, 24 + 40 * i), (496, 24 + 40 * i)], "#dddddd", 0.5)
        pen.text((14 * _SCALE, (18 + 40 * i) * _SCALE), f"{80 - 10 * i}", _BLACK, font)
    stroke([(48, 16), (48, 344), (500, 344)], _BLACK)
    across = np.linspace(0, 1, 120)
    for color, curve, thick in (
        (_BLUE, 60 + 250 * across**2, 1.2),
        (_RED, 330 - 280 * across / (0.15 + across), 1.2),
        (_GREEN, 180 + 90 * np.sin(14 * across) * (1 - across), 0.8),
    ):
        stroke(list(zip((48 + 440 * across).tolist(), curve.tolist(), strict=True)), color, thick)
    for radius in range(6, 66, 6):
        centre = np.array([400, 110, 400, 110])
        box = (centre + np.array([-radius, -radius, radius, radius])) * _SCALE
        pen.ellipse(box.tolist(), outline=_BLACK, width=_SCALE // 2)
    for shift in range(0, 90, 5):
        stroke([(90 + shift, 330), (120 + shift, 250)], _BLACK, 0.5)
    for i, word in enumerate(("rate", "error", "time")):
        pen.text((70 * _SCALE, (24 + 16 * i) * _SCALE), word, (_BLUE, _RED, _GREEN)[i], font)
    pen.text((240 * _SCALE, 356 * _SCALE), "bits per pixel", _BLACK, font)
    return np.asarray(paper.reduce(_SCALE))


if __name__ == "__main__":
    for name, draw in {"sky": _sky, "page": _page, "screenshot": _screenshot, "plot": _plot}.items():
        Image.fromarray(draw()).save(FOLDER / f"{name}.png", optimize=True)
