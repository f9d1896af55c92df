"""The report of a run: complete, honest about what is gone, and closed to hostile names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.errors import BadInput
from headstart.heads.solver import objective
from headstart.model_card import card, short_figures
from headstart.recipes.frozen import FitResult
from headstart.report.run_folder import run_metrics
from headstart.report.run_page import write_report

Fit = Callable[..., FitResult]
Read = Callable[[Path], Any]


def write(result: FitResult, path: Path, title: str = "A title") -> None:
    write_report(result, run_metrics(result), path, title=title)


def test_a_page_of_hostile_names_shows_them_as_text(
    fit: Fit, read_page: Read, tmp_path: Path
) -> None:
    result = fit()
    write(result, tmp_path / "report.html", title="</title><script>1</script>")
    page = read_page(tmp_path / "report.html")
    for name in result.data.classes:
        assert name in page.text
    assert "</title><script>1</script>" in page.text
    assert "from 18 pictures of <b>labels.csv and was tested on 6 others" in page.text
    assert "<i>a note</i>" in page.text
    assert not page.of("i")
    assert any("<script>" in picture["alt"] for picture in page.of("img"))


def test_the_figures_are_those_of_the_run(fit: Fit, read_page: Read, tmp_path: Path) -> None:
    result = fit(("cat", "dog"))
    metrics = run_metrics(result)
    write(result, tmp_path / "report.html")
    text = read_page(tmp_path / "report.html").text
    test, folds = metrics["test"], metrics["folds"]
    low, high = test["accuracy_interval"]
    accuracy = test["accuracy"]
    assert (
        f"With 6 test pictures, {accuracy:.3f} may be anything from {low:.3f} to {high:.3f}."
        in text
    )
    mean, error = folds["accuracy_mean"], folds["accuracy_standard_error"]
    assert f"{mean:.3f} ± {error:.3f}" in text
    assert f"{test['majority_share']:.3f}" in text
    calibration = test["calibration"]
    for key in ("expected_calibration_error", "brier_score", "brier_score_before"):
        assert f"{calibration[key]:.3f}" in text
    assert "From the out-of-fold answers for all 24 pictures" in text
    assert "“dog” counts as positive" in text
    assert result.record.data_digest in text


def test_wrong_pictures_come_by_confidence_and_gone_ones_are_said(
    fit: Fit, read_page: Read, tmp_path: Path
) -> None:
    result = fit(("cat", "dog"))
    assert result.folds is not None
    answers = result.folds.predictions
    wrong = np.flatnonzero(~answers.correct)
    assert 2 < len(wrong) <= 12
    worst = int(wrong[answers.probability[wrong].argmax()])
    Path(result.data.table.images[worst].name).unlink()
    write(result, tmp_path / "report.html")
    text = read_page(tmp_path / "report.html").text
    section = text[text.index("Most confidently wrong") : text.index("Least certain")]
    assert f"All wrong answers: {len(wrong)}." in section
    order = sorted(wrong, key=lambda row: section.index(answers.images[row]))
    assert list(answers.probability[order]) == sorted(answers.probability[wrong], reverse=True)
    assert section.index("No picture to show:not found") < section.index(answers.images[order[0]])
    assert section.count("No picture to show") == 1


def test_epochs_without_folds_have_curves_and_the_test_as_evidence(
    fit: Fit, read_page: Read, tmp_path: Path
) -> None:
    result = fit(("cat", "dog"), folds=0, epochs=4)
    write(result, tmp_path / "report.html")
    page = read_page(tmp_path / "report.html")
    assert result.history is not None
    assert f"4 epochs; the weights of epoch {result.history.kept_epoch} were kept." in page.text
    assert "From the answers for 6 test pictures" in page.text
    names = [drawing["aria-label"] for drawing in page.of("svg")]
    assert any(name.startswith("loss by epoch: training from") for name in names)
    assert "--epochs" in page.text
    assert "folds, mean" not in page.text


def test_folds_that_take_one_c_say_so(
    fit: Fit, read_page: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objective, "LONG", 1)
    monkeypatch.setattr(objective, "MANY_CLASSES", 3)
    result = fit(("ant", "bee", "cat"), strength=None)
    metrics = run_metrics(result)
    line = "3 classes: the folds take the C that the model chose"
    assert metrics["folds"]["strength_note"] == line
    assert line in result.record.notes
    write_report(result, metrics, tmp_path / "report.html", title="many")
    text = read_page(tmp_path / "report.html").text
    assert f"{line}. Pictures that the folds test had a part in that choice" in text
    figures = short_figures(metrics, result.record.data_digest)
    assert f"Of the folds: {line}." in card(result.model, figures, opens_in_timm=False)


def test_many_classes_get_a_list_of_confusions_and_no_two_class_curves(
    fit: Fit, read_page: Read, tmp_path: Path
) -> None:
    result = fit(("ant", "bee", "cat"), folds=3)
    metrics = run_metrics(result)
    k = 70
    for part in (metrics["test"], metrics["folds"]["pooled"]):
        names = [f"c{number}" for number in range(k)]
        matrix = np.zeros((k, k), dtype=int)
        matrix[3, 4] = 5
        row = {**part["per_class"][0], "recall": 0.5}
        part |= {"classes": names, "confusion_matrix": matrix.tolist()}
        part["per_class"] = [{**row, "name": name} for name in names]
    write_report(result, metrics, tmp_path / "report.html", title="many")
    text = read_page(tmp_path / "report.html").text
    assert "The 1 most frequent confusions of 70 classes" in text
    assert "c3c45" in text
    assert "The 60 classes of lowest recall; 10 more are in metrics.json." in text
    assert "counts as positive" not in text


def test_a_test_that_cannot_be_scored_says_so(fit: Fit, read_page: Read, tmp_path: Path) -> None:
    result = fit(("cat", "dog"), folds=0)
    unknown = ("bird",) * len(result.test)
    result = replace(
        result,
        test=replace(result.test, truth=unknown),
        test_uncalibrated=replace(result.test_uncalibrated, truth=unknown),
        data=replace(result.data, left_out=(BadInput("<x>.png", "empty (0 bytes)"),)),
    )
    write(result, tmp_path / "report.html")
    text = read_page(tmp_path / "report.html").text
    assert "No test picture could be scored" in text
    assert "No picture could be scored." in text
    assert "'bird' is not a class of the model (6 pictures): not scored." in text
    assert "left out: <x>.png: empty (0 bytes)" in text


def test_the_page_is_the_same_twice_and_text_no_file_can_hold_is_shown_as_codes(
    fit: Fit, read_page: Read, tmp_path: Path
) -> None:
    result = fit(("cat", "dog"))
    broken = replace(result.record, notes=("a \udcff name \x00",))
    for name in ("one.html", "two.html"):
        write(replace(result, record=broken), tmp_path / name)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    assert "a \\udcff name \\x00" in read_page(tmp_path / "one.html").text
