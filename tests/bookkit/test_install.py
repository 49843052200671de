"""The core as users install it: the wheel, in an environment of its own, for each Python that is found here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
#: The most MB that an environment with the core may take.
MOST = 400


def interpreter(version: str) -> Path | None:
    """The Python on the path, or one of pyenv's. pyenv's shims on the path work only for versions it was set to."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return Path(sys.executable)
    found = shutil.which(f"python{version}")
    others = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for python in [*([found] if found else []), *others]:
        if subprocess.run([python, "--version"], capture_output=True).returncode == 0:
            return Path(python)
    return None


def run(*command: object, **options: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy: setuptools leaves files behind where it builds."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-prose"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "src" / "repro", copy / "src" / "repro", ignore=shutil.ignore_patterns("__pycache__"))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", copy, copy)
    (built,) = copy.glob("*.whl")
    return built


def test_every_python_that_is_tested_may_install_it() -> None:
    asked = SpecifierSet(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"])
    assert all(f"{version}.5" in asked for version in VERSIONS) and "3.15.0" not in asked


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_core_installs_and_passes_its_tests(version: str, wheel: Path, tmp_path: Path) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed here")
    venv = tmp_path / "venv"
    run(python, "-m", "venv", "--without-pip", venv)
    install = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", venv, "install")
    run(*install, "--only-binary", ":all:", wheel)
    megabytes = sum(path.lstat().st_size for path in venv.rglob("*") if path.is_file()) / 1e6
    assert megabytes < MOST
    run(*install, "pytest")
    shutil.copy(ROOT / "tests" / "core" / "test_core.py", tmp_path)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
    test = (
        venv / ("Scripts" if os.name == "nt" else "bin") / "python",
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "test_core.py",
    )
    run(*test, cwd=tmp_path, env=environment)
