from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from headstart.errors import UsageError
from headstart.options import DEFAULT_SEED
from headstart.samples.drawn_set import MODIFIED, QUALITY, _padded, _rows, draw_picture, write_drawn

COUNT = 24


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drawn(tmp_path_factory.mktemp("drawn"), count=COUNT)


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_table_and_pictures(table: Path) -> None:
    assert table.name == "labels.csv"
    assert list(rows(table)[0]) == ["image_names", "emergency_or_not"]
    assert [row["emergency_or_not"] for row in rows(table)].count("1") == COUNT // 2
    names = [row["image_names"] for row in rows(table)]
    assert sorted(names, key=lambda name: int(name[:-4])) == [f"{i}.jpg" for i in range(1, 25)]
    assert {path.name for path in (table.parent / "images").iterdir()} == set(names)


def test_files_tell_nothing(table: Path) -> None:
    paths = [table.parent / "images" / row["image_names"] for row in rows(table)]
    assert len({path.stat().st_size for path in paths}) == 1
    assert {path.stat().st_mtime for path in [*paths, table]} == {MODIFIED}
    heads = set()
    for path in paths:
        with JpegImageFile(path) as picture:
            picture.load()  # whole, in spite of the padding
            tables = tuple(tuple(values) for values in picture.quantization.values())
            heads.add((picture.format, picture.mode, picture.size, tables, len(picture.getexif())))
    assert len(heads) == 1
    assert next(iter(heads))[:3] == ("JPEG", "RGB", (224, 224))


def test_names_and_order_tell_nothing() -> None:
    # Over many seeds neither a row's place nor its number goes with the label beyond chance.
    places, numbers = [], []
    for seed in range(300):
        labels, names = _rows(COUNT, seed)
        places.append(np.corrcoef(labels, np.arange(COUNT))[0, 1])
        numbers.append(np.corrcoef(labels, [int(name[:-4]) for name in names])[0, 1])
    bound = 4 / np.sqrt(300 * (COUNT - 1))
    assert abs(np.mean(places)) < bound
    assert abs(np.mean(numbers)) < bound


def test_labels_belong_to_their_drawings(table: Path) -> None:
    for row, values in enumerate(rows(table)[:4]):
        emergency = values["emergency_or_not"] == "1"
        buffer = io.BytesIO()
        drawing = draw_picture(np.random.default_rng([DEFAULT_SEED, row]), emergency)
        drawing.save(buffer, "JPEG", quality=QUALITY)
        path = table.parent / "images" / values["image_names"]
        with Image.open(path) as stored, Image.open(buffer) as plain:
            assert stored.tobytes() == plain.tobytes()  # the padding changed no pixel


@pytest.mark.parametrize("missing", [4, 5, 65_537, 65_538, 65_540, 65_541, 200_000])
def test_padding_of_any_length(missing: int) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 30, 60)).save(buffer, "JPEG")
    plain = buffer.getvalue()
    padded = _padded(plain, len(plain) + missing)
    assert len(padded) == len(plain) + missing
    with Image.open(io.BytesIO(padded)) as grown, Image.open(io.BytesIO(plain)) as original:
        assert grown.tobytes() == original.tobytes()


def test_same_seed_same_bytes(table: Path, tmp_path: Path) -> None:
    again = write_drawn(tmp_path / "again", count=COUNT)
    other = write_drawn(tmp_path / "other", count=COUNT, seed=14)
    assert again.read_bytes() == table.read_bytes()
    assert other.read_bytes() != table.read_bytes()
    for path in (table.parent / "images").iterdir():
        assert (again.parent / "images" / path.name).read_bytes() == path.read_bytes()


def test_colours_go_with_no_class() -> None:
    count = 70

    def means(emergency: bool) -> np.ndarray:
        seeds = ([5, emergency, i] for i in range(count))
        drawings = [draw_picture(np.random.default_rng(seed), emergency) for seed in seeds]
        return np.array([np.asarray(drawing).mean(axis=(0, 1)) for drawing in drawings])

    yes, no = means(True), means(False)
    standard_error = np.sqrt((yes.var(axis=0) + no.var(axis=0)) / count)
    assert np.all(np.abs(yes.mean(axis=0) - no.mean(axis=0)) < 3 * standard_error)


def test_the_class_is_visible() -> None:
    yes = draw_picture(np.random.default_rng(3), emergency=True)
    no = draw_picture(np.random.default_rng(3), emergency=False)
    assert yes.size == no.size == (224, 224)
    changed = np.abs(np.asarray(yes, dtype=int) - np.asarray(no, dtype=int)).max(axis=2) > 60
    assert changed.mean() > 0.003


def test_too_few_pictures(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="count is 1"):
        write_drawn(tmp_path, count=1)
