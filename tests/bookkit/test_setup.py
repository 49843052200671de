"""The set-up is consistent: what pyproject.toml asks for, what the locks pin, and what conda users get."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from repro import __version__

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins(name: str) -> dict[str, Requirement]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    found = [Requirement(line) for line in lines if line]
    assert len({canonicalize_name(r.name) for r in found}) == len(found), "a package is pinned twice"
    return {canonicalize_name(r.name): r for r in found}


LOCK = pins("requirements.lock")
NODEPS = pins("requirements-nodeps.lock")
ASKED = [Requirement(r) for r in chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())]


@pytest.mark.parametrize("requirement", ASKED, ids=lambda r: r.name)
def test_lock_satisfies_pyproject(requirement):
    pin = LOCK[canonicalize_name(requirement.name)]
    (specifier,) = pin.specifier
    assert requirement.specifier.contains(specifier.version)


@pytest.mark.parametrize("pin", [*LOCK.values(), *NODEPS.values()], ids=lambda r: r.name)
def test_pins_are_exact_and_installed(pin):
    (specifier,) = pin.specifier
    assert specifier.operator == "=="
    if pin.marker is None or pin.marker.evaluate():
        try:
            assert version(pin.name) == specifier.version
        except PackageNotFoundError:
            pytest.fail(f"{pin.name} is not installed; run `make install`")


def test_locks_name_no_place():
    for name in ("requirements.lock", "requirements-nodeps.lock", "environment.yml"):
        text = "\n".join(line for line in (ROOT / name).read_text().splitlines() if not line.startswith("#"))
        assert not re.search(r"https?:|://|--index|--find-links|@", text), name


def test_conda_users_get_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = {d for d in environment["dependencies"] if isinstance(d, str)}
    (from_pip,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    assert conda == {"python=3.11", "pip"} and from_pip == ["-r requirements.lock"]


def test_citation_names_this_version_and_place():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == __version__
    assert citation["repository-code"] == PROJECT["urls"]["Repository"]


def test_repository_is_named_alike_everywhere():
    place = PROJECT["urls"]["Repository"]
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert config["repository"]["url"] == place
    files = [*ROOT.glob("*.md"), *ROOT.glob("book/**/*.md"), *ROOT.glob("src/**/*.py"), *ROOT.glob("notebooks/*.py")]
    for path in files:
        owners = set(re.findall(r"github\.com/([\w-]+)/repro\b", path.read_text()))
        assert owners <= {place.split("/")[3]}, path


def test_the_package_ships_its_files():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["repro"]
    package = ROOT / "src" / "repro"
    shipped = {path for pattern in data for path in package.glob(pattern)}
    others = {p for p in package.rglob("*") if p.is_file() and p.suffix != ".py" and p.parent.name != "__pycache__"}
    assert others <= shipped
