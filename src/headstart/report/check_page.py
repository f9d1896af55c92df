"""check.html: what an audit found, the most important first, on one page without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.audit.finding_codes import kind_name
from headstart.audit.findings import Audit, Finding
from headstart.evaluate.sample_size import DIFFERENCES, pictures_to_detect
from headstart.options import MAX_PIXELS
from headstart.report.audit_plots import (
    curve_drawing,
    expected_drawing,
    leak_drawing,
    overview_drawings,
    shortcut_drawing,
)
from headstart.report.check_pictures import Evidence, evidence_of
from headstart.report.label_review import label_review
from headstart.report.number_formats import count
from headstart.report.record import record_tables
from headstart.report.render import write_page

CHAPTERS = ("duplicate", "small-class", "imbalance", "test-size", "learning-curve")


@dataclass(frozen=True)
class Entry:
    """A finding as the page shows it; `more` is what its title says in brackets."""

    finding: Finding
    heading: str
    more: str
    badge: str
    evidence: Evidence


def write_check(
    audit: Audit,
    path: Path,
    *,
    title: str,
    record: Mapping[str, Any],
    max_pixels: int = MAX_PIXELS,
) -> None:
    """Write the page of `check`.

    Args:
        audit: what was found.
        path: the HTML file, a new one.
        title: what the page is called.
        record: as of `RunRecord.to_json`; its notes are shown.
        max_pixels: limit for a picture's size.

    Raises OSError. A picture that cannot be read is named with its cause.
    """
    entries = [_entry(audit, finding, max_pixels) for finding in audit.findings]
    first = [e for e in entries if e.finding.level != "info" or e.finding.kind == "series"]
    by_kind = {entry.finding.kind: entry for entry in entries}
    context = {
        "title": title,
        "lead": _lead(audit),
        "tiles": _tiles(audit),
        "found": first,
        "duplicates": by_kind.get("duplicate"),
        "leak": leak_drawing(audit.leak) if audit.leak is not None else None,
        "review": label_review(audit, str(record.get("data_digest", "")), max_pixels),
        "decided": {code for doubt in audit.doubts for code in doubt.codes},
        "shortcuts": shortcut_drawing(audit.shortcuts),
        "clear": [item.kind for item in audit.shortcuts.kinds if item.reported],
        "unclear": [item.kind for item in audit.shortcuts.kinds if not item.reported],
        "overview": overview_drawings(audit.overview) if audit.overview is not None else [],
        "uniform": _uniform(audit),
        "odd": [
            (kind.kind, kind.measure, _limit(kind.limit), len(kind.worst_first))
            for kind in audit.odd
        ],
        "counts": audit.counts,
        "expected": expected_drawing(audit.counts.n_test) if audit.counts is not None else None,
        "needed": [(f"{100 * d:.0f}", pictures_to_detect(d)) for d in DIFFERENCES],
        "curve": audit.curve,
        "curve_drawing": curve_drawing(audit.curve) if audit.curve is not None else None,
        "curve_advice": _advice(by_kind.get("learning-curve")),
        "notes": [*record.get("notes", ()), *audit.shortcuts.notes, *_curve_notes(audit)],
        "record": record_tables(record),
    }
    write_page("check.html", path, context)


def _entry(audit: Audit, finding: Finding, max_pixels: int) -> Entry:
    shown = Evidence() if finding.kind in CHAPTERS[1:] else evidence_of(audit, finding, max_pixels)
    heading, more = finding.title, ""
    if shown.total:
        heading = heading.partition(": ")[0]  # the names stand under the pictures
    for item in audit.shortcuts.found:
        if finding.kind == kind_name("shortcut", item.kind) and item.rule:
            heading, more = heading.replace(f" ({item.rule})", ""), item.rule
    return Entry(finding, heading.rstrip("."), more, finding.level, shown)


def _lead(audit: Audit) -> str:
    classes = len(set(audit.table.labels or ()))
    errors, warnings = audit.count("error"), audit.count("warning")
    looked = f"{count(len(audit.table), 'picture')} of {count(classes, 'class', 'classes')}: "
    if errors:
        verb = "thing has" if errors == 1 else "things have"
        told = f"{errors} {verb} to be mended before figures can be trusted"
    else:
        told = "nothing has to be mended"
    if warnings:
        told += f", and {warnings} {'is' if warnings == 1 else 'are'} worth a look"
    return f"{looked}{told}."


def _tiles(audit: Audit) -> list[dict[str, str]]:
    left_out = f"{count(len(audit.bad), 'bad input')} beside them" if audit.bad else "all usable"
    parts = (
        (str(audit.count("error")), "errors", "to mend before figures can be trusted"),
        (str(audit.count("warning")), "warnings", "to decide by looking"),
        (f"{len(audit.table):,}", "pictures", left_out),
    )
    return [{"value": value, "label": label, "detail": detail} for value, label, detail in parts]


def _uniform(audit: Audit) -> list[str]:
    """What all pictures share, which needs no plot."""
    overview = audit.overview
    if overview is None:
        return []
    lines = []
    if len(overview.sizes) == 1:
        (width, height), _ = overview.sizes[0]
        lines.append(f"All pictures are {width} × {height} pixels.")
    if len(overview.formats) == 1:
        lines.append(f"All files are {overview.formats[0][0]}.")
    if overview.unmeasured:
        lines.append(f"{count(overview.unmeasured, 'picture')} could not be measured.")
    return lines


def _limit(value: float) -> str:
    return f"{value:.3g}" if abs(value) != float("inf") else "–"


def _advice(entry: Entry | None) -> str:
    return "" if entry is None else entry.finding.advice


def _curve_notes(audit: Audit) -> Sequence[str]:
    return () if audit.curve is None else audit.curve.notes
