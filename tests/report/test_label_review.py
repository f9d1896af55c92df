"""What the page of labels in doubt holds: every doubt, within its room, closed to hostile names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headstart.audit.findings import Audit
from headstart.images.source import ImageSource
from headstart.options import MAX_PIXELS
from headstart.report import label_review as module
from headstart.report.check_page import write_check
from headstart.report.label_review import Review, label_review
from headstart.report.thumbnails import Thumbnail


def made(audit: Audit) -> tuple[Review, dict[str, Any]]:
    review = label_review(audit, "digest", MAX_PIXELS)
    assert review is not None
    return review, json.loads(review.data)


def test_every_doubt_with_its_findings_and_the_most_alike_of_both_classes(found: Audit) -> None:
    review, data = made(found)
    labels = found.table.labels or ()
    assert review.total == len(data["items"]) == len(found.doubts)
    assert [item["row"] for item in data["items"]] == [doubt.row for doubt in found.doubts]
    assert review.notes == ()
    for item in data["items"]:
        assert item["name"] == found.table.ids[item["row"]]
        assert data["classes"][item["given"]] == labels[item["row"]]
        for rows, place in zip(item["like"], (item["given"], item["suggested"]), strict=True):
            assert item["row"] not in rows
            assert all(labels[row] == data["classes"][place] for row in rows)
    copies = {found.table.ids[row] for pair in found.contradictions for row in
              (pair.first, pair.second)}  # fmt: skip
    assert {item["name"] for item in data["items"] if "HS102" in item["codes"]} == copies
    shown = {item["row"] for item in data["items"]} | {int(row) for row in data["near"]}
    assert {row for item in data["items"] for rows in item["like"] for row in rows} <= shown
    assert {code: n for code, _, n in review.codes}["HS101"] == 2
    assert sum(n for _, _, n in review.given) == review.total
    assert "<" not in review.data


def test_what_has_no_room_is_said(found: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    _, whole = made(found)
    length = max(len(item["uri"]) for item in whole["items"])
    monkeypatch.setattr(module, "ROOM", 2 * length)
    monkeypatch.setattr(module, "NEAR_ROOM", length)
    review, data = made(found)
    assert 2 <= review.total == len(data["items"]) < len(whole["items"])
    assert sum(len(item["uri"]) for item in data["items"]) <= 2 * length
    assert sum(len(one["uri"]) for one in data["near"].values()) <= length
    left = len(whole["items"]) - review.total
    assert review.notes[0].startswith(f"{left} more picture")
    assert review.notes[1].startswith("So many pictures are shown at no more than")
    assert review.notes[2].endswith("had no room, the farther ones first.")


@pytest.mark.parametrize("noisy", [False, True])
def test_the_page_of_2_000_doubts_stays_below_20_megabytes(
    found: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noisy: bool
) -> None:
    def fake(image: ImageSource, *, side: int, max_pixels: int) -> Thumbnail:
        # Characters of a photograph as JPEG in base64, and of noise.
        return Thumbnail("x" * int(side**2 * (1.1 if noisy else 0.3)), side, side)

    monkeypatch.setattr(module, "thumbnail", fake)
    names = tuple(f"{n} {'long ' * 20}.jpg" for n in range(12_000))
    classes = found.table.classes
    doubts = tuple(
        replace(
            found.doubts[0], row=n, suggested=classes[0], given_like=tuple(range(4 * n, 4 * n + 4))
        )
        for n in range(2000)
    )
    table = replace(
        found.table,
        ids=names,
        images=(found.table.images[0],) * len(names),
        labels=tuple(classes[n % 2] for n in range(len(names))),
        lines=None,
    )
    small = replace(found, table=table, doubts=doubts, findings=())
    write_check(small, tmp_path / "check.html", title="Many", record={})
    assert (tmp_path / "check.html").stat().st_size < 20_000_000
    review, _ = made(small)
    left = 2000 - review.total
    assert (left > 0) is noisy
    assert any(note.startswith(f"{left:,} more pictures") for note in review.notes) is noisy


def test_a_class_called_drop_cannot_be_left_out(found: Audit) -> None:
    assert made(found)[1]["can_leave_out"] is True
    labels = tuple("Drop" if n else label for n, label in enumerate(found.table.labels or ()))
    changed = replace(found, table=replace(found.table, labels=labels))
    doubts = tuple(replace(doubt, suggested=None) for doubt in found.doubts)
    assert made(replace(changed, doubts=doubts))[1]["can_leave_out"] is False


def test_nothing_in_doubt_and_a_picture_that_is_gone(found: Audit) -> None:
    assert label_review(replace(found, doubts=()), "digest", MAX_PIXELS) is None
    doubt = found.doubts[0]
    Path(found.table.images[doubt.row].name).unlink()
    item = made(found)[1]["items"][0]
    assert (item["row"], item["error"]) == (doubt.row, "not found")
    assert "uri" not in item
