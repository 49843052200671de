"""Run the notebooks by papermill into the staging tree, each one only when something that it depends on changed."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from bookkit.check import check_figures, check_run
from bookkit.compress import pack_pictures
from bookkit.dependencies import inputs, key
from bookkit.file_cache import notebook as stored
from bookkit.project import Project
from repro.errors import ReproError
from repro.files import atomic_write

#: Seconds that one cell may take, by profile.
CELL_TIMEOUT = {"smoke": 300, "cpu": 3600, "paper": None}
#: Tag and id of the cell that the build puts into an executed notebook (:mod:`bookkit.reading_time`).
MARK = "made-by-the-build"
#: What is noted of a run, beside what papermill notes itself (begin, duration, parameters), for the page on status.
NOTED = {"reads", "code", "machine"}


def execute(project: Project, *, force: bool = False) -> list[Path]:
    """Bring every executed notebook of ``project`` up to date; returns their paths in reading order.

    Says one line for each notebook on standard error. Raises :class:`ReproError` with the notebook's and the cell's
    name at the first failure; the notebook with the error stays in ``_build/failed`` to be looked at.
    """
    return [_execute_one(project, name, force) for name in project.notebooks()]


def is_current(project: Project, name: str) -> bool:
    """Whether the executed notebook ``name`` is there, and what ran is what would run now; prose does not run."""
    try:
        metadata = stored(project.executed(name))["metadata"]
    except (OSError, ValueError, KeyError):
        return False
    noted = metadata.get("repro", {})
    return noted.get("key") == key(project, name) and noted.keys() >= NOTED


def renew_words(project: Project, name: str) -> bool:
    """Bring prose and captions of the executed notebook ``name`` in line with its text, without running it.

    For one whose code :func:`is_current`. Returns whether there was anything to renew. Raises :class:`ReproError` where
    a picture lost its words.
    """
    import jupytext
    import nbformat

    path, cells = project.executed(name), []
    executed = nbformat.read(path, as_version=4)
    before = _essence([cell for cell in executed.cells if MARK not in cell.metadata.get("tags", [])])
    ran = (cell for cell in executed.cells if cell.cell_type == "code")
    for cell in jupytext.read(project.source(name)).cells:
        if cell.cell_type != "code":
            cells.append(cell)
            continue
        cells.append(next(ran))
        if "parameters" in cell.metadata.get("tags", []):
            cells.append(next(ran))  # papermill's, which repeats them
        elif "mystnb" in cell.metadata:
            cells[-1].metadata["mystnb"] = cell.metadata["mystnb"]
        else:
            cells[-1].metadata.pop("mystnb", None)
    executed.cells = cells
    if _essence(cells) == before:
        return False
    check_figures(executed, f"notebooks/{name}.py")
    atomic_write(path, nbformat.writes(executed))
    return True


def _essence(cells: list[Any]) -> list[Any]:
    return [(cell.cell_type, cell.source, cell.metadata.get("mystnb")) for cell in cells]


def _execute_one(project: Project, name: str, force: bool) -> Path:
    import nbformat

    output = project.executed(name)
    if not force and is_current(project, name):
        _say(f"{name}: {'new words, not run again' if renew_words(project, name) else 'unchanged'}")
        return output
    notebook = _prepare(project, name)
    # taken before the run: what changes meanwhile, a stored result too, is seen by the next run
    start, noted = time.perf_counter(), {"key": key(project, name), **_surroundings(project, name)}
    executed = _run(project, name, notebook)
    check_run(executed, f"notebooks/{name}.py")
    check_figures(executed, f"notebooks/{name}.py")
    seconds = time.perf_counter() - start
    _tidy(executed)
    pack_pictures(executed)
    executed.metadata["repro"] = noted | {"profile": project.profile}
    output.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(output, nbformat.writes(executed))
    _say(f"{name}: {seconds:.1f} s")
    return output


def _prepare(project: Project, name: str) -> Path:
    """The notebook as papermill takes it, its parameters checked: papermill itself would inject an unknown one."""
    import jupytext
    import nbformat
    import papermill

    notebook = jupytext.read(project.source(name))
    if "kernelspec" not in notebook.metadata:
        raise ReproError(f"notebooks/{name}.py: has no kernelspec header; copy it from another notebook")
    path = project.scratch / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    known = set(papermill.inspect_notebook(path))
    for unknown in sorted(set(project.parameters(name)) - known):
        have = f"has {', '.join(sorted(known))}" if known else "has no cell tagged parameters"
        raise ReproError(f"notebooks/{name}.py: unknown parameter {unknown!r}; it {have}")
    return path


def _run(project: Project, name: str, notebook: Path) -> Any:
    """Execute in a folder of its own, so that nothing a cell writes lands in the checkout."""
    import papermill
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillException, PapermillExecutionError

    failed = project.root / "_build" / "failed" / f"{name}.ipynb"
    failed.parent.mkdir(parents=True, exist_ok=True)
    try:
        executed = papermill.execute_notebook(
            str(notebook),
            str(failed),
            parameters=project.parameters(name),
            kernel_name="python3",
            cwd=str(project.scratch),
            progress_bar={"desc": name} if sys.stderr.isatty() else False,
            execution_timeout=CELL_TIMEOUT[project.profile],
            extra_arguments=["--log-level=ERROR"],  # the kernel warns of its unencrypted sockets on this machine
        )
    except PapermillExecutionError as error:
        what = " ".join(f"{error.ename}: {error.evalue}".split())
        raise ReproError(f"{_cell_name(name, error.source)}: {what} (see {failed})") from error
    except (PapermillException, CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ReproError(f"notebooks/{name}.py: {what} (see {failed})") from error
    failed.unlink()
    return executed


def _surroundings(project: Project, name: str) -> dict[str, Any]:
    """:data:`NOTED`: what the notebook reads, which code it ran, on which machine and with which versions."""
    from repro.runtime import provenance

    made = provenance()
    return {
        "reads": inputs(project, name),
        "code": {key: made[key] for key in ("commit", "modified")},
        "machine": {key: made[key] for key in ("cpu", "cores", "gpu", "platform", "python", "versions")},
    }


def _tidy(notebook: Any) -> None:
    """Take out what is of this machine only: paths, and the cell that repeats the parameters."""
    for name in ("input_path", "output_path", "environment_variables"):
        notebook.metadata.papermill.pop(name, None)
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata.tags.append("remove-cell")


def _cell_name(name: str, source: str) -> str:
    """A cell by its first line of code, which a reader can search for."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return f"notebooks/{name}.py, cell {lines[0] if lines else '(empty)'!r}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
