"""A second fit takes its features from the cache, and does not load what would compute them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.program import run

from headstart.samples.drawn_set import write_drawn

FLAGS = ("--backbone", "test_resnet", "--random-weights", "--image-size", "32", "--device", "cpu",
         "--folds", "3")  # fmt: skip
FORBIDDEN = """
import sys

class Forbids:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "timm", "torchvision"):
            raise AssertionError(f"{name} is loaded")

sys.meta_path.insert(0, Forbids())
from headstart.cli.main import main
main(sys.argv[1:])
"""


def fit_without_torch(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", FORBIDDEN, "fit", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_second_fit_loads_no_torch(tmp_path: Path) -> None:
    table = write_drawn(tmp_path / "drawn", count=40)
    words = (table, "--images", table.parent / "images", "--out", tmp_path / "run", *FLAGS)
    first = fit_without_torch(*words)
    assert "torch is loaded" in first.stderr  # the hook works: features must be computed
    assert run("fit", *words) == 0
    second = fit_without_torch(*words)
    assert second.returncode == 0, second.stderr
    assert "(0 pictures through the backbone)" in second.stdout
