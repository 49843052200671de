"""Parts of pages that are made when the book is built, so that they never go stale.

A page includes a part with MyST's directive ``include``, from ``../made/NAME.md``. Its prose stays in the page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bookkit import api, cards, readable, reading_time, status, trust
from bookkit.file_cache import write_if_changed
from bookkit.project import Project


def makers(project: Project) -> dict[str, Callable[[], str]]:
    """Name of every part → function that makes its Markdown."""
    return {
        "cards-models": cards.models,
        "cards-photos": cards.photo_sets,
        "cards-weights": cards.weight_files,
        "status": partial(status.page, project),
        "trust-damaged": partial(trust.damaged, project),
        "trust-decoders": partial(trust.decoders, project),
        "trust-faults": partial(trust.faults, project),
        "trust-glance": partial(trust.glance, project),
        "trust-formats": partial(readable.read, common=True),
        "trust-formats-rare": partial(readable.read, common=False),
        "trust-kinds": partial(trust.kinds, project),
        "trust-lines": readable.lines,
        "trust-parsers": partial(trust.parsers, project),
        "trust-refused": readable.refused,
        "walk": partial(reading_time.walk, project),
        **{page: partial(api.markdown, page) for page in api.pages()},
    }


def write(project: Project) -> None:
    """Write the parts that the pages of ``project`` include into the staging tree. Unchanged files are not touched."""
    pages = "\n".join(path.read_text(encoding="utf-8") for path in sorted((project.root / "book").glob("*.md")))
    for name, make in makers(project).items():
        if f"```{{include}} ../made/{name}.md\n" in pages:
            write_if_changed(project.stage / "made" / f"{name}.md", make())
