"""headstart fit: labelled pictures in, model and figures out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headstart.cli import parser
from headstart.cli.terminal import progress, show_fit, tell, with_remarks
from headstart.errors import HeadstartError, UsageError
from headstart.options import FitOptions
from headstart.options.checks import AUTO_BACKBONE, check_fit
from headstart.options.definition import TUNED
from headstart.progress import step
from headstart.wording import plural

if TYPE_CHECKING:
    from headstart.images.address import Url
    from headstart.recipes.checkpoint import Checkpoints


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
        headstart fit pictures/ --backbone auto --minutes 5
        headstart fit labels.csv --images images/ --head svm --test-fraction 0.2
        headstart fit labels.csv --images images/ --recipe scratch --epochs 50
        headstart fit labels.csv --images images/ --recipe fine-tune --unfreeze all
        headstart fit labels.csv --images images/ --recipe auto --minutes 10
        headstart fit labels.csv --images images/ --fixes fixes.csv --curve
        headstart fit labels.csv --images images/ --cluster auto
    """
    check_fit(options, options.recipe.recipe)  # before the imports, which take seconds
    if curve and options.recipe.recipe != "frozen":
        raise UsageError(
            "--curve is for a head on a pretrained backbone, and here the recipe is "
            f"{options.recipe.recipe}; leave it out"
        )
    from headstart.recipes.checkpoint import Checkpoints, Request

    checkpoints = None
    if options.recipe.recipe in TUNED:
        checkpoints = Checkpoints(out, Request(source, options))
        checkpoints.check()
    return fit_into(source, options, out, curve=curve, checkpoints=checkpoints)


def fit_into(
    source: Path | Url,
    options: FitOptions,
    out: Path,
    *,
    curve: bool = False,
    checkpoints: Checkpoints | None = None,
) -> int:
    """Fit, write the results and show them. Of several processes the first one does the latter."""
    from headstart.audit.fit_remarks import measure_copies, measure_curve
    from headstart.outputs.permission import Inputs
    from headstart.progress import QUIET
    from headstart.rank.auto_backbone import fit_auto_backbone
    from headstart.recipes.fit import fit as run_fit
    from headstart.recipes.frozen import fit_frozen
    from headstart.recipes.processes import asked_processes
    from headstart.report.run_folder import run_outputs, write_run
    from headstart.report.run_page import write_report

    if not asked_processes().is_first:
        run_fit(source, options, QUIET, checkpoints=checkpoints)
        return 0
    outputs = run_outputs(out, Inputs((source, *options.files())))
    with _saying_how_to_go_on(checkpoints), progress() as shown:
        frozen = fit_auto_backbone if options.backbone.backbone == AUTO_BACKBONE else fit_frozen
        result = run_fit(source, options, shown, checkpoints=checkpoints, frozen=frozen)
        leak = measure_copies(result, options, shown)
        more = measure_curve(result, options, shown) if curve else None
    result = with_remarks(result, options.split.seed)
    title = f"headstart fit {source.name}"
    with progress() as shown, step(shown, "figures and report"), outputs.writing() as new:
        metrics = write_run(result, new)
        write_report(result, metrics, new / "report.html", title=title, leak=leak, curve=more)
    if checkpoints is not None:
        checkpoints.remove()
    show_fit(metrics, out)
    return 0


@contextmanager
def _saying_how_to_go_on(checkpoints: Checkpoints | None) -> Iterator[None]:
    """After a stop, say where it stands and how to go on, if there is a checkpoint."""
    try:
        yield
    except (KeyboardInterrupt, HeadstartError, OSError):
        if checkpoints is not None and (epochs := checkpoints.epochs()):
            tell(
                f"{checkpoints.folder} has the state after {plural(epochs, 'epoch')}; go on with: "
                f"headstart resume {checkpoints.run}"
            )
        raise
