"""No dead link between README.md and docs, and every decision is in the list of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def plain(page: Path) -> str:
    """A page without its blocks and code, in which a bracket is no link."""
    text = re.sub(
        r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return re.sub(r"`[^`\n]*`(?!\]\()", "", text)


def anchors(page: Path) -> set[str]:
    """Of headings, as a forge makes them."""
    text = re.sub(
        r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(plain(page)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.is_relative_to(ROOT), f"{page.name}: {link} leads out of the repository"
        assert there.exists(), f"{page.name}: {link} leads nowhere"
        assert not anchor or anchor in anchors(there), f"{page.name}: {link}: no such heading"


def test_the_readme_leads_to_every_page() -> None:
    linked = set(LINK.findall(plain(ROOT / "README.md")))
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    assert not pages - linked, "README.md: an index without these"


def test_the_design_has_every_decision_by_its_title() -> None:
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs" / "adr").glob("*.md")):
        title = page.read_text(encoding="utf-8").splitlines()[0].partition(". ")[2]
        line = f"- [{int(page.name[:4])}](adr/{page.name}). {title}"
        assert line in design.splitlines(), f"docs/design.md lacks the line\n{line}"
