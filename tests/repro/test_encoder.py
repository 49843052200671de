"""The encoder: its analysis equals the model's, size targets are met, and many files are encoded."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data as photos

from encoder_stand_in import astronaut, save, stand_in
from repro.attention import ConvolutionalAttention
from repro.encoder import batch, models, profiles
from repro.encoder.colour import ADOBE_RGB, ColourSpace
from repro.encoder.encode import Encoded, Settings, encode_file, encode_picture
from repro.encoder.images import Picture, open_picture
from repro.encoder.search import largest_within, scorer, smallest_reaching
from repro.encoder.tables_encoder import TablesEncoder, quantise
from repro.errors import ReproError, UsageError
from repro.jpeg import codestream
from repro.jpeg.codestream import Coefficients
from repro.jpeg.tables import quality_tables
from repro.model import LearnedJPEG, ModelSettings
from repro.ssimulacra2 import ssimulacra2
from repro.torch_encoder.networks import AttentionEncoder

# ---- analysis ---------------------------------------------------------------------------------------------------


def equal(a: Coefficients, b: Coefficients) -> bool:
    return all(np.array_equal(p, q) for p, q in zip((*a.planes, a.tables), (*b.planes, b.tables), strict=True))


@pytest.mark.parametrize("size", [(512, 512), (129, 67), (8, 8), (1, 300)])
def test_tables_give_what_the_model_gives(size):
    rgb = astronaut(512, 512)[: size[0], : size[1]]
    whole = LearnedJPEG()
    whole.tables.set(quality_tables(35))
    expected = whole.coefficients(torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float())
    assert equal(quantise(rgb, stand_in().at(35).tables), expected)


def test_attention_gives_what_the_model_gives_and_is_kept(monkeypatch):
    monkeypatch.setattr("repro.regions.TILE_SIDE", 128)
    torch.manual_seed(0)
    rgb = astronaut(240, 272)
    whole = LearnedJPEG(ModelSettings(method="vgg16", pretrained=False)).eval()
    whole.tables.set(quality_tables(35))
    whole.attention.head.weight.data *= 30  # random features are small: make the maps vary
    expected = whole.coefficients(torch.from_numpy(rgb).permute(2, 0, 1)[None].float())
    head = (whole.attention.head.weight.detach()[..., 0, 0].numpy().copy(), np.zeros(128, np.float32))
    p = models.Parameters(stand_in().at(35).tables, head)
    once, often = (
        AttentionEncoder(Picture(rgb), stand_in(), once=once, attention=whole.attention) for once in (True, False)
    )
    assert equal(once.quantise(p), expected) and equal(often.quantise(p), expected)
    monkeypatch.setattr(ConvolutionalAttention, "features", None)  # only the kept features can be used from here on
    assert equal(often.quantise(p), expected)
    faded = often.quantise(models.Parameters(p.tables, head, strength=0.0))
    plain = quantise(rgb, p.tables)
    assert equal(faded, plain) and not equal(expected, plain)
    assert all((np.abs(a) <= np.abs(b)).all() for a, b in zip(expected.planes, plain.planes, strict=True))


def test_grey_picture_looks_to_attention_like_its_rgb():
    grey_samples = np.ascontiguousarray(photos.camera()[:64, :64])
    attention = ConvolutionalAttention("vgg16", pretrained=False)
    head = (np.full((128, 256), 0.01, np.float32), np.zeros(128, np.float32))
    parameters = models.Parameters(stand_in().at(35).tables, head)
    one, three = (
        AttentionEncoder(Picture(samples), stand_in(), attention=attention).quantise(parameters)
        for samples in (grey_samples, np.dstack([grey_samples] * 3))
    )
    assert np.array_equal(one.planes[0], three.planes[0]) and len(one.planes) == 1


def test_two_qualities_at_once_have_a_head_each(monkeypatch):
    """As in two threads that share the network."""
    monkeypatch.setattr("repro.regions.TILE_SIDE", 64)
    attention = ConvolutionalAttention("vgg16", pretrained=False)
    encoder = AttentionEncoder(Picture(astronaut(64, 128)), stand_in(), attention=attention)
    with torch.no_grad():
        low, high = (
            encoder.parts(models.Parameters(stand_in().at(35).tables, (np.zeros((128, 256), np.float32), bias)))
            for bias in (np.full(128, value, np.float32) for value in (-2, 2))
        )
        pairs = list(zip(low, high, strict=True))  # a tile of one, then a tile of the other
    assert len(pairs) == 2 and all((a.A < 0.2).all() and (b.A > 0.8).all() for a, b in pairs)


# ---- bits per pixel ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bpp", [0.3, 0.5, 1.0, 3.0, 6.0])
def test_bpp_is_met_from_below_by_the_best_quality(bpp, model):
    picture = Picture(astronaut(512, 512))
    encoded = encode_picture(picture, Settings(bpp=bpp, model=model))
    assert encoded.bpp == 8 * len(encoded.data) / 512**2
    assert 0.95 * bpp <= encoded.bpp <= bpp and encoded.notices == ()
    better = encode_picture(picture, Settings(quality=min(100, encoded.quality + 0.1), model=model))
    assert better.bpp > bpp
    same: Encoded = encode_picture(picture, Settings(quality=encoded.quality, model=model))
    assert same.data == encoded.data


@pytest.mark.parametrize("bpp", [0.01, 40])
def test_bpp_out_of_reach_names_the_range(bpp, model, tmp_path):
    source = save(tmp_path / "photo.png", astronaut())
    with pytest.raises(ReproError, match=f"{bpp} bits per pixel cannot be met; choose from ") as caught:
        encode_file(source, tmp_path / "out.jpg", Settings(bpp=bpp, model=model))
    assert not (tmp_path / "out.jpg").exists()
    low, high = (float(word) for word in str(caught.value).split("choose from ")[1].split(" to "))
    for reachable in (low, high):  # both ends of the named range can be reached
        report = encode_file(source, tmp_path / "out.jpg", Settings(bpp=reachable, model=model, overwrite=True))
        assert 0.95 * reachable <= report.bpp <= reachable


@settings(max_examples=300, deadline=None)
@given(st.integers(150, 10**6), st.integers(0, 10**6), st.integers(1, 10**8), st.integers(0, 10**5))
def test_every_range_that_is_named_can_be_had_to_its_ends(least, more, pixels, beside):
    def encode(quality: float) -> bytes:
        return bytes(least + round(more * (quality - 1) / 99))

    def within(bpp: float) -> bytes:
        return largest_within(encode, bpp * pixels - 8 * beside, pixels, "sizes", beside)[1]

    for bpp in (8 * (least + beside - 1) / pixels, 8 * (2 * (least + more) + beside) / pixels):
        with pytest.raises(ReproError) as caught:
            within(bpp)
        low, high = str(caught.value).split("choose from ")[1].split(" to ")
        assert len(within(float(low))) < 1.0001 * (least + beside) and len(within(float(high))) == least + more


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.98), st.integers(2, 400))
def test_search_finds_the_last_step_that_fits(seed, share, levels):
    """For any growing sizes, with plateaus and jumps, in few encodings."""
    rng = np.random.default_rng(seed)
    jumps = np.sort(rng.integers(1, 991, levels))
    sizes = 100 + np.cumsum(np.bincount(jumps, rng.lognormal(3, 2, levels), 991)).astype(int)
    calls = []

    def encode(quality: float) -> bytes:
        calls.append(quality)
        return bytes(sizes[round(10 * quality) - 10])

    bits = 8 * (sizes[0] + share * (sizes[-1] - sizes[0]))
    quality, data = largest_within(encode, bits, 1, "sizes")
    expected = np.flatnonzero(8 * sizes <= bits).max()
    assert round(10 * quality) - 10 == expected and len(data) == sizes[expected]
    assert len(calls) < 50  # of 991 steps; the most ever seen is 41, for random jumps


def test_coarse_steps_are_told(model):
    """If files come in few sizes, the best one is used with a notice, not refused."""
    encoded = encode_picture(Picture(np.zeros((64, 64, 3), np.uint8)), Settings(quality=50, model=model))
    assert encoded.notices == ()

    def encode(quality: float) -> bytes:
        return bytes(100 if quality < 50 else 1000)

    assert largest_within(encode, 8 * 500, 1, "steps")[0] == 49.9


# ---- SSIMULACRA 2 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", [20, 45, 70, 85])
def test_a_score_is_reached_by_the_lowest_quality(score, model):
    picture = Picture(astronaut(120, 160))
    encoded = encode_picture(picture, Settings(ssimulacra2=score, model=model))
    assert encoded.ssimulacra2 >= score
    assert encoded.ssimulacra2 == ssimulacra2(picture.samples, codestream.decode(encoded.data))
    lower = [round(encoded.quality - 0.1 * i, 1) for i in range(1, 16)]
    files = [encode_picture(picture, Settings(quality=q, model=model)).data for q in lower if q >= 1]
    scores = [ssimulacra2(picture.samples, codestream.decode(data)) for data in files]
    assert scores == [] or (scores[0] < score and max(scores) < score + 0.5)
    same = encode_picture(picture, Settings(quality=encoded.quality, model=model))
    assert same.data == encoded.data and same.ssimulacra2 is None


def test_a_score_takes_few_encodings():
    picture, tried = Picture(astronaut(200, 240)), []
    encoder = TablesEncoder(picture, stand_in(), exact=False)

    def encode(quality: float) -> bytes:
        tried.append(quality)
        return encoder.encode(quality)

    for score in range(10, 90, 10):
        smallest_reaching(encode, score, scorer(picture, "photo"), "photo")
    assert len(tried) <= 8 * 8


def test_a_grey_picture_reaches_a_score(model):
    encoded = encode_picture(Picture(astronaut(120, 130)[..., 1]), Settings(ssimulacra2=60, model=model))
    assert 60 <= encoded.ssimulacra2 < 62 and codestream.read(encoded.data).subsampling == "grey"


def test_a_score_is_of_the_colours_that_a_profile_shows():
    """Adobe RGB samples taken for sRGB would score differently from what a viewer sees."""
    picture = Picture(astronaut(128, 160), icc=ColourSpace(ADOBE_RGB, 2.2).profile(grey=False))
    encoded = encode_picture(picture, Settings(ssimulacra2=80, effort="fast"))
    original = profiles.in_srgb(picture.samples, picture.icc)
    assert encoded.ssimulacra2 == ssimulacra2(original, open_picture(encoded.data, icc="srgb").samples) >= 80


def test_a_score_out_of_reach_names_the_highest(model):
    picture = Picture(astronaut(128, 128))
    with pytest.raises(
        ReproError, match=r"photo: a SSIMULACRA 2 of 99\.5 cannot be reached; choose at most "
    ) as caught:
        encode_picture(picture, Settings(ssimulacra2=99.5, model=model), "photo")
    highest = float(str(caught.value).split("at most ")[1])
    assert encode_picture(picture, Settings(ssimulacra2=highest, model=model)).ssimulacra2 >= highest
    with pytest.raises(ReproError, match=r"photo: the picture is 112×300 px; SSIMULACRA 2 .* needs at least 113 px"):
        encode_picture(Picture(astronaut(300, 112)), Settings(ssimulacra2=70, model=model), "photo")


# ---- many files -------------------------------------------------------------------------------------------------


def test_names_never_collide(tmp_path):
    names = ["a.png", "A.tif", "b.png", "a.png.png", "c.jpg", "a.png.gif"]
    outputs = [p.name for p in batch.name_outputs([Path(n) for n in names], tmp_path)]
    assert outputs[2] == "b.jpg" and outputs[4] == "c.jpg" and outputs[0] == "a.png.jpg" and outputs[1] == "A.tif.jpg"
    assert len({n.casefold() for n in outputs}) == len(names)


def test_same_name_from_two_folders(tmp_path):
    outputs = batch.name_outputs([Path("x/a.png"), Path("y/a.png")], tmp_path)
    assert [p.name for p in outputs] == ["a.png.jpg", "a.png-2.jpg"]


def test_folder_lists_pictures_only(tmp_path):
    for name in ("b.png", "a.JPG", "notes.txt", "._a.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "sub.png").mkdir()
    found = batch.pictures_in(tmp_path)
    assert [path.name for path in found.pictures] == ["a.JPG", "b.png"] and not found.unread
    assert found.left_alone == {".txt": 1, "folder": 1, "hidden": 1}


# ---- cost -------------------------------------------------------------------------------------------------------


def test_a_photo_takes_under_two_seconds_warm(model, tmp_path):
    """CPU time, which a busy machine does not stretch."""
    source = save(tmp_path / "photo.png", np.tile(astronaut(512, 384), (1, 2, 1)))
    seconds = []
    for i in range(2):  # the first run is cold
        start = time.process_time()
        encode_file(source, tmp_path / f"{i}.jpg", Settings(model=model))
        seconds.append(time.process_time() - start)
    assert seconds[1] < 2


def test_wrong_arrays_are_refused():
    for samples in (np.zeros((4, 4), np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4), np.uint8)):
        with pytest.raises(UsageError, match="picture: expected uint8"):
            Picture(samples)
