"""One photo by several encoders at one size or rate: close-ups of the pictures, and the metrics of each file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import nn

from chapters.rate_distortion import look_of
from chapters.style import LOOKS, SMALLEST, WIDTH, Box, figure, show_image
from chapters.tables import Rows
from repro import codecs
from repro.data import Photo, PhotoSet
from repro.encoder import models, trellis_set
from repro.encoder.encode import Settings, encode_picture
from repro.encoder.images import Picture
from repro.evaluation import encoder_of, match_size, measure_many, paper_bpp
from repro.evaluation.measure import Measurement, file_tables
from repro.experiments import Experiment, experiments_of
from repro.experiments.beyond import AS_THEY_COME
from repro.experiments.claims import SHORT, Evidence
from repro.experiments.claims.loss import PORTRAIT_RATE, STANDARD
from repro.experiments.registry import PEER_QUALITIES, PLAIN
from repro.jpeg.codestream import decode
from repro.model import load_checkpoint

#: Photo → a crop that shows what an encoder does: skin, hair or feathers against a smooth background.
CROPS = {
    "kodim04.png": Box(270, 170, 260, 260),
    "kodim15.png": Box(80, 370, 260, 260),
    "kodim23.png": Box(105, 90, 230, 230),
    "astronaut.png": Box(30, 130, 200, 200),
    "coffee.png": Box(60, 150, 200, 200),
}
#: Photos under the curtain → top left corner of the part that is shown: skin, hair, text, fine lines, smooth sky and
#: out-of-focus green. They were chosen for their content, not for their results.
SHOWN = {
    "kodim04.png": (140, 20),
    "kodim05.png": (110, 160),
    "kodim15.png": (0, 250),
    "kodim19.png": (100, 64),
    "kodim20.png": (110, 50),
    "kodim23.png": (90, 60),
    "astronaut.png": (0, 0),
    "coffee.png": (10, 60),
}
#: Height and width in pixels of the part under the curtain, so that six originals fit into a page of at most 5 MiB.
_VIEW = 336, 448


@dataclass(frozen=True)
class Version:
    """One picture of a comparison: its label, decoded pixels, file and metrics. The original has only pixels."""

    label: str
    pixels: np.ndarray
    data: bytes = b""
    values: Measurement | None = None

    @property
    def words(self) -> str:
        """The two lines under the picture."""
        if self.values is None:
            return f"{self.pixels.nbytes:,} bytes\nas it is"
        v = self.values
        if v.get("ssimulacra2") is not None:
            held_out = v["butteraugli"]
            judged = f"\nButteraugli {held_out:.2f}" if held_out is not None else "\nno Butteraugli"
            return f"{len(self.data):,} bytes · SSIMULACRA 2 {v['ssimulacra2']:.1f}{judged} · LPIPS {v['lpips']:.3f}"
        similar = f" · MS-SSIM {v['ms_ssim']:.3f}" if v["ms_ssim"] is not None else ""
        return f"{len(self.data):,} bytes · MSE {v['mse']:.0f}\nLPIPS {v['lpips']:.3f}{similar}"


def measured(rgb: np.ndarray, files: dict[str, bytes], more: Sequence[str] = ()) -> list[Version]:
    """The original (H, W, 3) uint8, and each of its ``files`` (label → file), measured. ``more``: further metrics."""
    values = measure_many(rgb, list(files.values()), more=more)
    made = [Version(label, decode(d), d, v) for (label, d), v in zip(files.items(), values, strict=True)]
    return [Version("original", rgb), *made]


def versions(
    rgb: np.ndarray,
    bpp: float | None,
    peers: Iterable[str],
    ours: Sequence[str],
    *,
    quality: float | None = None,
    more: Sequence[str] = (),
) -> list[Version]:
    """The original, and the photo by each peer and each of our model sets, all at about the same size.

    That size is the largest file of our first set within ``bpp`` or, with ``bpp`` None, its file at ``quality``, which
    takes one encoding instead of a search. Our other sets stay at or below that size, and each peer takes its smallest
    file that is at least as large, so that no peer gets fewer bytes. ``more`` names further metrics to measure.
    """
    picture = Picture(rgb)
    first = encode_picture(picture, Settings(quality=quality, bpp=bpp, model=ours[0])).data
    exact = 8 * len(first) / (rgb.shape[0] * rgb.shape[1])
    files = {LOOKS[codec].label: match_size(codec, rgb, len(first))[1] for codec in peers}
    files[LOOKS[ours[0]].label] = first
    for name in ours[1:]:
        files[LOOKS[name].label] = encode_picture(picture, Settings(bpp=exact, model=name)).data
    return measured(rgb, files, more)


def closeup(shown: Sequence[Version], crop: Box, extra: float = 0, **imshow: Any) -> Figure:
    """Plot the same crop of every version, three per row (two if there are four), with the file's bytes and metrics.

    Metrics are those of the whole photo. ``extra`` is added height in inches, for longer titles; ``imshow`` goes to
    :func:`chapters.style.show_image`.
    """
    columns = 2 if len(shown) == 4 else 3
    rows = -(-len(shown) // columns)
    fig, axes = figure(rows * (WIDTH / columns * crop.height / crop.width + 0.68) + extra, rows, columns)
    for ax in axes.ravel()[len(shown) :]:
        ax.axis("off")
    for ax, version in zip(axes.ravel(), shown, strict=False):
        show_image(ax, crop.of(version.pixels), version.label, **imshow)
        ax.set_xlabel(version.words, fontsize=SMALLEST)
    return fig


def closeups(photo: Photo, rates: Sequence[float]) -> tuple[list[Figure], list[str], list[str]]:
    """Frames, labels and alternative texts for a slider: a :func:`closeup` of ``photo`` at each of ``rates`` (bpp).

    It shows encoders in common use and the installed model sets that follow the paper, tables first.
    """
    paper = [name for name in models.shipped() if not trellis_set.is_one(name)]
    ours = sorted(paper, key=lambda name: (name != models.TABLES, name))
    every = [versions(photo.rgb(), rate, (PLAIN, AS_THEY_COME[0]), ours) for rate in rates]
    about = f"The same part of {photo.name.partition('.')[0]} at about"
    alts = [f"{about} {rate:g} bits per pixel. {in_a_line(s)}." for rate, s in zip(rates, every, strict=True)]
    return [closeup(s, CROPS[photo.name]) for s in every], [f"{rate:g} bpp" for rate in rates], alts


def in_a_line(shown: Iterable[Version]) -> str:
    """Each version's label and words on one line, for an alternative text."""
    return "; ".join(f"{v.label}: {v.words}".replace("\n", ", ") for v in shown)


def by_photo(
    photos: PhotoSet, bpp: float, count: int
) -> tuple[dict[str, dict[str, tuple[np.ndarray | bytes, str]]], dict[str, Box]]:
    """Pictures and crops for :func:`bookkit.curtain`, of the first ``count`` available photos of :data:`SHOWN`.

    Peers and our default set are shown at the size of our largest file within ``bpp``; no peer gets fewer bytes. Files
    and metrics are those of the whole photo, and only the display is cropped.
    """
    pictures, crops = {}, {}
    for photo in sorted((p for p in photos if p.name in SHOWN), key=lambda p: list(SHOWN).index(p.name))[:count]:
        rgb, short, (top, left) = photo.rgb(), photo.name.partition(".")[0], SHOWN[photo.name]
        shown = versions(rgb, bpp, (PLAIN, *AS_THEY_COME), ("trellis",), more=("ssimulacra2", "butteraugli"))
        pictures[short] = {v.label: (v.data or v.pixels, _measures(v)) for v in shown}
        crops[short] = Box(top, left, min(_VIEW[0], rgb.shape[0] - top), min(_VIEW[1], rgb.shape[1] - left))
    return pictures, crops


def _measures(version: Version) -> str:
    """The rate and metrics of a version on one line."""
    v = version.values
    if v is None:
        return "24 bpp, as it is"
    digits = {"ssimulacra2": 1, "butteraugli": 2, "lpips": 3}
    said = [f"{SHORT[m]} {v[m]:.{d}f}" for m, d in digits.items() if v[m] is not None]
    return " · ".join([f"{v['bpp']:.3f} bpp", *said])


def checkpoints(evidence: Evidence, figure: str, series: str) -> dict[float, Path]:
    """λ → checkpoint of the first seed of ``series``, in order of increasing λ."""
    runs = [e for e in experiments_of(figure, evidence.profile) if isinstance(e, Experiment)]
    chosen = sorted((e for e in runs if (e.series, e.seed) == (series, 0)), key=lambda e: e.loss.lam)
    return {e.loss.lam: evidence.store.checkpoint_path(e) for e in chosen}


def network_of(evidence: Evidence, figure: str, series: str) -> nn.Module:
    """The attention network trained at the λ nearest 0.02. Raises :class:`ReproError` if it is missing."""
    found = checkpoints(evidence, figure, series)
    model, _ = load_checkpoint(found[min(found, key=lambda lam: abs(lam - 0.02))])
    assert model.attention is not None
    return model.attention.requires_grad_(False)


def at_one_rate(evidence: Evidence, photo: Photo, series: Sequence[str], figure: str) -> list[Version]:
    """The photo, standard JPEG and models of ``figure``, each at the quality or λ with the rate nearest to Fig. 6's.

    Bits are counted as the paper counts them.
    """
    rgb = photo.rgb()
    standard = codecs.get(STANDARD)
    ways = {"standard JPEG": [(f"quality {q}", partial(standard.encode, rgb, q)) for q in PEER_QUALITIES]}
    for name in series:
        every = checkpoints(evidence, figure, name)
        ways[_label(name, series)] = [(f"λ = {lam:g}", partial(_encode, path, rgb)) for lam, path in every.items()]
    chosen = {label: _nearest(of, PORTRAIT_RATE) for label, of in ways.items()}
    values = measure_many(rgb, [data for _, data in chosen.values()])
    made = [Version("original", rgb)]
    for (label, (setting, data)), v in zip(chosen.items(), values, strict=True):
        made.append(Version(f"{label}\n{setting}: {v['bpp_paper']:.3f} bpp", decode(data), data, v))
    return made


def portrait_rows(shown: Sequence[Version]) -> Rows:
    """One row per version of :func:`at_one_rate`, without the original: the values that :func:`closeup` omits."""
    decimals = {"mse_chroma": 1, "blocking": 2}
    rows = [
        [
            v.label.replace("\n", ", "),
            f"{v.values['bpp']:.3f}",
            *(f"{v.values[k]:.{d}f}" for k, d in decimals.items()),
        ]
        for v in shown
        if v.values is not None
    ]
    return ["at the paper's bits per pixel", "bits of the file", *(SHORT[k] for k in decimals)], rows


def _label(name: str, among: Sequence[str]) -> str:
    """What tells a series from the others: its method or, if another has the same, its loss."""
    label = look_of(name).label.partition(", loss")[0]
    alike = sum(look_of(other).label.partition(", loss")[0] == label for other in among)
    return label if alike == 1 else f"loss with{'' if 'MS-SSIM' in name else 'out'} MS-SSIM"


def _encode(checkpoint: Path, rgb: np.ndarray) -> bytes:
    return encoder_of(load_checkpoint(checkpoint)[0])(rgb)


def _nearest(ways: Sequence[tuple[str, Callable[[], bytes]]], bpp: float) -> tuple[str, bytes]:
    """(setting, file) nearest to ``bpp`` in the paper's counting, by bisection. ``ways`` are ordered by rising rate."""

    @cache
    def made(i: int) -> tuple[bytes, float]:
        data = ways[i][1]()
        return data, paper_bpp(decode(data), file_tables(data)) - bpp

    low, high = 0, len(ways) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if made(middle)[1] < 0 else (low, middle)
    best = min(low, high, key=lambda i: abs(made(i)[1]))
    return ways[best][0], made(best)[0]


def gallery(
    shown: Mapping[str, tuple[str, list[Version]]], side: int, **imshow: Any
) -> tuple[list[Figure], list[str], list[str]]:
    """Frames, labels and alternative texts for a slider: versions side by side, cropped to :func:`where_worse`.

    ``shown``: label → (words on the picture, its versions).
    """
    frames = [closeup(versions, where_worse(versions, side), **imshow) for _, versions in shown.values()]
    return frames, list(shown), [f"{said}. {in_a_line(versions[1:])}." for said, versions in shown.values()]


def where_worse(shown: Sequence[Version], side: int) -> Box:
    """The square of ``side`` pixels in which the last version's squared error most exceeds that of the one before.

    The first version must be the original.
    """
    theirs, ours = (np.square(v.pixels.astype(float) - shown[0].pixels).sum(2) for v in shown[-2:])
    return _most(ours - theirs, side)


def _most(more: np.ndarray, side: int) -> Box:
    """The square of ``side`` pixels, on a grid of 16, that has the largest sum of ``more`` (H, W)."""
    height, width = (min(side, whole) for whole in more.shape)
    total = np.pad(more, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    sums = total[height:, width:] - total[:-height, width:] - total[height:, :-width] + total[:-height, :-width]
    top, left = np.unravel_index(sums[::16, ::16].argmax(), sums[::16, ::16].shape)
    return Box(16 * int(top), 16 * int(left), height, width)
