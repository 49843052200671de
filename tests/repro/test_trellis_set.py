"""Sets for the trellis: tables for every λ, the λ of a quality, and how sets are stored."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from encoder_stand_in import astronaut
from repro.data import photos
from repro.encoder import trellis_set
from repro.encoder.images import Picture
from repro.encoder.models import shipped
from repro.encoder.trellis_encoder import TrellisEncoder
from repro.encoder.trellis_set import TrellisSet
from repro.errors import ReproError, UsageError
from repro.files import sha256_bytes
from repro.jpeg import codestream
from repro.ssimulacra2 import Reference
from repro.trellis import planes
from repro.trellis.sensitivity import FEATURES, OUTPUTS, Network

LAMS = np.array([1.0, 4.0, 30.0, 200.0])
LOSSES = np.array([0.5, 1.7, 9.0, 30.0])
SHIPPED = trellis_set.load()


def made(**changes) -> TrellisSet:
    """A set of random tables that grow with λ, and of a network whose weights are all equal."""
    rng = np.random.default_rng(0)
    nothing = np.zeros((1, 1, FEATURES, OUTPUTS), np.float32), np.zeros(OUTPUTS, np.float32)
    fields = {
        "name": "made",
        "network": Network([nothing], np.ones((2, 3, 64), np.float32)),
        "lams": LAMS,
        "tables": rng.uniform(2, 4, (2, 1, 3, 8, 8)) * np.sqrt(LAMS)[:, None, None, None],
        "scale": np.array([[1.0, 900.0], [50.0, 40.0], [90.0, 2.0], [100.0, 0.01]]),
        "losses": LOSSES,
        "powers": np.array([0.5, 0.4, 0.7, 1.0]),
    }
    return TrellisSet(**(fields | changes))


# ---- tables -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_at_a_lambda_of_the_set_its_tables_are_met_exactly(subsampling: str) -> None:
    chosen = made()
    for lam, expected in zip(LAMS, chosen.tables[int(subsampling == "4:4:4")], strict=True):
        found = chosen.tables_at(float(lam), subsampling)
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, np.rint(expected))


def test_between_two_a_step_is_their_geometric_mean() -> None:
    chosen = made()
    found = chosen.tables_at(float(np.sqrt(LAMS[1] * LAMS[2])), "4:2:0")
    np.testing.assert_array_equal(found, np.rint(np.sqrt(chosen.tables[0, 1] * chosen.tables[0, 2])))


def test_beyond_the_ends_steps_grow_with_the_root_of_lambda() -> None:
    chosen = made(tables=np.full((2, len(LAMS), 3, 8, 8), 16.0))
    for lam, expected in ((1 / 16, 4), (1 / 4, 8), (1, 16), (200, 16), (800, 32), (200 * 400, 255), (1e-4, 1)):
        assert (chosen.tables_at(lam, "4:4:4") == expected).all()


@settings(max_examples=50, deadline=None)
@given(a=st.floats(1e-3, 1e5), b=st.floats(1e-3, 1e5), seed=st.integers(0, 5))
def test_no_step_falls_as_lambda_grows(a: float, b: float, seed: int) -> None:
    """Even if the learned tables are noisy."""
    noisy = made(tables=(made().tables * np.random.default_rng(seed).uniform(0.6, 1.6, (2, 4, 3, 8, 8))).clip(1, 255))
    low, high = (noisy.tables_at(lam, "4:2:0").astype(int) for lam in sorted((a, b)))
    assert (high >= low).all() and low.min() >= 1 and high.max() <= 255


# ---- quality ----------------------------------------------------------------------------------------------------

curves = st.lists(st.floats(1e-5, 1e3), min_size=4, max_size=4).map(np.array)


@settings(max_examples=100, deadline=None)
@given(losses=curves, a=st.floats(1, 100), b=st.floats(1, 100))
def test_lambda_never_grows_with_quality_whatever_a_photo_loses(losses: np.ndarray, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert made().lam_at(high, losses) <= made().lam_at(low, losses) * (1 + 1e-9)


@settings(max_examples=100, deadline=None)
@given(losses=curves, quality=st.floats(1, 100))
def test_lambda_stays_near_the_median_photos(losses: np.ndarray, quality: float) -> None:
    assert 0.249 < made().lam_at(quality, losses) / made().median_lam(quality) < 4.01


@settings(max_examples=100, deadline=None)
@given(losses=curves, quality=st.floats(1, 99))
def test_lambda_has_no_jumps(losses: np.ndarray, quality: float) -> None:
    assert made().lam_at(quality + 1e-5, losses) == pytest.approx(made().lam_at(quality, losses), rel=1e-3)


@settings(max_examples=50, deadline=None)
@given(quality=st.floats(1, 100), losses=curves)
def test_the_median_photo_gets_the_scales_lambda(quality: float, losses: np.ndarray) -> None:
    chosen = made(losses=losses)
    assert chosen.lam_at(quality, losses) == pytest.approx(chosen.median_lam(quality), rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(quality=st.floats(1, 100), more=st.floats(1, 20))
def test_a_photo_that_loses_more_gets_a_lower_lambda(quality: float, more: float) -> None:
    chosen = made()
    at, above, below = (chosen.lam_at(quality, LOSSES * times) for times in (1, more, 1 / more))
    assert above <= at * (1 + 1e-9) and below >= at * (1 - 1e-9)


def test_a_photo_that_loses_twice_as_much_gets_a_lambda_lower_by_the_power() -> None:
    chosen = made()
    for lam, power in zip(LAMS, chosen.powers, strict=True):
        at = replace(chosen, scale=np.array([[1.0, 1.001 * lam], [100.0, 0.999 * lam]]))
        assert at.lam_at(50.5, 2 * LOSSES) == pytest.approx(lam / 2**power, rel=0.01)


def test_a_flat_picture_that_loses_nothing_has_a_lambda_too() -> None:
    chosen = made()
    flat = planes.forward_dct(np.full((64, 64, 3), 128, np.uint8))
    losses = trellis_set.expected_losses(chosen, flat.planes[0], chosen.network.weights(flat)[0])
    assert losses.max() < 1e-5
    assert chosen.lam_at(70, losses) == pytest.approx(4 * chosen.median_lam(70))


@pytest.mark.parametrize("quality", [0.9, 100.1, float("nan")])
def test_there_is_no_other_quality(quality: float) -> None:
    with pytest.raises(UsageError, match="choose from 1 to 100"):
        made().median_lam(quality)


@pytest.mark.parametrize("quality", [40, 75, 92])
def test_a_photo_has_about_the_same_lambda_with_half_of_chroma_and_with_all(quality: float) -> None:
    lams = []
    for subsampling in ("4:2:0", "4:4:4"):
        dct = planes.forward_dct(astronaut(), subsampling)
        losses = trellis_set.expected_losses(SHIPPED, dct.planes[0], SHIPPED.network.weights(dct)[0])
        lams.append(SHIPPED.lam_at(quality, losses))
    assert lams[1] == pytest.approx(lams[0], rel=0.2)


def test_expected_losses_are_weighted_squared_errors_of_rounding() -> None:
    chosen = made()
    dct = planes.forward_dct(astronaut(64, 64))
    luma, rng = dct.planes[0], np.random.default_rng(0)
    of_band = rng.uniform(0.5, 2, (64, 5)).astype(np.float32)
    weights = chosen.network.weights(dct)[0]._replace(of_band=of_band)
    found = trellis_set.expected_losses(chosen, luma, weights)
    for lam, loss in zip(LAMS, found, strict=True):
        Q = planes.steps(chosen.tables_at(float(lam), "4:2:0"), 0)
        total = 0.0
        for n in range(64):
            for k in range(64):
                steps = abs(float(luma.F[n, k])) / Q[k]
                up = steps % 1 >= 0.65
                error = (steps - (int(steps) + up)) * Q[k]
                total += weights.profile[k] * of_band[n, weights.band[k]] * error**2
        assert loss == pytest.approx(total / 64**2, rel=1e-3)


def test_size_grows_with_quality_and_the_last_has_steps_of_one() -> None:
    encoder = TrellisEncoder(Picture(astronaut()), SHIPPED)
    files = [encoder.encode(quality) for quality in (1, *range(4, 100, 6), 100)]
    assert all(len(b) > 0.99 * len(a) for a, b in itertools.pairwise(files)), [len(f) for f in files]
    assert (codestream.read(files[-1]).tables == 1).all()
    assert np.abs(codestream.decode(files[-1]).astype(int) - astronaut()).max() <= 3


def kinds_of_photo() -> list[np.ndarray]:
    """Two photographs, each as it is, out of focus, noisy, and faint."""
    found = []
    for photo in photos("sample").items[:2]:
        rgb = np.ascontiguousarray(photo.rgb()[:256, :256])
        noise = np.random.default_rng(0).normal(0, 12, rgb.shape)
        soft = np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(1.5)))
        noisy = (rgb + noise).clip(0, 255).astype(np.uint8)
        faint = (128 + 0.4 * (rgb - 128.0)).astype(np.uint8)
        found += [rgb, soft, noisy, faint]
    return found


def test_photos_of_a_quality_look_more_alike_than_those_of_a_lambda() -> None:
    adapted, median = [], []
    for rgb in kinds_of_photo():
        reference = Reference(rgb)
        for scores, chosen in ((adapted, SHIPPED), (median, replace(SHIPPED, powers=0 * SHIPPED.powers))):
            data = TrellisEncoder(Picture(rgb), chosen, rounds=1).encode(60)
            scores.append(reference.score(codestream.decode(data)))
    assert np.std(adapted) < np.std(median), (adapted, median)


# ---- stored sets ------------------------------------------------------------------------------------------------


def test_a_stored_set_is_the_same_set(tmp_path: Path) -> None:
    original = made(provenance={"photos": "some"})
    trellis_set.save(original, tmp_path / "set")
    loaded = trellis_set.load(str(tmp_path / "set"))
    assert (loaded.name, loaded.provenance) == ("made", {"photos": "some"})
    np.testing.assert_array_equal(loaded.lams, original.lams)
    np.testing.assert_allclose(loaded.tables, original.tables, atol=0.006)
    np.testing.assert_allclose(loaded.scale, original.scale, rtol=1e-4)
    np.testing.assert_allclose(loaded.losses, original.losses, rtol=1e-4)
    np.testing.assert_allclose(loaded.powers, original.powers, rtol=1e-2)
    np.testing.assert_array_equal(loaded.network.profile, original.network.profile)
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "set", check=True, capture_output=True)


def test_a_set_that_was_made_again_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one process: at the same path, and at the same relative path in another folder."""
    for folder, names in ((tmp_path / "a", ("first", "again")), (tmp_path / "b", ("third",))):
        folder.mkdir()
        monkeypatch.chdir(folder)
        for name in names:
            trellis_set.save(made(name=name), Path("set"))
            assert trellis_set.load("set").name == name
    assert trellis_set.load("set") is trellis_set.load("set")


def with_entry(index: tuple[int, ...], value: float) -> np.ndarray:
    tables = made().tables.copy()
    tables[index] = value
    return tables


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tables": with_entry((0, 1, 2, 3, 4), np.nan)}, "NaN"),
        ({"lams": np.array([1.0, 4.0, np.inf, 200.0])}, "NaN"),
        ({"tables": with_entry((1, 0, 0, 0, 0), 0.5)}, "1–255"),
        ({"tables": with_entry((1, 0, 0, 0, 0), 256)}, "1–255"),
        ({"tables": np.ones((2, 4, 2, 8, 8))}, "2×4×3 tables of 8×8, got"),
        ({"lams": LAMS[::-1]}, "λ must increase"),
        ({"lams": np.array([0.0, 1.0, 2.0, 3.0])}, "λ must increase"),
        ({"losses": LOSSES[:3]}, "one loss and one power per λ"),
        ({"powers": LOSSES[:3]}, "one loss and one power per λ"),
        ({"losses": np.array([0.0, 1.0, 2.0, 3.0])}, "losses must be above 0"),
        ({"scale": np.array([1.0, 2.0])}, "a λ for each quality"),
        ({"scale": np.array([[1.0, 2.0], [1.0, 1.0]])}, "qualities must increase"),
        ({"scale": np.array([[1.0, 2.0], [50.0, 3.0]])}, "λ must fall"),
        ({"scale": np.array([[1.0, 2.0], [50.0, -1.0]])}, "λ must fall"),
    ],
)
def test_wrong_sets_are_refused(changes: dict, says: str) -> None:
    with pytest.raises(ReproError, match=f"model made: .*{says}"):
        made(**changes)


def stored_otherwise(**changes: object) -> Callable[[Path], None]:
    """Return a function that changes values in ``model.json`` and makes the hash fit."""

    def change(folder: Path) -> None:
        path = folder / "model.json"
        before, data = path.read_bytes(), json.dumps(json.loads(path.read_text()) | changes).encode()
        path.write_bytes(data)
        sums = folder / "SHA256SUMS"
        sums.write_text(sums.read_text().replace(sha256_bytes(before), sha256_bytes(data)))

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda folder: (folder / "network.safetensors").write_bytes(b"0"), r"network\.safetensors: was changed"),
        (lambda folder: (folder / "model.json").write_bytes(b"{}"), r"model\.json: was changed"),
        (lambda folder: (folder / "SHA256SUMS").unlink(), "SHA256SUMS: .*unreadable"),
        (lambda folder: (folder / "SHA256SUMS").write_text("\n"), "SHA256SUMS: .*unreadable|was changed"),
        (stored_otherwise(format=1), "has format 1, this program reads 2"),
        (stored_otherwise(tables="none"), "is not a set for the trellis"),
        (stored_otherwise(lams=[1, 2]), "needs one loss and one power per λ"),
    ],
)
def test_what_is_no_set_is_told_in_one_line(change: Callable[[Path], None], says: str, tmp_path: Path) -> None:
    trellis_set.save(made(), tmp_path)
    change(tmp_path)
    with pytest.raises(ReproError, match=says) as caught:
        trellis_set.load(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_the_shipped_set_says_where_it_is_from_and_is_small() -> None:
    assert SHIPPED.name == "trellis" and SHIPPED.provenance
    assert [trellis_set.is_one(name) for name in shipped()] == [name == "trellis" for name in shipped()]
    assert sum(path.stat().st_size for path in trellis_set.find("trellis").iterdir()) < 400e3


def test_another_set_makes_another_file(tmp_path: Path) -> None:
    """Selected as a user does: by a folder's name instead of a shipped set's."""
    coarse = replace(SHIPPED, scale=SHIPPED.scale * [1, 3])
    trellis_set.save(coarse, tmp_path / "coarse")
    loaded = trellis_set.load(str(tmp_path / "coarse"))
    ours, theirs = (len(TrellisEncoder(Picture(astronaut()), s).encode(60)) for s in (SHIPPED, loaded))
    assert theirs < 0.8 * ours
