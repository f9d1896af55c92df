"""Groups that names tell: --group-pattern, a regular expression for a file's name or path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from headstart.data.duplicates import components, repeats
from headstart.data.image_table import ImageTable
from headstart.errors import UsageError
from headstart.options import ReadOptions
from headstart.wording import plural, some_of


def name_groups(names: Iterable[str | os.PathLike[str]], pattern: str) -> list[str]:
    """The group of each name, as a list (n,); the name itself where the pattern tells none.

    The pattern is searched in the file's name, or in the whole path if there is a slash in the
    pattern. Its first group is the picture's group, or the whole match where it has none.

    Raises UsageError for what is no regular expression.

    Example:
        >>> name_groups(["a/p012_left.png", "a/p012_right.png", "b/x.png"], r"^(p[0-9]+)_")
        ['p012', 'p012', 'b/x.png']
    """
    paths = [os.fsdecode(name).replace("\\", "/") for name in names]
    told = told_groups(paths, pattern)
    return [group or path for group, path in zip(told, paths, strict=True)]


def told_groups(names: Iterable[str], pattern: str) -> list[str]:
    """As `name_groups`, but "" where the pattern tells none."""
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise UsageError(
            f"the group pattern {pattern!r} is no regular expression: {error}"
        ) from error
    found = []
    for name in names:
        path = name.replace("\\", "/")
        match = search(path if "/" in pattern else path.rpartition("/")[2])
        found.append("" if match is None else match[1 if match.re.groups else 0] or "")
    return found


def with_name_groups(table: ImageTable, options: ReadOptions) -> ImageTable:
    """The table with the groups of --group-pattern; unchanged without one.

    Where the table has groups of a column too, two rows are of one group when the column or the
    pattern says so, or when a chain of such rows joins them. Raises UsageError when no name fits.
    """
    pattern = options.group_pattern
    if pattern is None or not len(table):
        return table
    told = told_groups(table.ids, pattern)
    without = [name for name, group in zip(table.ids, told, strict=True) if not group]
    if len(without) == len(told):
        raise UsageError(
            f"--group-pattern {pattern!r} is found in none of the names, such as "
            f"{some_of(without, 2)}. It is searched in the file's name, and in the path if it has "
            "a slash"
        )
    count = len({group for group in told if group})
    note = f"{plural(count, 'group')} by --group-pattern"
    if without:
        note += (
            f"; {plural(len(without), 'name')} without a match, each a group of its own: "
            f"{some_of(without, 3)}"
        )
    if table.groups is not None:
        told = _joined(table.groups, told)
        note += f"; joined with those of --group-column: {plural(len(set(told)), 'group')}"
    return replace(table, groups=tuple(told), notes=(*table.notes, note))


def _joined(column: Sequence[str], told: Sequence[str]) -> list[str]:
    """One name for each set of rows that either tells to be together, that of its first row."""
    edges = [
        edge
        for names in (column, told)
        for edge in repeats(name or row for row, name in enumerate(names))
    ]
    groups = components(len(told), edges)
    name: dict[int, str] = {}
    for row, number in enumerate(groups.tolist()):
        name.setdefault(number, column[row] or told[row])
    return [name[number] for number in groups.tolist()]
