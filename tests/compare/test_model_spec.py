"""What a model is called on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.compare.model_spec import parse_models, parse_weights
from headstart.errors import UsageError
from headstart.options import FitOptions, LoopOptions


def test_names_layers_and_heads() -> None:
    small, once, plain, vgg = parse_models("small_cnn, small_cnn:once,resnet18,vgg16_bn:fc7+svm")
    assert (small.is_small_cnn, small.layer) == (True, "each-epoch")
    assert once.layer == "once"
    assert (plain.name, plain.layer, plain.head) == ("resnet18", "pooled", "linear")
    assert (vgg.name, vgg.layer, vgg.head) == ("vgg16_bn", "fc7", "svm")


def test_a_models_options_are_its_own() -> None:
    base = FitOptions(loop=LoopOptions(epochs=7))
    once, vgg = parse_models("small_cnn:once,vgg16.tv_in1k+svm")
    assert once.options(base, {}).loop == LoopOptions(epochs=7, augment="once")
    chosen = vgg.options(base, {"vgg16": Path("v.pth")})
    assert chosen.backbone.weights == Path("v.pth")
    assert chosen.head.head == "svm"
    assert chosen.loop.epochs is None  # a head on features is solved exactly


def test_weights_by_name() -> None:
    assert parse_weights(["vgg16=a/b.pth"]) == {"vgg16": Path("a/b.pth")}
    with pytest.raises(UsageError, match="expected NAME=FILE"):
        parse_weights(["vgg16.pth"])


def test_a_fine_tuned_model_has_the_options_of_fine_tuning() -> None:
    spec = parse_models("resnet18:fine-tune")[0]
    assert (spec.name, spec.layer, spec.head, spec.is_tuned) == (
        "resnet18", "pooled", "linear", True,
    )  # fmt: skip
    for given, taken in (("medium", "medium"), ("once", None)):
        base = FitOptions(loop=LoopOptions(epochs=3, augment=given))  # type: ignore[arg-type]
        made = spec.options(base, {})
        assert (made.recipe.recipe, made.loop.epochs, made.loop.augment) == ("fine-tune", 3, taken)
    with pytest.raises(UsageError, match=r"fine-tuning has its own last layer, no \+svm"):
        parse_models("resnet18:fine-tune+svm")
    assert parse_models("small_cnn", "medium")[0].layer == "each-epoch"
