"""The cache has a size limit: what was not used for longest goes first."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from tests.embedding import embed_files
from tests.marked_files import put

from headstart.cache_folder import cache_files, clear_cache
from headstart.errors import UsageError
from headstart.features.cache_limit import (
    DEFAULT_LIMIT,
    LIMIT_FILE,
    cache_limit,
    keep_to_limit,
    set_cache_limit,
)
from headstart.options import EmbedOptions

OPTIONS = EmbedOptions(device="cpu", workers=1)


def test_the_limit_is_kept(own_cache: Path) -> None:
    assert cache_limit() == DEFAULT_LIMIT
    set_cache_limit(1234)
    assert cache_limit() == 1234
    (own_cache / LIMIT_FILE).write_text("nonsense")
    assert cache_limit() == DEFAULT_LIMIT
    for wrong in (0, -1):
        with pytest.raises(UsageError, match="it must be above 0"):
            set_cache_limit(wrong)


def test_a_limit_that_cannot_be_kept(own_cache: Path) -> None:
    own_cache.write_text("a file where the folder should be")
    with pytest.raises(UsageError, match="the limit cannot be kept"):
        set_cache_limit(5)


def test_the_least_recently_used_go_first_and_whole(own_cache: Path) -> None:
    old = [put(own_cache / "features" / f"a.sqlite{end}", 100, 1) for end in ("", "-wal", "-shm")]
    middle = put(own_cache / "backbones" / "b.safetensors", 200, 2)
    new = put(own_cache / "features" / "c.sqlite", 300, 3)
    stay = [
        put(own_cache / name, 5000, 0)
        for name in ("images.sqlite", "downloads/w.pth", "backbones/x.json", "features/my.txt")
    ]
    set_cache_limit(800)
    assert keep_to_limit() == 0
    set_cache_limit(799)
    assert keep_to_limit() == 300
    assert not any(path.exists() for path in old)
    assert middle.exists()
    set_cache_limit(1)
    assert keep_to_limit([new]) == 200
    assert new.exists()
    assert keep_to_limit() == 300
    assert all(path.exists() for path in stay)


def test_a_wal_in_use_makes_its_file_recent(own_cache: Path) -> None:
    used = put(own_cache / "features" / "a.sqlite", 100, 1)
    put(own_cache / "features" / "a.sqlite-wal", 100, 9)
    put(own_cache / "features" / "b.sqlite", 100, 5)
    set_cache_limit(200)
    assert keep_to_limit() == 100
    assert used.exists()


def test_a_run_keeps_to_the_limit_and_keeps_its_own(  # type: ignore[no-untyped-def]
    pictures: list[Path], make_backbone, own_cache: Path
) -> None:
    backbones = [make_backbone(f"weights{number}", seed=number) for number in range(3)]
    first = embed_files(pictures, backbones[0], OPTIONS)
    files = list((own_cache / "features").glob("*.sqlite"))
    set_cache_limit(2 * files[0].stat().st_size)
    embed_files(pictures, backbones[1], OPTIONS)
    os.utime(files[0], (1, 1))
    assert embed_files(pictures, backbones[0], OPTIONS).computed == 0  # and is used now
    assert embed_files(pictures, backbones[2], OPTIONS).computed == 12
    assert len(list((own_cache / "features").glob("*.sqlite"))) == 2
    assert embed_files(pictures, backbones[0], OPTIONS).computed == 0
    set_cache_limit(1)
    again = embed_files(pictures, backbones[1], OPTIONS)
    assert again.computed == 12
    assert embed_files(pictures, backbones[1], OPTIONS).computed == 0
    assert np.array_equal(embed_files(pictures, backbones[0], OPTIONS).values, first.values)


def test_only_our_files_are_cleared(own_cache: Path) -> None:
    theirs = [put(own_cache / name, 200, 0) for name in ("a.jpg", "features/my.csv", LIMIT_FILE)]
    ours = [
        put(own_cache / name, 200, 0)
        for name in ("images.sqlite", "images.sqlite-wal", "features/a.sqlite", "backbones/b.json")
    ]
    assert {file.path for file in cache_files()} == set(ours)
    assert clear_cache() == 800
    assert all(path.exists() for path in theirs)
    assert not any(path.exists() for path in ours)
