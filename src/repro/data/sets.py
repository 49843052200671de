"""Sets of photographs, and the order in which folders are searched for them."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np

from repro.data import content_types
from repro.data.images import read_rgb
from repro.data.registry import KnownSet, known_sets, kodak_hashes
from repro.errors import ReproError, UsageError
from repro.files import sha256_bytes, sha256_file

ENVIRONMENT = "REPRO_DATA"
#: The known sets of each split; "tune" and "check" are the first and the second half of "val". "hdrplus" is any folder
#: of pictures: the paper's own training set, for users who have it.
PARTS = {
    "train": ("cid22/train", "clic2025-val"),
    "val": ("cid22/val",),
    "tune": ("cid22/val",),
    "check": ("cid22/val",),
    "kodak": ("kodak",),
    "sample": (),
    "content-types": (),
    "hdrplus": (),
}
#: The splits that :func:`photos` knows.
SPLITS = tuple(PARTS)
_HALVES = ("tune", "check")
SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True)
class Photo:
    """One photograph: its name within the set, its file, and that file's SHA-256."""

    name: str
    path: Path
    sha256: str

    def rgb(self) -> np.ndarray:
        """Its pixels, uint8 (H, W, 3) in sRGB. Raises :class:`ReproError` if the file cannot be read."""
        return read_rgb(self.path)


@dataclass(frozen=True)
class Drawn(Photo):
    """An image of :mod:`repro.data.content_types`; its SHA-256 is that of its pixels (height × width × RGB)."""

    def rgb(self) -> np.ndarray:
        """Its pixels, uint8 (H, W, 3) in sRGB, drawn again."""
        return content_types.draw(self.name)


@dataclass(frozen=True)
class PhotoSet:
    """Photos in order of name. ``source`` says which they are and where they are from, ``licence`` on what terms.

    ``dead_leaves``: whether to mix generated pictures into training crops, because there are few photos.
    """

    name: str
    source: str
    licence: str
    items: tuple[Photo, ...]
    dead_leaves: bool = False

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Photo]:
        return iter(self.items)

    @property
    def sha256(self) -> str:
        """A hash of the photos' names and contents, wherever they are stored, for a result's provenance."""
        lines = [f"{photo.sha256}  {photo.name}\n" for photo in self.items]
        text = "".join([*lines, "dead leaves\n" if self.dead_leaves else ""])
        return sha256_bytes(text.encode(errors="surrogateescape"))

    def halves(self) -> tuple[PhotoSet, PhotoSet]:
        """The first half by name, to tune on, and the rest, to test the outcome on."""
        middle = (len(self.items) + 1) // 2
        return (
            replace(self, name=f"{self.name}, first half", items=self.items[:middle]),
            replace(self, name=f"{self.name}, second half", items=self.items[middle:]),
        )


def photos(split: str, data_dir: Path | str | None = None) -> PhotoSet:
    """The photographs of ``split``: "train", "val", "tune", "check", "kodak", "sample", "content-types" or "hdrplus".

    - "train": CID22's training part and part of CLIC 2025's validation photos, in place of HDR+. If only one of them
      is found, it is used alone; if neither is, two shipped photographs and dead leaves are used.
    - "val": CID22's validation part, or else two shipped photographs. "tune" is its first half by name, on which
      recipes are chosen; "check" is its second half, on which nothing was chosen.
    - "kodak": all 24, or an error. For evaluation only.
    - "sample": four shipped photographs, always the same, that are not among the fallbacks above: for display, and for
      evaluation without Kodak.
    - "content-types": the images of :mod:`repro.data.content_types`, always the same; nothing was chosen on them.
    - "hdrplus": every picture below ``hdrplus/`` in the data folder, or an error.

    ``data_dir`` takes precedence over ``REPRO_DATA``, and that over the cache. Raises :class:`UsageError` for an
    unknown split and :class:`ReproError` for a missing folder or file or a wrong hash: a set is used whole or not at
    all.
    """
    if split not in PARTS:
        raise UsageError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}")
    roots = _roots(data_dir)
    if split in _HALVES:
        return photos("val", data_dir).halves()[_HALVES.index(split)]
    if split == "sample":
        return shipped("sample")
    if split == "content-types":
        return _content_types()
    if split == "hdrplus":
        return _hdrplus(roots)
    parts = [known_sets()[part] for part in PARTS[split]]
    found = [(known, root) for known in parts if (root := _root_of(known, roots))]
    if found:
        return _known(split, found)
    if split == "kodak":
        tried = " nor in ".join(str(root / "kodak") for root in roots)
        raise ReproError(f"Kodak's 24 photos are not in {tried}; {how_to_get('kodak')}")
    return shipped(split)


@cache
def hashes_of(split: str) -> frozenset[str]:
    """:attr:`PhotoSet.sha256` of every set that ``split`` can be, from the known hashes: no file needs to be present.

    Empty for "hdrplus", which can be any pictures.
    """
    if split in _HALVES:
        return frozenset(as_set("val", group).halves()[_HALVES.index(split)].sha256 for group in _groups("val"))
    return frozenset(as_set(split, group).sha256 for group in _groups(split))


def _groups(split: str) -> list[list[KnownSet]]:
    """The groups of known sets that ``split`` can consist of: any of its parts together, or the shipped stand-in."""
    parts = [known_sets()[part] for part in PARTS[split]]
    groups = [list(group) for size in range(1, len(parts) + 1) for group in combinations(parts, size)]
    stand_in = known_sets().get(f"shipped/{split}")
    return [*groups, [stand_in]] if stand_in else groups


def as_set(split: str, known: list[KnownSet]) -> PhotoSet:
    """The set ``split`` made of ``known`` sets, from the registry alone: its files need not exist."""
    items = (Photo(Path(name).name, Path(name), digest) for part in known for name, digest in part.files.items())
    dead_leaves = split == "train" and known[0].name.startswith("shipped/")
    return PhotoSet(split, "", "", tuple(sorted(items, key=lambda photo: photo.name)), dead_leaves)


def cache_dir() -> Path:
    """Where ``repro data fetch`` keeps what it downloads."""
    import pooch

    return Path(pooch.os_cache("repro"))


def named_dir(data_dir: Path | str | None) -> Path | None:
    """The folder that the user names, by argument or by ``REPRO_DATA``; None if neither is given.

    Raises :class:`ReproError` if it does not exist.
    """
    named = data_dir or os.environ.get(ENVIRONMENT)
    if not named:
        return None
    path = Path(os.path.expanduser(named))  # leaves ~name unchanged if there is no such user
    if not path.is_dir():
        raise ReproError(f"{path}: no such data folder; correct the option or {ENVIRONMENT}, or unset it")
    return path


def how_to_get(name: str) -> str:
    """How to get a known set that is missing or damaged, for the end of an error message."""
    fetched = name.partition("/")[0]
    return f"run `repro data fetch {fetched}`, or put them in FOLDER/{name} and set {ENVIRONMENT}=FOLDER"


def missing_files(known: KnownSet, folder: Path) -> list[str]:
    """Names of the set's files that ``folder`` lacks."""
    return [name for name in known.files if not (folder / name).is_file()]


def check_set(known: KnownSet, folder: Path) -> tuple[Photo, ...]:
    """The set's photos in ``folder``. Raises :class:`ReproError` unless every file is there with the right hash.

    Other files in the folder are ignored: it may hold the publisher's full set.
    """
    missing = missing_files(known, folder)
    if missing:
        there = len(known.files) - len(missing)
        raise ReproError(
            f"{folder}: holds {there} of the {len(known.files)} photos of {known.name}, "
            f"{missing[0]} is missing; {how_to_get(known.name)}"
        )
    checked = []
    for name, expected in known.files.items():
        digest = sha256_file(folder / name)
        if digest != expected:
            raise ReproError(
                f"{folder / name}: SHA-256 is {digest[:8]}…, not {expected[:8]}…: damaged or another picture; "
                f"delete it, then {how_to_get(known.name)}"
            )
        checked.append(Photo(Path(name).name, folder / name, digest))
    return tuple(sorted(checked, key=lambda photo: photo.name))


def _roots(data_dir: Path | str | None) -> list[Path]:
    named = named_dir(data_dir)
    return [named, cache_dir()] if named else [cache_dir()]


def _root_of(known: KnownSet, roots: list[Path]) -> Path | None:
    """The first root with a file of the set, or None. An empty folder, as a failed download leaves, does not count."""
    return next((r for r in roots if len(missing_files(known, r / known.name)) < len(known.files)), None)


def _known(split: str, found: list[tuple[KnownSet, Path]]) -> PhotoSet:
    items = [photo for known, root in found for photo in check_set(known, root / known.name)]
    source = " + ".join(f"{len(known.files)} of {known.title}" for known, _ in found)
    licence = "; ".join(f"{known.name}: {known.licence}" for known, _ in found)
    return PhotoSet(split, source, licence, tuple(sorted(items, key=lambda photo: photo.name)))


def shipped(split: str) -> PhotoSet:
    """Photographs inside the installed scikit-image and scikit-learn, found without importing either."""
    known = known_sets()[f"shipped/{split}"]
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise ReproError("no photos: the package scikit-image is not installed; `pip install scikit-image`")
    items = check_set(known, Path(spec.origin).parents[1])
    source = f"{len(items)} of the {known.title}" + (" + dead leaves" if split == "train" else "")
    return PhotoSet(split, source, known.licence, items, dead_leaves=split == "train")


def _content_types() -> PhotoSet:
    """An image of each content type. Raises :class:`ReproError` if its pixels have changed since the stored results."""
    known = known_sets()["shipped/content-types"]
    items = tuple(
        Drawn(name, Path(content_types.__file__), sha256_bytes(content_types.draw(name).tobytes()))
        for name in known.files
    )
    for picture in items:
        if picture.sha256 != known.files[picture.name]:
            raise ReproError(
                f"{picture.path}: draws other pixels here for {picture.name!r}; install Pillow, NumPy and scikit-image "
                "as requirements.lock has them"
            )
    return PhotoSet(
        "content-types", f"{len(items)} {known.title}", known.licence, tuple(sorted(items, key=lambda p: p.name))
    )


def _hdrplus(roots: list[Path]) -> PhotoSet:
    folder = next((root / "hdrplus" for root in roots if (root / "hdrplus").is_dir()), None)
    if folder is None:
        tried = " nor in ".join(str(r / "hdrplus") for r in roots)
        raise ReproError(
            f"HDR+ pictures are not in {tried}; get them from https://hdrplusdata.org, "
            f"put them in FOLDER/hdrplus and set {ENVIRONMENT}=FOLDER"
        )
    items = _pictures(folder)
    return PhotoSet("hdrplus", f"{len(items)} of HDR+", "CC BY-SA 4.0 (hdrplusdata.org)", items)


def training_photos(data_dir: Path | str | None = None) -> PhotoSet:
    """The photos that ``repro train`` uses: every picture below the folder that the user names, if that holds none of
    the known sets; otherwise ``photos("train")``. Raises as :func:`photos`, and if the folder holds no picture."""
    folder = named_dir(data_dir)
    known = [k for k in known_sets().values() if not k.name.startswith("shipped/")]
    if folder is None or any(_root_of(k, [folder]) for k in known):
        return photos("train", data_dir)
    items = _pictures(folder)
    return PhotoSet("train", f"{len(items)} pictures below {folder}", "the user's own", items)


def _pictures(folder: Path) -> tuple[Photo, ...]:
    """Every picture below ``folder`` in order of name, except hidden files and folders. Kodak's are refused."""
    shown = (p for p in folder.rglob("*") if not any(part.startswith(".") for part in p.relative_to(folder).parts))
    paths = sorted(p for p in shown if p.suffix.lower() in SUFFIXES and p.is_file())
    if not paths:
        raise ReproError(f"{folder}: holds no picture ({', '.join(sorted(SUFFIXES))}); put your photos there")
    items = tuple(Photo(p.relative_to(folder).as_posix(), p, sha256_file(p)) for p in paths)
    for photo in items:
        if photo.sha256 in kodak_hashes():
            raise ReproError(f"{photo.path}: is a Kodak photo, which is for evaluation only; remove it")
    return items
