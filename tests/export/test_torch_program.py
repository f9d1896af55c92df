"""A program of torch answers as the model does, with every head."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.export.conftest import tiny_model

from headstart.errors import ExportError
from headstart.export import torch_program
from headstart.export.torch_program import export_torch
from headstart.recipes.trained_model import TrainedModel


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("head", ["linear", "svm", "knn", "mlp"])
def test_prepared_bytes_give_the_models_probabilities(head: str, mirror: bool) -> None:
    made = tiny_model(head, mirror=mirror)
    content = export_torch(made)
    program = torch.export.load(io.BytesIO(content)).module()
    prepared = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    with torch.inference_mode():
        found = program(torch.from_numpy(prepared)).numpy()
    assert np.abs(found - made.probabilities(made.backbone.embed(prepared))).max() < 1e-5
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        notes = next(name for name in archive.namelist() if name.endswith("/headstart.json"))
        assert json.loads(archive.read(notes))["headstart.format"] == "1"
        for name in archive.namelist():
            assert str(Path.cwd()).encode() not in archive.read(name), name


def test_another_answer_is_not_given(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = torch_program.WholeModel.forward

    def forward(self: torch_program.WholeModel, prepared: torch.Tensor) -> torch.Tensor:
        return whole(self, prepared) + 0.01

    monkeypatch.setattr(torch_program.WholeModel, "forward", forward)
    with pytest.raises(ExportError, match="nothing is written"):
        export_torch(model)
