"""The witnesses against programs that are not ours, and what a caller may ask of them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from repro.data import photos
from repro.errors import ReproError, UsageError
from repro.evaluation import witnesses
from repro.evaluation.witnesses import MIN_SIDE_DISTS, MIN_SIDE_SSIMULACRA2, WITNESSES, dists, ssimulacra2, witness

GOLDENS = Path(__file__).parents[1] / "goldens"
sys.path.insert(0, str(GOLDENS))

from pairs import pair  # noqa: E402


def goldens(name: str) -> list[Any]:
    pairs = json.loads((GOLDENS / f"{name}.json").read_text())["pairs"]
    return [pytest.param(p, id="-".join(str(v) for v in list(p.values())[:5])) for p in pairs]


def jpeg(rgb: np.ndarray, quality: int, mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).convert(mode).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    """Part of a shipped photo, of odd sides."""
    return next(iter(photos("sample"))).rgb()[40:171, 60:205]


@pytest.mark.parametrize("golden", goldens("ssimulacra2"))
def test_ssimulacra2_is_libjxls(golden: dict[str, Any]) -> None:
    """To 0.2 points: libjxl's recursive blur rounds to 32 bits at every step, which its best scores feel most."""
    assert ssimulacra2(*pair(golden)) == pytest.approx(golden["ssimulacra2"], abs=0.2, rel=1e-3)


@pytest.mark.parametrize("golden", goldens("dists"))
def test_dists_is_that_of_another_hand(golden: dict[str, Any]) -> None:
    assert dists(*pair(golden)) == pytest.approx(golden["dists"], abs=1e-5)


def test_goldens_hold_hard_cases() -> None:
    """What the package's own walk through the scales gets wrong: small pictures; and what encoders are judged at."""
    pairs = json.loads((GOLDENS / "ssimulacra2.json").read_text())["pairs"]
    assert any(min(p["height"], p["width"]) == MIN_SIDE_SSIMULACRA2 for p in pairs)
    assert any(p["height"] % 2 and p["width"] % 2 and p["ssimulacra2"] < 0 for p in pairs)
    assert any(p["change"] == "jpeg" and 70 < p["ssimulacra2"] < 90 for p in pairs)


def test_the_blur_is_a_gaussian_in_its_moments() -> None:
    kernel, places = witnesses._kernel(), np.arange(-4, 5)
    assert kernel.sum() == pytest.approx(1) and kernel @ places**2 == pytest.approx(1.5**2)
    assert kernel == pytest.approx(kernel[::-1]) and (np.diff(kernel[:5]) > 0).all()


@pytest.mark.parametrize("name", WITNESSES)
def test_equal_pictures_are_best_and_damage_is_worse(name: str, rgb: np.ndarray) -> None:
    judge, better, _ = WITNESSES[name]
    values = [judge(rgb, rgb), *(witness(rgb, jpeg(rgb, quality), [name])[name] for quality in (90, 60, 30, 10))]
    assert values[0] == pytest.approx({"ssimulacra2": 100, "dists": 0}[name], abs=1e-6)
    assert values == sorted(values, reverse=better == "higher") and len(set(values)) == len(values)


def test_all_are_asked_unless_named(rgb: np.ndarray) -> None:
    data = jpeg(rgb, 50)
    values = witness(rgb, data)
    assert list(values) == list(WITNESSES) and all(isinstance(v, float) for v in values.values())
    assert witness(rgb, data, ["ssimulacra2"]) == {"ssimulacra2": values["ssimulacra2"]}
    with pytest.raises(UsageError, match=r"butteraugli.*ssimulacra2, dists"):
        witness(rgb, data, ["butteraugli"])


def test_a_grey_file_is_shown_as_rgb_and_a_grey_original_refused(rgb: np.ndarray) -> None:
    data = jpeg(rgb, 90, "L")
    assert witness(rgb, data, ["ssimulacra2"])["ssimulacra2"] < 60, "its colours are missed"
    with pytest.raises(UsageError, match=r"original: expected \(H, W, 3\) uint8, got \(131, 145\) uint8"):
        witness(rgb[..., 0], data)


@pytest.mark.parametrize("judge", [ssimulacra2, dists])
def test_bad_input_is_told(judge: Any, rgb: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"decoded picture: .* float64"):
        judge(rgb, rgb / 255)
    with pytest.raises(UsageError, match=r"\(0, 145, 3\)"):
        judge(rgb[:0], rgb[:0])
    with pytest.raises(ReproError, match="shows 144×131 px, the original has 145×131"):
        judge(rgb, rgb[:, :-1])


def test_wrong_files_are_told(rgb: np.ndarray) -> None:
    with pytest.raises(ReproError, match="shows 145×130 px, the original has 145×131"):
        witness(rgb, jpeg(rgb[:-1], 50))
    with pytest.raises(ReproError, match="not a readable JPEG"):
        witness(rgb, b"GIF89a")


@pytest.mark.parametrize(("judge", "least"), [(ssimulacra2, MIN_SIDE_SSIMULACRA2), (dists, MIN_SIDE_DISTS)])
def test_too_small_is_none(judge: Any, least: int, rgb: np.ndarray) -> None:
    for picture in (rgb[: least - 1], rgb[:, : least - 1]):
        assert witness(picture, jpeg(picture, 50))[judge.__name__] is None
        with pytest.raises(ReproError, match=f"{judge.__name__} needs at least {least} px"):
            judge(picture, picture)
    just = rgb[:least, :least]
    assert np.isfinite(witness(just, jpeg(just, 50), [judge.__name__])[judge.__name__])


def test_a_missing_package_says_how_to_mend_it_and_spares_the_others(
    rgb: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(witnesses._NEEDS, "dists", (MIN_SIDE_DISTS, "no_such_package", "DISTS-pytorch"))
    line = "dists: not installed; run: pip install DISTS-pytorch"
    with pytest.warns(UserWarning, match=line):
        values = witness(rgb, jpeg(rgb, 50))
    assert values["dists"] is None and values["ssimulacra2"] is not None
    with pytest.raises(ReproError, match=line):
        dists(rgb, rgb)


def test_dists_leaves_torchvision_and_random_numbers_as_they_were() -> None:
    from DISTS_pytorch import DISTS_pt
    from torchvision import models

    torch.manual_seed(5)
    before = torch.get_rng_state()
    witnesses._dists_network.cache_clear()
    network = witnesses._dists_network()
    assert torch.equal(torch.get_rng_state(), before) and DISTS_pt.models is models
    assert not any(p.requires_grad for p in network.parameters())
    assert float(network.get_parameter("alpha").sum() + network.get_parameter("beta").sum()) == pytest.approx(1)
