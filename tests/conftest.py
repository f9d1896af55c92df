"""Small fakes that several rooms' tests share. No test needs a network or another folder's data."""

from __future__ import annotations

import copy
import functools
import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tests.warm_program import WarmProgram

from headstart.backbones.backbone import Backbone, BackboneInfo
from headstart.backbones.preprocessing import Preprocessing
from headstart.backbones.runtimes.torch_network import TorchNetwork
from headstart.cli.__main__ import COLLECT_AFTER
from headstart.errors import DataError
from headstart.export import check_pictures

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from torch import nn

SIDE = 16
gc.set_threshold(*COLLECT_AFTER)  # as the program does


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a cache folder of its own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("HEADSTART_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session", autouse=True)
def compared_pictures_drawn_once() -> Iterator[None]:
    """An export draws sixteen pictures and more to compare the answers on: always the same ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check_pictures, "_drawn", functools.cache(check_pictures._drawn))
        yield


@pytest.fixture(autouse=True)
def operators_read_once() -> None:
    """Torch's exporter reads what it knows of 1,000 operators once, not 1 s for each graph."""
    module = sys.modules.get("torch.onnx._internal.exporter._registration")
    registry = getattr(module, "ONNXRegistry", None)
    if registry is None or isinstance(registry.from_torchlib, _ReadOnce):
        return
    registry.from_torchlib = _ReadOnce(registry.from_torchlib)


class _ReadOnce:
    """The exporter's registries, each made once; who asks gets a copy that is his to change."""

    def __init__(self, plain: Callable[..., Any]) -> None:
        self._made = functools.cache(plain)

    def __call__(self, **version: int) -> Any:
        made = self._made(**version)
        copied = copy.copy(made)
        copied.functions = {target: [*found] for target, found in made.functions.items()}
        return copied


def tiny_preprocessing(resize: int = SIDE) -> Preprocessing:
    """16 pixels, of pictures whose shorter side is brought to `resize` before."""
    return Preprocessing(
        size=SIDE,
        resize=resize,
        crop="center",
        interpolation="bilinear",
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )


def describe_tiny(weights_id: str = "tiny", resize: int = SIDE) -> BackboneInfo:
    """What is known of a backbone of 8 features."""
    return BackboneInfo(
        name="tiny",
        layer="pooled",
        precision="fp32",
        preprocessing=tiny_preprocessing(resize),
        feature_size=8,
        parameters=1,
        weights_id=weights_id,
        source="made for a test",
        classifier=None,
        device="cpu",
    )


class CountingBackbone(Backbone):
    """A backbone of one convolution that counts the pictures that went through it."""

    def __init__(self, weights_id: str = "tiny", *, seed: int = 0, resize: int = SIDE) -> None:
        self.pictures = 0
        self.batches: list[int] = []
        super().__init__(describe_tiny(weights_id, resize), TinyNetwork(seed))

    def embed(self, pixels: np.ndarray) -> np.ndarray:
        self.pictures += len(pixels)
        self.batches.append(len(pixels))
        return super().embed(pixels)


@dataclass(eq=False)
class TinyNetwork(TorchNetwork):
    """One convolution with weights from a seed."""

    seed: int

    def build(self) -> nn.Module:
        from torch import nn

        from headstart.torch_random import OwnRandomNumbers

        with OwnRandomNumbers(self.seed):
            return nn.Sequential(
                nn.Conv2d(3, 8, 3),
                nn.BatchNorm2d(8),
                nn.ReLU(),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
            )


@pytest.fixture
def no_learning_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check without its fifty fits for the learning curve, which takes half of its time."""

    def none(*_: Any, **__: Any) -> None:
        raise DataError("no curve")

    monkeypatch.setattr("headstart.audit.check.learning_curve", none)


@pytest.fixture
def narrow_vgg11(monkeypatch: pytest.MonkeyPatch) -> int:
    """timm's VGG11 has the same layers by the same names with 1 weight of 30; its last channels."""
    from timm.models import vgg

    channels = 64
    plain = vgg.ConvMlp
    widths = [8, "M", 16, "M", 32, 32, "M", channels, channels, "M", channels, channels, "M"]
    monkeypatch.setitem(vgg.cfgs, "vgg11", widths)
    monkeypatch.setattr(
        vgg, "ConvMlp", lambda *sizes, **options: plain(*sizes, **{**options, "mlp_ratio": 1 / 64})
    )
    return channels


@pytest.fixture
def tiny_info() -> BackboneInfo:
    """The description of `tiny_backbone`."""
    return describe_tiny()


@pytest.fixture
def tiny_backbone() -> CountingBackbone:
    """A backbone that costs nothing and counts."""
    return CountingBackbone()


@pytest.fixture
def make_backbone() -> Callable[..., CountingBackbone]:
    """The class of `tiny_backbone`, for backbones with other weights."""
    return CountingBackbone


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Twelve pictures of 24 x 20 pixels: six reddish, six bluish, each different."""
    return draw_pictures(tmp_path / "pictures")


def draw_pictures(folder: Path) -> list[Path]:
    """The pictures of the fixture `pictures`, in a new folder."""
    folder.mkdir()
    rng = np.random.default_rng(5)
    paths = []
    for number in range(12):
        colour = (200, 60, 50) if number < 6 else (50, 60, 200)
        pixels = np.clip(np.array(colour) + rng.normal(0, 25, (20, 24, 3)), 0, 255)
        paths.append(folder / f"p{number:02d}.png")
        Image.fromarray(pixels.astype(np.uint8)).save(paths[-1])
    return paths


@pytest.fixture
def memory() -> Iterator[Any]:
    """The file system behind `memory://`, empty before and after."""
    import fsspec

    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


@pytest.fixture(scope="session")
def warm_program() -> Iterator[WarmProgram]:
    """The program in processes of its own, once for all tests."""
    program = WarmProgram(os.environ)
    yield program
    program.end()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A Chromium without a window, once for all tests."""
    found = shutil.which("chromium"), shutil.which("chromedriver")
    if None in found:
        message = "chromium and chromedriver are not installed"
        if os.environ.get("HEADSTART_NEEDS_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    driver = _start(str(found[0]), str(found[1]), tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


def _start(chromium: str, chromedriver: str, profile: Path) -> Chrome:
    from selenium.webdriver import Chrome
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = chromium
    for flag in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-dev-shm-usage", f"--user-data-dir={profile}",
    ):  # fmt: skip
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return Chrome(options=options, service=Service(chromedriver))
