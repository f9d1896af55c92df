"""What there is: classes, sizes and formats in numbers, ready to be plotted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from headstart.data.facts import PictureFacts
from headstart.data.image_table import class_order

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


def look_over(labels: Sequence[str], facts: Sequence[PictureFacts | None]) -> Overview:
    """Count labels (n,), sizes and formats. Raises ValueError when the lengths differ."""
    classes, counts = class_order(labels), Counter(labels)
    known = [(label, f) for label, f in zip(labels, facts, strict=True) if f is not None]
    by_class: dict[str, Counter[str]] = {name: Counter() for name in classes}
    for label, fact in known:
        by_class[label][fact.format] += 1
    return Overview(
        class_counts={name: counts[name] for name in classes},
        sizes=_most_first(Counter((f.width, f.height) for _, f in known)),
        formats=_most_first(Counter(f.format for _, f in known)),
        format_counts={name: dict(_most_first(found)) for name, found in by_class.items()},
        unmeasured=len(labels) - len(known),
    )


def _most_first(counts: Counter[T]) -> tuple[tuple[T, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
