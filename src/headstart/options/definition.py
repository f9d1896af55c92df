"""What is known of an option besides its name, type and default: its rule, its verbs, its use.

The files beside this one put them together for every option.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin


class Rule(NamedTuple):
    """What is allowed, in words that follow "it must be", and whether a value is."""

    allowed: str
    holds: Callable[[Any], bool]


def whole(least: int, most: float = math.inf) -> Rule:
    """A whole number in a range, both ends included."""

    def holds(value: Any) -> bool:
        is_whole = isinstance(value, Integral) and not isinstance(value, bool)
        return is_whole and least <= value <= most

    return Rule(f"a whole number from {least}" + ("" if most == math.inf else f" to {most}"), holds)


def none_or(rule: Rule) -> Rule:
    """0 for none, or what the rule says."""
    zero = whole(0, 0).holds
    return Rule(f"0 for none, or {rule.allowed}", lambda value: zero(value) or rule.holds(value))


def number(allowed: str, within: Callable[[float], bool]) -> Rule:
    """A finite number; a NaN is within nothing."""

    def holds(value: Any) -> bool:
        is_real = isinstance(value, Real) and not isinstance(value, bool)
        return is_real and math.isfinite(value) and within(float(value))

    return Rule(f"a number {allowed}", holds)


def text(allowed: str, pattern: str) -> Rule:
    """A text of a form, which a regular expression has for the whole of it."""

    def holds(value: Any) -> bool:
        return isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None

    return Rule(allowed, holds)


def one_of(words: Sequence[str]) -> Rule:
    """One of some words."""
    return Rule(
        f"{', '.join(words[:-1])} or {words[-1]}",
        lambda value: isinstance(value, str) and value in words,
    )


def _is_encoding(value: Any) -> bool:
    try:
        "".encode(value)
    except (LookupError, UnicodeError, TypeError, ValueError):
        return False
    return True


def _is_regex(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError, OverflowError, RecursionError):
        return False
    return isinstance(value, str) and bool(value.strip())


REGEX = Rule(
    "a regular expression of Python, such as '^(p[0-9]+)_' for p1 of p1_left.png",
    _is_regex,
)
ENCODING = Rule("the name of an encoding, such as utf-8 or latin-1", _is_encoding)
NOT_EMPTY = text("a text that is not empty", r".*\S.*")
OF_TYPE = {
    str: NOT_EMPTY,
    bool: Rule("True or False", lambda value: isinstance(value, bool)),
    Path: Rule("a path", lambda value: isinstance(value, Path)),
    tuple[str, ...]: Rule(
        "texts that are not empty",
        lambda value: isinstance(value, tuple) and all(map(NOT_EMPTY.holds, value)),
    ),
}


def rule_for(hint: Any, rule: Rule | None) -> Rule:
    """The rule of an option: its own, or that of its type; None is allowed where the type says so.

    Raises KeyError for a type that has no rule.
    """
    parts = (hint,) if get_origin(hint) in (Literal, tuple) else get_args(hint) or (hint,)
    kinds = [part for part in parts if part is not NoneType]
    if rule is None and get_origin(kinds[0]) is Literal:
        rule = one_of(get_args(kinds[0]))
    if rule is None:
        of_kinds = [OF_TYPE[kind] for kind in kinds]
        rule = Rule(
            " or ".join(of_kind.allowed for of_kind in of_kinds),
            lambda value: any(of_kind.holds(value) for of_kind in of_kinds),
        )
    if len(kinds) == len(parts):
        return rule
    inner = rule.holds
    return Rule(rule.allowed, lambda value: value is None or inner(value))


# In which a model is made.
Way = Literal[
    "linear", "svm", "knn", "mlp", "epochs", "scratch", "fine-tune", "auto", "auto-backbone"
]  # fmt: skip

# The verbs that have an option.
FIT = ("fit",)
MODELS = ("fit", "compare")
LABELLED = (*MODELS, "check")
BACKBONES = ("fit", "check", "embed", "runtimes")
SIZES = (*LABELLED, "embed")
FEATURES = (*SIZES, "rank")
LABELS = (*FEATURES, "evaluate")
PICTURES = (*LABELS, "predict")
EXPORT = ("export",)
EXPLAIN = ("explain",)
SERVER = ("serve",)
ANSWERS = (*PICTURES, *SERVER)
DECODED = (*ANSWERS, *EXPLAIN)
LOOKED_AT = (*PICTURES, *EXPORT)


class Use(NamedTuple):
    """What an option is for: the ways of making a model that use it, and that in words."""

    ways: frozenset[Way]
    words: str


EXACT: frozenset[Way] = frozenset(("linear", "svm", "knn", "mlp"))
TUNED: frozenset[Way] = frozenset(("fine-tune", "auto"))
ANY_MODEL = Use(EXACT | TUNED | {"epochs", "scratch"}, "any model")
ON_BACKBONE = Use(EXACT | TUNED | {"epochs"}, "a head on a pretrained backbone")
SOLVED = Use(EXACT, "a head that is solved exactly")
LINEAR: frozenset[Way] = frozenset(("linear", "svm"))
PENALISED = Use(LINEAR | TUNED, "the heads linear and svm")
STEPS = Use(
    TUNED | {"epochs", "scratch"},
    "gradient steps: a head by --epochs, the small CNN, or fine-tuning",
)
HEAD_OR_SMALL_CNN = Use(
    frozenset(("epochs", "scratch")), "a head by --epochs, or the small CNN (fine-tuning has AdamW)"
)
ON_PICTURES = Use(TUNED | {"scratch"}, "the small CNN, trained from scratch, or fine-tuning")
FINE_TUNING = Use(TUNED, "fine-tuning, --recipe fine-tune or auto")
AUTO = Use(frozenset(("auto", "auto-backbone")), "--recipe auto or --backbone auto")


@dataclass(frozen=True)
class Facts:
    """What is known of an option besides its name, type and default.

    Attributes:
        help: its line in the help text.
        verbs: the verbs of the terminal program that have it.
        rule: what its value may be; None where the type says it.
        use: the ways of making a model that use it.
        most_used: it stands at the top of a verb's help.
        for_tables: it says how a table is read, and is nothing to a folder.
        several: its flag takes all words up to the next flag.
    """

    help: str
    verbs: tuple[str, ...]
    rule: Rule | None
    use: Use
    most_used: bool
    for_tables: bool
    several: bool = False


def option(
    default: Any,
    verbs: tuple[str, ...],
    text: str,
    *,
    rule: Rule | None = None,
    use: Use = ANY_MODEL,
    most_used: bool = False,
    for_tables: bool = False,
) -> Any:
    """A field of an options class; its parts are those of `Facts`."""
    facts = Facts(text, verbs, rule, use, most_used, for_tables)
    return field(default=default, metadata={"facts": facts})


def several(verbs: tuple[str, ...], text: str) -> Any:
    """A field of texts whose flag is given once for all of them."""
    facts = Facts(text, verbs, None, ANY_MODEL, most_used=False, for_tables=False, several=True)
    return field(default=(), metadata={"facts": facts})
