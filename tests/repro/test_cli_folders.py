"""Where ``repro encode`` reads from and writes to: files of all kinds, pipes, folders, names that are hard to write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image, JpegImagePlugin

from encoder_stand_in import astronaut, decode, save
from repro import cli
from repro.encoder.batch import name_outputs

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


def test_one_file_goes_into_a_folder(photo, tmp_path, run, capsys):
    assert run(photo, "-o", f"{tmp_path}/new/deep/") == 0
    out = tmp_path / "new" / "deep" / "photo.jpg"
    assert decode(out.read_bytes()).size == (64, 48)
    out.write_bytes(b"precious")
    assert run(photo, "-o", out.parent) == 1  # a name that we chose
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
    ],
)
def test_wrong_uses_of_standard_input(arguments, code, says, photo, process, tmp_path):
    done = process(*arguments, input=b"")
    assert done.returncode == code and says in done.stderr and done.stderr.count(b"\n") == 1
    assert done.stdout == b"" and [p.name for p in tmp_path.iterdir()] == ["photo.png"]


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
    out = tmp_path / "in" / "out"  # not read again
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
    assert "1 .eps, 1 .grib, 1 .h5, 2 .heic, 1 .mpg, 1 .wmf, 2 no regular file, 1 without ending" in err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.jpg"]


def test_an_empty_folder_does_not_stop_the_rest(photo, run, tmp_path, capsys):
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    out.mkdir()
    call = [photo, tmp_path / "empty", out, "-o", out]  # as * gives
    assert run(*call) == 0
    assert "empty: holds no pictures" in capsys.readouterr().err
    assert run(*call, "--skip-existing") == 0
    assert [p.name for p in out.iterdir()] == ["photo.jpg"]


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
    exif[0x0112] = 6  # lies on its side: encoded anew
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


def test_metadata_are_kept_as_asked(run, tmp_path):
    exif = Image.Exif()
    exif[0x010F], exif[0x8298], exif[0x0112] = "maker", "somebody", 6
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    how = {"quality": 100, "exif": exif, "xmp": xmp, "dpi": (300, 150)}
    source, out = save(tmp_path / "in.jpg", astronaut(64, 48), **how), tmp_path / "out.jpg"
    found = {}
    for kept in ("none", "copyright", "all"):
        assert run(source, "-o", out, "--metadata", kept, "--size", "4KB") == 0
        assert out.stat().st_size <= 4000
        with Image.open(out) as image:
            assert image.size == (64, 48) and image.info["dpi"] == (150, 300)  # turned, as the picture is
            found[kept] = dict(image.getexif()), image.info.get("xmp", b"")
    assert found["none"] == ({}, b"") and found["copyright"] == ({0x8298: "somebody"}, b"")
    assert found["all"][0][0x0112] == 1 and found["all"][0][0x010F] == "maker"
    assert b'tiff:Orientation="1"' in found["all"][1]


def test_pixels_that_are_not_square_stay_so(run, tmp_path):
    source = save(tmp_path / "in.png", astronaut(32, 32), dpi=(300, 300))
    assert run(source, "-o", tmp_path / "a.jpg") == 0
    assert Image.open(tmp_path / "a.jpg").info["dpi"] == (300, 300)
    data = bytearray(save(tmp_path / "in.jpg", astronaut(32, 32), quality=100).read_bytes())
    data[13:18] = b"\0\0\1\0\2"
    (tmp_path / "in.jpg").write_bytes(data)
    assert run(tmp_path / "in.jpg", "-o", tmp_path / "b.jpg") == 0
    assert Image.open(tmp_path / "b.jpg").info["jfif_density"] == (1, 2)


def test_a_gain_map_is_named_when_it_is_dropped(run, tmp_path, capsys):
    first, second = Image.fromarray(astronaut(32, 32)), Image.new("L", (16, 16))
    first.save(tmp_path / "in.jpg", format="MPO", save_all=True, append_images=[second])
    first.save(tmp_path / "marked.jpg", xmp=b'<rdf:Description hdrgm:Version="1.0"/>')
    for name in ("in.jpg", "marked.jpg"):
        assert run(tmp_path / name, "-o", tmp_path / "out.jpg", "--metadata", "all") == 0
        assert "gain map" in capsys.readouterr().err
        assert b"hdrgm" not in (tmp_path / "out.jpg").read_bytes()
