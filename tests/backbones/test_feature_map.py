"""The last map before the pooling: its mean over the picture is the features, where it is so."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.arrays import ByteImage
from headstart.backbones.backbone import Backbone, BackboneInfo
from headstart.backbones.opening import HeldNetwork, open_backbone
from headstart.backbones.small_cnn import SmallCNNBackbone, feature_size
from headstart.errors import UsageError
from headstart.options import BackboneOptions, LayerName, PrecisionName

SIDE = 96


def opened(name: str, precision: PrecisionName = "fp32", layer: LayerName = "pooled") -> Backbone:
    options = BackboneOptions(
        backbone=name, random_weights=True, precision=precision, layer=layer, image_size=SIDE
    )
    return open_backbone(options, device="cpu")


def pixels(count: int, side: int = SIDE) -> ByteImage:
    return np.random.default_rng(4).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


# The share of the largest feature by which a mean taken in fp32 here may differ from the network's.
TOLERANCE = {"fp32": 1e-5, "bf16": 2**-7}


@pytest.mark.usefixtures("narrow_vgg11")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "resnet18", "vgg11"])
def test_the_mean_of_the_map_is_the_features(name: str, precision: PrecisionName) -> None:
    """For the networks that average their last map; EfficientNet's comes after its last layer."""
    backbone = opened(name, precision)
    features, maps = backbone.embed(pixels(3)), backbone.feature_map(pixels(3))
    assert maps.dtype == np.float32
    assert maps.shape == (3, backbone.info.feature_size, SIDE // 32, SIDE // 32)
    difference = np.abs(maps.mean(axis=(2, 3)) - features).max()
    assert difference <= TOLERANCE[precision] * np.abs(features).max()
    assert np.ptp(maps, axis=(2, 3)).max() > 0  # a map, and not its mean repeated


def test_a_network_with_layers_after_the_pooling_gives_the_map_before_it() -> None:
    backbone = opened("mobilenetv3_small_050")
    assert backbone.embed(pixels(2)).shape == (2, 1024)
    assert backbone.feature_map(pixels(2)).shape == (2, 288, SIDE // 32, SIDE // 32)


def test_channels_come_first_where_the_network_has_them_last() -> None:
    backbone = opened("test_mambaout")
    assert backbone.feature_map(pixels(2)).shape == (2, 64, SIDE // 32, SIDE // 32)


def test_every_layer_of_vgg_has_the_last_convolutions_map(narrow_vgg11: int) -> None:
    pooled, fc6 = opened("vgg11").feature_map(pixels(2)), opened("vgg11", layer="fc6")
    assert fc6.embed(pixels(2)).shape == (2, 4096 // 64)
    shape = (2, narrow_vgg11, SIDE // 32, SIDE // 32)
    assert fc6.feature_map(pixels(2)).shape == pooled.shape == shape


def test_the_small_cnns_features_are_its_map_laid_flat(tiny_info: BackboneInfo) -> None:
    backbone = Backbone(tiny_info, HeldNetwork(SmallCNNBackbone()))
    side = tiny_info.preprocessing.size
    features, maps = (f(pixels(2, side)) for f in (backbone.embed, backbone.feature_map))
    assert features.shape == (2, feature_size(side))
    assert np.array_equal(maps.reshape(2, -1), features)


def test_a_lone_pictures_map_is_the_same_as_among_others() -> None:
    backbone = opened("test_resnet")
    together = backbone.feature_map(pixels(20))
    alone = [backbone.feature_map(pixels(20)[row : row + 1])[0] for row in (0, 7, 19)]
    assert np.array_equal(together[[0, 7, 19]], alone)


def test_a_network_of_tokens_has_no_map_and_says_what_has() -> None:
    backbone = open_backbone(BackboneOptions(backbone="test_vit", random_weights=True))
    side = backbone.info.preprocessing.size
    with pytest.raises(UsageError, match=r"test_vit has no map .*\(2, 101, 64\).*take a conv"):
        backbone.feature_map(pixels(2, side))
