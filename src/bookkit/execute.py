"""Run the notebooks with papermill, each only if something that it depends on has changed."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bookkit.compress import pack_pictures
from bookkit.dependencies import inputs, key
from bookkit.file_cache import notebook as stored
from bookkit.file_cache import source
from bookkit.project import Project
from repro.errors import ReproError
from repro.files import atomic_write

#: Profile → time limit of one cell in seconds.
CELL_TIMEOUT = {"smoke": 300, "cpu": 3600, "paper": None}
#: Keys recorded of a run for the status page, besides papermill's own record (start, duration, parameters).
NOTED = {"reads", "code", "machine"}


def execute(project: Project, names: Sequence[str] | None = None) -> None:
    """Bring the executed notebooks ``names`` (default: all) up to date, and report each in a line on standard error.

    Raises :class:`ReproError` at the first failure, with the notebook's name and the first line of the cell that
    raised. The notebook with the error stays in :attr:`Project.failed` for inspection.
    """
    for name in project.notebooks() if names is None else names:
        if is_current(project, name):
            said = "unchanged"
        else:
            start = time.perf_counter()
            _execute_one(project, name)
            said = f"{time.perf_counter() - start:.1f} s"
        print(f"{name}: {said}", file=sys.stderr, flush=True)


def is_current(project: Project, name: str) -> bool:
    """Whether the executed notebook ``name`` exists and has what a run would give now, apart from its prose."""
    try:
        noted = stored(project.executed(name)).metadata.repro
    except (OSError, ValueError, AttributeError):
        return False
    return noted.get("key") == key(project, name) and noted.keys() >= NOTED


def with_new_words(project: Project, name: str) -> Any:
    """The notebook ``name`` with the outputs of its last run, and with the current prose and captions of its text.

    Raises :class:`ReproError` if it was never executed, or was executed with different code.
    """
    import nbformat

    try:
        executed = nbformat.from_dict(stored(project.executed(name)))
    except OSError as error:
        raise ReproError(
            f"notebooks/{name}.py: was never executed at profile {project.profile}; run `make book`"
        ) from error
    ran = [cell for cell in executed.cells if cell.cell_type == "code"]
    ran = [cell for cell in ran if "injected-parameters" not in cell.metadata.get("tags", [])]
    cells = nbformat.from_dict(source(project.source(name))).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    if [cell.source for cell in code] != [cell.source for cell in ran]:
        raise ReproError(f"notebooks/{name}.py: its code has changed since it was executed; run `make book`")
    for cell, run in zip(code, ran, strict=True):
        cell.outputs, cell.execution_count = run.outputs, run.execution_count
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # jupytext's ids are random
    executed.cells = cells
    return executed


def _execute_one(project: Project, name: str) -> None:
    import nbformat

    # taken before the run, so that what changes during it, such as a stored result, triggers the next run
    noted = {"key": key(project, name), "profile": project.profile, **_surroundings(project, name)}
    executed = _run(project, name, _prepare(project, name))
    pack_pictures(executed)
    for private in ("input_path", "output_path", "environment_variables"):
        executed.metadata.papermill.pop(private, None)
    executed.metadata["repro"] = noted
    output = project.executed(name)
    output.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(output, nbformat.writes(executed))


def _prepare(project: Project, name: str) -> Path:
    """Write the notebook for papermill and check its parameters, since papermill would inject unknown ones too."""
    import nbformat
    import papermill

    notebook = source(project.source(name))
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
    """Execute the notebook in the scratch folder, so that nothing that a cell writes lands in the checkout."""
    import papermill
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillException, PapermillExecutionError

    failed = project.failed / f"{name}.ipynb"
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
            extra_arguments=["--log-level=ERROR"],  # hide the kernel's warning about unencrypted sockets
        )
    except PapermillExecutionError as error:
        what = " ".join(f"{error.ename}: {error.evalue}".split())
        lines = [line.strip() for line in error.source.splitlines() if line.strip()]
        raise ReproError(f"notebooks/{name}.py, cell {lines[0]!r}: {what} (see {failed})") from error
    except (PapermillException, CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ReproError(f"notebooks/{name}.py: {what} (see {failed})") from error
    failed.unlink()
    return executed


def _surroundings(project: Project, name: str) -> dict[str, Any]:
    """The values of :data:`NOTED`: what the notebook reads, which code it ran, on which machine with which versions."""
    from repro.runtime import provenance

    made = provenance()
    return {
        "reads": inputs(project, name),
        "code": {key: made[key] for key in ("commit", "modified")},
        "machine": {key: made[key] for key in ("cpu", "cores", "gpu", "platform", "python", "versions")},
    }
