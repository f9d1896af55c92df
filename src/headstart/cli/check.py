"""headstart check: what is wrong with labelled pictures, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headstart.cli import flags
from headstart.cli.show import progress, say
from headstart.errors import UsageError
from headstart.options import FitOptions

if TYPE_CHECKING:
    from headstart.audit.findings import Audit


def check(
    source: flags.Source,
    /,
    *,
    out: Annotated[
        Path, Parameter(help="Folder for the page and the tables.", group=flags.FIRST)
    ] = Path("check"),
    write_fixes: Annotated[
        Path | None,
        Parameter(help="Write the labels in doubt as a table to edit.", group=flags.FIRST),
    ] = None,
    options: FitOptions,
) -> int:
    """Look for broken files, wrong labels, duplicates, shortcuts and odd pictures.

    Exit code 1 when there are errors, which must be mended before figures can be trusted, else 0.

    Examples:

        headstart check labels.csv --images images/ --out check/
        headstart check pictures/ --write-fixes fixes.csv
        headstart check labels.csv --images images/ --fixes fixes.csv
    """
    from headstart.audit.check import run_check
    from headstart.report.check_folder import write_check_folder
    from headstart.report.fixes_table import write_fixes as write_table_of_fixes
    from headstart.report.run_folder import check_writable

    check_writable(out)
    if write_fixes is not None:
        _check_new(write_fixes)
    with progress() as shown:
        checked = run_check(source, options, shown)
    title = f"headstart check {source.name}"
    write_check_folder(checked, out, title=title, max_pixels=options.read.max_pixels)
    found = checked.audit
    _show(found)
    say(f"page: {out / 'check.html'}    every picture: {out / 'check.csv'}")
    if write_fixes is not None:
        write_table_of_fixes(write_fixes, found.wrong_labels, found.table)
        doubtful = len(found.wrong_labels)
        say(f"labels in doubt: {doubtful}, to edit in {write_fixes}, then fit --fixes")
    return 1 if found.has_errors else 0


def _check_new(path: Path) -> None:
    """An edited table is work of the user that must not be written over. Raises UsageError."""
    if path.exists():
        raise UsageError(f"--write-fixes {path}: exists, and may hold your edits; name another")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--write-fixes {path}: there is no folder {path.parent}")


def _show(audit: Audit) -> None:
    """A short list: how grave, what, and what to do."""
    from headstart.wording import plural

    for finding in audit.findings:
        say(f"{finding.level}: {finding.title}")
        if finding.level != "info":
            say(f"      {finding.advice}")
    errors, warnings = audit.count("error"), audit.count("warning")
    counts = f"{plural(errors, 'error')}, {plural(warnings, 'warning')}"
    say(f"{plural(len(audit.table), 'picture')}: {counts}")
