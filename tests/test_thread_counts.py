"""Torch's threads are changed for the calling thread alone, and are as before afterwards."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import HeldNetwork
from headstart.thread_counts import one_torch_thread, set_own_torch_threads

COUNT = 3


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """A count that differs from one and from this machine's own."""
    before = torch.get_num_threads()
    torch.set_num_threads(COUNT)
    yield
    torch.set_num_threads(before)


def count_of_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


def test_one_thread_is_for_the_caller_alone() -> None:
    with one_torch_thread():
        assert torch.get_num_threads() == 1
        assert count_of_a_new_thread() == COUNT
        with one_torch_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == COUNT
    assert count_of_a_new_thread() == COUNT


def test_an_error_inside_restores_the_count() -> None:
    with pytest.raises(ZeroDivisionError), one_torch_thread():
        raise ZeroDivisionError
    assert torch.get_num_threads() == COUNT


def test_a_thread_of_ours_keeps_its_count() -> None:
    with ThreadPoolExecutor(1, initializer=lambda: set_own_torch_threads(1)) as pool:
        assert [pool.submit(torch.get_num_threads).result() for _ in range(2)] == [1, 1]
        assert count_of_a_new_thread() == COUNT
    assert torch.get_num_threads() == COUNT


class Meeting(nn.Module):
    """Gives each channel's mean; calls `arrive` with the number of pictures where it computes."""

    arrive: ClassVar[Callable[[int], None]]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if len(inputs) > 1:  # one picture is the trial run of the start
            Meeting.arrive(len(inputs))
        return inputs.mean(dim=(2, 3))


def test_overlapping_embeds_and_one_that_fails_leave_every_count(
    monkeypatch: pytest.MonkeyPatch, tiny_backbone: Backbone
) -> None:
    """Five calls that are inside at the same time, and leave in the order in which they came."""
    sizes = (2, 3, 4, 5, 6)
    all_inside = threading.Barrier(len(sizes))
    has_left = {size: threading.Event() for size in sizes}
    inside: list[int] = []

    def arrive(size: int) -> None:
        inside.append(torch.get_num_threads())
        all_inside.wait(60)
        if size == sizes[1]:
            raise ZeroDivisionError
        if size > sizes[0]:
            assert has_left[size - 1].wait(60)

    def call(size: int) -> int:
        try:
            backbone.embed(np.zeros((size, 16, 16, 3), dtype=np.uint8))
        except ZeroDivisionError:
            assert size == sizes[1]
        has_left[size].set()
        return torch.get_num_threads()

    monkeypatch.setattr(Meeting, "arrive", arrive, raising=False)
    backbone = Backbone(tiny_backbone.info, HeldNetwork(Meeting()))
    with ThreadPoolExecutor(len(sizes)) as pool:
        counts = list(pool.map(call, sizes))
    assert inside == [1] * len(sizes)
    assert counts == [COUNT] * len(sizes)
    assert torch.get_num_threads() == count_of_a_new_thread() == COUNT


def test_a_pass_over_pictures_leaves_every_count(tiny_backbone: Backbone) -> None:
    with tiny_backbone.threads(2) as pool:
        assert pool.submit(torch.get_num_threads).result() == 1
        assert count_of_a_new_thread() == torch.get_num_threads() == COUNT
    assert count_of_a_new_thread() == torch.get_num_threads() == COUNT


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's list of threads")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the child only looks and leaves
def test_a_fork_waits_for_threads_that_are_still_ending(tiny_backbone: Backbone) -> None:
    """A thread lingers here as libraries make it: in what the system calls when it ends."""
    system, key = ctypes.CDLL(None), ctypes.c_uint()
    pause = ctypes.cast(system.usleep, ctypes.c_void_p)
    assert system.pthread_key_create(ctypes.byref(key), pause) == 0

    def linger() -> Path:
        system.pthread_setspecific(key, ctypes.c_void_p(200_000))  # microseconds
        return Path(f"/proc/self/task/{threading.get_native_id()}")

    with tiny_backbone.threads(1) as pool:
        thread = pool.submit(linger).result()
    began = time.monotonic()
    assert thread.exists()  # joined, and there
    child = os.fork()
    if not child:
        os._exit(0)
    assert not thread.exists()
    assert 0.05 < time.monotonic() - began < 2
    assert os.waitpid(child, 0)[1] == 0
    system.pthread_key_delete(key)
