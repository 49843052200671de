"""Stored results can be repeated: a slice of each kind is computed again with today's code.

A number that moves on purpose needs a new version in :data:`repro.experiments.numerics.NUMERICS`. A test is skipped if
its photos are not at hand. ``REPRO_REVALIDATE=1`` repeats one result of every method, loss, rounding, encoder and set
of photos instead of three results; that takes half an hour.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric

from repro.data import crop_pool, photos
from repro.errors import ReproError
from repro.evaluation import evaluate_model
from repro.experiments import Experiment, Store, everything
from repro.experiments.numerics import why_stale
from repro.experiments.sweeps import measure_photo
from repro.metrics import butteraugli_installed
from repro.model import load_checkpoint
from repro.training import batch_indices, new_model, precomputed_pool
from repro.training.step import Stepper

#: Largest relative differences of a file's numbers, and of the losses during training. Other processors differ by up to
#: 0.7 % in the loss after 20 steps, since tiny differences change what is rounded, and so the next step.
FILES, LOSSES = 2e-3, 1e-2
#: Rows of a log up to this step are repeated.
STEPS = 20
STORE = Store.default()


def groups() -> dict[str, list[Any]]:
    """Map what the same code computes to the experiments at profile cpu on which it is repeated, the cheapest first."""
    found: dict[str, list[Any]] = {}
    for wanted in everything("cpu"):
        name = wanted.key
        if isinstance(wanted, Experiment):
            m, loss = wanted.model, wanted.loss
            terms = "+".join(t for t, weight in (("lpips", loss.gamma), ("ms-ssim", loss.sigma)) if weight)
            flags = [f for f in ("trunk_trained", "minmax") if getattr(m, f)]
            name = " ".join([m.method, m.rounding, m.table_param, terms, wanted.recipe.precision, *flags])
        found.setdefault(name, []).append(wanted)
    for members in found.values():
        if isinstance(members[0], Experiment):
            members.sort(key=lambda w: (not STORE.checkpoint_path(w).exists(), w.recipe.steps))
    return found


GROUPS = groups()
DAILY = ["vgg16 straight-through log lpips+ms-ssim bf16-mixed", "peers/mozjpeg-420-kodak", "ablations/default-kodak"]
CHOSEN = list(GROUPS) if os.environ.get("REPRO_REVALIDATE") else DAILY


@pytest.mark.slow
@pytest.mark.parametrize("name", CHOSEN)
def test_a_slice_of_a_stored_result_comes_out_the_same(name: str, tmp_path: Path) -> None:
    wanted = GROUPS[name][0]
    result = STORE.read(wanted)
    assert result is not None, f"{STORE.result_path(wanted)} is missing"
    if why_stale(wanted, result):
        pytest.skip("this result is stale; `repro reproduce` computes it again")
    try:
        photo = photos(wanted.evaluation).items[0]
        stored = result["images" if isinstance(wanted, Experiment) else "photos"][photo.name]
    except (ReproError, KeyError):
        pytest.skip(f"the photos of {wanted.evaluation!r} are not at hand")
    if not isinstance(wanted, Experiment):
        point = stored["points"][0]
        (now,) = measure_photo(wanted, photo.rgb(), [int(point["setting"])])
        unmeasured = {"seconds"} if butteraugli_installed() else {"seconds", "butteraugli"}
        assert_same(point, {k: v for k, v in now.items() if k not in unmeasured}, FILES)
    else:
        if STORE.checkpoint_path(wanted).exists():
            model, _ = load_checkpoint(STORE.checkpoint_path(wanted))
            assert_same(stored, evaluate_model(model, [photo])[photo.name], FILES)
        assert_first_steps_are_the_same(wanted, result, tmp_path)


def assert_first_steps_are_the_same(wanted: Experiment, result: Mapping[str, Any], folder: Path) -> None:
    """Train the first steps, making only the crops that they use, and compare with the stored log."""
    rows = {int(row["step"]): row for row in result["log"] if row["step"] <= STEPS}
    assert rows, "its log has no early step to compare with"
    source, spec, recipe = photos(wanted.crops.split), wanted.crops, wanted.recipe
    if source.sha256 != result["provenance"]["data"]["train"]["sha256"]:
        pytest.skip(f"the photos of {spec.split!r} are not at hand")
    model, fabric = new_model(wanted.model, recipe), Fabric(accelerator="cpu", devices=1)
    chosen = torch.stack([batch_indices(s, spec.count, recipe.batch, recipe.seed) for s in range(max(rows))])
    used, places = chosen.unique(return_inverse=True)
    crops = crop_pool(source, spec.count, size=spec.size, seed=spec.seed)[used]
    pool = precomputed_pool(crops, model, wanted.loss, recipe.dtype, folder)
    stepper = Stepper(model, wanted.loss, recipe, fabric)
    stepper.set_up()
    for step, batch in enumerate(places):
        terms = stepper.mean(stepper(step, pool.batch(batch, fabric.device), tell=True))
        if step + 1 in rows:
            then = rows[step + 1]
            assert_same(then, {name: terms[name] for name in then if name != "step"}, LOSSES)  # later logs say more


def assert_same(stored: Mapping[str, Any], now: Mapping[str, Any], tolerance: float) -> None:
    """Assert that every number of ``now`` is in ``stored``, within ``tolerance``."""
    for name, value in now.items():
        before = stored[name]
        if value is None or before is None:
            same = value is before
        else:
            same = math.isclose(before, value, rel_tol=tolerance, abs_tol=tolerance)
        assert same, f"{name} was {before}, now {value}"
