"""An exported file answers as its model does, without torch, from the program and from Python."""

from __future__ import annotations

import copy
import csv
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.export.conftest import CLASSES
from tests.program import run

import headstart
from headstart.errors import BadInputsError, ModelFolderError, UsageError
from headstart.explain.explain import explain_picture
from headstart.export.exported_model import load_exported, open_model
from headstart.exported_classifier import ExportedClassifier
from headstart.images.source import local_files
from headstart.model_dir import save_model
from headstart.options import EmbedOptions
from headstart.recipes.trained_model import TrainedModel

FORBIDDEN = (
    "torch", "torchvision", "timm", "sklearn", "scipy", "matplotlib", "cleanlab", "safetensors",
    "huggingface_hub", "jinja2", "markupsafe", "threadpoolctl", "onnx", "onnxscript", "pandas",
)  # fmt: skip
WITHOUT = f"""
import sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {FORBIDDEN!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Forbidden())
"""
PROGRAM = WITHOUT + "from headstart.cli.main import main\nmain(sys.argv[1:])"


def without_torch(code: str, *arguments: object) -> tuple[int, str]:
    """Exit code and standard error of a process in which no such package can be imported."""
    words = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stderr


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def odd_pictures(tmp_path: Path) -> Path:
    """Pictures of several sizes, one of them broken."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(2)
    for number, size in enumerate(((40, 31), (33, 90), (200, 64), (32, 32), (5, 3))):
        pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"p{number}.{'jpg' if number == 2 else 'png'}")
    (folder / "p9.png").write_bytes(b"no picture")
    return folder


def test_answers_are_the_models(exported: Path, model: TrainedModel, odd_pictures: Path) -> None:
    files = local_files(sorted(odd_pictures.iterdir()))
    again = open_model(exported)
    expected = model.predict(files, options=EmbedOptions(device="cpu"))
    for options in (EmbedOptions(), EmbedOptions(cache=False, workers=3, embed_batch=2)):
        found = again.predict(files, options=options)
        assert found.classes == CLASSES
        assert found.errors == expected.errors
        assert found.predicted == expected.predicted
        gap = np.abs(found.probabilities - expected.probabilities)[:-1]
        assert gap.max() < 1e-5
        assert found.familiar is not None
        assert found.familiar == pytest.approx(expected.familiar, rel=1e-6, nan_ok=True)
    assert again.predict(files).probabilities[:-1].sum(axis=1) == pytest.approx(1, abs=1e-12)


def test_the_program_predicts_without_torch(
    exported: Path, model: TrainedModel, odd_pictures: Path, tmp_path: Path
) -> None:
    words = ("predict", exported, odd_pictures, "--out", tmp_path / "a.csv")
    assert without_torch(PROGRAM, *words) == (1, "")  # 1 for the broken picture
    save_model(model, tmp_path / "model")
    assert run("predict", tmp_path / "model", odd_pictures, "--out", tmp_path / "b.csv") == 1
    first, second = rows_of(tmp_path / "a.csv"), rows_of(tmp_path / "b.csv")
    assert list(first[0]) == list(second[0])
    for one, other in zip(first, second, strict=True):
        for name in one:
            numbers = ("probability", "familiar")
            if one[name] and (name in numbers or name.startswith("p(")):
                assert float(one[name]) == pytest.approx(float(other[name]), abs=1e-5)
            else:
                assert one[name] == other[name]


def test_it_is_explained_without_torch(
    exported: Path, model: TrainedModel, odd_pictures: Path, tmp_path: Path
) -> None:
    """By occlusion, as its model would be."""
    words = ("explain", exported, odd_pictures / "p1.png", "--out", tmp_path / "why.png")
    code, said = without_torch(PROGRAM, *words)
    assert code == 0, said
    image = local_files([odd_pictures / "p1.png"])[0]
    wanted = explain_picture(model, image, method="occlusion")
    found = explain_picture(open_model(exported), image)
    assert found.method == "occlusion"
    assert np.allclose(found.values, wanted.values, atol=1e-4)


def test_python_answers_without_torch(exported: Path, odd_pictures: Path) -> None:
    code = WITHOUT + (
        "import headstart\n"
        "model = headstart.load(sys.argv[1])\n"
        "print(model.predict_proba(sys.argv[2:]).shape, model.classes_.tolist(), file=sys.stderr)\n"
    )
    pictures = sorted(odd_pictures.iterdir())[:3]
    assert without_torch(code, exported, *pictures) == (0, f"(3, 3) {list(CLASSES)}\n")


def test_what_needs_torch_says_how_to_get_it(
    exported: Path, model: TrainedModel, odd_pictures: Path, tmp_path: Path
) -> None:
    save_model(model, tmp_path / "model")
    for words in (
        ("predict", tmp_path / "model", odd_pictures),
        ("fit", odd_pictures),
        ("export", tmp_path / "model", "--out", tmp_path / "m.onnx"),
        ("predict", exported, odd_pictures / "p0.png", "--show", tmp_path / "s.png"),
    ):
        code, told = without_torch(PROGRAM, *words)
        assert code == 2, told
        assert 'pip install "headstart[train]"' in told
        assert "Traceback" not in told
    code, told = without_torch(WITHOUT + "from headstart import ImageClassifier")
    assert code == 1
    assert told.rstrip().endswith('pip install "headstart[train]"')


def test_a_face_in_python(exported: Path, pictures: list[Path]) -> None:
    loaded = headstart.load(exported)
    assert isinstance(loaded, ExportedClassifier)
    assert loaded.classes_.tolist() == sorted(CLASSES)
    answers = loaded.predict(pictures)
    assert set(answers) <= set(CLASSES)
    assert loaded.score(pictures, answers) == 1.0
    assert loaded.predictions(pictures).predicted == tuple(answers)
    pixels = [np.asarray(Image.open(path)) for path in pictures]
    assert np.array_equal(loaded.predict_proba(pixels), loaded.predict_proba(pictures))
    for copied in (copy.deepcopy(loaded), pickle.loads(pickle.dumps(loaded))):
        assert np.array_equal(copied.predict_proba(pictures), loaded.predict_proba(pictures))
    with pytest.raises(BadInputsError, match="gone"):
        loaded.predict([*pictures, "gone.png"])
    loaded.max_pixels = 5
    with pytest.raises(BadInputsError, match="raise it with max_pixels"):
        loaded.predict(pictures)


def test_what_an_exported_model_cannot(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--device is cuda; an exported model is run on a proc"):
        load_exported(exported, device="cuda")
    made = open_model(exported)
    with pytest.raises(UsageError, match=r"is an exported model, whose weights are part of its"):
        save_model(made, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    with pytest.raises(UsageError, match="has no torch network here"):
        _ = made.backbone.module
    with pytest.raises(UsageError, match="no map of features"):
        made.backbone.feature_map(np.zeros((1, 32, 32, 3), dtype=np.uint8))
    with pytest.raises(ModelFolderError, match="is not a model of this program"):
        open_model(tmp_path / "other.bin")


def test_without_onnxruntime(exported: Path) -> None:
    code = PROGRAM.replace("'torch', ", "'onnxruntime', 'torch', ")
    ended = without_torch(code, "predict", exported, "photo.jpg")
    assert ended[0] == 2
    assert 'needs onnxruntime: pip install "headstart[onnx]"' in ended[1]
