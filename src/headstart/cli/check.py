"""headstart check: what is wrong with labelled pictures, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headstart import options
from headstart.cli import flags
from headstart.option_rules import check_options

if TYPE_CHECKING:
    from headstart.audit.findings import Audit


def check(
    source: flags.Source,
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder for the page and the tables.")] = Path("check"),
    write_fixes: Annotated[
        Path | None, Parameter(help="Write the labels in doubt as a table to edit.")
    ] = None,
    read: flags.Read = options.ReadOptions(),
    labels: flags.Labels = options.LabelOptions(),
    backbone: flags.Backbone = options.BackboneOptions(),
    embed: flags.Embed = options.EmbedOptions(),
    split: flags.SharedSplit = options.SharedSplitOptions(),
) -> int:
    """Look for broken files, wrong labels, duplicates, shortcuts and odd pictures.

    Exit code 1 when there are errors, which must be mended before figures can be trusted, else 0.

    Examples:

        headstart check labels.csv --images images/ --out check/
        headstart check pictures/ --write-fixes fixes.csv
        headstart check labels.csv --images images/ --fixes fixes.csv
    """
    check_options(read, backbone, embed, split)  # before the imports, which take seconds

    from headstart.audit.check import run_check
    from headstart.cli.show import progress, say
    from headstart.outputs.own_files import FIXES
    from headstart.outputs.permission import Inputs, OutputFile
    from headstart.report.check_folder import check_outputs, write_check_folder
    from headstart.report.fixes_table import write_fixes as write_table_of_fixes

    inputs = Inputs((source, read.images, labels.fixes, backbone.weights))
    outputs = check_outputs(out, inputs)
    doubts = write_fixes and OutputFile(write_fixes, "--write-fixes", FIXES, inputs)
    chosen = options.FitOptions(
        read=read,
        labels=labels,
        backbone=backbone,
        embed=embed,
        split=options.SplitOptions(
            test_fraction=split.test_fraction,
            seed=split.seed,
            near_duplicates=split.near_duplicates,
        ),
    )
    with progress() as shown:
        checked = run_check(source, chosen, shown)
    title = f"headstart check {source.name}"
    with outputs.writing() as new:
        write_check_folder(checked, new, title=title, max_pixels=read.max_pixels)
    found = checked.audit
    _show(found)
    say(f"page: {out / 'check.html'}    every picture: {out / 'check.csv'}")
    if doubts:
        with doubts.writing() as file:
            write_table_of_fixes(file, found.wrong_labels, found.table)
        doubtful = len(found.wrong_labels)
        say(f"labels in doubt: {doubtful}, to edit in {write_fixes}, then fit --fixes")
    return 1 if found.has_errors else 0


def _show(audit: Audit) -> None:
    """A short list: how grave, what, and what to do."""
    from headstart.cli.show import say
    from headstart.data.labels import plural
    from headstart.report.words import printable

    for finding in audit.findings:
        # A line break in a file's name must not look like a line of ours.
        title = " ".join(printable(finding.title).splitlines())
        say(f"{finding.level}: {title}")
        if finding.level != "info":
            say(f"      {finding.advice}")
    errors, warnings = audit.count("error"), audit.count("warning")
    counts = f"{plural(errors, 'error')}, {plural(warnings, 'warning')}"
    say(f"{plural(len(audit.table), 'picture')}: {counts}")
