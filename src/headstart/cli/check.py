"""headstart check: what is wrong with labelled pictures, before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from headstart.cli import parser
from headstart.cli.terminal import progress, say
from headstart.options import FitOptions
from headstart.progress import step

if TYPE_CHECKING:
    from headstart.audit.check import Checked
    from headstart.audit.findings import Audit

Codes = Parameter(group=parser.FIRST, show_default=False, negative="")
Select = Annotated[
    tuple[str, ...],
    Codes,
    Parameter(
        help="Codes of the only findings to tell (HS101, HS1 for a hundred, wrong-label); repeat, "
        "or join by commas, for more."
    ),
]
Ignore = Annotated[tuple[str, ...], Codes, Parameter(help="Codes of findings to leave out.")]
FailOn = Annotated[
    Literal["error", "warning", "never"],
    Parameter(help="The least level of a finding that gives exit code 1.", group=parser.FIRST),
]


def check(
    source: parser.Source,
    /,
    *,
    out: Annotated[
        Path, Parameter(help="Folder for the page and the tables.", group=parser.FIRST)
    ] = Path("check"),
    write_fixes: Annotated[
        Path | None,
        Parameter(help="Write the labels in doubt as a table to edit.", group=parser.FIRST),
    ] = None,
    select: Select = (),
    ignore: Ignore = (),
    fail_on: FailOn = "error",
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
    from headstart.outputs.own_files import FIXES
    from headstart.outputs.permission import Inputs, OutputFile
    from headstart.report.check_folder import check_outputs, write_check_folder
    from headstart.report.fixes_table import write_fixes as write_table_of_fixes

    told = codes_of("--select", select) if select else frozenset(CODES)
    told -= codes_of("--ignore", ignore)
    inputs = Inputs((source, *options.files()))
    outputs = check_outputs(out, inputs)
    doubts = write_fixes and OutputFile(write_fixes, "--write-fixes", FIXES, inputs)
    with progress() as shown:
        checked = run_check(source, options, shown)
    chosen = {name: words for name, words in (("select", select), ("ignore", ignore)) if words}
    checked = _chosen(checked, told, chosen)
    title = f"headstart check {source.name}"
    with progress() as shown, step(shown, "page"), outputs.writing() as new:
        write_check_folder(checked, new, title=title, max_pixels=options.read.max_pixels)
    found = checked.audit
    _show(found)
    say(f"page: {out / 'check.html'}    every picture: {out / 'check.csv'}")
    if doubts:
        with doubts.writing() as file:
            write_table_of_fixes(file, found.wrong_labels, found.table)
        doubtful = len(found.wrong_labels)
        say(f"labels in doubt: {doubtful}, to edit in {write_fixes}, then fit --fixes")
    graver = {"error": ("error",), "warning": ("error", "warning"), "never": ()}[fail_on]
    return 1 if any(finding.level in graver for finding in found.findings) else 0


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
