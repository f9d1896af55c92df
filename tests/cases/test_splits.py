"""Copies, groups, views and normalisation: what keeps training and test apart and alike."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.embedding import embed_files

from headstart.backbones.opening import open_backbone
from headstart.data.dataset import Dataset
from headstart.data.duplicates import contradictions
from headstart.data.image_table import ImageTable
from headstart.data.split import split_rows
from headstart.features.embed import Features, embed_images
from headstart.options import (
    BackboneOptions,
    EmbedOptions,
    FitOptions,
    ReadOptions,
    SplitOptions,
)
from headstart.recipes.data_preparation import (
    choose_folds,
    choose_split,
    prepare_data,
    read_labelled,
    stack_views,
)

Call = Callable[..., Any]
TINY = BackboneOptions(backbone="test_resnet", random_weights=True, image_size=32, precision="fp32")


def prepared(table: ImageTable, **changes: Any) -> tuple[Dataset, Features]:
    return prepare_data(table, open_backbone(TINY, device="cpu"), FitOptions(**changes))


def labelled(source: Path, *, near: bool = True, **read: Any) -> Dataset:
    options = ReadOptions(**read)
    split = SplitOptions(near_duplicates=near)
    return prepared(read_labelled(source, options), read=options, split=split)[0]


@pytest.fixture
def contradicting(tmp_path: Path, paint: Call) -> Path:
    """A row twice, b with two labels, c and d equal with two, e and f equal with one."""
    folder = tmp_path / "contra"
    for seed, name in enumerate("abceghij"):
        paint(folder / f"{name}.png", "red" if name in "abcgi" else "blue", seed=seed)
    shutil.copy(folder / "c.png", folder / "d.png")
    shutil.copy(folder / "e.png", folder / "f.png")
    lines = ["image,label", "a.png,cat", "a.png,cat", "b.png,cat", "b.png,dog", "c.png,cat"]
    lines += ["d.png,dog", "e.png,dog", "f.png,dog", "g.png,cat", "h.png,dog", "i.png,cat"]
    (folder / "table.csv").write_text("\n".join([*lines, "j.png,dog", ""]))
    return folder / "table.csv"


def test_c25_contradictions_stop_and_go_on_by_option(
    contradicting: Path, tmp_path: Path, run: Call, rows_of: Call
) -> None:
    fit = (
        "fit",
        contradicting,
        "--out",
        tmp_path / "run",
        "--folds",
        "0",
        "--test-fraction",
        "0.4",
    )
    ended = run(*fit)
    assert ended.code == 1
    assert "lines 4, 5: b.png: one picture with 2 labels: 'cat' and 'dog'" in ended.err
    assert "line 6: c.png: labelled 'cat', but the same picture d.png is 'dog'" in ended.err
    assert "line 7: d.png: labelled 'dog', but the same picture c.png is 'cat'" in ended.err
    assert not (tmp_path / "run" / "model").exists()
    ended = run(*fit, "--skip-bad")
    assert ended.code == 0
    assert "1 repeated row counted once (line 3)" in ended.err
    assert "3 bad inputs left out" in ended.err
    sides = {row["image"]: row["split"] for row in rows_of(tmp_path / "run" / "split.csv")}
    assert sorted(sides) == [f"{name}.png" for name in "aefghij"]
    assert sides["e.png"] == sides["f.png"]


def test_c25_equal_files_stay_on_one_side_for_twenty_seeds(contradicting: Path) -> None:
    read = ReadOptions(skip_bad=True)
    data, _ = prepared(read_labelled(contradicting, read), read=read)
    pair = {data.table.ids.index("e.png"), data.table.ids.index("f.png")}
    torn = 0
    for seed in range(20):
        options = SplitOptions(seed=seed, test_fraction=0.4, folds=2)
        for split in (choose_split(data, options), *choose_folds(data, options)):
            assert len(pair & set(split.test.tolist())) in (0, 2)
        loose = split_rows(data.labels, test_fraction=0.4, seed=seed)
        torn += len(pair & set(loose.test.tolist())) == 1
    assert torn > 0  # without groups the pair is torn apart


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """Four pictures as PNG, re-encoded and smaller; eight single ones; one mislabelled copy."""

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
    backbone = open_backbone(TINY, device="cpu")
    table = read_labelled(pets_table, ReadOptions())
    _, plain = embed_images(table.images, backbone, EmbedOptions())
    found, features = prepared(table, embed=EmbedOptions(views=2))
    assert np.array_equal(features.values, plain.values)  # the picture itself, unaugmented
    views = features.views
    assert views.shape[1] == 2
    assert not np.allclose(views[:, 0], views[:, 1])
    _, again = prepared(table, embed=EmbedOptions(views=2, cache=False))
    assert np.array_equal(again.views, views)  # stated variants: seeded
    split = choose_split(found, SplitOptions(test_fraction=0.25))
    X, _, groups = stack_views(found, features, split.train)
    assert len(X) == 3 * len(split.train)
    named = np.tile(found.groups[split.train], 3).tolist()  # the same groups under other numbers
    assert len(set(zip(groups.tolist(), named, strict=True))) == len(set(named))
    assert len(set(groups.tolist())) == len(set(named))
    ended = run("fit", pets_table, "--out", tmp_path / "run", "--views", "2", "--folds", "0")
    assert ended.code == 0
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["n_train"] == 10


def seen_by(seen: list[torch.Tensor]) -> Callable[..., None]:
    """A hook that keeps what goes into a layer."""
    return lambda _, inputs: seen.append(inputs[0].clone())


def test_c50_white_and_black_reach_the_network_as_its_own_config_says(
    tmp_path: Path, paint: Call
) -> None:
    white = paint(tmp_path / "white.png", (255, 255, 255), noise=0)
    black = paint(tmp_path / "black.png", (0, 0, 0), noise=0)
    expected = {
        "mobilenetv3_small_050": ([2.2489, 2.4286, 2.6400], [-2.1179, -2.0357, -1.8044]),
        "test_resnet": ([1.0] * 3, [-1.0] * 3),
    }
    seen: list[torch.Tensor] = []
    for name, values in expected.items():
        options = replace(TINY, backbone=name)
        backbone = open_backbone(options, device="cpu")
        layer = next(m for m in backbone.module.modules() if isinstance(m, torch.nn.Conv2d))
        layer.register_forward_pre_hook(seen_by(seen))
        embed_files([white, black], backbone, EmbedOptions(cache=False, workers=1))
        inputs = seen[-1].float()[:, :, 5, 5]
        np.testing.assert_allclose(inputs.numpy(), values, atol=1e-3, err_msg=name)
        steps = backbone.info.preprocessing
        stored = json.loads(json.dumps(backbone.info.to_json()))["preprocessing"]
        assert (tuple(stored["mean"]), tuple(stored["std"])) == (steps.mean, steps.std)
