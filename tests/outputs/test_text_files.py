"""JSON as it is written: the same values, a line for each item, a matrix row by row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headstart.outputs.text_files import write_json


def test_a_list_of_numbers_is_one_line(tmp_path: Path) -> None:
    content = {
        "matrix": [[1, 0], [2, 3]],
        "names": ["a", 'b "c"', "\udcff"],
        "kinds": [{"n": 1.5, "sure": None}, True],
        "none": {"list": [], "dict": {}},
        "é": 1e-300,
    }
    path = tmp_path / "figures.json"
    write_json(path, content)
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == content
    assert text.startswith(
        '{\n  "matrix": [\n    [1, 0],\n    [2, 3]\n  ],\n  "names": [\n    "a",'
    )
    assert text.endswith('  "é": 1e-300\n}\n')


def test_what_is_no_number_is_refused(tmp_path: Path) -> None:
    for value in (float("nan"), [1.0, float("inf")]):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write_json(tmp_path / "figures.json", {"value": value})
    assert not list(tmp_path.iterdir())
