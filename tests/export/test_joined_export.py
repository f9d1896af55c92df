"""Joined networks in one file: each with its own resize, one head, the model's own answers."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from tests.conftest import SIDE, TinyNetwork, describe_tiny
from tests.export.conftest import CLASSES, fitted_familiarity, fitted_head, tiny_model
from tests.export.test_exported_model import PROGRAM, without_torch
from tests.export.test_onnx_export import session
from tests.kept_lines import KeptLines

from headstart.backbones.backbone import Backbone
from headstart.backbones.joining import embed_prepared, join_backbones, prepared_for_each
from headstart.errors import ModelFolderError
from headstart.export.exported_model import load_exported
from headstart.export.onnx_export import export_onnx, finished
from headstart.export.onnx_pieces import head_piece, network_piece
from headstart.export.protobuf import DamagedError
from headstart.images.source import EncodedImage, local_files
from headstart.options import EmbedOptions
from headstart.recipes.trained_model import TrainedModel
from headstart.serve.predictor import Computing, open_predictor


def joined_model(
    head: str = "linear", mirror: bool = False, *, least: bool = False
) -> TrainedModel:
    if least:  # of one convolution each
        infos = [replace(describe_tiny(str(one), SIDE + one), mirror=mirror) for one in (0, 5)]
        networks = [Backbone(info, TinyNetwork(seed)) for seed, info in enumerate(infos)]
    else:
        networks = [
            tiny_model(size=32, mirror=mirror).backbone,
            tiny_model(backbone="test_efficientnet", size=48, mirror=mirror).backbone,
        ]
    backbone = join_backbones(networks)
    features = backbone.info.feature_size
    familiarity = fitted_familiarity(features)
    return TrainedModel(
        backbone, fitted_head(head, features), CLASSES, 1.7, familiarity=familiarity
    )


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedModel, Path, KeptLines]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(tmp_path_factory.mktemp("cache")))
        model, said = joined_model(), KeptLines()
        path = tmp_path_factory.mktemp("joined") / "model.onnx"
        path.write_bytes(export_onnx(model, opset=18, progress=said))
        return model, path, said


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Of several sizes; a large JPEG, which each network has decoded at a scale of its own."""
    rng = np.random.default_rng(2)
    made = []
    for number, size in enumerate(((40, 31), (33, 90), (90, 101), (5, 3))):
        made.append(tmp_path / f"p{number}.{'jpg' if number == 2 else 'png'}")
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(made[-1])
    return made


def test_one_picture_goes_through_both_networks(
    joined: tuple[TrainedModel, Path, KeptLines],
) -> None:
    model, path, said = joined
    assert any("all of the resized bytes are Pillow's" in line for line in said.lines)
    assert any("familiar is the model's" in line for line in said.lines)
    assert not any("where nothing is resized" in line for line in said.lines)  # 32 and 48 pixels
    ready = session(path.read_bytes())
    assert [item.name for item in ready.get_inputs()] == ["image"]
    assert [item.name for item in ready.get_outputs()] == ["probabilities", "label", "familiar"]
    rng = np.random.default_rng(3)
    for height, width in ((50, 41), (33, 90), (64, 64)):
        images = rng.integers(0, 256, (3, height, width, 3), dtype=np.uint8)
        features = embed_prepared(model.backbone, prepared_for_each(model.backbone, images))
        found, label, familiar = ready.run(None, {"image": images})
        assert np.abs(found - model.probabilities(features)).max() < 1e-5
        assert label.tolist() == found.argmax(axis=1).tolist()
        assert model.familiarity is not None
        assert familiar.tolist() == pytest.approx(model.familiarity.of(features).tolist())


@pytest.mark.parametrize(("head", "mirror"), [("svm", False), ("knn", True), ("mlp", False)])
def test_other_heads_and_mirrored_pictures(
    head: str, mirror: bool, tmp_path: Path, photos: Sequence[Path]
) -> None:
    model = joined_model(head, mirror, least=True)
    (tmp_path / "model.onnx").write_bytes(export_onnx(model, opset=18))
    files = local_files(list(photos))
    found = load_exported(tmp_path / "model.onnx").predict(files)
    expected = model.predict(files, options=EmbedOptions(device="cpu"))
    assert np.abs(found.probabilities - expected.probabilities).max() < 1e-5


def test_the_file_answers_as_the_model(
    joined: tuple[TrainedModel, Path, KeptLines], photos: Sequence[Path]
) -> None:
    model, path, _ = joined
    files = local_files(list(photos))
    expected = model.predict(files, options=EmbedOptions(device="cpu"))
    again = load_exported(path)
    assert again.backbone.info.name == model.backbone.info.name
    for copied in (again, pickle.loads(pickle.dumps(again))):
        for options in (EmbedOptions(), EmbedOptions(), EmbedOptions(cache=False, workers=3)):
            found = copied.predict(files, options=options)
            assert np.abs(found.probabilities - expected.probabilities).max() < 1e-5
            assert found.familiar == pytest.approx(expected.familiar)
    predictor = open_predictor(path, Computing(EmbedOptions(device="cpu")))
    served = predictor.predict([EncodedImage(file.read_bytes()) for file in photos])
    assert np.abs(served.probabilities - expected.probabilities).max() < 1e-5
    assert again.familiarity is not None and model.familiarity is not None
    assert again.familiarity.facts() == model.familiarity.facts()


def test_the_program_predicts_without_torch(
    joined: tuple[TrainedModel, Path, KeptLines], photos: Sequence[Path], tmp_path: Path
) -> None:
    words = ("predict", joined[1], photos[0], "--out", tmp_path / "answers.csv")
    assert without_torch(PROGRAM, *words) == (0, "")


def test_a_damaged_or_another_file_is_refused(
    joined: tuple[TrainedModel, Path, KeptLines], tmp_path: Path
) -> None:
    content = joined[1].read_bytes()
    (tmp_path / "other.onnx").write_bytes(content[:-2000])
    with pytest.raises(ModelFolderError):
        load_exported(tmp_path / "other.onnx")
    with pytest.raises(DamagedError, match="no graph"):
        head_piece(b"")
    pieces = [network_piece(content, 1), network_piece(content, 2), head_piece(content)]
    assert sum(map(len, pieces)) < len(content)
    made = onnx.load_from_string(content)
    networks = json.loads(next(p.value for p in made.metadata_props if p.key.endswith("networks")))
    of_five = onnx.load_from_string(content)
    (known,) = (item for item in of_five.graph.value_info if item.name == "features")
    known.type.tensor_type.shape.dim[1].dim_value = 5
    for graph, described in (
        (made, [*networks, networks[0]]),
        (made, networks[:1]),
        (made, [{**networks[0], "feature_size": 3}] * 2),
        (of_five, networks),
    ):
        changed = onnx.ModelProto()
        changed.CopyFrom(graph)
        kept = {p.key: p.value for p in changed.metadata_props if not p.key.endswith("digest")}
        kept["headstart.networks"] = json.dumps(described)
        del changed.metadata_props[:]
        onnx.helper.set_model_props(changed, kept)
        (tmp_path / "other.onnx").write_bytes(finished(changed))
        with pytest.raises(ModelFolderError, match=r"is damaged|cannot be run"):
            load_exported(tmp_path / "other.onnx")
