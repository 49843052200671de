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


@app.command()
def distil(
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("resnet152-distilled.safetensors"),
    steps: Annotated[int, typer.Option(min=1, help="Updates; the published trunk has the default.")] = 2000,
    data: Annotated[Path | None, typer.Option(help="Folder with the photos (default: REPRO_DATA).")] = None,
    folder: Annotated[Path, typer.Option(help="Where its checkpoints go; a run found there goes on.")] = Path(
        "runs/distil"
    ),
) -> None:
    """Teach a ResNet-152 trunk to see what VGG-16 sees, for who cannot have torchvision's file."""
    from repro.data import crop_pool, photos
    from repro.runtime import provenance
    from repro.training import distil as learning

    recipe = learning.DistilRecipe(steps=steps)
    source = photos("train", data)
    student = learning.distil(crop_pool(source, recipe.crops, recipe.size, recipe.seed), recipe, folder)
    unseen = photos("val", data)
    told = learning.explained(student, crop_pool(unseen, 64, recipe.size, recipe.seed))
    learning.save_trunk(out, student, recipe, source.source, told, provenance())
    shares = ", ".join(f"{depth}: {100 * share:.0f} %" for depth, share in told.items())
    typer.echo(f"{out}: of the variance of VGG-16's features, on photos it has not seen, {shares}")
