"""The training step: ours against the plain one, and twelve models of a sweep against one after another."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

import paired
import plain
from repro.data import crop_pool, photos
from repro.losses import LossWeights
from repro.model import ModelSettings
from repro.training import Recipe, batch_indices, known_pool, new_model
from repro.training.step import Stepper

#: Label, method, whether the trunk is trained, and how many times as fast as the plain step ours must be.
METHODS: tuple[tuple[str, str, bool, float | None], ...] = (
    ("tables alone", "tables", False, None),
    ("VGG-19, frozen", "vgg19", False, 8.0),
    ("VGG-19, trained", "vgg19", True, 2.5),
    ("ResNet-152 block 1, frozen", "resnet152-block1", False, None),
    ("ResNet-152 block 1, trained", "resnet152-block1", True, None),
    ("ResNet-152 block 7, frozen", "resnet152-block7", False, None),
    ("ResNet-152 block 7, trained", "resnet152-block7", True, None),
    ("LSTM", "lstm", False, 3.0),
    ("BiLSTM", "bilstm", False, None),
)
#: The paper's batch and crop; the rest is the fast recipe.
RECIPE = Recipe(batch=8, steps=1000)
LOSS = LossWeights(lam=0.02)


def steps(quick: bool) -> list[dict[str, Any]]:
    """One row a method: seconds of a step, and how far the two losses are apart before the first."""
    crops = crop_pool(photos("train"), 16, size=224, seed=0)
    chosen = METHODS[:1] if quick else METHODS
    with tempfile.TemporaryDirectory(prefix="repro-bench-") as folder:
        return [_row(*method, crops, Path(folder), rounds=2 if quick else 15) for method in chosen]


def _row(
    label: str, method: str, trained: bool, at_least: float | None, crops: torch.Tensor, folder: Path, rounds: int
) -> dict[str, Any]:
    settings = ModelSettings(method=method, pretrained=False, rounding="straight-through", trunk_trained=trained)
    model = new_model(settings, RECIPE)
    theirs = plain.twin(model, LOSS, RECIPE)
    pool = known_pool(crops, model, LOSS, RECIPE.dtype, folder)
    ours = Stepper(model, LOSS, RECIPE, Fabric(accelerator="cpu", devices=1))
    ours.set_up()
    done, losses = {"ours": 0, "plain": 0}, dict[str, float]()

    def chosen(step: int) -> torch.Tensor:
        return batch_indices(step, len(crops), RECIPE.batch, RECIPE.seed)

    with pool.reading_ahead(chosen, torch.device("cpu")) as batches:

        def our_step() -> None:
            loss = ours(done["ours"], batches(done["ours"]))["loss"]
            losses.setdefault("ours", float(loss))
            done["ours"] += 1

        def plain_step() -> None:
            losses.setdefault("plain", theirs(crops[chosen(done["plain"])].float()))
            done["plain"] += 1

        times = paired.interleaved({"ours": our_step, "plain": plain_step}, rounds=rounds, warm_up=2, name=label)
    return paired.row(
        label,
        times["ours"],
        times["plain"],
        against="plain step",
        at_least=at_least,
        loss_difference=abs(losses["ours"] / losses["plain"] - 1),
    )


if __name__ == "__main__":
    import sys

    for row in steps(quick="--quick" in sys.argv):
        print(row["name"], row["seconds"], row["reference_seconds"], row["ratio"], row["loss_difference"])
