"""Training pictures are kept with a model, come back as they were, and are refused when changed."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file
from tests.tiny_classifier import LABELS, classifier

from headstart import load
from headstart.errors import ModelFolderError
from headstart.model_dir import load_model, save_model
from headstart.model_examples import StoredExamples
from headstart.model_files import file_digest
from headstart.recipes import training_examples
from headstart.recipes.training_examples import TrainingExamples


@pytest.fixture
def saved(pictures: list[Path], tmp_path: Path) -> Path:
    classifier(C=1.0, keep_examples=True).fit(pictures, LABELS).save(tmp_path / "model")
    return tmp_path / "model"


def test_they_come_back_with_small_copies(saved: Path, pictures: list[Path]) -> None:
    model = load_model(saved, device="cpu")
    assert model.examples is not None
    kept = model.examples.get()
    assert kept.names == tuple(path.name for path in pictures)  # nothing of this machine's folders
    assert [model.classes[code] for code in kept.codes] == LABELS
    assert (str(kept.units.dtype), kept.total) == ("float16", 12)
    assert np.allclose(np.linalg.norm(kept.units.astype(float), axis=1), 1, atol=1e-3)
    assert Image.open(io.BytesIO(kept.small[0])).size == (24, 20)
    found = load(saved, device="cpu").explain(pictures[3])
    assert found.nearest[0].name == pictures[3].name
    assert found.nearest[0].small == kept.small[3]


def test_a_model_that_was_read_is_saved_with_them(saved: Path, tmp_path: Path) -> None:
    model = load_model(saved, device="cpu")
    save_model(model, tmp_path / "again")
    first, second = (
        (folder / "examples.safetensors").read_bytes() for folder in (saved, tmp_path / "again")
    )
    assert first == second
    copied = pickle.loads(pickle.dumps(model))
    assert copied.examples.get().names == model.examples.get().names  # type: ignore[union-attr]


def test_an_older_model_has_none_and_answers(saved: Path, pictures: list[Path]) -> None:
    old = load(Path(__file__).parent / "models" / "format_1" / "efficientnet_linear", device="cpu")
    assert old.model_.examples is None
    assert old.explain(pictures[0]).nearest == ()


@pytest.mark.parametrize("name", ["examples.json", "examples.safetensors"])
@pytest.mark.parametrize("change", ["gone", "edited"])
def test_a_changed_part_is_refused_when_it_is_asked_for(
    saved: Path, pictures: list[Path], name: str, change: str
) -> None:
    path = saved / name
    if change == "gone":
        path.unlink()
    elif name.endswith("json"):
        path.write_text(path.read_text().replace("p00", "p99"))
    else:
        arrays = load_file(path)
        save_file({**arrays, "codes": 1 - arrays["codes"]}, path)
    model = load(saved, device="cpu")
    assert len(model.predict(pictures)) == 12
    with pytest.raises(ModelFolderError, match=f"{name} is missing or damaged|{name} is damaged"):
        model.explain(pictures[0])


@pytest.mark.parametrize(
    "changed",
    [
        {"names": []},
        {"names": [1] * 12},
        {"small": ["?"] * 12},
        {"small": ["aaaa"]},
        {},
        {"names": 3},
    ],
)
def test_parts_that_do_not_fit_are_refused_also_when_signed(
    saved: Path, changed: dict[str, object]
) -> None:
    path = saved / "examples.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, **changed} if changed else [1]))
    digests = {
        **json.loads((saved / "headstart.json").read_text())["examples"],
        "examples.json": file_digest(path),
    }
    with pytest.raises(ModelFolderError, match=r"examples\.json is damaged"):
        StoredExamples(saved, digests, 64, 2).get()


def test_full_paths_of_an_earlier_version_are_not_shown(saved: Path) -> None:
    path = saved / "examples.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "names": [f"/home/me/{name}" for name in said["names"]]}))
    digests = {
        **json.loads((saved / "headstart.json").read_text())["examples"],
        "examples.json": file_digest(path),
    }
    features = load_file(saved / "examples.safetensors")["units"].shape[1]
    assert StoredExamples(saved, digests, features, 2).get().names == tuple(said["names"])


def test_no_more_are_kept_than_the_bound(
    pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_examples, "MOST_KEPT", 5)
    model = classifier(C=1.0).fit(pictures, LABELS)
    kept = model.model_.examples.get()  # type: ignore[union-attr]
    assert (len(kept.names), kept.total) == (5, 12)
    assert kept.small == ()


def test_the_nearest_come_first_and_a_picture_without_features_has_some() -> None:
    units = np.eye(4, dtype=np.float16)
    kept = TrainingExamples(("a", "b", "c", "d"), np.array([0, 1, 0, 1]), units, 4)
    found = kept.nearest(np.array([0.0, 3.0, 4.0, 0.0]), ("x", "y"), 2)
    assert [(one.name, one.label, round(one.likeness, 3)) for one in found] == [
        ("c", "x", 0.8),
        ("b", "y", 0.6),
    ]
    assert len(kept.nearest(np.zeros(4), ("x", "y"), 3)) == 3


@pytest.mark.parametrize(
    ("names", "shared"),
    [
        (["/home/me/p/red/1.png", "/home/me/p/blue/2.png"], ["red/1.png", "blue/2.png"]),
        (["/home/me/p/1.png"], ["1.png"]),
        (["/data/a/1.png", "/home/me/b/2.png", "/3.png"], ["a/1.png", "b/2.png", "3.png"]),
        ([r"C:\Users\me\p\red\1.png", r"C:\Users\me\p\2.png"], ["red/1.png", "2.png"]),
        (["red/1.png", "/home/me/2.png", "https://example.org/3.png", "X[3]"],
         ["red/1.png", "2.png", "https://example.org/3.png", "X[3]"]),
        ([], []),
    ],
)  # fmt: skip
def test_full_paths_are_kept_without_the_users_folders(names: list[str], shared: list[str]) -> None:
    assert training_examples.names_to_share(names) == tuple(shared)
