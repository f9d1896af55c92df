"""Folds within the rows of one fit: stratified, with groups kept together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.arrays import IntArray
from headstart.data.split import deal_rows


def inner_folds(
    codes: IntArray, groups: npt.NDArray[Any] | None, random: np.random.RandomState, count: int
) -> IntArray:
    """Deal rows to folds, as the outer folds are dealt.

    Args:
        codes: class of each row as 0 to k - 1, (n,).
        groups: rows with equal values stay in one fold, (n,); None when every row is its own.
        random: source of the shuffling.
        count: number of folds.

    Returns:
        The fold 0 to count - 1 that holds each row out, (n,). A row is -1, held out by none, when
        its class would otherwise be missing from that fold's training rows.
    """
    groups = np.arange(len(codes)) if groups is None else _numbered(groups)
    folds = deal_rows(codes, groups, count, np.random.default_rng(random.randint(2**31)))
    # Class by class: rows that none holds out any more stay in training, and may keep the next.
    order = np.argsort(codes, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        held = folds[rows]
        if held[0] >= 0 and (held == held[0]).all():
            folds[np.isin(groups, groups[rows])] = -1
    used = np.unique(folds[folds >= 0])  # a fold that holds nothing out would be a fit for nothing
    place = np.full(count, -1, dtype=np.int64)
    place[used] = np.arange(len(used))
    return np.where(folds < 0, -1, place[folds])


def _numbered(groups: npt.NDArray[Any]) -> IntArray:
    """Groups as numbers in the order of their first rows, (n,): their names do not matter."""
    _, first, members = np.unique(groups, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[members], dtype=np.int64)
