"""The scikit-learn faces: fit, predict, score, save; pipelines, clone, cross-validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
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
    fitted = classifier(strength=1.0).fit(pictures, [10, 2, 1] * 4)
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
        classifier().fit([np.zeros((3, 3, 3)), np.ones(3)], ["a", "b"])  # type: ignore[list-item]
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


def test_grid_search_over_the_classifier(pictures: list[Path]) -> None:
    search = GridSearchCV(classifier(), {"strength": [0.01, 1.0]}, cv=2).fit(pictures, LABELS)
    assert search.best_score_ > 0.9
