"""``repro book``: execute the notebooks that changed, then build the book."""

from __future__ import annotations

from typing import Annotated

import typer


def book(
    profile: Annotated[
        str, typer.Option(help="smoke: seconds, proves nothing; cpu: the published book; paper: for a GPU.")
    ] = "cpu",
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Build from the notebooks as executed before; run none.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Execute every notebook, also those that did not change.")
    ] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print the book into _build/book.pdf, too; needs Chromium.")
    ] = False,
) -> None:
    """Execute the notebooks and build the book into _build/html."""
    from repro.book.build import make
    from repro.book.project import Project, find_root
    from repro.errors import UsageError

    if no_run and force:
        raise UsageError("--no-run and --force exclude each other; give one of them")
    project = Project(find_root(), profile)
    typer.echo(make(project, run=not no_run, force=force))
    if pdf:
        from repro.book.pdf import make_pdf

        typer.echo(make_pdf(project))
