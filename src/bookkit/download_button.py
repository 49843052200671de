"""A Sphinx extension: the notebook as text, among what a chapter's page offers to download.

The theme offers the notebook as it was run (``.ipynb``). The text of the pair, in which chapters are written, reviewed
and run as a program, is added beside it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

#: The theme makes its buttons at 501.
_AFTER_THE_THEME = 600


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("html-page-context", _offer_text, priority=_AFTER_THE_THEME)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _offer_text(app: Sphinx, name: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    source = Path(app.srcdir) / f"{name}.py"
    groups = [one for one in context.get("header_buttons", []) if one.get("label") == "download-buttons"]
    if not source.is_file() or not groups:
        return
    target = Path(app.outdir) / "_sources" / f"{name}.py"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    button = {
        "type": "link",
        "url": f"{context['pathto']('_sources', 1)}/{name}.py",
        "text": ".py",
        "tooltip": "Download the notebook as text",
        "icon": "fas fa-file-code",
        "label": "download-text-button",
    }
    groups[0]["buttons"].insert(1, button)
