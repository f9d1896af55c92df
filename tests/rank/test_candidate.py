"""What a candidate is called."""

from __future__ import annotations

import pytest

from headstart.backbones.network_name import NetworkName
from headstart.errors import UsageError
from headstart.options import BackboneOptions
from headstart.rank.candidate import Candidate, parse_candidates


def test_names_sizes_and_layers() -> None:
    found = parse_candidates("resnet18, resnet50@288,vgg16:fc7 ,vgg16@256:fc6,resnet18")
    assert found == (
        Candidate((NetworkName("resnet18"),)),
        Candidate((NetworkName("resnet50", 288),)),
        Candidate((NetworkName("vgg16", None, "fc7"),)),
        Candidate((NetworkName("vgg16", 256, "fc6"),)),
    )
    assert [one.text for one in found] == [
        "resnet18", "resnet50@288", "vgg16:fc7", "vgg16@256:fc6",
    ]  # fmt: skip


def test_a_mirror_doubles_them() -> None:
    found = parse_candidates("resnet18@128", mirror=True)
    assert [one.text for one in found] == ["resnet18@128", "resnet18@128 mirrored"]
    chosen = found[1].options(BackboneOptions(precision="fp32"))
    assert (chosen.backbone, chosen.mirror) == ("resnet18@128", True)
    assert (chosen.precision, chosen.weights) == ("fp32", None)


def test_joined_networks_are_one_candidate() -> None:
    (one,) = parse_candidates("resnet18+vgg16@256:fc7")
    assert one.networks == (NetworkName("resnet18"), NetworkName("vgg16", 256, "fc7"))
    assert one.text == "resnet18+vgg16@256:fc7"


def test_what_is_here_and_what_is_small_of_that() -> None:
    here, fast = parse_candidates("here"), parse_candidates("fast")
    assert Candidate((NetworkName("tf_efficientnet_lite0"),)) in fast
    assert set(fast) <= set(here)
    assert parse_candidates("fast,tf_efficientnet_lite0") == fast


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" , ", "an example: tf_efficientnet_lite0"),
        ("resnet18@big", "the size is 'big'; it must be a number of pixels"),
        ("resnet18@", "the size is ''"),
        ("resnet18@0", "image_size is 0; it must be a whole number from 1 to 4096"),
        ("resnet18:fc9", "layer is 'fc9'; it must be pooled, fc6, fc7 or last"),
        ("@224", "backbone is ''"),
    ],
)
def test_other_names_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_candidates(text)
