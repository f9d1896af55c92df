"""What Python users cannot give: parameters by their own names, labels, groups, contradictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.tiny_classifier import LABELS, TINY, classifier, embedder

import headstart
from headstart import ImageClassifier, ImageEmbedder
from headstart.errors import BadInputsError, DataError, HeadstartError, UsageError

SHARED: list[tuple[str, Any, str]] = [
    ("backbone", None, "a text that is not empty"),
    ("backbone", "", "a text that is not empty"),
    ("backbone", 18, "a text that is not empty"),
    ("weights", 3, "a path"),
    ("layer", "conv", "pooled, fc6, fc7 or last"),
    ("layer", ["fc6"], "pooled, fc6, fc7 or last"),
    ("image_size", (224, 224), "a whole number from 1 to 4096"),
    ("image_size", 0, "a whole number from 1 to 4096"),
    ("image_size", 32.0, "a whole number from 1 to 4096"),
    ("image_size", "224", "a whole number from 1 to 4096"),
    ("random_weights", "no", "True or False"),
    ("precision", "fp16", "auto, fp32 or bf16"),
    ("precision", np.float32, "auto, fp32 or bf16"),
    ("device", None, "auto, cpu, cuda, cuda:N or mps"),
    ("runtime", "fast", "auto, torch, onnxruntime or openvino"),
    ("workers", "2", "a whole number from 1 to"),
    ("workers", 0, "a whole number from 1 to"),
    ("workers", True, "a whole number from 1 to"),
    ("cache", 1, "True or False"),
    ("max_pixels", 1e6, "a whole number from 1"),
]
OWN: list[tuple[str, Any, str]] = [
    ("head", "magic", "linear, svm, knn or mlp"),
    ("head", None, "linear, svm, knn or mlp"),
    ("C", "x", "above 0 and finite"),
    ("C", 0, "above 0 and finite"),
    ("C", float("nan"), "above 0 and finite"),
    ("C", True, "above 0 and finite"),
    ("C", [0.1, 1.0], "above 0 and finite"),
    ("class_weight", "balance", "None or 'balanced'"),
    ("class_weight", "none", "None or 'balanced'"),
    ("class_weight", {"red": 2.0}, "None or 'balanced'"),
    ("class_weight", np.ones(2), "None or 'balanced'"),
    ("views", -1, "a whole number"),
    ("views", 1.5, "a whole number"),
    ("near_duplicates", "yes", "True or False"),
    ("random_state", -1, "a whole number from 0"),
    ("random_state", 2**32, "a whole number from 0"),
    ("random_state", 1.5, "a whole number from 0"),
    ("random_state", "7", "a whole number from 0"),
    ("random_state", True, "a whole number from 0"),
    ("random_state", np.random.default_rng(7), "a whole number from 0"),
]


def check_message(error: BaseException, name: str, value: Any, allowed: str) -> None:
    message = str(error)
    assert isinstance(error, UsageError | ValueError)
    assert message.startswith(f"{name} is {value!r}; it must be "), message
    assert allowed in message
    assert "--" not in message


@pytest.mark.parametrize(("name", "value", "allowed"), [*SHARED, *OWN])
def test_a_classifier_names_the_wrong_parameter(name: str, value: Any, allowed: str) -> None:
    """Nothing is opened or read before: neither this backbone nor this picture is there."""
    wrong = ImageClassifier(**{"backbone": "nosuch", name: value})
    with pytest.raises(UsageError) as caught:
        wrong.fit(["gone.png", "away.png"], ["a", "b"])
    check_message(caught.value, name, value, allowed)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(("name", "value", "allowed"), SHARED)
def test_an_embedder_names_the_wrong_parameter(name: str, value: Any, allowed: str) -> None:
    for call in (ImageEmbedder.fit, ImageEmbedder.fit_transform, ImageEmbedder.transform):
        with pytest.raises(UsageError) as caught:
            call(ImageEmbedder(**{"backbone": "nosuch", name: value}), ["gone.png"])
        check_message(caught.value, name, value, allowed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("C", np.float32(0.5)),
        ("C", np.int64(1)),
        ("image_size", np.int32(32)),
        ("views", np.int64(1)),
        ("workers", np.int64(1)),
        ("random_state", np.int64(3)),
        ("random_state", None),
        ("random_state", np.random.RandomState(3)),
    ],
)
def test_numbers_of_numpy_are_numbers(pictures: list[Path], name: str, value: Any) -> None:
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, np.random.RandomState):
        plain = np.random.RandomState(3).randint(2**31)
    fitted = classifier(**{"C": 1.0, name: value}).fit(pictures, LABELS)
    right = classifier(**{"C": 1.0, name: plain}).fit(pictures, LABELS)
    assert np.array_equal(fitted.predict_proba(pictures), right.predict_proba(pictures))


def test_what_two_parameters_cannot_be_together(tmp_path: Path) -> None:
    both = {**TINY, "weights": tmp_path / "w.pth"}
    with pytest.raises(UsageError) as caught:
        ImageClassifier(**both).fit(["gone.png", "away.png"], ["a", "b"])
    for message in (str(caught.value), _message(ImageEmbedder(**both))):
        assert "exclude each other" in message
        assert {"weights", "random_weights"} <= set(message.split())
        assert "--" not in message


def _message(wrong: ImageEmbedder) -> str:
    with pytest.raises(HeadstartError) as caught:
        wrong.fit(())
    return str(caught.value)


def test_remedies_are_parameters_too(pictures: list[Path]) -> None:
    fitted = classifier(C=1.0).fit(pictures, LABELS).set_params(max_pixels=100)
    for call in (fitted.predict, embedder(max_pixels=100).transform):
        with pytest.raises(BadInputsError, match="limit of 100; raise it with max_pixels"):
            call(pictures)
    with pytest.raises(BadInputsError, match="raise it with max_pixels") as caught:
        classifier(max_pixels=100).fit(pictures, LABELS)
    assert len(caught.value.inputs) == 12
    assert str(caught.value).endswith("Mend them, or leave them out.")
    assert "--" not in str(caught.value)
    assert _message(embedder(backbone="nosuch", random_weights=False)).count("--") == 0


def test_the_same_picture_under_two_labels(pictures: list[Path]) -> None:
    X = [*pictures, pictures[2].read_bytes(), np.asarray(Image.open(pictures[7]))]
    with pytest.raises(BadInputsError) as caught:
        classifier().fit(X, [*LABELS, "blue", "blue"])
    found = {item.where: item.cause for item in caught.value.inputs}
    assert found == {
        str(pictures[2]): "labelled 'red', but the same picture X[12] is 'blue'",
        "X[12]": f"labelled 'blue', but the same picture {pictures[2]} is 'red'",
    }
    assert "class" not in str(
        caught.value
    )  # no class is too small for Python, which holds none out


def test_a_single_picture_of_a_class_is_told_of_nothing(pictures: list[Path]) -> None:
    """The program needs two of each class for its test part; here all rows are for training."""
    labels = ["red"] * 11 + ["blue"]
    fitted = classifier().fit(pictures, labels)
    assert fitted.score(pictures, labels) > 0.9
    with pytest.raises(BadInputsError) as caught:
        classifier().fit([*pictures, Path("gone.png")], [*labels, "red"])
    assert [item.where for item in caught.value.inputs] == ["gone.png"]


def test_labels_are_refused_before_a_picture_is_read(tmp_path: Path) -> None:
    gone = [tmp_path / "a.png", tmp_path / "b.png"]
    for labels, message in (
        ([["a"], ["a", "b"]], "multi-label"),
        ([["a", "b"], ["a", "c"]], "multi-label"),
        (["Cat", "cat"], "differ only by case"),
        (["cat", "cat "], "differ only by case, blanks"),
        (["cat", None], "1 label missing"),
        (["cat", "cat"], r"one class only \(cat\)"),
        ([0.5, 1.5], "continuous numbers are no classes"),
        (None, "requires y to be passed"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            classifier().fit(gone, labels)
        assert isinstance(caught.value, ValueError)
    with pytest.raises(DataError, match="1 group missing"):
        classifier().fit(gone, ["a", "b"], groups=["x", None])
    with pytest.raises(DataError, match="2 pictures and 3 groups"):
        classifier().fit(gone, ["a", "b"], groups=["x", "y", "z"])


def test_scores_never_count_another_spelling_as_wrong(pictures: list[Path]) -> None:
    fitted = classifier(C=1.0).fit(pictures, LABELS)
    shouted = [label.upper() for label in LABELS]
    for call in (fitted.score, fitted.predictions):
        with pytest.raises(DataError, match=r"label 'RED' is no class .* 'red' only by case"):
            call(pictures, shouted)
    spaced = [f" {label}" for label in LABELS]
    assert fitted.score(pictures, spaced) == 1.0
    assert fitted.predictions(pictures, spaced).truth == tuple(LABELS)
    assert fitted.score(pictures, ["green"] * 6 + ["blue"] * 6) == 0.5  # a class never learnt
    for weights in ([1.0] * 11 + [-1.0], [0.0] * 12, [float("nan")] * 12):
        with pytest.raises(DataError, match="sample_weight must be finite, 0 or more"):
            fitted.score(pictures, LABELS, weights)


def test_a_failed_fit_leaves_the_model_as_it_was(pictures: list[Path]) -> None:
    fitted = classifier(C=1.0).fit(pictures, LABELS)
    before = fitted.predict_proba(pictures)
    with pytest.raises(BadInputsError):
        fitted.fit([*pictures, "gone.png"], [*LABELS, "green"])
    assert np.array_equal(fitted.predict_proba(pictures), before)
    assert fitted.classes_.tolist() == ["blue", "red"]


def test_no_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(HeadstartError, match="is not a model of this program"):
        headstart.load(tmp_path)
