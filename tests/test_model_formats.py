"""Model folders that earlier versions saved answer as they did; tests/models/README.md says how."""

from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import headstart
from headstart.model_dir import load_model

MODELS = Path(__file__).parent / "models"
PICTURES = sorted((MODELS / "pictures").glob("*.png"))
SAVED = sorted(
    str(path.with_suffix("").relative_to(MODELS)) for path in MODELS.glob("format_*/*.json")
)


def kept(name: str) -> tuple[dict[str, Any], np.ndarray]:
    """What the earlier version answered, and its features (n, d)."""
    answers = json.loads((MODELS / f"{name}.json").read_text(encoding="utf-8"))
    assert answers["pictures"] == [path.name for path in PICTURES]
    return answers, np.load(MODELS / f"{name}.npy")


def rounding(features: np.ndarray) -> str:
    """Digest of sums and powers of the kinds that a head takes, on this machine."""
    wide = features.astype(np.float64)
    sums = wide @ wide[:3].T
    parts = (sums, np.exp(-sums / sums.max()), wide @ wide.T)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def kernels() -> str:
    """Digest of layers of the kinds that the networks have, on this machine with this torch."""
    rng = np.random.default_rng(0)

    def drawn(*shape: int) -> torch.Tensor:
        numbers = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))
        return numbers.contiguous(memory_format=torch.channels_last)

    content = [torch.__version__.encode(), torch.backends.cpu.get_cpu_capability().encode()]
    inputs = drawn(2, 32, 12, 12)
    for shape, groups in (((64, 32, 1, 1), 1), ((32, 1, 3, 3), 32), ((24, 32, 3, 3), 1)):
        maps = torch.nn.functional.conv2d(inputs, drawn(*shape), padding="same", groups=groups)
        content.append(torch.nn.functional.silu(maps).mean((2, 3)).numpy().tobytes())
    return hashlib.sha256(b"".join(content)).hexdigest()


def processor() -> str:
    """Who made this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((ln.partition(": ")[2] for ln in lines if ln.startswith("vendor_id")), "")


def test_every_head_is_kept() -> None:
    heads = {name.rpartition("_")[2] for name in SAVED}
    assert heads == {"linear", "svm", "knn", "mlp"}


@pytest.mark.parametrize("name", SAVED)
def test_the_head_answers_as_before(name: str) -> None:
    answers, features = kept(name)
    model = load_model(MODELS / name, device="cpu")
    assert list(model.classes) == answers["classes"]
    assert model.temperature == answers["temperature"]
    probabilities = model.probabilities(features)
    before = np.array(answers["probabilities"])
    if rounding(features) == answers["rounding"]:
        assert np.array_equal(probabilities, before)
    else:  # another processor's order of summing
        np.testing.assert_allclose(probabilities, before, rtol=1e-12)


@pytest.mark.parametrize("name", SAVED)
def test_pictures_are_prepared_and_answered_as_before(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, features = kept(name)
    classifier = headstart.load(MODELS / name, device="cpu")
    backbone = classifier.model_.backbone
    embed, seen = backbone.embed, []

    def watched(pixels: np.ndarray) -> np.ndarray:
        found = embed(pixels)
        seen.append((hashlib.sha256(pixels[0].tobytes()).hexdigest(), found[0]))
        return found

    monkeypatch.setattr(backbone, "embed", watched)
    # One after another, so that what is seen stands in the order of the pictures; then together.
    alone = np.concatenate([classifier.predict_proba([path]) for path in PICTURES])
    probabilities = classifier.predict_proba(PICTURES)
    before = np.array(answers["probabilities"])
    assert [pixels for pixels, _ in seen[: len(PICTURES)]] == answers["pixels"]
    found = np.array([vector for _, vector in seen[: len(PICTURES)]])
    here = processor()
    if kernels() == answers["kernels"] and answers.get("processor", here) == here:
        assert np.array_equal(found, features)
        if rounding(features) == answers["rounding"]:
            assert np.array_equal(probabilities, before)
    np.testing.assert_allclose(found, features, rtol=0, atol=1e-4 * np.abs(features).max())
    for answer in (alone, probabilities):
        np.testing.assert_allclose(answer, before, rtol=0, atol=1e-5)
    assert classifier.classes_.tolist() == answers["classes"]
    likeliest = [answers["classes"][best] for best in before.argmax(axis=1)]
    assert classifier.predict(PICTURES).tolist() == likeliest
