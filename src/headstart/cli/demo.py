"""headstart demo: the whole job on drawn pictures, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headstart import options

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
    from headstart.cli.predict import show_answers
    from headstart.cli.show import progress, say, show_fit
    from headstart.recipes.fit import fit
    from headstart.report.page import write_report
    from headstart.report.run_folder import check_writable, write_run
    from headstart.samples.drawn_set import write_drawn

    check_writable(folder)
    table, run = folder / "labels.csv", folder / "run"
    if not table.exists():
        say(f"drawing pictures into {folder / 'images'}")
        write_drawn(folder)
    read = options.ReadOptions(images=folder / "images")
    say(f"headstart fit {table} --images {read.images} --out {run}")
    with progress() as shown:
        result = fit(table, options.FitOptions(read=read), shown)
    metrics = write_run(result, run)
    write_report(result, metrics, run / "report.html", title="headstart demo")
    show_fit(metrics, run)
    images = [result.data.table.images[row] for row in result.split.test[:PREDICTED]]
    say(f"headstart predict {run / 'model'} {' '.join(map(str, images))}")
    show_answers(result.model.predict(images), None)
    _compare(table, read, folder / "comparison")
    return 0


def _compare(table: Path, read: options.ReadOptions, out: Path) -> None:
    """The small CNN beside the pretrained backbone; once, since training takes a while."""
    import json

    from headstart.cli.compare import DEFAULT_MODELS
    from headstart.cli.comparison import show_comparison
    from headstart.cli.show import progress, say
    from headstart.compare.comparison import compare
    from headstart.compare.model_spec import parse_models
    from headstart.report.comparison_folder import write_comparison_folder, write_comparison_page

    if (out / "report.html").exists():
        content = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
        say("the comparison is kept from the first run:")
        show_comparison(content["rows"], content["n_test"], out)
        return
    say(f"headstart compare {table} --images {read.images} --epochs {EPOCHS} --out {out}")
    chosen = options.FitOptions(read=read, loop=options.LoopOptions(epochs=EPOCHS))
    with progress() as shown:
        result = compare(table, parse_models(DEFAULT_MODELS), chosen, weights={}, progress=shown)
    rows = write_comparison_folder(result, out)
    write_comparison_page(result, rows, out, title="headstart demo: comparison")
    show_comparison(rows, len(result.split.test), out)
