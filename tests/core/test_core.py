"""The core by itself: these tests need only the package, its core dependencies and pytest.

``tests/bookkit/test_install.py`` runs them in fresh environments, on each Python that it finds.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import repro
from repro.errors import ReproError, UsageError
from repro.ssimulacra2 import ssimulacra2


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """Smooth shades, edges and grain, uint8 (152, 200, 3)."""
    y, x = np.mgrid[:152, :200]
    shades = np.stack([x + 20, 255 - 1.5 * y, 128 + 60 * np.sin((x + y) / 30)], axis=-1)
    shades[(x - 90) ** 2 + (y - 70) ** 2 < 1600] *= 0.4
    grain = np.random.default_rng(0).normal(0, 4, shades.shape)
    return (shades + grain).clip(0, 255).astype(np.uint8)


@pytest.fixture
def file(photo: np.ndarray, tmp_path: Path) -> Path:
    Image.fromarray(photo).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def decode(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        return np.asarray(image)


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "repro", *map(str, arguments)], capture_output=True, text=True)


@pytest.mark.parametrize("scans", ["interleaved", "smallest", "sequential"])
@pytest.mark.parametrize("effort", ["fast", "default"])
@pytest.mark.parametrize("model", ["trellis", "tables"])
def test_a_photo_becomes_a_file_that_looks_like_it(model: str, effort: str, scans: str, photo: np.ndarray) -> None:
    sizes = []
    for quality in (30, 90):
        data = repro.encode(photo, quality, effort=effort, model=model, scans=scans)  # type: ignore[arg-type]
        sizes.append(len(data))
        assert np.abs(decode(data).astype(int) - photo).mean() < 8
        assert ssimulacra2(photo, decode(data)) > (20 if quality == 30 else 70)
    assert sizes[0] < sizes[1] < photo.size / 4


def test_grey_odd_and_tiny_pictures() -> None:
    for shape in ((1, 1), (7, 9), (17, 33), (1, 1, 3), (9, 31, 3)):
        samples = np.full(shape, 90, np.uint8)
        assert np.abs(decode(repro.encode(samples)).astype(int) - samples).max() <= 2


def test_targets_are_met(photo: np.ndarray) -> None:
    data = repro.encode(photo, bpp=1.0)
    assert 0.9 * photo[..., 0].size <= 8 * len(data) <= photo[..., 0].size
    assert 70 <= ssimulacra2(photo, decode(repro.encode(photo, ssimulacra2=70))) < 71.5


def test_the_command_writes_what_the_function_returns(file: Path) -> None:
    done = command("encode", file, "--quality", 60, "--json")
    assert done.returncode == 0, done.stderr
    data = file.with_suffix(".jpg").read_bytes()
    assert json.loads(done.stdout)["bytes"] == len(data) and data == repro.encode(file, 60)


def test_the_command_takes_a_folder(file: Path, photo: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(photo[:64, :64]).save(file.with_name("other.webp"))
    done = command("encode", tmp_path, "-o", tmp_path / "out", "--jobs", 2)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["other.jpg", "photo.jpg"]


def test_errors_are_one_line(file: Path) -> None:
    with pytest.raises(UsageError, match="quality 101"):
        repro.encode(file, 101)
    with pytest.raises(ReproError, match=r"nowhere\.png: no such file"):
        repro.encode("nowhere.png")
    done = command("encode", file.with_name("nowhere.png"))
    assert done.returncode == 1 and done.stderr.count("\n") == 1


def test_pytorch_is_not_imported() -> None:
    check = "import sys, numpy, repro; repro.encode(numpy.zeros((64, 64, 3), numpy.uint8))"
    check += "; print(*{'torch', 'pandas', 'jpeglib', 'typer'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.skipif(find_spec("torch") is not None, reason="PyTorch is installed")
def test_what_needs_pytorch_says_how_to_get_it(file: Path) -> None:
    done = command("encode", file, "--effort", "best")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "torch is not installed; run: pip install 'repro[train]" in done.stderr
