"""The terminal program. Each verb is one thin file that loads what it needs when it runs."""

from __future__ import annotations

import inspect
import io
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import NoReturn

from cyclopts import App, CycloptsError, Parameter, default_name_transform

from headstart.cli.backbones import backbones
from headstart.cli.cache import cache
from headstart.cli.check import check
from headstart.cli.compare import compare
from headstart.cli.demo import demo
from headstart.cli.embed import embed
from headstart.cli.evaluate import evaluate
from headstart.cli.explain import explain
from headstart.cli.export import export
from headstart.cli.fit import fit
from headstart.cli.parser import with_flags
from headstart.cli.predict import predict
from headstart.cli.rank import rank
from headstart.cli.refusals import plain_words, refusal
from headstart.cli.resume import resume
from headstart.cli.runtimes import runtimes
from headstart.cli.serve import serve
from headstart.cli.stopping import exit_code
from headstart.cli.terminal import output, tell
from headstart.errors import HeadstartError
from headstart.extras import explained

HELP = """A picture classifier with a head start: pretrained backbone, exact head, honest figures.

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
    # C is the field's name for it, and a flag is spelled as its option.
    default_parameter=Parameter(
        negative_iterable=(),
        name_transform=lambda name: name if name.isupper() else default_name_transform(name),
    ),
    suppress_keyboard_interrupt=False,  # main says that it stopped
    exit_on_error=False,  # main says what is wrong
    print_error=False,
    result_action="return_value",
)
VERBS: tuple[Callable[..., int], ...] = (
    demo,
    check,
    fit,
    compare,
    rank,
    predict,
    evaluate,
    explain,
    export,
    serve,
    embed,
    resume,
    backbones,
    runtimes,
    cache,
)
for order, verb in enumerate(VERBS):
    # The examples are told apart from the docstring; parsed with it they would be lost.
    text, _, examples = inspect.cleandoc(verb.__doc__ or "").partition("\nExamples:\n")
    app.command(with_flags(verb), sort_key=order, help=text, help_epilogue=f"Examples:\n{examples}")


def main(arguments: list[str] | None = None) -> None:
    """Run the program and leave with its exit code.

    0: done. 1: bad data, or a file that cannot be read or written. 2: wrong use. 130: stopped by
    Ctrl-C. 143: stopped by SIGTERM.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a letter that cannot be shown stops nothing
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(plain_words(sys.argv[1:] if arguments is None else arguments))
        output().flush()  # here a full disk can still be told
    except CycloptsError as error:
        _leave(f"error: {refusal(error, [verb.__name__ for verb in VERBS])}", 2)
    except HeadstartError as error:
        _leave(f"error: {error}", error.exit_code)
    except ModuleNotFoundError as error:
        missing = explained(error)
        if missing is None:
            raise
        _leave(f"error: {missing}", missing.exit_code)
    except KeyboardInterrupt as stop:
        _leave("stopped", exit_code(stop))
    except BrokenPipeError:
        _drop_output()  # whoever read the output has gone; nothing is left to say
        sys.exit(0)
    except OSError as error:
        _leave(f"error: {_told(error)}", 1)
    sys.exit(code if isinstance(code, int) else 0)


def _leave(line: str, code: int) -> NoReturn:
    tell(line)
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()
    sys.exit(code)


def _told(error: OSError) -> str:
    """The file and the system's reason, such as a full disk or a missing permission."""
    reason = error.strerror or str(error) or type(error).__name__
    name = error.filename
    if name is None:
        return f"a file cannot be read or written: {reason}"
    name = os.fsdecode(name) if isinstance(name, bytes) else str(name)
    return f"{name}: cannot be read or written: {reason}"


def _drop_output() -> None:
    """What is still to be printed goes nowhere, so that Python does not try again at its end."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stderr.close()  # a stream that is no file: Python's last words are not shown
