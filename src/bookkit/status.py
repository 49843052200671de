"""The status page: when, where and with what every notebook was run, as recorded by the run itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bookkit.execute import NOTED
from bookkit.file_cache import notebook
from bookkit.markdown import code, plain, table, unbroken
from bookkit.project import Project
from repro.errors import ReproError

#: Kind of input → column titles of its table, for the input and its origin.
_INPUTS = {"weights": ("network", "weights from"), "photos": ("split", "photos")}


def page(project: Project) -> str:
    """Every notebook's run, then the notebooks' inputs, and the machines and versions that ran them, as Markdown."""
    runs = {name: metadata(project, name) for name in project.notebooks()}
    machines: list[dict[str, Any]] = []
    for run in runs.values():
        if run["repro"]["machine"] not in machines:
            machines.append(run["repro"]["machine"])
    parts = [table(_HEAD, [_row(name, run, machines) for name, run in runs.items()])]
    for kind, (thing, origin) in _INPUTS.items():
        rows = _inputs(runs, kind)
        if rows:
            parts.append(table([thing, origin, "could be read by"], rows))
    parts += [_machine(number, machine) for number, machine in enumerate(machines, 1)]
    return "\n".join(parts)


_HEAD = ("notebook", "profile", "run on (UTC)", "took", "reads", "code", "machine")


def _row(name: str, run: Mapping[str, Any], machines: list[dict[str, Any]]) -> list[str]:
    papermill, ours = run["papermill"], run["repro"]
    reads = [kind for kind in ("results", *_INPUTS) if ours["reads"].get(kind)]
    return [
        f"{{doc}}`../notebooks/{name}`",
        papermill["parameters"]["profile"],
        unbroken(papermill["start_time"][:16].replace("T", " ")),
        unbroken(f"{papermill['duration']:.1f} s"),
        ", ".join(reads) or "nothing",
        _commit(ours["code"]),
        str(machines.index(ours["machine"]) + 1),
    ]


def _commit(made: Mapping[str, Any]) -> str:
    if not made["commit"]:
        return "no checkout"
    return code(made["commit"][:10]) + (", modified" if made["modified"] else "")


def _inputs(runs: Mapping[str, Mapping[str, Any]], kind: str) -> list[list[str]]:
    """Rows of (input, origin, notebooks that can read it). Notebooks with the same input share a row."""
    readers: dict[tuple[str, str], list[str]] = {}
    for name, run in runs.items():
        for thing, origin in run["repro"]["reads"].get(kind, {}).items():
            readers.setdefault((thing, origin), []).append(name.partition("_")[0])
    return [[plain(thing), plain(origin), ", ".join(names)] for (thing, origin), names in sorted(readers.items())]


def _machine(number: int, machine: Mapping[str, Any]) -> str:
    """A section on one machine's hardware and versions."""
    cores = plain(f"{machine['cpu']}, {machine['cores']} cores")
    rows = [["processor", cores], ["GPU", plain(machine["gpu"] or "none")], ["system", plain(machine["platform"])]]
    rows += [["Python", machine["python"]], *([code(name), said] for name, said in machine["versions"].items())]
    return f"## Machine {number}\n\n{table(['what', 'which'], rows)}"


def metadata(project: Project, name: str) -> dict[str, Any]:
    """What papermill and we recorded of the run of notebook ``name``. Raises :class:`ReproError` without our record."""
    stored = notebook(project.executed(name))["metadata"]
    if not stored.get("repro", {}).keys() >= NOTED:
        raise ReproError(f"notebooks/{name}.py: was executed without a record of what made it; run `make book`")
    return dict(stored)
