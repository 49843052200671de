"""The network that weighs errors: its features, its weights, and how it is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from test_trellis import picture

from repro.errors import ReproError
from repro.training.sensitivity import TrainedNetwork
from repro.trellis import planes, sensitivity
from repro.trellis.sensitivity import CHROMA_BANDS, FEATURES, LIMIT, LUMA_BANDS

KINDS = [(1, "4:2:0"), (3, "4:2:0"), (3, "4:4:4")]


def untrained(kernels: tuple[int, ...] = (1, 3, 5, 1), seed: int = 0) -> TrainedNetwork:
    """A network with random weights in all layers, so large that some outputs exceed the limit."""
    torch.manual_seed(seed)
    network = TrainedNetwork(kernels, width=8)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return network


def profile(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 2, (2, 3, 64)).astype(np.float32)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("channels, subsampling", KINDS)
@pytest.mark.parametrize("size", [(64, 64), (33, 71), (1, 1), (8, 200)])
def test_pytorch_says_the_same(size: tuple[int, int], channels: int, subsampling: str, threads: int) -> None:
    dct = planes.forward_dct(picture(*size, channels), subsampling)
    trained = untrained()
    found = trained.as_network(profile()).weights(dct, threads)
    seen = torch.from_numpy(sensitivity.features(dct)).permute(2, 0, 1)
    with torch.no_grad():
        expected = trained(seen, dct.subsampling)[: len(dct.planes)]
    for i, (weights, log_weight, plane) in enumerate(zip(found, expected, dct.planes, strict=True)):
        bands = len(CHROMA_BANDS if i else LUMA_BANDS) - 1
        assert log_weight.shape == (bands, plane.rows, plane.cols)
        by_block = log_weight.exp().permute(1, 2, 0).reshape(-1, bands)
        np.testing.assert_allclose(weights.of_band, by_block, rtol=1e-3)
        np.testing.assert_array_equal(weights.profile, profile()[int(subsampling == "4:4:4"), i])
        edges = np.flatnonzero(np.diff(weights.band, prepend=-1, append=bands))
        np.testing.assert_array_equal(edges, CHROMA_BANDS if i else LUMA_BANDS)


def test_a_weight_stays_within_the_limit() -> None:
    dct = planes.forward_dct(picture(64, 64))
    trained = untrained()
    torch.nn.init.constant_(trained.layers[-1].bias, 100.0)
    for weights in trained.as_network(profile()).weights(dct):
        np.testing.assert_allclose(weights.of_band, np.exp(LIMIT), rtol=1e-5)


@pytest.mark.parametrize("channels, subsampling", KINDS)
@pytest.mark.parametrize("size", [(48, 64), (41, 23)])
def test_features_are_dc_and_how_much_is_in_each_band(size: tuple[int, int], channels: int, subsampling: str) -> None:
    dct = planes.forward_dct(picture(*size, channels), subsampling)
    found = sensitivity.features(dct)
    luma = dct.planes[0]
    assert found.shape == (luma.rows, luma.cols, FEATURES) and found.dtype == np.float32
    for r in range(luma.rows):
        for c in range(luma.cols):
            expected = np.zeros(FEATURES)
            at = 0
            for i, plane in enumerate(dct.planes):
                reach = 2 if i and subsampling == "4:2:0" else 1
                F = plane.F[(r // reach) * plane.cols + c // reach].astype(float)
                edges = CHROMA_BANDS if i else LUMA_BANDS
                expected[at] = F[0] / (512 if i else 1024)
                for band in range(1, len(edges) - 1):
                    energy = np.mean(F[edges[band] : edges[band + 1]] ** 2)
                    expected[at + band] = np.log(1 + energy) / 4
                at += len(edges) - 1
            expected[11] = dct.subsampling == "4:4:4"
            np.testing.assert_allclose(found[r, c], expected, atol=1e-5)


def test_what_is_far_away_says_nothing() -> None:
    """With kernels of 3 and 5, a block sees three blocks in each direction."""
    before = picture(160, 160)
    after = before.copy()
    after[80:88, 80:88] = 0  # block (10, 10)
    network = untrained().as_network(profile())
    a, b = (network.weights(planes.forward_dct(x, "4:4:4"))[0].of_band.reshape(20, 20, 5) for x in (before, after))
    changed = (a != b).any(-1)
    assert changed[10, 10] and not changed[:7].any() and not changed[14:].any()
    assert not changed[:, :7].any() and not changed[:, 14:].any()


def test_a_network_is_stored_and_read(tmp_path: Path) -> None:
    network = untrained().as_network(profile())
    sensitivity.save(tmp_path / "n.safetensors", network, {"seed": 0})
    again = sensitivity.load(tmp_path / "n.safetensors")
    np.testing.assert_array_equal(again.profile, network.profile)
    assert len(again.layers) == len(network.layers)
    for mine, theirs in zip(network.layers, again.layers, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def with_other(**changed: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    """Return a function that changes some of the file's arrays."""

    def spoil(path: Path) -> None:
        tensors = load_file(path)
        for name, change in changed.items():
            tensors[name] = np.ascontiguousarray(change(tensors[name]))
        save_file(tensors, path, {"format": "2"})

    return spoil


def of_another_version(path: Path) -> None:
    save_file(load_file(path), path, {"format": "1"})


def one_layer_short(path: Path) -> None:
    tensors = load_file(path)
    save_file({n: t for n, t in tensors.items() if not n.startswith("3.")}, path, {"format": "2"})


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.unlink(), "no network for the trellis"),
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "no network for the trellis"),
        (lambda path: path.write_bytes(b""), "no network for the trellis"),
        (of_another_version, "is of another version"),
        (one_layer_short, "holds other values"),
        (with_other(profile=lambda t: t * np.nan), "holds other values"),
        (with_other(profile=lambda t: t[:1]), "holds other values"),
        (with_other(**{"1.weight": lambda t: t[:2]}), "holds a layer of shape"),
        (with_other(**{"1.weight": lambda t: t[0, 0]}), "holds a layer of shape"),
        (with_other(**{"1.weight": lambda t: t[:, :, :4]}), "do not follow one another"),
        (with_other(**{"1.bias": lambda t: t[:4]}), "do not follow one another"),
        (with_other(**{"3.weight": lambda t: t[..., :4], "3.bias": lambda t: t[:4]}), "holds other values"),
    ],
)
def test_what_is_no_network_is_told_in_one_line(spoil: Callable[[Path], None], says: str, tmp_path: Path) -> None:
    path = tmp_path / "n.safetensors"
    sensitivity.save(path, untrained().as_network(profile()), {})
    spoil(path)
    with pytest.raises(ReproError, match=says) as caught:
        sensitivity.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and message.endswith("install the package again")
