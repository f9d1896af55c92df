"""ImageClassifier learns what `headstart fit` learns: the same arrays, to the bit."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file
from tests.program import run
from tests.tiny_classifier import classifier

import headstart


class Labelled:
    """A table of 48 pictures: three classes, copies and near-copies, seven cameras."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(11)
        colours = ((190, 70, 60), (80, 90, 190), (100, 170, 90))
        names = ("10", "9", "other")
        self.table = folder / "labels.csv"
        self.rows: list[dict[str, str]] = []
        earlier, self.kind, self.camera = np.zeros((20, 24, 3)), 0, ""
        for number in range(48):
            camera = f"camera {number % 7}"
            kind = (number // 2) % 3 if number % 2 else int(rng.integers(3))
            shade = np.array(colours[kind]) + rng.normal(0, 45, 3)
            pixels = shade + rng.normal(0, 20, (20, 24, 3))
            if number % 6 == 5:  # nearly the one before
                kind, pixels, camera = self.kind, earlier + 2, self.camera
            self.kind, self.camera, earlier = kind, camera, pixels
            name = f"{number:02d}.png"
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / name)
            part = "test" if number % 8 == 0 else "train"
            label = names[kind]
            self.rows.append({"image": name, "label": label, "part": part, "camera": camera})
        with self.table.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)

    @property
    def training(self) -> list[dict[str, str]]:
        return [row for row in self.rows if row["part"] == "train"]


@pytest.fixture
def labelled(tmp_path: Path) -> Labelled:
    folder = tmp_path / "labelled"
    folder.mkdir()
    return Labelled(folder)


CASES: dict[str, tuple[dict[str, Any], list[object]]] = {
    "as it comes": ({}, []),
    "copies may part": ({"near_duplicates": False}, ["--no-near-duplicates"]),
    "balanced": ({"class_weight": "balanced"}, ["--class-weight", "balanced"]),
    "views": ({"views": 2}, ["--views", 2]),
    "given C": ({"C": 0.03}, ["--C", 0.03]),
    "svm": ({"head": "svm"}, ["--head", "svm"]),
    "knn": ({"head": "knn"}, ["--head", "knn"]),
    "mlp": ({"head": "mlp"}, ["--head", "mlp"]),
    "another seed": ({"random_state": 7}, ["--seed", 7]),
}


@pytest.mark.parametrize("with_groups", [False, True], ids=["no groups", "groups"])
@pytest.mark.parametrize("case", CASES)
def test_the_program_and_python_learn_the_same(
    tmp_path: Path, labelled: Labelled, case: str, with_groups: bool
) -> None:
    parameters, flags = CASES[case]
    tiny = ["--backbone", "test_resnet", "--random-weights", "--image-size", 32]
    tiny += ["--device", "cpu", "--precision", "fp32", "--folds", 0]
    column = ["--group-column", "camera"] if with_groups else []
    words = [*tiny, *flags, *column, "--label-column", "label", "--split-column", "part"]
    assert run("fit", labelled.table, "--out", tmp_path / "run", *words) == 0

    rows = labelled.training
    fitted = classifier(**parameters).fit(
        [labelled.table.parent / row["image"] for row in rows],
        [row["label"] for row in rows],
        groups=[row["camera"] for row in rows] if with_groups else None,
    )
    fitted.save(tmp_path / "saved")

    by_program = load_file(tmp_path / "run" / "model" / "head.safetensors")
    by_python = load_file(tmp_path / "saved" / "head.safetensors")
    assert by_program.keys() == by_python.keys()
    for name, array in by_program.items():
        assert np.array_equal(array, by_python[name]), name
    told = [
        json.loads((folder / "headstart.json").read_text(encoding="utf-8"))
        for folder in (tmp_path / "run" / "model", tmp_path / "saved")
    ]
    for said in told:  # pictures have the names that they were given by: in a table, and as paths
        del said["digest"], said["examples"]["examples.json"]
    assert told[0] == told[1]
    paths = [labelled.table.parent / row["image"] for row in labelled.rows]
    loaded = headstart.load(tmp_path / "run" / "model", device="cpu")
    assert np.array_equal(loaded.predict_proba(paths), fitted.predict_proba(paths))
    assert loaded.predict(paths).tolist() == fitted.predict(paths).tolist()


def test_groups_and_copies_change_what_is_learnt(labelled: Labelled) -> None:
    """The cases above would be equal too if both sides dropped the groups."""
    rows = labelled.training
    paths = [labelled.table.parent / row["image"] for row in rows]
    labels = [row["label"] for row in rows]
    cameras = [row["camera"] for row in rows]
    temperatures = {
        classifier(near_duplicates=near).fit(paths, labels, groups).model_.temperature
        for near in (False, True)
        for groups in (None, cameras)
    }
    assert len(temperatures) > 2
