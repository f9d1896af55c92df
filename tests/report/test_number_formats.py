"""Numbers and names in words."""

from __future__ import annotations

import pytest

from headstart.options import FitOptions, SplitOptions, as_json
from headstart.report import number_formats
from headstart.report.record import changed_options, record_tables


def test_numbers_as_a_reader_wants_them() -> None:
    assert number_formats.number(None) == "undefined"
    assert number_formats.number(0.9428) == "0.943"
    assert number_formats.plus_minus(0.9479, 0.0128) == "0.948 ± 0.013"
    assert number_formats.plus_minus(0.9479, None) == "0.948"
    assert number_formats.count(1, "class", "classes") == "1 class"
    assert number_formats.count(1646, "picture") == "1,646 pictures"
    assert number_formats.signed(-0.0283) == "−0.028"
    assert number_formats.breakable("a_<b>") == "a_<wbr>&lt;b&gt;"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (13_530_000, "13.5 MB"), (5e9, "5.0 GB")],
)
def test_file_sizes(size: float, text: str) -> None:
    assert number_formats.file_size(size) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.234, "0.23 s"), (12.4, "12 s"), (119.9, "120 s"), (200, "3 min 20 s")]
)
def test_seconds(value: float, text: str) -> None:
    assert number_formats.seconds(value) == text


def test_only_options_that_differ_are_shown() -> None:
    changed = as_json(FitOptions(split=SplitOptions(seed=7, near_duplicates=False)))
    assert changed_options(changed) == (("--seed", "7"), ("--near-duplicates", "False"))
    assert changed_options({"models": ["a"], "split": {"new": 1}}) == (
        ("--models", "['a']"),
        ("--new", "1"),
    )
    tables = dict(record_tables({"options": as_json(FitOptions()), "seed": 13}))
    assert tables["Options that differ from the defaults"] == (("None", "all are the defaults"),)
    assert tables["The run"] == (("Seed", "13"),)
