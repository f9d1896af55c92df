"""The whole audit: findings in order, rows, JSON, and what asks for exit code 1."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from headstart.arrays import FloatArray
from headstart.audit.check import audit, audit_table
from headstart.data.dataset import Dataset
from headstart.data.duplicates import DuplicatePair, Duplicates
from headstart.data.image_table import ImageTable
from headstart.errors import BadInput
from headstart.features.embed import Features
from headstart.heads.linear import LinearHead
from headstart.images.statistics import ImageStatistics

MakeFact = Callable[..., ImageStatistics]
MakeTable = Callable[..., ImageTable]
MakeLabelled = Callable[..., tuple[Dataset, Features]]
Blobs = tuple[FloatArray, list[str]]


def head() -> LinearHead:
    return LinearHead(C=0.1)


def test_clean_data_has_nothing_to_mend(make_labelled: MakeLabelled, two_blobs: Blobs) -> None:
    found = audit(*make_labelled(*two_blobs), make=head)
    assert not found.has_errors
    kinds = [finding.kind for finding in found.findings]
    assert kinds[-2:] == ["test-size", "learning-curve"]
    assert not any(kind.startswith(("shortcut", "odd", "duplicate")) for kind in kinds)
    assert found.curve is not None and found.leak is not None and found.leak.n_with == 0


@pytest.fixture
def dirty(
    make_labelled: MakeLabelled, make_fact: MakeFact, two_blobs: Blobs
) -> tuple[Dataset, Features]:
    """A broken file, a pair under two labels, sizes by class, a blank picture, wrong labels."""
    X, labels = two_blobs
    X = X.copy()
    X[:, 0] *= 3
    cat, dog = labels.index("cat"), labels.index("dog")
    group = np.arange(120)
    group[max(cat, dog)] = min(cat, dog)
    pairs = [DuplicatePair(min(cat, dog), max(cat, dog), "near", bits=2, cosine=0.99)]
    data, features = make_labelled(X, labels, group, pairs)
    rng = np.random.default_rng(0)
    statistics = [
        make_fact(rng, width=500 if label == "cat" else 400, contrast=1.0 if row == 5 else 50.0)
        for row, label in enumerate(labels)
    ]
    broken = BadInput("labels.csv, line 9: x.jpg", "truncated")
    return replace(data, statistics=tuple(statistics), left_out=(broken,)), features


def test_findings_in_order(dirty: tuple[Dataset, Features]) -> None:
    found = audit(*dirty, make=head)
    kinds = [(finding.level, finding.kind) for finding in found.findings]
    assert kinds[:3] == [
        ("error", "bad-input"),
        ("error", "contradiction"),
        ("error", "shortcut-width-and-height"),
    ]
    assert ("warning", "odd-blank") in kinds
    assert kinds[-4:] == [
        ("info", "duplicate"),
        ("info", "small-class"),  # 6 test pictures each
        ("info", "test-size"),
        ("info", "learning-curve"),
    ]
    assert found.has_errors
    by_kind = {finding.kind: finding for finding in found.findings}
    assert "line 9: x.jpg: truncated" in by_kind["bad-input"].title
    pair = found.contradictions[0]
    assert by_kind["contradiction"].rows == (pair.first, pair.second)
    assert "the width below 500: 'dog'; from 500: 'cat'" not in by_kind["contradiction"].title
    assert "the width below 401: 'dog'; from 500: 'cat'" in (
        by_kind["shortcut-width-and-height"].title
    )
    assert by_kind["odd-blank"].rows == (5,)


def test_rows_and_json(dirty: tuple[Dataset, Features]) -> None:
    found = audit(*dirty, make=head)
    header, rows = found.rows()
    assert header[:4] == ("image", "label", "blank score", "blank flag")
    assert header[-3:] == ("contradiction score", "contradiction flag", "problem")
    assert len(rows) == 121
    assert {len(row) for row in rows} == {len(header)}
    fifth = dict(zip(header, rows[5], strict=True))
    assert (fifth["blank score"], fifth["blank flag"], fifth["dark flag"]) == ("1", "1", "0")
    flagged = {row for row in range(120) if rows[row][-2] == "1"}
    assert flagged == {found.pairs[0].first, found.pairs[0].second}
    doubted = header.index("wrong label flag")
    assert sum(row[doubted] == "1" for row in rows) == len(found.wrong_labels)
    assert (rows[-1][0], rows[-1][-1]) == ("labels.csv, line 9: x.jpg", "truncated")
    values = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert values["has_errors"] is True
    assert values["findings"][0]["kind"] == "bad-input"
    assert values["contradictions"][0]["labels"] in (["cat", "dog"], ["dog", "cat"])
    assert values["learning_curve"]["n_twice"] == found.curve.n_twice  # type: ignore[union-attr]
    assert values["overview"]["class_counts"] == {"cat": 60, "dog": 60}


def test_a_name_that_gives_the_label_is_to_look_at(
    make_labelled: MakeLabelled, two_blobs: Blobs
) -> None:
    data, features = make_labelled(*two_blobs)
    order = np.argsort(np.array(data.labels), kind="stable")
    names = np.empty(120, dtype=object)
    names[order] = [f"{number}.jpg" for number in range(120)]
    data = replace(data, table=replace(data.table, ids=tuple(names.tolist())))
    found = audit(data, features, make=head)
    kinds = [(finding.level, finding.kind) for finding in found.findings]
    assert kinds[0] == ("warning", "shortcut-name-numbers")
    assert not found.has_errors


def test_a_class_with_one_picture_does_not_stop_it(
    make_labelled: MakeLabelled, two_blobs: Blobs
) -> None:
    X, labels = two_blobs
    labels[7] = "owl"
    found = audit(*make_labelled(X, labels), make=head)
    assert found.curve is None and found.label_scores is None and found.wrong_labels == ()
    small = next(finding for finding in found.findings if finding.kind == "small-class")
    assert "Class 'owl' has no test picture" in small.meaning


def test_equal_for_a_seed(make_labelled: MakeLabelled, two_blobs: Blobs) -> None:
    data = make_labelled(*two_blobs)
    one, two = audit(*data, make=head, seed=4), audit(*data, make=head, seed=4)
    assert json.dumps(one.to_json()) == json.dumps(two.to_json())
    assert one.rows() == two.rows()


def test_a_table_by_itself(make_table: MakeTable) -> None:
    numbers = np.random.default_rng(2).permutation(200).tolist()
    labels = ["1" if number < 90 else "0" for number in numbers]
    labels[3] = ""
    found = audit_table(make_table([f"{number}.jpg" for number in numbers], labels))
    assert [finding.kind for finding in found.findings] == [
        "bad-input",
        "missing-picture",
        "shortcut-name-numbers",
        "small-class",
        "test-size",
    ]
    assert found.bad == (BadInput(f"labels.csv, line 5: {numbers[3]}.jpg", "no label"),)
    assert found.has_errors
    assert len(found.rows()[1]) == 200
    json.dumps(found.to_json(), allow_nan=False)
    with pytest.raises(ValueError, match="no labels"):
        audit_table(make_table(["1.jpg"], None))


def test_groups_are_kept(make_labelled: MakeLabelled, two_blobs: Blobs) -> None:
    X, labels = two_blobs
    data, features = make_labelled(X, labels)
    data = replace(data, duplicates=Duplicates(np.arange(120) // 2, ()))
    found = audit(data, features, make=head)
    assert found.leak is not None and found.leak.n_with > 0
