"""Numba's cache: kept between processes, and no obstacle if it is damaged or cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FUNCTION = """
from repro.compiled import compiled

@compiled()
def double(x):
    return 2 * x

if __name__ == "__main__":
    double(2)
    print(double(3), *double._cache_hits.values())
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program" / "double.py"
    path.parent.mkdir()
    path.write_text(FUNCTION)
    return path


def run(program: Path, cache: Path) -> tuple[str, str]:
    """Return what the program prints, and its notes."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, env=environment, check=True)
    return done.stdout, done.stderr


def files(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file())


def test_the_second_process_compiles_nothing(program: Path, tmp_path: Path) -> None:
    assert run(program, tmp_path / "cache") == ("6\n", "")
    assert run(program, tmp_path / "cache") == ("6 1\n", "")


def test_a_damaged_cache_is_made_again(program: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    run(program, cache)
    for which in (".nbi", ".nbc"):
        for path in files(cache):
            if path.suffix == which:
                path.write_bytes(path.read_bytes()[:20])
        assert run(program, cache) == ("6\n", "")
        assert run(program, cache) == ("6 1\n", "")


def test_a_cache_of_another_version_is_made_again(program: Path, tmp_path: Path) -> None:
    import pickle

    run(program, tmp_path / "cache")
    (index,) = [path for path in files(tmp_path / "cache") if path.suffix == ".nbi"]
    index.write_bytes(pickle.dumps("0.1") + b"what that version wrote")
    assert run(program, tmp_path / "cache") == ("6\n", "")
    assert run(program, tmp_path / "cache") == ("6 1\n", "")


def test_no_folder_for_it_is_a_note(program: Path, tmp_path: Path) -> None:
    """No folder can be used: a file stands where each would be."""
    for name in ("cache", "home", "program/__pycache__"):
        (tmp_path / name).touch()
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "XDG_CACHE_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, env=os.environ | environment, check=True
    )
    assert done.stdout == "6\n"
    assert done.stderr.startswith("repro: note: compiled code cannot be kept (no folder for it can be written)")
    assert done.stderr.count("\n") == 1 and "NUMBA_CACHE_DIR" in done.stderr


def test_a_full_disk_is_a_note(program: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, program],
        capture_output=True,
        text=True,
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)),
        check=True,
    )
    assert done.stdout == "6\n"
    assert done.stderr.startswith("repro: note: compiled code cannot be kept (File too large)")
    assert done.stderr.count("\n") == 1
