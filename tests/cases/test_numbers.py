"""Figures in odd circumstances, as evaluate writes and shows them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.evaluate.metrics import measure
from headstart.evaluate.predictions import Predictions
from headstart.heads.probabilities import softmax

Call = Callable[..., Any]


def refuse(constant: str) -> float:
    raise AssertionError(f"{constant} in JSON")


@pytest.fixture
def evaluate(tmp_path: Path, run: Call, colours: Path, paint: Call) -> Call:
    """Evaluate the model of colours: pairs of label and picture's colour; figures and output."""

    def figures(pairs: list[tuple[str, str]]) -> Any:
        table = tmp_path / "set" / "table.csv"
        lines = ["image,label"]
        for number, (label, colour) in enumerate(pairs):
            paint(tmp_path / "set" / f"{number}.png", colour, seed=number, size=(9, 8))
            lines.append(f"{number}.png,{label}")
        table.write_text("\n".join(lines))
        ended = run("evaluate", colours, table, "--out", tmp_path / "out")
        assert ended.code == 0
        text = (tmp_path / "out" / "metrics.json").read_text()
        return json.loads(text, parse_constant=refuse)["test"], ended.out

    return figures


def test_c70_accuracy_stands_beside_the_largest_class(evaluate: Call) -> None:
    figures, shown = evaluate([("red", "red")] * 95 + [("blue", "red")] * 5)
    assert figures["accuracy"] == figures["majority_share"] == 0.95
    assert figures["majority_class"] == "red"
    assert figures["balanced_accuracy"] == 0.5
    recalls = {row["name"]: row["recall"] for row in figures["per_class"]}
    assert recalls == {"red": 1.0, "blue": 0.0, "green": None, "white": None}
    shares = [line for line in shown.splitlines() if "0.950" in line]
    assert any("accuracy [95 % interval]" in line for line in shares)
    assert any("largest class's share" in line for line in shares)
    assert any("balanced accuracy" in line and "0.500" in line for line in shown.splitlines())


def test_c70_a_class_that_is_only_answered_is_not_in_the_divisor(evaluate: Call) -> None:
    truth, answered = ["red"] * 3 + ["blue"] * 2, ["red", "green", "red", "blue", "blue"]
    figures, _ = evaluate(list(zip(truth, answered, strict=True)))
    assert figures["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert figures["accuracy"] == 0.8


def test_c68_auc_of_a_class_without_a_picture_is_null(evaluate: Call) -> None:
    figures, _ = evaluate([("red", "red")] * 2 + [("blue", "blue")] * 3)
    areas = {row["name"]: row["auc"] for row in figures["per_class"]}
    assert areas == {"red": 1.0, "blue": 1.0, "green": None, "white": None}
    assert (figures["auc"], figures["auc_classes_defined"]) == (1.0, 2)
    figures, _ = evaluate([("red", "red")] * 3)
    assert figures["auc"] is None
    assert {row["auc"] for row in figures["per_class"]} == {None}


def test_c68_auc_with_ties_by_hand() -> None:
    rows = [[0.6, 0.3, 0.1], [0.3, 0.5, 0.2], [0.5, 0.4, 0.1], [0.1, 0.8, 0.1], [0.3, 0.5, 0.2]]
    answers = Predictions(
        images=tuple("12345"),
        classes=("a", "b", "c"),
        probabilities=np.array(rows),
        truth=("a", "a", "b", "b", "b"),
        errors=("",) * 5,
    )
    figures = measure(answers)
    assert [row.auc for row in figures.per_class] == [pytest.approx(0.75)] * 2 + [None]
    assert figures.auc == pytest.approx(0.75)
    assert "AUC is the mean over 2 of 3 classes." in figures.remarks()


def test_c58_one_softmax(tmp_path: Path, colours: Path, paint: Call, answers: Call) -> None:
    found = softmax(np.array([[1.0, 3.0, 2.0], [1000.0, 0.0, -1000.0]]))
    np.testing.assert_allclose(found[0], [0.090031, 0.665241, 0.244728], atol=1e-6)
    np.testing.assert_allclose(found[1], [1, 0, 0], atol=1e-12)
    paths = [paint(tmp_path / f"{name}.png", name, noise=2.0) for name in ("red", "white")]
    rows, _ = answers(*paths)
    for name, row in rows.items():
        shares = [float(row[f"p({label})"]) for label in ("blue", "green", "red", "white")]
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        # Two softmaxes over four classes could not pass e / (e + 3) = 0.475.
        assert float(row["probability"]) == max(shares) > 0.6, name


def test_groups_of_a_table_widen_the_intervals(
    tmp_path: Path, run: Call, colours: Path, paint: Call
) -> None:
    lines = ["image,label,patient"]
    for number in range(40):
        label, patient = ("red", "blue")[number % 2], number // 8
        paint(
            tmp_path / f"{number}.png", "red" if patient == 0 else label, seed=number, size=(9, 8)
        )
        lines.append(f"{number}.png,{label},{patient}")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(lines))
    figures = []
    for more in ((), ("--group-column", "patient")):
        ended = run("evaluate", colours, table, "--out", tmp_path / "out", *more)
        assert ended.code == 0
        figures.append(json.loads((tmp_path / "out" / "metrics.json").read_text())["test"])
    alone, grouped = figures
    assert alone["accuracy"] == grouped["accuracy"] == 0.9
    assert (alone["groups"], grouped["groups"]) == (None, 5)
    assert grouped["accuracy_interval"][0] < alone["accuracy_interval"][0] - 0.1
    effective = f"(about {grouped['effective_n']:.0f} effective in 5 groups)"
    assert f"40 pictures {effective}: those of one group are not independent." in ended.out
