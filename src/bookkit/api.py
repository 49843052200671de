"""The package's reference: which page documents which modules. Sphinx's autodoc fills the pages from the docstrings."""

from __future__ import annotations

import grimp

#: Page → its packages and modules, in this order. Modules of ``repro`` on no other page go to the last.
PAGES = {
    "api_model": [
        *("plain", "model", "losses", "attention", "rounding", "recurrent", "regions", "metrics", "stages"),
        *("training", "evaluation", "torch_encoder"),
    ],
    "api_experiments": ["experiments"],
    "api_codec": ["encoder", "trellis", "jpeg", "codecs"],
}
#: The modules of :mod:`bookkit` that notebooks use.
HELPERS = ["bookkit.glue", "bookkit.html", "bookkit.widgets", "bookkit.curtain", "bookkit.points", "bookkit.eyes"]
#: The command line has its own page, made from the help of its commands.
_LEFT_OUT = {"cli", "__main__"}


def pages() -> dict[str, list[str]]:
    """Page → the modules that it documents, each package before its modules."""
    found = sorted(grimp.build_graph("repro", cache_dir=None).modules - {"repro"})
    members: dict[str, list[str]] = {}
    for module in found:
        members.setdefault(module.split(".")[1], []).append(module)
    for left_out in _LEFT_OUT:
        members.pop(left_out)
    placed = {page: [m for name in names for m in members.pop(name)] for page, names in PAGES.items()}
    placed["api_codec"] += [module for modules in members.values() for module in modules]
    return {**placed, "api_book": HELPERS}


def markdown(page: str) -> str:
    """The Markdown that ``page`` includes: a section for each package, a subsection for each of its modules."""
    return "\n".join(
        f"{'##' if name.count('.') == 1 else '###'} `{name}`\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n"
        for name in pages()[page]
    )
