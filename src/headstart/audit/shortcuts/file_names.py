"""What a file's name says, as numbers and words: never the class folder that gave the label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from headstart.arrays import FloatArray
from headstart.data.labels import composed, trim

MOST_NUMBERS = 4  # numbers of one name that are looked at
MOST_WORDS = 200  # words of all names that are looked at, the most frequent
LEAST_ROWS = 3  # a word in fewer names tells nothing

_NUMBER = re.compile(r"[0-9]+")
_WORD = re.compile(r"[^\W\d_]+")
_LONGEST = 15  # digits that a float holds exactly


@dataclass(frozen=True)
class Columns:
    """Numbers of n rows, with a name in words for each column.

    Attributes:
        values: NaN where a row has no such value, (n, m).
        names: such as "the number in the file name", (m,).
    """

    values: FloatArray
    names: tuple[str, ...]


def plain_names(ids: Sequence[str], labels: Sequence[str], is_folder: bool) -> list[str]:
    """Names with slashes, without the folders that gave the labels.

    In a folder of class folders everything down to the class folder is cut off. In a table only
    a level of folders is cut off whose names are the labels themselves.
    """
    names = [composed(name.replace("\\", "/")) for name in ids]
    parts = [name.split("/") for name in names]
    folded = [composed(label).casefold() for label in labels]
    depth = min((len(steps) - 1 for steps in parts), default=0)
    for level in range(depth):
        same = (trim(s[level]).casefold() == label for s, label in zip(parts, folded, strict=True))
        if all(same):
            start = level + 1
            kept = [[*([] if is_folder else s[:level]), *s[start:]] for s in parts]
            return ["/".join(steps) for steps in kept]
    if is_folder:
        return ["/".join(steps[1:]) if len(steps) > 1 else steps[0] for steps in parts]
    return names


def name_numbers(names: Sequence[str]) -> Columns:
    """The numbers in the files' names, left to right, and the last digit of the last number."""
    found = [
        [int(text[-_LONGEST:]) for text in _NUMBER.findall(PurePosixPath(name).stem)]
        for name in names
    ]
    most = min(max((len(numbers) for numbers in found), default=0), MOST_NUMBERS)
    columns, titles = [], []
    for place in range(most):
        columns.append([float(n[place]) if len(n) > place else np.nan for n in found])
        titles.append(
            "the number in the file name" if most == 1 else f"number {place + 1} of the file name"
        )
    if most:
        columns.append([float(n[-1] % 10) if n else np.nan for n in found])
        columns.append([float(n[-1] % 2) if n else np.nan for n in found])
        titles += ["the last digit of the file name's number", "the number's remainder by 2"]
    values = np.array(columns, dtype=np.float64).reshape(len(columns), len(names)).T
    return Columns(values, tuple(titles))


def name_words(names: Sequence[str]) -> Columns:
    """Which words, folders, endings and patterns a name has: 1 or 0."""
    tokens = [_tokens(name) for name in names]
    counts = Counter(token for row in tokens for token in row)
    kept = [
        token
        for token, count in counts.most_common()
        if LEAST_ROWS <= count <= len(names) - LEAST_ROWS
    ][:MOST_WORDS]
    place = {token: column for column, token in enumerate(kept)}
    values = np.zeros((len(names), len(kept)))
    for row, found in enumerate(tokens):
        for token in found:
            if token in place:
                values[row, place[token]] = 1.0
    return Columns(values, tuple(kept))


def _tokens(name: str) -> set[str]:
    """Each in the words in which a rule names it."""
    path = PurePosixPath(name)
    found = {f"the word '{word}' in the file name" for word in _WORD.findall(path.stem.casefold())}
    found |= {f"the folder '{part}'" for part in path.parts[:-1]}
    found.add(f"the ending '{path.suffix}'" if path.suffix else "no ending")
    pattern = _WORD.sub("a", _NUMBER.sub("0", path.stem))
    if len(pattern) <= 24:
        found.add(f"the pattern '{pattern}' (0 for numbers, a for words)")
    return found
