"""Where models differ: single pictures, one drawing of all ROC curves, accuracy against seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headstart.arrays import FloatArray
from headstart.evaluate.predictions import Predictions
from headstart.images.source import LocalFile
from headstart.report.comparison_page import write_comparison
from headstart.report.model_differences import (
    SHOWN,
    SameRows,
    cost_drawing,
    roc_drawing,
    told_apart,
)

TRUTH = ("cat", "dog", "cat", "dog", "cat", "dog")


def answers(p: FloatArray, classes: tuple[str, ...] = ("cat", "dog")) -> Predictions:
    n = len(p)
    return Predictions(
        images=tuple(f"<{i}>.png" for i in range(n)),
        classes=classes,
        probabilities=p,
        truth=TRUTH,
        errors=("",) * n,
    )


def of_right(*right: float) -> Predictions:
    """Two classes; each number is the probability of the true one."""
    return answers(
        np.array([(p, 1 - p) if label == "cat" else (1 - p, p)
                  for p, label in zip(right, TRUTH, strict=True)])
    )  # fmt: skip


@pytest.fixture
def same(tmp_path: Path) -> SameRows:
    """Three models: one alone is right on rows 1 and 3, another on row 0, none on row 5."""
    for row in range(6):
        Image.new("RGB", (40, 30), (row * 40, 90, 90)).save(tmp_path / f"{row}.png")
    return SameRows(
        names=("first", "b+svm", "<third>"),
        answers=(
            of_right(0.35, 0.6, 0.9, 0.9, 0.8, 0.15),
            of_right(0.7, 0.31, 0.9, 0.25, 0.8, 0.35),
            of_right(0.1, 0.25, 0.9, 0.4, 0.8, 0.4),
        ),
        images=tuple(LocalFile.at(tmp_path / f"{row}.png") for row in range(6)),
        words="6 test pictures",
    )


def test_pictures_that_one_model_alone_gets_right(same: SameRows) -> None:
    first, second, third, nobody = told_apart(same)
    assert first.title == "first alone gets 2 right"
    assert [shown.name for shown in first.pictures] == ["<3>.png", "<1>.png"]  # the surest first
    assert first.pictures[0].answers == (("first", "dog", True), ("b+svm, <third>", "cat", False))
    assert (second.total, third.total) == (1, 0)
    assert nobody.title == "1 that no model gets right"
    assert nobody.pictures[0].answers == (("all", "cat", False),)
    assert nobody.pictures[0].small.uri.startswith("data:image/jpeg")


def test_no_more_pictures_than_a_page_holds(same: SameRows) -> None:
    wrong, right = of_right(*(0.1,) * 6), of_right(*(0.9,) * 6)
    many = SameRows(("a", "b"), (wrong, right), same.images, "x")
    shown = told_apart(many)[1]
    assert (shown.total, len(shown.pictures)) == (6, SHOWN)


def test_all_roc_curves_in_one_drawing(same: SameRows) -> None:
    found = roc_drawing(same)
    assert found is not None
    drawing, caption = found
    # By hand, of 9 pairs of a dog and a cat: 6, 8 and 6 in the right order; the best comes first.
    assert "b+svm 0.889; first 0.667; &lt;third&gt; 0.667" in drawing
    assert "“dog” counts as positive" in caption
    three = SameRows(
        ("a", "b"),
        tuple(answers(np.tile([0.5, 0.3, 0.2], (6, 1)), ("cat", "dog", "owl")) for _ in range(2)),
        same.images,
        "6 pictures",
    )
    found = roc_drawing(three)
    assert found is not None and "micro-average" in found[1]
    many = SameRows(tuple("abcdefghijk"), (same.answers[0],) * 11, same.images, "6 pictures")
    found = roc_drawing(many)
    assert found is not None and "2 models of least area are left out" in found[1]


def test_accuracy_against_seconds(comparison_rows: list[dict[str, Any]]) -> None:
    rows = [(row["model"], row) for row in comparison_rows[:2]]
    found = cost_drawing(rows)
    assert found is not None and "Hollow" not in found[1]
    rows[1][1]["pictures_per_second"] = None
    found = cost_drawing(rows)
    assert found is not None and "Hollow: the features were kept" in found[1]
    assert cost_drawing(rows[:1]) is None


def test_the_page_has_them(
    same: SameRows, comparison_rows: list[dict[str, Any]], read_page: Callable[[Path], Any],
    tmp_path: Path,
) -> None:  # fmt: skip
    write_comparison(comparison_rows, tmp_path / "r.html", title="t", sentences=[], record={},
                     same=same)  # fmt: skip
    page = read_page(tmp_path / "r.html")
    assert "<third> alone gets 0 right" in page.text
    assert "1 that no model gets right" in page.text
    assert len(page.of("svg")) == 3
    assert len(page.of("img")) == 4
