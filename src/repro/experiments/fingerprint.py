"""Does a stored result still belong to the code, the photographs and the weights that are at hand?

A result carries a hash of every module that its numbers depend on (comments and docstrings do not count), of its
photographs and of its weights. One that differs is stale: it is computed anew or refused by name, never shown.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import repro
from repro import weights
from repro.data.sets import hashes_of
from repro.experiments.grafts import GRAFTS, rung_of
from repro.experiments.settings import EncoderSweep, Experiment, PeerSweep, Wanted
from repro.files import sha256_bytes

_PACKAGE = Path(repro.__file__).parent
#: Where the code begins that makes a trained model, its numbers, and a peer's; what it imports counts too.
_TRAINING = ("training.loop", "training.pool", "data.crops")
_TRAINED = (*_TRAINING, "evaluation.curves")
_PEER = ("codecs", "evaluation.measure")
#: A rung of chapter 10's; where that is a peer, of our own only what measures it.
_MEASURED = ("evaluation.measure", "evaluation.witnesses")
_RUNG = ("experiments.ablations", *_MEASURED)
_PEER_RUNG = ("codecs", *_MEASURED)
#: What no number depends on; where photographs and weights lie does not matter either, only their own hashes.
_NEUTRAL = {"errors", "files", "progress", "runtime", "training.checkpoint", "weights", "data.sets", "data.registry"}


def code_of(wanted: Wanted) -> dict[str, str]:
    """Module → 8 hexadecimal digits of its code, for all modules that the numbers of ``wanted`` depend on."""
    if isinstance(wanted, EncoderSweep) and wanted.rung in GRAFTS:
        return _hashes((GRAFTS[wanted.rung], *_MEASURED))
    if isinstance(wanted, EncoderSweep):
        return _hashes(_PEER_RUNG if rung_of(wanted.rung).peer else _RUNG)
    return _hashes(_PEER if isinstance(wanted, PeerSweep) else _TRAINED)


def assets_of(wanted: Wanted) -> dict[str, str]:
    """File among the package's assets → SHA-256, for all that the numbers of ``wanted`` depend on beside its code."""
    return rung_of(wanted.rung).hashes() if isinstance(wanted, EncoderSweep) else {}


def training_code(experiment: Experiment) -> dict[str, str]:
    """As :func:`code_of`, for what a run leaves behind while it trains: its model, and measurements if it takes any."""
    return _hashes(_TRAINED if experiment.snapshots else _TRAINING)


def trained_alike(experiment: Experiment, result: Mapping[str, Any]) -> bool:
    """Whether today's code, photographs and weights would train the model of a stored result to what it is."""
    then = result.get("code", {})
    same = all(then.get(name) == digest for name, digest in _hashes(_TRAINING).items())
    return same and not _other_inputs({"train": experiment.crops.split}, result)


def why_stale(wanted: Wanted, result: Mapping[str, Any]) -> str:
    """What of the stored ``result`` is no longer so, in a few words; empty where all is as it was."""
    shipped = assets_of(wanted)
    held = {name.replace("rdo/", "trellis/"): digest for name, digest in result.get("assets", {}).items()}
    others = sorted(name for name in shipped.keys() | held.keys() if shipped.get(name) != held.get(name))
    if others:
        return f"made with other files of the package ({', '.join(others)})"
    splits = {"evaluation": wanted.evaluation}
    if isinstance(wanted, Experiment):
        splits["train"] = wanted.crops.split
    return _other_inputs(splits, result)


def _other_inputs(splits: Mapping[str, str], result: Mapping[str, Any]) -> str:
    """Which photographs or weights of a result are not those that are known; empty where none."""
    made = result.get("provenance", {})
    for use, split in splits.items():
        known = hashes_of(split)
        if known and made.get("data", {}).get(use, {}).get("sha256") not in known:
            return f"made with other photographs ({split})"
    for name, source in made.get("weights", {}).items():
        digest = re.search(r"sha256 ([0-9a-f]+)", str(source))
        if digest and not any(digest[1].startswith(h) or h.startswith(digest[1]) for h in weights.hashes_of(name)):
            return f"made with other weights ({name})"
    return ""


@cache
def _hashes(roots: tuple[str, ...]) -> dict[str, str]:
    seen: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if name in seen or name in _NEUTRAL or path is None:
            continue
        tree = _without_docstrings(ast.parse(path.read_text()))
        seen[name] = sha256_bytes(ast.unparse(tree).encode())[:8]
        waiting += _imports(tree)
    return dict(sorted(seen.items()))


def _path(name: str) -> Path | None:
    """The file of a module of ours, None where ``name`` is none."""
    place = _PACKAGE.joinpath(*name.split("."))
    return next((p for p in (place.with_suffix(".py"), place / "__init__.py") if p.is_file()), None)


def _imports(tree: ast.Module) -> Iterator[str]:
    """Every module of ours that is imported; of ``from repro.a import b`` both a.b, if it is one, and a."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "repro":
            parent = (node.module or "").removeprefix("repro").removeprefix(".")
            for alias in node.names:
                child = f"{parent}.{alias.name}".removeprefix(".")
                yield child if _path(child) else parent


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree
