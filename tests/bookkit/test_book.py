"""The built book as a reader finds it: nothing leaves the machine or is broken, and every picture has its words.

The pages are opened in headless Chromium, in light and dark, as wide as on a phone, a tablet and a desktop. Without
Chromium these tests are skipped, or fail if ``REPRO_REQUIRE_BROWSER`` is set. They test the book of profile ``smoke``,
which the fixture ``smoke`` builds.
"""

from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from playwright.sync_api import expect

from bookkit.project import Project
from servers import serve

pytestmark = pytest.mark.slow

PAGES = [f"{page}.html" for page in Project(Path(__file__).resolve().parents[2]).pages()]
FRAME = ["index.html", "genindex.html", "search.html"]
#: ajv, inside the widgets' script, about a schema of its own.
HARMLESS = re.compile("strict mode: use allowUnionTypes")
#: axe-core, which ``tools/vendor_js.py`` copies for the tests. Rules that no colour scheme affects are tested once.
AXE = Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js"
AXE_RULES = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}
#: (rule, part of the element's HTML) that is not ours to fix: the theme's button is named "Color mode" and shows only
#: a picture, whose own title axe takes for visible words.
EXCUSED = [("label-content-name-mismatch", "theme-switch-button")]
#: Widths in pixels of a phone, a tablet and a desktop.
WIDTHS = (390, 820, 1440)
#: Width in pixels of the narrowest screen on which code is read.
LAPTOP = 1280
#: CPU seconds until a page's formulas and widgets are there. Wall time would count other programs, too.
MAX_WORK = 3
MAX_PAGE_BYTES = 5 * 2**20
MAX_BOOK_BYTES = 60 * 2**20


class Page(HTMLParser):
    """Ids, links and loaded files of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.assets: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if a.get("id"):
            self.ids.add(a["id"])
        if tag == "a" and a.get("href"):
            self.links.append(a["href"])
        source = a.get({"script": "src", "img": "src", "link": "href"}.get(tag, ""))
        if source and a.get("rel") != "canonical":
            self.assets.append(source)

    def file(self, url: str) -> Path:
        """The file that a link or an asset of this page points at."""
        target = (self.path.parent / unquote(url.split("?")[0])).resolve()
        return target / "index.html" if target.is_dir() else target


@functools.cache
def parsed(path: Path) -> Page:
    return Page(path)


def is_external(url: str) -> bool:
    return bool(re.match(r"[a-z]+:|//", url))


@pytest.mark.parametrize("name", [*PAGES, *FRAME])
def test_links_and_assets(name, smoke):
    page, bad = parsed(smoke.html / name), []
    for url in page.assets:
        if is_external(url) and not url.startswith("data:"):
            bad.append(f"loads from elsewhere: {url}")
        elif not url.startswith(("data:", "#")) and not page.file(url).exists():
            bad.append(f"missing: {url}")
    for url in page.links:
        path, anchor = urldefrag(url)
        if is_external(url):
            continue
        target = page.file(path) if path else page.path
        if not target.exists():
            bad.append(f"dead link: {url}")
        elif anchor and target.suffix == ".html" and anchor not in parsed(target).ids:
            bad.append(f"dead anchor: {url}")
    assert not bad


def test_book_opens_at_its_first_page(smoke):
    assert f'url={PAGES[0]}"' in (smoke.html / "index.html").read_text()


#: The site that a button leads to → a pattern for the rest of its address.
LAUNCHERS = {
    "https://colab.research.google.com/": r"github/literate-jpeg/repro/blob/main/(?P<path>[\w./-]+)$",
    "https://mybinder.org/": r"v2/gh/literate-jpeg/repro/main\?urlpath=lab/tree/(?P<path>[\w./-]+)$",
    "https://github.com/": r"literate-jpeg/repro(?:/(?:blob|tree)/main/(?P<path>[\w./-]+)|/issues/new\?.*)?$",
}


@functools.cache
def tracked(root: Path) -> set[str]:
    """Files of the repository, or in a copy without Git all that are there."""
    if not (root / ".git").exists():
        return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True)
    return set(listed.stdout.splitlines())


@pytest.mark.parametrize("name", PAGES)
def test_launch_buttons_open_real_paths(name, smoke):
    """On Colab, Binder and GitHub, the path after the branch is a file that is tracked."""
    opened = set()
    for url in parsed(smoke.html / name).links:
        for place, pattern in LAUNCHERS.items():
            if url.startswith(place) and "literate-jpeg/repro" in url:
                found = re.fullmatch(re.escape(place) + pattern, url)
                assert found, f"another address than {pattern}: {url}"
                assert found["path"] is None or found["path"] in tracked(smoke.root), url
                opened.add((place, found["path"]))
    assert ("https://github.com/", None) in opened
    if name.startswith("notebooks/"):
        notebook = name.replace(".html", ".ipynb")
        assert {("https://colab.research.google.com/", notebook), ("https://mybinder.org/", notebook)} <= opened


@pytest.mark.parametrize("name", [page for page in PAGES if page.startswith("notebooks/")])
def test_a_chapter_is_there_to_download(name, smoke):
    """Both as it was run, and as the text in the repository."""
    page = parsed(smoke.html / name)
    links = {Path(url).suffix: page.file(url) for url in page.links if "/_sources/" in url}
    assert set(links) == {".ipynb", ".py"}
    stem = Path(name).stem
    assert links[".py"].read_bytes() == smoke.source(stem).read_bytes()
    assert links[".ipynb"].read_bytes() == smoke.staged(stem).read_bytes()


@pytest.mark.parametrize("name", PAGES)
def test_page_weight(name, smoke):
    page = parsed(smoke.html / name)
    images = {page.file(url) for url in page.assets if url.startswith(("../_images", "_images"))}
    assert page.path.stat().st_size + sum(path.stat().st_size for path in images) <= MAX_PAGE_BYTES


def test_book_weight(smoke):
    assert sum(path.stat().st_size for path in smoke.html.rglob("*") if path.is_file()) <= MAX_BOOK_BYTES


@pytest.fixture(scope="session")
def site(smoke) -> Iterator[str]:
    """The book, served on this machine."""
    with serve(smoke.html) as publisher:
        yield publisher.url.rstrip("/")


LOOKED_AT = [
    (scheme, name) for name in [*PAGES, *FRAME[1:]] for scheme in ("light", "dark")
]  # index.html only redirects


@pytest.fixture(scope="module", params=LOOKED_AT, ids=lambda of: f"{of[1]}-{of[0]}")
def tab(request, browser, site) -> Iterator:
    """A page in one colour scheme, loaded once for all its tests; ``tab.bad`` collects everything that goes wrong.

    It opens at the desktop's width in light and at the phone's in dark, and is then resized through the others.
    """
    scheme, name = request.param
    widths = WIDTHS if scheme == "dark" else WIDTHS[::-1]
    context = browser.new_context(color_scheme=scheme, viewport={"width": widths[0], "height": 900})
    tab, bad = context.new_page(), []
    ours = (site, "data:", "blob:")
    tab.on("pageerror", lambda error: bad.append(f"page error: {error}"))
    tab.on("console", lambda message: bad.append(message.text) if is_complaint(message) else None)
    tab.on("response", lambda answer: bad.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    tab.on("request", lambda r: None if r.url.startswith(ours) else bad.append(f"left the machine: {r.url}"))
    tab.bad, tab.widths, tab.scheme = bad, widths, scheme
    devtools = context.new_cdp_session(tab)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    tab.goto(f"{site}/{name}", wait_until="load")
    settle(tab)
    metrics = {metric["name"]: metric["value"] for metric in devtools.send("Performance.getMetrics")["metrics"]}
    tab.work = metrics["TaskDuration"]
    yield tab
    context.close()


def settle(tab) -> None:
    """Wait until the page shows its formulas and widgets."""
    if tab.locator("script[type='application/vnd.jupyter.widget-view+json']").count():
        tab.wait_for_selector(".jupyter-widgets")
    if formulas := tab.locator(".math").count():
        tab.wait_for_function(f"document.querySelectorAll('mjx-container').length >= {formulas}")


def test_page_answers_soon(tab):
    assert tab.work <= MAX_WORK


def is_complaint(message) -> bool:
    return message.type in ("error", "warning") and not HARMLESS.search(message.text)


# Windows with the encoder make some of their pictures in the page, soon after it is loaded.
EVERY_PICTURE_IS_MADE = "[...document.images].every(i => i.hasAttribute('src'))"


def test_page_is_whole(tab):
    assert tab.locator("mjx-merror").count() == 0
    tab.wait_for_function(EVERY_PICTURE_IS_MADE)
    pictures = "[...document.images].filter(i => i.complete && {}).map(i => i.src.slice(0, 80))"
    assert tab.evaluate(pictures.format("!i.naturalWidth")) == [], "broken pictures"
    assert tab.evaluate(pictures.format("!i.alt && i.closest('main')")) == [], "pictures without words"
    for width in tab.widths:
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"scrolls sideways at {width} px"
    assert not tab.bad


def test_shown_code_is_not_cut_off(tab):
    tab.set_viewport_size({"width": LAPTOP, "height": 900})
    shown = "div.cell:not(.tag_hide-input, .tag_hide-cell) > div.cell_input pre"
    wide = f"[...document.querySelectorAll('{shown}')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.innerText)"
    assert tab.evaluate(wide) == []


# What scrolls at this width can be reached by keyboard once the page has noticed its new width.
EVERY_STOP_IS_THERE = """() => [...document.querySelectorAll(".bd-article table, .bd-article div.math")]
    .every(wide => wide.scrollWidth <= wide.clientWidth || wide.tabIndex === 0)"""


def test_page_shuts_nobody_out(tab):
    """axe-core finds nothing serious in contrast, names of controls, or what can be reached by keyboard."""
    tab.set_viewport_size({"width": WIDTHS[-1], "height": 900})
    tab.wait_for_function("width => innerWidth === width", arg=WIDTHS[-1])
    tab.evaluate("() => new Promise(laid => requestAnimationFrame(() => requestAnimationFrame(laid)))")
    tab.wait_for_timeout(200)
    tab.wait_for_function(EVERY_STOP_IS_THERE)
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"resultTypes": ["violations", "incomplete"], **AXE_RULES[tab.scheme]}
    found = tab.evaluate("options => axe.run(document, options)", options)
    assert [
        f"{rule['id']} ({rule['impact']}) at {', '.join(map(str, node['target']))}: {node['html'][:160]}"
        for rule in [*found["violations"], *vanished(found["incomplete"])]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
        if not any(rule["id"] == excused and words in node["html"] for excused, words in EXCUSED)
    ] == []


def _key(data):
    """axe's key for why it is unsure; None if it says so in plain text, as for words that cannot be seen at all."""
    return data.get("messageKey") if isinstance(data, dict) else None


def vanished(unsure):
    """Of the rules that axe is unsure about, keep words whose colour equals that of their background."""
    for rule in unsure:
        nodes = [n for n in rule["nodes"] if any(_key(c["data"]) == "equalRatio" for c in n["any"])]
        yield {**rule, "nodes": nodes}


def test_what_moves_answers_to_the_keyboard(tab):
    """Without a kernel, a key moves the slider, and the slider changes the picture."""
    for frames in tab.locator(".repro-frames").all():
        handle, picture = frames.locator(".noUi-handle").first, frames.locator("img:visible")
        before = picture.get_attribute("src")
        at_end = float(handle.get_attribute("aria-valuenow")) >= float(handle.get_attribute("aria-valuemax"))
        handle.focus()
        tab.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
        expect(picture).not_to_have_attribute("src", before)
    for handle in tab.locator(".repro-curtain [role=slider]").all():
        handle.press("Home")
        assert handle.get_attribute("aria-valuenow") == "0"
    for plot in tab.locator(".repro-points").all():
        plot.locator(".view").press("ArrowRight")
        assert "bpp" in plot.get_by_role("status").inner_text()


def test_search_finds_a_word(browser, site):
    """Without help from a server, as the index is in the book."""
    tab = browser.new_page()
    tab.goto(f"{site}/search.html?q=trellis", wait_until="load")
    tab.wait_for_selector("#search-results li a")
    found = tab.locator("#search-results li a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert any(url.startswith("notebooks/10_beyond.html") for url in found)
    tab.goto(f"{site}/search.html?q=zzyzx", wait_until="load")
    tab.wait_for_function("document.querySelector('#search-results p')?.textContent.includes('did not match')")
    tab.close()


def test_code_is_copied_by_its_button(browser, site):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    tab = context.new_page()
    tab.goto(f"{site}/notebooks/01_jpeg.html", wait_until="load")
    block = tab.locator("div.highlight:has(button.copybtn):visible").first
    block.hover()
    block.locator("button.copybtn").click()
    tab.wait_for_selector("button.copybtn.success")
    assert tab.evaluate("navigator.clipboard.readText()").strip() == block.locator("pre").inner_text().strip()
    context.close()
