"""``repro weights status | fetch | distil``: which ImageNet weights are used, and where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from repro.cli.printer import say

app = typer.Typer(no_args_is_help=True, help="Show which ImageNet weights are used, download them, or distil a trunk.")


@app.command()
def status(
    folder: Annotated[Path | None, typer.Option(help="Folder with weight files (default: REPRO_WEIGHTS).")] = None,
) -> None:
    """Show which weights each network would use, and from which file."""
    from repro import weights

    for row in weights.status(folder):
        say(f"{row.name}: {row.source if row.path else f'none; `repro weights fetch {row.name}` downloads them'}")
        if row.path:
            say(f"  {row.path}")


@app.command()
def fetch(names: Annotated[list[str], typer.Argument(help="vgg16, vgg19, resnet152 or alexnet.")]) -> None:
    """Download torchvision's weights and check their hashes.

    They go into PyTorch's cache; files already there are kept.
    """
    from repro import weights

    for name in names:
        say(f"{name}: {weights.fetch(name)}")


@app.command()
def distil(
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("resnet152-distilled.safetensors"),
    steps: Annotated[
        int, typer.Option(min=1, help="Number of training steps; the published trunk has the default.")
    ] = 2000,
    data: Annotated[Path | None, typer.Option(help="Folder with the photos (default: REPRO_DATA).")] = None,
    folder: Annotated[Path, typer.Option(help="Folder for checkpoints; a run found there is continued.")] = Path(
        "runs/distil"
    ),
) -> None:
    """Train a ResNet-152 trunk to give VGG-16's features.

    It stands in for torchvision's file where that is missing.
    """
    from repro.data import crop_pool, photos
    from repro.runtime import provenance
    from repro.training import distil as learning

    recipe = learning.DistilRecipe(steps=steps)
    source = photos("train", data)
    student = learning.distil(crop_pool(source, recipe.crops, recipe.size, recipe.seed), recipe, folder)
    unseen = photos("val", data)
    explained = learning.explained(student, crop_pool(unseen, 64, recipe.size, recipe.seed))
    learning.save_trunk(out, student, recipe, source.source, explained, provenance())
    shares = ", ".join(f"{depth}: {100 * share:.0f} %" for depth, share in explained.items())
    say(f"{out}: share of the variance of VGG-16's features explained on unseen photos: {shares}")
