"""The documentation site builds without a warning, with every page in its navigation and no link that leads nowhere."""

from __future__ import annotations

import re
import shutil
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urldefrag

import pytest

from tools import site
from tools.written import written

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parent.parent
#: What the generator makes itself.
OWN: Final = {"404.html"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    site.build(folder)
    return folder


class Page(HTMLParser):
    """What a page refers to, what can be referred to in it, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.ids |= {given.get("id", ""), given.get("name", "")}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in {"img", "script", "iframe", "source"} and "src" in given:
            self.loads.append(given["src"])
        if tag == "link" and given.get("rel") != "canonical" and "href" in given:
            self.loads.append(given["href"])


def pages(folder: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text()) for path in folder.rglob("*.html") if path.name not in OWN}


def test_no_link_leads_nowhere(built: Path) -> None:
    found = pages(built)
    assert len(found) > 35
    broken = [(str(path.relative_to(built)), link) for path, page in found.items() for link in lost(path, page, found)]
    assert broken == []


def lost(path: Path, page: Page, found: dict[Path, Page]) -> Iterator[str]:
    """The links of a page to what is not there: a page, a heading, a picture, a file."""
    for link in (*page.links, *page.loads):
        to, heading = urldefrag(unquote(link))
        if re.match(r"[a-z]+:|//", to):
            continue
        file = (path.parent / to).resolve() if to else path
        file = file / "index.html" if file.is_dir() else file
        if not file.exists() or (heading and file in found and heading not in found[file].ids):
            yield link


@pytest.mark.parametrize("link", ["nope.md", "config.md#nope"])
def test_a_broken_link_ends_the_build(link: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (site.CONFIG, "pyproject.toml", *site.PAGES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "docs/glossary.md").write_text(f"# Glossary\n\n[broken]({link})\n")
    monkeypatch.setattr(site, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match=r"does not exist[\s\S]*glossary.md:3[\s\S]*The site was not built"):
        site.build(tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_nothing_is_loaded_from_elsewhere(built: Path) -> None:
    loads = {load for page in pages(built).values() for load in page.loads}
    assert [load for load in loads if re.match(r"[a-z]+:|//", load)] == []
    styles = "".join(path.read_text() for path in built.rglob("*.css"))
    assert re.findall(r"""(?:url\(|@import)\s*["']?(?:https?:)?//[^)]*""", styles) == []


def test_every_page_is_in_the_navigation() -> None:
    def named(part: Any) -> Iterator[str]:
        if isinstance(part, str):
            yield part
        for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from named(inner)

    nav = list(named(tomllib.loads((ROOT / site.CONFIG).read_text())["project"]["nav"]))
    there = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    there |= {place.removeprefix("docs/") for place in site.PAGES.values()}
    assert sorted(nav) == sorted(there), f"{site.CONFIG} has the navigation: name each page there, once"


def test_links_that_leave_the_docs_lead_to_the_repository() -> None:
    def led(text: str, source: str = "docs/howto/a.md") -> str:
        return site.with_links(text, Path(source), Path(site.PAGES.get(source, source)))

    assert (
        led("[a](../vps.md#look) [b](#here) [c](https://x.example)")
        == "[a](../vps.md#look) [b](#here) [c](https://x.example)"
    )
    assert led("[a](../../SECURITY.md#x)") == "[a](../project/security.md#x)"
    assert led("[a](../../examples/demo.py)") == f"[a]({site.repository()}/blob/main/examples/demo.py)"
    assert led("[a](docs/vps.md)", "README.md") == "[a](../vps.md)"
    assert led("[a]: docs/vps.md#look", "README.md") == "[a]: ../vps.md#look"
    assert led('<img src="docs/page.png" alt="b">', "README.md") == '<img src="../page.png" alt="b">'


@pytest.mark.parametrize("path", sorted(written()))
def test_what_is_made_from_the_code_is_current(path: str) -> None:
    assert (ROOT / path).read_text() == written()[path], "to renew: python -m tools.written"
