"""The most and the least typical of each class, and what is nearest to an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from headstart.options import MAX_PIXELS
from headstart.recipes.frozen import FitResult
from headstart.report import typical_pictures as module
from headstart.report.examples import examples, with_nearest, wrong_rows
from headstart.report.page import write_report
from headstart.report.run_folder import run_metrics
from headstart.report.typical_pictures import likeness_to_class, typical_pictures

Fit = Callable[..., FitResult]


def test_likeness_is_the_cosine_with_the_others_of_the_class() -> None:
    X = np.array([[2, 0], [3, 0], [0, 1], [0, 5], [1, 1]], dtype=np.float32)
    likeness = likeness_to_class(X, np.array([0, 0, 0, 1, 2]))
    half = 1 / np.sqrt(2)
    assert np.allclose(likeness, [half, half, 0, 0, 0], atol=1e-6)


def test_typical_and_atypical_of_each_class(fit: Fit, monkeypatch: Any) -> None:
    result = fit(("cat", "dog"))
    assert result.features is not None
    found = typical_pictures(result, MAX_PIXELS)
    assert found is not None
    assert [item.name for item in found.classes] == ["cat", "dog"]
    likeness = likeness_to_class(result.features.values, result.data.targets)
    for place, item in enumerate(found.classes):
        rows = np.flatnonzero(result.data.targets == place)
        order = [result.data.table.ids[row] for row in rows[np.argsort(likeness[rows])]]
        assert [one.name for one in item.atypical] == order[:3]
        assert [one.name for one in item.typical] == order[:-4:-1]
    monkeypatch.setattr(module, "MOST_CLASSES", 1)
    cut = typical_pictures(result, MAX_PIXELS)
    assert cut is not None and (len(cut.classes), cut.left_out) == (1, 1)
    assert typical_pictures(replace(result, features=None), MAX_PIXELS) is None


def test_each_error_has_the_nearest_picture_that_its_model_learnt_from(
    fit: Fit, read_page: Callable[[Path], Any], tmp_path: Path
) -> None:
    result = fit(("cat", "dog"))
    assert result.folds is not None and result.features is not None
    known, table = result.folds.predictions, result.data.table
    rows = wrong_rows(known)[:5]
    shown = examples(known, table.images, rows, MAX_PIXELS)
    found = with_nearest(shown, rows, result, MAX_PIXELS)
    values = result.features.values.astype(np.float64)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    for example, row in zip(found, rows, strict=True):
        fold = next(fold for fold in result.folds.splits if row in fold.test)
        assert example.nearest is not None
        nearest = table.ids.index(example.nearest.name)
        assert nearest in fold.train
        assert example.nearest.label == result.data.labels[nearest]
        best = (values[fold.train] @ values[row]).max()
        assert values[nearest] @ values[row] >= best - 1e-6  # cosines are taken in float32
    assert with_nearest(shown, rows, replace(result, features=None), MAX_PIXELS) == shown
    write_report(result, run_metrics(result), tmp_path / "report.html", title="t")
    text = read_page(tmp_path / "report.html").text
    total = len(wrong_rows(known))
    assert text.count("nearest learnt from") == min(total, 12)
    assert "What each class looks like" in text
