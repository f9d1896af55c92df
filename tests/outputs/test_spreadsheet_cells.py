"""Cells that a spreadsheet would compute: harmless with --safe-csv, and read back as they were."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.data.cells import read_cells
from headstart.outputs.own_files import FIXES_HEADER, is_predictions_table, is_unedited_fixes
from headstart.outputs.spreadsheet_cells import as_written, restored, spreadsheet_cells
from headstart.outputs.text_files import write_rows, write_table

ODD = ["=1+1", "+a", "-b", "@c", "\tx", "\rx", "'=d", "''", "'e", "\uff1df", "plain", "", "a=b"]


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_by_default_every_cell_is_verbatim(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", ["name"], [[cell] for cell in ODD])
    assert [row[0] if row else "" for row in rows_of(tmp_path / "t.csv")[1:]] == ODD


def test_no_cell_of_a_safe_table_begins_a_formula(tmp_path: Path) -> None:
    with spreadsheet_cells(True):
        write_rows(tmp_path / "t.csv", [{"name": cell, "share": -0.5} for cell in ODD])
    header, *rows = rows_of(tmp_path / "t.csv")
    assert header == ["name", "share", "safe_csv"]
    assert not [row for row in rows if row[0].startswith(tuple("=+-@\t\r\uff1d"))]
    assert {row[1] for row in rows} == {"-0.5"}  # a number is no formula
    cells = read_cells(tmp_path / "t.csv")
    assert cells.columns == ("name", "share")
    assert [row[0] for _, row in cells.rows] == ODD
    assert cells.notes == ("apostrophes of --safe-csv taken off",)
    with spreadsheet_cells(False):
        assert as_written(["a"], [["=1"]]) == (["a"], [["=1"]])


def test_apostrophes_of_other_tables_stay(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,label\n'=a.png,'-tis\n")
    assert [row for _, row in read_cells(tmp_path / "t.csv").rows] == [["'=a.png", "'-tis"]]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_what_is_written_comes_back(cells: list[str]) -> None:
    with spreadsheet_cells(True):
        _, rows = as_written(["x"], [cells])
    (row,) = rows
    assert restored(row) == cells


@pytest.mark.parametrize("is_on", [True, False])
def test_earlier_results_are_known_either_way(is_on: bool, tmp_path: Path) -> None:
    with spreadsheet_cells(is_on):
        header = ["image", "predicted", "probability", "p(=a)", "p(b)", "error"]
        write_table(tmp_path / "p.csv", header, [["=x.png", "=a", "0.9", "0.9", "0.1", ""]])
        write_table(tmp_path / "f.csv", FIXES_HEADER, [["=x.png", "=a", "b", "0.9", ""]])
    assert is_predictions_table(tmp_path / "p.csv")
    assert is_unedited_fixes(tmp_path / "f.csv")
