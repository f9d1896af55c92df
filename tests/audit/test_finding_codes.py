"""Codes are one each, documented, and found by the words of a user."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from headstart.audit.finding_codes import CODE_OF, CODES, codes_of, kind_name
from headstart.audit.findings import Finding
from headstart.audit.odd_pictures import _WORDS
from headstart.audit.shortcuts.search import ADVICE
from headstart.cli.check import FailOn
from headstart.errors import UsageError

DOCUMENT = Path(__file__).parents[2] / "docs" / "findings.md"


def test_each_kind_has_one_code_and_each_code_its_line_in_the_document() -> None:
    assert len(CODE_OF) == len(CODES)
    assert all(re.fullmatch(r"HS[1-9]\d\d", code) for code in CODES)
    text = DOCUMENT.read_text(encoding="utf-8")
    lines = re.findall(r"^\| (HS\d+) \| ([\w-]+) \| [^|]+ \| [^|]+ \|$", text, re.MULTILINE)
    assert lines == list(CODES.items())


def test_every_kind_of_shortcut_and_of_odd_picture_has_its_code() -> None:
    of_group = {
        group: {kind for kind in CODE_OF if kind.startswith(group)} for group in ("shortcut", "odd")
    }
    assert of_group["shortcut"] == {kind_name("shortcut", kind) for kind in ADVICE}
    assert of_group["odd"] == {kind_name("odd", kind) for kind in _WORDS}


def test_a_finding_of_no_code_cannot_be_made() -> None:
    assert Finding("wrong-label", "warning", "t", "m", "a").code == "HS101"
    with pytest.raises(ValueError, match="'wrong-lable' has no code"):
        Finding("wrong-lable", "warning", "t", "m", "a")


def test_words_name_codes() -> None:
    assert codes_of("--select", ["HS101"]) == {"HS101"}
    assert codes_of("--select", ["hs101, Wrong-Label", "test-size"]) == {"HS101", "HS603"}
    assert codes_of("--select", ["HS1"]) == {"HS101", "HS102"}
    assert codes_of("--select", ["HS"]) == set(CODES)
    for word in ("HS9", "", "wrong-lable", "HS101,"):
        with pytest.raises(UsageError, match=r"--ignore .*no finding has this code"):
            codes_of("--ignore", [word])
    with pytest.raises(UsageError, match="the nearest is HS101 wrong-label"):
        codes_of("--ignore", ["wrong-lable"])


def test_the_document_names_the_values_of_fail_on() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert all(f"`{value}`" in text for value in get_args(get_args(FailOn)[0]))
