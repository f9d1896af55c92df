"""Networks whose features stand side by side: as each alone, kept as each alone."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.embedding import embed_files

from headstart.backbones.backbone import Backbone, BackboneInfo
from headstart.backbones.opening import open_backbone
from headstart.errors import UsageError
from headstart.options import BackboneOptions, EmbedOptions

JOINED = "test_resnet@32+test_efficientnet@48"


def opened(name: str, **more: Any) -> Backbone:
    options = BackboneOptions(backbone=name, random_weights=True, precision="fp32", **more)
    return open_backbone(options, device="cpu")


@pytest.mark.parametrize("mirror", [False, True])
def test_the_features_are_those_of_each_side_by_side(mirror: bool, pictures: list[Path]) -> None:
    plain = EmbedOptions(device="cpu", cache=False, views=2)
    parts = [
        embed_files(pictures, opened(name, mirror=mirror), plain) for name in JOINED.split("+")
    ]
    whole = embed_files(pictures, opened(JOINED, mirror=mirror), plain)
    assert np.array_equal(whole.values, np.concatenate([one.values for one in parts], axis=1))
    assert np.array_equal(whole.views, np.concatenate([one.views for one in parts], axis=2))
    assert whole.digests == parts[0].digests


def test_what_was_kept_of_each_alone_is_found(pictures: list[Path]) -> None:
    options = EmbedOptions(device="cpu")
    first, second = (opened(name) for name in JOINED.split("+"))
    embed_files(pictures, first, options)
    assert embed_files(pictures, opened(JOINED), options).computed == len(pictures)
    assert embed_files(pictures, second, options).computed == 0
    whole = opened(JOINED)
    assert embed_files(pictures, whole, options).computed == 0
    assert not any(part.network.is_loaded for part in opened(JOINED).parts)  # type: ignore[attr-defined]


def test_a_picture_that_cannot_be_read_has_its_error_once(
    pictures: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"none")
    found = embed_files([pictures[0], bad], opened(JOINED), EmbedOptions(device="cpu"))
    assert found.errors[0] == "" and found.errors[1]
    assert np.isfinite(found.values[0]).all() and np.isnan(found.values[1]).all()


def test_what_is_known_of_the_whole() -> None:
    whole = opened(JOINED)
    one, two = whole.parts
    info = whole.info
    assert info.name == JOINED
    assert info.feature_size == one.info.feature_size + two.info.feature_size
    assert info.parameters == one.info.parameters + two.info.parameters
    assert (info.classifier, info.preprocessing.size, info.mirror) == (None, 48, False)
    assert info.fingerprint not in (one.info.fingerprint, two.info.fingerprint)
    other = opened("+".join(reversed(JOINED.split("+"))))
    assert other.info.fingerprint != info.fingerprint
    saved = json.loads(json.dumps(info.to_json()))
    assert BackboneInfo.from_json(saved) == info
    assert opened("test_resnet@32").parts[0].info == one.info
    assert "parts" not in one.info.to_json()
    assert whole.usual_batch() == min(part.usual_batch() for part in whole.parts)
    assert set(whole.tensors()) == {
        f"{number}.{name}" for number, part in enumerate((one, two), 1) for name in part.tensors()
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("feature_size", 7),
        ("name", "other"),
        ("weights_id", "0" * 64),
        ("parts", []),
        ("parts", "none"),
        ("mirror", True),
    ],
)
def test_a_description_that_its_parts_do_not_give_is_refused(field: str, value: Any) -> None:
    saved = json.loads(json.dumps(opened(JOINED).info.to_json()))
    saved[field] = value
    with pytest.raises((ValueError, TypeError, KeyError)):
        BackboneInfo.from_json(saved)


def test_joined_ones_in_joined_ones_are_refused() -> None:
    saved = json.loads(json.dumps(opened(JOINED).info.to_json()))
    saved["parts"][0] = json.loads(json.dumps(saved))
    with pytest.raises(ValueError, match="2 parts are joined, expected 2 to 3 networks"):
        BackboneInfo.from_json(saved)


def test_copies_compute_the_same(pictures: list[Path]) -> None:
    whole = opened(JOINED)
    options = EmbedOptions(device="cpu", cache=False)
    expected = embed_files(pictures[:3], whole, options).values
    for copied in (pickle.loads(pickle.dumps(whole)), copy.deepcopy(whole)):
        assert np.array_equal(embed_files(pictures[:3], copied, options).values, expected)


def test_what_needs_one_network_says_so() -> None:
    whole = opened(JOINED)
    pixels = np.zeros((1, 48, 48, 3), dtype=np.uint8)
    with pytest.raises(UsageError, match="joins 2 networks, each with a picture prepared for it"):
        whole.embed(pixels)
    with pytest.raises(UsageError, match="there is no one map of features; take one network"):
        whole.feature_map(pixels)
    with pytest.raises(UsageError, match="has no torch network here"):
        _ = whole.module
