"""What training may not do: move frozen parts, depend on chance, learn from the wrong rows."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from headstart.backbones.opening import open_backbone
from headstart.data.inputs import read_images
from headstart.errors import DataError
from headstart.options import BackboneOptions, LoopOptions, ReadOptions
from headstart.recipes.epoch_loop import EpochLoop

Call = Callable[..., Any]
TINY = BackboneOptions(backbone="test_resnet", random_weights=True, image_size=32, precision="fp32")


def model_of(folder: Path) -> dict[str, np.ndarray]:
    return {
        f"{name}:{key}": value
        for name in ("model", "head")
        for key, value in load_file(folder / f"{name}.safetensors").items()
    }


@pytest.mark.parametrize("epochs", [None, 3])
def test_c42_the_frozen_backbone_is_bit_equal_after_fit(
    epochs: int | None, pets_table: Path, tmp_path: Path, run: Call
) -> None:
    before = {
        name: tensor.clone()
        for name, tensor in open_backbone(TINY, device="cpu").module.state_dict().items()
    }
    more = () if epochs is None else ("--epochs", epochs)
    ended = run("fit", pets_table, "--out", tmp_path / "run", "--folds", "0", "--precision", "fp32",
                *more)  # fmt: skip
    assert ended.code == 0
    kept = load_file(tmp_path / "run" / "model" / "model.safetensors")
    assert sum(name in kept for name in before) > 50
    for name, tensor in before.items():
        if name in kept and not name.startswith("fc."):
            assert np.array_equal(kept[name], tensor.numpy()), name
    backbone = open_backbone(TINY, device="cpu")
    for name, tensor in backbone.module.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert not backbone.module.training


def test_c42_c43_answers_do_not_depend_on_the_call_or_the_neighbours(
    pets: Path, answers: Call
) -> None:
    paths = sorted(pets.iterdir())
    together, _ = answers(*paths, "--no-cache")
    again, _ = answers(*paths, "--no-cache")
    assert again == together
    alone, _ = answers(paths[4], "--no-cache")
    wanted = together[paths[4].name]
    for name, cell in alone[paths[4].name].items():
        if name.startswith("p"):
            same = cell == wanted[name] or abs(float(cell) - float(wanted[name])) < 1e-5
            assert same, name


def test_c46_bf16_answers_like_fp32_and_a_wild_step_stops_the_run(
    pets_table: Path, tmp_path: Path, run: Call
) -> None:
    found = {}
    for precision in ("fp32", "bf16"):
        out = tmp_path / precision
        ended = run("fit", pets_table, "--out", out, "--folds", "4", "--precision", precision)
        assert ended.code == 0
        found[precision] = json.loads((out / "metrics.json").read_text())["folds"]["accuracy_mean"]
    assert found["fp32"] == 1.0
    assert abs(found["bf16"] - found["fp32"]) <= 0.01
    loop = EpochLoop(options=LoopOptions(epochs=3, learning_rate=1e30, optimizer="sgd"), seed=1)
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 2))
    start = [parameter.detach().clone() for parameter in module.parameters()]

    class Batches:
        rows = 12

        def epoch(self, number: int) -> Any:
            for part in range(3):
                yield torch.full((4, 4), 5.0 + part), torch.tensor([0, 1, 0, 1])

    with pytest.raises(DataError, match=r"epoch 1.*step \d"):
        loop.run(module, Batches())
    assert all(torch.equal(a, b) for a, b in zip(start, module.parameters(), strict=True))


def test_c47_one_seed_gives_one_run(pets_table: Path, tmp_path: Path, run: Call) -> None:
    runs = []
    for number, workers in enumerate((1, 3)):
        out = tmp_path / f"run{number}"
        ended = run("fit", pets_table, "--out", out, "--folds", "3", "--epochs", "2", "--seed", "7",
                    "--workers", workers, "--no-cache")  # fmt: skip
        assert ended.code == 0
        metrics = json.loads((out / "metrics.json").read_text())
        for volatile in ("seconds", "pictures_embedded"):
            metrics.pop(volatile)
        texts = [(out / name).read_text() for name in ("split.csv", "predictions.csv")]
        runs.append((metrics, texts, model_of(out / "model")))
    first, second = runs
    assert first[:2] == second[:2]
    assert list(first[2]) == list(second[2])
    assert all(np.array_equal(first[2][name], second[2][name]) for name in first[2])
    ended = run("fit", pets_table, "--out", tmp_path / "other", "--folds", "0", "--seed", "8")
    assert (tmp_path / "other" / "split.csv").read_text() != first[1][0]


def test_c47_class_order_depends_on_no_hash_and_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paint: Call
) -> None:
    names = ["owl", "cat", "dog", "ant", "Bee", "elk"]
    for seed, name in enumerate(names):
        paint(tmp_path / "root" / name / "1.png", seed=seed)
    program = (
        "import sys; from pathlib import Path; from headstart.data.inputs import read_images; "
        "from headstart.options import ReadOptions; "
        "print(read_images(Path(sys.argv[1]), ReadOptions()).classes)"
    )
    shown = [
        subprocess.run(
            [sys.executable, "-c", program, tmp_path / "root"],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in range(6)
    ]
    assert set(shown) == {str(("Bee", "ant", "cat", "dog", "elk", "owl"))}
    plain = read_images(tmp_path / "root", ReadOptions())
    listing = os.scandir

    class Shuffled(list[Any]):
        def __enter__(self) -> Shuffled:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    def scandir(path: Any) -> Shuffled:
        with listing(path) as entries:
            found = Shuffled(entries)
        random.Random(3).shuffle(found)
        return found

    monkeypatch.setattr(os, "scandir", scandir)
    assert read_images(tmp_path / "root", ReadOptions()) == plain
