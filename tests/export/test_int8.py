"""Eight bits are measured on the pictures at hand, and refused where they cost too much."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.export.conftest import CLASSES

from headstart.errors import ExportError
from headstart.export.check_pictures import GivenPictures
from headstart.export.exported_model import load_exported
from headstart.export.int8 import Loss, quantised
from headstart.export.onnx_export import notes
from headstart.outputs.own_files import is_exported_model
from headstart.recipes.trained_model import TrainedModel


@pytest.fixture(scope="module")
def given(model: TrainedModel) -> GivenPictures:
    prepared = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    best = model.probabilities(model.backbone.embed(prepared)).argmax(axis=1)
    return GivenPictures((), prepared, tuple(CLASSES[place] for place in best))


@pytest.fixture(scope="module")
def loss(model: TrainedModel, exported: Path, given: GivenPictures) -> Loss:
    return quantised(exported.read_bytes(), model, given, notes(model, None, "int8"))


def test_the_file_is_smaller_and_a_model_of_this_program(
    loss: Loss, model: TrainedModel, given: GivenPictures, tmp_path: Path
) -> None:
    assert loss.bytes_after == len(loss.content) < loss.bytes_before
    (tmp_path / "m.onnx").write_bytes(loss.content)
    assert is_exported_model(tmp_path / "m.onnx")
    again = load_exported(tmp_path / "m.onnx")
    assert again.backbone.info.precision == "int8"
    exact = model.probabilities(model.backbone.embed(given.prepared))
    gap = np.abs(again.probabilities(again.backbone.embed(given.prepared)) - exact).max()
    assert gap == pytest.approx(loss.largest, abs=1e-5)


def test_what_it_costs_is_said_and_bounded(loss: Loss) -> None:
    assert (loss.pictures, loss.labelled, loss.before) == (12, True, 1.0)
    assert "int8 on 12 pictures: accuracy 1.000 to" in loss.lines()[0]
    assert "bytes, one picture on one core" in loss.lines()[1]
    bad = replace(loss, after=0.9)
    bad.require(0.1 + 1e-9)
    with pytest.raises(ExportError, match=r"costs 0\.100 of accuracy on 12 pictures .* 0\.05;"):
        bad.require(0.05)
    with pytest.raises(ExportError, match="of agreement on"):
        replace(bad, labelled=False).require(0)


def test_without_labels_the_answers_in_fp32_count(
    model: TrainedModel, exported: Path, given: GivenPictures
) -> None:
    said = notes(model, None, "int8")
    for labels in (None, ("other",) * 12):
        unlabelled = replace(given, labels=labels)
        found = quantised(exported.read_bytes(), model, unlabelled, said)
        assert (found.labelled, found.before) == (False, 1.0)
