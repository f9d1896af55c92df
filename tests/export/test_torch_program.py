"""A program of torch answers as the model does, with every head."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.conftest import SIDE
from tests.export.conftest import least_model
from tests.kept_lines import KeptLines

from headstart.errors import ExportError
from headstart.export import torch_program
from headstart.export.torch_program import export_torch
from headstart.recipes.trained_model import TrainedModel


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("head", ["linear", "svm", "knn", "mlp"])
def test_prepared_bytes_give_the_models_probabilities(head: str, mirror: bool) -> None:
    made = least_model(head, mirror)
    content = export_torch(made)
    program = torch.export.load(io.BytesIO(content)).module()
    prepared = np.random.default_rng(0).integers(0, 256, (5, SIDE, SIDE, 3), dtype=np.uint8)
    with torch.inference_mode():
        found = program(torch.from_numpy(prepared))
    assert set(found) == {"probabilities", "label"}
    answers = made.probabilities(made.backbone.embed(prepared))
    assert np.abs(found["probabilities"].numpy() - answers).max() < 1e-5
    assert found["label"].tolist() == answers.argmax(axis=1).tolist()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        notes = next(name for name in archive.namelist() if name.endswith("/headstart.json"))
        assert json.loads(archive.read(notes))["headstart.format"] == "1"
        for name in archive.namelist():
            assert str(Path.cwd()).encode() not in archive.read(name), name


def test_it_tells_how_familiar_a_picture_is(model: TrainedModel) -> None:
    said = KeptLines()
    program = torch.export.load(io.BytesIO(export_torch(model, progress=said))).module()
    assert any("familiar is the model's" in line for line in said.lines)
    prepared = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    with torch.inference_mode():
        found = program(torch.from_numpy(prepared))["familiar"].numpy()
    assert model.familiarity is not None
    assert found == pytest.approx(model.familiarity.of(model.backbone.embed(prepared)))


def test_another_answer_is_not_given(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = torch_program.WholeModel.forward

    def forward(self: torch_program.WholeModel, prepared: torch.Tensor) -> dict[str, torch.Tensor]:
        return {name: output + 0.01 for name, output in whole(self, prepared).items()}

    monkeypatch.setattr(torch_program.WholeModel, "forward", forward)
    with pytest.raises(ExportError, match="nothing is written"):
        export_torch(model)
