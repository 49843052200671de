"""The package's reference: which modules stand on which page. Sphinx's autodoc fills them in from the docstrings."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

#: Page → members of the house on it, in this order. A member of `repro` that none of them names stands on the last.
PAGES = {
    "api_model": ["plain", "model", "losses", "attention", "rounding", "metrics", "training", "evaluation"],
    "api_experiments": ["experiments"],
    "api_book": ["bookkit.glue", "bookkit.html", "bookkit.widgets", "bookkit.curtain", "bookkit.points"],
    "api_codec": ["encoder", "trellis", "jpeg", "codecs"],
}
#: The command line has a page of its own, made of what its commands say.
_LEFT_OUT = {"cli", "__main__", "__init__"}


def modules(page: str) -> list[str]:
    """The modules that ``page`` documents, each package before what is in it."""
    found = {_dotted(path) for path in _package().rglob("*.py")}
    placed = [name if "." in name else f"repro.{name}" for names in PAGES.values() for name in names]
    here = [name if "." in name else f"repro.{name}" for name in PAGES[page]]
    if page == list(PAGES)[-1]:
        here += sorted({".".join(name.split(".")[:2]) for name in found} - {"repro", *placed})
    return [one for member in here for one in sorted(_below(member, found))]


def markdown(page: str) -> str:
    """What ``page`` includes: a section for each member, a subsection for each module in it."""
    return "\n".join(
        f"{'##' if name.count('.') == 1 else '###'} `{name}`\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n"
        for name in modules(page)
    )


def _below(member: str, found: set[str]) -> list[str]:
    return [member] if member.startswith("bookkit") else [n for n in found if f"{n}.".startswith(f"{member}.")]


def _package() -> Path:
    spec = find_spec("repro")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def _dotted(path: Path) -> str:
    parts = path.relative_to(_package()).with_suffix("").parts
    return "repro" if parts[0] in _LEFT_OUT else ".".join(("repro", *parts)).removesuffix(".__init__")
