"""``python -m bookkit``, which ``make book`` calls: execute the notebooks that changed, then build the book."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from repro.cli import end_cleanly, guarded

app = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})


@app.command()
def book(
    profile: Annotated[
        str, typer.Option(help="smoke: seconds, proves nothing; cpu: the published book; paper: for a GPU.")
    ] = "cpu",
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Run no notebook: build from what was executed before.")
    ] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print the book into _build/book.pdf, too; needs Chromium.")
    ] = False,
) -> None:
    """Execute the notebooks and build the book into _build/html."""
    from bookkit.build import make
    from bookkit.project import Project, find_root

    project = Project(find_root(), profile)
    typer.echo(make(project, run=not no_run))
    if pdf:
        from bookkit.pdf import make_pdf

        typer.echo(make_pdf(project))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line, by default the process's own, and return its exit code. Errors are reported in one line."""
    return guarded(app, "bookkit", arguments)


if __name__ == "__main__":
    end_cleanly()
    sys.exit(run())
