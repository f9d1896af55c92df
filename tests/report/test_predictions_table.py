from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headstart.evaluate.predictions import Predictions
from headstart.report.predictions_table import (
    predictions_header,
    predictions_rows,
    write_blocks,
    write_predictions,
)

NAN = float("nan")
THIRD = 1 / 3


def example() -> Predictions:
    return Predictions(
        images=("z.jpg", "broken.jpg", "=1+1,\r.jpg", "z.jpg"),
        classes=("2", "10"),
        probabilities=np.array([[THIRD, 1 - THIRD], [NAN, NAN], [1.0, 0.0], [THIRD, 1 - THIRD]]),
        truth=("10", "-2", "+2", 'say "2"\n'),
        errors=("", "truncated, half\rgone", "", ""),
    )


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def table_of(predictions: Predictions) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    return predictions_header(predictions), list(predictions_rows(predictions))


def test_rows_have_every_column_in_stored_order() -> None:
    header, rows = table_of(example())
    assert header == ("image", "label", "predicted", "probability", "p(2)", "p(10)", "error")
    assert rows[0] == (
        *("z.jpg", "10", "10", "0.6666666666666667"),
        *("0.3333333333333333", "0.6666666666666667", ""),
    )
    assert rows[1] == ("broken.jpg", "-2", "", "", "", "", "truncated, half\rgone")
    assert rows[2][2:] == ("2", "1.0", "1.0", "0.0", "")
    assert [row[0] for row in rows] == ["z.jpg", "broken.jpg", "=1+1,\r.jpg", "z.jpg"]


def test_no_label_column_when_the_truth_is_unknown() -> None:
    header, rows = table_of(replace(example(), truth=None))
    assert header == ("image", "predicted", "probability", "p(2)", "p(10)", "error")
    assert rows[0][:3] == ("z.jpg", "10", "0.6666666666666667")
    assert {len(row) for row in rows} == {6}


def test_file_gives_back_the_exact_text_and_numbers(tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    write_predictions(path, example())
    header, rows = table_of(example())
    assert read(path) == [list(header), *(list(row) for row in rows)]
    assert float(read(path)[1][4]) == THIRD
    assert path.read_bytes().endswith(b"\n")
    assert b"\r\n" not in path.read_bytes()


def test_names_beyond_ascii_and_names_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    images = ("été.jpg", "bad\udcff.jpg")
    write_predictions(path, Predictions(images, ("ä",), np.ones((2, 1)), None, ("", "")))
    assert path.read_bytes().splitlines() == [
        "image,predicted,probability,p(ä),error".encode(),
        "été.jpg,ä,1.0,1.0,".encode(),
        b"bad\xff.jpg," + "ä,1.0,1.0,".encode(),
    ]


def test_no_rows_give_the_header_alone(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.csv", Predictions((), ("a", "b"), np.zeros((0, 2)), None, ()))
    assert (tmp_path / "p.csv").read_text() == "image,predicted,probability,p(a),p(b),error\n"


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("old")
    with pytest.raises(FileExistsError):
        write_predictions(path, example())
    assert path.read_text() == "old"


def test_warnings_are_the_last_column_where_they_are_known(tmp_path: Path) -> None:
    warned = replace(example(), warnings=("", "", "one colour all over", ""))
    header, rows = table_of(warned)
    assert header[-2:] == ("error", "warning")
    assert [row[-1] for row in rows] == ["", "", "one colour all over", ""]
    write_predictions(tmp_path / "whole.csv", warned)
    write_blocks(tmp_path / "blocks.csv", (warned.first(1), warned.first(4)))
    whole = read(tmp_path / "whole.csv")
    assert read(tmp_path / "blocks.csv") == [*whole[:2], *whole[1:]]
