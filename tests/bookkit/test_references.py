"""Every entry of the bibliography leads to its paper: it has a DOI, or is one of the few that never got one."""

from __future__ import annotations

from pathlib import Path

import pytest
from pybtex.database import parse_file

ENTRIES = parse_file(str(Path(__file__).resolve().parents[2] / "book" / "references.bib")).entries
#: Never given a DOI, as far as we could find.
WITHOUT = {"liu2022encoders", "itu1992t81", "watson1994dct", "bjontegaard2001"}


@pytest.mark.parametrize("key", ENTRIES)
def test_an_entry_has_its_doi(key: str) -> None:
    doi = ENTRIES[key].fields.get("doi")
    if key in WITHOUT:
        assert doi is None, "it has one now: take it off the list"
    else:
        assert doi and doi.startswith("10."), "give the bare DOI, as 10.1109/30.125072"
    if "arXiv:" in ENTRIES[key].fields.get("howpublished", ""):
        number = ENTRIES[key].fields["howpublished"].removeprefix("arXiv:")
        assert doi == f"10.48550/arXiv.{number}"
