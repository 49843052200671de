"""The page on what the encoder promises: its figures are the stored ones, and its bars as long as they say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from test_book_html import Html, Parsed

from bookkit import readable, trust
from bookkit.project import Project

ROOT = Path(__file__).resolve().parents[2]
MADE = {"date": "2026-11-29T20:00:00", "command": "fuzz.py", "commit": "a" * 40, "cpu": "A <b>", "cores": 2}
FORMATS = {"PNG": {"encoded": 300, "refused": 100}, "TIFF": {"encoded with a note": 50, "fault": 1}}
DAMAGED = {
    "count": 451,
    "sound_pictures": 9,
    "outcomes": {"encoded": 300, "encoded with a note": 50, "refused": 100, "fault": 1},
    "formats": FORMATS,
    "slowest": {"kind": "PNG palette", "seconds": 2.5},
    "largest": {"kind": "TIFF", "mib": 200},
    "limits": {"seconds": 10, "mib": 1024},
    "faults": [{}],
    "seconds": 600,
    "provenance": MADE,
}
TARGETS = {"huffman": {"executions": 1000, "corpus": 30, "seconds": 90, "faults": []}}
KILLED = {"told": "repro encode FOLDER: 60 photos", "kills": 50, "in_the_middle": 20, "rounds": 10, "faults": []}
FAULTS = {
    "kills": [KILLED],
    "cases": [
        {"kind": "disk full", "name": str(i), "outcome": o} for i, o in enumerate(("right", "wrong: lost a file"))
    ],
    "load": {
        "two jobs": {"photos": 2000, "files": 2000, "megabytes": {"200": {"program": 130}, "1980": {"program": 131}}}
    },
    "seconds": 3600,
    "provenance": MADE,
}


@pytest.fixture
def project(tmp_path: Path) -> Any:
    """A stand-in for a project with stored results of campaigns."""
    results = tmp_path / "data" / "results"
    results.mkdir(parents=True)
    parsers = {"targets": TARGETS, "provenance": MADE}
    (results / "fuzz.json").write_text(json.dumps({"pictures": DAMAGED, "parsers": parsers}))
    (results / "faults.json").write_text(json.dumps(FAULTS))
    formats = [
        {"format": "PNG", "right": 30, "refused": 4, "wrong": []},
        {"format": "BMP", "right": 5, "refused": 0, "wrong": ["x"]},
    ]
    (results / "formats.json").write_text(json.dumps({"formats": formats, "provenance": MADE}))
    (results / "decoders.json").write_bytes((ROOT / "data" / "results" / "decoders.json").read_bytes())
    return type("Stub", (), {"root": tmp_path})()


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line[2:-2].split(" | ")] for line in text.splitlines() if line[:1] == "|"]


def test_a_bar_is_divided_by_what_became_of_a_formats_pictures() -> None:
    html = trust.bars(FORMATS, "a summary")
    parsed = Parsed(Html(html))
    widths = [float(width) for width in re.findall(r"width: ([\d.]+)%", html)]
    assert widths[:2] == [75, 25] and sum(widths[2:]) == pytest.approx(100, abs=0.02)
    assert [text for _, text in parsed.all("b")] == ["PNG", "TIFF"] and [n for _, n in parsed.all("em")] == [
        "400",
        "51",
    ]
    ((label, _),) = [one for one in parsed.all("div") if one[0].get("role") == "img"]
    assert "a summary" in label["aria-label"] and "2 formats" in label["aria-label"]


def test_damaged_pictures_are_told_in_words_and_numbers(project: Any) -> None:
    text = trust.damaged(project)
    assert "Of 451 damaged pictures of 2 formats, made from 9 sound ones" in text
    assert "67\u00a0% were encoded" in text and "1 became something else" in text and "Nothing else" not in text
    assert ["PNG", "400", "300", "0", "100", "0"] in rows(text)
    assert "took 10 minutes" in text and r"on A \<b\> with" in text


def test_kills_cases_and_load_are_counted(project: Any) -> None:
    text = trust.faults(project)
    assert ["`repro encode FOLDER`: 60 photos", "50", "20", "10 times", "none"] in rows(text)
    assert ["disk full", "2", "1", "0", "1"] in rows(text)
    assert "2,000 of 2,000 photos went through `--jobs 2`. Memory was 130 MB early on and 131 MB at the end" in text
    assert ["huffman", "1,000", "30", "none"] in rows(trust.parsers(project))


def test_what_a_kill_broke_is_told(project: Any) -> None:
    broken = {**FAULTS, "kills": [{**KILLED, "faults": ["killed after 2.03 s: still at work 10 s later"]}]}
    (project.root / "data" / "results" / "faults.json").write_text(json.dumps(broken))
    told = "- `repro encode FOLDER`: 60 photos: killed after 2.03 s: still at work 10 s later"
    assert told in trust.faults(project).splitlines()


def test_a_glance_has_every_campaign(project: Any) -> None:
    told = {row[1]: row[2:] for row in rows(trust.glance(project))}
    assert told["damaged pictures"] == ["451", "once"] and told["kills"] == ["50", "never"]
    assert told["kinds of files"] == ["40", "once"]
    assert told["other faults of a machine"] == ["2", "once"] and told["inputs to our own readers"] == [
        "1,000",
        "never",
    ]


def test_kinds_of_files_are_counted_by_format(project: Any) -> None:
    assert rows(trust.kinds(project))[2:] == [["PNG", "30", "4", "none"], ["BMP", "5", "0", "1"]]


def test_every_decoder_has_a_row() -> None:
    stored = json.loads((ROOT / "data" / "results" / "decoders.json").read_text())
    text = trust.decoders(Project(ROOT))
    assert len(rows(text)) == 2 + len(stored["decoders"]) + len(stored["missing"])


def test_formats_that_are_read_are_listed_once() -> None:
    from repro.encoder import formats

    found = [ending for common in (True, False) for ending in re.findall(r"`(\.\w+)`", readable.read(common))]
    assert sorted(found) == sorted(formats.readable_endings())


def test_example_files_get_notes_and_refusals() -> None:
    told = dict(rows(readable.lines())[2:])
    assert told["a sound photo"] == "nothing; it is encoded"
    assert "set on white" in told["parts that are transparent"]
    assert all(told[one].startswith("refused: ") for one in ("an HDR picture", "a camera's raw file", "a phone's HEIC"))
