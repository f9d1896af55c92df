"""headstart demo: the whole job on drawn pictures, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headstart.cli.compare import DEFAULT_MODELS, compare, show_comparison
from headstart.cli.fit import fit
from headstart.cli.predict import predict
from headstart.cli.terminal import say
from headstart.options import FitOptions, LoopOptions, ReadOptions

PREDICTED = 4
EPOCHS = 8  # of the small CNN; enough to see where it goes


def demo(
    folder: Annotated[Path, Parameter(help="Folder for the pictures and the results.")] = Path(
        "headstart-demo"
    ),
    /,
) -> int:
    """Draw sample pictures of vehicles, fit, print the figures, predict a few, and compare.

    Works without a network: the backbone's weights come with the installation.

    Examples:

        headstart demo
        headstart demo somewhere/else
    """
    from headstart.compare.model_spec import parse_models
    from headstart.outputs.permission import Inputs
    from headstart.report.comparison_page import comparison_outputs
    from headstart.report.run_folder import run_outputs
    from headstart.samples.drawn_set import check_drawn, write_drawn

    run_outputs(folder / "run", Inputs())
    comparison_outputs(folder / "comparison", parse_models(DEFAULT_MODELS), Inputs())
    table, run, read = folder / "labels.csv", folder / "run", ReadOptions(images=folder / "images")
    if not check_drawn(folder):
        say(f"drawing pictures into {read.images}")
        write_drawn(folder)
    say(f"headstart fit {table} --images {read.images} --out {run}")
    fit(table, out=run, options=FitOptions(read=read))
    pictures = _tested(folder)
    say(f"headstart predict {run / 'model'} {' '.join(str(picture) for picture in pictures)}")
    predict(run / "model", *pictures, options=FitOptions())
    return _compare(table, read, folder / "comparison")


def _tested(folder: Path) -> tuple[Path, ...]:
    """The first few pictures that the fit tested."""
    import csv

    with (folder / "run" / "split.csv").open(encoding="utf-8", newline="") as file:
        names = [row["image"] for row in csv.DictReader(file) if row["split"] == "test"]
    return tuple(folder / "images" / name for name in names[:PREDICTED])


def _compare(table: Path, read: ReadOptions, out: Path) -> int:
    """The small CNN beside the pretrained backbone; once, since training takes a while."""
    import json

    kept = out / "comparison.json"
    content = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {"rows": []}
    if content["rows"] and "test_p" in content["rows"][0]:  # an older version's rows lack it
        say("the comparison is kept from the first run:")
        show_comparison(content["rows"], content["n_test"], out)
        return 0
    say(f"headstart compare {table} --images {read.images} --epochs {EPOCHS} --out {out}")
    options = FitOptions(read=read, loop=LoopOptions(epochs=EPOCHS))
    return compare(table, models=DEFAULT_MODELS, out=out, options=options)
