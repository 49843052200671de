"""``repro encode --model out/model.safetensors``: encode a photo with a model that a user trained."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import repro
from encoder_stand_in import astronaut, save
from repro import cli
from repro.jpeg import codestream
from repro.model import LearnedJPEG, ModelSettings, load_checkpoint, save_checkpoint, trunk_of


def checkpoint(path: Path, method: str = "tables", **settings: object) -> LearnedJPEG:
    torch.manual_seed(0)
    model = LearnedJPEG(ModelSettings(method=method, **settings)).eval()  # type: ignore[arg-type]
    model.tables.set(torch.linspace(3, 40, 128).view(2, 8, 8))
    save_checkpoint(path, model)
    return model


def run(*arguments: object) -> int:
    return cli.run(["encode", *map(str, arguments)])


@pytest.mark.parametrize("method", ["tables", "vgg16", "lstm", "bilstm"])
def test_the_file_holds_what_the_model_says(method, tmp_path, capsys):
    model = checkpoint(tmp_path / "model.safetensors", method, minmax=method == "lstm")
    photo = save(tmp_path / "photo.png", astronaut(100, 70))
    assert run(photo, "--model", tmp_path / "model.safetensors") == 0
    out, _ = capsys.readouterr()
    assert "bpp" in out and "quality" not in out
    found = codestream.read((tmp_path / "photo.jpg").read_bytes())
    expected = model.coefficients(torch.from_numpy(astronaut(100, 70)).permute(2, 0, 1)[None].float())
    assert np.array_equal(found.tables, expected.tables)
    assert all(np.array_equal(a, b) for a, b in zip(found.planes, expected.planes, strict=True))


def test_a_model_that_was_trained_again_is_read_again(tmp_path, monkeypatch):
    """In one process: at the same path, and at the same relative path in another folder."""
    (tmp_path / "other").mkdir()
    model = checkpoint(tmp_path / "model.safetensors")

    def tables() -> np.ndarray:
        return codestream.read(repro.encode(astronaut(16, 16), model="model.safetensors")).tables

    for step, folder in ((5, tmp_path), (6, tmp_path), (7, tmp_path / "other")):
        monkeypatch.chdir(folder)
        model.tables.set(torch.full((2, 8, 8), float(step)))
        save_checkpoint("model.safetensors", model)
        assert (tables() == step).all()
    monkeypatch.chdir(tmp_path)
    assert (tables() == 6).all()


@pytest.mark.parametrize("method", ["tables", "bilstm"])
def test_a_grey_photo_is_its_luma(method, tmp_path):
    checkpoint(tmp_path / "model.safetensors", method)
    grey = astronaut(33, 50)[..., 1].copy()
    for name, samples in (("grey", grey), ("rgb", np.dstack([grey] * 3))):
        source = save(tmp_path / f"{name}.png", samples)
        assert run(source, "--model", tmp_path / "model.safetensors") == 0
    one, three = (codestream.read((tmp_path / f"{name}.jpg").read_bytes()) for name in ("grey", "rgb"))
    assert one.subsampling == "grey" and np.array_equal(one.planes[0], three.planes[0])


def test_the_fast_effort_takes_its_tables(tmp_path, capsys):
    model = checkpoint(tmp_path / "model.safetensors")
    photo = save(tmp_path / "photo.png", astronaut(64, 64))
    assert run(photo, "--model", tmp_path / "model.safetensors", "--effort", "fast", "--json") == 0
    assert json.loads(capsys.readouterr().out)["quality"] is None
    found = codestream.read((tmp_path / "photo.jpg").read_bytes())
    assert np.array_equal(found.tables, model.integer_tables().numpy())


def test_the_command_stores_which_trunk_it_trained_with(tmp_path):
    small = ["--steps", "1", "--crops", "1", "--batch", "1", "--gamma", "0", "--sigma", "0", "--accelerator", "cpu"]
    assert cli.run(["train", "-o", str(tmp_path / "run"), "--method", "vgg16", *small]) == 0
    model, extra = load_checkpoint(tmp_path / "run" / "model.safetensors")
    assert extra.keys() == {"data", "trunk", "weights"} and extra | trunk_of(model) == extra


@pytest.mark.parametrize(
    ("method", "arguments", "code", "says"),
    [
        ("tables", ["--quality", 50], 2, "one λ and has no quality scale; leave --quality out"),
        ("tables", ["--bpp", 0.5], 2, "one λ and has no quality scale; leave --bpp out"),
        ("lstm", ["--effort", "fast"], 2, "--effort fast"),
        (None, [], 1, "no such checkpoint; train one"),
        ("rubbish", [], 1, "not a checkpoint of this program"),
    ],
)
def test_mistakes_are_told_in_one_line(method, arguments, code, says, tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    if method == "rubbish":
        path.write_bytes(b"rubbish" * 10)
    elif method:
        checkpoint(path, method)
    photo = save(tmp_path / "photo.png", astronaut(16, 16))
    assert run(photo, "--model", path, *arguments) == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("repro: ") and err.count("\n") == 1 and says in err
    assert not (tmp_path / "photo.jpg").exists()


def test_a_folder_of_photos_with_a_wrong_checkpoint_is_one_mistake(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for name in "ab":
        save(tmp_path / "photos" / f"{name}.png", astronaut(16, 16))
    assert run(tmp_path / "photos", "-o", tmp_path / "out", "--model", tmp_path / "none.safetensors") == 1
    assert capsys.readouterr().err.count("\n") == 1
