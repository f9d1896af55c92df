"""A backbone stands on any runtime that keeps the protocol; nothing loads before it computes."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.embedding import embed_files

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.backbone import Backbone, BackboneInfo
from headstart.backbones.opening import open_backbone
from headstart.errors import UsageError
from headstart.options import BackboneOptions


class MeanColour:
    """A runtime without torch: the mean of each channel, and the picture as its map."""

    usual_batch = 5

    def embed(self, pixels: ByteImage) -> Float32Array:
        means: Float32Array = self.feature_map(pixels).mean(axis=(2, 3))
        return means

    def feature_map(self, pixels: ByteImage) -> Float32Array:
        if len(pixels) > 10:
            raise MemoryError
        maps = pixels.astype(np.float32).transpose(0, 3, 1, 2)
        return maps if pixels.min() != 1 else np.full_like(maps, np.nan)

    def prepare_thread(self) -> None:
        """Nothing to do."""


class Plain:
    """A network that needs no file."""

    def __init__(self) -> None:
        self.starts: list[BackboneInfo] = []

    def start(self, info: BackboneInfo) -> MeanColour:
        self.starts.append(info)
        return MeanColour()

    def tensors(self, info: BackboneInfo) -> dict[str, Any]:
        return {"nothing": np.zeros(info.feature_size, dtype=np.float32)}


@pytest.fixture
def plain(tiny_info: BackboneInfo) -> tuple[Backbone, Plain]:
    network = Plain()
    return Backbone(replace(tiny_info, feature_size=3), network), network


def test_any_runtime_that_keeps_the_protocol_serves(
    plain: tuple[Backbone, Plain], pictures: list[Path]
) -> None:
    backbone, network = plain
    assert not network.starts
    found = embed_files(pictures, backbone)
    assert network.starts == [backbone.info]
    assert found.values.shape == (12, 3)
    assert (found.values[:6, 0] > found.values[:6, 2]).all()  # the reddish ones
    assert backbone.usual_batch() == 5
    assert list(backbone.tensors()) == ["nothing"]


def test_a_copy_starts_anew(plain: tuple[Backbone, Plain]) -> None:
    backbone, _ = plain
    pixels = np.zeros((2, 16, 16, 3), dtype=np.uint8)
    expected = backbone.embed(pixels)
    copied = pickle.loads(pickle.dumps(backbone))
    assert np.array_equal(copied.embed(pixels), expected)
    assert len(copied.network.starts) == 2


def test_errors_of_a_runtime_say_what_to_do(plain: tuple[Backbone, Plain]) -> None:
    backbone, _ = plain
    for compute in (backbone.embed, backbone.feature_map):
        with pytest.raises(UsageError, match=r"not enough memory for 12 pictures of 16 x 16 .* 6$"):
            compute(np.zeros((12, 16, 16, 3), dtype=np.uint8))
        with pytest.raises(UsageError, match="not finite; try --precision fp32"):
            compute(np.ones((2, 16, 16, 3), dtype=np.uint8))
    with pytest.raises(UsageError, match="tiny has no torch network"):
        _ = backbone.module


def test_a_forked_process_starts_anew_and_an_accelerators_is_refused(
    plain: tuple[Backbone, Plain], monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone, network = plain
    on_gpu = Backbone(replace(backbone.info, device="cuda:0"), Plain())
    pixels = np.zeros((2, 16, 16, 3), dtype=np.uint8)
    expected = backbone.embed(pixels)
    on_gpu.embed(pixels)
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    assert np.array_equal(backbone.embed(pixels), expected)
    assert len(network.starts) == 2
    with pytest.raises(UsageError, match=r'on cuda:0 before this process was forked.*"spawn"'):
        on_gpu.embed(pixels)
    assert Backbone(on_gpu.info, Plain()).embed(pixels).shape == (2, 3)  # first used here


RESTORE = """
import json, sys

class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "timm", "torchvision"):
            raise ImportError(f"{name} is loaded")

sys.meta_path.insert(0, Forbid())
from pathlib import Path
from headstart.backbones.backbone import BackboneInfo
from headstart.backbones.opening import restore_backbone

info = BackboneInfo.from_json(json.loads(sys.argv[1]))
backbone = restore_backbone(info, Path("not read yet.safetensors"), device="cpu")
print(backbone.info.name, backbone.info.fingerprint)
"""


def test_restoring_and_asking_loads_neither_torch_nor_timm() -> None:
    options = BackboneOptions(backbone="test_resnet", random_weights=True)
    info = open_backbone(options, device="cpu").info
    command = [sys.executable, "-c", RESTORE, json.dumps(info.to_json())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [info.name, info.fingerprint], done.stderr
