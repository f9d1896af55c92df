"""Bytes in flight: bounded over all threads, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.embedding import embed_files, same

from headstart.errors import ImageError
from headstart.features import loading
from headstart.images.memory_budget import BYTES_PER_PIXEL, MemoryBudget
from headstart.options import EmbedOptions


def budget_of(pixels: int, *, refuses: bool = False) -> MemoryBudget:
    """A budget with room for so many pixels, and a quarter of their bytes for files."""
    return MemoryBudget(pixels * BYTES_PER_PIXEL * 5 // 4, refuses=refuses)


class Flight:
    """How many pixels, and pictures, are in flight, and the most that ever were."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pixels = self.pictures = self.most_pixels = self.most_pictures = 0

    def change(self, pixels: int, pictures: int) -> None:
        with self.lock:
            self.pixels += pixels
            self.pictures += pictures
            self.most_pixels = max(self.most_pixels, self.pixels)
            self.most_pictures = max(self.most_pictures, self.pictures)


def decode_side_by_side(budget: MemoryBudget, flight: Flight, sizes: list[int]) -> None:
    """Pictures of so many bytes, by eight threads."""

    def decode(size: int) -> None:
        with budget.share() as claim:
            claim(size)
            flight.change(size, 1)
            time.sleep(0.002)
            flight.change(-size, -1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, sizes))


def test_the_budget_is_never_exceeded() -> None:
    budget, flight = budget_of(100), Flight()

    decode_side_by_side(budget, flight, [30, 60, 10, 50] * 10)
    assert 60 < flight.most_pixels <= 100
    assert flight.most_pictures > 1


def test_a_picture_larger_than_the_budget_goes_alone() -> None:
    budget, flight = budget_of(100), Flight()

    decode_side_by_side(budget, flight, [300] * 6)
    assert (flight.most_pixels, flight.most_pictures) == (300, 1)


def test_a_second_decoding_of_one_picture_waits_for_nobody() -> None:
    budget = budget_of(100)
    both = threading.Barrier(2)

    def decode(size: int) -> None:
        with budget.share() as claim:
            claim(size)
            both.wait(10)
            claim(size)  # each holds half: waiting here would be for ever

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(decode, [50, 50], timeout=10))


def test_an_error_gives_the_pixels_back() -> None:
    budget = budget_of(100)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), budget.share() as claim:
            claim(90)
            raise ZeroDivisionError


def test_the_workers_of_a_pass_share_it(  # type: ignore[no-untyped-def]
    pictures: list[Path], tiny_backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = EmbedOptions(device="cpu", workers=4, embed_batch=1, cache=False)
    right = embed_files(pictures, tiny_backbone, options)
    flight = Flight()
    plain = loading.Loader._decode

    def counted(self: Any, content: bytes, digest: str, known: Any, claim: Any) -> Any:
        claimed = []

        def told(pixels: int) -> None:
            claim(pixels)
            claimed.append(pixels)
            flight.change(pixels, 1)
            time.sleep(0.002)

        try:
            return plain(self, content, digest, known, told)
        finally:
            flight.change(-sum(claimed), -len(claimed))

    monkeypatch.setattr(loading.Loader, "_decode", counted)
    for pictures_at_once in (2, 1):
        flight.most_pictures = 0
        limit = budget_of(pictures_at_once * 24 * 20).limit
        limited = replace(options, memory_limit=limit)
        assert same(embed_files(pictures, tiny_backbone, limited), right)
        assert flight.most_pictures == pictures_at_once


def test_what_no_budget_can_hold_is_refused_in_words(  # type: ignore[no-untyped-def]
    pictures: list[Path], tiny_backbone, tmp_path: Path
) -> None:
    with budget_of(100, refuses=True).share() as part:
        with pytest.raises(ImageError, match="500 bytes, more than the limit of 400 for one file"):
            part.file(500)
        with pytest.raises(ImageError, match="101 pixels take about 1,616 bytes to decode, more t"):
            part(101)
        part(100)
    sparse = tmp_path / "sparse.jpg"
    with sparse.open("wb") as file:
        file.truncate(10_000_000_000)
    options = EmbedOptions(device="cpu", cache=False)
    errors = embed_files([sparse, pictures[0]], tiny_backbone, options).errors
    assert errors == (
        "has 10,000,000,000 bytes, more than the limit of 800,000,000 for one file (a fifth of "
        "--memory-limit); raise it",
        "",
    )
    few = embed_files(pictures, tiny_backbone, replace(options, memory_limit=9_000)).errors
    assert {words.partition(",")[0] for words in few} == {"480 pixels take about 7"}
