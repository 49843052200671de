"""``repro train``: one model with your own settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from repro.cli.printer import say


def train(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for checkpoints, logs and model.safetensors.")],
    lam: Annotated[
        float, typer.Option(help="λ: weight of the distortion against the rate; larger means larger files.")
    ] = 0.02,
    method: Annotated[
        str, typer.Option(help="tables, vgg16, vgg19, resnet152-block1, resnet152-block7, lstm or bilstm.")
    ] = "tables",
    gamma: Annotated[float, typer.Option(help="γ: weight of LPIPS.")] = 500.0,
    sigma: Annotated[float, typer.Option(help="σ: weight of 1 − MS-SSIM.")] = 1000.0,
    alpha: Annotated[float, typer.Option(help="α: weight of the tables' rate term.")] = 10.0,
    beta: Annotated[float, typer.Option(help="β: weight of the attention's rate term.")] = 1.0,
    rounding: Annotated[str, typer.Option(help="third-order or straight-through.")] = "third-order",
    recipe: Annotated[
        str, typer.Option(help="cpu (fast, with a frozen trunk) or paper (the paper's section 6.2).")
    ] = "cpu",
    steps: Annotated[int | None, typer.Option(min=1, help="Number of training steps (default: the recipe's).")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Crops per batch (default: the recipe's).")] = None,
    crops: Annotated[int, typer.Option(min=1, help="How many crops of 224 px to draw from the photos.")] = 512,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Seed of the weights, the crops and their order.")
    ] = 0,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder with known sets of photos, or with your own photos (default: REPRO_DATA)."),
    ] = None,
    accelerator: Annotated[str, typer.Option(help="cpu, cuda, mps or auto.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="How many devices to use.")] = 1,
    precision: Annotated[str | None, typer.Option(help="bf16-mixed (fast) or 32-true (default: the recipe's).")] = None,
    micro_batch: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many crops to process at once on each device, if memory is short (default: all)."
        ),
    ] = None,
    compile: Annotated[bool, typer.Option("--compile", help="Compile the loss, for GPUs; slow to start.")] = False,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for what is computed only once per crop (default: cache beside OUT).")
    ] = None,
) -> None:
    """Train a model; the same command continues an interrupted run."""
    import json
    from contextlib import nullcontext
    from dataclasses import replace
    from functools import partial

    from repro.errors import UsageError
    from repro.experiments.numerics import NUMERICS
    from repro.files import alone
    from repro.losses import LossWeights
    from repro.model import ModelSettings, save_checkpoint, trunk_of
    from repro.progress import note
    from repro.training import PAPER_RECIPE, Recipe, new_model, precomputed_pool, processes
    from repro.training import train as run

    recipes = {"cpu": Recipe(), "paper": PAPER_RECIPE}
    if recipe not in recipes:
        raise UsageError(f"unknown recipe {recipe!r}; choose from {', '.join(recipes)}")
    if accelerator not in ("cpu", "cuda", "mps", "auto"):
        raise UsageError(f"unknown accelerator {accelerator!r}; choose cpu, cuda, mps or auto")
    paper = recipe == "paper"
    start = recipes[recipe]
    chosen = replace(
        start,
        steps=steps or start.steps,
        batch=batch or start.batch,
        seed=seed,
        precision=precision or start.precision,
    )
    settings = ModelSettings(
        method=method,
        rounding=rounding,
        table_param="paper" if paper else "log",
        trunk_trained=paper,
        start=0.0 if paper else 2.0,
    )
    loss = LossWeights(lam=lam, gamma=gamma, sigma=sigma, alpha=alpha, beta=beta)

    from repro.data import crop_pool, training_photos

    source = training_photos(data)
    say(f"photos: {source.name} ({source.source})")
    model = new_model(settings, chosen)
    made_of = {
        "code": json.dumps({"training": NUMERICS["training"]}),
        "photos": source.sha256,
        "crops": str(crops),
        "weights": "" if model.attention is None else str(model.attention.source),
    }
    waiting = partial(note, f"{out}: another process trains there; waiting for that")
    with processes(accelerator=accelerator, devices=devices) as fabric:
        first = fabric.is_global_zero  # the others wait for it
        with alone(out / ".lock", waiting) if first else nullcontext():
            with fabric.rank_zero_first():  # the first process stores it, the others read it
                drawn = crop_pool(source, crops, seed=seed)
                pool = precomputed_pool(drawn, model, loss, chosen.dtype, cache or out.parent / "cache")
            trained = run(
                settings,
                loss,
                chosen,
                pool,
                folder=out,
                made_of=made_of,
                fabric=fabric,
                micro_batch=micro_batch,
                compile=compile,
            )
            if first:
                save_checkpoint(out / "model.safetensors", trained.model, {"data": source.sha256} | trunk_of(model))
                say(f"{out / 'model.safetensors'}: {len(trained.log)} log rows, {trained.seconds:.0f} s")
