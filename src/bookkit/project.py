"""The book's files: their places in the checkout, the table of contents, and each profile's settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bookkit.file_cache import yaml_of
from repro.errors import ReproError, UsageError

PROFILES = ("smoke", "cpu", "paper")
MARK = Path("notebooks") / "parameters.yml"


@dataclass(frozen=True)
class Project:
    """One checkout at one profile. Everything built is under ``_build``. Profile ``cpu`` is the published book."""

    root: Path
    profile: str = "cpu"

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise UsageError(f"unknown profile {self.profile!r}; choose from {', '.join(PROFILES)}")
        for name in ("_toc.yml", "_config.yml", str(MARK)):
            if not (self.root / name).is_file():
                raise ReproError(f"{self.root / name}: is missing; the book is built from a whole checkout")

    @property
    def output(self) -> Path:
        """The folder in which Jupyter Book creates its own ``_build``."""
        return self.root if self.profile == "cpu" else self.root / "_build" / self.profile

    @property
    def stage(self) -> Path:
        """The tree that Jupyter Book reads: pages, configuration and executed notebooks."""
        base = self.root / "_build"
        return base / "src" if self.profile == "cpu" else base / self.profile / "src"

    @property
    def html(self) -> Path:
        """The folder of the finished book; its start page is ``index.html``."""
        return self.output / "_build" / "html"

    @property
    def scratch(self) -> Path:
        """The folder in which cells run, so that what they write by accident does not land in the checkout."""
        return self.stage.parent / "scratch"

    @property
    def failed(self) -> Path:
        """The folder of notebooks that failed, with the outputs of their cells up to the failure."""
        return self.stage.parent / "failed"

    def source(self, name: str) -> Path:
        """Path of the notebook's text (``.py``), the half of the pair that is edited."""
        return self.root / "notebooks" / f"{name}.py"

    def executed(self, name: str) -> Path:
        """Path of the executed notebook ``name``, such as "01_jpeg"."""
        return self.stage.parent / "executed" / f"{name}.ipynb"

    def staged(self, name: str) -> Path:
        """Path of the notebook ``name`` for Jupyter Book: executed, with its current prose."""
        return self.stage / "notebooks" / f"{name}.ipynb"

    def pages(self) -> list[str]:
        """The pages of the table of contents in reading order, such as "book/intro" or "notebooks/01_jpeg"."""
        return list(_files(yaml_of(self.root / "_toc.yml")))

    def notebooks(self) -> list[str]:
        """The notebooks' names in reading order. Raises :class:`ReproError` if files and table of contents differ."""
        listed = [page.removeprefix("notebooks/") for page in self.pages() if page.startswith("notebooks/")]
        found = {path.stem for path in (self.root / "notebooks").glob("*.py")}
        for name in sorted(found.symmetric_difference(listed)):
            where = "is not in _toc.yml; add it there" if name in found else "is in _toc.yml but does not exist"
            raise ReproError(f"notebooks/{name}.py: {where}")
        for path in sorted((self.root / "book").glob("**/*.md")):
            if path.relative_to(self.root).with_suffix("").as_posix() not in self.pages():
                raise ReproError(f"{path.relative_to(self.root)}: is not in _toc.yml; add it there")
        return listed

    def parameters(self, name: str) -> dict[str, Any]:
        """The parameters of the notebook ``name``: the profile, and those set in ``notebooks/parameters.yml``.

        Raises :class:`ReproError` if that file names an unknown profile or notebook.
        """
        path = self.root / MARK
        settings = yaml_of(path)
        unknown = set(settings) - set(PROFILES)
        if unknown:
            raise ReproError(f"{path}: unknown profile {sorted(unknown)[0]!r}; choose from {', '.join(PROFILES)}")
        chosen = settings.get(self.profile) or {}
        for other in sorted(set(chosen) - {path.stem for path in (self.root / "notebooks").glob("*.py")}):
            raise ReproError(f"{path}: {self.profile}: there is no notebook {other!r}")
        return {"profile": self.profile, **(chosen.get(name) or {})}


def find_root() -> Path:
    """The checkout that contains the current folder or else this package. Raises :class:`ReproError` if none does."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[2]):
        if (folder / MARK).is_file():
            return folder
    raise ReproError(f"{here}: is not in a checkout of the book; clone https://github.com/literate-jpeg/repro first")


def _files(node: Any) -> Iterator[str]:
    """Yield the files that a table of contents names, in order, without suffix."""
    if isinstance(node, dict):
        for key in ("root", "file"):
            if key in node:
                yield str(node[key]).removesuffix(".md").removesuffix(".ipynb")
        for key in ("parts", "chapters", "sections"):
            yield from _files(node.get(key, []))
    elif isinstance(node, list):
        for part in node:
            yield from _files(part)
