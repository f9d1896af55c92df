"""The faces in scikit-learn's own tools: scorers, searches, calibration, groups, pipelines."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from PIL import Image
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.tiny_classifier import LABELS, classifier, embedder

import headstart
from headstart.heads.fitted_heads import FittedLinear

TYPES: dict[str, Any] = {
    "text": ["red", "blue"],
    "integers": [7, -3],
    "small integers": [np.uint8(1), np.uint8(0)],
    "numbers": [1.0, 0.0],
    "bools": [True, False],
}
# Scorers of targets that are no classes: numbers to regress, clusters, several labels a picture.
FOREIGN = ("neg_", "r2", "explained_variance", "max_error", "d2_absolute_error_score")
CLUSTERS = ("rand", "mutual_info", "homogeneity", "completeness", "v_measure", "fowlkes")
OTHER = ("samples", "top_k")  # of several labels a picture, and of three classes or more
OWN = ("neg_log_loss", "neg_brier_score", "neg_negative_likelihood_ratio")


def scorers() -> list[str]:
    return [
        name
        for name in get_scorer_names()
        if name in OWN
        or not (name.startswith(FOREIGN) or any(part in name for part in (*CLUSTERS, *OTHER)))
    ]


@pytest.fixture
def opened(pictures: list[Path]) -> list[Image.Image]:
    return [Image.open(io.BytesIO(path.read_bytes())) for path in pictures]


def test_enough_scorers_are_tried() -> None:
    wanted = {
        "accuracy",
        "balanced_accuracy",
        "roc_auc",
        "neg_log_loss",
        "f1_macro",
        "matthews_corrcoef",
    }
    assert wanted <= set(scorers())


@pytest.mark.parametrize("kind", TYPES)
def test_every_scorer_of_classes(pictures: list[Path], kind: str, tmp_path: Path) -> None:
    first, second = TYPES[kind]
    y = np.array([first] * 6 + [second] * 6)
    fitted = classifier(C=1.0).fit(pictures, y)
    assert fitted.classes_.dtype == y.dtype
    fitted.save(tmp_path / "model")
    loaded = headstart.load(tmp_path / "model", device="cpu")
    assert loaded.classes_.tolist() == fitted.classes_.tolist() == np.unique(y).tolist()
    assert type(loaded.predict(pictures)[0].item()) is type(y[0].item())
    mixed = np.where(np.arange(12) % 4 == 0, y[::-1], y)
    usual = make_pipeline(embedder(), LogisticRegression()).fit(pictures, y)
    ours, theirs = scores_of(fitted, pictures, mixed), scores_of(usual, pictures, mixed)
    assert ours.keys() == theirs.keys()
    assert all(np.isfinite(value) for value in ours.values())
    assert scores_of(loaded, pictures, mixed) == ours
    assert ours["accuracy"] == fitted.score(pictures, mixed) == 0.75
    assert len(ours) > 12


def scores_of(model: Any, X: list[Path], y: Any) -> dict[str, float]:
    """Every scorer's figure; without those that ask for the name of the positive class."""
    found = {}
    for name in scorers():
        try:
            found[name] = get_scorer(name)(model, X, y)
        except ValueError as error:
            assert "pos_label" in str(error), name
    return found


@pytest.mark.parametrize("scoring", ["roc_auc_ovr", "roc_auc_ovo_weighted", "neg_log_loss"])
def test_scorers_of_three_classes_take_the_columns_for_sorted_classes(
    pictures: list[Path], scoring: str
) -> None:
    """Text in another order than numbers: 10, 9, 100 against 9, 10, 100."""
    names = np.array(["10", "9", "100"])[np.array([0] * 4 + [1] * 4 + [2] * 4)]
    for labels in (names, names.astype(int)):
        fitted = classifier(C=10.0).fit(pictures, labels)
        value = get_scorer(scoring)(fitted, pictures, labels)
        rows = np.arange(12), np.searchsorted(np.unique(labels), labels)
        truth = -np.log(fitted.predict_proba(pictures)[rows]).mean()
        assert value == pytest.approx(-truth) if scoring == "neg_log_loss" else value > 0.95


def test_cross_validation_and_search(pictures: list[Path], opened: list[Image.Image]) -> None:
    y = [1] * 6 + [0] * 6
    arrays = np.stack([np.asarray(image) for image in opened])
    found = {}
    for name, X in (("paths", pictures), ("pictures", opened), ("array", arrays)):
        scores = cross_validate(
            classifier(C=1.0),
            X,
            y,
            cv=3,
            scoring=[
                "balanced_accuracy",
                "roc_auc",
                "neg_log_loss",
                "f1_macro",
                "average_precision",
            ],
            return_estimator=True,
            error_score="raise",
        )
        assert [model.classes_.tolist() for model in scores["estimator"]] == [[0, 1]] * 3
        found[name] = scores["test_neg_log_loss"]
        assert scores["test_roc_auc"].mean() > 0.9
        search = GridSearchCV(
            classifier(), {"C": [1e-5, 1.0], "class_weight": [None, "balanced"]}, cv=2,
            scoring="neg_log_loss", error_score="raise",
        ).fit(X, y)  # fmt: skip
        assert search.best_params_["C"] == 1.0
        assert search.predict(X).tolist() == y
        assert search.classes_.tolist() == [0, 1]
    assert np.array_equal(found["paths"], found["pictures"])
    assert np.array_equal(found["paths"], found["array"])


def test_calibration_permutation_and_curves(pictures: list[Path]) -> None:
    for y in (LABELS, [1] * 6 + [0] * 6, [True] * 6 + [False] * 6):
        calibrated = CalibratedClassifierCV(classifier(C=1.0), cv=2).fit(pictures, y)
        assert calibrated.predict(pictures).tolist() == y
    score, permuted, p = permutation_test_score(
        classifier(C=1.0), pictures, LABELS, cv=3, n_permutations=8, random_state=1
    )
    assert score > 0.9 > permuted.mean()
    assert p < 0.5
    answers = cross_val_predict(classifier(C=1.0), pictures, LABELS, cv=3, method="predict_proba")
    assert answers.shape == (12, 2)
    sizes, _, tested = learning_curve(
        classifier(C=1.0), pictures, LABELS, cv=3, train_sizes=[4, 8], shuffle=True,
        random_state=2, error_score="raise",
    )  # fmt: skip
    assert sizes.tolist() == [4, 8]
    assert tested[-1].mean() > 0.9


def test_cross_validation_in_two_processes_returns_estimators(pictures: list[Path]) -> None:
    found = cross_validate(
        classifier(C=0.1), pictures, LABELS, cv=2, n_jobs=2, return_estimator=True
    )
    assert found["test_score"].mean() > 0.9
    for fitted in found["estimator"]:
        assert fitted.score(pictures, LABELS) > 0.9


class Watched(headstart.ImageClassifier):
    """Keeps the groups that reach `fit`."""

    seen: list[list[str] | None] = []  # noqa: RUF012 - clones share it

    def fit(self, X: Any, y: Any, groups: Any = None) -> Watched:
        self.seen.append(None if groups is None else list(groups))
        return super().fit(X, y, groups)


@pytest.fixture
def watched() -> Watched:
    Watched.seen.clear()
    return Watched(**classifier(C=1.0).get_params())


GROUPS = [f"g{number % 6 // 2}{'ab'[number // 6]}" for number in range(12)]


def test_groups_reach_the_splitter_and_the_fit(pictures: list[Path], watched: Watched) -> None:
    with sklearn.config_context(enable_metadata_routing=True):
        for asks in (True, False):
            Watched.seen.clear()
            asking = watched.set_fit_request(groups=asks)
            scores = cross_val_score(
                asking, pictures, LABELS, cv=StratifiedGroupKFold(3), params={"groups": GROUPS},
                error_score="raise",
            )  # fmt: skip
            assert len(scores) == 3
            folds = StratifiedGroupKFold(3).split(pictures, LABELS, GROUPS)
            right = [[GROUPS[row] for row in train] for train, _ in folds]
            assert Watched.seen == (right if asks else [None] * 3)
        search = GridSearchCV(
            watched.set_fit_request(groups=True), {"C": [0.01, 1.0]}, cv=StratifiedGroupKFold(2),
            error_score="raise",
        )  # fmt: skip
        Watched.seen.clear()
        search.fit(pictures, LABELS, groups=GROUPS)
        assert Watched.seen[-1] == GROUPS  # the fit on all rows
        assert len(Watched.seen) == 5


def test_groups_without_routing(pictures: list[Path], watched: Watched) -> None:
    scores = cross_val_score(
        watched, pictures, LABELS, cv=StratifiedGroupKFold(3), groups=GROUPS, error_score="raise"
    )
    assert len(scores) == 3
    assert Watched.seen == [None] * 3  # scikit-learn gives them to the splitter only
    Watched.seen.clear()
    cross_val_score(watched, pictures, LABELS, cv=3, params={"groups": GROUPS}, error_score="raise")
    assert all(groups is not None and len(groups) == 8 for groups in Watched.seen)


def test_groups_stay_together_where_the_penalty_is_chosen(pictures: list[Path]) -> None:
    """One group a class leaves nothing to hold out: C is 1, and the temperature 1."""
    alone = classifier().fit(pictures, LABELS).model_
    together = classifier().fit(pictures, LABELS, groups=LABELS).model_
    assert isinstance(together.head, FittedLinear)
    assert isinstance(alone.head, FittedLinear)
    assert (together.head.C, together.temperature) == (1.0, 1.0)
    assert alone.head.C != 1.0


def test_embedder_in_pipelines(pictures: list[Path], opened: list[Image.Image]) -> None:
    pipeline = make_pipeline(embedder(), StandardScaler(), LogisticRegression(max_iter=500))
    for X in (pictures, opened, pd.Series(list(map(str, pictures)))):
        assert cross_val_score(pipeline, X, LABELS, cv=3, error_score="raise").mean() > 0.9
    sizes = {"imageembedder__image_size": [16, 32], "logisticregression__C": [0.1, 1.0]}
    search = GridSearchCV(pipeline, sizes, cv=2, error_score="raise").fit(opened, LABELS)
    assert search.best_score_ > 0.9
    assert clone(embedder()).get_params() == embedder().get_params()
    names = pipeline.fit(pictures, LABELS)[:-1].get_feature_names_out()
    assert names.tolist() == embedder().fit(()).get_feature_names_out().tolist()


def test_columns_of_a_table_and_frames_of_features(pictures: list[Path]) -> None:
    table = pd.DataFrame({"path": list(map(str, pictures)), "brightness": np.arange(12.0)})
    for column in ("path", ["path"]):
        both = make_column_transformer(
            (embedder(), column), (StandardScaler(), ["brightness"])
        ).set_output(transform="pandas")
        features = both.fit_transform(table)
        assert features.shape == (12, embedder().fit(()).n_features_out_ + 1)
        assert features.columns[0] == "imageembedder__test_resnet_0"
    frame = embedder().set_output(transform="pandas").fit_transform(table["path"])
    assert frame.columns.tolist() == embedder().fit(()).get_feature_names_out().tolist()


def test_ensembles(pictures: list[Path], opened: list[Image.Image]) -> None:
    members = [("weak", classifier(C=1e-4)), ("strong", classifier(C=1.0))]
    vote = VotingClassifier(members, voting="soft").fit(pictures, LABELS)
    assert vote.score(pictures, LABELS) == 1.0
    stack = StackingClassifier(members, cv=2).fit(pictures, LABELS)
    assert stack.predict(pictures).tolist() == LABELS
    one = OneVsRestClassifier(classifier(C=1.0)).fit(pictures, ["a", "b", "c"] * 4)
    assert one.predict(pictures).shape == (12,)
