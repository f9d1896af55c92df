"""The README and the pages of docs/ name files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_programs_that_are_named_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    names = re.findall(r"\b(?:benchmarks|examples|scripts|src|tests)/[\w/]+\.py\b", text)
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_odd_cases_name_tests_that_are_there() -> None:
    text = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8")
    names = re.findall(r"`([\w/]+\.py)`", text)
    assert names
    assert [name for name in names if not (ROOT / "tests" / name).exists()] == []
