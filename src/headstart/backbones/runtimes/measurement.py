"""What each runtime does with a backbone on this machine, measured side by side."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.backbone import Backbone
from headstart.backbones.runtimes.choice import RUNTIMES, Rate
from headstart.backbones.runtimes.graph_runtime import is_installed
from headstart.backbones.runtimes.kept_graph import export_in_words
from headstart.progress import QUIET, Progress

ROUNDS = 6  # in turn, so that what else the machine does meets all alike
ROUND_SECONDS = 0.5
COMPARED = 8  # pictures


def ways(backbone: Backbone) -> Iterator[Backbone]:
    """The same network by each runtime that is installed, in each precision that it has."""
    for runtime in filter(is_installed, RUNTIMES):
        for precision in ("fp32",) if runtime == "onnxruntime" else ("fp32", "bf16"):
            info = replace(backbone.info, runtime=runtime, precision=precision, device="cpu")
            yield Backbone(info, backbone.network)


def measure_rates(backbone: Backbone, progress: Progress = QUIET) -> tuple[Rate, ...]:
    """Pictures per second on all cores, without decoding, and how far features are from torch's.

    Seconds are those of the processor, shared by the cores.

    Takes ROUNDS times ROUND_SECONDS for each way, and what it takes to export the graph where none
    is kept, which `progress` is told of.

    Raises MissingExtraError and UsageError as the runtimes do.
    """
    cores = os.cpu_count() or 1
    found = list(ways(backbone))
    pixels = drawn_pixels(COMPARED, backbone.info.preprocessing.size)
    words = next(filter(None, (export_in_words(one.info) for one in found)), None)
    if words:
        progress.note(words)
    expected = found[0].embed(pixels)
    gaps = [_gap(one.embed(pixels), expected) for one in found]
    done, spent = [0] * len(found), [0.0] * len(found)
    with ExitStack() as stack:
        pools = [stack.enter_context(one.threads(cores)) for one in found]
        for _ in range(ROUNDS):
            for place, (one, pool) in enumerate(zip(found, pools, strict=True)):
                count, took = _pictures_in(one, pool, cores)
                done[place] += count
                spent[place] += took
    return tuple(
        Rate(one.info.runtime, one.info.precision, count / took, gap)
        for one, count, took, gap in zip(found, done, spent, gaps, strict=True)
    )


def drawn_pixels(count: int, side: int) -> ByteImage:
    """Pictures (n, side, side, 3) of slopes with noise, from a seed."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 200, (count, 1, 1, 3)) * np.linspace(0, 1, side)[:, None, None]
    noise = rng.integers(0, 56, (count, side, side, 3))
    return (coarse.reshape(count, side, 1, 3) + noise).astype(np.uint8)


def _pictures_in(backbone: Backbone, pool: ThreadPoolExecutor, cores: int) -> tuple[int, float]:
    """How many pictures all threads did, and in how many seconds of the cores that they had.

    Seconds that other processes had do not count, so that a busy machine tells the same.
    """
    side, count = backbone.info.preprocessing.size, backbone.usual_batch()
    pixels = drawn_pixels(count, side)
    until = time.perf_counter() + ROUND_SECONDS

    def work(_: int) -> int:
        done = 0
        while time.perf_counter() < until:
            done += len(backbone.embed(pixels))
        return done

    began = time.process_time()
    total = sum(pool.map(work, range(cores)))
    return max(1, total), (time.process_time() - began) / cores


def _gap(found: Float32Array, expected: Float32Array) -> float:
    largest = float(np.abs(expected).max()) or 1.0
    return float(np.abs(found - expected).max()) / largest
