"""What the server counts, in the form that Prometheus reads."""

from __future__ import annotations

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

MEDIA_TYPE = CONTENT_TYPE_LATEST
BATCH_STEPS = (1, 2, 4, 8, 16, 32, 64)
SECONDS_STEPS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The counters of one server. Names of pictures and of clients are in none of them."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "headstart_requests", "Requests by path and status.", ["path", "status"],
            registry=registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "headstart_request_seconds", "Seconds from a request's head to its answer.", ["path"],
            registry=registry, buckets=SECONDS_STEPS,
        )  # fmt: skip
        self.pictures = Counter(
            "headstart_pictures", "Pictures by what came of them.", ["result"], registry=registry
        )
        self.batch = Histogram(
            "headstart_batch_pictures", "Pictures that the model answered at once.",
            registry=registry, buckets=BATCH_STEPS,
        )  # fmt: skip
        self.waiting = Gauge(
            "headstart_waiting_pictures", "Pictures that wait for the model.", registry=registry
        )
        self.held = Gauge("headstart_held_bytes", "Bytes of uploads in memory.", registry=registry)
        for result in ("answered", "unreadable"):
            self.pictures.labels(result)

    def text(self) -> bytes:
        """All of them as text."""
        return generate_latest(self._registry)
