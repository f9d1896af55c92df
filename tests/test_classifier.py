"""The scikit-learn faces: fit, predict, score, save; pipelines, clone, cross-validation."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline

import headstart
from headstart import ImageClassifier, ImageEmbedder
from headstart.errors import BadInputsError, DataError, UsageError

TINY = {"backbone": "test_resnet", "random_weights": True, "image_size": 32, "device": "cpu"}
LABELS = ["red"] * 6 + ["blue"] * 6


def classifier(**changes: object) -> ImageClassifier:
    return ImageClassifier(**{**TINY, "precision": "fp32", **changes})  # type: ignore[arg-type]


def test_fit_predict_score_save_load(pictures: list[Path], tmp_path: Path) -> None:
    fitted = classifier().fit(pictures, LABELS)
    assert list(fitted.classes_) == ["blue", "red"]
    assert fitted.score(pictures, LABELS) == 1.0
    assert list(fitted.predict(pictures[:1])) == ["red"]
    proba = fitted.predict_proba(pictures)
    assert proba.shape == (12, 2)
    assert np.allclose(proba.sum(axis=1), 1)
    fitted.save(tmp_path / "model")
    again = headstart.load(tmp_path / "model", device="cpu")
    assert list(again.classes_) == ["blue", "red"]
    assert np.array_equal(again.predict_proba(pictures), proba)


def test_labels_are_text_in_numeric_order(pictures: list[Path]) -> None:
    fitted = classifier(C=1.0).fit(pictures, [10, 2, 1] * 4)
    assert list(fitted.classes_) == ["1", "2", "10"]
    assert set(fitted.predict(pictures)) <= {"1", "2", "10"}


def test_unreadable_pictures_are_listed_never_replaced(
    pictures: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(pictures[0].read_bytes()[:150])
    with pytest.raises(BadInputsError, match=r"broken\.png: .*truncated") as caught:
        classifier().fit([*pictures, broken, tmp_path / "gone.png"], [*LABELS, "red", "red"])
    assert len(caught.value.inputs) == 2
    fitted = classifier().fit(pictures, LABELS)
    for ask in (fitted.predict, fitted.predict_proba):
        with pytest.raises(BadInputsError, match="truncated"):
            ask([pictures[0], broken])
    with pytest.raises(BadInputsError, match="truncated"):
        ImageEmbedder(**TINY).fit_transform([broken])  # type: ignore[arg-type]
    rows = fitted.predictions([pictures[0], broken, pictures[7]])
    assert [bool(error) for error in rows.errors] == [False, True, False]
    assert rows.predicted == ("red", "", "blue")


def test_wrong_calls_say_what_is_wrong(pictures: list[Path]) -> None:
    with pytest.raises(DataError, match="12 pictures and 2 labels"):
        classifier().fit(pictures, ["a", "b"])
    with pytest.raises(DataError, match=r"one class only \(a\)"):
        classifier().fit(pictures, ["a"] * 12)
    with pytest.raises(TypeError, match="one path; put it into a list"):
        classifier().fit("photo.jpg", ["a"])
    with pytest.raises(TypeError, match="got ndarray"):
        classifier().fit([np.zeros((3, 3, 3)), np.ones(3)], ["a", "b"])
    with pytest.raises(UsageError, match="magic"):
        classifier(head="magic").fit(pictures, LABELS)


def test_embedder_in_a_pipeline(pictures: list[Path]) -> None:
    embedder = ImageEmbedder(**TINY)  # type: ignore[arg-type]
    pipeline = make_pipeline(embedder, LogisticRegression(max_iter=500))
    scores = cross_val_score(pipeline, pictures, LABELS, cv=3)
    assert scores.mean() > 0.9
    assert clone(embedder).get_params() == embedder.get_params()
    features = embedder.fit_transform(pictures)
    assert features.shape == (12, len(embedder.get_feature_names_out()))


def test_a_column_of_labels_is_as_good_as_a_row(pictures: list[Path]) -> None:
    column = np.array(LABELS)[:, None]
    fitted = classifier().fit(pictures, column)
    plain = classifier().fit(pictures, LABELS)
    assert np.array_equal(fitted.predict_proba(pictures), plain.predict_proba(pictures))
    assert fitted.score(pictures, column) == 1.0
    assert fitted.score(pictures, [[label] for label in LABELS]) == 1.0
    for wrong in (np.array(LABELS).reshape(6, 2), [LABELS], "red", np.array(3)):
        for call in (classifier().fit, fitted.score, fitted.predictions):
            with pytest.raises(DataError, match="labels have the shape"):
                call(pictures, wrong)


@pytest.mark.parametrize("missing", [None, float("nan"), "", " \t", pd.NA, pd.NaT])
def test_missing_labels_are_refused_by_position(pictures: list[Path], missing: object) -> None:
    labels = [*LABELS[:3], missing, *LABELS[4:11], missing]
    fitted = classifier().fit(pictures, LABELS)
    for call in (classifier().fit, fitted.score, fitted.predictions):
        with pytest.raises(DataError, match=r"2 labels missing .* at 3, 11 counted from 0"):
            call(pictures, labels)
    with pytest.raises(DataError, match=r"at 3, 11 counted"):
        fitted.score(pictures, pd.Series(labels))


def test_scores_need_a_label_and_a_weight_for_each_picture(pictures: list[Path]) -> None:
    fitted = classifier().fit(pictures, LABELS)
    assert fitted.score(pictures[:1], LABELS[:1]) == 1.0
    assert fitted.score(pictures[:4], ["red", "blue", "red", "blue"]) == 0.5
    weights = [3, 1, 3, 1]
    assert fitted.score(pictures[:4], ["red", "blue", "red", "blue"], weights) == 0.75
    for call in (fitted.score, fitted.predictions):
        with pytest.raises(DataError, match=r"12 pictures and 1 label$"):
            call(pictures, LABELS[:1])
    with pytest.raises(DataError, match=r"sample_weight has the shape \(1,\), expected \(12,\)"):
        fitted.score(pictures, LABELS, [1.0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_weight": "balance"}, "class_weight is 'balance'; allowed are none, balanced"),
        ({"class_weight": None}, "class_weight is None; allowed"),
        ({"precision": "fp16"}, "precision is 'fp16'; allowed are auto, fp32, bf16"),
        ({"layer": "conv"}, "layer is 'conv'; allowed are pooled, fc6, fc7, last"),
    ],
)
def test_parameters_that_are_not_allowed(
    pictures: list[Path], changes: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        classifier(**changes).fit(pictures, LABELS)


def test_no_pictures_have_no_answers(pictures: list[Path]) -> None:
    fitted = classifier().fit(pictures, LABELS)
    assert fitted.predict([]).shape == (0,)
    assert fitted.predict([]).dtype == fitted.classes_.dtype
    assert fitted.predict_proba([]).shape == (0, 2)
    assert len(fitted.predictions([])) == 0
    with pytest.raises(DataError, match="no pictures to score"):
        fitted.score([], [])
    with pytest.raises(DataError, match="no pictures to learn from"):
        classifier().fit([], [])
    embedder = ImageEmbedder(**TINY).fit(pictures)  # type: ignore[arg-type]
    assert embedder.transform([]).shape == (0, embedder.n_features_out_)


@pytest.mark.parametrize("source", ["random", "file"])
@pytest.mark.parametrize("head", ["linear", "svm", "knn", "mlp"])
def test_a_clone_of_a_loaded_model_fits_the_same(
    source: str, head: str, pictures: list[Path], tmp_path: Path
) -> None:
    changes: dict[str, object] = {"head": head, "class_weight": "balanced", "random_state": 7}
    if head in ("linear", "svm"):
        changes["C"] = 0.02
    if source == "file":
        state = classifier()._open().module.state_dict()
        torch.save(state, tmp_path / "w.pth")
        changes |= {"weights": tmp_path / "w.pth", "random_weights": False}
    labels = ["red"] * 4 + ["blue"] * 8
    fitted = classifier(**changes).fit(pictures, labels)
    fitted.save(tmp_path / "model")
    (tmp_path / "w.pth").unlink(missing_ok=True)
    loaded = headstart.load(tmp_path / "model", device="cpu")
    asked, found = fitted.get_params(), loaded.get_params()
    weights = found.pop("weights")
    assert (weights is None) == (asked.pop("weights") is None)
    assert found == asked
    again = clone(loaded).fit(pictures, labels)
    assert again.model_.backbone.info.fingerprint == fitted.model_.backbone.info.fingerprint
    assert np.array_equal(again.predict_proba(pictures), fitted.predict_proba(pictures))
    loaded.save(tmp_path / "second")
    assert headstart.load(tmp_path / "second").get_params()["class_weight"] == "balanced"


def test_fitted_estimators_are_copied_and_pickled(pictures: list[Path], tmp_path: Path) -> None:
    fitted = classifier(cache=False).fit(pictures, LABELS)
    expected = fitted.predict_proba(pictures)
    joblib.dump(fitted, tmp_path / "fitted.joblib")
    fitted.save(tmp_path / "model")
    loaded = headstart.load(tmp_path / "model", device="cpu").set_params(cache=False)
    for copied in (
        pickle.loads(pickle.dumps(fitted)),
        copy.deepcopy(fitted),
        joblib.load(tmp_path / "fitted.joblib"),
        pickle.loads(pickle.dumps(loaded)),
        copy.deepcopy(loaded),
    ):
        assert np.array_equal(copied.predict_proba(pictures), expected)
    embedder = ImageEmbedder(**TINY, cache=False)  # type: ignore[arg-type]
    pipeline = make_pipeline(embedder, LogisticRegression(max_iter=500)).fit(pictures, LABELS)
    again = pickle.loads(pickle.dumps(pipeline))
    assert np.array_equal(again.predict_proba(pictures), pipeline.predict_proba(pictures))


def test_cross_validation_in_two_processes_returns_estimators(pictures: list[Path]) -> None:
    found = cross_validate(
        classifier(C=0.1), pictures, LABELS, cv=2, n_jobs=2, return_estimator=True
    )
    assert found["test_score"].mean() > 0.9
    for fitted in found["estimator"]:
        assert fitted.score(pictures, LABELS) > 0.9


def test_grid_search_over_the_classifier(pictures: list[Path]) -> None:
    search = GridSearchCV(classifier(), {"C": [0.01, 1.0]}, cv=2).fit(pictures, LABELS)
    assert search.best_score_ > 0.9
