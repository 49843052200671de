"""The known sets of photographs: their files' hashes, licences and publishers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files


@dataclass(frozen=True)
class KnownSet:
    """A published set. ``files`` maps a file's name to its SHA-256, or for a drawn picture to that of its pixels.

    The publisher offers it file by file under ``files_url``, or as one ``archive``, from which only the files named
    here are taken. ``pixels`` maps a name to the SHA-256 of the decoded pixels (height × width × RGB bytes).
    """

    name: str
    title: str
    licence: str
    page: str
    files: dict[str, str]
    files_url: str = ""
    archive: str = ""
    pixels: dict[str, str] = field(default_factory=dict)


@lru_cache(maxsize=1)
def known_sets() -> dict[str, KnownSet]:
    """All known sets by name; the name is also the set's folder below the data folder."""
    table = json.loads((files("repro.data") / "registry.json").read_text(encoding="utf-8"))
    return {name: KnownSet(name=name, **entry) for name, entry in table.items()}


@lru_cache(maxsize=1)
def kodak_hashes() -> frozenset[str]:
    """SHA-256 of Kodak's files and of their pixels, which training and tuning must never see."""
    kodak = known_sets()["kodak"]
    return frozenset(kodak.files.values()) | frozenset(kodak.pixels.values())
