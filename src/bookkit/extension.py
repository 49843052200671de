"""The book's Sphinx extension, listed in ``_config.yml``.

It resolves short names in docstrings, adds the role ``{version}`numpy``` for installed versions, offers each notebook's
text for download, forbids connections to pages that take a reader's photo, and writes pages on all cores.
"""

from __future__ import annotations

import os
import shutil
import zlib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bookkit.live import POLICY

if TYPE_CHECKING:
    from docutils.nodes import Element, Node
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

#: Handler priority; the theme adds its buttons at 501.
_AFTER_THE_THEME = 600
#: Handler priority; Sphinx numbers sections and figures at 500.
_AFTER_SPHINX = 600


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("missing-reference", _find_short_name)
    app.connect("autodoc-skip-member", _skip_fields)
    app.connect("html-page-context", _offer_text, priority=_AFTER_THE_THEME)
    app.connect("html-page-context", _forbid_connections)
    app.connect("env-get-updated", _leave_out_numbers, priority=_AFTER_SPHINX)
    app.connect("env-updated", _write_in_parallel)
    app.add_role("version", _version)
    # if any package changes, every page is read again
    installed = sorted((one.name, one.version) for one in metadata.distributions())
    return {"env_version": zlib.crc32(str(installed).encode()), "parallel_read_safe": True, "parallel_write_safe": True}


def _version(_role: str, _source: str, package: str, *_: object) -> tuple[list[Node], list[Any]]:
    """The role ``version``: the installed version of a package, which is that of the lock file, or a dash if the
    package is not available for this machine."""
    from docutils.nodes import Text

    try:
        return [Text(metadata.version(package))], []
    except metadata.PackageNotFoundError:
        return [Text("–")], []


def _find_short_name(app: Sphinx, env: BuildEnvironment, node: Element, text: Element) -> Element | None:
    """Resolve a name to the only documented object whose name ends with it: "photos" to ``repro.data.sets.photos``.

    For a re-exported name such as "repro.metrics.LPIPS.reference", leading parts are dropped until the rest matches.
    Objects of the module that contains the reference take precedence. An ambiguous name gets no link.
    """
    from sphinx.util.nodes import make_refnode

    if node.get("refdomain") != "py":
        return None
    kinds = env.domains["py"].objtypes_for_role(node["reftype"]) or []
    of_kind = {name: one for name, one in env.domaindata["py"]["objects"].items() if one.objtype in kinds}
    parts = node["reftarget"].split(".")
    for start in range(len(parts)):
        names = [name for name in of_kind if name.endswith("." + ".".join(parts[start:]))]
        names = [name for name in names if name.startswith(f"{node.get('py:module')}.")] or names
        if names:
            (one, *others) = [of_kind[name] for name in names]
            return text if others else make_refnode(app.builder, node["refdoc"], one.docname, one.node_id, text)
    return None


def _skip_fields(_: Sphinx, what: str, name: str, member: object, skip: bool, options: object) -> bool | None:
    """Skip the fields of named tuples that have only Python's own docstring; their class describes them."""
    return True if str(getattr(member, "__doc__", "")).startswith("Alias for field number") else None


def _offer_text(app: Sphinx, name: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    """Offer a chapter's text (``.py``) for download beside the theme's ``.ipynb``."""
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


def _forbid_connections(_app: Sphinx, _name: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    """Give pages with a window (:mod:`bookkit.live`) a policy that keeps them from sending the photo anywhere."""
    if 'id="book-encoder"' in context.get("body", ""):
        policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        context["metatags"] = policy + context.get("metatags", "")


def _leave_out_numbers(_: Sphinx, env: BuildEnvironment) -> list[str]:
    """Remove the number of pages below a chapter, which would continue the numbers of the chapter's sections."""
    below = [page for page, numbers in env.toc_secnumbers.items() if len(numbers.get("") or ()) > 1]
    for page in below:
        del env.toc_secnumbers[page]
        for reference in env.tocs[page].findall(lambda node: "secnumber" in getattr(node, "attributes", {})):
            del reference["secnumber"]
    return below


def _write_in_parallel(app: Sphinx, _env: object) -> list[str]:
    """Write pages on all cores. Sphinx's own option also reads in parallel, which some extensions do not support."""
    app.parallel = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return []
