"""What a fit's report can say of its data beyond the figures, where that costs little."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headstart.audit.leak import Leak, measure_leak
from headstart.audit.learning_curve import LearningCurve, learning_curve
from headstart.errors import DataError
from headstart.heads.head import Head
from headstart.options import FitOptions
from headstart.progress import QUIET, Progress
from headstart.recipes.frozen import FitResult
from headstart.recipes.head_choice import head_maker

LEAST_COPIES = 10  # pictures that have a duplicate


def measure_copies(
    result: FitResult, options: FitOptions, progress: Progress = QUIET
) -> Leak | None:
    """What duplicates would feign, with the fit's own head.

    None with fewer than ten copies, of which nothing could be said, or where the fit had no folds:
    five fits cost half as much as ten folds do, so that this never takes longer than they did.
    """
    sizes = np.bincount(result.data.duplicates.group)
    if result.folds is None or sizes[sizes > 1].sum() < LEAST_COPIES:
        return None
    return measure_leak(result.data, _maker(options), seed=options.split.seed, progress=progress)


def measure_curve(
    result: FitResult, options: FitOptions, progress: Progress = QUIET
) -> LearningCurve | None:
    """The learning curve of the fit's own head; a note says why there is none."""
    if not result.data.features.values.shape[1]:
        progress.note("no learning curve: --curve is for a head on a trunk's features")
        return None
    try:
        return learning_curve(result.data, _maker(options), seed=options.split.seed,
                              progress=progress)  # fmt: skip
    except DataError as error:
        progress.note(f"no learning curve: {error}")
        return None


def _maker(options: FitOptions) -> Callable[[], Head]:
    return head_maker(options.head, options.loop, options.split.seed)
