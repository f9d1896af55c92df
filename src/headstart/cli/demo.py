"""headstart demo: the whole job on drawn pictures, offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headstart import options

if TYPE_CHECKING:
    from headstart.outputs.permission import OutputFolder

PREDICTED = 4
EPOCHS = 8  # of the small CNN; enough to see where it goes


def demo(
    folder: Annotated[Path, Parameter(help="Folder for the pictures and the results.")] = Path(
        "headstart-demo"
    ),
    /,
) -> int:
    """Draw sample pictures of vehicles, fit, print the figures, and predict a few.

    Works without a network: the backbone's weights come with the installation.

    Examples:

        headstart demo
        headstart demo somewhere/else
    """
    from headstart.cli.compare import DEFAULT_MODELS
    from headstart.cli.predict import show_answers
    from headstart.cli.show import progress, say, show_fit
    from headstart.compare.model_spec import parse_models
    from headstart.outputs.permission import Inputs
    from headstart.recipes.fit import fit
    from headstart.report.comparison import comparison_outputs
    from headstart.report.page import write_report
    from headstart.report.run_folder import run_outputs, write_run
    from headstart.samples.drawn_set import check_drawn, write_drawn

    table, run = folder / "labels.csv", folder / "run"
    outputs = run_outputs(run, Inputs())
    comparison = comparison_outputs(folder / "comparison", parse_models(DEFAULT_MODELS), Inputs())
    if not check_drawn(folder):
        say(f"drawing pictures into {folder / 'images'}")
        write_drawn(folder)
    read = options.ReadOptions(images=folder / "images")
    say(f"headstart fit {table} --images {read.images} --out {run}")
    with progress() as shown:
        result = fit(table, options.FitOptions(read=read), shown)
    with outputs.writing() as new:
        metrics = write_run(result, new)
        write_report(result, metrics, new / "report.html", title="headstart demo")
    show_fit(metrics, run)
    images = [result.data.table.images[row] for row in result.split.test[:PREDICTED]]
    say(f"headstart predict {run / 'model'} {' '.join(map(str, images))}")
    show_answers(result.model.predict(images), None)
    _compare(table, read, comparison)
    return 0


def _compare(table: Path, read: options.ReadOptions, outputs: OutputFolder) -> None:
    """The small CNN beside the pretrained backbone; once, since training takes a while."""
    import json

    from headstart.cli.compare import DEFAULT_MODELS
    from headstart.cli.comparison import show_comparison
    from headstart.cli.show import progress, say
    from headstart.compare.comparison import compare
    from headstart.compare.model_spec import parse_models
    from headstart.report.comparison import write_comparison_folder

    out = outputs.path
    if (out / "report.html").exists():
        content = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
        say("the comparison is kept from the first run:")
        show_comparison(content["rows"], content["n_test"], out)
        return
    say(f"headstart compare {table} --images {read.images} --epochs {EPOCHS} --out {out}")
    chosen = options.FitOptions(read=read, loop=options.LoopOptions(epochs=EPOCHS))
    with progress() as shown:
        result = compare(table, parse_models(DEFAULT_MODELS), chosen, weights={}, progress=shown)
    with outputs.writing() as new:
        rows = write_comparison_folder(result, new, title="headstart demo: comparison")
    show_comparison(rows, len(result.split.test), out)
