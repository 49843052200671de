"""Common decoders take whatever the encoder writes, and all make the same pixels of it."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import decoder_census as census
import decoder_files as files
import decoders

ROOT = Path(__file__).resolve().parents[2]

EVERY = files.cases()
PHOTO = files.Case("tables", "fast", 150, 137, "astronaut", 75.0, False, "interleaved", "auto", "sRGB", True)


@pytest.fixture(scope="module")
def small() -> list[tuple[Any, bytes]]:
    """20 of the small files."""
    drawn = random.Random(0).sample([case for case in EVERY if case.small], 20)
    return [(case, case.encoded()) for case in drawn]


@pytest.fixture(scope="module", params=decoders.every(), ids=lambda make: make.name)
def decoder(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = request.param()
    if made.version() is None:
        browser = made.name == "Chromium" and os.environ.get("REPRO_REQUIRE_BROWSER")
        (pytest.fail if made.name in decoders.NEEDED or browser else pytest.skip)(f"{made.name} is not installed")
    yield made
    made.close()


def faults(found: list[Any]) -> list[str]:
    return [f"{one.decoder}: {one.case}: {one.fault}" for one in found if one.fault]


def test_a_decoder_takes_every_file_and_makes_pillows_pixels_of_it(small, decoder, tmp_path):
    found = [one for case, data in small for one in census.decode_with(case, data, [decoder], tmp_path, twin=False)]
    assert len(found) == 20 and faults(found) == []


def test_a_decoder_finds_a_file_that_is_cut_off(decoder, tmp_path):
    data = PHOTO.encoded()
    (found,) = census.decode_with(PHOTO, data[: len(data) // 2], [decoder], tmp_path, twin=False)
    assert found.fault


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"width": 149}, "is of 150×137 pixels"),
        ({"grey": True}, "is of mode RGB"),
        ({"scans": "sequential"}, "is progressive"),
        ({"subsampling": "4:2:0"}, "has another subsampling"),
        ({"profile": None}, "has another colour profile"),
        ({"metadata": True}, "lacks metadata"),
    ],
)
def test_a_file_of_another_kind_than_asked_for_is_found(changes, says, tmp_path):
    data = replace(PHOTO, metadata=False).encoded()
    (found,) = census.decode_with(replace(PHOTO, **changes), data, [decoders.Pillow()], tmp_path, twin=False)
    assert found.fault == says


def test_other_pixels_are_found(tmp_path):
    class Wrong(decoders.Decoder):
        name, limit = "wrong", 3

        def version(self):
            return None

        def decoded(self, file: Any) -> np.ndarray:
            shown = file.rgb.astype(int)
            shown[-1, -1, -1] += 4 if shown[-1, -1, -1] < 128 else -4
            return shown.astype(np.uint8)

    data = PHOTO.encoded()
    (found,) = census.decode_with(PHOTO, data, [Wrong()], tmp_path, twin=False)
    assert faults([found]) == [f"wrong: {PHOTO}: is 4 from Pillow, more than 3"]


def test_the_files_are_of_every_kind():
    assert len(EVERY) == len(set(EVERY)) == 300
    for kind in files.KINDS:
        own = [case for case in EVERY if (case.model, case.effort) == kind]
        assert {case.quality for case in own} == set(files.QUALITIES) >= {1, 100}
        assert {case.content for case in own} == set(files.CONTENTS)
        assert {case.profile for case in own} == set(files.PROFILES)
        assert {(case.grey, case.scans) for case in own} == {(grey, s) for grey in (False, True) for s in files.SCANS}
        assert {case.metadata for case in own} == {False, True}
        if kind[0] == "trellis":
            kinds = {(case.scans, case.subsampling) for case in own if not case.grey}
            assert kinds == {(scans, chroma) for scans in files.SCANS for chroma in files.SUBSAMPLINGS}
    pixels = [case.width * case.height for case in EVERY]
    assert min(pixels) == 1 and max(pixels) == 24_000_000


def test_a_decoder_with_a_filter_of_its_own_is_compared_without_it(tmp_path):
    """Decoders may enlarge halved chroma as they like: for 4:2:0, Pillow interpolates where others repeat."""
    data = replace(PHOTO, model="trellis", subsampling="4:2:0").encoded()
    file = census._file(tmp_path / "a.jpg", data)
    assert decoders.furthest(file.repeated, file.rgb) > 4
    luma = decoders.Libjpeg9().decoded(file)
    assert decoders.furthest(luma, file.components[..., 0]) == 0


def test_the_stored_census_of_all_files_found_no_fault():
    """The full census, by ``tools/decoder_census.py``, takes minutes; a sample of its files is decoded above."""
    found = json.loads((ROOT / "data" / "results" / "decoders.json").read_text())
    assert found["files"]["count"] == len(EVERY) >= 300 and not found["faults"]
    assert len(found["decoders"]) >= 12 and {row["name"] for row in found["decoders"]} >= set(decoders.NEEDED)
    for row in found["decoders"]:
        assert row["files"] == row["sound"] == len(EVERY)
        assert (row.get("furthest") or 0) <= 4, row["name"]
