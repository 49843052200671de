"""The encoder's benchmarks run, and their rows hold what a table needs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import efforts
import encode
import encoders
import factorised


def check(rows: list[dict], *keys: str) -> None:
    json.dumps(rows)
    assert rows
    for row in rows:
        assert row["seconds"]["low"] <= row["seconds"]["median"] <= row["seconds"]["high"]
        assert {"name", "against", "ratio", "at_least", "at_most", "rounds", *keys} <= row.keys()


def test_encoders_are_paired_at_one_rate() -> None:
    rows = encode.encode(quick=True)
    check(rows, "megapixels_per_second", "cpu_seconds", "bits_per_pixel", "photos")
    assert {(row["name"], row["against"]) for row in rows} >= {
        ("fast", encode.PILLOW), ("fast", encode.PLAIN), ("default, tables", encode.MOZJPEG)
    }  # fmt: skip
    assert all(0.9 * encoders.BPP < row["bits_per_pixel"] < 1.25 * encoders.BPP for row in rows)


def test_sizes_end_in_a_fit() -> None:
    rows = encode.size(quick=True)
    assert [row["name"] for row in rows] == ["fast"] * 3 + ["default, tables"] * 3
    assert all(row["peak_mib"] > 10 for row in rows)
    assert ["exponent" in row for row in rows] == [False, False, True] * 2
    json.dumps(rows)


def test_lambdas_and_start() -> None:
    check(encode.lambdas(quick=True), "lambdas")
    rows = encode.start(quick=True)
    assert [row["name"] for row in rows][1:3] == ["repro encode --effort fast, 0.4 MP", "repro encode, 0.4 MP"]
    assert all(0 < row["seconds"]["median"] < 60 and 5 < row["peak_mib"] < 4000 for row in rows)
    assert 5 < rows[0]["peak_mib"] < rows[1]["peak_mib"], "of the command itself, not of the process that began it"


def test_efforts_are_timed_beside_the_rivals() -> None:
    rows = {row["name"]: row for row in efforts.efforts(quick=True)}
    check(list(rows.values()), "seconds_a_megapixel", "bits_per_pixel")
    assert {"mozjpeg", "jpegli-420", "fast", "default"} <= rows.keys()
    assert rows["mozjpeg"]["ratio"]["median"] == 1 and rows["default"]["at_least"] == 0.5
    assert all(efforts.BPP <= row["bits_per_pixel"] < 1.25 * efforts.BPP for row in rows.values())


def test_what_cannot_be_installed_is_a_row_with_the_line_that_would(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("no network")

    quick = encode.paired.interleaved
    monkeypatch.setattr(encode, "Factorised", broken)
    monkeypatch.setattr(encode, "EFFORTS", {"fast": {"effort": "fast"}})
    guetzli = replace(encode.codecs.get(encode.GUETZLI), package="no_such_package")
    monkeypatch.setitem(encode.codecs.CODECS, encode.GUETZLI, guetzli)
    monkeypatch.setattr(encode.paired, "interleaved", lambda work, rounds, **more: quick(work, rounds=1, warm_up=0))
    absent = {row["name"]: row["remark"] for row in encode.encode(quick=False) if row["against"] is None}
    assert "no network" in absent[encode.FACTORISED] and factorised.INSTALL in absent[encode.FACTORISED]
    assert absent[encode.GUETZLI] == "pip install no_such_package"
