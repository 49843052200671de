"""Parts of pages that are made when the book is built, so that they never go stale.

A page takes one in by MyST's directive ``include``, from ``../made/NAME.md``; its prose stays in the page. Made are
only the parts that some page includes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from bookkit import api, cards, reading_time, status
from bookkit.project import Project
from repro.errors import ReproError
from repro.files import atomic_write

_INCLUDED = re.compile(r"^```\{include\} \.\./made/([\w-]+)\.md$", re.M)


def makers() -> dict[str, Callable[[Project], str]]:
    """Every part by its name, and what makes its Markdown."""
    return {
        "cards-models": lambda _: cards.models(),
        "cards-photos": lambda _: cards.photo_sets(),
        "cards-weights": lambda _: cards.weight_files(),
        "status": status.page,
        "walk": reading_time.walk,
        **{page: partial(_api, page) for page in api.pages()},
    }


def write(project: Project) -> None:
    """Make in the staging tree what the pages of ``project`` include; what did not change is left alone.

    Raises :class:`ReproError` with the page's name where nothing makes what it includes.
    """
    folder, known = project.stage / "made", makers()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = dict(_wanted(project))
    for name, page in wanted.items():
        if name not in known:
            raise ReproError(f"{page}: includes made/{name}.md; there is {', '.join(sorted(known))}")
        path, text = folder / f"{name}.md", known[name](project)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            atomic_write(path, text)
    for old in folder.glob("*.md"):
        if old.stem not in wanted:
            old.unlink()


def _wanted(project: Project) -> Iterator[tuple[str, str]]:
    """(part, page that includes it)."""
    for path in sorted((project.root / "book").glob("**/*.md")):
        for name in _INCLUDED.findall(path.read_text(encoding="utf-8")):
            yield name, path.relative_to(project.root).as_posix()


def _api(page: str, _: Project) -> str:
    return api.markdown(page)
