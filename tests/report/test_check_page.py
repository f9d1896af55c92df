"""The page of check: the order of what it says, its pictures, and names that are markup."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from headstart.audit.check import audit_table
from headstart.audit.findings import Audit
from headstart.data.image_table import ImageTable
from headstart.images.source import LocalFile
from headstart.report.check_page import write_check
from headstart.report.check_pictures import evidence_of

CLASSES = ("<script>alert('a')</script>", "b\"]]> & $x^2$ onload='x'")
RECORD = {"recipe": "check", "notes": ["<i>a note</i>"], "seed": 13, "seconds": {"total": 2.5}}
EVIL = "<img src=x onerror='1'> \"{}\" ]]>.png"


def test_the_gravest_first_with_what_to_do(
    found: Audit, tmp_path: Path, read_page: Callable[[Path], Any]
) -> None:
    path = tmp_path / "check.html"
    write_check(found, path, title="Check <x>", record=RECORD)
    page = read_page(path)
    text = " ".join(page.text.split())
    places = [text.rindex(heading) for heading in (
        "1 bad input What it means", "1 pair of duplicates with different labels What it means",
        "1 picture of one colour What it means", "2 labels in doubt What it means",
        "Can the label be told without the content?", "1 pair of duplicates (0 exact, 1 near)",
        "Classes, sizes and formats", "Ways of being odd", "Are there enough pictures to test?",
        "Would more pictures help?", "The run",
    )]  # fmt: skip
    assert places == sorted(places)
    assert "26 pictures of 2 classes: 2 things have to be mended" in text
    assert "<b>labels.csv, line 28: broken<b>.png: truncated" in text
    assert "likelier <script>alert('a')</script> 0.940" in text
    assert "<i>a note</i>" in text
    assert "All files are PNG." in text
    # A pair twice (contradiction, duplicates), the blank one, the doubts; "far" may show more.
    shown = [picture["alt"] for picture in page.of("img")]
    assert sum(alt.startswith("copy.png: given ") for alt in shown) >= 2
    assert any(alt == f"blank.png: given {CLASSES[0]}, spread of grey 0" for alt in shown)
    assert not page.of("i")


def test_at_most_a_dozen_and_how_many_more(
    found: Audit, tmp_path: Path, read_page: Callable[[Path], Any]
) -> None:
    doubts = tuple(replace(found.wrong_labels[0], row=row) for row in range(20))
    many = replace(found, wrong_labels=doubts)
    shown = evidence_of(many, found.findings[-1])
    assert len(shown.pictures) == 12
    assert shown.left_out == 8
    write_check(many, tmp_path / "c.html", title="Check", record=RECORD)
    assert "8 more pictures: see check.csv" in read_page(tmp_path / "c.html").text


def test_odd_pictures_worst_first_and_pairs_side_by_side(found: Audit) -> None:
    by_kind = {finding.kind: finding for finding in found.findings}
    pair = evidence_of(found, by_kind["contradiction"]).pairs[0]
    assert (pair[0].name, pair[1].name) == (EVIL.format(2), "copy.png")
    assert {pair[0].lines[0][1], pair[1].lines[0][1]} == set(CLASSES)
    assert "of 64 hash bits differ" in pair[2]
    assert pair[0].small.uri.startswith("data:image/jpeg;base64,")
    kind = next(kind for kind in found.odd if kind.kind == "far")
    flags = np.zeros(26, dtype=np.bool_)
    flags[[4, 5, 6]] = True
    scores = kind.scores.copy()
    scores[[4, 5, 6]] = (5.0, 9.0, 7.0)
    far = replace(kind, flags=flags, scores=scores, limit=1.0)
    finding = replace(by_kind["odd-blank"], kind="odd-far", rows=far.worst_first)
    shown = evidence_of(replace(found, odd=(far,)), finding)
    assert [item.name for item in shown.pictures] == [EVIL.format(n) for n in (5, 6, 4)]
    assert shown.pictures[0].lines[1] == ("distance", "", "9", "other")


def test_a_picture_that_is_gone_is_named(
    found: Audit, tmp_path: Path, read_page: Callable[[Path], Any]
) -> None:
    Path(found.table.images[1].name).unlink()
    write_check(found, tmp_path / "c.html", title="Check", record=RECORD)
    assert "No picture to show:" in read_page(tmp_path / "c.html").text


def test_a_table_without_pictures(tmp_path: Path, read_page: Callable[[Path], Any]) -> None:
    names = tuple(f"{number}.jpg" for number in range(200))
    table = ImageTable(
        ids=names,
        images=tuple(LocalFile.at(tmp_path / name) for name in names),
        labels=tuple("ab"[number // 100] for number in range(200)),
        source=Path("labels.csv"),
        lines=tuple(range(2, 202)),
    )
    write_check(audit_table(table), tmp_path / "c.html", title="Check", record=RECORD)
    page = read_page(tmp_path / "c.html")
    assert "The rule: the number in the file name below 100: 'a'; from 100: 'b'." in page.text
    assert "188 more names" in page.text
    assert "Would more pictures help?" not in page.text
    assert not page.of("img")
