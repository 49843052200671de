"""``repro data status`` and ``repro data fetch``: which photographs are used, and from where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Say which photographs are used, or fetch them.")


@app.command()
def status(
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of photographs; else the one that REPRO_DATA names.")
    ] = None,
) -> None:
    """Say for each split which photographs would be used, from where, and on what terms; check every file's hash."""
    from repro.data import status as rows

    for row in rows(data_dir):
        if row.problem:
            typer.echo(f"{row.split}: none ({row.problem})")
            continue
        typer.echo(f"{row.split}: {row.source}")
        for label, value in (("in", row.folder), ("terms", row.licence), ("sha256", row.sha256)):
            typer.echo(f"  {label:6} {value}")


@app.command()
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(help="kodak, cid22 or clic2025-val; default: all three.", show_default=False)
    ] = None,
) -> None:
    """Download photographs from their publishers into the cache and check their hashes; what is there is kept."""
    from repro.data import fetch as download
    from repro.data.publishers import FETCHES

    for name in names or FETCHES:
        typer.echo(f"{name}: complete in {download(name)}")
