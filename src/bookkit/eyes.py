"""A blind test of two encoders: which picture of a pair of files of equal size is nearer to the original?

The script (``assets/eyes``) is our own. Everything is inside the cell's output, so that it works in Jupyter and in a
static page alike, without a kernel or a network, and answers stay in the reader's browser. Without JavaScript the page
shows the first photos' pairs with their names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from bookkit.html import Html, image_source, json_script, scripted
from bookkit.widgets import lossless

#: Number of photos whose pairs are shown, with names, if no script runs.
_SHOWN = 2


@dataclass(frozen=True)
class Pair:
    """One picture by two encoders.

    photo, peer, rate
        words for a table, such as "kodim04", "mozjpeg 4:2:0" and "0.5 bpp"; each combination occurs once
    original
        pixels, uint8 (H, W, 3), the same for all pairs of one photo; stored without loss
    ours, theirs
        JPEG files of the photo, which go into the page as they are
    measures
        metric → (value of ours, value of theirs)
    """

    photo: str
    peer: str
    rate: str
    original: np.ndarray
    ours: bytes
    theirs: bytes
    measures: Mapping[str, tuple[float, float]]

    @property
    def name(self) -> str:
        """The pair's name in the answers: photo, peer and rate."""
        return " · ".join((self.photo, self.peer, self.rate))


def eyes(pairs: Sequence[Pair], better: Mapping[str, str]) -> Html:
    """A blind test of ``pairs``, by mouse, finger or keyboard. The reader can save the answers as JSON.

    ``better``: metric → which value is better, "lower" or "higher", for every metric of the pairs.
    """
    originals = {pair.photo: pair.original for pair in pairs}
    figures, digest = [], hashlib.sha256()
    for number, (photo, original) in enumerate(originals.items()):
        data, hidden = lossless(original), number >= _SHOWN
        figures.append(_figure(photo, data, f"{photo}: original", original, hidden=hidden))
        for pair in pairs:
            if pair.photo == photo:
                for side, file, maker in (("ours", pair.ours, "ours"), ("theirs", pair.theirs, pair.peer)):
                    words = f"{photo}: {maker}, {pair.rate}, {len(file):,} bytes"
                    figures.append(_figure(f"{pair.name}/{side}", file, words, original, hidden=hidden))
                    digest.update(f"{pair.name}/{side}".encode() + file)
    told = {"better": dict(better), "pairs": [_told(pair) for pair in pairs]}
    attributes = f' data-test="{digest.hexdigest()[:12]}"'
    return scripted("eyes", f'<div class="pictures">{"".join(figures)}</div>{json_script(told)}', attributes)


def _told(pair: Pair) -> dict[str, Any]:
    measures = {metric: [float(value) for value in values] for metric, values in pair.measures.items()}
    sizes = [len(pair.ours), len(pair.theirs)]
    return {
        "name": pair.name, "photo": pair.photo, "peer": pair.peer, "rate": pair.rate,
        "bytes": sizes, "measures": measures,
    }  # fmt: skip


def _figure(key: str, data: bytes, words: str, original: np.ndarray, *, hidden: bool) -> str:
    """A picture with its name as HTML, for the script, and readable without it."""
    height, width = original.shape[:2]
    return (
        f'<figure data-key="{escape(key)}"{" hidden" if hidden else ""}>'
        f'<img src="{image_source(data)}" alt="{escape(words)}" width="{width}" height="{height}">'
        f"<figcaption>{escape(words)}</figcaption></figure>"
    )
