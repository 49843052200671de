"""Download the publishers' files, and say what is at hand."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from repro.data.registry import KnownSet, known_sets
from repro.data.sets import SPLITS, cache_dir, check_set, how_to_get, missing_files, named_dir, photos
from repro.download import download
from repro.errors import ReproError, UsageError
from repro.files import atomic_write, sha256_bytes, sha256_file
from repro.progress import track

#: What ``fetch`` takes, and the known sets that each brings.
FETCHES = {"kodak": ("kodak",), "cid22": ("cid22/train", "cid22/val"), "clic2025-val": ("clic2025-val",)}
#: The most bytes of a photo in an archive, and how much it may shrink there: photos hardly do.
MOST_BYTES, MOST_SHRUNK = 1 << 28, 20


@dataclass(frozen=True)
class Status:
    """A split as :func:`repro.data.photos` would give it now; ``problem`` is its error's line, if it has one."""

    split: str
    count: int
    source: str
    licence: str
    sha256: str
    folder: str
    problem: str = ""


def status(data_dir: Path | str | None = None) -> list[Status]:
    """One row a split: what would be used and from where, every hash checked.

    Raises :class:`ReproError` where the folder that is named does not exist.
    """
    named_dir(data_dir)  # a folder that is not there is one error, not one a row
    rows = []
    for split in SPLITS:
        try:
            found = photos(split, data_dir)
        except ReproError as error:
            rows.append(Status(split, 0, "", "", "", "", str(error)))
        else:
            folders = sorted({str(photo.path.parent) for photo in found})
            rows.append(Status(split, len(found), found.source, found.licence, found.sha256, ", ".join(folders[:3])))
    return rows


def fetch(name: str) -> Path:
    """Download "kodak", "cid22" or "clic2025-val" from the publisher into the cache, whose path is returned.

    Files that are there already are kept, so that a download that was cut off goes on at the file where it stopped;
    every hash is checked. Raises :class:`ReproError` without a network, or where the publisher's files have changed.
    """
    if name not in FETCHES:
        raise UsageError(f"unknown set {name!r}; choose one of {', '.join(FETCHES)}")
    root = cache_dir()
    sets = [known_sets()[part] for part in FETCHES[name]]
    if sets[0].files_url:
        _fetch_files(sets[0], root / name)
    elif any(missing_files(known, root / known.name) for known in sets):
        _fetch_archive(sets, root)
    for known in sets:
        check_set(known, root / known.name)
    return root


def _fetch_files(known: KnownSet, folder: Path) -> None:
    for name, digest in track(list(known.files.items()), f"fetching {known.name}"):
        path = folder / name
        if not path.is_file() or sha256_file(path) != digest:
            download(known.files_url + name, path, sha256=digest, by_hand=_by_hand(known.name))


def _fetch_archive(sets: list[KnownSet], root: Path) -> None:
    """Take the sets' files, found by name and hash wherever they lie in it, out of their one archive.

    No name in the archive becomes one on the disk, and nothing is made but plain files.
    """
    archive = sets[0].archive
    path = root / "archives" / Path(archive).name
    if not path.is_file():
        download(archive, path, by_hand=_by_hand(sets[0].name))
    targets = {(name, digest): root / known.name / name for known in sets for name, digest in known.files.items()}
    names = {name for name, _ in targets}
    try:
        with ZipFile(path) as opened:
            members = [m for m in opened.infolist() if Path(m.filename).name in names]
            _check_sizes(path, members)
            for member in track(members, "unpacking"):
                content = opened.read(member)
                target = targets.get((Path(member.filename).name, sha256_bytes(content)))
                if target is not None:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    atomic_write(target, content)
    except (BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        raise ReproError(f"{path}: not a whole archive ({error}); delete it and fetch again") from error
    path.unlink()  # its files are out; it may be several times their size


def _check_sizes(path: Path, members: list[ZipInfo]) -> None:
    """Raise :class:`ReproError` where unpacking ``members`` would take more than photos need: a bomb.

    ``ZipFile`` reads no more of a member than the size that it announces.
    """
    for member in members:
        if member.file_size > min(MOST_BYTES, MOST_SHRUNK * (member.compress_size + 1024)):
            raise ReproError(
                f"{path}: {member.filename} would unpack to {member.file_size} bytes, more than a photo has; "
                "delete the archive and fetch again"
            )
    if sum(member.compress_size for member in members) > path.stat().st_size:
        raise ReproError(f"{path}: its files overlap, which no sound archive's do; delete it and fetch again")


def _by_hand(set_name: str) -> str:
    return how_to_get(set_name).partition(", or ")[2]
