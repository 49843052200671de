"""The encoder's JavaScript modules (``assets/encoder``) as one script, for pages that may not fetch any file.

A page from disk, a notebook's output and a page under a strict Content-Security-Policy cannot load modules. They can
run an inline script and start a Web Worker from a Blob of its text.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";$', re.MULTILINE)
_PASSED_ON = re.compile(r'^export \{([^}]*)\} from "\./(\w+)\.js";$', re.MULTILINE)
_LISTED = re.compile(r"^export \{([^}]*)\};$", re.MULTILINE)
#: What only human readers need: comments on their own lines, and indentation. No string in the modules has such lines.
_COMMENT = re.compile(r"^ */\*\*[\s\S]*?\*/\n|^ *//.*\n|^ +", re.MULTILINE)
_DECLARED = re.compile(r"^export ((?:const|function|class) (?:\[([^\]]*)\]|(\w+)))", re.MULTILINE)


@cache
def script(entry: str) -> str:
    """The module ``entry`` (``"worker"``, ``"client"``, ``"index"``) and all of its imports as one script.

    The exports of ``entry`` become properties of ``globalThis.bookEncoder``.
    """
    modules: dict[str, str] = {}
    _add(entry, modules)
    shared = f"globalThis.bookEncoder = {{ ...globalThis.bookEncoder, ...module_{entry} }};\n"
    return "(() => {\n" + "".join(modules.values()) + shared + "})();\n"


def _add(name: str, modules: dict[str, str]) -> None:
    """Append the module ``name`` after its imports, as a function that returns its exports."""
    source = (resources.files("bookkit") / "assets" / "encoder" / f"{name}.js").read_text(encoding="utf-8")
    for _, needed in _IMPORT.findall(source) + _PASSED_ON.findall(source):
        if needed not in modules:
            _add(needed, modules)
    exported = [names for names, _ in _PASSED_ON.findall(source)] + _LISTED.findall(source)
    exported += [several or one for _, several, one in _DECLARED.findall(source)]
    body = _IMPORT.sub(r"const {\1} = module_\2;", source)
    body = _PASSED_ON.sub(r"const {\1} = module_\2;", body)
    body = _COMMENT.sub("", _DECLARED.sub(r"\1", _LISTED.sub("", body)))
    modules[name] = (
        f'const module_{name} = (() => {{\n"use strict";\n{body}return {{ {", ".join(exported)} }};\n}})();\n'
    )
