"""What an audit found, the most important first, and the same for every picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from headstart.arrays import FloatArray
from headstart.audit.class_counts import Overview, SmallClasses
from headstart.audit.doubts import Doubt
from headstart.audit.duplicate_leak import Leak
from headstart.audit.finding_codes import CODE_OF
from headstart.audit.learning_curve import LearningCurve
from headstart.audit.name_series import NameSeries
from headstart.audit.odd_pictures import OddKind
from headstart.audit.shortcuts.search import ShortcutSearch
from headstart.audit.wrong_labels import WrongLabel
from headstart.data.duplicates import DuplicatePair
from headstart.data.image_table import ImageTable
from headstart.errors import BadInput

Level = Literal["error", "warning", "info"]
LEVELS: tuple[Level, ...] = ("error", "warning", "info")


@dataclass(frozen=True)
class Finding:
    """One thing that the user should know.

    Attributes:
        kind: one of the names in `finding_codes.CODES`, such as "wrong-label".
        level: "error" when no figure can be trusted before it is mended, "warning" when the user
            should look at pictures and decide, "info" for what is good to know.
        title: one line.
        meaning: what it means for a model and its figures.
        advice: what to do.
        rows: rows of the table that it is about, the worst first; () when it is about all.
        numbers: its counts and figures by name.

    Raises ValueError for a kind that has no code.
    """

    kind: str
    level: Level
    title: str
    meaning: str
    advice: str
    rows: tuple[int, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in CODE_OF:
            raise ValueError(f"{self.kind!r} has no code in finding_codes.CODES")

    @property
    def code(self) -> str:
        """The stable code, such as "HS101"."""
        return CODE_OF[self.kind]


@dataclass(frozen=True)
class Audit:
    """Everything that was looked at; a part is None when its inputs were not there.

    Attributes:
        table: the rows that were looked at, n.
        bad: bad rows and files, which are not among them.
        findings: the most important first.
        shortcuts: every kind of knowledge that was tried.
        contradictions: duplicates with different labels.
        pairs: all duplicates found.
        wrong_labels: labels in doubt, the surest first.
        label_scores: how well each label fits, NaN where unknown, (n,).
        doubts: rows whose label is to be decided by looking, with what helps to decide.
        odd: each way of being odd, with scores and flags.
        overview: counts for plots.
        leak, curve, counts: what duplicates would feign, what more pictures would give, and what
            the counts can say.
        series: series that names tell and no group keeps together.
        decided: what the table of fixes that was used says: image to class, None for left out.
    """

    table: ImageTable
    bad: tuple[BadInput, ...]
    findings: tuple[Finding, ...]
    shortcuts: ShortcutSearch
    contradictions: tuple[DuplicatePair, ...]
    pairs: tuple[DuplicatePair, ...]
    wrong_labels: tuple[WrongLabel, ...]
    label_scores: FloatArray | None
    doubts: tuple[Doubt, ...]
    odd: tuple[OddKind, ...]
    overview: Overview | None
    leak: Leak | None
    curve: LearningCurve | None
    counts: SmallClasses | None
    series: NameSeries | None = None
    decided: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def has_errors(self) -> bool:
        """Whether something must be mended before figures can be trusted: exit code 1."""
        return self.count("error") > 0

    def only(self, codes: frozenset[str]) -> Audit:
        """The audit with the findings, and the doubts, of these codes alone."""
        return replace(
            self,
            findings=tuple(finding for finding in self.findings if finding.code in codes),
            doubts=tuple(kept for doubt in self.doubts if (kept := doubt.only(codes)) is not None),
        )

    def count(self, level: Level) -> int:
        """How many findings are of a level."""
        return sum(finding.level == level for finding in self.findings)

    def rows(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Header and cells of check.csv: a row for each picture, then one for each bad input.

        For every kind a score and a flag (1 or 0); an empty cell where a picture has no score.
        `problem` has the cause of a bad input.
        """
        columns = self._columns()
        header = ["image", "label"]
        header += [f"{kind} {what}" for kind, _, _ in columns for what in ("score", "flag")]
        labels = self.table.labels or ("",) * len(self.table)
        cells = [
            [image, label, *self._cells(columns, row), ""]
            for row, (image, label) in enumerate(zip(self.table.ids, labels, strict=True))
        ]
        blanks = [""] * (2 * len(columns) + 1)
        cells += [[item.where, *blanks, item.cause] for item in self.bad]
        return (*header, "problem"), [tuple(row) for row in cells]

    def _columns(self) -> list[tuple[str, FloatArray, set[int]]]:
        """For each kind its name, scores (n,) and flagged rows."""
        columns = [
            (kind.kind, kind.scores, set(np.flatnonzero(kind.flags).tolist())) for kind in self.odd
        ]
        if self.label_scores is not None:
            flagged = {item.row for item in self.wrong_labels}
            columns.append(("wrong label", self.label_scores, flagged))
        copies = _counts(self.pairs, len(self.table))
        columns.append(("duplicate", copies, set(np.flatnonzero(copies).tolist())))
        against = _counts(self.contradictions, len(self.table))
        columns.append(("contradiction", against, set(np.flatnonzero(against).tolist())))
        return columns

    def _cells(self, columns: Sequence[tuple[str, FloatArray, set[int]]], row: int) -> list[str]:
        cells = []
        for _, scores, flagged in columns:
            score = float(scores[row])
            cells += ["" if np.isnan(score) else f"{score:.6g}", "1" if row in flagged else "0"]
        return cells

    def to_json(self) -> dict[str, Any]:
        """Everything but the rows' scores, as plain JSON values: check.json."""
        return {
            "pictures": len(self.table),
            "has_errors": self.has_errors,
            "findings": [self._finding(finding) for finding in self.findings],
            "bad": [asdict(item) for item in self.bad],
            "shortcuts": [
                {**asdict(kind), "strength": kind.strength} for kind in self.shortcuts.kinds
            ],
            "notes": list(self.shortcuts.notes),
            "contradictions": [self._pair(pair) for pair in self.contradictions],
            "duplicates": [self._pair(pair) for pair in self.pairs],
            "wrong_labels": [asdict(item) for item in self.wrong_labels],
            "odd": [
                {
                    "kind": kind.kind,
                    "measure": kind.measure,
                    "limit": _finite(kind.limit),
                    "images": [self.table.ids[row] for row in kind.worst_first],
                }
                for kind in self.odd
            ],
            "overview": _overview(self.overview),
            "leak": None if self.leak is None else asdict(self.leak),
            "series": None if self.series is None else self._series(self.series),
            "learning_curve": None if self.curve is None else asdict(self.curve),
            "counts": None if self.counts is None else asdict(self.counts),
        }

    def _finding(self, finding: Finding) -> dict[str, Any]:
        images = [self.table.ids[row] for row in finding.rows]
        numbers = {name: _finite(value) for name, value in finding.numbers.items()}
        return {"code": finding.code, **asdict(finding), "images": images, "numbers": numbers}

    def _series(self, found: NameSeries) -> dict[str, Any]:
        ids = self.table.ids
        return {
            "apart": [[ids[row] for row in members] for members in found.apart],
            "group_pattern": found.pattern,
            "test": None if found.test is None else asdict(found.test),
        }

    def _pair(self, pair: DuplicatePair) -> dict[str, Any]:
        labels = self.table.labels
        return {
            **asdict(pair),
            "images": [self.table.ids[pair.first], self.table.ids[pair.second]],
            "labels": None if labels is None else [labels[pair.first], labels[pair.second]],
        }


def _counts(pairs: Sequence[DuplicatePair], n: int) -> FloatArray:
    """In how many pairs each row stands, (n,)."""
    rows = np.array([(pair.first, pair.second) for pair in pairs], dtype=np.int64).ravel()
    return np.bincount(rows, minlength=n).astype(np.float64)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _overview(overview: Overview | None) -> dict[str, Any] | None:
    if overview is None:
        return None
    values = asdict(overview)
    values["sizes"] = [[*size, count] for size, count in overview.sizes]
    return values
