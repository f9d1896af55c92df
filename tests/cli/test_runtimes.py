"""headstart runtimes measures and keeps; every verb computes by it, and answers without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.program import run

import headstart
from headstart.backbones.opening import open_backbone
from headstart.backbones.runtimes import measurement
from headstart.backbones.runtimes.choice import Rate, keep_rates
from headstart.classifier import load_folder
from headstart.errors import UsageError
from headstart.options import BackboneOptions
from headstart.samples.drawn_set import write_drawn

TINY = ("--backbone", "test_resnet", "--random-weights", "--image-size", "32")
FORBIDDEN = """
import sys

class Forbids:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "timm", "torchvision", "sklearn", "scipy", "onnx"):
            raise AssertionError(f"{name} is loaded")

sys.meta_path.insert(0, Forbids())
from headstart.cli.main import main
main(sys.argv[1:])
"""
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "ROUNDS", 1)
    monkeypatch.setattr(measurement, "ROUND_SECONDS", 0.05)


def tiny(**more: Any) -> BackboneOptions:
    return BackboneOptions(backbone="test_resnet", random_weights=True, image_size=32, **more)


def features(source: Path, out: Path, *flags: str) -> Any:
    assert run("embed", source, "--out", out, *TINY, "--device", "cpu", *flags) == 0
    with np.load(out) as arrays:
        return arrays["features"]


def test_what_is_measured_is_what_auto_takes(
    quick: None, pictures: list[Path], tmp_path: Path, capsys: Printed
) -> None:
    folder = pictures[0].parent
    named = features(folder, tmp_path / "a.npz", "--runtime", "onnxruntime")
    before = features(folder, tmp_path / "b.npz")
    assert run("runtimes", *TINY) == 0
    shown = capsys.readouterr().out
    for runtime in ("torch", "onnxruntime", "openvino"):
        assert runtime in shown
    assert "--runtime auto takes" in shown
    assert "test_resnet at 32 pixels from now on" in shown
    backbone = open_backbone(tiny(), device="cpu", runtime="torch")
    keep_rates(
        backbone.info, [Rate("torch", "fp32", 1.0, 0.0), Rate("onnxruntime", "fp32", 9.0, 0.0)]
    )
    assert np.array_equal(features(folder, tmp_path / "c.npz"), named)
    half = open_backbone(tiny(precision="bf16"), device="cpu")
    assert (half.info.runtime, half.info.precision) == ("torch", "bf16")
    assert run("runtimes", "--forget", *TINY) == 0
    assert "forgotten" in capsys.readouterr().out
    assert np.array_equal(features(folder, tmp_path / "d.npz"), before)
    assert run("runtimes", "--forget", *TINY) == 0
    assert "nothing was measured" in capsys.readouterr().out


def test_each_flag_says_which_backbone(tmp_path: Path, capsys: Printed) -> None:
    file = tmp_path / "w.safetensors"
    save_file(open_backbone(tiny(), device="cpu").tensors(), file)
    ways = (
        TINY,
        (*TINY[:-1], "48"),
        ("--backbone", "test_vit", *TINY[2:]),
        (*TINY[:2], "--weights", file, *TINY[3:]),
        (*TINY, "--layer", "fc6"),
        TINY[:2],
    )
    told = [(run("runtimes", "--forget", *flags), *capsys.readouterr()) for flags in ways]
    assert [code for code, *_ in told] == [0, 0, 0, 0, 2, 2]
    assert "at 48 pixels" in told[1][1]
    assert "test_vit" in told[2][1]
    assert "fc6" in told[4][2]
    assert "weights" in told[5][2]


def test_a_model_answers_from_a_cold_start_without_torch(tmp_path: Path) -> None:
    table = write_drawn(tmp_path / "drawn", count=40)
    images = table.parent / "images"
    words = ("fit", table, "--images", images, "--out", tmp_path / "run", *TINY, "--folds", "0")
    assert run(*words, "--device", "cpu", "--runtime", "onnxruntime") == 0
    figures = json.loads((tmp_path / "run" / "metrics.json").read_text())
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (figures["runtime"], figures["precision"]) == ("onnxruntime", "fp32")
    assert record["machine"]["runtime"] == "onnxruntime in fp32"
    more = write_drawn(tmp_path / "more", count=12, seed=5).parent / "images"
    model = tmp_path / "run" / "model"
    flags = ("predict", model, more, "--device", "cpu", "--runtime", "onnxruntime", "--out")
    command = [sys.executable, "-c", FORBIDDEN, *map(str, flags), str(tmp_path / "a.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = [
        headstart.load(model, device="cpu", runtime=runtime).predict_proba(sorted(more.iterdir()))
        for runtime in ("torch", "onnxruntime", "openvino", "auto")
    ]
    for found in answers:
        assert np.abs(found - answers[0]).max() < 1e-5


def test_a_model_in_bf16_is_answered_by_its_own_runtime(
    tmp_path: Path, pictures: list[Path], capsys: Printed
) -> None:
    labels = [str(number % 2) for number in range(len(pictures))]
    classifier = headstart.ImageClassifier(
        "test_resnet", random_weights=True, image_size=32, precision="bf16", device="cpu"
    )
    classifier.fit(pictures, labels).save(tmp_path / "model")
    assert run("predict", tmp_path / "model", pictures[0], "--runtime", "onnxruntime") == 2
    assert "fitted on features of torch in bf16" in capsys.readouterr().err
    with pytest.raises(UsageError, match="runtime is 'tensorrt'; it must be auto, torch"):
        headstart.ImageEmbedder(runtime="tensorrt").fit(())
    classifier.set_params(precision="bf16", runtime="openvino")
    answers = classifier.fit(pictures, labels).predict_proba(pictures)
    classifier.save(tmp_path / "vino")
    again = load_folder(tmp_path / "vino", device="cpu")
    assert again.model_.backbone.info.runtime == "openvino"
    assert np.array_equal(again.predict_proba(pictures), answers)
    assert (again.runtime, again.precision) == ("openvino", "bf16")  # a clone learns alike
