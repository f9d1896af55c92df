"""The server's way through a model gives what `headstart predict` gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.tiny_classifier import LABELS, classifier

from headstart import load
from headstart.errors import ImageError, UsageError
from headstart.export.onnx_export import export_onnx
from headstart.images.source import EncodedImage, LocalFile
from headstart.model_dir import load_model, save_model
from headstart.options import EmbedOptions, ServeOptions
from headstart.outputs.own_files import EXPLANATION_SIGN
from headstart.serve.model_facts import model_facts
from headstart.serve.predictor import Computing, Explainer, TrainedPredictor, open_predictor


@pytest.fixture
def model(pictures: Sequence[Path], tmp_path: Path) -> Path:
    classifier().fit(pictures, LABELS).save(tmp_path / "model")
    return tmp_path / "model"


def test_the_answers_are_those_of_predict(model: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    files = []
    for number, size in enumerate([(40, 300), (900, 700), (33, 33), (1, 5), (64, 48)]):
        files.append(tmp_path / f"{number}.{'jpg' if number % 2 else 'png'}")
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(files[-1])
    (tmp_path / "5.png").write_bytes(b"no picture")
    files.append(tmp_path / "5.png")
    expected = load_model(model).predict([LocalFile.at(file) for file in files])
    predictor = open_predictor(model, Computing(EmbedOptions(device="cpu")))
    found = predictor.predict([EncodedImage(file.read_bytes(), file.name) for file in files])
    assert found.errors == expected.errors
    assert found.images == tuple(file.name for file in files)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-5)
    one = predictor.predict([EncodedImage(files[1].read_bytes())])
    np.testing.assert_allclose(one.probabilities[0], expected.probabilities[1], atol=1e-5)
    broken = predictor.predict([EncodedImage(b"")])
    assert broken.errors == ("empty (0 bytes)",)


def test_an_exported_file_answers_too(model: Path, tmp_path: Path) -> None:
    trained = load_model(model)
    (tmp_path / "model.onnx").write_bytes(export_onnx(trained, opset=18))
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 256, (60, 90, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    predictor = open_predictor(tmp_path / "model.onnx", Computing(EmbedOptions(device="cpu")))
    found = predictor.predict([EncodedImage((tmp_path / "a.png").read_bytes())])
    expected = trained.predict([LocalFile.at(tmp_path / "a.png")])
    assert predictor.classes == trained.classes
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-2)  # bf16
    assert found.predicted == expected.predicted


def test_the_runtime_is_the_one_that_was_asked_for(
    pictures: Sequence[Path], tmp_path: Path
) -> None:
    classifier(precision="bf16").fit(pictures, LABELS).save(tmp_path / "model")
    told = Computing(EmbedOptions(device="cpu", runtime="torch"))
    assert open_predictor(tmp_path / "model", told).description()["runtime"] == "torch"
    other = Computing(EmbedOptions(device="cpu", runtime="openvino"))
    with pytest.raises(UsageError, match="--runtime is openvino, and the model was fitted"):
        open_predictor(tmp_path / "model", other)


def test_the_card_says_how_familiar_pictures_are_told(
    pictures: Sequence[Path], tmp_path: Path
) -> None:
    many = [*pictures] * 4
    trained = classifier(C=1.0, near_duplicates=False).fit(many, LABELS * 4).model_
    save_model(trained, tmp_path / "model")
    (tmp_path / "model.onnx").write_bytes(export_onnx(trained, opset=18))
    told = []
    for name in ("model", "model.onnx"):
        predictor = open_predictor(tmp_path / name, Computing(EmbedOptions(device="cpu")))
        told.append(model_facts(predictor, tmp_path / name, ServeOptions(), 100)["familiarity"])
    assert trained.familiarity is not None
    assert told == [trained.familiarity.facts()] * 2
    assert told[0]["unfamiliar_below"] == 0.05
    assert 0.9 <= told[0]["share_kept"] <= 1


def test_nothing_is_kept(model: Path, own_cache: Path) -> None:
    before = sorted(own_cache.rglob("*"))
    predictor = open_predictor(model, Computing())
    file = Image.new("RGB", (50, 40))
    file.save(model.parent / "new.png")
    predictor.predict([EncodedImage((model.parent / "new.png").read_bytes())])
    assert sorted(own_cache.rglob("*")) == before


def test_it_computes_as_it_is_told(model: Path) -> None:
    told = Computing(EmbedOptions(device="cpu", workers=3, embed_batch=5), max_pixels=100)
    predictor = TrainedPredictor(load_model(model), told)
    assert (predictor.threads, predictor.batch) == (3, 5)
    large = model.parent / "large.png"
    Image.new("RGB", (50, 40)).save(large)
    (error,) = predictor.predict([EncodedImage(large.read_bytes())]).errors
    assert "limit of 100" in error
    assert predictor.description()["backbone"] == "test_resnet"
    small = Computing(EmbedOptions(device="cpu", memory_limit=5000))
    (error,) = open_predictor(model, small).predict([EncodedImage(large.read_bytes())]).errors
    assert "more than --memory-limit 5,000" in error


def test_a_folders_model_explains_and_an_exported_one_does_not(
    model: Path, pictures: Sequence[Path], tmp_path: Path
) -> None:
    predictor = open_predictor(model, Computing(EmbedOptions(device="cpu")))
    assert isinstance(predictor, Explainer)
    image = LocalFile.at(pictures[0])
    shown = predictor.explain(image, "blue").png()
    assert EXPLANATION_SIGN.encode() in shown
    assert shown == load(model, device="cpu").explain(pictures[0], "blue").png()
    assert shown != predictor.explain(image, None).png()
    with pytest.raises(ImageError, match="empty"):
        predictor.explain(EncodedImage(b""), None)
    (tmp_path / "model.onnx").write_bytes(export_onnx(load_model(model), opset=18))
    exported = open_predictor(tmp_path / "model.onnx", Computing(EmbedOptions(device="cpu")))
    assert not isinstance(exported, Explainer)
