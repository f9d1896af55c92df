"""familiar in every face: the program's tables, Python, the model folder, the server, evaluate."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file
from tests.program import run
from tests.tiny_classifier import classifier

import headstart
from headstart.backbones.weights.digest import digest
from headstart.errors import DataError, ModelFolderError
from headstart.heads.familiarity import Familiarity
from headstart.images.picture_warnings import UNFAMILIAR
from headstart.images.source import EncodedImage
from headstart.model_dir import FAMILIAR_FILE, _content_digest, load_model, save_model
from headstart.options import EmbedOptions
from headstart.serve.answer import answers_json
from headstart.serve.picture_queue import Row
from headstart.serve.predictor import Computing, open_predictor

TINY = (
    "--backbone", "test_resnet", "--random-weights", "--image-size", 32, "--device", "cpu",
    "--precision", "fp32", "--folds", 0,
)  # fmt: skip


def write_squares(folder: Path, count: int) -> Path:
    """Pictures of reddish and bluish squares, in a folder for each class."""
    rng = np.random.default_rng(4)
    for number in range(count):
        home = folder / ("red", "blue")[number % 2]
        home.mkdir(parents=True, exist_ok=True)
        squares = rng.integers(60, 120, (5, 6, 3), dtype=np.uint8)
        squares[..., 2 * (number % 2)] += 90
        Image.fromarray(np.kron(squares, np.ones((8, 8, 1), np.uint8))).save(
            home / f"{number:02d}.png"
        )
    return folder


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_squares(tmp_path_factory.mktemp("squares") / "known", 60)


@pytest.fixture(scope="module")
def fitted(squares: Path) -> Path:
    """The run of a fit on them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(squares.parent / "cache"))
        assert run("fit", squares, *TINY, "--out", squares.parent / "run") == 0
    return squares.parent / "run"


@pytest.fixture(scope="module")
def asked(squares: Path) -> Path:
    """Two of the pictures, a stranger, and one that is broken."""
    folder = squares.parent / "asked"
    folder.mkdir()
    for number, name in enumerate(("red/00.png", "blue/01.png")):
        Image.open(squares / name).save(folder / f"{number}.png")
    noise = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    noise[:, :24] = 255
    Image.fromarray(noise).save(folder / "2.png")
    (folder / "3.png").write_bytes(b"no picture")
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_predicts_table_has_it_and_warns(fitted: Path, asked: Path, tmp_path: Path) -> None:
    assert run("predict", fitted / "model", asked, "--out", tmp_path / "a.csv") == 1
    rows = rows_of(tmp_path / "a.csv")
    assert list(rows[0])[-3:] == ["familiar", "error", "warning"]
    values = [float(row["familiar"]) for row in rows[:3]]
    model = load_model(fitted / "model")
    assert isinstance(model.familiarity, Familiarity)
    m = len(model.familiarity.distances)
    assert m == 54  # a tenth of sixty pictures tests
    assert min(values[:2]) > 0.05
    assert values[2] == 1 / (m + 1)
    assert [row["warning"] for row in rows] == ["", "", UNFAMILIAR, ""]
    assert rows[3]["familiar"] == ""
    again = ("predict", fitted / "model", asked, "--out", tmp_path / "a.csv")
    assert run(*again) == 1  # a table with the column is known as this program's


def test_the_run_says_how_many_test_pictures_are_unfamiliar(fitted: Path) -> None:
    rows = rows_of(fitted / "predictions.csv")
    count = sum(float(row["familiar"]) < 0.05 for row in rows)
    told = json.loads((fitted / "metrics.json").read_text())["unfamiliar"]
    assert (told["n"], told["unfamiliar"]) == (6, count)
    assert told["words"].startswith(f"{count} of 6 test pictures")
    assert told["words"] in (fitted / "report.html").read_text(encoding="utf-8")
    card = (fitted / "model" / "README.md").read_text(encoding="utf-8")
    assert f"(and for {count} of 6 test pictures)" in card


def test_evaluate_tells_it(
    fitted: Path, squares: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("evaluate", fitted / "model", squares, "--out", tmp_path / "e") == 0
    assert "of 60 pictures" in " ".join(capsys.readouterr().err.split())
    assert "familiar" in rows_of(tmp_path / "e" / "predictions.csv")[0]


def test_python_and_the_program_fit_the_same(fitted: Path, squares: Path, tmp_path: Path) -> None:
    split = rows_of(fitted / "split.csv")
    chosen = [row for row in split if row["split"] == "train"]
    paths = [squares / row["image"] for row in chosen]
    made = classifier().fit(paths, [row["label"] for row in chosen])
    made.save(tmp_path / "model")
    ours, theirs = (load_file(p / FAMILIAR_FILE) for p in (fitted / "model", tmp_path / "model"))
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_python_says_it(fitted: Path, asked: Path) -> None:
    loaded = headstart.load(fitted / "model")
    pictures = sorted(asked.iterdir())[:3]
    familiar = loaded.familiarity(pictures)
    assert familiar.shape == (3,)
    assert (familiar < 0.05).tolist() == [False, False, True]
    assert loaded.predictions(pictures).familiar == pytest.approx(familiar)
    with pytest.raises(DataError, match="not a picture"):
        loaded.familiarity(sorted(asked.iterdir()))


def test_a_model_without_has_no_column(fitted: Path, asked: Path, tmp_path: Path) -> None:
    save_model(replace(load_model(fitted / "model"), familiarity=None), tmp_path / "old")
    assert not (tmp_path / "old" / FAMILIAR_FILE).exists()
    assert run("predict", tmp_path / "old", asked, "--out", tmp_path / "a.csv") == 1
    assert "familiar" not in rows_of(tmp_path / "a.csv")[0]
    with pytest.raises(DataError, match="does not tell how familiar"):
        headstart.load(tmp_path / "old").familiarity([asked / "0.png"])
    few = write_squares(tmp_path / "few", 12)
    paths = sorted(few.rglob("*.png"))
    assert classifier().fit(paths, [p.parent.name for p in paths]).model_.familiarity is None


def test_the_server_says_it(fitted: Path, asked: Path) -> None:
    predictor = open_predictor(fitted / "model", Computing(EmbedOptions(device="cpu")))
    files = [EncodedImage(path.read_bytes()) for path in sorted(asked.iterdir())]
    found = predictor.predict(files)
    assert found.familiar is not None
    told = answers_json(list("abcd"), [Row(found, row) for row in range(4)])["answers"]
    assert [answer.get("familiar", 1) < 0.05 for answer in told] == [False, False, True, False]
    assert "familiar" not in told[3]
    lone = replace(found, familiar=None)
    assert "familiar" not in answers_json(["a"], [Row(lone, 0)])["answers"][0]


def test_an_exported_model_says_it(fitted: Path, asked: Path, tmp_path: Path) -> None:
    assert run("export", fitted / "model", "--out", tmp_path / "m.onnx") == 0
    exported, model = headstart.load(tmp_path / "m.onnx"), headstart.load(fitted / "model")
    pictures = sorted(asked.iterdir())[:3]
    assert exported.familiarity(pictures) == pytest.approx(model.familiarity(pictures), abs=0.02)
    answers = exported.predictions(pictures)
    assert answers.warnings == ("", "", UNFAMILIAR)
    assert np.abs(answers.probabilities - model.predictions(pictures).probabilities).max() < 1e-4


def signed(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    """Other numbers, as if this program had written them."""
    arrays = load_file(folder / FAMILIAR_FILE)
    change(arrays)
    save_file(arrays, folder / FAMILIAR_FILE)
    described = json.loads((folder / "headstart.json").read_text())
    described["familiarity"] = digest(arrays)
    described["digest"] = _content_digest(described, load_file(folder / "head.safetensors"))
    (folder / "headstart.json").write_text(json.dumps(described))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("coef"), "it has the arrays distances, intercept"),
        (lambda a: a.update(mean=a["mean"][:-1]), "'mean' is"),
        (lambda a: a.update(mean=a["mean"] + 9), "numbers of 'mean' are not finite and at most"),
        (lambda a: a.update(distances=a["distances"][::-1].copy()), "its distances do not rise"),
        (lambda a: a.update(distances=a["distances"] * np.nan), "numbers of 'distances' are not"),
        (lambda a: a.update(weights=np.ones(3)), "'weights' is"),
        (lambda a: a.update(transform=a["transform"].astype(np.int64)), "'transform' is int64"),
    ],
)
def test_what_no_fit_gives_is_refused(
    fitted: Path, tmp_path: Path, change: Callable[[dict[str, np.ndarray]], object], message: str
) -> None:
    folder = tmp_path / "model"
    save_model(load_model(fitted / "model"), folder)
    load_model(folder)
    signed(folder, change)
    with pytest.raises(ModelFolderError, match=message):
        load_model(folder)


def test_a_part_that_is_gone_or_of_another_model_is_refused(fitted: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_model(load_model(fitted / "model"), folder)
    whole = (folder / FAMILIAR_FILE).read_bytes()
    (folder / FAMILIAR_FILE).unlink()
    with pytest.raises(ModelFolderError, match=r"familiar\.safetensors is missing"):
        load_model(folder)
    (folder / FAMILIAR_FILE).write_bytes(whole)
    arrays = load_file(folder / FAMILIAR_FILE)
    save_file({**arrays, "mean": arrays["mean"] / 2}, folder / FAMILIAR_FILE)
    with pytest.raises(ModelFolderError, match=r"familiar\.safetensors is damaged: it is not as"):
        load_model(folder)
    described = json.loads((folder / "headstart.json").read_text())
    (folder / "headstart.json").write_text(json.dumps({**described, "familiarity": None}))
    with pytest.raises(ModelFolderError, match="not as they were saved"):
        load_model(folder)
