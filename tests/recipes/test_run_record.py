"""The record tells runs apart."""

from __future__ import annotations

import json

from headstart.recipes.run_record import RunRecord, Stopwatch, data_digest, machine, versions


def test_data_digest_depends_on_content_label_and_order() -> None:
    plain = data_digest(["aa", "bb"], ["x", "y"])
    assert data_digest(["aa", "bb"], ["x", "y"]) == plain
    assert data_digest(["bb", "aa"], ["y", "x"]) != plain
    assert data_digest(["aa", "bb"], ["x", "x"]) != plain
    assert len(plain) == 64


def test_record_is_plain_json() -> None:
    record = RunRecord(
        recipe="frozen",
        source="labels.csv",
        options={"seed": 13},
        seed=13,
        data_digest="0" * 64,
        versions=versions(),
        machine=machine(),
        started=Stopwatch().started,
        seconds={"total": 1.5},
        notes=("a line",),
    )
    again = json.loads(json.dumps(record.to_json()))
    assert again["notes"] == ["a line"]
    assert {"python", "torch", "timm"} <= set(again["versions"])
    assert again["machine"]["cores"] >= 1
