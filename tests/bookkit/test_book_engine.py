"""The book's builder: it runs only what changed, and anything wrong stops it with one line that names the cause."""

from __future__ import annotations

import ast
import io
import json
import platform
import shutil
import time
from pathlib import Path

import grimp
import ipywidgets
import jupytext
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from bookkit import build, dependencies, frames_slider, glue, lint
from bookkit.__main__ import run
from bookkit.build import make
from bookkit.compress import smaller
from bookkit.dependencies import imported_modules, inputs, key
from bookkit.execute import execute, with_new_words
from bookkit.project import Project, find_root
from repro.errors import ReproError, UsageError

ROOT = Path(__file__).resolve().parents[2]
HEADER = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A chapter

# %% tags=["parameters"]
profile = "cpu"
seed = 0

"""


@pytest.fixture
def project(tmp_path) -> Project:
    """A book of one page and one notebook, with the real configuration."""
    shutil.copy(ROOT / "_config.yml", tmp_path)
    shutil.copytree(ROOT / "book" / "_static", tmp_path / "book" / "_static", ignore=shutil.ignore_patterns("vendor"))
    shutil.copy(ROOT / "book" / "references.bib", tmp_path / "book")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/intro\nchapters:\n- file: notebooks/01_a\n")
    (tmp_path / "book" / "intro.md").write_text("# A book\n")
    (tmp_path / "requirements.lock").write_text("")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "parameters.yml").write_text("smoke: {}\n")
    write(tmp_path, "# %%\nprint(profile)\n")
    return Project(tmp_path, "smoke")


def write(root: Path, cells: str) -> None:
    """Write the notebook's text, and its pair."""
    path = root / "notebooks" / "01_a.py"
    path.write_text(HEADER + cells)
    jupytext.write(jupytext.read(path), path.with_suffix(".ipynb"))


def test_a_touched_notebook_runs_and_no_other(project, capsys):
    """It has the profile's parameters, and notes what it read and where it ran."""
    (project.root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters:\n- file: notebooks/01_a\n- file: notebooks/02_b\n"
    )
    shutil.copy(project.source("01_a"), project.source("02_b"))
    execute(project)
    first, other = (project.executed(name) for name in ("01_a", "02_b"))
    executed = json.loads(first.read_text())
    assert executed["cells"][-1]["outputs"][0]["text"] == ["smoke\n"]
    noted = executed["metadata"]["repro"]
    assert noted.items() >= {"profile": "smoke", "key": key(project, "01_a")}.items()
    assert noted["machine"]["python"] == platform.python_version() and noted["machine"]["versions"]["torch"]
    assert noted["reads"] == {"photos": {}, "weights": {}, "results": {}}, "it imports nothing that reads any"
    assert noted["code"].keys() == {"commit", "modified"}
    assert str(project.root) not in first.read_text()
    before, said = other.read_bytes(), capsys.readouterr().err
    assert [line.split(":")[0] for line in said.splitlines()] == ["01_a", "02_b"]
    write(project.root, "# %%\nprint(profile, 2)\n")
    execute(project)
    ran, left = capsys.readouterr().err.splitlines()
    assert ran.startswith("01_a: ") and ran.endswith(" s") and left == "02_b: unchanged"
    assert other.read_bytes() == before
    assert json.loads(first.read_text())["cells"][-1]["outputs"][0]["text"] == ["smoke 2\n"]


def test_new_words_need_no_run(project, capsys):
    cells = '# %% mystnb={{"figure": {{"name": "fig-a", "caption": "{}"}}}}\nprint(profile)\n\n# %% [markdown]\n# {}\n'
    write(project.root, cells.format("A caption.", "Prose."))
    execute(project)
    before = project.executed("01_a").read_bytes()
    write(project.root, cells.format("Another.", "More prose.\n\n# %% [markdown]\n# And more."))
    execute(project)
    assert capsys.readouterr().err.splitlines()[-1] == "01_a: unchanged"
    assert project.executed("01_a").read_bytes() == before, "it was run when it was run"
    shown = with_new_words(project, "01_a")
    assert [cell.source for cell in shown.cells[-2:]] == ["More prose.", "And more."]
    (one,) = [cell for cell in shown.cells if cell.source == "print(profile)"]
    assert one.metadata.mystnb.figure.caption == "Another." and one.outputs[0].text == "smoke\n"
    assert with_new_words(project, "01_a") == shown, "the same text every time, or Sphinx would read all pages again"
    write(project.root, "# %%\nprint(seed)\n")
    with pytest.raises(ReproError, match=r"notebooks/01_a.py: its code has changed since it was executed"):
        with_new_words(project, "01_a")


def test_pictures_are_packed_and_no_pixel_changes():
    picture = Image.new("RGBA", (6, 4), (9, 8, 7, 255))
    for mode, pixel in (("RGB", (1, 2, 3, 255)), ("RGBA", (1, 2, 3, 4))):
        picture.putpixel((0, 0), pixel)
        wasteful = io.BytesIO()
        picture.save(wasteful, "PNG", compress_level=0)
        packed = smaller(wasteful.getvalue())
        with Image.open(io.BytesIO(packed)) as again:
            assert again.mode == mode and again.convert("RGBA").tobytes() == picture.tobytes()
        assert len(packed) < len(wasteful.getvalue()) and smaller(packed) == packed


def test_key_changes_with_all_that_counts(project, monkeypatch):
    graph = grimp.ImportGraph()
    for name in (
        "repro",
        "repro.used",
        "repro.deeper",
        "repro.unused",
        "repro.experiments",
        "repro.metrics.butteraugli",
    ):
        graph.add_module(name)
    graph.add_import(importer="repro.used", imported="repro.deeper")
    monkeypatch.setattr(dependencies, "_graph", lambda: graph)
    src = project.root / "src" / "repro"
    src.mkdir(parents=True)
    for name in ("__init__", "used", "deeper", "unused", "experiments"):
        (src / f"{name}.py").write_text("")
    write(project.root, "# %%\nfrom repro.used import f\n")
    keys = [key(project, "01_a")]

    def changed() -> bool:
        keys.append(key(project, "01_a"))
        return keys[-1] != keys[-2]

    (src / "unused.py").write_text("1")
    (project.root / "data" / "results").mkdir(parents=True)
    (project.root / "data" / "results" / "a.json").write_text("1")
    assert not changed()
    for path in (src / "used.py", src / "deeper.py", src / "__init__.py", project.root / "requirements.lock"):
        path.write_text(path.read_text() + "\n2")
        assert changed(), path
    (project.root / "notebooks" / "parameters.yml").write_text("smoke: {01_a: {seed: 3}}\n")
    assert changed()
    write(project.root, "# %%\nimport repro.used, repro.experiments\n")
    assert changed()
    (project.root / "data" / "results" / "a.json").write_text("2")
    assert changed()
    monkeypatch.setattr("repro.metrics.butteraugli_installed", lambda: False)
    write(project.root, "# %%\nfrom repro.metrics.butteraugli import butteraugli\n")
    assert changed()
    monkeypatch.setattr("repro.metrics.butteraugli_installed", lambda: True)
    assert changed()


def test_inputs_are_those_of_what_is_imported():
    real = Project(ROOT)
    read = inputs(real, "05_first_experiment")
    assert read["photos"]["sample"].startswith("4 of the photographs") and read["weights"]["vgg16"]
    assert set(read["results"]) == {f"data/{of}" for of in ("results", "checkpoints", "reference", "ablation_sets")}
    assert inputs(real, "01_jpeg")["results"] == inputs(real, "01_jpeg")["weights"] == {}


def test_imports_are_followed_everywhere(tmp_path):
    """Imports inside functions and packages count, but not those for annotations alone."""
    (tmp_path / "a.py").write_text("def f():\n    from bookkit.__main__ import book\n")
    found = imported_modules(tmp_path / "a.py")
    assert {"bookkit", "bookkit.__main__", "bookkit.build", "bookkit.execute", "repro", "repro.errors"} <= found
    assert not found & {"numpy", "chapters", "repro.experiments"}


PLOT = "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\n"


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ("# %%\nx = 1\n\n# %%\ny = x / 0\n", "notebooks/01_a.py, cell 'y = x / 0': ZeroDivisionError: division by"),
        ("# %%\n1 +\n", "notebooks/01_a.py, line 17: invalid syntax"),
        ("# %%\nimport os\nos._exit(1)\n", "notebooks/01_a.py: DeadKernelError"),
        (f"# %%\n{PLOT}", 'plt\': shows a picture without mystnb={"image"'),
        (f'# %% mystnb={{"image": {{"alt": "A line."}}}}\n{PLOT}', 'plt\': shows a picture without mystnb={"figure"'),
    ],
    ids=["exception", "no Python", "dead kernel", "wordless picture", "no caption"],
)
def test_a_bad_cell_stops_with_its_name(project, cells, says):
    write(project.root, cells)
    with pytest.raises(ReproError) as caught:
        execute(project)
        build._stage_notebook(project, "01_a")
    assert says in str(caught.value) and "\n" not in str(caught.value)
    assert not project.staged("01_a").exists()


SAVES = "# A book\n\nIt saves 12.3 % of them.\n"


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        ("notebooks/parameters.yml", "smoke: {01_a: {sede: 1}}", "notebooks/01_a.py: unknown parameter 'sede'"),
        ("notebooks/parameters.yml", "smoke: {02_b: {a: 1}}", "notebooks/parameters.yml: smoke: there is no notebook"),
        ("notebooks/parameters.yml", "fast: {}", "notebooks/parameters.yml: unknown profile 'fast'"),
        ("notebooks/parameters.yml", "smoke: {", "notebooks/parameters.yml: is not valid YAML"),
        ("notebooks/02_b.py", HEADER, "notebooks/02_b.py: is not in _toc.yml"),
        ("book/other.md", "# Other", "book/other.md: is not in _toc.yml"),
        ("notebooks/01_a.py", HEADER + "# %%\nprint(seed)\n", "notebooks/01_a.ipynb: differs from 01_a.py; run `make"),
        ("notebooks/01_a.ipynb", "{", "notebooks/01_a.ipynb: is no notebook; delete it and run `make sync`"),
        ("notebooks/01_a.ipynb", None, "notebooks/01_a.ipynb: is missing; run `make sync`"),
        ("notebooks/02_b.ipynb", "{}", "notebooks/02_b.ipynb: has no 02_b.py"),
        ("book/intro.md", SAVES, "book/intro.md: types a number, …It saves 12.3 % of"),
        ("book/intro.md", "# A book\n\n![](a.png)\n", "book/intro.md: shows a picture without an alternative"),
    ],
)
def test_bad_input_stops_the_command_before_anything_runs(project, path, text, says, monkeypatch, capsys):
    """One line names the file, and the exit code is 1."""
    place = project.root / path
    place.unlink() if text is None else place.write_text(text)
    monkeypatch.chdir(project.root)
    assert run(["--profile", "smoke"]) == 1
    said = capsys.readouterr().err.replace(f"{project.root}/", "")
    assert said.startswith(f"repro: {says}") and said.count("\n") == 1
    assert not project.executed("01_a").exists()


def test_typed_numbers_are_found_in_cells_and_captions(project):
    words = '# %% mystnb={"figure": {"caption": "Of 12.3 %."}}\n1\n\n# %% [markdown]\n# In 3 seconds.\n'
    write(project.root, words)
    with pytest.raises(ReproError, match=r"notebooks/01_a.py, caption of cell 2: types a number, …Of 12\.3 %"):
        lint.check(project)
    (project.root / lint.ALLOWED).write_text("- {phrase: Of 12.3 %, reason: a setting}\n")
    with pytest.raises(ReproError, match=r"notebooks/01_a.py, cell 3: types a number, …In 3 seconds"):
        lint.check(project)


def test_a_wrong_profile_or_place_is_refused(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="unknown profile 'fast'; choose from smoke, cpu, paper"):
        Project(ROOT, "fast")
    with pytest.raises(ReproError, match="is missing"):
        Project(tmp_path)
    monkeypatch.chdir(ROOT / "src" / "repro")
    assert find_root() == ROOT


def test_build_without_a_run_needs_executed_notebooks(project):
    with pytest.raises(ReproError, match=r"notebooks/01_a.py: was never executed at profile smoke"):
        make(project, run=False)


def test_a_page_that_was_not_written_stops_the_build(project, monkeypatch, capsys):
    """Sphinx does not notice when one of its writing processes fails."""
    said = "book/intro.md:1: WARNING: unknown node type"
    monkeypatch.setattr(build, "_QUICK", f"import sys; print({said!r}); sys.exit()")
    with pytest.raises(ReproError, match=r"the book has problems \(3, listed above\)"):
        build._jupyter_book(project)
    assert capsys.readouterr().err.splitlines() == [
        said,
        "book/intro: was not written",
        "notebooks/01_a: was not written",
    ]


def test_a_build_that_takes_too_long_leaves_no_writer_behind(project, monkeypatch, tmp_path):
    """Sphinx's writers are separate processes, and would write into the next build."""
    late = tmp_path / "late"
    writer = f"import os, time; os.fork() or (time.sleep(2), open({str(late)!r}, 'w')); time.sleep(60)"
    monkeypatch.setattr(build, "_QUICK", writer)
    monkeypatch.setattr(build, "BUILD_TIMEOUT", 1)
    with pytest.raises(ReproError, match="took more than 1 s"):
        build._jupyter_book(project)
    time.sleep(2)
    assert not late.exists()


@pytest.mark.slow
def test_a_missing_number_stops_the_build_every_time(project, capsys):
    """Sphinx alone would warn once and pass the second time, as it has already read the page."""
    intro = project.root / "book" / "intro.md"
    write(project.root, "# %%\nfrom bookkit import glue\nglue('here', 1.5)\n")
    intro.write_text("# A book\n\n{glue:text}`../notebooks/01_a.ipynb::gone:.2f`\n")
    for _ in range(2):
        with pytest.raises(ReproError, match="the book has problems"):
            make(project)
        assert "book/intro.md:3: WARNING: Glue reference 'gone' not found" in capsys.readouterr().err
    intro.write_text("# A book\n\nIt is {glue:text}`../notebooks/01_a.ipynb::here:.2f`.\n")
    start = make(project)
    page = start.parent / "book" / "intro.html"
    assert "1.50" in page.read_text()
    write(project.root, "# %%\nfrom bookkit import glue\nglue('here', 2.5)\n")
    make(project)
    assert "2.50" in page.read_text(), "the number on a page that did not change itself must not go stale"


@pytest.fixture
def shown(monkeypatch) -> list:
    """Collects what is displayed, as (data, metadata)."""
    box: list = []
    monkeypatch.setattr("IPython.display.display", lambda data, *, raw, metadata: box.append((data, metadata)))
    return box


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        *[(value, "1") for value in (1, np.int64(1))],
        *[(value, "0.5") for value in (0.5, np.float32(0.5), torch.tensor(0.5))],
        ("-0.4 % (-0.0 to +0.0)", "−0.4\u00a0% (0.0\u00a0to\u00a00.0)"),
        ("95 % interval -1.5 to +2.0", "95\u00a0% interval −1.5 to +2.0"),
        ("on 2026-11-25: --figure 5, vgg-19, 1e-06, 4-8 px",) * 2,
    ],
)
def test_glue_stores_plain_text_typeset(shown, value, printed):
    glue("name-1", value)
    ((data, metadata),) = shown
    assert data == {"application/papermill.record/text/plain": printed}
    assert metadata["scrapbook"]["name"] == "name-1"


@pytest.mark.parametrize("text", ["12,345", "2.50", "1e5", "None"])
def test_glued_words_that_look_like_numbers_stay_as_they_are(shown, text):
    """myst-nb evaluates what looks like Python: without quotes "12,345" became "(12, 345)" on the page."""
    glue("text", text)
    assert str(ast.literal_eval(shown[0][0]["application/papermill.record/text/plain"])) == text


@pytest.mark.parametrize(("name", "value"), [("a b", 1), ("", 1), ("a", float("nan")), ("a", float("inf")), ("a", [1])])
def test_glue_refuses_what_no_page_could_show(name, value):
    with pytest.raises(ValueError, match="glue"):
        glue(name, value)


def test_frames_slider_links_slider_and_pictures():
    figure = plt.figure()
    grey, colour = np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.uint8)
    box = frames_slider([grey, colour, figure], "abc", ["one", "two <", "three"], description="Stop", start=1)
    slider, stack = box.children
    assert isinstance(stack, ipywidgets.Stack) and stack.selected_index == slider.index == 1
    assert [child.value.count("<img") for child in stack.children] == [1, 1, 1]
    assert 'alt="two &lt;"' in stack.children[1].value
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("frames", "labels", "alts"),
    [
        ([np.zeros((8, 8), np.uint8)], ["a", "b"], ["one"]),
        ([np.zeros((8, 8), np.uint8)] * 2, ["a", "a"], ["one", "two"]),
        ([np.zeros((8, 8), np.uint8)], ["a"], [""]),
        ([np.zeros((8, 8))], ["a"], ["floats"]),
        ([b"GIF89a"], ["a"], ["not a PNG"]),
    ],
)
def test_frames_slider_refuses(frames, labels, alts):
    with pytest.raises(ValueError, match="frames_slider"):
        frames_slider(frames, labels, alts, description="Stop")
