"""A package can count as absent while another is imported, and is there again afterwards."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from headstart.extras import without

NOT_LOADED = """
import sys
import headstart.heads.linear
assert "sklearn" in sys.modules
assert "pandas" not in sys.modules
import pandas
assert pandas.DataFrame
"""


def test_a_package_is_absent_inside_and_there_again_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "never_loaded.py").write_text("ANSWER = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    with without("never_loaded"), pytest.raises(ModuleNotFoundError):
        import_module("never_loaded")
    assert import_module("never_loaded").ANSWER == 42
    del sys.modules["never_loaded"]


def test_a_loaded_package_stays() -> None:
    with without("subprocess"):
        assert import_module("subprocess") is subprocess
    assert sys.modules["subprocess"] is subprocess


def test_heads_load_no_pandas() -> None:
    pytest.importorskip("pandas")
    subprocess.run([sys.executable, "-c", NOT_LOADED], check=True, timeout=200)
