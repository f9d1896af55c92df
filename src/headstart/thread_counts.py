"""How many threads torch uses, changed for the calling thread alone.

`torch.set_num_threads` changes two counts: that of the thread that calls it, and the one that every
thread takes over when it first comes to torch. The first belongs to its thread, and nobody else can
put it back: where overlapping users are counted and the last one out restores "the" count, the
others keep a single thread for good, and so does every thread that is new meanwhile. So each thread
here changes and restores its own count, and the second is put back at once, by a thread that is
made for it. Users then need not be counted: nested and overlapping uses do not see each other.

Python (before 3.13) has joined a thread when it no longer runs Python, a moment before the system
has ended it. A fork in that moment copies locks that libraries hold while they let go of a thread,
and the child waits for them for ever. So a fork waits for the threads that called `note_thread`.

A change takes about 0.2 ms. What remains is that a thread which comes to torch for the first time
in the some 20 microseconds between the two steps, without this module, takes over the wrong count.

Importing this module does not load torch.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ENDING = 0.5  # seconds that a fork waits at most; a thread ends in some microseconds

_lock = threading.Lock()
_noted: deque[int] = deque(maxlen=64)  # the system's numbers; older ones have long ended


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Inside, torch computes on one core in this thread; afterwards as before, also on errors.

    One core adds in the same order whatever the machine has, and a process that was forked can
    compute so, although torch's other threads are not in it.
    """
    before = set_own_torch_threads(1)
    try:
        yield
    finally:
        set_own_torch_threads(before)


def set_own_torch_threads(count: int) -> int:
    """Set torch's threads for the calling thread; returns how many it had."""
    import torch

    with _lock:
        before = torch.get_num_threads()
        if before != count:
            with _kept_for_new_threads():
                torch.set_num_threads(count)
        return before


def note_thread() -> None:
    """A fork after the calling thread has ended waits until the system has ended it, too."""
    _noted.append(threading.get_native_id())


@contextmanager
def _kept_for_new_threads() -> Iterator[None]:
    """What threads that are new to torch take over is afterwards as it was."""
    import torch

    read, changed = threading.Event(), threading.Event()

    def keep() -> None:
        note_thread()
        count = torch.get_num_threads()  # this thread is new itself
        read.set()
        changed.wait()
        torch.set_num_threads(count)

    keeper = threading.Thread(target=keep, name="torch-threads")
    keeper.start()
    read.wait()
    try:
        yield
    finally:
        changed.set()
        keeper.join()


def _before_fork() -> None:
    alive = {thread.native_id for thread in threading.enumerate()}
    ending = [Path(f"/proc/self/task/{number}") for number in _noted if number not in alive]
    until = time.monotonic() + ENDING
    while any(path.exists() for path in ending) and time.monotonic() < until:
        time.sleep(0.0002)


def _after_fork() -> None:
    """A thread that held the lock is not in the child."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
