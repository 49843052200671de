"""A Sphinx extension: pages are written on every core, while the next ones are put together.

Sphinx's own option would have pages read so, too, which some of the extensions do not vouch for, and says so with a
warning: an error here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("env-updated", _all_is_read)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _all_is_read(app: Sphinx, _env: object) -> list[str]:
    """From here on as many processes as cores; no page has to be written again for that."""
    app.parallel = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return []
