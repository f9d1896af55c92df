"""How many pictures each class has, and what such numbers allow to be said."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from headstart.data.image_table import class_order
from headstart.evaluate.sample_size import class_sentences, size_sentences
from headstart.images.statistics import ImageStatistics
from headstart.wording import some_of

T = TypeVar("T", str, tuple[int, int])


@dataclass(frozen=True)
class Overview:
    """Counts of n pictures.

    Attributes:
        class_counts: pictures of each class, in stored order.
        sizes: (width, height) and how many, the most frequent first.
        formats: file format, such as "JPEG", and how many, the most frequent first.
        format_counts: the same for each class.
        unmeasured: pictures that cannot be read.
    """

    class_counts: dict[str, int]
    sizes: tuple[tuple[tuple[int, int], int], ...]
    formats: tuple[tuple[str, int], ...]
    format_counts: dict[str, dict[str, int]]
    unmeasured: int


def look_over(labels: Sequence[str], statistics: Sequence[ImageStatistics | None]) -> Overview:
    """Count labels (n,), sizes and formats. Raises ValueError when the lengths differ."""
    classes, counts = class_order(labels), Counter(labels)
    known = [(label, f) for label, f in zip(labels, statistics, strict=True) if f is not None]
    by_class: dict[str, Counter[str]] = {name: Counter() for name in classes}
    for label, measured in known:
        by_class[label][measured.format] += 1
    return Overview(
        class_counts={name: counts[name] for name in classes},
        sizes=_most_first(Counter((f.width, f.height) for _, f in known)),
        formats=_most_first(Counter(f.format for _, f in known)),
        format_counts={name: dict(_most_first(found)) for name, found in by_class.items()},
        unmeasured=len(labels) - len(known),
    )


def _most_first(counts: Counter[T]) -> tuple[tuple[T, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


FEW = 20  # pictures of a class for learning
UNBALANCED = 3.0  # largest class / smallest class
LARGE = 0.8  # share of the largest class that makes an accuracy look good by itself


@dataclass(frozen=True)
class SmallClasses:
    """Sentences about the counts.

    Attributes:
        n_test: test pictures that the sentences are about.
        small: classes with fewer than 20 pictures.
        ratio: pictures of the largest class for one of the smallest.
        sentences: what the test part can say.
        class_sentences: classes whose recall it cannot pin down, and classes too small to learn.
        balance: a remark about unequal counts with what to do, or "".
    """

    n_test: int
    small: tuple[str, ...]
    ratio: float
    sentences: tuple[str, ...]
    class_sentences: tuple[str, ...]
    balance: str


def describe_counts(
    counts: Mapping[str, int],
    *,
    test_counts: Mapping[str, int] | None = None,
    test_fraction: float = 0.1,
) -> SmallClasses:
    """What can be said with so many pictures of each class.

    Args:
        counts: all pictures of each class.
        test_counts: those of the test part; default: about `test_fraction` of each class, at
            least one, and none of a class with one picture.
        test_fraction: share of the test part.

    Raises:
        ValueError: there is no class, or a class without a picture.
    """
    if not counts or min(counts.values()) < 1:
        raise ValueError(f"counts are {dict(counts)}: expected classes of one picture or more")
    if test_counts is None:
        test_counts = {
            name: min(max(1, math.floor(test_fraction * count + 0.5)), count - 1)
            for name, count in counts.items()
        }
    small = tuple(name for name, count in counts.items() if count < FEW)
    lines = list(class_sentences(test_counts))
    if small:
        shown = some_of([f"'{name}' ({counts[name]})" for name in small], 10)
        lines.append(
            f"Fewer than {FEW} pictures: {shown}. A head can learn from so few, but whether it "
            "did cannot be measured; gather more of them first."
        )
    n_test = sum(test_counts.values())
    return SmallClasses(
        n_test=n_test,
        small=small,
        ratio=max(counts.values()) / min(counts.values()),
        sentences=size_sentences(n_test),
        class_sentences=tuple(lines),
        balance=_balance(counts),
    )


def _balance(counts: Mapping[str, int]) -> str:
    most = max(counts, key=lambda name: counts[name])
    least = min(counts, key=lambda name: counts[name])
    ratio, share = counts[most] / counts[least], counts[most] / sum(counts.values())
    if len(counts) < 2 or (ratio < UNBALANCED and share < LARGE):
        return ""
    return (
        f"Class '{most}' has {counts[most]:,} pictures and class '{least}' {counts[least]:,}, "
        f"{ratio:.1f} for one. Always answering '{most}' is right for {share:.1%}: read the "
        "accuracy beside that share, and the balanced accuracy and the recall of every class. "
        "--class-weight balanced gives every class the same weight: the small ones are found "
        "more often, at the price of more false alarms."
    )
