"""Training on a GPU, if there is one: the CPU's losses, and runs that change from one to the other.

``REPRO_TRY=cpu`` runs these tests on the CPU, to find mistakes in the tests themselves.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_training import LOSS, SHORT, _Stop, _Stopped, crops, settings

from repro.attention import CONVOLUTIONAL, METHODS
from repro.training import PAPER_RECIPE, Pool, one_device, train
from repro.training.step import Stepper

DEVICE = os.environ.get("REPRO_TRY", "cuda")
pytestmark = pytest.mark.skipif(DEVICE == "cuda" and not torch.cuda.is_available(), reason="needs a GPU")
EXACT = replace(SHORT, steps=3, precision="32-true")


def losses(device: str, method: str, precision: str = "32-true", **how: object) -> list[float]:
    model = replace(settings(method), trunk_trained=method in CONVOLUTIONAL)
    recipe = replace(EXACT, precision=precision)
    log = train(model, LOSS, recipe, crops(), fabric=one_device(device), **how).log  # type: ignore[arg-type]
    return [row["loss"] for row in log]


@pytest.mark.parametrize("method", METHODS)
def test_losses_are_those_of_the_processor(method: str) -> None:
    """Summed in another order, a coefficient or two rounds to the other side; in bfloat16 a few more."""
    exact = losses("cpu", method)
    assert losses(DEVICE, method) == pytest.approx(exact, rel=5e-3)
    assert losses(DEVICE, method, "bf16-mixed") == pytest.approx(exact, rel=5e-2)


def test_the_paper_s_own_recipe_begins() -> None:
    """The paper's batch, trunk, precision and step size; only the weights differ."""
    model = replace(settings("vgg19"), table_param="paper", trunk_trained=True, start=0.0)
    pool = Pool(torch.cat([crops(), crops().flip(-1)]))
    trained = train(model, LOSS, replace(PAPER_RECIPE, steps=4, log_every=1), pool, fabric=one_device(DEVICE))
    rows = trained.log
    assert [row["Q_dc"] - rows[0]["Q_dc"] for row in rows] == pytest.approx([0, 0.1, 0.2, 0.3], abs=0.02)
    assert rows[-1]["loss"] < rows[0]["loss"]


@pytest.mark.parametrize(("begun", "ended"), [("cpu", DEVICE), (DEVICE, "cpu")])
def test_a_run_goes_on_on_the_other(begun: str, ended: str, tmp_path: Path) -> None:
    recipe = replace(SHORT, precision="32-true")
    with pytest.raises(_Stopped):
        train(settings("lstm"), LOSS, recipe, crops(), folder=tmp_path, fabric=one_device(begun), observe=_Stop(4))
    again = train(settings("lstm"), LOSS, recipe, crops(), folder=tmp_path, fabric=one_device(ended))
    whole = train(settings("lstm"), LOSS, recipe, crops())
    assert [row["loss"] for row in again.log] == pytest.approx([row["loss"] for row in whole.log], rel=5e-3)
    assert len(again.machines) == (1 if begun == ended else 2)


def test_a_batch_is_the_same_there() -> None:
    pool, chosen = Pool(crops()), torch.tensor([2, 0])
    assert torch.equal(pool.batch(chosen, torch.device(DEVICE)).x.cpu(), pool.crops[chosen])


def test_what_does_not_fit_is_passed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Stepper._part

    def short(self: Stepper, batch: object, *others: object) -> object:
        if len(batch.x) > 1:  # type: ignore[attr-defined]
            raise torch.OutOfMemoryError
        return part(self, batch, *others)  # type: ignore[arg-type]

    whole = losses(DEVICE, "tables")
    monkeypatch.setattr(Stepper, "_part", short)
    assert losses(DEVICE, "tables") == pytest.approx(whole, rel=1e-3)
