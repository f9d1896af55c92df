"""A model folder whose parts were edited, swapped, damaged or locked away is refused, with why."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from headstart.backbones.opening import open_backbone
from headstart.errors import ModelFolderError
from headstart.heads.catalogue import make_head
from headstart.heads.familiarity_fit import fit_familiarity
from headstart.model_dir import _content_digest, load_model, save_model
from headstart.options import BackboneOptions, HeadOptions
from headstart.recipes.trained_model import TrainedModel


def fitted(head: str) -> TrainedModel:
    options = BackboneOptions(
        backbone="test_resnet", random_weights=True, precision="fp32", image_size=32
    )
    backbone = open_backbone(options, device="cpu")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, backbone.info.feature_size)).astype(np.float32)
    X[:30, :20] += 1
    learner = make_head(HeadOptions(head=head), 0)  # type: ignore[arg-type]
    learner.fit(X, np.repeat([0, 1], 30))
    familiarity = fit_familiarity(X, np.repeat([0, 1], 30), None, 0)
    return TrainedModel(
        backbone, learner.fitted_, ("cat, small", "dög"), 1.7, familiarity=familiarity
    )


def rewritten(folder: Path, **values: object) -> None:
    file = folder / "headstart.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def with_arrays(folder: Path, **changes: object) -> None:
    """Replace the first number of some of the head's arrays."""
    arrays = load_file(folder / "head.safetensors")
    for name, value in changes.items():
        arrays[name].flat[0] = value
    save_file(arrays, folder / "head.safetensors")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_model(fitted("linear"), tmp_path / "saved")
    return tmp_path / "saved"


@pytest.mark.parametrize(
    "values",
    [
        {"classes": ["dög", "cat, small"]},
        {"temperature": 1.71},
        {"head_options": {"strength": 2.0, "class_weights": "none", "random_state": 0}},
        {"digest": "0" * 32},
    ],
)
def test_an_edited_description_is_refused(saved: Path, values: dict[str, object]) -> None:
    load_model(saved, device="cpu")
    rewritten(saved, **values)
    with pytest.raises(ModelFolderError, match=r"is damaged: headstart\.json and head\."):
        load_model(saved, device="cpu")


def test_an_edited_preprocessing_is_refused(saved: Path) -> None:
    backbone = json.loads((saved / "headstart.json").read_text())["backbone"]
    backbone["preprocessing"]["mean"][0] += 0.1
    rewritten(saved, backbone=backbone)
    with pytest.raises(ModelFolderError, match="not as they were saved"):
        load_model(saved, device="cpu")


@pytest.mark.parametrize("head", ["linear", "svm", "knn", "mlp"])
def test_another_models_head_is_refused(head: str, tmp_path: Path) -> None:
    model = fitted(head)
    save_model(model, tmp_path / "a")
    name = "rows" if head == "knn" else "mean"
    arrays = model.head.to_arrays()
    arrays[name] = arrays[name] + 0.001
    other = replace(model, head=type(model.head).from_arrays(arrays, np.arange(2)))
    save_model(other, tmp_path / "b")
    shutil.copy(tmp_path / "b" / "head.safetensors", tmp_path / "a" / "head.safetensors")
    with pytest.raises(ModelFolderError, match="not as they were saved"):
        load_model(tmp_path / "a", device="cpu")


def test_a_flipped_bit_in_any_tensor_is_refused(saved: Path) -> None:
    for name in FILES[1:]:
        whole = (saved / name).read_bytes()
        start = 8 + int.from_bytes(whole[:8], "little")
        for place in (start, (start + len(whole)) // 2, len(whole) - 8):
            content = bytearray(whole)
            content[place] ^= 1
            (saved / name).write_bytes(bytes(content))
            with pytest.raises(ModelFolderError, match="damaged"):
                load_model(saved, device="cpu")
        (saved / name).write_bytes(whole)
    load_model(saved, device="cpu")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": 0}, "temperature is 0, expected a positive"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": float("inf")}, "temperature is inf"),
        ({"temperature": "1.7"}, "temperature is '1.7'"),
        ({"temperature": None}, "temperature is None"),
        ({"classes": "ab"}, "classes are 'ab'"),
        ({"classes": [1, 2]}, r"classes are \[1, 2\]"),
        ({"classes": ["a", "a"]}, "classes are"),
        ({"classes": {"a": 0, "b": 1}}, "classes are"),
    ],
)
def test_a_description_that_cannot_be_is_refused(
    saved: Path, values: dict[str, object], message: str
) -> None:
    rewritten(saved, **values)
    with pytest.raises(ModelFolderError, match=f"damaged: {message}"):
        load_model(saved, device="cpu")


@pytest.mark.parametrize(("key", "value"), [("precision", "fp8"), ("layer", "fc9"), ("layer", 3)])
def test_an_unknown_precision_or_layer_is_refused(saved: Path, key: str, value: object) -> None:
    backbone = json.loads((saved / "headstart.json").read_text())["backbone"]
    rewritten(saved, backbone={**backbone, key: value})
    with pytest.raises(ModelFolderError, match=f"damaged: .*{key} is {value!r}, expected"):
        load_model(saved, device="cpu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": 0.0}, "1 of 96 numbers of 'scale' are not finite and above 0"),
        ({"scale": -1.0}, "'scale' are not finite and above 0"),
        ({"coef": float("nan")}, "1 of 192 numbers of 'coef' are not finite"),
        ({"intercept": float("inf")}, "1 of 2 numbers of 'intercept' are not finite"),
        ({"mean": float("-inf")}, "'mean' are not finite"),
        ({"C": float("nan")}, "'C' are not above 0"),
    ],
)
def test_numbers_that_no_fit_gives_are_refused(
    saved: Path, changes: dict[str, float], message: str
) -> None:
    with_arrays(saved, **changes)
    with pytest.raises(ModelFolderError, match=rf"head\.safetensors is damaged: .*{message}"):
        load_model(saved, device="cpu")


FILES = ["headstart.json", "head.safetensors", "familiar.safetensors", "model.safetensors"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_read_is_not_called_missing(saved: Path, name: str) -> None:
    (saved / name).rename(saved / "kept")
    (saved / name).mkdir()
    with pytest.raises(ModelFolderError, match=rf"{name} cannot be read: Is a directory"):
        load_model(saved, device="cpu")


@pytest.mark.parametrize("name", FILES)
def test_a_file_without_permission_says_so(
    saved: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = io.open

    def guarded(file: object, *rest: object, **more: object) -> object:
        if str(file).endswith(name):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
        return opened(file, *rest, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(io, "open", guarded)  # chmod does not stop a superuser's tests
    with pytest.raises(ModelFolderError, match=rf"{name} cannot be read: Permission denied"):
        load_model(saved, device="cpu")


@pytest.mark.parametrize("name", [*FILES, "config.json"])
def test_what_is_no_regular_file_is_refused_at_once(saved: Path, name: str) -> None:
    (saved / name).unlink()
    os.mkfifo(saved / name)
    with pytest.raises(ModelFolderError, match=rf"{name} is no regular file"):
        load_model(saved, device="cpu")
    (saved / name).unlink()
    (saved / name).symlink_to("/dev/zero")
    with pytest.raises(ModelFolderError, match=rf"{name} is no regular file"):
        load_model(saved, device="cpu")


@pytest.mark.parametrize("name", [*FILES, "config.json"])
def test_a_file_beyond_the_limit_is_refused_unread(saved: Path, name: str) -> None:
    with (saved / name).open("wb") as file:
        file.truncate(100_000_000_000)  # sparse
    with pytest.raises(ModelFolderError, match=rf"{name} has 100,000,000,000 bytes, more than"):
        load_model(saved, device="cpu")


def test_what_timm_reads_stands_under_the_digest(saved: Path) -> None:
    config = saved / "config.json"
    whole = config.read_text()
    assert '"cat, small"' in whole
    config.write_text(whole.replace("cat, small", "dog"))
    with pytest.raises(ModelFolderError, match=r"config\.json is damaged or was edited"):
        load_model(saved, device="cpu")
    config.unlink()
    with pytest.raises(ModelFolderError, match=r"config\.json is missing, which was saved"):
        load_model(saved, device="cpu")
    config.write_text(whole)
    load_model(saved, device="cpu")


def test_a_file_for_timm_that_no_save_wrote_is_refused(tmp_path: Path) -> None:
    save_model(fitted("svm"), tmp_path / "model")
    (tmp_path / "model" / "notes.txt").write_text("mine")
    load_model(tmp_path / "model", device="cpu")
    (tmp_path / "model" / "config.json").write_text("{}")
    with pytest.raises(ModelFolderError, match=r"config\.json was not saved with the model"):
        load_model(tmp_path / "model", device="cpu")


def signed(folder: Path, **backbone: object) -> None:
    """Other values in the backbone's description, as if this program had written them."""
    described = json.loads((folder / "headstart.json").read_text())
    steps = {k: v for k, v in backbone.items() if k in described["backbone"]["preprocessing"]}
    described["backbone"] |= {k: v for k, v in backbone.items() if k not in steps}
    described["backbone"]["preprocessing"] |= steps
    described["digest"] = _content_digest(described, load_file(folder / "head.safetensors"))
    (folder / "headstart.json").write_text(json.dumps(described))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": 7}, "name is 7, expected a text"),
        ({"feature_size": 10**15}, "feature_size is 1000000000000000, expected a whole number"),
        ({"feature_size": 64}, "head.safetensors does not fit the backbone"),
        ({"size": 0}, "size is 0, expected a whole number from 1"),
        ({"size": 10**9}, "size is 1000000000, expected"),
        ({"size": "32"}, "size is '32', expected"),
        ({"resize": 0}, "resize is 0, expected"),
        ({"interpolation": "cubist"}, "interpolation is 'cubist', expected nearest or"),
        ({"crop": "round"}, "crop is 'round', expected center or"),
        ({"mean": [0.5, 0.5]}, "not enough values"),
        ({"mean": [0.5, 0.5, float("nan")]}, "with which no backbone computes"),
        ({"std": [0.5, 0.5, 0.0]}, "with which no backbone computes"),
        ({"notes": [1]}, "notes and classifier must be texts"),
    ],
)
def test_each_field_of_the_backbone_is_validated(
    saved: Path, values: dict[str, object], message: str
) -> None:
    signed(saved, **values)
    with pytest.raises(ModelFolderError, match=message):
        load_model(saved, device="cpu")


@pytest.mark.parametrize("name", ["resnet18", "small_cnn", "hf-hub:someone/model", "none"])
def test_another_networks_name_is_refused_when_it_is_made(saved: Path, name: str) -> None:
    signed(saved, name=name)
    model = load_model(saved, device="cpu")  # without torch
    with pytest.raises(ModelFolderError, match=rf"not of the backbone '{name}'"):
        model.backbone.embed(np.zeros((1, 32, 32, 3), np.uint8))


def test_a_type_that_numpy_lacks_is_refused(saved: Path) -> None:
    weights = saved / "model.safetensors"
    header = b'{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}'
    weights.write_bytes(len(header).to_bytes(8, "little") + header + b"\0")
    with pytest.raises(ModelFolderError, match=r"model\.safetensors is damaged"):
        load_model(saved, device="cpu")
