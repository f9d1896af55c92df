"""The queue by itself: bounds, shares, what is cancelled, and its end."""

from __future__ import annotations

import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from tests.served import PATIENCE, RedPredictor, picture_bytes

from headstart.images.source import EncodedImage, ImageSource
from headstart.serve.metrics import Metrics
from headstart.serve.picture_queue import PictureQueue, QueueFullError

IMAGE = EncodedImage(picture_bytes(), "a")


class Held:
    """A queue whose model is held up by a first picture."""

    def __init__(self, capacity: int = 10, threads: int = 1) -> None:
        self.predictor = RedPredictor(threads)
        self.predictor.gate.clear()
        self.queue = PictureQueue(self.predictor, capacity, Metrics())
        self.first = self.queue.put([IMAGE] * threads)
        until = time.monotonic() + PATIENCE
        while sum(self.predictor.batches) < threads:
            assert time.monotonic() < until
            time.sleep(0.005)

    def finish(self) -> list[int]:
        """Let the model go on, to the end; the batches after the first."""
        self.predictor.gate.set()
        self.queue.close()
        return self.predictor.batches[1:]


def test_all_pictures_of_a_request_wait_or_none() -> None:
    held = Held(capacity=3)
    held.queue.put([IMAGE] * 2)
    with pytest.raises(QueueFullError, match="2 pictures wait for the model, and at most 3 may"):
        held.queue.put([IMAGE] * 2)
    third = held.queue.put([IMAGE])
    held.finish()
    assert third[0].result().answers.errors == ("", "", "")


def test_what_is_cancelled_makes_room_and_is_not_computed() -> None:
    held = Held(capacity=2)
    for future in held.queue.put([IMAGE] * 2):
        future.cancel()
    kept = held.queue.put([IMAGE, EncodedImage(b"", "b")])
    assert held.finish() == [2]
    assert [future.result().row for future in kept] == [0, 1]
    assert kept[1].result().answers.errors[1] == "empty (0 bytes)"


def test_other_work_waits_its_turn_and_is_done_alone() -> None:
    held = Held()
    done: list[str] = []
    asked: list[Future[Any]] = [*held.queue.put([IMAGE] * 2)]
    asked.append(held.queue.put_work(lambda: done.append("work")))
    asked += held.queue.put([IMAGE])
    assert held.finish() == [2, 1]
    assert done == ["work"]
    assert all(future.done() for future in asked)


def test_an_error_of_other_work_is_its_own() -> None:
    held = Held()

    def fail() -> None:
        raise ValueError("no")

    failing, after = held.queue.put_work(fail), held.queue.put([IMAGE])[0]
    held.finish()
    with pytest.raises(ValueError, match="no"):
        failing.result()
    assert after.result().row == 0


def test_threads_that_are_free_share_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(threads=2)
    held.queue.put([IMAGE] * 6)
    held.predictor.gate.set()
    held.queue.close()
    assert sum(held.predictor.batches) == 8
    assert max(held.predictor.batches[2:]) <= 4


def test_a_closed_queue_takes_nothing() -> None:
    held = Held()
    held.finish()
    assert not held.queue.is_alive()
    with pytest.raises(QueueFullError):
        held.queue.put([IMAGE])


def test_no_answer_keeps_a_picture(tmp_path: Path) -> None:
    """What is answered is let go of: the queue has no picture any more."""
    import gc
    import weakref

    class Marked(EncodedImage):
        pass

    predictor = RedPredictor()
    queue = PictureQueue(predictor, 10, Metrics())
    image: ImageSource | None = Marked(picture_bytes())
    assert image is not None
    gone = weakref.ref(image)
    queue.put([image])[0].result(PATIENCE)
    image = None
    queue.put([IMAGE])[0].result(PATIENCE)
    gc.collect()
    assert gone() is None
    queue.close()
