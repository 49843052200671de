"""LearnedJPEG: Eqs. 4–6, both parametrisations of the tables, coefficients and decoded picture, checkpoints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from skimage import data as photos

from repro import attention, weights
from repro.errors import ReproError, UsageError
from repro.jpeg import codestream
from repro.jpeg.tables import quality_tables
from repro.model import (
    LearnedJPEG,
    LearnedTables,
    ModelSettings,
    _Divided,
    load_checkpoint,
    save_checkpoint,
    trunk_of,
)


def photo(height: int = 64, width: int = 80) -> torch.Tensor:
    return torch.from_numpy(photos.astronaut()[:height, 150 : 150 + width].copy()).permute(2, 0, 1)[None].float()


def untrained(method: str, **settings: object) -> LearnedJPEG:
    torch.manual_seed(0)
    return LearnedJPEG(ModelSettings(method=method, pretrained=False, **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("method", attention.METHODS)
def test_every_method_gives_maps_in_range_and_a_picture(method: str) -> None:
    x = photo()
    output = untrained(method)(x)
    assert output.x_hat.shape == x.shape
    assert output.z_hat.shape == (1, 3, 8, 10, 8, 8)
    if method == "tables":
        assert output.A is None
    else:
        assert output.A is not None
        assert output.A.shape == (1, 2, 8, 10, 8, 8)
        assert 0 <= output.A.min() <= output.A.max() <= 1


@pytest.mark.parametrize("method", ["tables", "vgg16", "lstm", "bilstm"])
def test_gradients_reach_tables_and_network(method: str) -> None:
    model = untrained(method)
    model.tables.set(torch.full((2, 8, 8), 20.0))
    (model(photo()).x_hat - photo()).square().mean().backward()
    learned = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.abs().sum() > 0 for p in learned)
    assert all(p.grad is None for p in model.parameters() if not p.requires_grad)


def test_both_parametrisations_give_the_same_tables() -> None:
    Q = torch.rand(2, 8, 8) * 254 + 1
    for kind in ("log", "paper"):
        tables = LearnedTables(kind)
        assert 1 <= tables().min() <= tables().max() <= 2
        tables.set(Q)
        assert torch.allclose(tables(), Q, rtol=1e-5)
        with torch.no_grad():
            tables.variable[0, 0, 0] = -1.0 if kind == "paper" else 9.0
        tables.clip()
        assert tables().min() >= 1 and tables().max() <= 255.001


def test_equation_4_on_one_block() -> None:
    model = untrained("lstm")
    model.tables.set(torch.full((2, 8, 8), 3.0))
    x = photo(8, 8)
    F, A = model.transform_and_attend(x)
    assert A is not None
    expected = (F[0, 0, 0, 0] * A[0, 0, 0, 0] / 3).round()
    assert torch.equal(model(x).z_hat[0, 0, 0, 0], expected)


@pytest.mark.parametrize("attended", [True, False])
def test_the_derivative_of_equation_4_is_the_automatic_one(attended: bool) -> None:
    """With respect to F, A and Q. Cb and Cr share map and table, which get the gradients of both."""
    generator = torch.Generator().manual_seed(0)
    F, A, tables, weight = (
        torch.rand(shape, dtype=torch.float64, generator=generator).add(0.5).requires_grad_()
        for shape in ((2, 3, 1, 2, 8, 8), (2, 2, 1, 2, 8, 8), (1, 2, 1, 1, 8, 8), (2, 3, 1, 2, 8, 8))
    )

    def plainly(F: torch.Tensor, A: torch.Tensor | None, steps: torch.Tensor) -> torch.Tensor:
        return (F if A is None else F * A[:, [0, 1, 1]]) / steps

    found, expected = (
        torch.autograd.grad(
            (divided(F, A if attended else None, tables[:, [0, 1, 1]]) * weight).sum(),
            (F, A, tables) if attended else (F, tables),
        )
        for divided in (_Divided.apply, plainly)
    )
    torch.testing.assert_close(found, expected)


def test_without_attention_and_with_annex_k_it_is_libjpeg() -> None:
    x = photo()
    model = untrained("tables")
    model.tables.set(quality_tables(60))
    ours = model.coefficients(x)
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(x[0].permute(1, 2, 0).byte().numpy()).save(stream, "JPEG", quality=60, subsampling=0)
    theirs = codestream.read(stream.getvalue())
    assert np.array_equal(ours.tables, theirs.tables)
    for a, b in zip(ours.planes, theirs.planes, strict=True):  # libjpeg rounds Y, Cb, Cr to whole numbers first
        assert np.mean(a == b) > 0.985
        assert np.abs(a.astype(int) - b).max() <= 1


@pytest.mark.parametrize("size", [(64, 80), (33, 17), (1, 1)])
def test_the_file_shows_what_training_saw(size: tuple[int, int]) -> None:
    x = photo(*size)
    model = untrained("tables")
    model.tables.set(quality_tables(40))
    with torch.no_grad():
        seen = model(x).x_hat[0].permute(1, 2, 0).numpy()
    shown = codestream.decode(codestream.write(model.coefficients(x)))
    assert shown.shape[:2] == size
    assert np.abs(seen - shown).mean() < 0.6  # the file's samples are whole numbers
    assert np.abs(seen - shown).max() < 4


def test_frozen_trunk_features_can_be_given() -> None:
    model = untrained("vgg16")
    x = photo()
    assert model.attention is not None
    known = model.attention.features(x)  # type: ignore[operator]
    assert torch.equal(model(x, known).z_hat, model(x).z_hat)


@pytest.mark.parametrize("method", ["tables", "vgg16", "bilstm"])
def test_checkpoint_round_trip(tmp_path: Path, method: str) -> None:
    path = tmp_path / "model.safetensors"
    model = untrained(method, trunk_trained=method == "vgg16")
    save_checkpoint(path, model, {"steps": 3})
    again, extra = load_checkpoint(path)
    assert extra == {"steps": 3}
    assert torch.equal(again(photo()).x_hat, model(photo()).x_hat)


def test_bad_checkpoints_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(ReproError, match=r"model\.safetensors: no such checkpoint"):
        load_checkpoint(path)
    path.write_bytes(b"rubbish" * 10)
    with pytest.raises(ReproError, match="not a checkpoint"):
        load_checkpoint(path)
    save_checkpoint(path, untrained("tables"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(ReproError, match="not a checkpoint"):
        load_checkpoint(path)
    path.write_bytes(whole)
    header = {"settings": '{"method": "tables"}', "extra": "{}"}
    save_file({"tables.variable": load_file(path)["tables.variable"] * float("nan")}, path, metadata=header)
    with pytest.raises(ReproError, match="NaN"):
        load_checkpoint(path)
    save_file({"other": torch.ones(1)}, path, metadata=header)
    with pytest.raises(ReproError, match="other weights"):
        load_checkpoint(path)


def test_a_checkpoint_of_an_unknown_method_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    header = {"settings": '{"method": "swin"}', "extra": "{}"}
    save_file(untrained("tables").learned_state(), path, metadata=header)
    with pytest.raises(ReproError, match=r"model\.safetensors: unknown method 'swin'; .*train it again"):
        load_checkpoint(path)


def test_a_checkpoint_of_another_frozen_trunk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real = tmp_path / "model.safetensors", weights.load
    model = LearnedJPEG(ModelSettings(method="vgg16"))
    for extra in ({}, trunk_of(model)):
        save_checkpoint(path, model, extra)
        assert load_checkpoint(path)[1] == extra

    def load(name: str) -> weights.Weights:
        found = real(name)
        return replace(found, state={k: 2 * v for k, v in found.state.items()}, source="another file")

    monkeypatch.setattr(weights, "load", load)
    with pytest.raises(ReproError, match=r"model\.safetensors: .*train it again") as caught:
        load_checkpoint(path)
    assert str(model.attention.source) in str(caught.value) and "another file" in str(caught.value)  # type: ignore[union-attr]
    save_checkpoint(path, model)  # as in checkpoints from before this was stored
    load_checkpoint(path)


def test_the_hash_is_of_a_frozen_trunk_alone() -> None:
    assert trunk_of(untrained("tables")) == trunk_of(untrained("lstm")) == {}
    assert trunk_of(untrained("vgg16", trunk_trained=True)) == {}


def test_unknown_names_are_refused() -> None:
    for bad in ({"method": "vgg99"}, {"rounding": "up"}, {"table_param": "sqrt"}, {"method": "vgg16", "minmax": True}):
        with pytest.raises(UsageError):
            LearnedJPEG(ModelSettings(pretrained=False, **bad))  # type: ignore[arg-type]


def test_minmax_stretches_each_map() -> None:
    output = untrained("lstm", minmax=True)(photo())
    assert output.A is not None
    assert torch.allclose(output.A.amin((2, 3, 4, 5)), torch.zeros(1, 2))
    assert torch.allclose(output.A.amax((2, 3, 4, 5)), torch.ones(1, 2))


def test_wrong_range_is_refused() -> None:
    with pytest.raises(ValueError, match="0–255"):
        untrained("tables")(photo() * 2)
