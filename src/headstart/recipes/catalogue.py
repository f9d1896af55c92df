"""Which recipe the options ask for."""

from __future__ import annotations

from pathlib import Path

from headstart.options import FitOptions
from headstart.progress import QUIET, Progress
from headstart.recipes.frozen import FitResult, fit_frozen


def run_recipe(source: Path, options: FitOptions, progress: Progress = QUIET) -> FitResult:
    """Fit as `options.recipe` says. Raises UsageError and DataError."""
    if options.recipe.recipe == "scratch":
        from headstart.recipes.scratch import fit_scratch

        return fit_scratch(source, options, progress)
    return fit_frozen(source, options, progress)
