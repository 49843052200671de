"""The whole book as one page for printing: the text of every built page in order, with links within that page.

Of interactive parts, paper shows one state: a slider's current picture, and a curtain's first two. Windows that encode
are left out. Solutions are unfolded. Folded code is left out.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from html import escape
from typing import Any
from urllib.parse import urldefrag, urljoin

from bs4 import BeautifulSoup, Tag

from bookkit.file_cache import yaml_of
from bookkit.project import Project
from repro.errors import ReproError

#: Attributes that hold ids of elements.
_NAMING = ("id", "for", "aria-labelledby", "aria-controls", "aria-describedby")
#: Elements that only make sense on a screen, or are folded.
_DROPPED = "script, style, a.headerlink, .toctree-wrapper, details.hide, .nav-tabs, [hidden], [data-live]"
_STYLE = '<link rel="stylesheet" href="_static/print.css">'


def assemble(project: Project) -> str:
    """The built book of ``project`` as one HTML page, with paths relative to the built book's folder.

    Raises :class:`ReproError` if a page was not built or has no title.
    """
    pages = {page: _built(project, page) for page in project.pages()}
    config = yaml_of(project.root / "_config.yml")
    articles = [str(_article(page, soup, set(pages), config["html"]["baseurl"])) for page, soup in pages.items()]
    first = next(iter(pages))
    head = "".join(str(_moved(tag, first)) for tag in pages[first].select("head link[rel=stylesheet]"))
    math = [tag for soup in pages.values() for tag in soup.select("script") if "mathjax" in str(tag).lower()]
    scripts = dict.fromkeys(str(_moved(tag, first)) for tag in math if "widgets" not in str(tag.get("src", "")))
    return (
        f'<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{escape(config['title'])}</title>{head}{_STYLE}{''.join(scripts)}</head>"
        f'<body class="print">{_front(config, pages, project)}<main class="bd-content"><div class="bd-article">'
        f"{''.join(articles)}</div></main></body></html>"
    )


def titles(project: Project) -> list[str]:
    """The titles of the built book's pages, in reading order, with their numbers if they have any."""
    return [_title(_built(project, page)) for page in project.pages()]


def _built(project: Project, page: str) -> BeautifulSoup:
    path = project.html / f"{page}.html"
    if not path.is_file():
        raise ReproError(f"{path}: is missing; build the book first")
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def _title(soup: BeautifulSoup) -> str:
    heading = soup.select_one("article h1")
    if heading is None:
        raise ReproError("a built page has no title; build the book again")
    return heading.get_text().removesuffix("#").strip()


def _front(config: dict[str, Any], pages: dict[str, BeautifulSoup], project: Project) -> str:
    """Title page and contents. Page numbers (class ``page-number``) are filled in once they are known."""
    rows = []
    for part, page in _parts(project):
        if part:
            rows.append(f'<p class="part">{escape(part)}</p>')
        link = f'<a href="#{_slug(page)}"><span>{escape(_title(pages[page]))}</span>'
        rows.append(f'<p>{link}<span class="dots"></span><span class="page-number">000</span></a></p>')
    place = config["html"]["baseurl"]
    return (
        f'<header class="title-page"><p class="title">{escape(_title(pages[next(iter(pages))]))}</p>'
        f"<p>{escape(config['title'])}</p><p>{escape(config['author'])}</p>"
        f'<p class="place">Sliders move, code unfolds and notebooks open at <a href="{place}">{place}</a></p></header>'
        f'<nav class="book-contents"><p class="book-contents-title">Contents</p>{"".join(rows)}</nav>'
    )


def _parts(project: Project) -> Iterator[tuple[str, str]]:
    """Yield (caption, page) for every page. The caption is "" unless the page begins a part."""
    toc = yaml_of(project.root / "_toc.yml")
    begins = {part["chapters"][0]["file"]: part.get("caption", "") for part in toc.get("parts", [])}
    for page in project.pages():
        yield begins.get(page, ""), page


def _article(page: str, soup: BeautifulSoup, pages: set[str], place: str) -> Tag:
    """The text of ``page`` with what is for a screen replaced or removed, and its ids and links unique in the book."""
    article = soup.select_one("article")
    assert article is not None
    _still_widgets(article, _widget_models(soup))
    for curtain in article.select(".repro-curtain"):
        _still_curtain(curtain)
    for tag in article.select(_DROPPED):
        tag.decompose()
    for details in article.select("details"):
        details["open"] = ""
    for tag in [article, *article.find_all(True)]:
        for name in _NAMING:
            if tag.get(name):
                tag[name] = " ".join(f"{_slug(page)}--{one}" for one in str(tag[name]).split())
        _lead(tag, page, pages, place)
    article["id"] = _slug(page)
    return article


def _slug(page: str) -> str:
    return page.replace("/", "-")


def _lead(tag: Tag, page: str, pages: set[str], place: str) -> None:
    """Point a link between pages into the single page, and any other relative link to the book's URL ``place``.

    The ``src`` of a picture is made relative to the book's folder.
    """
    if tag.get("src"):
        _moved(tag, page)
    href = str(tag.get("href", ""))
    if tag.name != "a" or not href or ":" in href.partition("/")[0]:
        return
    path, anchor = urldefrag(href)
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else f"{page}.html"
    name = target.removesuffix(".html")
    if name in pages:
        tag["href"] = f"#{_slug(name)}--{anchor}" if anchor else f"#{_slug(name)}"
    else:
        tag["href"] = urljoin(place, target) + (f"#{anchor}" if anchor else "")


def _moved(tag: Tag, page: str) -> Tag:
    """``tag`` with its ``src`` or ``href`` made relative to the book's folder instead of the page's."""
    for name in ("src", "href"):
        url = str(tag.get(name, ""))
        if url and ":" not in url.partition("/")[0]:
            tag[name] = posixpath.normpath(posixpath.join(posixpath.dirname(page), url))
    return tag


def _widget_models(soup: BeautifulSoup) -> dict[str, Any]:
    state = soup.find("script", type="application/vnd.jupyter.widget-state+json")
    return json.loads(state.get_text())["state"] if isinstance(state, Tag) else {}


def _still_widgets(article: Tag, models: dict[str, Any]) -> None:
    """Replace each slider by its current picture and label."""
    for view in article.find_all("script", type="application/vnd.jupyter.widget-view+json"):
        found = {m["model_name"]: m["state"] for m in _family(json.loads(view.get_text())["model_id"], models)}
        stack, slider = found.get("StackModel"), found.get("SelectionSliderModel")
        if stack is None or slider is None:
            continue
        index = stack["selected_index"] or 0
        shown = models[stack["children"][index].removeprefix("IPY_MODEL_")]["state"]["value"]
        stops = ", ".join(map(str, slider["_options_labels"]))
        words = f"{slider['description']}: {slider['_options_labels'][index]} (on the page, of {stops})"
        still = f'<div class="still"><p class="stop">{escape(words)}</p>{shown}</div>'
        view.replace_with(BeautifulSoup(still, "html.parser"))


def _family(model: str, models: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield models[model]
    for child in models[model]["state"].get("children", []):
        yield models[child.removeprefix("IPY_MODEL_")]


def _still_curtain(curtain: Tag) -> None:
    """Keep only the two pictures of the first photo that the curtain shows at first."""
    wanted = (curtain["data-left"], curtain["data-right"])
    figures = curtain.select("figure")
    photo = figures[0]["data-photo"]
    for figure in figures:
        if figure["data-photo"] != photo or figure["data-name"] not in wanted:
            figure.decompose()
