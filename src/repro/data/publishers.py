"""Download photographs from their publishers, and report which sets are available."""

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

#: The names that ``fetch`` takes, and the known sets that each one downloads.
FETCHES = {"kodak": ("kodak",), "cid22": ("cid22/train", "cid22/val"), "clic2025-val": ("clic2025-val",)}
#: The most bytes of an unpacked photo, and its largest compression ratio in an archive: photos hardly compress.
MOST_BYTES, MOST_SHRUNK = 1 << 28, 20


@dataclass(frozen=True)
class Status:
    """A split as :func:`repro.data.photos` would return it now; ``problem`` is the error message if it would raise."""

    split: str
    count: int
    source: str
    licence: str
    sha256: str
    folder: str
    problem: str = ""


def status(data_dir: Path | str | None = None) -> list[Status]:
    """One row per split: what would be used and from where, with every hash checked.

    Raises :class:`ReproError` if the folder that the user names does not exist.
    """
    named_dir(data_dir)  # a missing folder is one error, not one per row
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
    """Download "kodak", "cid22" or "clic2025-val" from its publisher into the cache, and return the cache's path.

    Files that exist are kept, so an interrupted download resumes at the file where it stopped. Every hash is checked.
    Raises :class:`UsageError` for another name, and :class:`ReproError` if there is no network or the publisher's files
    have changed.
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
    """Extract the sets' files from their common archive, wherever in it they are, by name and hash.

    Paths in the archive are never used as paths on the disk, and only plain files are written.
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
    path.unlink()  # its files are extracted; it may be several times their size


def _check_sizes(path: Path, members: list[ZipInfo]) -> None:
    """Raise :class:`ReproError` if ``members`` would unpack to more than photos need, as in a zip bomb.

    ``ZipFile`` reads no more of a member than its declared size.
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
