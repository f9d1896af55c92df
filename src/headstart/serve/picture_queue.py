"""The one line in which pictures wait for the model, and the threads that ask it.

While the model is busy pictures gather, and the next thread that is free takes several of them at
once. The line is bounded: what does not fit is refused at once, so that nobody waits for ever.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from headstart.evaluate.predictions import Predictions
from headstart.images.source import ImageSource
from headstart.serve.metrics import Metrics
from headstart.serve.predictor import Predictor

SMOOTHING = 0.1  # weight of the newest batch in the mean time that a picture takes
PATIENCE = 2.0  # such times that a thread waits for more pictures, as long as some come within one


class Row(NamedTuple):
    """One picture's answer: its row among those that were answered together."""

    answers: Predictions
    row: int


class QueueFullError(Exception):
    """Too many pictures wait; `seconds` from now there should be room."""

    def __init__(self, waiting: int, capacity: int, seconds: int) -> None:
        super().__init__(f"{waiting} pictures wait for the model, and at most {capacity} may")
        self.seconds = seconds


@dataclass(eq=False)
class _Job:
    """A picture to be answered, or other work that a thread does by itself."""

    image: ImageSource | None = None
    work: Callable[[], Any] | None = None
    result: Future[Any] = field(default_factory=Future)


class PictureQueue:
    """Pictures that wait, and the model's threads.

    Args:
        predictor: answers several pictures at once.
        capacity: most pictures that wait.
        metrics: what is counted.
    """

    def __init__(self, predictor: Predictor, capacity: int, metrics: Metrics) -> None:
        self.predictor = predictor
        self.capacity = capacity
        self._metrics = metrics
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._running = 0
        self._mean = 0.05  # seconds a picture, measured from the first batch on
        self._threads = [
            threading.Thread(target=self._serve, name=f"model-{number}", daemon=True)
            for number in range(predictor.threads)
        ]
        metrics.waiting.set_function(lambda: len(self._jobs))
        for thread in self._threads:
            thread.start()

    def put(self, images: Sequence[ImageSource]) -> list[Future[Row]]:
        """Let pictures wait, all or none; a cancelled one is left out. Raises QueueFullError."""
        return self._put([_Job(image=image) for image in images])

    def put_work(self, work: Callable[[], Any]) -> Future[Any]:
        """Let other work on a picture wait its turn. Raises QueueFullError."""
        return self._put([_Job(work=work)])[0]

    def is_alive(self) -> bool:
        """Whether all threads still run."""
        return all(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        """End the threads, after what waits is answered."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _put(self, jobs: list[_Job]) -> list[Future[Any]]:
        with self._changed:
            if len(self._jobs) + len(jobs) > self.capacity:
                self._jobs = deque(job for job in self._jobs if not job.result.cancelled())
            waiting = len(self._jobs)
            if self._closed or waiting + len(jobs) > self.capacity:
                seconds = math.ceil(waiting * self._mean / len(self._threads))
                raise QueueFullError(waiting, self.capacity, max(1, seconds))
            self._jobs.extend(jobs)
            self._changed.notify(len(jobs))
        return [job.result for job in jobs]

    def _serve(self) -> None:
        self.predictor.prepare_thread()
        while jobs := self._take():
            began = time.perf_counter()
            _answer(self.predictor, jobs)
            took = time.perf_counter() - began
            self._mean += SMOOTHING * (took / len(jobs) - self._mean)
            self._metrics.batch.observe(len(jobs))
            with self._changed:
                self._running -= len(jobs)

    def _take(self) -> list[_Job]:
        """This thread's share of what waits; none at the end."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._closed)
                self._gather()
                jobs = [job for job in self._share() if job.result.set_running_or_notify_cancel()]
                self._running += len(jobs)
                if jobs or (self._closed and not self._jobs):
                    return jobs

    def _gather(self) -> None:
        """Wait a little for more pictures, where other threads have more than wait here.

        A picture alone costs a model much more than one among others, and those whose answers were
        just given mostly come back at once. No picture waits so while a thread has nothing to do.
        """
        until = time.monotonic() + self._mean * PATIENCE
        while self._jobs and len(self._jobs) < self._fair() and not self._closed:
            before = len(self._jobs)
            self._changed.wait(self._mean)
            if len(self._jobs) <= before or time.monotonic() > until:
                return

    def _fair(self) -> int:
        """How many pictures each thread would have if all had alike."""
        alike = math.ceil((len(self._jobs) + self._running) / len(self._threads))
        return min(self.predictor.batch, alike)

    def _share(self) -> list[_Job]:
        """The next pictures in the line, or one piece of other work."""
        taken: list[_Job] = []
        for _ in range(min(self._fair(), len(self._jobs))):
            if taken and (taken[0].work or self._jobs[0].work):
                break
            taken.append(self._jobs.popleft())
        return taken


def _answer(predictor: Predictor, jobs: list[_Job]) -> None:
    try:
        if jobs[0].work is not None:
            jobs[0].result.set_result(jobs[0].work())
            return
        answers = predictor.predict([job.image for job in jobs if job.image is not None])
    except BaseException as error:  # whoever waits is told; the thread goes on
        for job in jobs:
            job.result.set_exception(error)
        return
    for row, job in enumerate(jobs):
        job.result.set_result(Row(answers, row))
