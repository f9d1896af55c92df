"""Several models on shared rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from tests.small_set import write_small_set

from headstart.compare.comparison import compare
from headstart.compare.model_spec import parse_models
from headstart.options import EmbedOptions, FitOptions, ReadOptions, SplitOptions
from headstart.recipes.data_preparation import prepare_data

NAMES = ("test_resnet", "test_efficientnet")


def test_the_order_of_the_models_changes_neither_groups_nor_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared_with = []

    def prepare(table: Any, backbone: Any, *others: Any) -> Any:
        prepared_with.append(backbone.info.name)
        return prepare_data(table, backbone, *others)

    monkeypatch.setattr("headstart.compare.comparison.prepare_data", prepare)
    write_small_set(tmp_path)
    weights = {}
    for name in NAMES:
        torch.manual_seed(3)
        weights[name] = tmp_path / f"{name}.safetensors"
        save_file(timm.create_model(name).state_dict(), weights[name])
    options = FitOptions(
        read=ReadOptions(images=tmp_path / "images", label_column="label"),
        embed=EmbedOptions(cache=False),
        split=SplitOptions(folds=0),
    )
    found = {}
    for order in (NAMES, NAMES[::-1]):
        specs = parse_models(",".join(order))
        found[order] = compare(tmp_path / "labels.csv", specs, options, weights=weights)
    assert len(set(prepared_with)) == 1  # whose features find the near-duplicates
    one, other = found.values()
    assert [entry.spec.name for entry in one.entries] == list(NAMES)
    assert one.data.groups.tolist() == other.data.groups.tolist()
    assert one.split.test.tolist() == other.split.test.tolist()
    by_name = {entry.spec.name: entry.result for entry in other.entries}
    for entry in one.entries:
        again = by_name[entry.spec.name]
        assert entry.result is not None and again is not None
        assert (entry.result.test.probabilities == again.test.probabilities).all()


def test_a_fine_tuned_model_stands_beside_its_frozen_one(tmp_path: Path) -> None:
    from headstart.compare.verdicts import comparison_rows, sentences
    from headstart.options.every_option import in_rooms

    write_small_set(tmp_path)
    weights = {"test_resnet": tmp_path / "a.safetensors"}
    values: dict[str, Any] = {"images": tmp_path / "images", "label_column": "label", "folds": 2}
    values |= {"epochs": 1, "device": "cpu", "image_size": 32, "views": 1}
    specs = parse_models("test_resnet,test_resnet:fine-tune")
    options = in_rooms(values)
    found = compare(tmp_path / "labels.csv", specs, options, weights=weights)
    frozen, tuned = comparison_rows(found)
    assert tuned["folds_mean"] is not None  # they were asked for
    assert tuned["total_parameters"] == frozen["total_parameters"]
    assert frozen["trainable_parameters"] < tuned["trainable_parameters"]
    assert found.entries[1].result is not None
    assert found.entries[1].result.tuning is not None
    quick = in_rooms({**values, "folds": None})
    rows = comparison_rows(compare(tmp_path / "labels.csv", specs[1:], quick, weights=weights))
    assert rows[0]["folds_mean"] is None
    assert any("--folds N" in line for line in sentences(rows))
