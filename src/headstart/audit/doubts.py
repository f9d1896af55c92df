"""Rows whose label a person should decide by looking, each with what helps to decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from headstart.arrays import Float32Array, IntArray
from headstart.audit.neighbours import nearest_rows, unit_rows
from headstart.audit.wrong_labels import likeliest_others
from headstart.data.dataset import Dataset
from headstart.data.duplicates import DuplicatePair
from headstart.evaluate.predictions import Predictions

if TYPE_CHECKING:
    from headstart.audit.findings import Finding

DECIDED_BY_LOOKING = ("HS101", "HS102", "HS5")  # codes or their beginnings
NEIGHBOURS = 4  # of each class


@dataclass(frozen=True)
class Doubt:
    """One row to decide on.

    Attributes:
        row: of the table.
        codes: of the findings that it stands in.
        suggested: the class it might have instead: that of its copy, else the likeliest other one
            by the model; None when there is neither.
        p_given, p_suggested: out-of-fold probabilities of both classes; None without a model.
        given_like: rows of the given class that are most alike, the nearest first.
        suggested_like: the same of the suggested class.
    """

    row: int
    codes: tuple[str, ...]
    suggested: str | None
    p_given: float | None
    p_suggested: float | None
    given_like: tuple[int, ...]
    suggested_like: tuple[int, ...]

    def only(self, codes: frozenset[str]) -> Doubt | None:
        """The doubt as far as it comes from these codes; None when none of them raised it."""
        kept = tuple(code for code in self.codes if code in codes)
        return replace(self, codes=kept) if kept else None


def find_doubts(
    findings: Sequence[Finding],
    data: Dataset,
    features: Float32Array,
    predictions: Predictions | None,
    contradictions: Sequence[DuplicatePair],
) -> tuple[Doubt, ...]:
    """The rows of the findings that are decided by looking, each once, in the findings' order.

    Args:
        findings: the gravest first.
        data: usable rows.
        features: of these rows, (n, d).
        predictions: their out-of-fold answers.
        contradictions: copies with different labels.
    """
    codes: dict[int, list[str]] = {}
    for finding in findings:
        if finding.code.startswith(DECIDED_BY_LOOKING):
            for row in finding.rows:
                codes.setdefault(row, []).append(finding.code)
    if not codes:
        return ()
    rows = np.array(list(codes), dtype=np.int64)
    suggested = _suggested(rows, data, predictions, contradictions)
    given_like = _alike(rows, data.targets[rows], data, features)
    suggested_like = _alike(rows, suggested, data, features)
    return tuple(
        Doubt(
            row=int(row),
            codes=tuple(codes[int(row)]),
            suggested=data.classes[suggested[i]] if suggested[i] >= 0 else None,
            p_given=_share(predictions, row, data.targets[row]),
            p_suggested=_share(predictions, row, suggested[i]),
            given_like=given_like[i],
            suggested_like=suggested_like[i],
        )
        for i, row in enumerate(rows)
    )


def _suggested(
    rows: IntArray,
    data: Dataset,
    predictions: Predictions | None,
    contradictions: Sequence[DuplicatePair],
) -> IntArray:
    """The class that each row might have instead, -1 where there is none, (m,)."""
    others = np.full(len(data), -1, dtype=np.int64)
    for pair in contradictions:
        others[pair.first], others[pair.second] = data.targets[[pair.second, pair.first]]
    if predictions is not None:
        known, likeliest = likeliest_others(predictions)
        open_ones = others[known] < 0
        others[known[open_ones]] = likeliest[open_ones]
    return others[rows]


def _share(predictions: Predictions | None, row: int, target: int) -> float | None:
    if predictions is None or target < 0:
        return None
    share = float(predictions.probabilities[row, target])
    return None if np.isnan(share) else share


def _alike(
    rows: IntArray, targets: IntArray, data: Dataset, features: Float32Array
) -> list[tuple[int, ...]]:
    """For each row the most alike rows of the class `targets` names, the nearest first."""
    units = unit_rows(features)
    nearest = np.full((len(rows), NEIGHBOURS), -1, dtype=np.int64)
    for target in np.unique(targets[targets >= 0]):
        asked = np.flatnonzero(targets == target)
        members = np.flatnonzero(data.targets == target)
        nearest[asked] = nearest_rows(units, rows[asked], members, count=NEIGHBOURS)
    return [tuple(row for row in line if row >= 0) for line in nearest.tolist()]
