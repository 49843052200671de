"""Metrics against the programs that define them, and the properties that a loss needs."""

from __future__ import annotations

import csv
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from pairs import pair

from repro.errors import ReproError
from repro.metrics import (
    LPIPS,
    METRICS,
    blocking,
    butteraugli,
    butteraugli_installed,
    dists,
    lpips,
    lpips_on,
    ms_ssim,
    mse,
    mse_chroma,
    mse_y_blurred,
    psnr,
    psnr_y,
)
from repro.metrics.ms_ssim import ms_ssim_from_difference, reference_statistics

GOLDENS = Path(__file__).parents[1] / "goldens"
Pair = tuple[torch.Tensor, torch.Tensor]
#: Metric → tolerance of its agreement with the program that defines it. For SSIMULACRA 2, see test_ssimulacra2.py.
AGREE = {
    "ms_ssim": {"abs": 1e-4},
    "lpips": {"abs": 1e-4},
    "dists": {"abs": 1e-5},
    "butteraugli": {"rel": 1e-3},
}
WITHOUT_PROGRAM = pytest.mark.skipif(not butteraugli_installed(), reason="needs butteraugli_main (libjxl-devtools)")
EVERY = [pytest.param(name, marks=WITHOUT_PROGRAM) if name == "butteraugli" else name for name in METRICS]


def tensors(recipe: dict[str, Any]) -> Pair:
    x, y = (torch.from_numpy(p.copy()).permute(2, 0, 1)[None].float() for p in pair(recipe))
    return x, y


def golden_pairs(name: str) -> list[dict[str, Any]]:
    return json.loads((GOLDENS / f"{name}.json").read_text())["pairs"]


@pytest.fixture(scope="module")
def photos() -> Pair:
    return tensors({"source": "astronaut", "height": 192, "width": 200, "change": "noise", "amount": 20})


@pytest.mark.parametrize(
    ("name", "golden"),
    [
        pytest.param(
            name,
            golden,
            id="-".join([name, *(str(v) for v in list(golden.values())[:5])]),
            marks=WITHOUT_PROGRAM if name == "butteraugli" else (),
        )
        for name in AGREE
        for golden in golden_pairs(name)
    ],
)
def test_agrees_with_the_program_that_defines_it(name: str, golden: dict[str, Any]) -> None:
    """TensorFlow's MS-SSIM, the package lpips, libjxl's Butteraugli, and another author's DISTS."""
    assert float(METRICS[name].function(*tensors(golden))) == pytest.approx(golden[name], **AGREE[name])


def test_mse_and_psnr_by_hand() -> None:
    x = torch.full((2, 3, 4, 4), 100.0)
    y = x.clone()
    y[0] += 5
    y[1, 0] += 30
    assert mse(x, y).tolist() == [25.0, 300.0]
    assert psnr(x, y).tolist() == pytest.approx([34.1514, 23.3595], abs=1e-3)
    # Red weighs 0.299 in luma; grey differences weigh 1.
    assert psnr_y(x, y).tolist() == pytest.approx(
        [34.1514, 20 * torch.log10(torch.tensor(255 / 8.97)).item()], abs=1e-3
    )
    assert mse_chroma(x, y).tolist() == pytest.approx([0, ((0.168736 * 30) ** 2 + 15**2) / 2], abs=1e-3)


def test_blurred_errors_are_those_of_areas() -> None:
    """An error of a whole area stays, one that alternates from pixel to pixel vanishes; at a single pixel, by hand."""
    x = torch.full((1, 3, 64, 64), 100.0)
    checks = 10.0 * (-1) ** (torch.arange(64)[:, None] + torch.arange(64))
    assert mse_y_blurred(x, x + 3).item() == pytest.approx(9)
    assert mse_y_blurred(x, x + checks).item() < 1e-3
    spot = x.clone()
    spot[..., 32, 32] += 50
    gaussian = torch.exp(-(torch.arange(-16, 17) ** 2) / 32.0)
    assert mse_y_blurred(x, spot).item() == pytest.approx(
        50**2 * ((gaussian / gaussian.sum()) ** 2).sum().item() ** 2 / 64**2, rel=1e-4
    )


@WITHOUT_PROGRAM
@pytest.mark.skipif("REPRO_DATA" not in os.environ, reason="needs Kodak: set REPRO_DATA")
@pytest.mark.parametrize("codec", ["mozjpeg-420", "jpegli-420"])
def test_a_photo_measures_as_elsewhere(codec: str) -> None:
    """Every metric, at two qualities, against values measured independently with other programs."""
    from repro import codecs
    from repro.data import photos
    from repro.evaluation import measure_many

    program = {"mozjpeg-420": "mozjpeg", "jpegli-420": "cjpegli-420"}[codec]
    rgb = next(photo.rgb() for photo in photos("kodak") if photo.name == "kodim23.png")
    golden = csv.DictReader((GOLDENS / "kodak_peers_wide.csv").open())
    rows = [row for row in golden if (row["codec"], row["image"]) == (program, "kodim23.png") and int(row["q"]) < 80]
    files = [codecs.get(codec).encode(rgb, int(row["q"])) for row in rows[::3]]
    columns = {"lpips_alex": "lpips", "butteraugli_3norm": "butteraugli"}
    for row, ours in zip(rows[::3], measure_many(rgb, files, more=("ssimulacra2", "butteraugli")), strict=True):
        for column in ("mse", "lpips_alex", "ms_ssim", "ssimulacra2", "butteraugli_3norm"):
            assert ours[columns.get(column, column)] == pytest.approx(float(row[column]), rel=2e-3), column


def test_blocking_sees_the_edges_of_blocks_alone() -> None:
    x = torch.full((1, 3, 64, 40), 100.0)
    checks = (torch.arange(64)[:, None] // 8 + torch.arange(40) // 8) % 2
    assert blocking(x, x + 4 * checks).item() == pytest.approx(4.0)
    shifted = (torch.arange(64)[:, None] // 4 + torch.arange(40) // 4) % 2
    assert blocking(x, x + 4 * shifted).item() == pytest.approx(4 - 4 / 7, abs=0.2), "edges within blocks count less"
    assert blocking(x[..., :8, :8], x[..., :8, :8] + 1).item() == 0, "one block has no edges"


@pytest.mark.parametrize("name", EVERY)
def test_equal_images_are_best_and_more_noise_is_worse(name: str, photos: Pair) -> None:
    metric = METRICS[name]
    x, y = photos
    best = {"psnr": float("inf"), "psnr_y": float("inf"), "ms_ssim": 1, "ssimulacra2": 100}.get(name, 0)
    values = [metric.function(x, x + share * (y - x)).item() for share in (0, 0.25, 0.5, 1)]
    assert values[0] == pytest.approx(best, abs=1e-6)
    if name != "blocking":  # noise is no stronger at block edges than elsewhere
        assert values == sorted(values, reverse=metric.better == "higher") and len(set(values)) == 4


@pytest.mark.parametrize("name", EVERY)
def test_every_image_of_a_batch_by_itself(name: str, photos: Pair) -> None:
    metric, (x, y) = METRICS[name].function, photos
    alone, back = metric(x, y), metric(y, x)
    assert alone.shape == (1,)
    if name not in ("ssimulacra2", "butteraugli"):  # these weigh gains and losses differently
        sign = -1 if name == "blocking" else 1  # a difference from the original
        assert alone.item() == pytest.approx(sign * back.item(), rel=1e-5)
    batch = metric(torch.cat([x, x]), torch.cat([y, (x + y) / 2]))
    assert batch.shape == (2,)
    assert batch[0].item() == pytest.approx(alone.item(), rel=1e-4)


@pytest.mark.parametrize("metric", [mse, ms_ssim, lpips])
@pytest.mark.parametrize("case", ["equal", "flat", "black", "negative", "noisy"])
def test_gradients_are_finite(metric: Any, case: str, photos: Pair) -> None:
    x, noisy = photos
    others = {"equal": x, "flat": torch.full_like(x, 128), "black": torch.zeros_like(x), "negative": 255 - x}
    y = (others | {"noisy": noisy})[case].clone().requires_grad_()
    metric(y, torch.zeros_like(x) if case == "black" else x).sum().backward()
    assert y.grad is not None and y.grad.isfinite().all()
    if case == "noisy":
        assert y.grad.abs().max() > 0


@pytest.mark.parametrize("metric", [mse, ms_ssim, lpips])
def test_gradients_are_slopes(metric: Any, photos: Pair) -> None:
    """Against the difference quotient along a smooth direction, in which the metric is nearly linear."""
    x, y = photos
    y = y.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(metric(y, x).sum(), y)
    with torch.no_grad():
        direction = gradient / gradient.norm()
        step = 2.0
        slope = (metric((y + step * direction).clamp(0, 255), x) - metric((y - step * direction).clamp(0, 255), x)) / (
            2 * step
        )
    assert slope.item() == pytest.approx((gradient * direction).sum().item(), rel=0.05)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_lpips_from_a_difference_is_lpips(precision: torch.dtype, photos: Pair) -> None:
    """Products in 8 bits are enough for a difference; a picture's distance to itself is exactly zero."""
    (x, y), module = photos, lpips_on(torch.device("cpu"))
    reference = module.reference(x, precision)
    assert module.from_difference(reference, torch.zeros_like(x)).item() == 0
    rel = 1e-3 if precision is torch.float32 else 2e-2
    for other in (y, x + 0.1 * (y - x), 255 - x):
        assert module.from_difference(reference, other - x).item() == pytest.approx(lpips(x, other).item(), rel=rel)


def test_ms_ssim_has_a_gradient_in_either_image_but_not_in_both(photos: Pair) -> None:
    x, y = (image.clone().requires_grad_() for image in photos)
    for one, other in ((x, photos[1]), (photos[0], y)):
        ms_ssim(one, other).sum().backward()
    with pytest.raises(ValueError, match="detach the original"):
        ms_ssim(x, y)
    statistics = reference_statistics(photos[0])
    assert torch.equal(ms_ssim_from_difference(statistics, photos[1] - photos[0]), ms_ssim(*photos))


@pytest.mark.parametrize("name", [name for name in EVERY if METRICS.get(str(name), METRICS["dists"]).min_side > 1])
def test_too_small_an_image_is_told(name: str) -> None:
    least, function = METRICS[name].min_side, METRICS[name].function
    for height, width in ((least - 1, least + 9), (least + 9, least - 1)):
        x = torch.zeros(1, 3, height, width)
        with pytest.raises(ReproError, match=f"{width}×{height} px.* {least} px"):
            function(x, x)
    x = torch.rand(1, 3, least, least, generator=torch.Generator().manual_seed(0)) * 255
    assert function(x, 255 - x).isfinite().all()


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (torch.zeros(3, 192, 200), r"\(3, 192, 200\)"),
        (torch.zeros(1, 1, 192, 200), r"\(1, 1, 192, 200\)"),
        (torch.zeros(1, 3, 192, 200, dtype=torch.uint8), "uint8"),
        (torch.full((1, 3, 192, 200), 300.0), "300"),
        (torch.full((1, 3, 192, 200), -1.0), "-1"),
        (torch.zeros(1, 3, 192, 192), r"\(1, 3, 192, 192\)"),
    ],
)
def test_bad_input_is_told(name: str, bad: torch.Tensor, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        METRICS[name].function(torch.zeros(1, 3, 192, 200), bad)


def test_a_missing_package_says_how_to_install_it(photos: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    importlib.import_module("repro.metrics.dists")._network.cache_clear()
    monkeypatch.setitem(sys.modules, "DISTS_pytorch", None)
    with pytest.raises(ReproError, match=r"DISTS: DISTS_pytorch is not installed; run: pip install .repro\[peers\]"):
        dists(*photos)


def test_without_its_program_butteraugli_is_told_or_left_out(photos: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    from repro import codecs
    from repro.evaluation import measure_many

    monkeypatch.setenv("PATH", "")
    with pytest.raises(ReproError, match=r"butteraugli_main is missing.*apt install libjxl-devtools"):
        butteraugli(*photos)
    rgb = photos[0][0].permute(1, 2, 0).byte().numpy()
    measured = measure_many(rgb, [codecs.get("pillow-444").encode(rgb, 50)], more=("butteraugli", "ssimulacra2"))[0]
    assert measured["butteraugli"] is None and measured["ssimulacra2"] is not None


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("exec sleep 9", "no answer within 0.5 s"),
        ("echo cannot read >&2; exit 1", "failed, and said: cannot read"),
        ("echo 1.0", "failed, and said: 1.0"),
    ],
)
def test_a_program_that_fails_is_told(
    script: str, says: str, photos: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "butteraugli_main"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(importlib.import_module("repro.metrics.butteraugli"), "_PATIENCE", 0.5)
    with pytest.raises(ReproError, match=f"^butteraugli_main: {says}"):
        butteraugli(*photos)


def test_networks_train_nothing_and_draw_no_random_numbers() -> None:
    from DISTS_pytorch import DISTS_pt
    from torchvision import models

    torch.manual_seed(5)
    before = torch.get_rng_state()
    network = importlib.import_module("repro.metrics.dists")._network.__wrapped__(torch.device("cpu"))
    modules = [LPIPS(), network]
    assert torch.equal(torch.get_rng_state(), before) and DISTS_pt.models is models
    assert not any(p.requires_grad for module in modules for p in module.parameters())
    assert not any(m.training for m in modules[0].train().modules())
    assert float(network.get_parameter("alpha").sum() + network.get_parameter("beta").sum()) == pytest.approx(1)


def test_lpips_features_once_for_many(photos: Pair) -> None:
    x, y = photos
    module, many = lpips_on(x.device), torch.cat([y, x, 255 - y])
    assert module.distance(module.features(x), module.features(many)).tolist() == pytest.approx(
        module(x.expand(3, -1, -1, -1), many).tolist(), rel=1e-5
    )


@pytest.mark.parametrize("metric", [ms_ssim, lpips, dists])
def test_autocast_does_not_coarsen(metric: Any, photos: Pair) -> None:
    plain = metric(*photos).item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert metric(*photos).item() == pytest.approx(plain, rel=1e-6)


def test_first_use_in_inference_mode_leaves_training_possible(photos: Pair) -> None:
    x, y = photos
    lpips_on.cache_clear()
    with torch.inference_mode():
        lpips(x, y)
        kept = lpips_on(x.device).reference(x, torch.float32)
    moved = y.clone().requires_grad_()
    lpips(x, moved).sum().backward()
    assert moved.grad is not None and moved.grad.abs().max() > 0
    difference = (y - x).requires_grad_()
    lpips_on(x.device).from_difference(tuple(part.clone() for part in kept), difference).sum().backward()
    assert difference.grad is not None and difference.grad.abs().max() > 0


def test_dists_and_butteraugli_are_in_no_loss(photos: Pair) -> None:
    from repro.losses import Distortion, LossWeights

    assert not {"dists", "butteraugli"} & set(Distortion(LossWeights(1))(*photos))
    x, y = photos
    assert not dists(x, y.clone().requires_grad_()).requires_grad
