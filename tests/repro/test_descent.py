"""The effort ``best``: never worse than default by its objective, better by metrics, and it meets its targets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageCms

from encoder_stand_in import astronaut, decode, save
from repro.encoder import trellis_set
from repro.encoder.encode import Settings, encode_file, encode_picture
from repro.encoder.images import Picture
from repro.encoder.trellis_encoder import TrellisEncoder
from repro.errors import UsageError
from repro.jpeg import codestream
from repro.ssimulacra2 import Reference
from repro.torch_encoder.blended_loss import Measured
from repro.torch_encoder.descent import Descent, DescentEncoder, Found, Guided, _blended, descend
from repro.training.sensitivity import Blend
from repro.trellis import planes
from repro.trellis.planes import Plane, Weights

SHORT = Descent(steps=3)


def encoder(samples: np.ndarray, how: Descent = SHORT, **options: float) -> DescentEncoder:
    return DescentEncoder(Picture(samples), trellis_set.load(), how, **options)  # type: ignore[arg-type]


def by_default(samples: np.ndarray) -> TrellisEncoder:
    return TrellisEncoder(Picture(samples), trellis_set.load())


@pytest.mark.parametrize("quality", [40, 90])
def test_a_picture_looks_better_for_the_bits(quality: int) -> None:
    """By the objective, and by SSIMULACRA 2 of the decoded picture, in a file no larger than the default effort's."""
    photo = astronaut(192, 208)
    ours = encoder(photo)
    objective = ours.descend(quality).objective
    assert len(objective) == 4 and min(objective) < 0.98 * objective[0]
    plain = by_default(photo).encode(quality)
    _, data = ours.within(8 * len(plain), "photo")
    reference = Reference(photo)
    assert reference.score(codestream.decode(data)) > reference.score(codestream.decode(plain)) + 0.4


def test_the_objective_counts_bits_by_lam() -> None:
    """For the same coefficients, three times λ raises it by twice λ · bits, whatever the loss is."""
    photo = astronaut(128, 128)
    start, z = encoder(photo).choose(60)
    dearer = replace(start, lam=3 * start.lam)
    one, three = (descend(photo, of, z, SHORT, deadline=0.0).objective for of in (start, dearer))
    assert len(one) == 1 and one[0] > start.lam * planes.bits(start.dct, z)
    assert three[0] - one[0] == pytest.approx(2 * start.lam * planes.bits(start.dct, z))


def test_steps_that_do_harm_are_not_kept() -> None:
    """If the steps are far too long, the default effort's own file stays."""
    photo = astronaut(168, 168)
    wild = Descent(steps=2, max_shift=(0.5, 0.5), damping=1e-3, momentum=(0.0, 0.0), most=1e3)
    ours = encoder(photo, wild)
    objective = ours.descend(40).objective
    assert min(objective[1:]) > objective[0]
    assert ours.encode(40) == by_default(photo).encode(40)


def test_without_time_the_default_efforts_file() -> None:
    photo = astronaut(168, 168)
    ours = encoder(photo, Descent(steps=10_000), seconds=1e-6)
    assert len(ours.descend(40).objective) == 1
    assert ours.encode(40) == by_default(photo).encode(40)


def test_the_same_again() -> None:
    photo = astronaut(160, 176)
    assert encoder(photo).encode(60) == encoder(photo).encode(60)


@pytest.mark.parametrize("bpp", [0.4, 1.5])
def test_bits_are_met(bpp: float, tmp_path: Path) -> None:
    source = save(tmp_path / "photo.png", astronaut(128, 192))
    report = encode_file(source, tmp_path / "photo.jpg", Settings(bpp=bpp, effort="best"))
    assert 0.95 * bpp <= report.bpp <= bpp


def test_a_score_is_reached_in_fewer_bytes() -> None:
    photo = astronaut(176, 176)
    _, plain, _ = by_default(photo).reaching(60, "photo")
    _, data, score = encoder(photo).reaching(60, "photo")
    assert score >= 60 and score == Reference(photo).score(codestream.decode(data))
    assert len(data) < 0.98 * len(plain)


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (200, 112)])
def test_pictures_too_small_for_the_metric(size: tuple[int, int]) -> None:
    """The default effort encodes them, with a notice."""
    for samples in (astronaut(*size), astronaut(*size)[..., 0].copy()):
        encoded = encode_picture(Picture(samples), Settings(effort="best", quality=50))
        assert encoded.data == by_default(samples).encode(50)
        assert "under 113 px, too small for --effort best" in encoded.notices[0]


@pytest.mark.parametrize("samples", [astronaut(113, 120), astronaut(170, 130)[..., 0].copy()], ids=["small", "grey"])
def test_small_and_grey_pictures(samples: np.ndarray) -> None:
    image = decode(encoder(samples, Descent(steps=1)).encode(95))
    assert image.size == samples.shape[1::-1] and image.mode == ("RGB" if samples.ndim == 3 else "L")


def test_a_profile_is_kept_within_the_bits() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    ours = DescentEncoder(Picture(astronaut(128, 128), icc=profile), trellis_set.load(), SHORT)
    _, data = ours.within(1.4 * 128 * 128, "photo")
    assert decode(data).info["icc_profile"] == profile and 8 * len(data) <= 1.4 * 128 * 128


def test_efforts_that_a_model_does_not_know() -> None:
    with pytest.raises(UsageError, match="--effort best: 'tables' does not have it; use --effort default"):
        encode_picture(Picture(astronaut(8, 8)), Settings(model="tables", effort="best"))
    with pytest.raises(UsageError, match="--seconds: only --effort best has a time limit"):
        Settings(seconds=3)
    with pytest.raises(UsageError, match="--seconds -1: must be a number above 0"):
        Settings(effort="best", seconds=-1)


Q = np.full(64, 10, np.float32)


def guided(how: Descent, blocks: int = 400, max_shift: float = 0.3) -> tuple[Guided, np.ndarray, np.ndarray]:
    """Coefficients with weight 2 in both bands, numbers quantised from them, and the errors of these."""
    F = np.random.default_rng(5).normal(0, 20, (blocks, 64)).astype(np.float32)
    weights = Weights(np.full((blocks, 2), 2, np.float32), np.ones(64, np.float32), np.repeat([0, 1], [10, 54]))
    z = np.rint(F / Q)
    return Guided(Plane(F, blocks, 1), weights, how, max_shift), z, z * Q - F


def test_weights_become_what_errors_cost() -> None:
    """The loss is quadratic, but its low frequencies cost half and its high ones twice what the network says. The true
    weights are found, and no target moves."""
    how = Descent(steps=30, momentum=(0.5, 0.5), prior=1e-6)
    plane, z, error = guided(how)
    true = 2 * np.where(np.arange(64) < 10, 0.5, 2.0)
    for step in range(how.steps):
        plane.update(z, Q, (2 * true * error).astype(np.float32), step)
    np.testing.assert_allclose(plane.weights.each(), np.broadcast_to(true, error.shape), rtol=1e-3)
    np.testing.assert_allclose(plane.target.F, z * Q - error, atol=0.05)


def test_weights_are_bounded_and_little_error_says_little() -> None:
    how = Descent(steps=2, momentum=(0.0, 0.0), most=3.0)
    plane, z, error = guided(how)
    plane.update(z, Q, 2000 * error, 0)
    np.testing.assert_allclose(plane.weights.of_band, 6, rtol=1e-5)
    plane, z, error = guided(how)
    F = z * Q - error
    error[7] /= 1000  # a block with hardly any error
    plane.update((F + error) / Q, Q, 8 * error, 0)
    other = np.delete(plane.weights.of_band, 7, axis=0)
    assert other.min() > 2.3 and plane.weights.of_band[7].max() < 2.1


def test_targets_move_against_the_gradient_by_a_part_of_a_step() -> None:
    how = Descent(steps=1, momentum=(0.0, 0.0), damping=1.0, most=1.0)
    plane, z, error = guided(how, max_shift=0.3)
    surprise = np.zeros_like(error)
    surprise[:, [0, 5]], surprise[:, 6] = 4, -400  # less than max_shift allows, and more
    plane.update(z, Q, 4 * error + surprise, 0)
    shift = plane.target.F - (z * Q - error)
    np.testing.assert_allclose(shift[:, 5], -1, rtol=1e-3)  # 4 / (2 · weight 2)
    np.testing.assert_allclose(shift[:, 0], -0.1, rtol=1e-2)  # a tenth of that, for DC
    np.testing.assert_allclose(shift[:, 6], 3, rtol=1e-3)  # 0.3 of a step of 10
    assert np.abs(np.delete(shift, [0, 5, 6], axis=1)).max() < 1e-3


def test_of_chroma_a_metric_counts_as_much_as_the_blend_says() -> None:
    ones = [np.ones((3, 64), np.float32)] * 3
    measured = Measured({}, {"ssimulacra2": ones, "mse": ones})
    blend = Blend({"ssimulacra2": 0.5}, chroma={"ssimulacra2": 0.7})
    found = [_blended(measured, {"ssimulacra2": 3.0, "mse": 2.0}, blend, plane) for plane in range(3)]
    for gradient, expected in zip(found, (3 + 2, 0.7 * 3 + 2, 0.7 * 3 + 2), strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-6)


def test_another_lam_with_what_was_found() -> None:
    """Choosing again with the found weights and targets, but a larger λ, takes fewer bits."""
    ours = encoder(astronaut(128, 128))
    found: Found = ours.descend(60)
    more = replace(found.prepared, lam=1.5 * found.prepared.lam)
    z = ours._quantize(more, start=[numbers.copy() for numbers in found.z])
    assert planes.bits(more.dct, z) < planes.bits(found.prepared.dct, found.z)
