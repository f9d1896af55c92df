"""No picture that cannot be read is ever replaced: each path names it, counts it, or stops."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart import ImageClassifier, ImageEmbedder, load
from headstart.errors import BadInputsError

Call = Callable[..., Any]
Broken = dict[str, tuple[bytes, str]]

TINY: dict[str, Any] = {"random_weights": True, "image_size": 32, "device": "cpu"}
GOOD = 12


@pytest.fixture
def dirty(pets: Path, pets_table: Path, broken_files: Broken) -> Path:
    """The table of 12 good pictures, eight broken ones and one that is not there."""
    for name, (content, _) in broken_files.items():
        (pets / name).write_bytes(content)
        pets_table.write_text(pets_table.read_text() + f"{name},cat\n")
    pets_table.write_text(pets_table.read_text() + "gone.png,dog\n")
    return pets_table


def assert_all_are_named(text: str, broken: Broken) -> None:
    lines = text.splitlines()
    for name, (_, words) in broken.items():
        assert any(f": {name}: " in line and words in line for line in lines), name
    assert any(": gone.png: not found" in line for line in lines)


NAMED = ("--rename", "cat=red", "--rename", "dog=blue")  # the model's own classes


def ask(verb: str, table: Path, out: Path, colours: Path) -> list[object]:
    """The arguments of each command that needs readable pictures."""
    compare = ["--models", "small_cnn", "--epochs", "2", "--image-size", "32"]
    return {
        "fit": ["fit", table, "--out", out, "--folds", "0", "--test-fraction", "0.25"],
        "embed": ["embed", table, "--out", out / "f.npz"],
        "compare": ["compare", table, "--out", out, *compare],
        "evaluate": ["evaluate", colours, table, "--out", out, *NAMED],
    }[verb]


@pytest.mark.parametrize("verb", ["fit", "embed", "compare", "evaluate"])
def test_c07_c08_c10_c12_commands_stop_with_one_list(
    verb: str, dirty: Path, tmp_path: Path, run: Call, colours: Path, broken_files: Broken
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    files = {p: p.read_bytes() for p in dirty.parent.iterdir()}
    ended = run(*ask(verb, dirty, out, colours))
    assert ended.code == 1
    assert "9 bad inputs:" in ended.err
    assert_all_are_named(ended.err, broken_files)
    assert "--skip-bad" in ended.err
    assert not list(out.iterdir())  # nothing was trained or measured
    assert {p: p.read_bytes() for p in dirty.parent.iterdir()} == files  # no file is rewritten


def test_fit_goes_on_without_them_and_counts(
    dirty: Path, tmp_path: Path, run: Call, rows_of: Call, broken_files: Broken
) -> None:
    out = tmp_path / "out"
    ended = run("fit", dirty, "--out", out, "--folds", "2", "--test-fraction", "0.25", "--skip-bad")
    assert ended.code == 0
    assert "9 bad inputs left out" in ended.err
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["n_train"] + metrics["n_test"] == GOOD
    names = {row["image"] for row in rows_of(out / "split.csv")}
    assert len(names) == GOOD
    assert not names & set(broken_files)
    assert len(rows_of(out / "fold_predictions.csv")) == GOOD


def test_embed_goes_on_without_them_and_counts(dirty: Path, tmp_path: Path, run: Call) -> None:
    out = tmp_path / "f.npz"
    ended = run("embed", dirty, "--out", out, "--skip-bad")
    assert ended.code == 0
    assert "12 pictures" in ended.out
    assert "9 bad inputs left out" in ended.out
    with np.load(out, allow_pickle=False) as arrays:
        assert len(arrays["features"]) == len(arrays["images"]) == len(arrays["labels"]) == GOOD
        assert np.isfinite(arrays["features"]).all()
        assert len({row.tobytes() for row in arrays["features"]}) == GOOD


def test_compare_goes_on_without_them_and_counts(
    dirty: Path, tmp_path: Path, run: Call, colours: Path, rows_of: Call
) -> None:
    out = tmp_path / "out"
    ended = run(*ask("compare", dirty, out, colours), "--skip-bad")
    assert ended.code == 0
    assert "9 bad inputs left out" in ended.err
    assert len(rows_of(out / "split.csv")) == GOOD


def test_evaluate_goes_on_without_them_and_counts(
    dirty: Path, tmp_path: Path, run: Call, colours: Path, broken_files: Broken, rows_of: Call
) -> None:
    dirty.write_text(dirty.read_text().replace(",cat", ",red").replace(",dog", ",blue"))
    out = tmp_path / "out"
    ended = run("evaluate", colours, dirty, "--out", out, "--skip-bad")
    assert ended.code == 0
    figures = json.loads((out / "metrics.json").read_text())["test"]
    assert figures["n"] == GOOD
    assert figures["accuracy"] == 1.0
    assert figures["errors"] == len(broken_files)
    assert "8 pictures without an answer: not scored." in ended.out
    unread = [row["image"] for row in rows_of(out / "predictions.csv") if row["error"]]
    assert unread == list(broken_files)


def test_predict_answers_the_others_and_gives_each_its_error(
    dirty: Path, answers: Call, broken_files: Broken
) -> None:
    rows, ended = answers(dirty, "--images", dirty.parent)
    assert ended.code == 1
    assert len(rows) == GOOD + len(broken_files) + 1
    for name, (_, words) in broken_files.items():
        assert words in rows[name]["error"]
        assert not rows[name]["predicted"]
        assert not rows[name]["p(red)"]
    assert "not found" in rows["gone.png"]["error"]
    answered = [row for row in rows.values() if not row["error"]]
    assert len(answered) == GOOD
    assert {row["predicted"] for row in answered} == {"red", "blue"}


def test_python_names_all_of_them(pets: Path, broken_files: Broken, colours: Path) -> None:
    good = sorted(pets.iterdir())
    bad = [pets / name for name in broken_files] + [pets / "gone.png"]
    for path, (content, _) in zip(bad, broken_files.values(), strict=False):
        path.write_bytes(content)
    paths = [*good[:6], *bad, *good[6:]]
    model = load(colours, device="cpu")
    calls: tuple[Callable[[], Any], ...] = (
        lambda: ImageClassifier("test_resnet", **TINY).fit(paths, ["a", "b", "c"] * 7),
        lambda: ImageEmbedder("test_resnet", **TINY).fit(paths).transform(paths),
        lambda: model.predict(paths),
        lambda: model.predict_proba(paths),
        lambda: model.score(paths, ["red"] * 21),
    )
    for call in calls:
        with pytest.raises(BadInputsError) as caught:
            call()
        found = {Path(item.where).name: item.cause for item in caught.value.inputs}
        assert list(found) == [path.name for path in bad]
        assert all(words in found[name] for name, (_, words) in broken_files.items())
    rows = model.predictions(paths)
    assert [bool(error) for error in rows.errors] == [path in bad for path in paths]
    assert np.isnan(rows.probabilities[6:15]).all()
    assert np.isfinite(np.delete(rows.probabilities, slice(6, 15), axis=0)).all()


def test_c08_an_empty_file_among_two_good_ones(
    tmp_path: Path, paint: Call, run: Call, answers: Call
) -> None:
    root = tmp_path / "root"
    for seed, (name, colour) in enumerate((("cat", "red"), ("dog", "blue"))):
        paint(root / name / "ok.jpg", colour, seed=seed)
    (root / "cat" / "empty.jpg").touch()
    ended = run("embed", root, "--out", tmp_path / "f.npz")
    assert ended.code == 1
    assert "cat/empty.jpg: empty (0 bytes)" in ended.err
    rows, ended = answers(root / "cat", root / "dog")
    assert ended.code == 1
    assert rows["empty.jpg"]["error"] == "empty (0 bytes)"
    assert rows["ok.jpg"]["predicted"] == "blue"
