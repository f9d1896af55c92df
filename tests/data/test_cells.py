from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.embedding import paths_of

from headstart.data.cells import read_cells
from headstart.data.fixes import read_fixes
from headstart.data.image_table import ImageTable
from headstart.data.read_table import read_table
from headstart.errors import MissingExtraError, TableError, UsageError
from headstart.options import ReadOptions

NAMES = ["cat0.png", "dog0.png", "cat1.png", "dog1.png", "cat2.png", "dog2.png"]


ROWS = [(name, name[:3]) for name in NAMES]


PLAIN = "image,label\n" + "".join(f"{name},{label}\n" for name, label in ROWS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A table's folder, with files that only have to be there."""
    for name in NAMES:
        (tmp_path / name).write_bytes(b"picture")
    return tmp_path


def read(
    folder: Path, content: str | bytes, *, keep: bool = False, **options: object
) -> ImageTable:
    path = folder / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    given = ReadOptions(**options)  # type: ignore[arg-type]  # options by name, for short tests
    return read_table(path, given, keep_missing=keep)


def assert_six(table: ImageTable) -> None:
    assert table.ids == tuple(NAMES)
    assert table.labels == ("cat", "dog") * 3
    assert all(path.is_file() for path in paths_of(table.images))
    assert table.bad == ()


def bad(table: ImageTable) -> list[str]:
    return [str(item) for item in table.bad]


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b"\xef\xbb\xbf" + PLAIN.encode(), "byte-order mark of UTF-8 taken off"),
        (PLAIN.replace(",", "\t").encode("utf-16"), "byte-order mark of UTF-16 taken off"),
        (PLAIN.replace(",", "\t").encode(), "cells separated by tab"),
        (PLAIN.replace(",", ";").encode(), "cells separated by ';'"),
        (b"sep=;\r\n" + PLAIN.replace(",", ";").encode(), "cells separated by ';'"),
        (PLAIN.replace("\n", "\r\n").encode(), "images from column 'image', labels from 'label'"),
        (PLAIN.replace("\n", "\r").encode(), "images from column 'image', labels from 'label'"),
        (PLAIN.replace("\n", ",\n").replace("l,\n", "l\n", 1).encode(), "empty cells beyond"),
    ],
)
def test_encodings_and_separators(folder: Path, content: bytes, note: str) -> None:
    table = read(folder, content)
    assert_six(table)
    assert any(line.startswith(note) for line in table.notes)


def test_decimal_commas_between_semicolons(folder: Path) -> None:
    rows = "".join(f"{name};{label};0,{i}\n" for i, (name, label) in enumerate(ROWS))
    assert_six(read(folder, "image;label;score\n" + rows))


def test_latin_1_is_an_error_until_it_is_named(folder: Path) -> None:
    content = PLAIN.replace(",dog", ",chien méchant").encode("latin-1")
    with pytest.raises(TableError, match=r"table.csv, line 3: not UTF-8 .*--encoding latin-1"):
        read(folder, content)
    assert read(folder, content, encoding="latin-1").classes == ("cat", "chien méchant")


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark(folder: Path, codec: str) -> None:
    content = PLAIN.encode(codec)
    with pytest.raises(TableError, match=f"UTF-16 without a byte-order mark.*{codec}"):
        read(folder, content)
    assert_six(read(folder, content, encoding=codec))


def test_commas_quotes_and_newlines_inside_cells(folder: Path) -> None:
    rows = [f'{name},"{label}, small","{i} ""x""\nnext"' for i, (name, label) in enumerate(ROWS)]
    table = read(folder, "image,label,notes\n" + "\n".join(rows))
    assert table.classes == ("cat, small", "dog, small")
    assert table.lines == (2, 4, 6, 8, 10, 12)


def test_quotes_that_do_not_match(folder: Path) -> None:
    with pytest.raises(TableError, match="line 4: the quotes do not match"):
        read(folder, 'image,label\ncat0.png,cat\ndog0.png,dog\ncat1.png,"cat\ndog1.png,dog\n')


def test_a_given_separator(folder: Path) -> None:
    assert_six(read(folder, PLAIN.replace(",", ":"), separator=":"))
    assert_six(read(folder, PLAIN.replace(",", "\t"), separator="tab"))
    with pytest.raises(TableError, match="separator ';' there is one column, 'image,label'"):
        read(folder, PLAIN, separator=";")
    assert_six(read(folder, PLAIN.replace(",", "\t"), separator="\t"))


def test_files_that_are_no_table(folder: Path) -> None:
    for content, words in {
        b"PK\x03\x04\x14\0xl/workbook.xml": "an Excel workbook; save it as CSV",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\x90": "unknown binary data",
    }.items():
        with pytest.raises(TableError, match=f"not a table; it looks like {words}"):
            read(folder, content)


def test_a_stray_nul_byte_is_named_with_its_line(folder: Path) -> None:
    with pytest.raises(TableError, match="line 4: has a NUL byte"):
        read(folder, PLAIN.replace("cat1.png", "ca\0t1.png"))


@pytest.mark.parametrize("change", [{"separator": ";"}, {"encoding": "latin-1"}])
def test_a_parquet_table_has_no_separator(folder: Path, change: dict[str, str]) -> None:
    (folder / "table.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match=r"for text tables, and table.parquet is Parquet"):
        read_table(folder / "table.parquet", ReadOptions(**change))  # type: ignore[arg-type]


def test_parquet_without_the_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r'pip install "headstart\[parquet\]"'):
        read(folder, b"PAR1rest")


def test_parquet(folder: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = folder / "table.parquet"

    def labels(column: Sequence[object]) -> ImageTable:
        parquet.write_table(pyarrow.table({"image": NAMES, "label": column}), path)
        return read_table(path, ReadOptions())

    assert labels([1, 0, 1, 0, 1, 0]).labels == ("1", "0") * 3
    assert labels([1.0, 0.0] * 3).labels == ("1.0", "0.0") * 3
    assert labels([True, False] * 3).labels == ("True", "False") * 3
    assert labels(["cat", "dog"] * 3).lines == (1, 2, 3, 4, 5, 6)
    assert bad(labels(["cat", None] + ["dog"] * 4)) == ["table.parquet, line 2: dog0.png: no label"]
    assert bad(labels([1.0, float("nan")] + [2.0] * 4)) == [
        "table.parquet, line 2: dog0.png: no label"
    ]
    with pytest.raises(TableError, match="a damaged Parquet table"):
        read(folder, b"PAR1 nothing of the kind PAR1")


def test_a_cell_that_is_too_long_has_short_words(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    for content in (
        "image,label\na.png,x\nb.png," + "y" * 1_000_000 + "\n",
        'image,label\na.png,x\nb.png,"' + "y\n" * 500_000,
    ):
        table.write_text(content)
        with pytest.raises(TableError) as caught:
            read_cells(table)
        assert str(caught.value) == (
            "t.csv, line 3: a cell begins here that has more than 131,072 characters; shorten it, "
            "or close its quotes"
        )


def test_a_pipe_is_no_table(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.csv")
    with pytest.raises(TableError, match="is not a regular file"):
        read_cells(tmp_path / "t.csv")
    with pytest.raises(TableError, match="is not a regular file"):
        read_fixes(tmp_path / "t.csv")
