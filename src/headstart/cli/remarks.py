"""The short checks of the data that every fit and comparison tells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from headstart.cli.show import say

if TYPE_CHECKING:
    from headstart.compare.comparison import Comparison
    from headstart.recipes.frozen import FitResult

Result = TypeVar("Result", "FitResult", "Comparison")


def with_remarks(result: Result, seed: int) -> Result:
    """Say what is worth knowing of the data; the result's record has the lines as notes."""
    from headstart.audit.fit_remarks import short_checks
    from headstart.report.words import printable

    lines: tuple[str, ...] = short_checks(result.data, result.split.test, seed=seed)
    if lines:
        say("worth knowing (headstart check tells more):")
    for line in lines:
        # A line break in a file's name must not look like a line of ours.
        say("  " + " ".join(printable(line).splitlines()))
    return replace(result, record=replace(result.record, notes=(*result.record.notes, *lines)))
