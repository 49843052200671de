"""A trunk that learns VGG-16's features: training resumes where it was cut off; its file has torchvision's names."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from skimage import data as pictures
from torch import nn

from repro import cli, weights
from repro.attention import ConvolutionalAttention
from repro.errors import ReproError
from repro.training import batch_indices, checkpoint, distil

#: Two steps on two crops of 32 px, with a checkpoint after each.
TINY = distil.DistilRecipe(steps=2, batch=2, crops=4, size=32, checkpoint_every=1)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Any:
    """Use one thread: sums of floats depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def crops() -> torch.Tensor:
    picture = torch.from_numpy(pictures.astronaut().copy()).permute(2, 0, 1)
    return torch.stack([picture[:, 60 * i : 60 * i + 32, 90 * i : 90 * i + 32] for i in range(4)])


@pytest.fixture(scope="module")
def teacher() -> ConvolutionalAttention:
    return ConvolutionalAttention(distil.TEACHER)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole")


@pytest.fixture(scope="module")
def learned(crops: torch.Tensor, folder: Path) -> distil.Student:
    return distil.distil(crops, TINY, folder)


def same(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def log_of(folder: Path) -> list[dict[str, float]]:
    with safe_open(str(folder / "checkpoint.safetensors"), framework="pt") as stored:
        return json.loads(stored.metadata()["log"])


# --- the network


def test_both_depths_are_looked_at_in_one_pass(crops: torch.Tensor) -> None:
    """The adapters see what separate trunks of the two depths give with the same weights."""
    student = distil.Student().eval()
    x = ConvolutionalAttention.normalised(crops.float())
    found = student(x)
    assert {n: maps.shape for n, maps in found.items()} == {n: (4, 256, 4, 4) for n in ("block1", "block7")}
    for name, maps in found.items():
        alone = ConvolutionalAttention(f"resnet152-{name}", pretrained=False).trunk.eval()
        alone.load_state_dict({k: v for k, v in student.trunk.state_dict().items() if k in alone.state_dict()})
        assert torch.allclose(student.adapters[name](alone(x)), maps, atol=1e-4)


def test_blocks_begin_as_identities() -> None:
    last = [m.bn3.weight for m in distil.Student().trunk.modules() if hasattr(m, "bn3")]
    assert len(last) == 3 + 7 and all(not w.any() for w in last)


# --- training


def test_two_steps_change_all_that_learns(learned: distil.Student) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(TINY.seed)
        fresh = distil.Student()
    before, after = dict(fresh.named_parameters()), dict(learned.named_parameters())
    still = [name for name in before if torch.equal(before[name], after[name])]
    assert not still
    assert all(torch.isfinite(p).all() for p in after.values()) and not learned.training
    assert all(int(b) == 2 for name, b in learned.named_buffers() if name.endswith("num_batches_tracked"))


def test_the_loss_is_of_the_teachers_features(
    crops: torch.Tensor, teacher: ConvolutionalAttention, tmp_path: Path
) -> None:
    """In 32 bits, for one step: each channel's squared error over its variance plus a tenth of the channels' mean."""
    recipe = replace(TINY, steps=1)
    distil.distil(crops, recipe, tmp_path, torch.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        student = distil.Student().train()
    chosen = crops[distil.batch_indices(0, 4, 2, 0)].float()
    with torch.no_grad():
        every, wanted = teacher.features(crops.float()), teacher.features(chosen)
        variance = every.transpose(0, 1).flatten(1).var(1)
        scale = (variance + variance.mean() / 10)[:, None, None]
        seen = student(ConvolutionalAttention.normalised(chosen))
    (row,) = log_of(tmp_path)
    for name, maps in seen.items():
        assert row[name] == pytest.approx(float(((maps - wanted) ** 2 / scale).mean()), rel=1e-4)


def test_a_longer_run_learns(crops: torch.Tensor, tmp_path: Path) -> None:
    """The error falls on four crops that are learned by heart."""
    recipe = replace(TINY, steps=30, batch=4, lr=2e-2, checkpoint_every=30)
    distil.distil(crops, recipe, tmp_path, torch.float32)
    log = log_of(tmp_path)
    assert [row["step"] for row in log] == [10, 20, 30]
    assert all(log[-1][name] < 0.8 * log[0][name] for name in distil.DEPTHS)


def test_a_run_that_was_cut_off_ends_with_the_same_weights(
    crops: torch.Tensor, learned: distil.Student, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = checkpoint.save

    def cut(*arguments: Any) -> None:
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint, "save", cut)
        distil.distil(crops, TINY, tmp_path)
    assert len(log_of(tmp_path)) == 0, "it was cut after the first step, which is not logged"
    again = distil.distil(crops, TINY, tmp_path)
    assert same(again, learned) and log_of(tmp_path) == log_of(folder)


def test_what_has_learned_is_not_taught_again(
    crops: torch.Tensor, learned: distil.Student, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda *_: pytest.fail("taught again"))
    assert same(distil.distil(crops, TINY, folder), learned)
    with pytest.raises(ReproError, match="belongs to a run with other settings; move it away"):
        distil.distil(crops, replace(TINY, lr=0.1), folder)
    with pytest.raises(ReproError, match="other crops"):
        distil.distil(crops.flip(-1), TINY, folder)


def test_every_other_batch_is_mirrored(crops: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, features = [], ConvolutionalAttention.features

    def recorded(teacher: ConvolutionalAttention, x: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return features(teacher, x)

    monkeypatch.setattr(ConvolutionalAttention, "features", recorded)
    distil.distil(crops, TINY, tmp_path)
    first, second = (crops[batch_indices(step, len(crops), TINY.batch, TINY.seed)].float() for step in (0, 1))
    assert torch.equal(seen[-2], first) and torch.equal(seen[-1], second.flip(-1))


def test_the_rate_warms_up_and_falls_to_zero() -> None:
    rates = [distil._rate(step, 2000) for step in range(2001)]
    assert rates[0] == pytest.approx(0.01) and rates[-1] == pytest.approx(0)
    assert max(range(2001), key=rates.__getitem__) == 99, "a hundred steps up"
    assert all(b < a for a, b in itertools.pairwise(rates[99:]))


# --- the explained share


class Sees(nn.Module):
    """Stands in for a student: VGG-16's features, in block 7 with their distance from the mean times ``factor``."""

    def __init__(self, teacher: ConvolutionalAttention, factor: float) -> None:
        super().__init__()
        self.teacher, self.factor = teacher, factor

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        seen = self.teacher.trunk.eval()(x)
        mean = seen.mean((0, 2, 3), keepdim=True)
        return {"block1": seen, "block7": mean + self.factor * (seen - mean)}


@pytest.mark.parametrize(("factor", "expected"), [(1.0, 1.0), (0.5, 0.75), (0.0, 0.0), (-1.0, -3.0)])
def test_explained_is_one_less_the_share_that_is_missed(
    factor: float, expected: float, crops: torch.Tensor, teacher: ConvolutionalAttention
) -> None:
    """All is explained, or all but a quarter, or as little as by a constant, or even less."""
    found = distil.explained(Sees(teacher, factor), crops)  # type: ignore[arg-type]
    assert found["block1"] == pytest.approx(1, abs=1e-6)
    assert found["block7"] == pytest.approx(expected, abs=0.1), "variances are over n − 1"


def test_a_channel_that_sees_nothing_is_not_counted(teacher: ConvolutionalAttention) -> None:
    """On grey crops most of VGG-16's channels are constant, so there is no variance to explain."""
    crops = torch.full((2, 3, 32, 32), 128, dtype=torch.uint8)
    crops[1, :, 8:24, 8:24] = 140
    variance = teacher.features(crops.float()).var((0, 2, 3))
    assert (variance == 0).any() and (variance > 0).any()
    found = distil.explained(Sees(teacher, 0.5), crops)  # type: ignore[arg-type]
    assert found["block1"] == pytest.approx(1, abs=1e-6) and found["block7"] == pytest.approx(0.75, abs=0.05)


# --- its file


@pytest.fixture
def file(learned: distil.Student, tmp_path: Path) -> Path:
    path = tmp_path / "trunk.safetensors"
    distil.save_trunk(path, learned, TINY, "four crops", {"block1": 0.25, "block7": 0.5}, {"commit": "abc"})
    return path


def test_the_file_has_torchvisions_names_and_sixteen_bits(file: Path, learned: distil.Student) -> None:
    from torchvision.models import resnet152

    stored, published = load_file(file), resnet152(weights=None).state_dict()
    assert stored.keys() <= published.keys() and not any("adapter" in name for name in stored)
    for name, values in stored.items():
        assert values.shape == published[name].shape
        assert values.dtype == (torch.float16 if values.is_floating_point() else torch.int64)
        ours = learned.trunk.state_dict()[name]
        assert torch.equal(values, ours.half() if ours.is_floating_point() else ours)
    with safe_open(str(file), framework="pt") as opened:
        told = {key: json.loads(value) for key, value in opened.metadata().items()}
    assert told["recipe"] == asdict(TINY) and told["source"] == "four crops" and told["explained"]["block7"] == 0.5


@pytest.mark.parametrize("method", ["resnet152-block1", "resnet152-block7"])
def test_the_file_is_loaded_as_the_trunk_of_both_depths(
    method: str,
    file: Path,
    learned: distil.Student,
    crops: torch.Tensor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If no published file is at hand, the package's own is used, provided its hash is the known one."""
    monkeypatch.setattr(weights, "_ASSETS", tmp_path)
    monkeypatch.setattr(weights, "_hub", lambda: tmp_path / "nothing")
    monkeypatch.delenv(weights.ENVIRONMENT, raising=False)
    digest = weights.sha256_file(file)
    monkeypatch.setattr(weights, "DISTILLED", {"resnet152": (file.name, digest)})
    network = ConvolutionalAttention(method)
    assert network.source.startswith("distilled trunk") and digest[:12] in network.source
    state, ours = network.trunk.state_dict(), learned.trunk.state_dict()
    for name, values in state.items():
        assert torch.equal(values, ours[name].half().float() if values.is_floating_point() else ours[name])
    assert torch.isfinite(network.features(crops.float())).all()
    assert weights.hashes_of(method)[-1] == digest, "a result that it makes is known by it"
    monkeypatch.setattr(weights, "DISTILLED", {"resnet152": (file.name, "0" * 64)})
    with pytest.raises(ReproError, match="SHA-256 begins"):
        ConvolutionalAttention(method)


def test_the_command_teaches_saves_and_tells(
    crops: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a few small crops in place of those of the training photographs."""
    asked: list[tuple[Any, ...]] = []

    def pool(source: Any, count: int, size: int, seed: int) -> torch.Tensor:
        asked.append((source.name, count, size, seed))
        return crops

    monkeypatch.setattr("repro.data.crop_pool", pool)
    monkeypatch.setattr(distil, "DistilRecipe", lambda steps: replace(TINY, steps=steps))
    out = tmp_path / "made.safetensors"
    call = ["weights", "distil", "--out", str(out), "--steps", "1", "--folder", str(tmp_path / "run")]
    assert cli.run(call) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{out}: share of the variance of VGG-16's features explained on unseen photos: block1: ")
    assert asked == [("train", 4, 32, 0), ("val", 64, 32, 0)], "judged on photos that it did not learn from"
    assert load_file(out) and (tmp_path / "run" / "checkpoint.safetensors").exists()
