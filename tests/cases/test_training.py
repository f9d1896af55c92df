"""What training may not do: move frozen parts, depend on chance, learn from the wrong rows."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from headstart.backbones.open import open_backbone
from headstart.data.read import read_images
from headstart.errors import DataError
from headstart.features.embed import embed_pictures
from headstart.options import BackboneOptions, EmbedOptions, LoopOptions, ReadOptions, SplitOptions
from headstart.recipes.epoch_loop import EpochLoop
from headstart.recipes.labelled import (
    Labelled,
    choose_folds,
    choose_split,
    embed_labelled,
    read_labelled,
)

Call = Callable[..., Any]
TINY = BackboneOptions(backbone="test_resnet", random_weights=True, image_size=32, precision="fp32")


def labelled(source: Path, *, near: bool = True, **read: Any) -> Labelled:
    options = ReadOptions(**read)
    trunk = open_backbone(TINY, device="cpu")
    split = SplitOptions(near_duplicates=near)
    return embed_labelled(read_labelled(source, options), trunk, EmbedOptions(), options, split)


def model_of(folder: Path) -> dict[str, np.ndarray]:
    return {
        f"{name}:{key}": value
        for name in ("model", "head")
        for key, value in load_file(folder / f"{name}.safetensors").items()
    }


@pytest.mark.parametrize("epochs", [None, 3])
def test_c42_the_frozen_trunk_is_bit_equal_after_fit(
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
    trunk = open_backbone(TINY, device="cpu")
    for name, tensor in trunk.module.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert not trunk.module.training


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
        "import sys; from pathlib import Path; from headstart.data.read import read_images; "
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


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """Four pictures each as PNG, re-encoded and smaller; eight single ones; one mislabelled copy."""
    from PIL import Image

    def soft(seed: int) -> Image.Image:
        rng = np.random.default_rng(seed)
        small = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        return small.resize((96, 96), Image.Resampling.BICUBIC)

    root = tmp_path / "root"
    for kind in ("cat", "dog"):
        (root / kind).mkdir(parents=True)
    for number in range(4):
        folder, image = root / ("cat", "dog")[number % 2], soft(number)
        image.save(folder / f"g{number}_original.png")
        image.save(folder / f"g{number}_recoded.jpg", quality=60)
        image.resize((92, 92), Image.Resampling.BILINEAR).save(folder / f"g{number}_smaller.png")
    soft(0).save(root / "dog" / "g0_again_as_dog.jpg", quality=70)
    for number in range(8):
        soft(50 + number).save(root / ("cat", "dog")[number % 2] / f"single{number}.png")
    return root


def test_c48_no_group_is_torn_apart_over_twenty_seeds(copies: Path) -> None:
    from headstart.data.duplicates import contradictions

    data = labelled(copies)
    names = [Path(name).name for name in data.table.ids]
    clusters = {frozenset(names[row] for row in rows) for rows in data.duplicates.clusters}
    expected = {
        frozenset(f"g{n}_{what}" for what in ("original.png", "recoded.jpg", "smaller.png"))
        for n in range(4)
    }
    zero = next(group for group in expected if "g0_original.png" in group)
    assert clusters == expected - {zero} | {zero | {"g0_again_as_dog.jpg"}}
    wrong = contradictions(data.duplicates.pairs, data.labels)
    pairs = {frozenset((names[pair.first], names[pair.second])) for pair in wrong}
    assert frozenset(("g0_original.png", "g0_again_as_dog.jpg")) in pairs
    assert all("g0_again_as_dog.jpg" in pair for pair in pairs)
    for seed in range(20):
        options = SplitOptions(seed=seed, test_fraction=0.3, folds=3)
        for split in (choose_split(data, options), *choose_folds(data, options)):
            test = set(split.test.tolist())
            for rows in data.duplicates.clusters:
                assert len(test & set(rows)) in (0, len(rows))


def test_c48_a_group_column_keeps_patients_together(
    pets_table: Path, tmp_path: Path, run: Call, rows_of: Call
) -> None:
    lines = pets_table.read_text().splitlines()
    patients = [f"{line.split(',')[1]}-{number % 3}" for number, line in enumerate(lines[1:])]
    rows = [f"{line},{who}" for line, who in zip(lines[1:], patients, strict=True)]
    pets_table.write_text("\n".join([lines[0] + ",patient", *rows, ""]))
    for seed in range(3):
        ended = run("fit", pets_table, "--out", tmp_path / "run", "--folds", "0", "--seed", seed,
                    "--test-fraction", "0.3", "--group-column", "patient")  # fmt: skip
        assert ended.code == 0
        sides: dict[str, set[str]] = {}
        for row, who in zip(rows_of(tmp_path / "run" / "split.csv"), patients, strict=True):
            sides.setdefault(who, set()).add(row["split"])
        assert all(len(side) == 1 for side in sides.values())
        assert {"train"} in sides.values()
        assert {"test"} in sides.values()


def test_c49_views_are_of_training_rows_only_and_folds_never_split_them(
    pets_table: Path, tmp_path: Path, run: Call
) -> None:
    from headstart.recipes.labelled import stack_views

    trunk = open_backbone(TINY, device="cpu")
    table = read_labelled(pets_table, ReadOptions())
    plain = embed_pictures(table.paths, trunk, EmbedOptions())
    found = embed_labelled(table, trunk, EmbedOptions(views=2), ReadOptions(), SplitOptions())
    assert np.array_equal(found.features.values, plain.values)  # the picture itself, unaugmented
    views = found.features.views
    assert views.shape[1] == 2
    assert not np.allclose(views[:, 0], views[:, 1])
    again = embed_labelled(
        table, trunk, EmbedOptions(views=2, cache=False), ReadOptions(), SplitOptions()
    )
    assert np.array_equal(again.features.views, views)  # stated variants: seeded
    split = choose_split(found, SplitOptions(test_fraction=0.25))
    X, _, groups = stack_views(found, split.train)
    assert len(X) == 3 * len(split.train)
    assert set(groups.tolist()) == set(found.duplicates.group[split.train].tolist())
    ended = run("fit", pets_table, "--out", tmp_path / "run", "--views", "2", "--folds", "0")
    assert ended.code == 0
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["n_train"] == 10


def test_c50_white_and_black_reach_the_network_as_its_own_config_says(
    tmp_path: Path, paint: Call
) -> None:
    white = paint(tmp_path / "white.png", (255, 255, 255), noise=0)
    black = paint(tmp_path / "black.png", (0, 0, 0), noise=0)
    expected = {
        "mobilenetv3_small_050": ([2.2489, 2.4286, 2.6400], [-2.1179, -2.0357, -1.8044]),
        "test_resnet": ([1.0] * 3, [-1.0] * 3),
    }
    for name, values in expected.items():
        options = replace(TINY, backbone=name)
        backbone = open_backbone(options, device="cpu")
        seen: list[torch.Tensor] = []
        layer = next(m for m in backbone.module.modules() if isinstance(m, torch.nn.Conv2d))
        hook = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
        try:
            embed_pictures([white, black], backbone, EmbedOptions(cache=False, workers=1))
        finally:
            hook.remove()
        inputs = torch.cat([batch.float() for batch in seen])[:2, :, 5, 5]
        np.testing.assert_allclose(inputs.numpy(), values, atol=1e-3, err_msg=name)
        steps = backbone.info.preprocessing
        stored = json.loads(json.dumps(backbone.info.to_json()))["preprocessing"]
        assert (tuple(stored["mean"]), tuple(stored["std"])) == (steps.mean, steps.std)
