"""``repro weights status`` and ``repro weights fetch``: which ImageNet weights are used, and from where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Say which ImageNet weights are used, or fetch them.")


@app.command()
def status(
    folder: Annotated[
        Path | None, typer.Option(help="Folder of weight files; else the one that REPRO_WEIGHTS names.")
    ] = None,
) -> None:
    """Say for each network which weights would be used, and from which file."""
    from repro import weights

    for row in weights.status(folder):
        found = f"{row.source}\n  {row.path}" if row.path else f"none; `repro weights fetch {row.name}` gets them"
        typer.echo(f"{row.name}: {found}")


@app.command()
def fetch(names: Annotated[list[str], typer.Argument(help="vgg16, vgg19, resnet152 or alexnet.")]) -> None:
    """Download torchvision's published weights into torch's cache and check their hash; what is there is kept."""
    from repro import weights

    for name in names:
        typer.echo(f"{name}: {weights.fetch(name)}")
