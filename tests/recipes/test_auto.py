from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.recipes.tuning_set import options, write_pictures

from headstart.evaluate.predictions import Predictions
from headstart.recipes.auto import FOLDS, Plan, plan_for, verdict
from headstart.recipes.checkpoint import Checkpoints, Request, read_checkpoint
from headstart.recipes.fit import fit
from headstart.recipes.frozen import FitResult


def test_as_many_epochs_as_the_time_holds() -> None:
    plan = plan_for(rows=100, per_picture=0.1, seconds=300, epochs=20)
    assert (plan.epochs, plan.folds) == (10, FOLDS)
    assert plan.seconds == pytest.approx(300)
    assert plan_for(100, 0.1, 300, epochs=5).epochs == 5
    assert plan_for(100, 0.1, 80, epochs=20).epochs == 0  # two epochs teach nothing
    assert plan_for(100, 0.1, 60, epochs=2).epochs == 2  # unless no more are wanted
    assert plan_for(100, 0.1, -5, epochs=2).epochs == 0


def answers(right: int, sure: float, n: int = 200) -> Predictions:
    """Two classes, all of them "a"; the first `right` of n answers are so."""
    probabilities = np.full((n, 2), [sure, 1 - sure])
    probabilities[right:] = [1 - sure, sure]
    return Predictions(
        images=tuple(str(i) for i in range(n)),
        classes=("a", "b"),
        probabilities=probabilities,
        truth=("a",) * n,
        errors=("",) * n,
    )


@pytest.mark.parametrize(
    ("two", "pays"),
    [
        (answers(160, 0.8), True),
        (answers(142, 0.8), True),  # 2 more of 200: a point, with a standard error of 0.7
        (answers(141, 0.8), False),  # 1 more: half a point, and its error is as large
        (answers(140, 0.8), False),
        (answers(160, 0.9999), False),  # more are right, and the log loss is worse
    ],
)
def test_it_pays_with_more_than_its_standard_error_and_no_worse_log_loss(
    two: Predictions, pays: bool
) -> None:
    words, found = verdict(answers(140, 0.8), two)
    assert found == pays
    assert "points, standard error" in words
    assert "log loss" in words


def auto(folder: Path, **changes: object) -> FitResult:
    return fit(folder, options(recipe="auto", folds=0, **changes))


def test_without_time_the_frozen_model_is_kept_and_said_so(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "set", 30)
    result = auto(folder, minutes=1e-4)
    frozen = fit(folder, options(recipe="frozen", epochs=None, batch_size=32, folds=0))
    assert result.tuning is None
    assert result.record.recipe == "frozen"
    assert np.array_equal(result.test.probabilities, frozen.test.probabilities)
    assert result.decision == (
        "auto: the frozen model took all of 0.0001 minutes; more --minutes are needed",
        "auto: fine-tuning was not tried",
        "auto: the frozen model is kept",
    )
    assert result.record.notes[-3:] == result.decision


def test_with_too_little_time_the_step_is_measured_and_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headstart.recipes.auto.plan_for", lambda *_: Plan(0, 0, 0.0))
    result = auto(write_pictures(tmp_path / "set", 30), minutes=5.0)
    assert result.tuning is None
    first, *_, last = result.decision
    assert "a training step takes" in first
    assert "epochs with 3 folds need" in first
    assert "--minutes 5 leaves" in first
    assert last == "auto: the frozen model is kept"
    assert len(result.decision) == 3


def test_with_time_it_tries_and_does_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_pictures(tmp_path / "set", 30)
    for pays in (True, False):
        monkeypatch.setattr(
            "headstart.recipes.auto.verdict", lambda one, two, pays=pays: ("found", pays)
        )
        result = auto(folder, epochs=1, minutes=5.0)
        assert len(result.decision) == 3
        assert result.decision[1] == "found"
        assert (result.tuning is not None) == pays
        assert result.record.recipe == ("fine-tune" if pays else "frozen")


def test_a_stopped_auto_goes_on_as_the_fine_tuning_that_it_chose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_pictures(tmp_path / "set", 30)
    monkeypatch.setattr("headstart.recipes.auto.verdict", lambda one, two: ("found", True))
    given = options(recipe="auto", folds=2, epochs=2, minutes=5.0)
    checkpoints = Checkpoints(tmp_path / "run", Request(folder, given))
    whole = fit(folder, given, checkpoints=checkpoints)
    found = read_checkpoint(tmp_path / "run")  # nobody has written the results
    again = fit(folder, found.request.options, checkpoints=found)
    assert np.array_equal(again.test.probabilities, whole.test.probabilities)
    assert again.folds is None
    assert found.request.notes == whole.decision


def test_too_few_pictures_to_try(tmp_path: Path) -> None:
    result = auto(write_pictures(tmp_path / "set", 5), epochs=1)
    assert "too few training pictures" in result.decision[0]
    assert result.tuning is None
