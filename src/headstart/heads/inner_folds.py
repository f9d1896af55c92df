"""Folds within the rows of one fit: stratified, with groups kept together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.arrays import IntArray


def inner_folds(
    codes: IntArray,
    groups: npt.NDArray[Any] | None,
    random: np.random.RandomState,
    count: int = 5,
) -> IntArray:
    """Deal rows to folds.

    Args:
        codes: class of each row as 0 to k - 1, (n,).
        groups: rows with equal values stay in one fold, (n,); None when every row is its own.
        random: source of the shuffling.
        count: number of folds.

    Returns:
        The fold 0 to count - 1 that holds each row out, (n,). A row is -1, held out by none, when
        its class would otherwise be missing from that fold's training rows.
    """
    members = _members(len(codes), groups)
    if members.max() + 1 == len(codes):
        folds = _deal(codes, random, count)
    else:
        folds = _deal_groups(codes, members, random, count)[members]
    for code in range(int(codes.max()) + 1):
        of_class = codes == code
        held = folds[of_class]
        if held[0] >= 0 and (held == held[0]).all():
            folds[np.isin(members, members[of_class])] = -1
    return _numbered(folds)


def _members(n: int, groups: npt.NDArray[Any] | None) -> IntArray:
    """Groups as 0 to their number - 1, (n,)."""
    if groups is None:
        return np.arange(n)
    return np.asarray(np.unique(groups, return_inverse=True)[1], dtype=np.int64)


def _deal(codes: IntArray, random: np.random.RandomState, count: int) -> IntArray:
    """One class after the other, each shuffled, in one round: sizes differ by at most one."""
    order = random.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    folds = np.empty(len(codes), dtype=np.int64)
    folds[order] = np.arange(len(codes)) % count
    return folds


def _deal_groups(
    codes: IntArray, members: IntArray, random: np.random.RandomState, count: int
) -> IntArray:
    """The fold of each group: largest first, to the fold that has least of the group's classes."""
    k, n_groups = int(codes.max()) + 1, int(members.max()) + 1
    table = np.zeros((n_groups, k))  # rows of each class in each group
    np.add.at(table, (members, codes), 1.0)
    sizes = table.sum(axis=1)
    share = 1 / table.sum(axis=0)
    filled = np.zeros((count, k))
    folds = np.empty(n_groups, dtype=np.int64)
    shuffled = random.permutation(n_groups)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        row = table[group]
        after = ((filled + row) * share) @ (row * share)
        fullest = filled.sum(axis=1)
        fold = np.lexsort((fullest, np.round(after, 12)))[0]
        filled[fold] += row
        folds[group] = fold
    return folds


def _numbered(folds: IntArray) -> IntArray:
    """Without gaps: a fold that holds nothing out would be a fit for nothing."""
    used = np.unique(folds[folds >= 0])
    place = np.full(int(folds.max(initial=0)) + 1, -1, dtype=np.int64)
    place[used] = np.arange(len(used))
    return np.where(folds < 0, -1, place[folds])
