"""How networks are named, and what of the options each of them takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.backbones.network_name import (
    NetworkName,
    joined_text,
    options_of_each,
    parse_networks,
)
from headstart.errors import UsageError
from headstart.options import BackboneOptions


def test_names_sizes_layers_and_joined_ones() -> None:
    found = parse_networks("resnet18@256 + vgg16:fc7+vgg16@64:fc6")
    assert found == (
        NetworkName("resnet18", 256),
        NetworkName("vgg16", None, "fc7"),
        NetworkName("vgg16", 64, "fc6"),
    )
    assert joined_text(found) == "resnet18@256+vgg16:fc7+vgg16@64:fc6"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resnet18@big", "--backbone 'resnet18@big': the size is 'big'; it must be a number of"),
        ("resnet18@0", "image_size is 0; it must be a whole number from 1 to 4096"),
        ("resnet18:fc9", "layer is 'fc9'; it must be pooled, fc6, fc7 or last"),
        ("resnet18+", "backbone is ''; it must be a text that is not empty"),
        ("a+b+c+d", "joins 4 networks; 3 are the most"),
        ("a+b+a", "names a network twice"),
        ("auto", "auto is for `headstart fit --backbone auto` alone"),
    ],
)
def test_other_names_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_networks(text)


def test_a_size_in_the_name_is_that_of_the_options() -> None:
    named = options_of_each(BackboneOptions(backbone="resnet18@64"), {})
    asked = options_of_each(BackboneOptions(backbone="resnet18", image_size=64), {})
    both = options_of_each(BackboneOptions(backbone="resnet18@64", image_size=64), {})
    assert named == asked == both


def test_each_network_has_its_own_size_layer_and_weights() -> None:
    base = BackboneOptions(backbone="resnet18.a1_in1k+vgg16@96:fc7", image_size=64, mirror=True)
    files = {"resnet18": Path("r.pth"), "vgg16": Path("v.pth")}
    one, two = options_of_each(base, files)
    assert (one.backbone, one.image_size, one.layer, one.weights) == (
        "resnet18.a1_in1k", 64, "pooled", Path("r.pth"),
    )  # fmt: skip
    assert (two.backbone, two.image_size, two.layer, two.weights) == (
        "vgg16", 96, "fc7", Path("v.pth"),
    )  # fmt: skip
    assert one.mirror and two.mirror


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            BackboneOptions(backbone="resnet18@64", image_size=96),
            "--image-size is 96 and --backbone resnet18@64 says it otherwise",
        ),
        (BackboneOptions(backbone="vgg16:fc6", layer="fc7"), "--layer is fc7 and --backbone"),
        (
            BackboneOptions(backbone="a+b", weights=Path("w.pth")),
            "--weights is a file of one network, and --backbone a\\+b joins 2",
        ),
    ],
)
def test_options_that_no_network_would_use_are_refused(
    options: BackboneOptions, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        options_of_each(options, {})
