"""The encoder in the browser against the Python encoder: in Node, and in a Web Worker of Chromium."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image

from bookkit import browser_encoder
from repro.data.leaves import dead_leaves
from repro.encoder import trellis_set
from repro.encoder.images import Picture
from repro.encoder.tables_encoder import quantise
from repro.encoder.trellis_encoder import TrellisEncoder
from repro.jpeg import codestream
from repro.jpeg.huffman import code_lengths, count_bits
from repro.jpeg.tables import quality_tables
from repro.trellis.planes import assemble

ASSETS = Path(browser_encoder.__file__).parent / "assets" / "encoder"
QUALITIES = (10, 30, 50, 75, 90, 95)
#: Differences that floating point may cause: numbers in 10,000, and the relative size of files.
MOST_NUMBERS, MOST_BYTES = 1, 0.005

#: Reads a picture and options, encodes it for each target, and writes the files and their numbers.
PROGRAM = """
import { readFileSync, writeFileSync } from "node:fs";
import { bitsPerBlock, encodeWith, encoderOf, symbolsOfBlock } from "%(index)s";
const [folder, width, height, asked] = process.argv.slice(2);
const stages = [];
const onProgress = ({ stage, share, file }) => {
  if (stages[stages.length - 1]?.[0] !== stage) stages.push([stage, share, file]);
};
const { subsampling, targets } = JSON.parse(asked);
const pixels = new Uint8Array(readFileSync(`${folder}/in`));
const encoder = encoderOf(pixels, Number(width), Number(height), { subsampling, onProgress });
const start = process.cpuUsage();
const told = targets.map((target, n) => {
  const made = encodeWith(encoder, target);
  writeFileSync(`${folder}/${n}.jpg`, made.bytes);
  made.planes.forEach((plane, i) => {
    writeFileSync(`${folder}/${n}.${i}.z`, plane.z);
    writeFileSync(`${folder}/${n}.${i}.F`, plane.F);
    writeFileSync(`${folder}/${n}.${i}.weights`, plane.weights.ofBand);
  });
  const bits = bitsPerBlock(made).map((plane) => Array.from(plane));
  const symbols = symbolsOfBlock(made, 0, made.planes[0].rows * made.planes[0].cols >> 1);
  const { quality, lam, tables } = made;
  const scans = made.scans.map(({ first, last, dataBits }) => ({ first, last, dataBits }));
  const { subsampling } = made;
  return { quality, lam, subsampling, tables: tables.map((t) => Array.from(t)), bits, symbols, scans };
});
const { user, system } = process.cpuUsage(start);
console.log(JSON.stringify({ told, stages, seconds: (user + system) / 1e6 }));
"""

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def node() -> str:
    """Node.js. Without it the test is skipped, or fails if ``REPRO_REQUIRE_BROWSER`` is set."""
    found = shutil.which("node")
    if found is None:
        (pytest.fail if os.environ.get("REPRO_REQUIRE_BROWSER") else pytest.skip)("needs Node.js: apt install nodejs")
    return str(found)


@pytest.fixture
def run(node: str, tmp_path: Path) -> Run:
    """Encode samples for targets like ``{"quality": 75}``, and return what is told. Files are in ``tmp_path``."""
    program = tmp_path / "run.mjs"
    program.write_text(PROGRAM % {"index": (ASSETS / "index.js").as_uri()})

    def encode(samples: np.ndarray, targets: list[dict[str, Any]], subsampling: str = "auto") -> dict[str, Any]:
        (tmp_path / "in").write_bytes(samples.tobytes())
        height, width = samples.shape[:2]
        asked = json.dumps({"targets": targets, "subsampling": subsampling})
        done = subprocess.run(
            [node, program, tmp_path, str(width), str(height), asked], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return encode


def _gradient() -> np.ndarray:
    across, down = np.meshgrid(np.linspace(0, 255, 200), np.linspace(0, 255, 150))
    return np.stack([across, down, np.full_like(down, 128)], -1).astype(np.uint8)


#: Pictures of every kind and shape that the encoder must handle.
PICTURES: dict[str, Callable[[], np.ndarray]] = {
    "photo": lambda: skimage.data.astronaut()[:256, 100:400],
    "odd sides": lambda: skimage.data.coffee()[:131, :77],
    "one pixel": lambda: np.array([[[200, 30, 90]]], np.uint8),
    "two rows": lambda: skimage.data.astronaut()[100:102, 100:116],
    "thin": lambda: skimage.data.astronaut()[:300, 50:57],
    "one column": lambda: skimage.data.coffee()[:200, 300:301],
    "pixels of 2 × 2": lambda: np.kron(skimage.data.astronaut()[:60, :80], np.ones((2, 2, 1), np.uint8)),
    "dead leaves": lambda: dead_leaves(192, 3),
    "gradient": _gradient,
    "noise": lambda: np.random.default_rng(0).integers(0, 256, (96, 120, 3), np.uint8),
    "grey": lambda: skimage.data.camera()[:200, 100:300],
    "grey, one row": lambda: skimage.data.camera()[:1, :9],
    "black and white": lambda: np.where(np.random.default_rng(1).random((64, 64)) < 0.5, 0, 255).astype(np.uint8),
}


def picture(name: str) -> np.ndarray:
    """uint8 (H, W) or (H, W, 3), contiguous."""
    return np.ascontiguousarray(PICTURES[name]())


@pytest.mark.parametrize("name", PICTURES)
def test_numbers_and_files_are_those_of_the_python_encoder(name: str, run: Run, tmp_path: Path) -> None:
    samples = picture(name)
    told = run(samples, [{"quality": quality} for quality in QUALITIES])["told"]
    encoder = TrellisEncoder(Picture(samples), trellis_set.load())
    for n, (quality, ours) in enumerate(zip(QUALITIES, told, strict=True)):
        prepared, z = encoder.choose(quality)
        assert ours["subsampling"] == prepared.dct.subsampling
        assert ours["lam"] == pytest.approx(prepared.lam, rel=1e-5)
        assert ours["tables"] == prepared.tables[: len(z)].reshape(-1, 64).tolist()
        for i, (plane, weights) in enumerate(zip(prepared.dct.planes, prepared.weights, strict=True)):
            np.testing.assert_allclose(np.fromfile(tmp_path / f"{n}.{i}.F", np.float32), plane.F.ravel(), atol=1e-3)
            of_band = np.fromfile(tmp_path / f"{n}.{i}.weights", np.float32)
            np.testing.assert_allclose(of_band, weights.of_band.ravel(), rtol=1e-4)
        other = sum(np.count_nonzero(differences) for differences in _less(tmp_path, n, z))
        assert other <= MOST_NUMBERS * sum(numbers.size for numbers in z) / 10_000
        data = (tmp_path / f"{n}.jpg").read_bytes()
        assert len(data) == pytest.approx(len(encoder.encode(quality)), rel=MOST_BYTES)
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            assert image.size == (samples.shape[1], samples.shape[0])
            assert image.mode == ("L" if samples.ndim == 2 else "RGB")


def _less(folder: Path, n: int, z: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The ``n``-th file's numbers minus ``z``, plane by plane."""
    found = [np.fromfile(folder / f"{n}.{i}.z", np.int16) for i in range(len(z))]
    return [ours - numbers.ravel() for ours, numbers in zip(found, z, strict=True)]


@pytest.mark.parametrize("seed", range(8))
def test_sides_and_qualities_at_random(seed: int, run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 70, 2)
    samples = np.ascontiguousarray(skimage.data.astronaut()[100 : 100 + height, 150 : 150 + width])
    targets = [{"quality": float(quality)} for quality in rng.uniform(1, 100, 4).round(1)]
    run(samples, targets)
    encoder = TrellisEncoder(Picture(samples), trellis_set.load())
    for n, target in enumerate(targets):
        _, z = encoder.choose(target["quality"])
        assert sum(np.count_nonzero(differences) for differences in _less(tmp_path, n, z)) <= 1
        assert (tmp_path / f"{n}.jpg").stat().st_size == pytest.approx(len(encoder.encode(target["quality"])), abs=4)


def test_large_pictures_have_a_third_table(run: Run, tmp_path: Path) -> None:
    samples = np.tile(dead_leaves(256, 3), (6, 6, 1))
    told = run(samples, [{"quality": 40}])["told"][0]
    assert len(told["tables"]) == 3
    data = TrellisEncoder(Picture(samples), trellis_set.load()).encode(40)
    assert (tmp_path / "0.jpg").stat().st_size == pytest.approx(len(data), rel=MOST_BYTES)


@pytest.mark.parametrize("quality", [20, 75, 97])
def test_a_file_holds_the_numbers_that_are_told(quality: int, run: Run, tmp_path: Path) -> None:
    told = run(picture("photo"), [{"quality": quality}])["told"][0]
    stored = codestream.read((tmp_path / "0.jpg").read_bytes())
    dct = TrellisEncoder(Picture(picture("photo")), trellis_set.load()).prepare(quality).dct
    z = [np.fromfile(tmp_path / f"0.{i}.z", np.int16).reshape(-1, 64) for i in range(3)]
    expected = assemble(dct, z, np.array(told["tables"], np.uint16).reshape(-1, 8, 8))
    for ours, in_file in zip(expected.planes, stored.planes, strict=True):
        np.testing.assert_array_equal(ours, in_file[: ours.shape[0], : ours.shape[1]])


@pytest.mark.parametrize("quality", [10, 75, 97])
def test_bits_of_blocks_add_up_to_those_of_the_scans(quality: int, run: Run) -> None:
    told = run(np.ascontiguousarray(picture("photo")[:208, :208]), [{"quality": quality}])["told"][0]
    assert sum(map(sum, told["bits"])) == pytest.approx(sum(scan["dataBits"] for scan in told["scans"]), rel=1e-4)


def test_symbols_of_a_block_are_those_of_a_sequential_file(run: Run, tmp_path: Path) -> None:
    """A grey file is small and so sequential: its own codes have exactly as many bits as the symbols told."""
    samples = np.ascontiguousarray(picture("grey")[:64, :64])
    told = run(samples, [{"quality": 60}])["told"][0]
    data = (tmp_path / "0.jpg").read_bytes()
    coefficients = codestream.read(data)
    bits = count_bits(coefficients.planes[0], 0, code_lengths(data)).reshape(-1, 65)
    assert [(scan["first"], scan["last"]) for scan in told["scans"]] == [(0, 63)]
    assert sum(len(s["code"] + s["following"]) for s in told["symbols"]) == bits[len(bits) // 2].sum()
    np.testing.assert_allclose(told["bits"][0], bits.sum(1))
    found = {s["position"]: s["value"] for s in told["symbols"] if s["kind"] == "AC"}
    z = np.fromfile(tmp_path / "0.0.z", np.int16).reshape(-1, 64)[len(bits) // 2]
    assert found == {k: z[k] for k in range(1, 64) if z[k]}


@pytest.mark.parametrize("name", ["photo", "grey"])
@pytest.mark.parametrize("size", [3000, 9000, 10**6])
def test_a_size_is_met_as_in_python(name: str, size: int, run: Run, tmp_path: Path) -> None:
    samples = picture(name)
    told = run(samples, [{"size": size}])["told"][0]
    quality, data = TrellisEncoder(Picture(samples), trellis_set.load()).within_bytes(size, name)
    found = (tmp_path / "0.jpg").stat().st_size
    assert found <= size
    assert told["quality"] == pytest.approx(quality, abs=0.11)
    assert found == pytest.approx(len(data), rel=MOST_BYTES)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_chroma_can_be_asked_for(subsampling: str, run: Run, tmp_path: Path) -> None:
    run(picture("photo"), [{"quality": 80}], subsampling)
    data = TrellisEncoder(Picture(picture("photo")), trellis_set.load(), subsampling=subsampling).encode(80)
    assert codestream.read((tmp_path / "0.jpg").read_bytes()).subsampling == subsampling
    assert (tmp_path / "0.jpg").stat().st_size == pytest.approx(len(data), rel=MOST_BYTES)


def test_progress_goes_through_the_stages(run: Run) -> None:
    stages = run(picture("photo"), [{"quality": 50}])["stages"]
    assert [stage for stage, _, _ in stages] == ["transform", "network", "trellis", "write"]
    shares = [share for _, share, _ in stages]
    assert shares == sorted(shares) and shares[-1] == 1
    searched = run(picture("photo"), [{"size": 9000}])["stages"]
    files = [file for _, _, file in searched]
    assert files == sorted(files) and files[0] == 1 and files[-1] > 3


def test_plain_rounding_is_that_of_the_tables_encoder(run: Run, tmp_path: Path) -> None:
    samples = picture("photo")
    told = run(samples, [{"quality": 60, "plain": "annex-k"}, {"quality": 60, "plain": "learned"}], "4:4:4")["told"]
    assert told[0]["tables"] == quality_tables(60).reshape(2, 64).tolist()
    for n, made in enumerate(told):
        expected = quantise(samples, np.array(made["tables"]).reshape(2, 8, 8)).planes
        stored = codestream.read((tmp_path / f"{n}.jpg").read_bytes()).planes
        other = sum(np.count_nonzero(a != b) for a, b in zip(stored, expected, strict=True))
        assert other <= MOST_NUMBERS * sum(plane.size for plane in stored) / 10_000


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("encode(new Uint8Array(12), 2, 2, { quality: 0 })", "quality 0 is out of range"),
        ("encode(new Uint8Array(12), 2, 2, { quality: NaN })", "quality NaN is out of range"),
        ("encode(new Uint8Array(11), 2, 2)", "11 bytes are not 2×2 pixels"),
        ("encode(new Uint8Array(0), 0, 2)", "0×2 px"),
        ("encode(new Uint8Array(12), 2, 2, { size: 10 })", "10 bytes cannot be met; choose at least"),
        ("encode(new Uint8Array(12), 2, 2, { subsampling: '4:1:1' })", "unknown subsampling 4:1:1"),
    ],
)
def test_bad_input_gets_one_line(call: str, said: str, node: str) -> None:
    program = f'import {{ encode }} from "{(ASSETS / "index.js").as_uri()}";\n{call};'
    done = subprocess.run([node, "--input-type=module", "-e", program], capture_output=True, text=True)
    assert done.returncode != 0
    assert f"RangeError: {said}" in done.stderr.replace("picture: ", "")


def test_the_model_is_the_one_that_ships() -> None:
    text = (ASSETS / "model.js").read_text()
    model = json.loads(text[text.index("{") : text.rindex("}") + 1])
    shipped = trellis_set.load()
    for part in ("lams", "losses", "powers", "scale"):
        np.testing.assert_array_equal(model[part], getattr(shipped, part))
    np.testing.assert_array_equal([model["tables"][s] for s in ("4:2:0", "4:4:4")], shipped.tables)
    values = [part.ravel() for layer in shipped.network.layers for part in layer] + [shipped.network.profile.ravel()]
    stored = np.frombuffer(base64.b64decode(model["values"]), "<f4")
    np.testing.assert_array_equal(stored, np.concatenate(values))


@pytest.mark.slow
def test_a_megapixel_takes_about_a_second_of_one_core(run: Run) -> None:
    """CPU time, with compiling. It took 0.8 s; the limit leaves room for a busy machine."""
    assert run(dead_leaves(1000, 5), [{"quality": 75}])["seconds"] < 2


WORKER_PAGE = """
async ([worker, client, rgba, width, height]) => {
  (0, eval)(client);
  const url = URL.createObjectURL(new Blob([worker], { type: "text/javascript" }));
  const encoder = new bookEncoder.EncoderClient(new Worker(url));
  const data = Uint8ClampedArray.from(atob(rgba), (letter) => letter.charCodeAt(0));
  const stages = new Set();
  const picture = { data, width, height };
  const first = encoder.encode(picture, { quality: 60, details: true, onProgress: ({ stage }) => stages.add(stage) });
  const skipped = encoder.encode(null, { quality: 20, latest: true });
  const last = encoder.encode(null, { quality: 30, latest: true, details: true });
  const refused = encoder.encode(null, { quality: 300 }).catch((error) => `${error.name}: ${error.message}`);
  const made = await first;
  const symbols = (await encoder.block(0, 126)).symbols.filter(({ kind }) => kind === "AC");
  const nowhere = await encoder.block(1, 3000).catch((error) => error.message);
  const base64 = ({ bytes }) => btoa(String.fromCharCode(...bytes));
  return {
    first: base64(made), skipped: await skipped, last: base64(await last), refused: await refused, stages: [...stages],
    symbols: symbols.map(({ value }) => value), z: Array.from((await last).planes[0].z.slice(64 * 126 + 1, 64 * 127)),
    nowhere,
    planes: made.planes.map(({ F, z, bits, weights }) => [F.length, z.length, bits.length, weights.ofBand.length]),
  };
}
"""


CLIENT_PROGRAM = """
import { EncoderClient } from "%s";
const worker = {
  posted: [],
  postMessage({ width = "again" }) {
    if (width === 99) throw new Error("no room");
    this.posted.push(width);
  },
};
const client = new EncoderClient(worker);
const picture = (width) => ({ data: [0], width, height: 1 });
const [first, ...late] = [1, null, 2, null, null, 3, null, null].map((width) =>
  client.encode(width && picture(width), { latest: true }));
const finish = (id) => worker.onmessage({ data: { id, type: "result", result: id } });
for (const id of [1, 6, 8]) finish(id);
const told = await Promise.all([first, ...late]);
const large = [picture(99), null].map((one) => client.encode(one).catch((error) => error.message));
const small = client.encode(picture(5));
finish(11);
const lost = [...(await Promise.all(large)), await small];
const open = client.encode(picture(4)).catch((error) => error.message);
worker.onerror({ message: "broken", preventDefault() {} });
const broken = [await open, await client.block(0, 0).catch((error) => error.message)];
console.log(JSON.stringify({ told, posted: worker.posted, lost, broken }));
"""


def test_only_the_latest_of_what_waits_is_coded_and_a_dead_worker_answers_nothing(node: str) -> None:
    """A waiting picture is replaced by a newer picture, but not by another quality of its own.

    A picture that cannot be copied is refused, and the one before is not encoded in its place.
    """
    program = CLIENT_PROGRAM % (ASSETS / "client.js").as_uri()
    done = subprocess.run([node, "--input-type=module", "-e", program], capture_output=True, text=True, timeout=60)
    told = json.loads(done.stdout)
    assert told["told"] == [1, None, None, None, None, 6, None, 8]
    assert told["posted"] == [1, 3, "again", 5, 4]
    assert told["lost"] == [*["this browser has no room for a copy of the picture"] * 2, 11]
    assert told["broken"] == ["broken", "broken"]


def test_a_worker_of_a_page_from_disk_encodes(browser: Any, tmp_path: Path) -> None:
    """Inlined in a page that may not fetch anything, the worker makes the Python encoder's files."""
    page = tmp_path / "page.html"
    policy = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; worker-src blob:"
    page.write_text(f'<meta http-equiv="Content-Security-Policy" content="{policy}">')
    samples = picture("odd sides")
    rgba = np.dstack([samples, np.full(samples.shape[:2], 255, np.uint8)])
    scripts = [browser_encoder.script("worker"), browser_encoder.script("client")]
    tab = browser.new_page()
    requests: list[str] = []
    tab.goto(page.as_uri())
    tab.on("request", lambda request: requests.append(request.url))
    height, width = samples.shape[:2]
    told = tab.evaluate(WORKER_PAGE, [*scripts, base64.b64encode(rgba.tobytes()).decode(), width, height])
    tab.close()
    encoder = TrellisEncoder(Picture(samples), trellis_set.load())
    for name, quality in (("first", 60), ("last", 30)):
        data = base64.b64decode(told[name])
        assert len(data) == pytest.approx(len(encoder.encode(quality)), rel=MOST_BYTES)
        codestream.decode(data)
    assert told["skipped"] is None
    assert told["refused"].startswith("RangeError: quality 300 is out of range")
    assert told["stages"] == ["transform", "network", "trellis", "write"]
    assert len(told["symbols"]) > 5 and told["symbols"] == [value for value in told["z"] if value]
    assert told["nowhere"] == "there is no block 3000 in plane 1"
    luma = -(-height // 8) * -(-width // 8)
    assert told["planes"][0] == [64 * luma, 64 * luma, luma, 5 * luma]
    assert all(url.startswith("blob:") for url in requests)
