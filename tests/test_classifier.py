"""ImageClassifier and ImageEmbedder by themselves: fit, predict, score, save, load, copies."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tests.tiny_classifier import LABELS, classifier, embedder

import headstart
from headstart.classifier import load_folder
from headstart.errors import BadInputsError, DataError, UsageError


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


def test_classes_keep_their_type_and_are_sorted_as_scikit_learn_sorts(
    pictures: list[Path],
) -> None:
    numbers = classifier(C=1.0).fit(pictures, [10, 2, 1] * 4)
    assert numbers.classes_.tolist() == [1, 2, 10]
    assert set(numbers.predict(pictures)) <= {1, 2, 10}
    texts = classifier(C=1.0).fit(pictures, ["10", "2", "1"] * 4)
    assert texts.classes_.tolist() == ["1", "10", "2"]
    assert texts.model_.classes == ("1", "2", "10")  # as the program orders them
    columns = [0, 2, 1]
    assert np.array_equal(
        texts.predict_proba(pictures)[:, columns], numbers.predict_proba(pictures)
    )
    assert texts.predict(pictures).tolist() == [str(n) for n in numbers.predict(pictures)]


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
        embedder().fit_transform([broken])
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
    with pytest.raises(TypeError, match=r"X\[0\] is an array of float64 \(3, 3, 3\)"):
        classifier().fit([np.zeros((3, 3, 3)), np.ones(3)], ["a", "b"])
    with pytest.raises(UsageError, match="magic"):
        classifier(head="magic").fit(pictures, LABELS)


def test_features_by_name(pictures: list[Path]) -> None:
    features = embedder().fit_transform(pictures)
    names = embedder().fit(pictures).get_feature_names_out()
    assert features.shape == (12, len(names))
    assert names[3] == "test_resnet_3"
    assert np.array_equal(embedder().transform(pictures), features)  # it opens by itself


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
    fitted_embedder = embedder().fit(pictures)
    assert fitted_embedder.transform([]).shape == (0, fitted_embedder.n_features_out_)


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
    loaded = load_folder(tmp_path / "model", device="cpu")
    asked, found = fitted.get_params(), loaded.get_params()
    weights = found.pop("weights")
    assert (weights is None) == (asked.pop("weights") is None)
    assert found == asked
    again = clone(loaded).fit(pictures, labels)
    assert again.model_.backbone.info.fingerprint == fitted.model_.backbone.info.fingerprint
    assert np.array_equal(again.predict_proba(pictures), fitted.predict_proba(pictures))
    loaded.save(tmp_path / "second")
    assert load_folder(tmp_path / "second").get_params()["class_weight"] == "balanced"


def test_fitted_estimators_are_copied_and_pickled(pictures: list[Path], tmp_path: Path) -> None:
    fitted = classifier(cache=False).fit(pictures, LABELS)
    expected = fitted.predict_proba(pictures)
    joblib.dump(fitted, tmp_path / "fitted.joblib")
    fitted.save(tmp_path / "model")
    loaded = load_folder(tmp_path / "model", device="cpu").set_params(cache=False)
    for copied in (
        pickle.loads(pickle.dumps(fitted)),
        copy.deepcopy(fitted),
        joblib.load(tmp_path / "fitted.joblib"),
        pickle.loads(pickle.dumps(loaded)),
        copy.deepcopy(loaded),
    ):
        assert np.array_equal(copied.predict_proba(pictures), expected)
    steps = (embedder(cache=False), LogisticRegression(max_iter=500))
    pipeline = make_pipeline(*steps).fit(pictures, LABELS)
    again = pickle.loads(pickle.dumps(pipeline))
    assert np.array_equal(again.predict_proba(pictures), pipeline.predict_proba(pictures))


@pytest.mark.parametrize("backbone", ["random", "file"])
def test_save_into_the_current_folder(
    pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backbone: str
) -> None:
    changes: dict[str, object] = {}
    if backbone == "file":
        torch.save(classifier()._open().module.state_dict(), tmp_path / "w.pth")
        changes = {"weights": tmp_path / "w.pth", "random_weights": False}
    fitted = classifier(**changes).fit(pictures, LABELS)
    expected = fitted.predict_proba(pictures)
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path / "model")
    for _ in range(2):  # the second time over the first model
        fitted.save(".")
        assert Path.cwd() == tmp_path / "model"
        loaded = headstart.load(".", device="cpu")
        assert np.array_equal(loaded.predict_proba(pictures), expected)


OLD = Path(__file__).parent / "models"

LOADS = """
import sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "timm", "torchvision", "pandas"):
            raise ImportError(name + " is forbidden")

sys.meta_path.insert(0, Forbidden())
import headstart

model = headstart.load(sys.argv[1], device="cpu")
print(model.classes_.tolist(), model.predict([]).shape, model.get_params()["backbone"])
"""


def test_loading_needs_no_torch() -> None:
    folder = OLD / "format_1" / "small_cnn_linear"
    told = subprocess.run(
        [sys.executable, "-c", LOADS, str(folder)], capture_output=True, text=True, check=False
    )
    assert told.stdout.split("\n")[0] == "['2', '3', '10'] (0,) small_cnn", told.stderr


def test_an_old_model_answers_text_and_is_scored_by_numbers() -> None:
    """What it was fitted on is not known: its classes are text, and 3 is scored as "3"."""
    pictures = sorted((OLD / "pictures").glob("*.png"))
    loaded = headstart.load(OLD / "format_1" / "small_cnn_linear", device="cpu")
    answers = loaded.predict(pictures)
    assert set(answers) <= {"2", "3", "10"}
    numbers = [int(answer) for answer in answers]
    assert loaded.score(pictures, answers) == loaded.score(pictures, numbers) == 1.0
    assert loaded.predictions(pictures, numbers).truth == tuple(answers)
    assert loaded.score(pictures, [number + 100 for number in numbers]) == 0.0
