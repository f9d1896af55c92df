"""What a model is called on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.compare.model_spec import parse_models, parse_weights
from headstart.errors import UsageError
from headstart.options import BackboneOptions, FitOptions, LoopOptions


def test_names_layers_and_heads() -> None:
    small, once, plain, vgg = parse_models("small_cnn, small_cnn:once,resnet18,vgg16_bn:fc7+svm")
    assert (small.is_small_cnn, small.crops) == (True, "each-epoch")
    assert once.crops == "once"
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
    assert parse_models("small_cnn", "medium")[0].crops == "each-epoch"


def test_sizes_and_joined_networks() -> None:
    sized, joined, both = parse_models("resnet18@64+svm,resnet18+vgg16@96:fc7,a+b+mlp")
    assert (sized.name, sized.head) == ("resnet18", "svm")
    assert (joined.name, joined.layer, joined.head) == ("resnet18+vgg16", "pooled+fc7", "linear")
    assert (both.name, both.head) == ("a+b", "mlp")
    base = FitOptions(backbone=BackboneOptions(image_size=32))
    assert sized.options(base, {}).backbone == BackboneOptions(backbone="resnet18@64")
    chosen = joined.options(base, {}).backbone
    assert (chosen.backbone, chosen.image_size) == ("resnet18+vgg16@96:fc7", 32)
    for text, message in (
        ("a+b:fine-tune", "fine-tuning takes one network"),
        ("resnet18@big", "model 'resnet18@big': the size is 'big'"),
        ("small_cnn+svm", r"the small CNN has its own last layer, no \+svm"),
    ):
        with pytest.raises(UsageError, match=message):
            parse_models(text)
