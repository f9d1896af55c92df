"""The commands of the README's section "Where your pictures are" run as they stand there."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.program import run
from tests.tiny_classifier import LABELS, classifier

README = Path(__file__).parents[1] / "README.md"
WRITTEN = {"model.onnx", "model.pt2", "why.png"}


def commands() -> list[list[str]]:
    """The words of each command behind `headstart`, in their order."""
    text = README.read_text(encoding="utf-8").partition("\n## Where your pictures are\n")[2]
    section = text.partition("\n## ")[0]
    return [line.split() for line in re.findall(r"^    headstart (.+)$", section, re.MULTILINE)]


def test_the_five_commands(
    pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = commands()
    assert [words[0] for words in asked] == ["export", "predict", "export", "serve", "explain"]
    classifier(C=1.0).fit(pictures, LABELS).save(tmp_path / "run" / "model")
    shutil.copytree(pictures[0].parent, tmp_path / "photos")
    shutil.copy(pictures[0], tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    for words in asked:
        if words[0] == "serve":
            serves(words)
        else:
            assert run(*words) == 0, words
    assert {path.name for path in tmp_path.iterdir()} >= WRITTEN


def serves(words: list[str]) -> None:
    """The server starts, on a port that is free, and answers."""
    assert words[-2:] == ["--port", "8000"]
    command = [sys.executable, "-m", "headstart", *words[:-1], "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            place = re.search(r"http://\S+", process.stderr.readline())
            assert place is not None
            assert httpx.get(f"{place[0]}healthz", trust_env=False).status_code == 200
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
