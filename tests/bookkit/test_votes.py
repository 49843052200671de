"""``tools/votes.py``: many readers' answers are added up; a file that holds no answers is named and left out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binom

import votes
from repro.errors import ReproError

ROOT = Path(__file__).resolve().parents[2]

PEERS, RATES = ("jpegli", "mozjpeg"), ("0.5 bpp", "1 bpp")


def told(choices: str, sitting: str = "a", test: str = "t", **other: Any) -> dict[str, Any]:
    """What a reader saves who chose ``choices``: o(urs), t(heirs) or n(either), for pairs 0, 1, …, four per photo.

    By SSIMULACRA 2 ours is always nearer; MSE finds the pictures equal.
    """
    words = {"o": "ours", "t": "theirs", "n": "neither"}
    answers = [
        {"pair": f"kodim{i // 4:02} · {peer} · {rate}", "peer": peer, "rate": rate, "choice": words[choice],
         "first": "ours", "seconds": 3.5, "metrics": {"SSIMULACRA 2": "ours", "MSE": "neither"}}
        for i, choice in enumerate(choices)
        for peer, rate in [(PEERS[i % 2], RATES[i // 2 % 2])]
    ]  # fmt: skip
    return {"format": "repro eyes", "version": 1, "test": test, "sitting": sitting, "answers": answers} | other


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def run(*places: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "votes.py"), *map(str, places)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_preferences_of_several_readers_are_added_up(tmp_path: Path) -> None:
    write(tmp_path, "one.json", told("oont", "a"))
    write(tmp_path, "two.json", told("ootn", "b"))
    sittings, bad = votes.gather(votes.files([tmp_path]))
    answers = [answer for sitting in sittings for answer in sitting.answers]
    assert not bad and len(answers) == 8
    assert votes.preferences(answers) == [
        ["all", "4", "2", "2", "67 % (22 to 96)"],
        ["against jpegli", "2", "1", "1", "67 % (9 to 100)"],
        ["against mozjpeg", "2", "1", "1", "67 % (9 to 100)"],
        ["at 0.5 bpp", "4", "0", "0", "100 % (40 to 100)"],
        ["at 1 bpp", "0", "2", "2", "0 % (0 to 84)"],
    ]
    assert votes.agreement(answers) == [
        ["SSIMULACRA 2", "8", "0", "67 % (22 to 96)"],
        ["MSE", "0", "0", "–"],
    ]
    done = run(tmp_path)
    assert done.returncode == 0 and not done.stderr
    assert "answers: 8; sittings: 2; pairs: 4, of 1 version" in done.stdout and "67 % (22 to 96)" in done.stdout


@pytest.mark.parametrize("readers", [1, 30])
def test_a_photo_s_answers_count_as_alike(readers: int) -> None:
    """Ten photos at four rates each, six always ours: this says no more than ten independent answers."""
    answers = [
        votes.Answer(str(reader), str(photo), f"{photo} {rate}", "p", str(rate), "ours" if photo < 6 else "theirs", {})
        for reader in range(readers)
        for photo in range(10)
        for rate in range(4)
    ]
    ends = binom.ppf([0.025, 0.975], 10, 0.6) / 10
    assert votes.share(answers, [a.choice == "ours" for a in answers]) == "60 % ({:.0f} to {:.0f})".format(*100 * ends)


def test_of_one_sitting_the_fullest_file_counts(tmp_path: Path) -> None:
    paths = [write(tmp_path, f"{i}.json", told(choices)) for i, choices in enumerate(("oo", "ooo", "o"))]
    write(tmp_path, "other.json", told("t", test="another"))
    sittings, _ = votes.gather([*paths, tmp_path / "other.json"])
    assert [len(sitting.answers) for sitting in sittings] == [3, 1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no JSON"),
        ("\x00\xff", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ([], "holds no answers"),
        ({"format": "another"}, "holds no answers"),
        (told("o", version=2), "is of version 2"),
        (told("o", answers={}), "is incomplete"),
        (told("o", sitting=None), "is incomplete"),
        (told("o", answers=["o"]), "answer 1 has no pair"),
        (told("o", answers=[{**told("o")["answers"][0], "seconds": "3"}]), "answer 1 has no seconds"),
        (told("o", answers=[{**told("o")["answers"][0], "choice": "mine"}]), "answer 1 says 'mine'"),
        (told("o", answers=[{**told("o")["answers"][0], "metrics": {"MSE": []}}]), r"answer 1 says \[\]"),
        (told("o", answers=2 * told("o")["answers"]), "answers a pair twice"),
    ],
)
def test_a_bad_file_gets_one_line(tmp_path: Path, content: Any, said: str) -> None:
    path = write(tmp_path, "bad.json", content)
    with pytest.raises(ReproError, match=rf"bad\.json: {said}"):
        votes.read(path)
    _, (line,) = votes.gather([path])
    assert "\n" not in line


def test_good_files_count_beside_bad_ones(tmp_path: Path) -> None:
    write(tmp_path, "good.json", told("ooo"))
    write(tmp_path, "torn.json", json.dumps(told("ooo"))[:99])
    done = run(tmp_path, tmp_path / "missing.json")
    assert done.returncode == 1 and "answers: 3; sittings: 1" in done.stdout
    assert [line.partition(": ")[2].partition(";")[0] for line in done.stderr.splitlines()] == [
        "is no JSON",
        "cannot be read (No such file or directory)",
    ]


def test_without_answers_it_says_so(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
