"""How the options become flags: each verb gets those that it has, under their headings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args

from cyclopts import Group, Parameter, Token

from headstart.images.address import Url, location
from headstart.options.checks import check_options
from headstart.options.every_option import Option, all_options, in_rooms, options_of
from headstart.outputs.spreadsheet_cells import spreadsheet_cells


@cache
def heading(name: str) -> Group:
    """A heading of a help text: the most used options first, then the rooms in their order."""
    order = ["Most used", *dict.fromkeys(option.heading for option in all_options().values())]
    return Group(name, sort_key=order.index(name) + 1)


FIRST = heading("Most used")
VALUES = {int: "N", float: "NUMBER", Path: "PATH", str: "TEXT"}  # what a help text calls them


def _place(kind: Any, tokens: Sequence[Token]) -> Path | Url:  # noqa: ARG001 - the parser's signature
    """A path or an address, whose slashes a path would lose."""
    return location(tokens[0].value)


one_place = _place
Source = Annotated[
    Path | Url,
    Parameter(
        help="Table with names and labels, a file or an address; or folder of class folders.",
        converter=_place,
        accepts_keys=False,
    ),
]
# As `*sources`: of a tuple the parser would not take the words behind a flag that stands between.
Sources = Annotated[
    Path | Url,
    Parameter(
        help="Pictures, folders, or tables with a column of names; addresses of pictures or "
        "tables, such as s3://bucket/photo.jpg.",
        converter=_place,
        required=True,
        accepts_keys=False,
    ),
]
Model = Annotated[Path, Parameter(help="Model folder, such as run/model, or model.onnx.")]


NamedWeights = Annotated[
    tuple[str, ...],
    Parameter(
        help="NAME=FILE with a backbone's weights; repeat for more.",
        group=heading("Backbone"),
        show_default=False,
    ),
]


def with_flags(verb: Callable[..., int]) -> Callable[..., int]:
    """The verb with a flag for each of its options in place of its parameter `options`.

    The values are checked before the verb starts, whose imports take seconds.
    """
    signature = inspect.signature(verb, eval_str=True)
    if "options" not in signature.parameters:
        return verb
    taken = options_of(verb.__name__)

    def run(*words: Any, **values: Any) -> int:
        options = in_rooms(
            {option.name: values.pop(option.name, option.default) for option in taken}
        )
        check_options(options)
        with spreadsheet_cells(options.write.safe_csv):
            return verb(*words, options=options, **values)

    own = [item for name, item in signature.parameters.items() if name != "options"]
    parameters = [*own, *(_parameter(option) for option in taken)]
    run.__name__, run.__doc__ = verb.__name__, verb.__doc__
    # The program reads the flags from here.
    run.__annotations__ = {item.name: item.annotation for item in parameters}
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return run


def _parameter(option: Option) -> inspect.Parameter:
    kinds = (option.hint, *get_args(option.hint))
    is_told = option.default in (None, ()) or isinstance(option.default, bool)  # in the help
    shown = Parameter(
        help=option.facts.help,
        group=FIRST if option.facts.most_used else heading(option.heading),
        negative=None if option.default is True else "",
        show_default=False if is_told else _typed,
        converter=_whole if int in kinds else None,
        consume_multiple=option.facts.several,
        metavar=next((word for kind, word in VALUES.items() if kind in kinds), None),
    )
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=option.default,
        annotation=Annotated[option.hint, shown],
    )


def _typed(default: Any) -> str:
    return f"{default:,}" if isinstance(default, int) else str(default)


def _whole(kind: Any, tokens: Sequence[Token]) -> int:  # noqa: ARG001 - the parser's signature
    """A whole number and nothing else: by itself the parser would take 2.5 for 2."""
    return int(tokens[0].value)
