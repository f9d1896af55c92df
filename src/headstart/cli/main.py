"""The terminal program. Each verb is one thin file that loads what it needs when it runs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib.metadata import version

from cyclopts import App, Parameter

from headstart.cli.backbones import backbones
from headstart.cli.cache import cache
from headstart.cli.check import check
from headstart.cli.compare import compare
from headstart.cli.demo import demo
from headstart.cli.embed import embed
from headstart.cli.evaluate import evaluate
from headstart.cli.fit import fit
from headstart.cli.predict import predict
from headstart.errors import HeadstartError

HELP = """A picture classifier with a head start: pretrained trunk, exact head, honest figures.

First steps:

    headstart demo
    headstart fit labels.csv --images images/ --out run/
    headstart predict run/model photo.jpg
"""

app = App(
    name="headstart",
    help=HELP,
    help_format="plaintext",
    version=lambda: version("headstart"),
    default_parameter=Parameter(negative_iterable=()),
)
VERBS: tuple[Callable[..., int], ...] = (
    demo,
    check,
    fit,
    compare,
    predict,
    evaluate,
    embed,
    backbones,
    cache,
)
for order, verb in enumerate(VERBS):
    # The examples are told apart from the docstring; parsed with it they would be lost.
    text, _, examples = inspect.cleandoc(verb.__doc__ or "").partition("\nExamples:\n")
    app.command(verb, sort_key=order, help=text, help_epilogue=f"Examples:\n{examples}")


def main(arguments: list[str] | None = None) -> None:
    """Run the program and leave with its exit code.

    0: done. 1: bad data. 2: wrong use. 130: stopped by the user.
    """
    try:
        code = app(arguments)
    except HeadstartError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has gone; nothing is left to say
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)
