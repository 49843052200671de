"""Photographs: the right set or a clear error, Kodak never in training, reproducible crops, photo-like dead leaves."""

from __future__ import annotations

import hashlib
import os
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from repro import cli, data
from repro.data import crops, leaves, publishers, registry, sets
from repro.errors import ReproError, UsageError
from repro.files import sha256_bytes, sha256_file
from servers import serve

REAL = os.environ.get("REPRO_DATA")
needs_real = pytest.mark.skipif(REAL is None, reason="needs the photographs: set REPRO_DATA")


@pytest.fixture(autouse=True)
def empty_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the user's folder and cache, so that only what a test puts there is found."""
    monkeypatch.delenv("REPRO_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def picture(height: int = 40, width: int = 60, blue: int = 0) -> np.ndarray:
    """A picture whose pixels tell their place: red is the row, green the column."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, np.full_like(rows, blue)], -1).astype(np.uint8)


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def photo_set(folder: Path, *shapes: tuple[int, int], dead_leaves: bool = False) -> data.PhotoSet:
    """One photo per shape, whose blue is its number."""
    paths = [save(folder / f"{i:02}.png", picture(*shape, blue=i)) for i, shape in enumerate(shapes)]
    items = tuple(data.Photo(path.name, path, sha256_file(path)) for path in paths)
    return data.PhotoSet("test", "made here", "none", items, dead_leaves)


def one_line(caught: pytest.ExceptionInfo[ReproError]) -> str:
    message = str(caught.value)
    assert "\n" not in message
    return message


# ---- Kodak: complete and correct, or a clear error


@pytest.mark.parametrize(
    ("count", "says"),
    [
        (0, "are not in {folder} nor in "),
        (23, "{folder}: holds 23 of the 24"),
        (24, "{folder}/kodim01.png: SHA-256"),
    ],
    ids=["empty", "one missing", "other files"],
)
def test_kodak_is_whole_or_an_error(count: int, says: str, tmp_path: Path) -> None:
    folder = tmp_path / "kodak"
    folder.mkdir()
    for i in range(1, count + 1):
        save(folder / f"kodim{i:02}.png", picture(blue=i))
    with pytest.raises(ReproError) as caught:
        data.photos("kodak", tmp_path)
    assert says.format(folder=folder) in one_line(caught) and "`repro data fetch kodak`" in one_line(caught)


# ---- Kodak never in training


def test_crop_pool_refuses_kodak_by_file_and_by_pixels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    photos = photo_set(tmp_path, (40, 60), (40, 60))
    for digest in (photos.items[1].sha256, sha256_bytes(photos.items[1].rgb().tobytes())):
        monkeypatch.setattr(crops, "kodak_hashes", lambda digest=digest: frozenset({digest}))
        with pytest.raises(ReproError, match=r"01\.png: is a Kodak photo"):
            data.crop_pool(photos, 10, size=16)


def test_hdrplus_refuses_a_kodak_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = save(tmp_path / "hdrplus" / "holiday.png", picture())
    monkeypatch.setattr(sets, "kodak_hashes", lambda: frozenset({sha256_file(path)}))
    with pytest.raises(ReproError, match=r"holiday\.png: is a Kodak photo"):
        data.photos("hdrplus", tmp_path)


def test_no_file_is_in_two_splits() -> None:
    """Training, tuning and evaluation never share a photo, in the published sets nor in the shipped ones."""
    known = registry.known_sets()
    digests = [digest for entry in known.values() for digest in entry.files.values()]
    assert len(digests) == len(set(digests)) == 24 + 181 + 41 + 23 + 2 + 2 + 4 + 11
    assert len(registry.kodak_hashes()) == 48


# ---- where photos come from


@pytest.mark.parametrize("split", ["train", "val", "sample"])
def test_without_any_folder_shipped_photos_are_used_and_named(split: str) -> None:
    found = data.photos(split)
    assert len(found) == len(registry.known_sets()[f"shipped/{split}"].files)
    assert "shipped by scikit-image" in found.source and found.licence
    assert found.dead_leaves == (split == "train") == ("dead leaves" in found.source)
    for photo in found:
        pixels = photo.rgb()
        assert pixels.dtype == np.uint8 and pixels.shape[2] == 3 and min(pixels.shape[:2]) >= 224


def known_here(monkeypatch: pytest.MonkeyPatch, *entries: registry.KnownSet) -> None:
    """Make the registry return ``entries`` instead of its own entries under these names."""
    table = registry.known_sets() | {entry.name: entry for entry in entries}
    for module in (sets, publishers):
        monkeypatch.setattr(module, "known_sets", lambda: table)


def small_set(folder: Path, name: str, count: int = 3, files_url: str = "", archive: str = "") -> registry.KnownSet:
    paths = [save(folder / f"{name[-3:]}{i}.png", picture(blue=i)) for i in range(count)]
    hashes = {path.name: sha256_file(path) for path in paths}
    return registry.KnownSet(name, f"{name} in small", "none", "", hashes, files_url, archive)


def test_argument_then_environment_then_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for place in ("argument", "environment", "cache/repro"):
        known = small_set(tmp_path / place / "cid22" / "val", "cid22/val")
    known_here(monkeypatch, known)

    def used(*arguments: Path) -> Path:
        return data.photos("val", *arguments).items[0].path

    assert used().is_relative_to(tmp_path / "cache")
    monkeypatch.setenv("REPRO_DATA", str(tmp_path / "environment"))
    assert used().is_relative_to(tmp_path / "environment")
    assert used(tmp_path / "argument").is_relative_to(tmp_path / "argument")
    assert data.photos("val").sha256 == data.photos("val", tmp_path / "argument").sha256


def test_train_takes_the_parts_that_are_there_and_leaves_other_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known_here(monkeypatch, small_set(tmp_path / "cid22" / "train", "cid22/train"))
    save(tmp_path / "cid22" / "train" / "stranger.png", picture(blue=99))
    (tmp_path / "cid22" / "train" / "notes.txt").write_text("not a picture")
    found = data.photos("train", tmp_path)
    assert [photo.name for photo in found] == ["ain0.png", "ain1.png", "ain2.png"]
    assert found.source == "3 of cid22/train in small" and not found.dead_leaves


def test_damaged_training_photo_is_an_error_not_a_fallback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known_here(monkeypatch, small_set(tmp_path / "cid22" / "train", "cid22/train"))
    save(tmp_path / "cid22" / "train" / "ain1.png", picture(blue=7))
    with pytest.raises(ReproError) as caught:
        data.photos("train", tmp_path)
    assert "ain1.png: SHA-256" in one_line(caught) and "`repro data fetch cid22`" in one_line(caught)


def test_missing_folder_and_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(ReproError, match="nowhere: no such data folder"):
        data.photos("val", tmp_path / "nowhere")
    with pytest.raises(UsageError, match="train, val, tune, check, kodak, sample, content-types, hdrplus"):
        data.photos("test")
    with pytest.raises(UsageError, match="kodak, cid22, clic2025-val"):
        data.fetch("imagenet")


def test_hdrplus_takes_pictures_below_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ReproError, match=r"hdrplusdata\.org"):
        data.photos("hdrplus", tmp_path)
    (tmp_path / "hdrplus").mkdir()
    (tmp_path / "hdrplus" / "readme.txt").write_text("not a picture")
    with pytest.raises(ReproError, match="holds no picture"):
        data.photos("hdrplus", tmp_path)
    save(tmp_path / "hdrplus" / "b.png", picture())
    save(tmp_path / "hdrplus" / "burst" / "final.jpg", picture())
    assert [photo.name for photo in data.photos("hdrplus", tmp_path)] == ["b.png", "burst/final.jpg"]


def test_a_folder_of_photos_is_trained_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only if a folder holds a known set are all its other pictures ignored."""
    empty, own = tmp_path / "empty", tmp_path / "own"
    empty.mkdir()
    with pytest.raises(ReproError, match="empty: holds no picture"):
        data.training_photos(empty)
    with pytest.raises(ReproError, match="~nobody-of-that-name/photos: no such data folder"):
        data.training_photos("~nobody-of-that-name/photos")
    save(own / "2026" / "beach.png", picture(240, 250))
    save(own / "portrait.png", picture(230, 260))
    (own / "._portrait.png").write_bytes(b"what a Mac leaves beside it")
    save(own / ".thumbnails" / "portrait.png", picture(240, 250))
    found = data.training_photos(own)
    assert [photo.name for photo in found] == ["2026/beach.png", "portrait.png"] and not found.dead_leaves
    assert found.source == f"2 pictures below {own}"
    known_here(monkeypatch, small_set(own / "cid22" / "train", "cid22/train"))
    assert [photo.name for photo in data.training_photos(own)] == ["ain0.png", "ain1.png", "ain2.png"]
    assert data.training_photos().dead_leaves, "without a folder, what is shipped"


def test_the_command_trains_on_the_users_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "own" / "beach.png", picture(240, 250))
    call = ["train", "-o", str(tmp_path / "run"), "--data", str(tmp_path / "own")]
    small = ["--steps", "1", "--crops", "2", "--batch", "2", "--gamma", "0", "--sigma", "0", "--accelerator", "cpu"]
    assert cli.run([*call, *small]) == 0
    assert f"photos: train (1 pictures below {tmp_path / 'own'})" in capsys.readouterr().out
    assert cli.run([*call, *small, "--crops", "3"]) == 1
    assert "belongs to a run with other crops; move it away" in capsys.readouterr().err
    save(tmp_path / "own" / "portrait.png", picture(230, 260))
    assert cli.run([*call, *small]) == 1
    assert "belongs to a run with other photos; move it away" in capsys.readouterr().err


def test_content_hash_follows_content_not_place(tmp_path: Path) -> None:
    first, second = photo_set(tmp_path / "a", (40, 60)), photo_set(tmp_path / "b", (40, 60))
    assert first.sha256 == second.sha256
    assert first.sha256 != photo_set(tmp_path / "c", (41, 60)).sha256
    assert first.sha256 != photo_set(tmp_path / "a", (40, 60), dead_leaves=True).sha256


# ---- reading pictures


def test_greyscale_palette_and_16_bit_become_rgb(tmp_path: Path) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = np.repeat(grey[..., None], 3, 2)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    Image.fromarray(expected).quantize(256).save(tmp_path / "palette.png")
    for name in ("grey", "deep", "palette"):
        np.testing.assert_array_equal(data.read_rgb(tmp_path / f"{name}.png"), expected, err_msg=name)


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        (np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16), "floating-point numbers"),
        (np.full((16, 16), 70_000, np.int32), "more than 16 bits"),
        (np.full((16, 16), -1, np.int32), "more than 16 bits"),
    ],
)
def test_samples_that_are_no_pictures_are_refused(samples: np.ndarray, why: str, tmp_path: Path) -> None:
    """Rounded or wrapped to 8 bits, they would become another picture."""
    Image.fromarray(samples).save(tmp_path / "deep.tif")
    with pytest.raises(ReproError, match=rf"deep\.tif: cannot be read \(its samples .*{why}\); replace or remove it"):
        data.read_rgb(tmp_path / "deep.tif")


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    Image.fromarray(picture()).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(data.read_rgb(tmp_path / "turned.png"), np.rot90(picture(), -1))


def test_adobe_rgb_is_converted_and_srgb_left_alone(tmp_path: Path) -> None:
    rocket = next(photo for photo in data.photos("val") if photo.name == "rocket.jpg")
    with Image.open(rocket.path) as image:
        adobe = image.info["icc_profile"]
    pixels = np.random.default_rng(0).integers(60, 200, (16, 16, 3)).astype(np.uint8)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(pixels).save(tmp_path / "srgb.png", icc_profile=srgb)
    np.testing.assert_array_equal(data.read_rgb(tmp_path / "srgb.png"), pixels)
    Image.fromarray(pixels).save(tmp_path / "adobe.png", icc_profile=adobe)
    # The same by the two spaces' definitions: Adobe's gamma 2.2, the matrix between primaries, sRGB's curve.
    matrix = np.array([[1.39836, -0.39836, 0], [0, 1, 0], [0, -0.04293, 1.04293]])
    linear = np.clip((pixels / 255) ** 2.19921875 @ matrix.T, 0, 1)
    expected = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    assert np.abs(data.read_rgb(tmp_path / "adobe.png") - expected).max() < 2
    assert np.abs(expected - pixels).max() > 20, "the test must be able to see that nothing was converted"


@pytest.mark.parametrize("damage", ["empty", "truncated", "text", "folder"])
def test_unreadable_picture_is_one_line_that_names_it(damage: str, tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.png", np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8))
    path = tmp_path / "broken.png"
    if damage == "folder":
        path.mkdir()
    else:
        content = {"empty": b"", "truncated": whole.read_bytes()[:5000], "text": b"no picture at all"}[damage]
        path.write_bytes(content)
    with pytest.raises(ReproError) as caught:
        data.read_rgb(path)
    assert one_line(caught).startswith(f"{path}: cannot be read")


# ---- crops


def where(crop: torch.Tensor) -> tuple[int, int, int]:
    """(photo, top, left) as read from the crop's pixels; fails unless the crop is an unchanged window of that photo."""
    photo, top, left = int(crop[2, 0, 0]), int(crop[0, 0, 0]), int(crop[1, 0, 0])
    size = crop.shape[1]
    expected = picture(top + size, left + size, photo)[top:, left:]
    np.testing.assert_array_equal(crop.permute(1, 2, 0).numpy(), expected)
    return photo, top, left


def test_crops_are_windows_spread_over_photos_and_places(tmp_path: Path) -> None:
    pool = data.crop_pool(photo_set(tmp_path, *[(40, 60)] * 5), 200, size=16)
    assert pool.shape == (200, 3, 16, 16) and pool.dtype == torch.uint8
    places = [where(crop) for crop in pool]
    photos, tops, lefts = (list(column) for column in zip(*places, strict=True))
    assert [photos.count(i) for i in range(5)] == [40] * 5
    assert photos != sorted(photos), "crops are shuffled"
    # Every window, the last row and column included, can be drawn (25 × 45 windows; 200 draws see most rows).
    assert min(tops) == 0 and max(tops) == 24 and min(lefts) <= 1 and max(lefts) >= 43


def test_share_of_crops_goes_with_the_root_of_the_area(tmp_path: Path) -> None:
    pool = data.crop_pool(photo_set(tmp_path, (40, 40), (120, 120)), 100, size=16)
    assert sum(where(crop)[0] == 1 for crop in pool) in {74, 75, 76}


def test_crops_repeat_for_a_seed_and_differ_for_another(tmp_path: Path) -> None:
    photos = photo_set(tmp_path, (40, 60), (50, 50), dead_leaves=True)
    threads = torch.get_num_threads()
    first = data.crop_pool(photos, 20, size=16, seed=3)
    try:
        torch.set_num_threads(threads + 1)
        assert torch.equal(first, data.crop_pool(photos, 20, size=16, seed=3))
    finally:
        torch.set_num_threads(threads)
    assert not torch.equal(first, data.crop_pool(photos, 20, size=16, seed=4))


def test_crops_stay_what_they_were(tmp_path: Path) -> None:
    """Stored results name their crops by set and seed alone; if this changed, their crops could not be made again."""
    pool = data.crop_pool(photo_set(tmp_path, (40, 60), (50, 70)), 12, size=16, seed=1)
    assert hashlib.sha256(pool.numpy().tobytes()).hexdigest()[:16] == "96b3026379a1ca13"


def test_a_pool_smaller_than_the_set_varies_with_the_seed(tmp_path: Path) -> None:
    photos = photo_set(tmp_path, *[(40, 40)] * 8)
    drawn = {frozenset(where(c)[0] for c in data.crop_pool(photos, 3, size=16, seed=seed)) for seed in range(10)}
    assert all(len(chosen) == 3 for chosen in drawn) and len(drawn) > 5


def test_half_of_the_fallback_crops_are_dead_leaves(tmp_path: Path) -> None:
    photos = photo_set(tmp_path, (40, 60), dead_leaves=True)
    pool = data.crop_pool(photos, 10, size=32, seed=5)
    generated = {data.dead_leaves(32, (5, i)).tobytes() for i in range(5)}
    found = [crop.permute(1, 2, 0).numpy().tobytes() in generated for crop in pool]
    assert sum(found) == 5 and found != sorted(found)


def test_bad_requests_for_crops(tmp_path: Path) -> None:
    photos = photo_set(tmp_path, (40, 60), (16, 60))
    with pytest.raises(ReproError, match=r"01\.png: 60×16 px is smaller than a crop of 32 px"):
        data.crop_pool(photos, 4, size=32)
    for n, size in ((0, 16), (4, 0)):
        with pytest.raises(UsageError, match="at least"):
            data.crop_pool(photos, n, size=size)


# ---- dead leaves


def spectral_slope(pictures: list[np.ndarray]) -> float:
    """Exponent of the radial power spectrum between 0.02 and 0.4 cycles per pixel; about -2 for photographs."""
    n = len(pictures[0])
    window = np.hanning(n)[:, None] * np.hanning(n)
    power = np.zeros((n, n))
    for shown in pictures:
        grey = shown.mean(-1)
        power += np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(n), np.fft.fftfreq(n)))
    edges = np.geomspace(0.02, 0.4, 12)
    rings = [(frequency >= low) & (frequency < high) for low, high in pairwise(edges)]
    return float(
        np.polyfit([np.log(frequency[r]).mean() for r in rings], [np.log(power[r].mean()) for r in rings], 1)[0]
    )


def test_dead_leaves_have_the_spectrum_of_photographs() -> None:
    drawn = spectral_slope([data.dead_leaves(224, seed) for seed in range(16)])
    shot = spectral_slope([photo.rgb()[i : i + 224, i : i + 224] for photo in data.photos("sample") for i in (0, 70)])
    noise = spectral_slope(list(np.random.default_rng(0).integers(0, 256, (16, 224, 224, 3))))
    assert abs(noise) < 0.2, "the measure knows white noise"
    assert -2.8 < drawn < -2.0
    assert abs(drawn - shot) < 0.7


def test_radii_follow_the_cubic_law() -> None:
    """Of discs with density r^-3, [4, 8) holds 4 times as many as [8, 16), whichever of them touch the canvas."""
    canvas = 448
    radii = np.concatenate([leaves._radii(canvas, np.random.default_rng(seed)) for seed in range(40)])
    share = (canvas + 2 * radii) ** -2.0  # larger discs touch the canvas from more places: undo that
    small, large = (share[(radii >= low) & (radii < 2 * low)].sum() for low in (4, 8))
    assert small / large == pytest.approx(4, rel=0.05)
    assert radii.min() >= leaves.SMALLEST_RADIUS and radii.max() <= canvas


def test_dead_leaves_repeat_and_cover() -> None:
    first = data.dead_leaves(96, 1)
    assert first.shape == (96, 96, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, data.dead_leaves(96, 1))
    assert not np.array_equal(first, data.dead_leaves(96, 2))
    assert first.std() > 20, "leaves differ in colour"
    assert data.dead_leaves(1, 0).shape == (1, 1, 3)
    with pytest.raises(UsageError, match="at least 1"):
        data.dead_leaves(0, 0)


# ---- fetching


def test_fetch_file_by_file_keeps_what_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serve(tmp_path / "site") as server:
        known_here(monkeypatch, small_set(tmp_path / "site", "kodak", files_url=server.url))
        root = data.fetch("kodak")
        assert len(data.photos("kodak")) == 3 and len(server.requests) == 3
        next((root / "kodak").glob("*1.png")).unlink()
        data.fetch("kodak")
        assert server.requests[3:] == ["/dak1.png"]


def test_fetch_refuses_a_changed_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serve(tmp_path / "site") as server:
        known_here(monkeypatch, small_set(tmp_path / "site", "kodak", files_url=server.url))
        save(tmp_path / "site" / "dak1.png", picture(blue=77))
        with pytest.raises(ReproError) as caught:
            data.fetch("kodak")
    assert "dak1.png: cannot be fetched (its hash is wrong)" in one_line(caught)
    assert sorted(p.name for p in (tmp_path / "cache" / "repro" / "kodak").iterdir()) == ["dak0.png"]


def cid22_archive(monkeypatch: pytest.MonkeyPatch, site: Path, url: str, leave_out: str = "") -> None:
    """Publish both parts of a small CID22 in one archive, with a foreign file and one whose path leaves the folder."""
    parts = [small_set(site / name, name, archive=f"{url}CID22.zip") for name in ("cid22/train", "cid22/val")]
    with zipfile.ZipFile(site / "CID22.zip", "w") as archive:
        for known in parts:
            for name in known.files:
                if name != leave_out:
                    archive.write(site / known.name / name, f"CID22/original/{name}")
        archive.writestr("CID22/compressed/ain0.png", b"same name, other content")
        archive.writestr("../../climbed.png", b"out of the folder")
    known_here(monkeypatch, *parts)


def test_fetch_takes_only_the_sets_files_out_of_an_archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serve(tmp_path / "site") as server:
        cid22_archive(monkeypatch, tmp_path / "site", server.url)
        root = data.fetch("cid22")
        data.fetch("cid22")
        assert server.requests == ["/CID22.zip"]
    files = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
    assert files == [f"cid22/{part}/{part[-3:]}{i}.png" for part in ("train", "val") for i in range(3)]
    assert len(data.photos("train")) == len(data.photos("val")) == 3
    assert not list(tmp_path.rglob("climbed.png"))


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (False, r"holds 2 of the 3 photos of cid22/val, val2\.png is missing"),
        (True, r"CID22\.zip: not a whole archive"),
    ],
)
def test_fetch_of_a_bad_archive(broken: bool, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serve(tmp_path / "site") as server:
        cid22_archive(monkeypatch, tmp_path / "site", server.url, leave_out="val2.png")
        if broken:
            (tmp_path / "site" / "CID22.zip").write_bytes(b"<html>moved</html>")
        with pytest.raises(ReproError, match=says):
            data.fetch("cid22")


@pytest.mark.parametrize("name", ["kodak", "cid22"])
def test_fetch_without_a_network_is_one_line_and_spoils_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = "http://127.0.0.1:9/"
    known_here(
        monkeypatch,
        small_set(tmp_path / "site", "kodak", files_url=url),
        small_set(tmp_path / "site", "cid22/train", archive=f"{url}CID22.zip"),
    )
    with pytest.raises(ReproError) as caught:
        data.fetch(name)
    assert one_line(caught).startswith(url) and "cannot be fetched" in one_line(caught)
    assert data.photos("train").dead_leaves, "the fallback still works"


# ---- the real folders, if they are at hand


@needs_real
def test_real_folders_are_whole() -> None:
    assert REAL is not None
    counts = {split: len(data.photos(split, REAL)) for split in ("train", "val", "kodak")}
    assert counts == {"train": 204, "val": 41, "kodak": 24}
    assert not any(data.photos(split, REAL).dead_leaves for split in counts)


@needs_real
def test_real_kodak_is_refused_even_when_saved_anew(tmp_path: Path) -> None:
    """A file with the same pixels under another name must not slip into training."""
    assert REAL is not None
    kodak = data.photos("kodak", REAL)
    with pytest.raises(ReproError, match="evaluation only"):
        data.crop_pool(kodak, 4)
    (tmp_path / "hdrplus").mkdir()
    Image.fromarray(kodak.items[0].rgb()).save(tmp_path / "hdrplus" / "beach.png", compress_level=1)
    with pytest.raises(ReproError, match=r"beach\.png: is a Kodak photo"):
        data.crop_pool(data.photos("hdrplus", tmp_path), 4)
