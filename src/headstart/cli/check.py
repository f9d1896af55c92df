"""headstart check: what is wrong with labelled pictures, before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from headstart.cli import flags
from headstart.cli.show import progress, say
from headstart.errors import UsageError
from headstart.options import FitOptions

if TYPE_CHECKING:
    from headstart.audit.check import Checked
    from headstart.audit.findings import Audit

FailOn = Literal["error", "warning", "never"]


def _first(text: str) -> Parameter:
    return Parameter(help=text, group=flags.FIRST)


def _codes(text: str) -> Parameter:
    return Parameter(help=text, group=flags.FIRST, show_default=False, negative="")


Out = Annotated[Path, _first("Folder for the page and the tables.")]
WriteFixes = Annotated[Path | None, _first("Write the labels in doubt as a table to edit.")]
Select = Annotated[
    tuple[str, ...],
    _codes(
        "Codes of the only findings to tell (HS101, HS1 for a hundred, wrong-label); repeat, or "
        "join by commas, for more."
    ),
]
Ignore = Annotated[tuple[str, ...], _codes("Codes of findings to leave out.")]
FailOnFlag = Annotated[FailOn, _first("The least level of a finding that gives exit code 1.")]


def check(
    source: flags.Source,
    /,
    *,
    out: Out = Path("check"),
    write_fixes: WriteFixes = None,
    select: Select = (),
    ignore: Ignore = (),
    fail_on: FailOnFlag = "error",
    options: FitOptions,
) -> int:
    """Look for broken files, wrong labels, duplicates, shortcuts and odd pictures.

    Each finding has a level and a code that stays. Exit code 1 when there is an error, which must
    be mended before figures can be trusted, else 0; --fail-on moves that line.

    Examples:

        headstart check labels.csv --images images/ --out check/
        headstart check pictures/ --write-fixes fixes.csv
        headstart check labels.csv --images images/ --fixes fixes.csv
        headstart check pictures/ --ignore HS504,HS6 --fail-on warning
    """
    from headstart.audit.check import run_check
    from headstart.audit.finding_codes import CODES, codes_of
    from headstart.report.check_folder import write_check_folder
    from headstart.report.fixes_table import write_fixes as write_table_of_fixes
    from headstart.report.run_folder import check_writable

    told = codes_of("--select", select) if select else frozenset(CODES)
    told -= codes_of("--ignore", ignore)
    check_writable(out)
    if write_fixes is not None:
        _check_new(write_fixes)
    with progress() as shown:
        checked = run_check(source, options, shown)
    chosen = {name: words for name, words in (("select", select), ("ignore", ignore)) if words}
    checked = _chosen(checked, told, chosen)
    title = f"headstart check {source.name}"
    write_check_folder(checked, out, title=title, max_pixels=options.read.max_pixels)
    found = checked.audit
    _show(found)
    say(f"page: {out / 'check.html'}    every picture: {out / 'check.csv'}")
    if write_fixes is not None:
        write_table_of_fixes(write_fixes, found.wrong_labels, found.table)
        doubtful = len(found.wrong_labels)
        say(f"labels in doubt: {doubtful}, to edit in {write_fixes}, then fit --fixes")
    graver = {"error": ("error",), "warning": ("error", "warning"), "never": ()}[fail_on]
    return 1 if any(finding.level in graver for finding in found.findings) else 0


def _check_new(path: Path) -> None:
    """An edited table is work of the user that must not be written over. Raises UsageError."""
    if path.exists():
        raise UsageError(f"--write-fixes {path}: exists, and may hold your edits; name another")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--write-fixes {path}: there is no folder {path.parent}")


def _chosen(checked: Checked, codes: frozenset[str], words: Mapping[str, Sequence[str]]) -> Checked:
    """The findings of these codes; what is left out is told, and stands in the record."""
    whole, record = checked.audit, checked.record
    left = [f"{item.code} {item.kind}" for item in whole.findings if item.code not in codes]
    line = f"left out by --select or --ignore: {', '.join(left)}"
    notes = (*record.notes, line) if left else record.notes
    if left:
        say(line)
    record = replace(
        record,
        options={**record.options, **{name: ",".join(w) for name, w in words.items()}},
        notes=notes,
    )
    return replace(checked, audit=whole.only(codes), record=record)


def _show(audit: Audit) -> None:
    """A short list: how grave, what, and what to do."""
    from headstart.wording import plural

    for finding in audit.findings:
        say(f"{finding.level} {finding.code}: {finding.title}")
        if finding.level != "info":
            say(f"      {finding.advice}")
    errors, warnings = audit.count("error"), audit.count("warning")
    counts = f"{plural(errors, 'error')}, {plural(warnings, 'warning')}"
    say(f"{plural(len(audit.table), 'picture')}: {counts}")
