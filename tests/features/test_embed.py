"""One pass; what is cached is not computed again; what changed is."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.embedding import embed_files

from headstart.options import EmbedOptions

Make = Callable[..., object]


def options(**changes: object) -> EmbedOptions:
    plain: dict[str, object] = {"device": "cpu", "workers": 2, "embed_batch": 4}
    return EmbedOptions(**{**plain, **changes})  # type: ignore[arg-type]


def test_rows_come_in_input_order(pictures, tiny_backbone) -> None:  # type: ignore[no-untyped-def]
    order = [*reversed(pictures), pictures[3]]
    found = embed_files(order, tiny_backbone, options())
    alone = [embed_files([path], tiny_backbone, options(cache=False)).values[0] for path in order]
    assert np.allclose(found.values, alone, atol=1e-5)
    assert found.values.dtype == np.float32
    assert found.errors == ("",) * 13


def test_second_run_computes_nothing_and_ten_new_cost_ten(pictures, tiny_backbone) -> None:  # type: ignore[no-untyped-def]
    first = embed_files(pictures[:2], tiny_backbone, options())
    assert (first.computed, tiny_backbone.pictures) == (2, 2)
    again = embed_files(pictures[:2], tiny_backbone, options())
    assert (again.computed, tiny_backbone.pictures) == (0, 2)
    assert np.array_equal(first.values, again.values)
    more = embed_files(pictures, tiny_backbone, options())
    assert (more.computed, tiny_backbone.pictures) == (10, 12)


def test_a_lone_picture_equals_itself_among_others(pictures, tiny_backbone) -> None:  # type: ignore[no-untyped-def]
    many = embed_files(pictures, tiny_backbone, options(cache=False, embed_batch=12))
    for batch in (1, 3, 5):
        few = embed_files(pictures, tiny_backbone, options(cache=False, embed_batch=batch))
        assert np.abs(few.values - many.values).max() < 1e-5


def test_a_thread_takes_few_pictures_at_once_unless_told(pictures, tiny_backbone) -> None:  # type: ignore[no-untyped-def]
    embed_files(pictures, tiny_backbone, options(cache=False, embed_batch=None))
    assert tiny_backbone.batches == [4, 4, 4]
    embed_files(pictures, tiny_backbone, options(cache=False, embed_batch=None, views=1))
    assert tiny_backbone.batches[3:] == [4] * 6  # two pictures, two inputs each


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_number_of_workers_changes_nothing(pictures, tiny_backbone, workers: int) -> None:  # type: ignore[no-untyped-def]
    found = embed_files(pictures, tiny_backbone, options(cache=False, workers=workers, views=2))
    same = embed_files(pictures, tiny_backbone, options(cache=False, workers=2, views=2))
    assert np.array_equal(found.values, same.values)
    assert np.array_equal(found.views, same.views)


def test_another_backbone_never_gets_the_old_features(pictures, make_backbone: Make) -> None:  # type: ignore[no-untyped-def]
    one, two = make_backbone("one", seed=1), make_backbone("two", seed=2)
    first = embed_files(pictures, one, options())  # type: ignore[arg-type]
    second = embed_files(pictures, two, options())  # type: ignore[arg-type]
    assert second.computed == 12
    assert not np.allclose(first.values, second.values)


def test_same_bytes_under_two_names_go_through_the_backbone_once(  # type: ignore[no-untyped-def]
    pictures, tiny_backbone, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.png"
    shutil.copy(pictures[0], copy)
    found = embed_files([pictures[0], pictures[1], copy], tiny_backbone, options())
    assert tiny_backbone.pictures == 2
    assert np.array_equal(found.values[0], found.values[2])
    assert found.digests[0] == found.digests[2]


def test_equal_broken_files_all_have_their_error(  # type: ignore[no-untyped-def]
    pictures, tiny_backbone, tmp_path: Path
) -> None:
    copies = [tmp_path / f"broken{number}.png" for number in range(8)]
    for copy in copies:
        copy.write_bytes(pictures[0].read_bytes()[:200])
    found = embed_files(copies, tiny_backbone, options(workers=4, embed_batch=2))
    assert all("truncated" in error for error in found.errors)
    assert found.statistics == (None,) * 8


def test_moved_files_are_known_by_their_content(pictures, tiny_backbone, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    embed_files(pictures, tiny_backbone, options())
    moved = [path.rename(tmp_path / f"moved-{path.name}") for path in pictures]
    found = embed_files(moved, tiny_backbone, options())
    assert found.computed == 0


def test_a_changed_file_is_computed_again(pictures, tiny_backbone) -> None:  # type: ignore[no-untyped-def]
    before = embed_files(pictures[:1], tiny_backbone, options())
    Image.new("RGB", (24, 20), (0, 255, 0)).save(pictures[0])
    after = embed_files(pictures[:1], tiny_backbone, options())
    assert after.computed == 1
    assert not np.allclose(before.values, after.values)


def test_same_size_and_time_but_other_content_is_noticed(pictures, tiny_backbone) -> None:  # type: ignore[no-untyped-def]
    path = pictures[0].with_suffix(".bmp")
    Image.new("RGB", (8, 8), (255, 0, 0)).save(path)
    status = path.stat()
    before = embed_files([path], tiny_backbone, options())
    Image.new("RGB", (8, 8), (0, 0, 255)).save(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    after = embed_files([path], tiny_backbone, options())
    assert not np.allclose(before.values, after.values)


def test_unreadable_pictures_have_their_error_and_no_features(  # type: ignore[no-untyped-def]
    pictures, tiny_backbone, tmp_path: Path
) -> None:
    broken, empty = tmp_path / "broken.png", tmp_path / "empty.png"
    broken.write_bytes(pictures[0].read_bytes()[:200])
    empty.touch()
    order = [pictures[0], broken, pictures[1], empty, tmp_path / "gone.png", pictures[2]]
    for _ in range(2):  # from the backbone, then from the cache
        found = embed_files(order, tiny_backbone, options())
        assert [bool(error) for error in found.errors] == [False, True, False, True, True, False]
        assert "truncated" in found.errors[1]
        assert found.errors[3] == "empty (0 bytes)"
        assert found.errors[4] == "not found"
        assert np.isnan(found.values[[1, 3, 4]]).all()
        assert np.isfinite(found.values[[0, 2, 5]]).all()
    assert tiny_backbone.pictures == 3


def test_a_killed_run_loses_at_most_the_last_batch(pictures, make_backbone: Make) -> None:  # type: ignore[no-untyped-def]
    backbone = make_backbone()
    plain = backbone.embed  # type: ignore[attr-defined]

    def dies_in_the_third_batch(pixels: np.ndarray) -> np.ndarray:
        if backbone.pictures == 8:  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        return plain(pixels)  # type: ignore[no-any-return]

    backbone.embed = dies_in_the_third_batch  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt):
        embed_files(pictures, backbone, options(workers=1))  # type: ignore[arg-type]
    fresh = make_backbone()
    found = embed_files(pictures, fresh, options())  # type: ignore[arg-type]
    assert found.computed == 4


@pytest.mark.parametrize("damage", ["garbage", "truncated", "other"])
def test_a_damaged_cache_is_set_aside_with_a_line(  # type: ignore[no-untyped-def]
    damage: str, pictures, tiny_backbone, own_cache: Path
) -> None:
    embed_files(pictures, tiny_backbone, options())
    for file in own_cache.rglob("*.sqlite"):
        for ending in ("-wal", "-shm"):
            file.with_name(file.name + ending).unlink(missing_ok=True)
        if damage == "garbage":
            file.write_bytes(os.urandom(9000))
        elif damage == "truncated":
            file.write_bytes(file.read_bytes()[:5000])
        else:
            file.unlink()
            with sqlite3.connect(file) as other:
                other.execute("CREATE TABLE features (something TEXT)")
                other.execute("CREATE TABLE files (something TEXT)")
            other.close()

    lines: list[str] = []

    class Notes:
        def note(self, line: str) -> None:
            lines.append(line)

        def start(self, label: str, total: int) -> None: ...
        def advance(self, steps: int = 1) -> None: ...
        def stop(self) -> None: ...

    found = embed_files(pictures, tiny_backbone, options(), progress=Notes())
    assert found.computed == 12
    assert np.isfinite(found.values).all()
    assert any("set aside" in line for line in lines)
    assert list(own_cache.rglob("*.damaged-*"))
    assert embed_files(pictures, tiny_backbone, options()).computed == 0


def test_a_cache_that_cannot_be_written_is_no_failure(  # type: ignore[no-untyped-def]
    pictures, tiny_backbone, own_cache: Path
) -> None:
    own_cache.parent.mkdir(exist_ok=True)
    own_cache.write_text("a file where the folder should be")
    found = embed_files(pictures, tiny_backbone, options())
    assert np.isfinite(found.values).all()


def test_views_are_seeded_cached_and_not_the_picture(pictures, tiny_backbone) -> None:  # type: ignore[no-untyped-def]
    found = embed_files(pictures, tiny_backbone, options(views=3), seed=1)
    assert found.views.shape == (12, 3, 8)
    assert tiny_backbone.pictures == 48
    again = embed_files(pictures, tiny_backbone, options(views=4), seed=1)
    assert tiny_backbone.pictures == 60
    assert np.array_equal(found.views, again.views[:, :3])
    assert np.array_equal(found.values, again.values)
    other = embed_files(pictures, tiny_backbone, options(views=3), seed=2)
    assert not np.allclose(other.views, found.views)
    assert not np.allclose(found.views[:, 0], found.views[:, 1])
