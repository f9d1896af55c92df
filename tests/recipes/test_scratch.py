"""The small CNN as a backbone with a head keeps its weights wherever it goes."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from headstart.backbones.small_cnn import SmallCNN
from headstart.model_dir import load_model, save_model
from headstart.recipes.scratch import as_trained

SIZE = 16


def test_copies_and_folders_answer_as_the_network_does(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = SmallCNN(2, SIZE).eval()
    data = SimpleNamespace(classes=("a", "b"))
    model = as_trained(network, data, 1.0, SIZE)  # type: ignore[arg-type]  # only its classes
    save_model(model, tmp_path / "model")
    pixels = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3), dtype=np.uint8)
    inputs = model.backbone.info.preprocessing.normalise(pixels)
    with torch.no_grad():
        logits = network(torch.from_numpy(inputs).permute(0, 3, 1, 2))
    expected = logits.softmax(dim=1).numpy()
    for again in (
        model,
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        load_model(tmp_path / "model", device="cpu"),
        pickle.loads(pickle.dumps(load_model(tmp_path / "model", device="cpu"))),
    ):
        found = again.probabilities(again.backbone.embed(pixels))
        assert np.abs(found - expected).max() < 1e-5
