"""What a classifier answered, and the truth where it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart.arrays import BoolArray, FloatArray, IntArray

# Logarithms see no probability below this one (float64's epsilon, as in scikit-learn): a certain
# and wrong answer costs 36.04 instead of infinity.
LEAST_PROBABILITY = float(np.finfo(np.float64).eps)
SUM_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Predictions:
    """Answers for n pictures over k classes, in input order.

    Attributes:
        images: the pictures' names, (n,).
        classes: the classes in stored order, (k,).
        probabilities: each row sums to 1; NaN in rows with an error, (n, k).
        truth: the true labels as text, (n,), or None when unknown.
        errors: why a row has no answer, "" where it has one, (n,).
        groups: number of each row's group, (n,), or None: rows of one group (a patient, a series,
            duplicates) are not independent, and the figures' intervals and tests say so.
        warnings: what is odd about each picture by itself, such as that it is of one colour, in
            the words of a check, "" for nothing, (n,); None where that was not looked at.
        familiar: share of the training pictures that are as unlike the others as this one or more,
            NaN in rows with an error, (n,); None where the model cannot tell.

    Raises ValueError for columns of unequal length, for a class that stands twice, and for an
    answered row that is no distribution (logits, for example).
    """

    images: tuple[str, ...]
    classes: tuple[str, ...]
    probabilities: FloatArray
    truth: tuple[str, ...] | None
    errors: tuple[str, ...]
    groups: IntArray | None = None
    warnings: tuple[str, ...] | None = None
    familiar: FloatArray | None = None

    def __post_init__(self) -> None:
        n, k = len(self.images), len(self.classes)
        if self.probabilities.shape != (n, k):
            raise ValueError(f"probabilities are {self.probabilities.shape}, expected {(n, k)}")
        columns = {"truth": self.truth, "errors": self.errors, "warnings": self.warnings}
        for name, column in columns.items():
            if column is not None and len(column) != n:
                raise ValueError(f"{name} has {len(column)} rows, expected {n}")
        for name, numbers in {"groups": self.groups, "familiar": self.familiar}.items():
            if numbers is not None and numbers.shape != (n,):
                raise ValueError(f"{name} are {numbers.shape}, expected {(n,)}")
        if len(set(self.classes)) != k:
            raise ValueError(f"a class stands twice in {self.classes}")
        self._check_distributions()

    def _check_distributions(self) -> None:
        rows = self.probabilities
        # NaN compares false with everything, so it is caught too.
        good = (rows >= 0).all(axis=1) & (np.abs(rows.sum(axis=1) - 1) <= SUM_TOLERANCE)
        wrong = np.flatnonzero(self.answered & ~good)
        if wrong.size:
            row = int(wrong[0])
            raise ValueError(
                f"{wrong.size} answered rows are no probabilities (none below 0, sum 1); "
                f"the first is {self.images[row]!r}: {rows[row].tolist()}"
            )

    def __len__(self) -> int:
        return len(self.images)

    def first(self, rows: int) -> Predictions:
        """The first so many rows."""

        def cut(column: tuple[str, ...] | None) -> tuple[str, ...] | None:
            return None if column is None else column[:rows]

        return Predictions(
            images=self.images[:rows],
            classes=self.classes,
            probabilities=self.probabilities[:rows].copy(),
            truth=cut(self.truth),
            errors=self.errors[:rows],
            groups=None if self.groups is None else self.groups[:rows],
            warnings=cut(self.warnings),
            familiar=None if self.familiar is None else self.familiar[:rows].copy(),
        )

    @property
    def answered(self) -> BoolArray:
        """True for rows without an error, (n,)."""
        return np.array([not error for error in self.errors], dtype=np.bool_)

    @property
    def predicted_index(self) -> IntArray:
        """Index of the likeliest class; -1 in rows with an error, (n,)."""
        best = np.full(len(self), -1, dtype=np.int64)
        rows = self.answered
        if rows.any():
            best[rows] = self.probabilities[rows].argmax(axis=1)
        return best

    @property
    def predicted(self) -> tuple[str, ...]:
        """The likeliest class as text; "" in rows with an error, (n,)."""
        return tuple("" if i < 0 else self.classes[i] for i in self.predicted_index)

    @property
    def truth_index(self) -> IntArray:
        """Index of the true class; -1 where it is not one of `classes`, (n,)."""
        if self.truth is None:
            raise ValueError("these predictions have no true labels")
        position = {name: i for i, name in enumerate(self.classes)}
        return np.array([position.get(label, -1) for label in self.truth], dtype=np.int64)

    @property
    def probability(self) -> FloatArray:
        """Probability of the likeliest class; NaN in rows with an error, (n,)."""
        best = np.full(len(self), np.nan)
        rows = self.answered
        if rows.any():
            best[rows] = self.probabilities[rows].max(axis=1)
        return best

    @property
    def scorable(self) -> BoolArray:
        """True for rows with an answer whose true label is one of `classes`, (n,)."""
        return self.answered & (self.truth_index >= 0)

    @property
    def correct(self) -> BoolArray:
        """True where the likeliest class is the true one; False in unscorable rows, (n,)."""
        right: BoolArray = self.scorable & (self.predicted_index == self.truth_index)
        return right


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Answers of one model for several lists of pictures as one; at least one part.

    Truth and groups, which the parts know nothing of, are None.
    """
    if len(parts) == 1:
        return replace(parts[0], truth=None, groups=None)
    warned = all(part.warnings is not None for part in parts)
    familiar = [part.familiar for part in parts if part.familiar is not None]
    return Predictions(
        images=tuple(name for part in parts for name in part.images),
        classes=parts[0].classes,
        probabilities=np.concatenate([part.probabilities for part in parts]),
        truth=None,
        errors=tuple(error for part in parts for error in part.errors),
        warnings=tuple(line for part in parts for line in part.warnings or ()) if warned else None,
        familiar=np.concatenate(familiar) if len(familiar) == len(parts) else None,
    )
