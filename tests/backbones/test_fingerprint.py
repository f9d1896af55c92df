"""Whatever can change a feature changes the cache's key, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.embedding import embed_files

from headstart.arrays import ByteImage
from headstart.backbones import device, fingerprint
from headstart.backbones.backbone import BackboneInfo
from headstart.backbones.preprocessing import Preprocessing
from headstart.backbones.runtimes.runtime import ARITHMETIC, Arithmetic
from headstart.images.decode import DECODE_VERSION, decode
from headstart.progress import Quiet

Patch = pytest.MonkeyPatch
Change = Callable[[BackboneInfo, Patch], BackboneInfo | None]


def steps(**changes: Any) -> Change:
    return lambda info, _: replace(info, preprocessing=replace(info.preprocessing, **changes))


def field(**changes: Any) -> Change:
    return lambda info, _: replace(info, **changes)


def arithmetic(**changes: Any) -> Change:
    def change(info: BackboneInfo, patch: Patch) -> None:
        patch.setitem(ARITHMETIC, "torch", replace(ARITHMETIC["torch"], **changes))

    return change


def installed(package: str) -> Change:
    def change(info: BackboneInfo, patch: Patch) -> None:
        changed = {package: version(package) + ".post1"}
        patch.setattr(fingerprint, "version", lambda name: changed.get(name) or version(name))

    return change


def decoding_rule(info: BackboneInfo, patch: Patch) -> None:
    patch.setattr(fingerprint, "DECODE_VERSION", DECODE_VERSION + 1)


def another_jpeg_library(info: BackboneInfo, patch: Patch) -> None:
    patch.setattr(fingerprint, "decode", lambda *a, **k: decode(*a, **k) ^ 1)


def another_reduced_decoding(info: BackboneInfo, patch: Patch) -> None:
    def changed(content: bytes, *, minimum_side: int | None) -> ByteImage:
        return decode(content, minimum_side=minimum_side) ^ np.uint8(minimum_side is not None)

    patch.setattr(fingerprint, "decode", changed)


def another_resize(info: BackboneInfo, patch: Patch) -> None:
    plain = Image.Image.resize

    def resize(self: Image.Image, *args: Any, **names: Any) -> Image.Image:
        return Image.fromarray(np.asarray(plain(self, *args, **names)) ^ 1)

    patch.setattr(Image.Image, "resize", resize)


def another_runtime(info: BackboneInfo, patch: Patch) -> BackboneInfo:
    patch.setitem(ARITHMETIC, "other", ARITHMETIC["torch"])
    return replace(info, runtime="other")


# By the key's part that must show it.
CHANGES: dict[str, list[Change]] = {
    "name": [field(name="resnet18")],
    "layer": [field(layer="fc7")],
    "weights": [field(weights_id="other")],
    "preprocessing": [
        steps(size=12),
        steps(resize=20),
        steps(crop="squash"),
        steps(crop="border"),
        steps(interpolation="bicubic"),
        steps(mean=(0.5, 0.5, 0.4)),
        steps(std=(0.5, 0.5, 0.4)),
    ],
    "mirror": [field(mirror=True)],
    "decode": [decoding_rule],
    "pixels": [another_jpeg_library, another_reduced_decoding, another_resize],
    "precision": [field(precision="bf16")],
    "device": [field(device="cuda:1"), field(device="mps")],
    "runtime": [another_runtime],
    "steps": [
        arithmetic(steps={**ARITHMETIC["torch"].steps, name: 99})
        for name in ARITHMETIC["torch"].steps
    ],
    "packages": [installed(name) for name in ARITHMETIC["torch"].packages],
}


@pytest.fixture
def info(tiny_info: BackboneInfo) -> BackboneInfo:
    return tiny_info


@pytest.fixture(autouse=True)
def measured_anew() -> Iterator[None]:
    """Each test measures what its own libraries make of the picture."""
    fingerprint._prepared_probe.cache_clear()
    yield
    fingerprint._prepared_probe.cache_clear()


def test_every_part_of_the_key_has_its_change(info: BackboneInfo) -> None:
    assert set(fingerprint.feature_key(replace(info, mirror=True))) == set(CHANGES)
    assert set(Arithmetic.__dataclass_fields__) == {"steps", "packages"}
    assert {"torch", "timm"} == set(ARITHMETIC["torch"].packages)
    assert "batch_norm_folding" in ARITHMETIC["torch"].steps


@pytest.mark.parametrize(
    ("part", "change"), [(part, change) for part, changes in CHANGES.items() for change in changes]
)
def test_a_change_gives_another_key(
    part: str, change: Change, info: BackboneInfo, monkeypatch: Patch
) -> None:
    before, key = info.fingerprint, fingerprint.feature_key(info)
    fingerprint._prepared_probe.cache_clear()
    changed = change(info, monkeypatch) or info
    assert changed.fingerprint != before
    assert fingerprint.feature_key(changed)[part] != key.get(part)


def test_what_changes_no_feature_gives_the_same_key(info: BackboneInfo, monkeypatch: Patch) -> None:
    before = info.fingerprint
    fingerprint._prepared_probe.cache_clear()
    assert info.fingerprint == before
    assert replace(info, source="another file", notes=("a note",)).fingerprint == before
    monkeypatch.setattr(device, "choose_device", lambda _: "cpu")
    assert replace(info, device="auto").fingerprint == before
    assert replace(info, device="cuda:0").fingerprint == replace(info, device="cuda").fingerprint


def test_descriptions_of_saved_models_have_nothing_of_this_machine(info: BackboneInfo) -> None:
    saved = replace(info, device="cuda:3").to_json()
    assert list(saved) == [
        "name",
        "layer",
        "precision",
        "preprocessing",
        "feature_size",
        "parameters",
        "weights_id",
        "source",
        "classifier",
        "notes",
    ]  # fmt: skip - format 1, which older versions wrote and read
    again = BackboneInfo.from_json(saved)
    assert again == info
    assert (again.runtime, again.device) == ("torch", "auto")


class Notes(Quiet):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def test_features_of_an_older_rule_are_computed_again_without_a_word(
    pictures: list[Path], tiny_backbone: Any, monkeypatch: Patch
) -> None:
    notes = Notes()
    with monkeypatch.context() as older:
        older.setattr(fingerprint, "DECODE_VERSION", 0)
        assert embed_files(pictures, tiny_backbone, progress=notes).computed == 12
        assert embed_files(pictures, tiny_backbone, progress=notes).computed == 0
    assert embed_files(pictures, tiny_backbone, progress=notes).computed == 12
    assert embed_files(pictures, tiny_backbone, progress=notes).computed == 0
    assert not notes.lines


def test_the_probe_is_prepared_whole_and_reduced(info: BackboneInfo, monkeypatch: Patch) -> None:
    """As a small picture is, and a photograph that is much larger than the input."""
    seen: list[tuple[int, ...]] = []
    plain = Preprocessing.prepare

    def prepare(self: Preprocessing, rgb: ByteImage) -> ByteImage:
        seen.append(rgb.shape)
        return plain(self, rgb)

    monkeypatch.setattr(Preprocessing, "prepare", prepare)
    _ = info.fingerprint
    height, width = fingerprint.PROBE_SIZE
    assert seen == [(height, width, 3), (height // 2, width // 2, 3)]
