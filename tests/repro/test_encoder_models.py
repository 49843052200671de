"""Model sets: stored completely, read only if unchanged, and monotone in quality."""

from __future__ import annotations

import io
import itertools
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from encoder_stand_in import ANCHORS, astronaut, stand_in
from repro.encoder import models
from repro.encoder.calibrate import calibrate
from repro.encoder.encode import Settings, encode_picture
from repro.encoder.images import Picture
from repro.errors import ReproError, UsageError
from repro.jpeg.tables import quality_tables

# ---- model sets -------------------------------------------------------------------------------------------------


def test_stored_set_is_the_same_set(model, tmp_path):
    heads = {
        "head_weights": np.random.default_rng(0).normal(size=(len(ANCHORS), 128, 256)).astype(np.float32),
        "head_biases": np.random.default_rng(1).normal(size=(len(ANCHORS), 128)).astype(np.float32),
    }
    original = stand_in(method="vgg16", provenance={"photos": "some"}, **heads)
    models.save(original, tmp_path / "vgg")
    loaded = models.load(str(tmp_path / "vgg"))
    assert np.allclose(loaded.tables, original.tables, atol=1e-3)
    assert np.array_equal(loaded.qualities, original.qualities) and np.array_equal(loaded.lams, original.lams)
    assert np.allclose(loaded.head_weights, original.head_weights, atol=2e-3)  # half precision
    assert np.array_equal(loaded.head_biases, original.head_biases)
    assert loaded.provenance == {"photos": "some"}
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "vgg", check=True, capture_output=True)


def test_a_set_that_was_made_again_is_read_again(tmp_path, monkeypatch):
    """In one process: at the same path, and at the same relative path in another folder."""
    for folder, names in ((tmp_path / "a", ("first", "again")), (tmp_path / "b", ("third",))):
        folder.mkdir()
        monkeypatch.chdir(folder)
        for name in names:
            models.save(stand_in(name=name), "set")
            assert models.load("set").name == name
    assert models.load("set") is models.load("set")


@pytest.mark.parametrize("quality", ANCHORS)
def test_anchors_are_met_exactly(quality):
    assert np.array_equal(stand_in().at(quality).tables, quality_tables(quality))


@pytest.mark.parametrize("quality", [1, 3, 9, 95, 99, 100])
def test_beyond_the_ends_tables_scale_as_libjpeg_scales_annex_k(quality):
    mine, ijg = stand_in().at(quality).tables.astype(int), quality_tables(quality)
    # scaled from an end whose entries were rounded to whole numbers, so off by up to half of its own step
    end = quality_tables(10 if quality < 10 else 92)
    unclipped = (end < 255) & (end > 1)
    assert np.abs(mine - ijg)[unclipped].max() <= 1 + 0.5 * models.percent(quality) / models.percent(
        10 if quality < 10 else 92
    )
    assert quality < 100 or (mine == 1).all()


@settings(max_examples=60, deadline=None)
@given(a=st.floats(1, 100), b=st.floats(1, 100), seed=st.integers(0, 5))
def test_no_entry_grows_with_quality(a, b, seed):
    rng = np.random.default_rng(seed)
    noisy = stand_in(tables=(stand_in().tables * rng.uniform(0.7, 1.4, (len(ANCHORS), 2, 8, 8))).clip(1, 255))
    low, high = (noisy.at(q).tables.astype(int) for q in sorted((a, b)))
    assert (high <= low).all()
    assert low.min() >= 1 and low.max() <= 255


def test_file_size_grows_with_quality(model):
    picture = Picture(astronaut())
    sizes = [len(encode_picture(picture, Settings(quality=q, model=model)).data) for q in (1, *range(5, 100, 5), 100)]
    assert all(b > a for a, b in itertools.pairwise(sizes)), sizes


def test_stand_in_costs_what_libjpeg_costs(model):
    rgb = astronaut(512, 512)
    ours = len(encode_picture(Picture(rgb), Settings(quality=50, model=model, scans="sequential")).data)
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=50, subsampling=0, optimize=True)
    assert ours == pytest.approx(len(buffer.getvalue()), rel=0.01)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tables": np.full((7, 2, 8, 8), np.nan)}, "NaN"),
        ({"lams": np.full(7, np.nan)}, "NaN"),
        ({"tables": np.full((7, 2, 8, 8), 0.5)}, "1–255"),
        ({"tables": np.ones((6, 2, 8, 8))}, "8×8"),
        ({"qualities": np.full(7, 50.0)}, "increase"),
        ({"qualities": np.arange(7.0)}, "1–99"),
        ({"lams": np.arange(7.0)[::-1]}, "increase"),
        ({"method": "lstm"}, "needs 7 heads"),
        ({"method": "vgg16"}, "heads"),
        (
            {
                "method": "vgg16",
                "head_weights": np.full((7, 128, 256), np.nan, np.float32),
                "head_biases": np.zeros((7, 128), np.float32),
            },
            "NaN",
        ),
    ],
)
def test_wrong_sets_are_refused(changes, says):
    with pytest.raises(ReproError, match=says) as caught:
        stand_in(**changes)
    assert "stand-in" in str(caught.value)


def tampered(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return apply


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (tampered("model.json", lambda d: d.replace(b"16.0", b"15.0", 1)), r"model\.json: was changed"),
        (tampered("heads.safetensors", lambda d: d[:-1] + bytes([d[-1] ^ 1])), r"heads\.safetensors: was changed"),
        (tampered("model.json", lambda d: b""), r"model\.json: was changed"),
        (lambda folder: (folder / "heads.safetensors").unlink(), r"heads\.safetensors"),
        (lambda folder: (folder / "SHA256SUMS").unlink(), "SHA256SUMS"),
        (tampered("SHA256SUMS", lambda d: b"\n"), "SHA256SUMS"),
        (tampered("SHA256SUMS", lambda d: b"00  model.json\n"), "was changed"),
    ],
)
def test_tampered_sets_are_refused(change, says, tmp_path):
    heads = {"head_weights": np.zeros((7, 128, 256), np.float32), "head_biases": np.zeros((7, 128), np.float32)}
    models.save(stand_in(method="vgg16", **heads), tmp_path)
    change(tmp_path)
    with pytest.raises(ReproError, match=says) as caught:
        models.load(str(tmp_path))
    assert str(tmp_path) in str(caught.value)


def test_set_of_another_format_or_content_is_refused(tmp_path):
    for change, says in [({"format": 2}, "format 2"), ({"models": "none"}, "not a model set")]:
        models.save(stand_in(), tmp_path)
        stored = json.loads((tmp_path / "model.json").read_text()) | change
        data = json.dumps(stored).encode()
        (tmp_path / "model.json").write_bytes(data)
        (tmp_path / "SHA256SUMS").write_text(f"{models.sha256_bytes(data)}  model.json\n")
        with pytest.raises(ReproError, match=says):
            models.load(str(tmp_path))


def test_unknown_model_is_a_usage_error():
    with pytest.raises(UsageError, match="unknown model 'vgg99'"):
        encode_picture(Picture(astronaut()), Settings(model="vgg99"))


def test_shipped_sets_of_the_papers_way_load_and_are_small():
    for name in ("tables", "vgg16"):
        folder = models._shipped_folder() / name
        loaded = models.load(name)
        assert loaded.name == name and loaded.provenance
        assert sum(p.stat().st_size for p in folder.iterdir()) < 4e6


def test_calibration_finds_libjpegs_qualities():
    rgb = astronaut(256, 256)
    found = calibrate(stand_in(qualities=np.arange(1.0, 8.0)), [rgb]).qualities
    # the same tables cost more in 4:4:4 than in 4:2:0, so each anchor's quality comes out somewhat higher
    assert (np.diff(found) > 0).all()
    assert all(anchor < q < anchor + 20 for anchor, q in zip(ANCHORS, found, strict=True)), found
    with pytest.raises(UsageError):
        calibrate(stand_in(), [])
