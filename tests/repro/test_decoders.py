"""Whatever the encoder writes, common decoders take it, and all make the same pixels of it."""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.encoder.encode import encode_picture

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
census = importlib.import_module("decoder_census")
files = importlib.import_module("decoder_files")
decoders = importlib.import_module("decoders")

EVERY = files.cases()
PHOTO = files.Case("tables", "fast", 150, 137, "astronaut", 75.0, False, True, "sRGB")


@pytest.fixture(scope="module")
def small() -> list[tuple[Any, bytes]]:
    """40 of the small files."""
    drawn = random.Random(0).sample([case for case in EVERY if case.small], 40)
    return [(case, encode_picture(case.picture(), case.settings()).data) for case in drawn]


@pytest.fixture(scope="module", params=decoders.DECODERS, ids=lambda make: make.name)
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
    assert len(found) == 40 and faults(found) == []


def test_a_decoder_finds_a_file_that_is_cut_off(decoder, tmp_path):
    data = encode_picture(PHOTO.picture(), PHOTO.settings()).data
    (found,) = census.decode_with(PHOTO, data[: len(data) // 2], [decoder], tmp_path, twin=False)
    assert found.fault


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"width": 149}, "is of 150×137 pixels"),
        ({"grey": True}, "is of mode RGB"),
        ({"progressive": False}, "is progressive"),
        ({"profile": None}, "has another colour profile"),
    ],
)
def test_a_file_of_another_kind_than_asked_for_is_found(changes, says, tmp_path):
    data = encode_picture(PHOTO.picture(), PHOTO.settings()).data
    (found,) = census.decode_with(replace(PHOTO, **changes), data, [decoders.Pillow()], tmp_path, twin=False)
    assert found.fault == says


def test_other_pixels_are_found(tmp_path):
    class Wrong(decoders.Decoder):
        name, limit = "wrong", 3

        def version(self):
            return None

        def distance(self, file: Any) -> int:
            shown = file.rgb.astype(int)
            shown[-1, -1, -1] += 4 if shown[-1, -1, -1] < 128 else -4
            return decoders.furthest(shown.astype(np.uint8), file.rgb)

    data = encode_picture(PHOTO.picture(), PHOTO.settings()).data
    (found,) = census.decode_with(PHOTO, data, [Wrong()], tmp_path, twin=False)
    assert faults([found]) == [f"wrong: {PHOTO}: is 4 from Pillow, more than 3"]


def test_the_files_are_of_every_kind():
    assert len(EVERY) == len(set(EVERY)) == 300
    for kind in files.KINDS:
        own = [case for case in EVERY if (case.model, case.effort) == kind]
        assert {case.quality for case in own} == set(files.QUALITIES) >= {1, 100}
        assert {case.content for case in own} == set(files.CONTENTS)
        assert {case.profile for case in own} == set(files.PROFILES)
        assert {(case.grey, case.progressive) for case in own} == {(a, b) for a in (False, True) for b in (False, True)}
    pixels = [case.width * case.height for case in EVERY]
    assert min(pixels) == 1 and max(pixels) == 24_000_000


def test_the_stored_census_of_all_files_found_no_fault():
    """By ``tools/decoder_census.py``, which takes minutes; a sample of the same files is decoded above."""
    found = json.loads((ROOT / "data" / "results" / "decoders.json").read_text())
    assert found["files"]["count"] == len(EVERY) >= 300 and not found["faults"]
    assert len(found["decoders"]) == 7 and not found["missing"]
    assert all(row["files"] == row["sound"] == len(EVERY) for row in found["decoders"])
