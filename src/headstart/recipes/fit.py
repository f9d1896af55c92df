"""One fit, from what the user gives to a model with its figures, as the options' recipe says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.data.image_table import ImageTable
from headstart.errors import UsageError
from headstart.images.address import Url
from headstart.options import FitOptions
from headstart.options.checks import check_fit
from headstart.progress import QUIET, Progress
from headstart.recipes.data_preparation import read_labelled, refuse_drawn_split
from headstart.recipes.frozen import FitResult, fit_frozen
from headstart.recipes.processes import asked_processes

if TYPE_CHECKING:
    from headstart.recipes.checkpoint import Checkpoints


def fit(
    source: Path | Url,
    options: FitOptions,
    progress: Progress = QUIET,
    *,
    checkpoints: Checkpoints | None = None,
    frozen: Callable[[ImageTable, FitOptions, Progress], FitResult] = fit_frozen,
) -> FitResult:
    """Read a table or a folder, and fit; fine-tuning saves where it stands after each epoch.

    `frozen` fits where the backbone stays frozen. Raises UsageError and DataError.
    """
    recipe = options.recipe.recipe
    check_fit(options, recipe)
    if recipe != "fine-tune" and asked_processes().count > 1:
        raise UsageError(
            f"several processes are for --recipe fine-tune, and here it is {recipe}; start the "
            "program without torchrun"
        )
    table = read_labelled(source, options.read, options.labels, progress)
    refuse_drawn_split(table, options.split)
    if recipe == "scratch":
        from headstart.recipes.scratch import fit_scratch

        return fit_scratch(table, options, progress)
    if recipe == "fine-tune":
        from headstart.recipes.fine_tune import fit_tuned

        return fit_tuned(table, options, progress, checkpoints=checkpoints)
    if recipe == "auto":
        from headstart.recipes.auto import fit_auto

        return fit_auto(table, options, progress, checkpoints=checkpoints)
    return frozen(table, options, progress)
