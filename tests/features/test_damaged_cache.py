"""A damaged cache never changes an answer: it is said at most once, and computed again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tests.embedding import embed_files, same
from tests.kept_lines import KeptLines

from headstart.backbones.description_cache import KeptBackbones
from headstart.backbones.opening import open_backbone
from headstart.features.cache import FeatureStore
from headstart.options import BackboneOptions, EmbedOptions, FitOptions, HeadOptions, SplitOptions
from headstart.recipes.fit import fit

PLACES = 100  # damages of each SQLite file, found by a pass over the pictures
WHOLE_FITS = 20  # and so many of each file, these two and the others, found by a whole fit
LENGTHS = (64, 100)  # bytes overwritten
SQLITE_HEADER = 100  # bytes
OPTIONS = FitOptions(
    backbone=BackboneOptions(
        backbone="test_resnet", random_weights=True, image_size=32, precision="fp32"
    ),
    embed=EmbedOptions(device="cpu", workers=1),
    split=SplitOptions(folds=0, test_fraction=0.25),
    head=HeadOptions(C=1.0),
)


def overwritten(good: bytes, turn: int, turns: int) -> bytes:
    """The bytes with some overwritten, the places spread over the whole."""
    rng = np.random.default_rng(turn)
    length = min(int(rng.integers(LENGTHS[0], LENGTHS[1] + 1)), len(good))
    start = (len(good) - length) * turn // (turns - 1)
    return good[:start] + rng.bytes(length) + good[start + length :]


@pytest.fixture
def table(pictures: list[Path]) -> Path:
    """Six reddish and six bluish pictures with their labels."""
    rows = "".join(f"{path.name},{'red' if n < 6 else 'blue'}\n" for n, path in enumerate(pictures))
    path = pictures[0].parent / "labels.csv"
    path.write_text("image,label\n" + rows)
    return path


Answers = tuple[object, ...]
Damaged = Callable[[str, Callable[[bytes], bytes]], list[str]]


def answers(table: Path) -> tuple[Answers, list[str]]:
    """All that a fit gives, to the bit, and the lines that it told."""
    told = KeptLines()
    result = fit(table, OPTIONS, told)
    assert result.features is not None
    found = (
        result.test.probabilities.tobytes(),
        result.model.probabilities(result.features.values).tobytes(),
        result.features.values.tobytes(),
        {name: array.tobytes() for name, array in result.model.head.to_arrays().items()},
        {name: array.tobytes() for name, array in result.model.backbone.tensors().items()},
        result.model.backbone.info,
        result.model.temperature,
        result.split.test.tolist(),
        result.data.groups.tolist(),
        result.data.statistics,
    )
    return found, told.lines


@pytest.fixture
def damaged(table: Path, own_cache: Path, tmp_path: Path) -> Damaged:
    """Damage a file of the cache, called by its pattern, and find the same answers."""
    answers(table)
    right, usual = answers(table)
    good = tmp_path / "good"
    shutil.copytree(own_cache, good)

    def check(pattern: str, damage: Callable[[bytes], bytes]) -> list[str]:
        shutil.rmtree(own_cache)
        shutil.copytree(good, own_cache)
        (file,) = own_cache.glob(pattern)
        file.write_bytes(damage(file.read_bytes()))
        found, lines = answers(table)
        assert found == right
        more = [line for line in lines if line not in usual]
        assert len(more) <= 1
        return more

    return check


@pytest.mark.parametrize(
    "pattern",
    ["images.sqlite", "features/*.sqlite", "backbones/*.json", "backbones/*.safetensors"],
)
def test_whole_fits_with_any_file_damaged(pattern: str, damaged: Damaged) -> None:
    told = 0
    for turn in range(WHOLE_FITS):
        told += len(damaged(pattern, partial(overwritten, turn=turn, turns=WHOLE_FITS)))
    assert (told > 0) is pattern.endswith("sqlite")


def test_a_description_damaged_anywhere(own_cache: Path) -> None:
    chosen = OPTIONS.backbone
    info = open_backbone(chosen, device="cpu").info
    kept = KeptBackbones(own_cache / "backbones")
    assert kept.find(chosen, "fp32") == info
    (file,) = own_cache.glob("backbones/*.json")
    good = file.read_bytes()
    for turn in range(PLACES):
        file.write_bytes(overwritten(good, turn, PLACES))
        assert kept.find(chosen, "fp32") is None


def test_one_wrong_digit_in_a_description(damaged: Damaged) -> None:
    def other_mean(good: bytes) -> bytes:
        entry = json.loads(good)
        entry["info"]["preprocessing"]["mean"][0] += 0.25
        return json.dumps(entry).encode()

    def without_checksum(good: bytes) -> bytes:
        entry = json.loads(other_mean(good))
        del entry["checksum"]
        return json.dumps(entry).encode()

    for damage in (other_mean, without_checksum):
        damaged("backbones/*.json", damage)


@pytest.mark.parametrize("pattern", ["images.sqlite", "features/*.sqlite"])
def test_passes_with_a_store_damaged_anywhere(  # type: ignore[no-untyped-def]
    pattern: str, pictures: list[Path], tiny_backbone, own_cache: Path, tmp_path: Path
) -> None:
    options = EmbedOptions(device="cpu", workers=1, views=4)  # several pages
    right = embed_files(pictures, tiny_backbone, options)
    good = tmp_path / "good"
    shutil.copytree(own_cache, good)
    (file,) = own_cache.glob(pattern)
    content = file.read_bytes()
    damages = [overwritten(content, turn, PLACES) for turn in range(PLACES)]
    damages += [content[: len(content) * part // 10] for part in range(10)]
    told_of = 0
    for damage in damages:
        shutil.rmtree(own_cache)
        shutil.copytree(good, own_cache)
        file.write_bytes(damage)
        told = KeptLines()
        found = embed_files(pictures, tiny_backbone, options, progress=told)
        assert same(found, right)
        assert (found.digests, found.statistics) == (right.digests, right.statistics)
        assert len(told.lines) <= 1
        told_of += bool(told.lines)
        if told.lines and told_of % 5 == 1:
            # It heals, at the latest when damage that reading does not meet was met in writing, and
            # what was written before that was written again.
            later = [embed_files(pictures, tiny_backbone, options).computed for _ in range(3)]
            assert later[-1] == 0
    assert told_of > PLACES / 4


def test_a_wrong_bit_in_any_byte_of_a_header(tmp_path: Path) -> None:
    rows = [(f"{n:064x}", "", np.full(4, n, dtype=np.float32)) for n in range(9)]
    wanted = {digest: vector for digest, _, vector in rows}
    store = FeatureStore(tmp_path, "good", 4)
    store.put(rows)
    store.close()
    good = (tmp_path / "good.sqlite").read_bytes()
    for place in range(SQLITE_HEADER):
        flipped = bytes([good[place] ^ 1 << place % 8])
        content = good[:place] + flipped + good[place + 1 :]
        (tmp_path / f"{place}.sqlite").write_bytes(content)
        told = KeptLines()
        store = FeatureStore(tmp_path, str(place), 4, told)
        for wrong in ("found", "healed"):
            found = store.get(list(wanted))
            assert all(np.array_equal(wanted[digest], found[digest]) for digest in found)
            assert len(found) == len(rows) or wrong == "found"
            store.put(row for row in rows if row[0] not in found)
        store.close()
        assert len(told.lines) <= 1
