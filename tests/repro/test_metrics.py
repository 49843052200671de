"""Metrics against the programs that define them, and the properties that a loss needs of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from repro.errors import ReproError
from repro.metrics import LPIPS, METRICS, blocking, lpips, lpips_on, ms_ssim, mse, mse_chroma, psnr, psnr_y

GOLDENS = Path(__file__).parents[1] / "goldens"
sys.path.insert(0, str(GOLDENS))

from pairs import pair  # noqa: E402


def tensors(recipe: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = (torch.from_numpy(p.copy()).permute(2, 0, 1)[None].float() for p in pair(recipe))
    return x, y


def goldens(name: str) -> list[Any]:
    pairs = json.loads((GOLDENS / f"{name}.json").read_text())["pairs"]
    return [pytest.param(p, id="-".join(str(v) for v in list(p.values())[:5])) for p in pairs]


@pytest.fixture
def photos() -> tuple[torch.Tensor, torch.Tensor]:
    return tensors({"source": "astronaut", "height": 192, "width": 200, "change": "noise", "amount": 20})


@pytest.mark.parametrize("golden", goldens("ms_ssim"))
def test_ms_ssim_is_tensorflows(golden: dict[str, Any]) -> None:
    assert float(ms_ssim(*tensors(golden))) == pytest.approx(golden["ms_ssim"], abs=1e-4)


@pytest.mark.parametrize("golden", goldens("lpips"))
def test_lpips_is_the_lpips_packages(golden: dict[str, Any]) -> None:
    assert float(lpips(*tensors(golden))) == pytest.approx(golden["lpips"], abs=1e-4)


def test_goldens_hold_hard_cases() -> None:
    """Odd sides, the smallest size, a zero and a partly zero product: where implementations part ways."""
    pairs = json.loads((GOLDENS / "ms_ssim.json").read_text())["pairs"]
    assert {p["ms_ssim"] for p in pairs} > {0.0, 1.0}
    assert any(p["height"] % 2 and p["width"] % 2 and p["ms_ssim"] < 0.95 for p in pairs)
    assert any(p["change"] == "negative red" and 0.6 < p["ms_ssim"] < 0.7 for p in pairs)
    assert any(min(p["height"], p["width"]) == 161 for p in pairs)


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


@pytest.mark.parametrize("name", METRICS)
def test_equal_pictures_are_best(name: str, photos: tuple[torch.Tensor, torch.Tensor]) -> None:
    metric, better, _ = METRICS[name]
    x, y = photos
    best = metric(x, x).item()
    expected = {"psnr": float("inf"), "psnr_y": float("inf"), "ms_ssim": pytest.approx(1.0)}
    assert best == expected.get(name, 0.0)
    if name != "blocking":  # noise shows at block edges no more than elsewhere
        assert (metric(x, y).item() < best) == (better == "higher")


@pytest.mark.parametrize("name", METRICS)
def test_symmetric_and_per_image(name: str, photos: tuple[torch.Tensor, torch.Tensor]) -> None:
    metric = METRICS[name][0]
    x, y = photos
    there, back = metric(x, y), metric(y, x)
    assert there.shape == (1,)
    sign = -1 if name == "blocking" else 1  # against the original, not between two
    assert there.item() == pytest.approx(sign * back.item(), rel=1e-5)
    batch = metric(torch.cat([x, x]), torch.cat([y, (x + y) / 2]))
    assert batch.shape == (2,)
    assert batch[0].item() == pytest.approx(there.item(), rel=1e-4)


def test_blocking_sees_the_edges_of_blocks_alone() -> None:
    x = torch.full((1, 3, 64, 40), 100.0)
    checks = (torch.arange(64)[:, None] // 8 + torch.arange(40) // 8) % 2
    assert blocking(x, x + 4 * checks).item() == pytest.approx(4.0)
    shifted = (torch.arange(64)[:, None] // 4 + torch.arange(40) // 4) % 2
    assert blocking(x, x + 4 * shifted).item() == pytest.approx(4 - 4 / 7, abs=0.2), "edges within blocks count less"
    assert blocking(x[..., :8, :8], x[..., :8, :8] + 1).item() == 0, "one block has no edges"


def test_chroma_error_is_blind_to_luma() -> None:
    x = torch.full((1, 3, 32, 32), 100.0)
    assert mse_chroma(x, x + 7).item() == pytest.approx(0, abs=1e-6)
    assert mse_chroma(x, x + torch.tensor([9.0, 0, 0]).view(1, 3, 1, 1)).item() > 5


@pytest.mark.parametrize("metric", [mse, ms_ssim, lpips])
@pytest.mark.parametrize("case", ["equal", "flat", "black", "negative", "noisy"])
def test_gradients_are_finite(metric: Any, case: str, photos: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, noisy = photos
    y = {
        "equal": x,
        "flat": torch.full_like(x, 128),
        "black": torch.zeros_like(x),
        "negative": 255 - x,
        "noisy": noisy,
    }[case].clone()
    reference = torch.zeros_like(x) if case == "black" else x
    y.requires_grad_()
    metric(y, reference).sum().backward()
    assert y.grad is not None and y.grad.isfinite().all()
    if case == "noisy":
        assert y.grad.abs().max() > 0


@pytest.mark.parametrize("metric", [ms_ssim, lpips])
def test_a_step_down_the_gradient_brings_pictures_closer(
    metric: Any, photos: tuple[torch.Tensor, torch.Tensor]
) -> None:
    x, y = photos
    y = y.clone().requires_grad_()
    before = metric(y, x)
    sign = -1 if metric is ms_ssim else 1
    (sign * before).sum().backward()
    assert y.grad is not None
    with torch.no_grad():
        after = metric((y - 0.5 * y.grad.sign()).clamp(0, 255), x)
    assert sign * after.item() < sign * before.item()


@pytest.mark.parametrize(("height", "width"), [(160, 300), (300, 160), (1, 1)])
def test_ms_ssim_names_a_picture_that_is_too_small(height: int, width: int) -> None:
    x = torch.zeros(1, 3, height, width)
    with pytest.raises(ReproError, match=f"{width}×{height} px.*161"):
        ms_ssim(x, x)


def test_lpips_smallest_side() -> None:
    assert lpips(torch.zeros(1, 3, 31, 40), torch.full((1, 3, 31, 40), 200.0)).item() > 0
    with pytest.raises(ReproError, match=r"40×30 px.*31"):
        lpips(torch.zeros(1, 3, 30, 40), torch.zeros(1, 3, 30, 40))


@pytest.mark.parametrize("name", METRICS)
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
        METRICS[name][0](torch.zeros(1, 3, 192, 200), bad)


def test_lpips_trains_nothing_and_draws_nothing() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    module = LPIPS()
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(p.requires_grad for p in module.parameters())
    assert not any(m.training for m in module.train().modules())


def test_lpips_features_once_for_many(photos: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = photos
    module = lpips_on(x.device)
    many = torch.cat([y, x, 255 - y])
    assert module.distance(module.features(x), module.features(many)).tolist() == pytest.approx(
        module(x.expand(3, -1, -1, -1), many).tolist(), rel=1e-5
    )


@pytest.mark.parametrize("metric", [ms_ssim, lpips])
def test_autocast_does_not_coarsen(metric: Any, photos: tuple[torch.Tensor, torch.Tensor]) -> None:
    plain = metric(*photos).item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert metric(*photos).item() == pytest.approx(plain, rel=1e-6)


def test_first_use_in_inference_mode_leaves_training_possible(photos: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = photos
    lpips_on.cache_clear()
    with torch.inference_mode():
        lpips(x, y)
    moved = y.clone().requires_grad_()
    lpips(x, moved).sum().backward()
    assert moved.grad is not None and moved.grad.abs().max() > 0
