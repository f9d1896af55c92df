"""One fit, from what the user gives to a model with its figures, as the options' recipe says."""

from __future__ import annotations

from pathlib import Path

from headstart.images.address import Url
from headstart.options import FitOptions
from headstart.options.checks import check_fit
from headstart.progress import QUIET, Progress
from headstart.recipes.data_preparation import read_labelled, refuse_drawn_split
from headstart.recipes.frozen import FitResult, fit_frozen


def fit(source: Path | Url, options: FitOptions, progress: Progress = QUIET) -> FitResult:
    """Read a table or a folder, and fit. Raises UsageError and DataError."""
    check_fit(options, options.recipe.recipe)
    table = read_labelled(source, options.read, options.labels, progress)
    refuse_drawn_split(table, options.split)
    if options.recipe.recipe == "scratch":
        from headstart.recipes.scratch import fit_scratch

        return fit_scratch(table, options, progress)
    return fit_frozen(table, options, progress)
