"""What ``repro encode`` reads and writes: files of all kinds, pipes, folders, names that are hard to write."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from encoder_stand_in import astronaut, decode, save
from repro import cli
from repro.encoder.batch import Failure, encode_files, name_outputs
from repro.encoder.encode import Settings
from repro.errors import is_unsafe

pytestmark = pytest.mark.skipif(os.name != "posix", reason="about files of POSIX")


@pytest.fixture
def photo(tmp_path) -> Path:
    return save(tmp_path / "photo.png", astronaut(48, 64))


@pytest.fixture
def run(model):
    def run(*arguments: object) -> int:
        return cli.run(["encode", *map(str, arguments), "--model", model])

    return run


@pytest.fixture
def process(model, tmp_path):
    def process(*arguments: object, **options) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "repro", "encode", *map(str, arguments), "--model", model]
        return subprocess.run(command, capture_output=True, cwd=tmp_path, **options)

    return process


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


# ---- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stem", ["x" * 251, "写" * 83, "🎈" * 62, "é" * 125])
def test_names_are_as_long_as_the_file_system_lets_them(stem, tmp_path, run):
    source = save(tmp_path / f"{stem}.png", astronaut(8, 8))
    assert run(source) == 0
    assert decode((tmp_path / f"{stem}.jpg").read_bytes()).size == (8, 8)


def test_names_that_grow_too_long_are_shortened(tmp_path):
    twins = [Path(f"{'写' * 83}.{ending}") for ending in ("png", "bmp", "tif")]
    outputs = name_outputs(twins, tmp_path)
    assert len(set(outputs)) == 3
    for output in outputs:
        output.touch()


def test_a_name_too_long_for_the_file_system_is_one_line(tmp_path, run, capsys):
    assert run(tmp_path / f"{'x' * 300}.png") == 1
    err = capsys.readouterr().err
    assert "File name too long" in err and err.count("\n") == 1 and "unexpected" not in err


def test_a_replaced_file_keeps_its_mode_and_a_new_one_has_the_umasks(photo, tmp_path, run):
    private = tmp_path / "private.jpg"
    private.write_bytes(b"old")
    private.chmod(0o600)
    assert run(photo, "-o", private) == 0 and mode(private) == 0o600
    before = os.umask(0o027)
    try:
        assert run(photo, "-o", tmp_path / "new.jpg") == 0 and mode(tmp_path / "new.jpg") == 0o640
    finally:
        os.umask(before)


def test_a_read_only_file_is_not_replaced(photo, tmp_path, run, capsys):
    kept = tmp_path / "kept.jpg"
    kept.write_bytes(b"precious")
    kept.chmod(0o444)
    assert run(photo, "-o", kept, "--force") == 1
    assert "read-only" in capsys.readouterr().err and kept.read_bytes() == b"precious"


def test_a_symbolic_link_is_written_through(photo, tmp_path, run):
    (tmp_path / "store").mkdir()
    for name, old in [("there.jpg", b"old"), ("not yet.jpg", None)]:
        real, link = tmp_path / "store" / name, tmp_path / f"link to {name}"
        if old:
            real.write_bytes(old)
        link.symlink_to(real)
        assert run(photo, "-o", link) == 0
        assert link.is_symlink() and decode(real.read_bytes()).size == (64, 48)
    loop = tmp_path / "loop.jpg"
    loop.symlink_to(loop)
    assert run(photo, "-o", loop) == 1 and loop.is_symlink()


def test_a_file_with_two_names_is_not_torn_from_the_other(photo, tmp_path, run, capsys):
    first, second = tmp_path / "first.jpg", tmp_path / "second.jpg"
    first.write_bytes(b"precious")
    second.hardlink_to(first)
    assert run(photo, "-o", second) == 1
    assert "hard links" in capsys.readouterr().err and second.samefile(first)


def test_a_file_system_that_refuses_chmod_is_no_obstacle(photo, tmp_path, run, monkeypatch):
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chmod", refuse)
    for _ in range(2):
        assert run(photo, "-o", tmp_path / "out.jpg") == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jpg", "photo.png"]


def test_a_file_system_that_knows_no_fsync_is_no_obstacle(photo, tmp_path, run, monkeypatch):
    def refuse(handle: int) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refuse)
    assert run(photo, "-o", tmp_path / "out.jpg") == 0 and decode((tmp_path / "out.jpg").read_bytes()).size == (64, 48)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may give files away")
def test_a_replaced_file_keeps_its_owner(photo, tmp_path, run):
    out = tmp_path / "theirs.jpg"
    out.write_bytes(b"old")
    out.chmod(0o640)
    os.chown(out, 65534, 12345)
    assert run(photo, "-o", out) == 0
    found = out.stat()
    assert (found.st_uid, found.st_gid, mode(out)) == (65534, 12345, 0o640) and found.st_size > 100


def test_one_file_goes_into_a_folder(photo, tmp_path, run, capsys):
    assert run(photo, "-o", f"{tmp_path}/new/deep/") == 0
    out = tmp_path / "new" / "deep" / "photo.jpg"
    assert decode(out.read_bytes()).size == (64, 48)
    out.write_bytes(b"precious")
    assert run(photo, "-o", out.parent) == 1  # the default name is taken
    assert "--force" in capsys.readouterr().err and out.read_bytes() == b"precious"


# ---- pipes ----------------------------------------------------------------------------------------------------------


def test_standard_input_and_output(photo, process, tmp_path):
    done = process("-", input=photo.read_bytes())
    assert done.returncode == 0 and decode(done.stdout).size == (64, 48)
    assert done.stderr.startswith(b"standard output: 64\xc3\x9748 pixels")
    assert process(photo, "-o", "-", "-q").stdout == done.stdout
    assert process(photo, "-o", "/dev/stdout", "-q").stdout == done.stdout
    assert process("/dev/stdin", "-o", "a.jpg", input=photo.read_bytes()).returncode == 0
    assert (tmp_path / "a.jpg").read_bytes() == done.stdout
    as_json = process("-", "--json", input=photo.read_bytes())
    assert as_json.stdout == done.stdout and json.loads(as_json.stderr)["bytes"] == len(done.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["-", "-o", "a.jpg"], 1, b"standard input: is empty"),
        (["-", "photo.png", "-o", "out"], 2, b"encode it alone"),
        (["/dev/stdin"], 2, b"name the JPEG file with -o"),
        (["-", "-o", "folder/"], 2, b"name a file in it"),
        (["photo.png", "photo.png", "-o", "-"], 2, b"name a folder for the results"),
        ([".", "-o", "-"], 2, b"name a folder for the results"),
        (["", "-o", "out"], 2, b"an input's name is empty"),
        (["photo.png", "photo.png", "-o", ""], 2, b"-o: its name is empty"),
    ],
)
def test_wrong_uses_of_streams_and_of_no_name(arguments, code, says, photo, process, tmp_path):
    done = process(*arguments, input=b"")
    assert done.returncode == code and says in done.stderr and done.stderr.count(b"\n") == 1
    assert done.stdout == b"" and [p.name for p in tmp_path.iterdir()] == ["photo.png"]


def test_a_file_may_be_called_as_standard_input_is(photo, process, tmp_path):
    photo.rename(tmp_path / "-")
    assert process("./-", "-o", "out.jpg", input=b"").returncode == 0
    assert decode((tmp_path / "out.jpg").read_bytes()).size == (64, 48)


@pytest.mark.parametrize(
    ("shell", "says"),
    [
        ("{} photo.png -o - >&-", "standard output: is closed"),
        ("{} - -o a.jpg <&-", "standard input: is closed"),
        ("{} photo.png -o - >/dev/full", "cannot be written (No space left on device)"),
        ("{} photo.png -o /dev/full", "cannot be written (No space left on device)"),
        ("{} - -o a.jpg </dev/null", "standard input: is empty"),
    ],
)
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_streams_that_fail_are_one_line(shell, says, photo, model, tmp_path):
    command = shell.format(f"{sys.executable} -m repro encode --effort fast --model '{model}'")
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and says in done.stderr and done.stderr.count("\n") == 1
    assert "unexpected" not in done.stderr and not (tmp_path / "a.jpg").exists()


def test_named_pipes_stay_pipes(photo, run, tmp_path):
    source, output = tmp_path / "in.fifo", tmp_path / "out.jpg"
    os.mkfifo(source)
    os.mkfifo(output)
    got: list[bytes] = []
    ends = [
        threading.Thread(target=lambda: source.write_bytes(photo.read_bytes()), daemon=True),
        threading.Thread(target=lambda: got.append(output.read_bytes()), daemon=True),
    ]
    for end in ends:
        end.start()
    assert run(source, "-o", output) == 0
    for end in ends:
        end.join(10)
    assert decode(got[0]).size == (64, 48) and output.is_fifo()


# ---- printing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("charset", ["ascii", "cp1251", "cp437", "utf-8"])
def test_any_charset_can_be_printed_to(charset, process, tmp_path):
    names = ["Ünder.png", "写真.png", os.fsdecode(b"no utf-8 \xff.png")]
    for name in names:
        save(tmp_path / name, astronaut(8, 8))
    environment = {**os.environ, "PYTHONIOENCODING": charset}
    done = process(*names, "-o", "out", env=environment)
    assert done.returncode == 0 and len(list((tmp_path / "out").iterdir())) == 3
    assert len(done.stdout.decode(charset).splitlines()) == 4
    done = process(*names, "-o", "out2", "--json", env=environment)
    found = [json.loads(line)["input"] for line in done.stdout.decode("utf-8").splitlines()]
    assert found == ["Ünder.png", "写真.png", "no utf-8 \ufffd.png"]


@pytest.mark.parametrize(
    "letter", ["\x1b[31m", "\x07", "\x7f", "\x9b31m", "\x85", "\u2028", "\u202e", "\n", "\r", "\ud800"]
)
def test_no_letter_of_a_name_reaches_the_terminal_raw(letter, run, process, tmp_path, capsys):
    name = f"a{letter}b" if letter != "\ud800" else os.fsdecode(b"a\xff\x1bb")
    source = save(tmp_path / f"{name}.png", np.full((8, 8, 4), 100, np.uint8))  # transparent, which causes a note
    broken = tmp_path / f"{name}.broken"
    broken.write_bytes(b"GIF89a")
    out = tmp_path / f"{name} out"
    for options in ([], ["--json"], ["--skip-existing"], ["--json", "--force"]):
        run(source, broken, tmp_path, "-o", out, *options)
    run(source, "-o", tmp_path / f"{name}.gif")
    cli.run(["encode", str(source), "--no-such-option" + name])
    cli.run(["evaluate", str(source)])
    printed, err = capsys.readouterr()
    assert not any(is_unsafe(c) for c in (printed + err).replace("\n", ""))
    assert all(line.startswith("repro: ") for line in err.splitlines())
    for line in printed.splitlines():
        if line.startswith("{"):
            assert json.loads(line)["input"].startswith(str(tmp_path))


def test_the_traceback_is_safe_too(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("REPRO_DEBUG", "1")
    assert run(tmp_path / "\x1b[31m.png") == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and "\x1b" not in err


@pytest.mark.parametrize("name", ["two\nlines", "re\rturn", "\x1b[31mred", "line\u2028separator", "\u202egpj.exe"])
def test_an_error_is_one_line_whatever_the_name(name, run, tmp_path, capsys):
    bad = tmp_path / f"{name}.png"
    bad.write_bytes(b"none")
    assert run(bad) == 1
    assert run(bad, bad, "-o", tmp_path / "out") == 1
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 4 and "\x1b" not in err and "\u202e" not in err
    assert ascii(name)[1:-1] in err


# ---- folders --------------------------------------------------------------------------------------------------------


def test_a_tree_is_kept_and_gone_on_with(photo, run, tmp_path, capsys):
    for name in ("in/a.png", "in/one/a.png", "in/one/two/b.png", "in/.hidden/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(photo.read_bytes())
    out = tmp_path / "in" / "out"  # not read as an input in the next run
    call = [tmp_path / "in", "-o", out, "--recursive", "--skip-existing"]
    assert run(*call) == 0
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*.jpg")) == ["a.jpg", "one/a.jpg", "one/two/b.jpg"]
    (out / "one" / "a.jpg").unlink()
    capsys.readouterr()
    assert run(*call) == 0
    assert "has 2 of the pictures" in capsys.readouterr().err and (out / "one" / "a.jpg").exists()


def test_what_is_no_picture_is_left_alone_by_kind(photo, run, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(photo.read_bytes())
    others = ["clip.mpg", "data.h5", "logo.eps", "weather.grib", "drawing.wmf", "photo.heic", "b.heic", "notes"]
    for name in [*others, "._a.png"]:
        (folder / name).write_bytes(b"anything")
    (folder / "nowhere.png").symlink_to("nothing")
    os.mkfifo(folder / "pipe.png")
    assert run(folder, "-o", tmp_path / "out") == 0
    err = capsys.readouterr().err
    assert "1 .eps, 1 .grib, 1 .h5, 2 .heic, 1 .mpg, 1 .wmf, 1 hidden, 2 no regular file, 1 without ending" in err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.jpg"]


def test_an_empty_folder_does_not_stop_the_rest(photo, run, tmp_path, capsys):
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    out.mkdir()
    call = [photo, tmp_path / "empty", out, "-o", out]  # as the shell expands *
    assert run(*call) == 0
    assert "empty: holds no pictures" in capsys.readouterr().err
    assert run(*call, "--skip-existing") == 0
    assert [p.name for p in out.iterdir()] == ["photo.jpg"]


def test_links_to_folders_are_not_followed_in_circles(photo, run, tmp_path, capsys):
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.png").write_bytes(photo.read_bytes())
    (folder / "deep" / "up").symlink_to(folder)
    (folder / "self").symlink_to("self")
    (folder / "b.png").symlink_to(photo)  # a link to a picture counts as a picture
    assert run(folder, "-o", tmp_path / "out", "--recursive") == 0
    assert "left alone: 1 link to a folder, 1 no regular file" in capsys.readouterr().err
    made = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.jpg"))
    assert made == ["b.jpg", "deep/a.jpg"]


@contextmanager
def rights_of_nobody() -> Iterator[None]:
    """Drop root's rights, as root may read everything. Modules first imported in the block may not be found."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("rights", [0o000, 0o444], ids=["closed", "names only"])
def test_a_folder_that_cannot_be_read_is_one_line(rights, capsys):
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o777)
        for folder in ("closed", "open"):
            (top / "in" / folder).mkdir(parents=True)
            save(top / "in" / folder / "a.png", astronaut(8, 8))
        options = ["--recursive", "--model", "tables", "--effort", "fast"]
        assert cli.run(["encode", f"{top}/in", "-o", f"{top}/before", *options]) == 0
        capsys.readouterr()
        (top / "in" / "closed").chmod(rights)
        with rights_of_nobody():
            code = cli.run(["encode", f"{top}/in", "-o", f"{top}/out", *options])
        err = capsys.readouterr().err
        assert [str(p.relative_to(top / "out")) for p in (top / "out").rglob("*.jpg")] == ["open/a.jpg"]
    if rights == 0:
        assert "closed: this folder cannot be read (Permission denied); check its permissions\n" in err
        assert code == 1 and "repro: 1 of 2 pictures failed" in err and err.count("\n") == 2
    else:
        assert code == 0 and "left alone: 1 no regular file" in err


def test_a_folder_that_cannot_be_made_is_one_line_for_each_of_its_pictures(photo, run, tmp_path, capsys):
    (tmp_path / "in" / "one").mkdir(parents=True)
    for name in ("a.png", "one/b.png", "one/c.png"):
        (tmp_path / "in" / name).write_bytes(photo.read_bytes())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "one").write_text("a file")
    assert run(tmp_path / "in", "-o", tmp_path / "out", "--recursive") == 1
    err = capsys.readouterr().err
    assert err.count("cannot create this folder") == 2 and "2 of 3 pictures failed" in err
    assert (tmp_path / "out" / "a.jpg").exists()


def test_no_input_is_overwritten_by_a_result(photo, run, tmp_path, capsys):
    """The output folder holds one of the inputs: x/y/b.png would become x/b.jpg, which link.jpg names as an input."""
    folder = tmp_path / "in"
    (folder / "x" / "y").mkdir(parents=True)
    precious = save(folder / "x" / "b.jpg", astronaut(16, 16)).read_bytes()
    save(folder / "x" / "y" / "b.png", astronaut(8, 8))
    call = [folder / "x" / "y", tmp_path / "link.jpg", "-o", folder / "x", "--force"]
    (tmp_path / "link.jpg").symlink_to(folder / "x" / "b.jpg")
    assert run(*call) == 2
    assert (folder / "x" / "b.jpg").read_bytes() == precious


def test_what_is_half_written_does_not_count_as_done(photo, run, tmp_path, capsys):
    """Half-written as by another program; ours writes a file whole or not at all."""
    out = tmp_path / "out"
    out.mkdir()
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(photo.read_bytes())
    inputs = [tmp_path / f"{name}.png" for name in "abc"]
    assert run(inputs[0], "-o", out / "a.jpg") == 0
    (out / "b.jpg").write_bytes((out / "a.jpg").read_bytes()[:500])
    assert run(*inputs, "-o", out, "--skip-existing") == 1
    err = capsys.readouterr().err
    assert f"{out / 'b.jpg'}: is there already, but is no whole JPEG file; remove it" in err
    assert "has 1 of the pictures" in err and "1 of 2 pictures failed" in err
    assert decode((out / "c.jpg").read_bytes()).size == (64, 48)
    (out / "b.jpg").write_bytes(b"")
    assert run(inputs[1], "-o", out, "--skip-existing") == 1
    (out / "b.jpg").unlink()
    assert run(inputs[1], "-o", out, "--skip-existing") == 0
    before = (out / "b.jpg").stat().st_mtime_ns
    assert run(inputs[1], "-o", out / "b.jpg", "--skip-existing") == 0
    assert (out / "b.jpg").stat().st_mtime_ns == before and "is there already" in capsys.readouterr().err
    half = (out / "a.jpg").read_bytes()[:-2]
    for data, done in ((half + b"\xff\xd9" + bytes(9), True), (half + bytes(9), False), (half[:99] + bytes(9), False)):
        (out / "b.jpg").write_bytes(data)  # something may follow the picture, such as a video
        assert (run(inputs[1], "-o", out, "--skip-existing") == 0) == done


def test_a_killed_run_is_gone_on_with(tmp_path, model):
    """Killed at the first result: whatever is there is whole, and the next run makes the rest."""
    (tmp_path / "in").mkdir()
    for i in range(8):
        save(tmp_path / "in" / f"{i}.png", astronaut(200, 200))
    call = [sys.executable, "-m", "repro", "encode", "in", "-o", "out", "--bpp", "1", "--skip-existing"]
    first = subprocess.Popen([*call, "--model", model], cwd=tmp_path, stdout=subprocess.PIPE)
    assert first.stdout is not None and first.stdout.readline()
    first.kill()
    first.communicate(timeout=60)
    assert subprocess.run([*call, "--model", model], cwd=tmp_path, capture_output=True, timeout=120).returncode == 0
    made = sorted((tmp_path / "out").glob("[0-9].jpg"))
    assert len(made) == 8 and all(decode(p.read_bytes()).size == (200, 200) for p in made)


def test_one_picture_whose_process_is_stopped_does_not_take_others_with_it(tmp_path, model):
    """As when memory runs out. The first of 8 pictures is a pipe; whenever it is read, the workers are killed."""
    os.mkfifo(tmp_path / "0.png")
    for i in range(1, 8):
        save(tmp_path / f"{i}.png", astronaut(24, 32))
    pairs = [(tmp_path / f"{i}.png", tmp_path / f"{i}.jpg") for i in range(8)]

    all_ended = threading.Event()

    def stop_readers() -> None:
        while not all_ended.wait(0.05):
            with suppress(OSError):  # nobody reads it
                os.close(os.open(tmp_path / "0.png", os.O_WRONLY | os.O_NONBLOCK))
                for process in multiprocessing.active_children():
                    process.kill()

    threading.Thread(target=stop_readers, daemon=True).start()
    try:
        ended = list(encode_files(pairs, Settings(model=model), jobs=2))
    finally:
        all_ended.set()
    failures = [end for end in ended if isinstance(end, Failure)]
    assert len(ended) == 8 and [Path(failure.input).name for failure in failures] == ["0.png"]
    assert "its process was stopped" in failures[0].error
    assert all(decode(output.read_bytes()).size == (32, 24) for _, output in pairs[1:])


def test_twins_of_any_kind_lose_nothing(tmp_path, run):
    """Names that differ only in case, in Unicode normalisation or in their ending."""
    (tmp_path / "in" / "Sub").mkdir(parents=True)
    (tmp_path / "in" / "sub").mkdir()
    names = [
        "a.png",
        "A.png",
        "a.bmp",
        "a.PNG",
        "a.png.png",
        "Ü.png",
        "U\u0308.png",
        "ß.png",
        "SS.png",
        "ﬁ.png",
        "fi.png",
    ]
    for name in [*names, "Sub/x.png", "sub/X.png"]:
        save(tmp_path / "in" / name, astronaut(8, 8), format="PNG")
    assert run(tmp_path / "in", "-o", tmp_path / "out", "--recursive") == 0
    made = [str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.jpg")]
    alike = {unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()) for name in made}
    assert len(made) == len(alike) == len(names) + 2


def test_names_that_some_file_systems_take_for_one_get_two(tmp_path):
    twins = [Path("Ü.png"), Path("U\u0308.png"), Path("ü.bmp")]
    assert [p.name for p in name_outputs(twins, tmp_path)] == ["Ü.png.jpg", "U\u0308.png-2.jpg", "ü.bmp.jpg"]


# ---- sizes ----------------------------------------------------------------------------------------------------------


def test_a_jpeg_file_that_would_grow_is_copied(run, tmp_path, capsys):
    source, out = save(tmp_path / "low.jpg", astronaut(128, 128), quality=20), tmp_path / "out.jpg"
    assert run(source, "-o", out) == 0
    assert out.read_bytes() == source.read_bytes()
    assert "copied as it is\n" in capsys.readouterr().err
    assert run(source, "-o", out, "--no-keep-smaller") == 0 and out.stat().st_size > source.stat().st_size
    exif = Image.Exif()
    exif[0x8298] = "somebody"
    source = save(tmp_path / "with.jpg", astronaut(128, 128), quality=20, exif=exif)
    assert run(source, "-o", out) == 0
    assert "copied as it is" in capsys.readouterr().err and b"somebody" not in out.read_bytes()
    assert (decode(out.read_bytes()).tobytes()) == decode(source.read_bytes()).tobytes()
    exif[0x0112] = 6  # stored on its side, so it is encoded anew
    source = save(tmp_path / "turned.jpg", astronaut(128, 64), quality=20, exif=exif)
    assert run(source, "-o", out) == 0 and decode(out.read_bytes()).size == (128, 64)


def test_a_size_is_met(photo, run, tmp_path, capsys):
    out = tmp_path / "out.jpg"
    for size, most in [("2KB", 2000), ("1.5 KiB", 1536), ("1MB", 10**6)]:
        assert run(photo, "-o", out, "--size", size) == 0
        assert out.stat().st_size <= most
    assert run(photo, "-o", out, "--size", "10") == 1 and "choose at least" in capsys.readouterr().err
    assert run(photo, "-o", out, "--size", "small") == 2


def test_subsampling_is_chosen(photo, tmp_path):
    for subsampling, code in [("4:2:0", 2), ("4:4:4", 0)]:
        call = ["encode", str(photo), "-o", str(tmp_path / "out.jpg"), "--subsampling", subsampling]
        assert cli.run(call) == 0
        assert JpegImagePlugin.get_sampling(Image.open(tmp_path / "out.jpg")) == code


def test_a_size_counts_the_metadata(run, tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "a long story " * 100
    source, out = save(tmp_path / "in.jpg", astronaut(64, 48), quality=100, exif=exif), tmp_path / "out.jpg"
    assert run(source, "-o", out, "--metadata", "all", "--size", "4KB") == 0
    assert b"a long story" in out.read_bytes() and out.stat().st_size <= 4000
