"""``repro data status`` and ``repro data fetch``: which photos are used, and where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from repro.cli.printer import say

app = typer.Typer(no_args_is_help=True, help="Show which photos are used, or download them.")


@app.command()
def status(
    data_dir: Annotated[Path | None, typer.Option(help="Folder with the photos (default: REPRO_DATA).")] = None,
) -> None:
    """Show which photos each split would use.

    Also show their source and terms, and check the hash of every file.
    """
    from repro.data import status as rows

    for row in rows(data_dir):
        if row.problem:
            say(f"{row.split}: none ({row.problem})")
            continue
        say(f"{row.split}: {row.source}")
        for label, value in (("in", row.folder), ("terms", row.licence), ("sha256", row.sha256)):
            say(f"  {label:6} {value}")


@app.command()
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(help="kodak, cid22 or clic2025-val; default: all three.", show_default=False)
    ] = None,
) -> None:
    """Download photos from their publishers and check their hashes.

    They go into the cache; files already there are kept.
    """
    from repro.data import fetch as download
    from repro.data.publishers import FETCHES

    for name in names or FETCHES:
        say(f"{name}: complete in {download(name)}")
