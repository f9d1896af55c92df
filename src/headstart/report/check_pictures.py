"""The rows that a finding is about, as pictures with a few lines under each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headstart.audit.finding_codes import kind_name
from headstart.audit.findings import Audit, Finding
from headstart.audit.odd_pictures import OddKind
from headstart.data.duplicates import DuplicatePair
from headstart.options import MAX_PIXELS
from headstart.report.thumbnails import Thumbnail, thumbnail

MOST_SHOWN = 12
MOST_PAIRS = MOST_SHOWN // 2
MOST_LISTED = 50


@dataclass(frozen=True)
class Shown:
    """One picture: what stands under it is (words, class name, figure, tone) a line."""

    name: str
    small: Thumbnail
    lines: tuple[tuple[str, str, str, str], ...]

    @property
    def alt(self) -> str:
        """The picture in words."""
        told = (" ".join(part for part in line[:3] if part) for line in self.lines)
        return f"{self.name}: {', '.join(told)}"


@dataclass(frozen=True)
class Evidence:
    """What a finding shows: pictures, pairs with what joins them, or lines of text.

    Attributes:
        total: of pictures, pairs or lines that there are.
        noun: what is counted: "picture", "pair", "line".
    """

    pictures: tuple[Shown, ...] = ()
    pairs: tuple[tuple[Shown, Shown, str], ...] = ()
    lines: tuple[str, ...] = ()
    total: int = 0
    noun: str = "picture"

    @property
    def left_out(self) -> int:
        """How many are not shown."""
        return self.total - len(self.pictures) - len(self.pairs) - len(self.lines)


def evidence_of(audit: Audit, finding: Finding, max_pixels: int = MAX_PIXELS) -> Evidence:
    """At most a dozen pictures of a finding; those that cannot be read say why."""

    def show(row: int, *lines: tuple[str, str, str, str]) -> Shown:
        small = thumbnail(audit.table.images[row], max_pixels=max_pixels)
        return Shown(audit.table.ids[row], small, lines)

    if finding.kind == "bad-input":
        lines = tuple(str(item) for item in audit.bad)
        return Evidence(lines=lines[:MOST_LISTED], total=len(lines), noun="line")
    if finding.kind == "missing-picture":
        names = tuple(audit.table.ids[row] for row in finding.rows)
        return Evidence(lines=names[:MOST_SHOWN], total=len(names), noun="name")
    if finding.kind in ("contradiction", "duplicate"):
        pairs = audit.contradictions if finding.kind == "contradiction" else audit.pairs
        return _pairs(audit, pairs, show)
    if finding.kind == "series" and audit.series is not None:
        return _series(audit, audit.series.apart, show)
    if finding.kind == "wrong-label":
        return _doubtful(audit, show)
    odd = {kind_name("odd", kind.kind): kind for kind in audit.odd}
    if finding.kind in odd:
        return _odd(audit, odd[finding.kind], finding.rows, show)
    return Evidence()


Show = Callable[..., Shown]


def _pairs(audit: Audit, pairs: Sequence[DuplicatePair], show: Show) -> Evidence:
    labels = audit.table.labels or ()
    found = []
    for pair in pairs[:MOST_PAIRS]:
        tone = "wrong" if labels[pair.first] != labels[pair.second] else ""
        first, second = (
            show(row, ("given", labels[row], "", tone)) for row in (pair.first, pair.second)
        )
        found.append((first, second, _likeness(pair)))
    return Evidence(pairs=tuple(found), total=len(pairs), noun="pair")


def _series(audit: Audit, apart: Sequence[tuple[int, ...]], show: Show) -> Evidence:
    labels = audit.table.labels or ()
    found = []
    for members in apart[:MOST_PAIRS]:
        first, second = (show(row, ("given", labels[row], "", "")) for row in members[:2])
        found.append((first, second, f"{len(members)} in this series"))
    return Evidence(pairs=tuple(found), total=len(apart), noun="pair")


def _likeness(pair: DuplicatePair) -> str:
    if pair.kind == "exact":
        return "the same bytes"
    words = f"{pair.bits} of 64 hash bits differ"
    if pair.cosine is not None:
        words += f", cosine {pair.cosine:.2f}"
    return words + (", mirrored" if pair.mirrored else "")


def _doubtful(audit: Audit, show: Show) -> Evidence:
    found = [
        show(
            item.row,
            ("given", item.given, f"{item.p_given:.3f}", ""),
            ("likelier", item.likelier, f"{item.p_likelier:.3f}", "wrong"),
        )
        for item in audit.wrong_labels[:MOST_SHOWN]
    ]
    return Evidence(pictures=tuple(found), total=len(audit.wrong_labels))


def _odd(audit: Audit, kind: OddKind, rows: Sequence[int], show: Show) -> Evidence:
    labels = audit.table.labels or ()
    found = [
        show(
            row,
            ("given", labels[row], "", ""),
            (_SHORT[kind.kind], "", f"{kind.scores[row]:.3g}", "other"),
        )
        for row in rows[:MOST_SHOWN]
    ]
    return Evidence(pictures=tuple(found), total=len(rows))


_SHORT = {
    "blank": "spread of grey",
    "unscaled": "mean grey",
    "dark": "mean grey",
    "bright": "mean grey",
    "blurred": "sharpness",
    "tiny": "shorter side",
    "extreme shape": "long / short",
    "far": "distance",
}
