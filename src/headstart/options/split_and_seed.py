"""The options of the split and the folds, and the seed of everything random."""

from __future__ import annotations

from dataclasses import dataclass

from headstart.options.definition import (
    FEATURES,
    LABELLED,
    MODELS,
    ON_BACKBONE,
    none_or,
    number,
    option,
    whole,
)

DEFAULT_SEED = 13
LARGEST_SEED = 2**32 - 1  # NumPy's
USUAL_FOLDS, FEWER_FOLDS = 10, 5
MANY_CLASSES = 1_000_000  # rows times classes from which a fold takes long
LARGEST_FOR_FOLDS = 5_000  # rows; with more, one test part is precise enough


@dataclass(frozen=True, kw_only=True)
class SplitOptions:
    """Which rows train and which test."""

    test_fraction: float = option(
        0.1,
        LABELLED,
        "Share of the pictures kept for the test.",
        rule=number("above 0 and below 1", lambda value: 0 < value < 1),
        most_used=True,
    )
    seed: int = option(
        DEFAULT_SEED,
        FEATURES,
        "Seed of everything random.",
        rule=whole(0, LARGEST_SEED),
        most_used=True,
    )
    near_duplicates: bool = option(
        True,
        (*LABELLED, "rank"),
        "Find near-duplicates too and keep each group of them on one side of a split, or not.",
    )
    folds: int | None = option(
        None,
        (*MODELS, "rank"),
        f"Folds of the cross-validation over all rows, 0 for none; default: {USUAL_FOLDS}, or "
        f"{FEWER_FOLDS} where rows times classes reach {MANY_CLASSES:,}, and none from "
        f"{LARGEST_FOR_FOLDS:,} rows on.",
        rule=none_or(whole(2)),
        use=ON_BACKBONE,
    )

    def folds_for(self, rows: int, classes: int) -> int:
        """The number of folds for so many rows and classes; 0 for none."""
        if self.folds is not None:
            return self.folds
        if rows >= LARGEST_FOR_FOLDS:
            return 0
        return USUAL_FOLDS if rows * classes < MANY_CLASSES else FEWER_FOLDS
