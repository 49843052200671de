"""``repro encode`` as a person or a program calls it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from encoder_stand_in import astronaut, decode, save
from repro import cli
from repro.encoder import batch
from repro.encoder.encode import Report


@pytest.fixture
def photo(tmp_path) -> Path:
    return save(tmp_path / "photo.png", astronaut())


@pytest.fixture
def photos(tmp_path) -> Path:
    """Five pictures, one of them broken, a text file and a sub-folder."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    save(folder / "a.png", astronaut(64, 64))
    save(folder / "a.tif", astronaut(32, 32))
    save(folder / "b.webp", astronaut(40, 48))
    save(folder / "grey.png", astronaut(16, 24)[..., 0])
    (folder / "broken.png").write_bytes((folder / "a.png").read_bytes()[:1000])
    (folder / "notes.txt").write_text("none")
    return folder


def run(*arguments: object) -> int:
    return cli.run(["encode", *map(str, arguments)])


def subprocess_run(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "repro", "encode", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


def test_prints_size_bpp_and_time(photo, model, tmp_path, capsys):
    output = tmp_path / "out.jpg"
    assert run(photo, "-o", output, "--model", model, "--quality", 62.5) == 0
    out, err = capsys.readouterr()
    size = output.stat().st_size
    assert out.startswith(f"{output}: 256×256 pixels, {size} bytes, {8 * size / 256**2:.3f} bpp, quality 62.5, ")
    assert out.endswith(" s\n") and err == ""


def test_json_is_one_object_per_file(photo, model, tmp_path, capsys):
    save(tmp_path / "clear.png", np.full((8, 8, 4), 100, np.uint8))
    assert run(tmp_path / "clear.png", "-o", tmp_path / "out.jpg", "--model", model, "--json") == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert out.count("\n") == 1 and "white" in err
    assert {k: found[k] for k in ("width", "height", "components", "quality", "bytes")} == {
        "width": 8, "height": 8, "components": 3, "quality": 75, "bytes": (tmp_path / "out.jpg").stat().st_size
    }  # fmt: skip
    assert found["input"] == str(tmp_path / "clear.png") and found["notices"] == ["has transparent parts; set on white"]
    assert run(tmp_path / "none.png", "-o", tmp_path / "none.jpg", "--model", model, "--json") == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["error"] in err


def test_a_score_is_told(photo, model, tmp_path, capsys):
    arguments = [photo, "-o", tmp_path / "out.jpg", "--model", model, "--ssimulacra2", 50]
    assert run(*arguments, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert 50 <= found["ssimulacra2"] < 51
    assert run(*arguments) == 0
    assert f"quality {found['quality']:g}, SSIMULACRA 2 {found['ssimulacra2']:.2f}, " in capsys.readouterr().out
    save(tmp_path / "small.png", astronaut(64, 64))
    assert run(tmp_path / "small.png", "--model", model, "--ssimulacra2", 50) == 1
    assert capsys.readouterr().err.startswith(f"repro: {tmp_path / 'small.png'}: the picture is 64×64 px; SSIMULACRA 2")


def test_quiet_prints_nothing_but_errors(photo, model, tmp_path, capsys):
    save(tmp_path / "clear.png", np.full((8, 8, 4), 100, np.uint8))
    assert run(tmp_path / "clear.png", "--model", model, "-q") == 0
    assert capsys.readouterr() == ("", "")
    assert run(tmp_path / "none.png", "--model", model, "-q") == 1
    assert "none.png: no such file" in capsys.readouterr().err


def test_options_reach_the_encoder(photo, model, tmp_path, capsys):
    def size(*options: object) -> int:
        assert run(photo, "-o", tmp_path / "out.jpg", "--model", model, *options) == 0
        return (tmp_path / "out.jpg").stat().st_size

    assert size("--quality", 20) < size("--quality", 80)
    assert 0.95 * 256**2 / 8 <= size("--bpp", 1) <= 256**2 / 8
    size("--scans", "sequential")
    assert "progressive" not in decode((tmp_path / "out.jpg").read_bytes()).info
    size()
    assert "progressive" in decode((tmp_path / "out.jpg").read_bytes()).info
    assert size("--scans", "smallest", "--model", "trellis") < size("--model", "trellis")
    assert run(photo, "-o", tmp_path / "out.jpg", "--model", model, "--max-pixels", 100) == 1
    assert run(photo, "--icc", "srgb", "-o", tmp_path / "out.jpg", "--model", model) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--bpp", "0"], "--bpp 0"),
        (["--bpp", "nan"], "--bpp nan"),
        (["--quality", "101"], "quality 101"),
        (["--quality", "high"], "--quality"),
        (["--quality", "50", "--bpp", "1"], "--quality and --bpp: give only one of them"),
        (["--ssimulacra2", "70", "--bpp", "1"], "--bpp and --ssimulacra2: give only one of them"),
        (["--ssimulacra2", "101"], "--ssimulacra2 101"),
        (["--ssimulacra2", "nan"], "--ssimulacra2 nan"),
        (["--model", "nonsense"], "unknown model 'nonsense'"),
        (["--icc", "drop"], "'drop'"),
        (["--scans", "reversed"], "'reversed'"),
        (["--jobs", "0"], "--jobs 0"),
        (["--max-pixels", "0"], "--max-pixels 0"),
        (["--method", "vgg16"], "--method"),
        (["-o", "out.png"], "out.png"),
    ],
)
def test_wrong_calls_exit_2_in_one_line_and_write_nothing(arguments, says, photo, model, capsys, monkeypatch):
    monkeypatch.chdir(photo.parent)
    defaults = [] if "--model" in arguments else ["--model", model]
    assert run("photo.png", *defaults, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("repro: ") and err.count("\n") == 1 and says in err
    assert [p.name for p in photo.parent.iterdir()] == ["photo.png"]


def test_no_file_is_lost(photo, model, capsys):
    folder = photo.parent
    precious = save(folder / "photo.jpg", astronaut(64, 64)).read_bytes()
    assert run(photo, "--model", model) == 1  # the default name is taken
    assert "--force" in capsys.readouterr().err
    assert run(folder / "photo.jpg", "--model", model) == 2  # the input itself
    assert run(folder / "photo.jpg", "-o", folder / "photo.jpg", "--force", "--model", model) == 2
    assert run(photo, "-o", folder, "--model", model) == 1  # the default name is taken in that folder
    assert run(photo, "-o", folder / "none" / "photo.jpg", "--model", model) == 1
    assert (folder / "photo.jpg").read_bytes() == precious
    assert sorted(p.name for p in folder.iterdir()) == ["photo.jpg", "photo.png"]
    assert run(photo, "--model", model, "--force") == 0
    assert (folder / "photo.jpg").read_bytes() != precious
    assert run(photo, "-o", folder / "photo.jpg", "--model", model) == 0  # the user gave the name


@pytest.mark.parametrize("jobs", [1, 2])
def test_folder_goes_on_after_a_failure(jobs, photos, model, tmp_path, capsys):
    output = tmp_path / "deep" / "out"
    assert run(photos, "-o", output, "--quality", 60, "--jobs", jobs, "--model", model) == 1
    out, err = capsys.readouterr()
    sizes = {p.name: decode(p.read_bytes()).size for p in output.iterdir()}
    assert sizes == {"a.png.jpg": (64, 64), "a.tif.jpg": (32, 32), "b.jpg": (48, 40), "grey.jpg": (24, 16)}
    lines = err.splitlines()
    assert len(lines) == 3 and "left alone: 1 .txt, 1 folder" in lines[0]
    assert "broken.png: damaged or cut off" in lines[1] and lines[2].startswith("repro: 1 of 5 pictures failed")
    assert len(out.splitlines()) == 4


def test_folder_without_failure_ends_in_a_summary(photos, model, tmp_path, capsys):
    (photos / "broken.png").unlink()
    assert run(photos, "-o", tmp_path / "out", "--model", model) == 0
    out, _ = capsys.readouterr()
    size = sum(p.stat().st_size for p in (tmp_path / "out").iterdir())
    assert out.splitlines()[-1].startswith(f"4 pictures, {size} bytes, ")
    assert run(photos, "-o", tmp_path / "out", "--model", model) == 1  # nothing is overwritten silently
    assert capsys.readouterr().err.count("--force") == 4
    assert run(photos, "-o", tmp_path / "out", "--model", model, "--force", "--json") == 0
    assert len([json.loads(line) for line in capsys.readouterr().out.splitlines()]) == 4


def test_a_folder_is_gone_on_with(photos, model, tmp_path, capsys):
    call = [photos, "-o", tmp_path / "out", "--model", model, "--skip-existing"]
    assert run(*call) == 1  # one of them is broken
    (tmp_path / "out" / "b.jpg").unlink()
    (tmp_path / "out" / "grey.jpg").write_bytes(b"\xff\xd8precious\xff\xd9")
    (photos / "broken.png").unlink()
    capsys.readouterr()
    assert run(*call) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].startswith(f"{tmp_path / 'out' / 'b.jpg'}: ") and len(out.splitlines()) == 2
    assert f"{tmp_path / 'out'}: has 3 of the pictures; --force without --skip-existing encodes them again" in err
    assert b"precious" in (tmp_path / "out" / "grey.jpg").read_bytes()
    assert run(*call) == 0 and capsys.readouterr().out == ""


def test_several_inputs_go_to_a_folder(photo, photos, model, tmp_path, capsys):
    assert run(photo, photos / "a.png", tmp_path / "none.png", "-o", tmp_path / "out", "--model", model, "--json") == 1
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [("error" in o) for o in objects] == [False, False, True]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.jpg", "photo.jpg"]


def test_wrong_folders(photos, model, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for code, says, arguments in [
        (2, "with -o", [photos]),
        (2, "folder of an input", [photos, "-o", photos]),
        (1, "cannot create this folder", [photos, "-o", tmp_path / "file"]),
        (1, "holds no pictures", [tmp_path / "empty", "-o", tmp_path / "out"]),
        (2, "unknown model", [photos, "-o", tmp_path / "out", "--model", "nonsense"]),
    ]:
        defaults = [] if "--model" in arguments else ["--model", model]
        assert run(*arguments, *defaults) == code
        out, err = capsys.readouterr()
        assert out == "" and says in err and err.splitlines()[-1].startswith("repro: ")
    assert not (tmp_path / "out").exists()


def test_unexpected_error_in_one_file_does_not_stop_the_rest(photos, model, tmp_path, monkeypatch):
    from repro.encoder.encode import Settings, encode_file

    def fails_once(source: Path, output: Path, settings: Settings) -> Report:
        if source.name == "a.png":
            raise ZeroDivisionError("a\nbug")
        if source.name == "a.tif":
            raise MemoryError
        return encode_file(source, output, settings)

    monkeypatch.setattr(batch, "encode_file", fails_once)
    pairs = [(photos / n, tmp_path / f"{n}.jpg") for n in ("a.png", "a.tif", "b.webp")]
    first, second, third = batch.encode_files(pairs, Settings(model=model))
    assert isinstance(first, batch.Failure) and "ZeroDivisionError: a bug" in first.error
    assert isinstance(second, batch.Failure) and "out of memory" in second.error
    assert isinstance(third, Report)


# ---- whole processes --------------------------------------------------------------------------------------------


def test_process_encodes_within_six_seconds_cold(model, tmp_path):
    """CPU time, which a busy machine does not stretch; the program waits for nothing else."""
    resource = pytest.importorskip("resource")
    photo = save(tmp_path / "photo.png", np.tile(astronaut(512, 384), (1, 2, 1)))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess_run(photo, "-o", tmp_path / "photo.jpg", "--model", model)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 6


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (lambda path: None, 1, "no such file"),
        (lambda path: path.mkdir(), 2, "-o"),
    ],
)
def test_process_tells_bad_input_in_one_line(make, code, says, model, tmp_path):
    make(tmp_path / "photo.png")
    done = subprocess_run("photo.png", "--model", model, cwd=tmp_path)
    assert done.returncode == code
    assert done.stdout == "" and done.stderr.count("\n") == 1 and says in done.stderr
    assert not list(tmp_path.glob("*.jpg"))


def test_process_on_a_full_disk_leaves_nothing(photo, model):
    """A limit on file size stands in for the full disk: with it the kernel refuses the write, too."""
    resource = pytest.importorskip("resource")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    done = subprocess_run("photo.png", "--model", model, cwd=photo.parent, preexec_fn=limit)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("repro: ") and "space" in done.stderr
    assert "Traceback" not in done.stderr
    assert [p.name for p in photo.parent.iterdir()] == ["photo.png"]


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="sends Ctrl-C to a group of processes")
def test_ctrl_c_begins_no_more_pictures(model, tmp_path):
    """Two processes, twenty pictures: after the first result, only pictures already begun are finished, all whole."""
    (tmp_path / "photos").mkdir()
    for i in range(20):
        save(tmp_path / "photos" / f"{i}.png", astronaut())
    arguments = [tmp_path / "photos", "-o", tmp_path / "out", "--bpp", 1, "--jobs", 2, "--model", model]
    process = subprocess.Popen(
        [sys.executable, "-m", "repro", "encode", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None and "bpp" in process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130 and err == "repro: interrupted\n"
    done = list((tmp_path / "out").iterdir())
    assert 1 <= len(done) < 12
    assert all(decode(p.read_bytes()).size == (256, 256) for p in done)
