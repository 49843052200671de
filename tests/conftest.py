"""Fixtures that several test modules share."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bookkit.project import Project
from repro.errors import ReproError

if TYPE_CHECKING:
    from repro.experiments import Store

# Libraries read this when they are imported. A test must not compete for a small machine's cores with other programs,
# nor with the tests that run beside it.
os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def smoke() -> Project:
    """This checkout at profile ``smoke``, every notebook executed and the book built from them, strictly.

    If tests run side by side, the first one builds; the others wait, and find nothing left to build.
    """
    from bookkit.build import make

    project = Project(ROOT, "smoke")
    project.output.mkdir(parents=True, exist_ok=True)
    with (project.output / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make(project)
    return project


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a model set that needs no training: Annex K's tables. See ``encoder_stand_in``."""
    from encoder_stand_in import stand_in
    from repro.encoder.models import save

    folder = tmp_path_factory.mktemp("models") / "stand-in"
    save(stand_in(), folder)
    return str(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder to give to every run, with two small pictures as its HDR+: other photos here make no difference."""
    from PIL import Image
    from skimage import data

    made = tmp_path_factory.mktemp("photos")
    (made / "hdrplus").mkdir()
    Image.fromarray(data.astronaut()[:176, :184]).save(made / "hdrplus" / "a.png")
    Image.fromarray(data.chelsea()[:184, 100:276]).save(made / "hdrplus" / "b.png")
    return made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    from repro.experiments import Store

    return Store(tmp_path / "data", tmp_path / "runs")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium. Without it the test is skipped, or fails if ``REPRO_REQUIRE_BROWSER`` is set."""
    from bookkit.chromium import chromium, executable

    try:
        executable()
    except ReproError as error:
        (pytest.fail if os.environ.get("REPRO_REQUIRE_BROWSER") else pytest.skip)(str(error))
    with chromium() as started:
        yield started
