"""`repro encode --scheduler`: a folder over a real Dask cluster, one of whose workers is killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dask_machines import Machines, eventually, machines
from encoder_stand_in import astronaut, save
from repro import cli
from repro.encoder import cluster
from repro.encoder.encode import Report, Settings


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Two workers, for tests that do not harm them."""
    with machines(tmp_path_factory.mktemp("machines"), "one", "two") as made:
        yield made


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for i in range(5):
        save(tmp_path / "photos" / f"{i}.png", astronaut(64 + 8 * i, 72))
    return tmp_path / "photos"


def run(*arguments: object) -> int:
    return cli.run(["encode", *map(str, arguments)])


def test_the_files_are_those_of_one_machine(
    two: Machines, photos: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "broken.png").write_bytes((photos / "0.png").read_bytes()[:500])
    options = ["--model", model, "--quality", 60, "--json"]
    assert run(photos, "-o", tmp_path / "here", *options) == 1
    here = {one["input"]: one for one in map(json.loads, capsys.readouterr().out.splitlines())}
    assert run(photos, "-o", tmp_path / "there", *options, "--scheduler", two.url) == 1
    out, err = capsys.readouterr()
    assert err.splitlines()[-1] == "repro: 1 of 6 pictures failed; the lines above say why"
    for one in map(json.loads, out.splitlines()):
        expected = here[one["input"]]
        for name in ("error", "bytes", "quality", "width", "notices"):
            assert one.get(name) == expected.get(name)
    files = {path.name: path.read_bytes() for path in (tmp_path / "there").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "here").iterdir()} and len(files) == 5


def test_what_is_there_is_left_alone(
    two: Machines, photos: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    precious = b"\xff\xd8precious\xff\xd9"
    (output / "3.jpg").write_bytes(precious)
    call = [photos, "-o", output, "--model", model, "--scheduler", two.url]
    assert run(*call) == 0
    assert "has 1 of the pictures; --force without --skip-existing encodes them again" in capsys.readouterr().err
    assert (output / "3.jpg").read_bytes() == precious and len(list(output.iterdir())) == 5
    assert run(*call) == 0 and capsys.readouterr().out == ""
    assert run(*call, "--force") == 0
    assert (output / "3.jpg").read_bytes() != precious


@pytest.mark.slow
def test_a_killed_worker_loses_nothing(model: str, tmp_path: Path) -> None:
    """One of two workers is killed while it has work, and a third joins."""
    (tmp_path / "photos").mkdir()
    pairs = []
    for i in range(40):
        source = save(tmp_path / "photos" / f"{i}.png", astronaut(256, 256))
        pairs.append((source, tmp_path / f"{i}.jpg"))
    with machines(tmp_path, "one", "two") as made, ThreadPoolExecutor(1) as pool:
        settings = Settings(bpp=1, model=model)  # several encodings for each
        ended = pool.submit(lambda: list(cluster.encode_files(pairs, settings, made.url)))
        eventually(lambda: len(list(tmp_path.glob("*.jpg"))) >= 3)
        made.workers["one"].send_signal(signal.SIGKILL)
        made.start("three")
        reports = ended.result(120)
    assert all(isinstance(report, Report) for report in reports) and len(reports) == 40
    assert len({output.read_bytes() for _, output in pairs}) == 1, "all are whole, and of one picture"


def test_other_code_or_models_are_told(
    two: Machines, photos: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model's path is relative, so it leads elsewhere on the workers, which run in another folder."""
    monkeypatch.chdir(Path(model).parent)
    relative = Path(model).name
    with pytest.raises(cluster.ReproError, match=f"model {relative}: missing there, .* here; copy the model to that"):
        list(cluster.encode_files([(photos / "0.png", tmp_path / "0.jpg")], Settings(model=relative), two.url))
    assert not (tmp_path / "0.jpg").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--jobs", "2"], "--scheduler: spreads several pictures or a folder"),
        (["--scheduler", "tcp://h:1"], "--scheduler tcp://h:1: is not an address; write dask://HOST:PORT, or local"),
        (["--skip-existing", "--force"], "--skip-existing and --force: give only one"),
    ],
)
def test_wrong_calls(
    arguments: list[str], says: str, photos: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(photos, "-o", tmp_path / "out", "--model", model, "--scheduler", "dask://h:1", *arguments) == 2
    assert says in capsys.readouterr().err


def test_no_scheduler_there(
    photos: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("repro.cluster.CONNECT_SECONDS", 1)
    assert run(photos, "-o", tmp_path / "out", "--model", model, "--scheduler", "dask://127.0.0.1:9") == 1
    assert capfd.readouterr().err == (
        "repro: dask://127.0.0.1:9: no Dask scheduler answers there; start one with `dask scheduler` or correct the "
        "address\n"
    )
