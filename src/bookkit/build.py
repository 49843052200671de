"""Stage the pages and the executed notebooks, and have Jupyter Book build them with warnings as errors."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from bookkit import lint, parts, reading_time
from bookkit.check import check_figures, check_pairs
from bookkit.compress import drop_maps
from bookkit.execute import execute, with_new_words
from bookkit.file_cache import file_hash, write_if_changed
from bookkit.project import Project
from repro.errors import ReproError
from repro.files import atomic_write, sha256_bytes
from repro.progress import bar

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PROBLEM = re.compile(r"\b(WARNING|ERROR|CRITICAL|SEVERE|[Ee]xception|error)\b")
#: Time limit for Jupyter Book in seconds; the whole book takes a minute.
BUILD_TIMEOUT = 1200
#: Run before Jupyter Book. Garbage collection is off, because looking for cycles in the pages' large trees takes half
#: of a build's time. Without rfc3987_syntax, jsonschema does not spend two seconds on a parser for a check that is
#: never asked for. And the build ends with this program, even if that is killed; it would go on beside the next build.
_QUICK = (
    "import gc, sys; gc.disable(); sys.modules['rfc3987_syntax'] = None; "
    "from repro.workers import end_with_program; end_with_program({})"
)
#: File in a finished book with the hash of what it was built from.
STAMP = ".built-from"


def make(project: Project, *, run: bool = True) -> Path:
    """Execute what changed, if ``run``, then build the book. Return its start page.

    Raises :class:`ReproError` at the first notebook that fails or is out of step with its text, at the first number
    that is typed into prose (:mod:`bookkit.lint`), or with all problems that Jupyter Book found. A warning is a
    failure, because it means a dead reference, a missing number or a page that nothing links to.
    """
    check_pairs(project)
    lint.check(project)
    if run:
        execute(project)
    stamp = _stage(project)
    if not _is_built(project, stamp):
        read = project.output / "_build" / ".doctrees"
        if not (project.html / STAMP).is_file() or _is_of_the_future(read / "environment.pickle"):
            # The last build failed or was killed: Sphinx warns of a page only when it reads it, so this build would
            # pass silently. Or the clock was set back: Sphinx would consider changed files old.
            shutil.rmtree(read, ignore_errors=True)
        # Sphinx rewrites only pages whose own text changed, but a page also shows other pages' numbers, titles and
        # style. Without the old HTML it rewrites all pages, and still reads only those that changed.
        shutil.rmtree(project.html, ignore_errors=True)
        _jupyter_book(project)
        drop_maps(project.html)
        atomic_write(project.html / STAMP, stamp)
    return project.html / "index.html"


def _stage(project: Project) -> str:
    """Update the staging tree from the checkout. Return a hash of everything that the book is built from."""
    wanted = {project.staged(name).with_suffix(kind) for name in project.notebooks() for kind in (".ipynb", ".py")}
    for old in set((project.stage / "notebooks").glob("*.*")) - wanted:
        old.unlink()
    for name in project.notebooks():
        _stage_notebook(project, name)
    _mirror(project.root / "book", project.stage / "book")
    for name in ("_config.yml", "_toc.yml"):
        _copy(project.root / name, project.stage / name)
    parts.write(project)
    # The package's source counts because its docstrings become pages.
    files = [project.root / "requirements.lock", *sorted((project.root / "src").rglob("*.py"))]
    files += sorted(p for p in project.stage.rglob("*") if p.is_file())
    return sha256_bytes("".join(f"{path} {file_hash(path)}\n" for path in files).encode())


def _stage_notebook(project: Project, name: str) -> None:
    """Stage the executed notebook with its current prose and a line on its reading time, and its text for download."""
    import nbformat

    notebook = with_new_words(project, name)
    check_figures(notebook, f"notebooks/{name}.py")
    notebook.cells.insert(1, reading_time.line(project, name))
    write_if_changed(project.staged(name), nbformat.writes(notebook))
    _copy(project.source(name), project.staged(name).with_suffix(".py"))


def _is_built(project: Project, stamp: str) -> bool:
    path = project.html / STAMP
    return path.is_file() and path.read_text() == stamp


def _is_of_the_future(path: Path) -> bool:
    return path.is_file() and path.stat().st_mtime > time.time()


def _mirror(source: Path, target: Path) -> None:
    """Mirror a tree without touching identical files, so that Sphinx reads only what changed."""
    files = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    for name in files:
        _copy(source / name, target / name)
    for name in {path.relative_to(target) for path in target.rglob("*") if path.is_file()} - files:
        (target / name).unlink()


def _copy(source: Path, target: Path) -> None:
    if not target.is_file() or target.read_bytes() != source.read_bytes():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _jupyter_book(project: Project) -> None:
    """Run ``jupyter-book build`` with every warning an error and every reference checked."""
    call = f"{_QUICK.format(os.getpid())}; from jupyter_book.cli.main import main; sys.argv[0] = 'jupyter-book'; main()"
    options = ["--path-output", str(project.output), "-W", "-n", "--keep-going", "-q"]
    command = [sys.executable, "-c", call, "build", str(project.stage), *options]
    build = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    with bar(1, "Jupyter Book"), build as process:
        try:
            said, _ = process.communicate(timeout=BUILD_TIMEOUT)
        except subprocess.TimeoutExpired as error:
            raise ReproError(f"the book: Jupyter Book took more than {BUILD_TIMEOUT} s") from error
        finally:  # kill Sphinx's writer processes too, which would write into the next build
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    # Sphinx writes pages in separate processes and does not notice if one of them fails.
    lost = [page for page in project.pages() if not (project.html / f"{page}.html").is_file()]
    if process.returncode == 0 and not lost:
        return
    lines = _COLOUR.sub("", said).splitlines()
    problems = list(dict.fromkeys(line.replace(f"{project.stage}/", "") for line in lines if _PROBLEM.search(line)))
    if process.returncode == 0:
        problems += [f"{page}: was not written" for page in lost]
    for line in problems or lines[-20:]:
        print(line, file=sys.stderr)
    raise ReproError(f"the book has problems ({len(problems)}, listed above); fix them and build again")
