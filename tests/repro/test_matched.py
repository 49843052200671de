"""Two encoders on one photo at one size: the peer's file is never smaller, and both are measured on real files."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from PIL import Image

from repro import codecs
from repro.data import photos
from repro.evaluation import encoder_of, match_size, measure, versus
from repro.evaluation.measure import file_tables, rgb_to_tensor
from repro.jpeg.codestream import write
from repro.jpeg.tables import quality_tables
from repro.model import LearnedJPEG, ModelSettings

#: Peers that encode at all qualities from 1 to 100 within milliseconds: 4:4:4 and 4:2:0, sequential and progressive.
PEERS = ["pillow-444", "pillow-420-progressive", "mozjpeg-420"]


@dataclass(frozen=True)
class Part:
    """A part of a shipped photo, large enough for MS-SSIM."""

    name: str
    pixels: np.ndarray

    def rgb(self) -> np.ndarray:
        return self.pixels


@pytest.fixture(scope="module")
def parts() -> list[Part]:
    sample = photos("sample").items
    crops = (np.s_[60:244, 150:334], np.s_[100:276, 100:300])
    chosen = zip((sample[0], sample[3]), crops, strict=True)
    return [Part(p.name, np.ascontiguousarray(p.rgb()[crop])) for p, crop in chosen]


@pytest.fixture(scope="module")
def small(parts: list[Part]) -> np.ndarray:
    """A 64 px square, on which sizes are found in a moment."""
    return np.ascontiguousarray(parts[0].pixels[40:104, 40:104])


@pytest.fixture
def model() -> LearnedJPEG:
    """Annex K's tables at quality 30; a decoder that knows nothing of the model must show what it means."""
    made = LearnedJPEG(ModelSettings(method="tables"))
    made.tables.set(quality_tables(30))
    return made


# --- sizes


@pytest.mark.parametrize("codec", PEERS)
@pytest.mark.parametrize("share", [-1.0, 0.0, 0.1, 0.37, 0.8, 1.0, 9.0])
def test_the_lowest_quality_that_is_not_smaller(
    codec: str, share: float, small: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compared with brute force over all qualities; it makes few files, and none twice."""
    peer, made = codecs.get(codec), list[int]()
    files = {quality: peer.encode(small, quality) for quality in range(1, 101)}
    size = round(len(files[1]) + share * (len(files[100]) - len(files[1])))
    expected = next((q for q, file in files.items() if len(file) >= size), 100)
    monkeypatch.setitem(
        codecs.CODECS, codec, replace(peer, _encode=lambda rgb, quality: made.append(quality) or files[quality])
    )
    assert match_size(codec, small, size) == (expected, files[expected])
    assert len(made) == len(set(made)) <= 8


def test_a_codecs_own_lowest_quality_is_kept(small: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guetzli refuses qualities below 84. As it is slow, plain JPEG with the same limit stands in for it."""
    limited = replace(codecs.get("pillow-444"), lowest=84)
    monkeypatch.setitem(codecs.CODECS, "pillow-444", limited)
    assert match_size("pillow-444", small, 0) == (84, limited.encode(small, 84))


# --- a photo by two encoders


def test_versus_measures_both_files(parts: list[Part], model: LearnedJPEG) -> None:
    encode = encoder_of(model, progressive=False)
    matches = versus(encode, "pillow-444", iter(parts))
    assert [m.photo for m in matches] == ["astronaut.png", "coffee.png"]
    for part, match in zip(parts, matches, strict=True):
        ours = encode(part.pixels)
        quality, theirs = match_size("pillow-444", part.pixels, len(ours))
        assert match.quality == quality
        assert match.ours == pytest.approx(measure(part.pixels, ours), rel=1e-5)
        assert match.theirs == pytest.approx(measure(part.pixels, theirs), rel=1e-5)
        assert None not in (*match.ours.values(), *match.theirs.values()), "large enough for every metric"
        assert (match.theirs["bpp"] or 0) >= (match.ours["bpp"] or 0)
        smaller = codecs.get("pillow-444").encode(part.pixels, quality - 1)
        assert 8 * len(smaller) / part.pixels[..., 0].size < (match.ours["bpp"] or 0)


# --- a model as a function from pixels to bytes


def shown(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("method", ["tables", "lstm"])
@pytest.mark.parametrize("progressive", [True, False])
def test_a_decoder_shows_what_the_model_means(method: str, progressive: bool, parts: list[Part]) -> None:
    torch.manual_seed(0)
    model = LearnedJPEG(ModelSettings(method=method))
    model.tables.set(quality_tables(60))
    for part in parts:
        file = encoder_of(model, progressive=progressive)(part.pixels)
        with torch.no_grad():
            meant = model(rgb_to_tensor(part.pixels, "cpu")).x_hat[0].permute(1, 2, 0).numpy()
        assert shown(file).shape == part.pixels.shape
        off = np.abs(shown(file) - meant)
        # The decoder works in whole numbers, and clips luma before converting to RGB, where the model does not.
        assert off.mean() < 0.6 and np.quantile(off, 0.99) < 2
        assert np.array_equal(file_tables(file), model.integer_tables().numpy())


def test_the_file_is_the_models(model: LearnedJPEG) -> None:
    rgb = photos("sample").items[1].rgb()  # the whole photo: progressive scans do not pay on a small part
    coefficients = model.coefficients(rgb_to_tensor(rgb, "cpu"))
    progressive, sequential = (encoder_of(model, progressive=p)(rgb) for p in (True, False))
    assert progressive == write(coefficients) and encoder_of(model)(rgb) == progressive
    assert sequential == write(coefficients, progressive=False)
    assert np.array_equal(shown(progressive), shown(sequential)), "only the order of the bits differs"
    kinds = [bool(Image.open(io.BytesIO(data)).info.get("progressive")) for data in (progressive, sequential)]
    assert kinds == [True, False] and len(progressive) < len(sequential)
