"""Pixels in flight: bounded over all threads, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.embedding import embed_files, same

from headstart.features import loading
from headstart.images.pixel_budget import BYTES_PER_PIXEL, PixelBudget
from headstart.options import EmbedOptions


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


def test_the_budget_is_never_exceeded() -> None:
    budget, flight = PixelBudget(100), Flight()

    def decode(size: int) -> None:
        with budget.share() as claim:
            claim(size)
            flight.change(size, 1)
            time.sleep(0.002)
            flight.change(-size, -1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, [30, 60, 10, 50] * 10))
    assert 60 < flight.most_pixels <= 100
    assert flight.most_pictures > 1


def test_a_picture_larger_than_the_budget_goes_alone() -> None:
    budget, flight = PixelBudget(100), Flight()

    def decode(size: int) -> None:
        with budget.share() as claim:
            claim(size)
            flight.change(size, 1)
            time.sleep(0.002)
            flight.change(-size, -1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, [300] * 6))
    assert (flight.most_pixels, flight.most_pictures) == (300, 1)


def test_a_second_decoding_of_one_picture_waits_for_nobody() -> None:
    budget = PixelBudget(100)
    both = threading.Barrier(2)

    def decode(size: int) -> None:
        with budget.share() as claim:
            claim(size)
            both.wait(10)
            claim(size)  # each holds half: waiting here would be for ever

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(decode, [50, 50], timeout=10))


def test_an_error_gives_the_pixels_back() -> None:
    budget = PixelBudget(100)
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
    for room, pictures_at_once in ((2, 2), (0.5, 1)):
        flight.most_pictures = 0
        monkeypatch.setattr(loading, "MEMORY_LIMIT", int(room * 24 * 20 * BYTES_PER_PIXEL))
        assert same(embed_files(pictures, tiny_backbone, options), right)
        assert flight.most_pictures == pictures_at_once
