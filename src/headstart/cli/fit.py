"""headstart fit: labelled pictures in, model and figures out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headstart.cli import parser
from headstart.cli.terminal import progress, show_fit, with_remarks
from headstart.errors import UsageError
from headstart.options import FitOptions
from headstart.options.checks import check_fit
from headstart.progress import step


def fit(
    source: parser.Source,
    /,
    *,
    out: Annotated[
        Path, Parameter(help="Folder for the model and the figures.", group=parser.FIRST)
    ] = Path("run"),
    curve: Annotated[
        bool,
        Parameter(
            help="Measure the learning curve: would more pictures help?",
            negative="",
            show_default=False,
            group=parser.heading("Split and figures"),
        ),
    ] = False,
    options: FitOptions,
) -> int:
    """Fit a classifier on labelled pictures and say how good it is.

    Examples:

        headstart fit labels.csv --images images/ --out run/
        headstart fit pictures/ --backbone resnet18
        headstart fit labels.csv --images images/ --head svm --test-fraction 0.2
        headstart fit labels.csv --images images/ --recipe scratch --epochs 50
        headstart fit labels.csv --images images/ --fixes fixes.csv --curve
    """
    check_fit(options, options.recipe.recipe)  # before the imports, which take seconds
    if curve and options.recipe.recipe == "scratch":
        raise UsageError(
            "--curve is for a head on a pretrained backbone, and here the small CNN is trained "
            "from scratch; leave it out"
        )

    from headstart.audit.fit_remarks import measure_copies, measure_curve
    from headstart.outputs.permission import Inputs
    from headstart.recipes.fit import fit as run_fit
    from headstart.report.run_folder import run_outputs, write_run
    from headstart.report.run_page import write_report

    outputs = run_outputs(out, Inputs((source, *options.files())))
    with progress() as shown:
        result = run_fit(source, options, shown)
        leak = measure_copies(result, options, shown)
        more = measure_curve(result, options, shown) if curve else None
    result = with_remarks(result, options.split.seed)
    title = f"headstart fit {source.name}"
    with progress() as shown, step(shown, "figures and report"), outputs.writing() as new:
        metrics = write_run(result, new)
        write_report(result, metrics, new / "report.html", title=title, leak=leak, curve=more)
    show_fit(metrics, out)
    return 0
