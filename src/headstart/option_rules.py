"""What every option may be, and which options a way of training does not use.

Everything is checked before any data is read: a number out of range, or an option that would be
dropped, is told at once. Only the standard library is imported, as in `headstart.options`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from numbers import Integral, Real
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from headstart.errors import UsageError
from headstart.options import FitOptions, RecipeName

LARGEST_SEED = 2**32 - 1  # NumPy's
LARGEST_SIDE = 4096  # pixels; one picture of this side is 200 MB as a backbone's input
MOST_WORKERS = 1024


class _Rule(NamedTuple):
    allowed: str
    holds: Callable[[Any], bool]
    may_be_none: bool = False


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _whole(allowed: str, least: int, most: float = math.inf, *, none: bool = False) -> _Rule:
    def holds(value: Any) -> bool:
        return _is_whole(value) and least <= value <= most

    return _Rule(allowed, holds, none)


def _number(allowed: str, within: Callable[[float], bool], *, none: bool = False) -> _Rule:
    """A finite number; a NaN is within nothing."""

    def holds(value: Any) -> bool:
        return (
            isinstance(value, Real)
            and not isinstance(value, bool)
            and math.isfinite(value)
            and within(float(value))
        )

    return _Rule(allowed, holds, none)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


_BOOL = _Rule("True or False", lambda value: isinstance(value, bool))

TYPES: Mapping[str, _Rule] = {  # of what Python can give in any type, and a flag in one only
    "backbone": _Rule("a text that is not empty", _is_text),
    "weights": _Rule("a path", lambda value: isinstance(value, Path), may_be_none=True),
    "random_weights": _BOOL,
    "device": _Rule("auto, cpu, cuda, cuda:N or mps", _is_text),
    "cache": _BOOL,
    "near_duplicates": _BOOL,
}
RULES: Mapping[str, _Rule] = {
    "max_pixels": _whole("a whole number from 1", 1),
    "image_size": _whole(f"a whole number from 1 to {LARGEST_SIDE}", 1, LARGEST_SIDE, none=True),
    "workers": _whole(f"a whole number from 1 to {MOST_WORKERS}", 1, MOST_WORKERS, none=True),
    "embed_batch": _whole("a whole number from 1", 1, none=True),
    "views": _whole("0 for none, or a whole number above", 0),
    "test_fraction": _number("above 0 and below 1", lambda value: 0 < value < 1),
    "seed": _whole(f"a whole number from 0 to {LARGEST_SEED}", 0, LARGEST_SEED),
    "folds": _Rule(
        "0 for none, or a whole number from 2",
        lambda value: _is_whole(value) and (value == 0 or value >= 2),
    ),
    "C": _number("above 0 and finite", lambda value: value > 0, none=True),
    "epochs": _whole("1 or more", 1, none=True),
    "learning_rate": _number("above 0 and finite", lambda value: value > 0, none=True),
    "batch_size": _whole("1 or more", 1),
    "weight_decay": _number("0 or more and finite", lambda value: value >= 0),
    "label_smoothing": _number("from 0 to below 1", lambda value: 0 <= value < 1),
    "memory_limit": _whole("0 or more", 0),
}


def check_options(*groups: Any) -> None:
    """Look at all values of options objects, also inside other ones.

    Raises UsageError with the flag, the value and what is allowed.
    """
    for group in groups:
        choices = _choices(type(group))
        for field in fields(group):
            value = getattr(group, field.name)
            if is_dataclass(value):
                check_options(value)
                continue
            rule = RULES.get(field.name) or TYPES.get(field.name)
            if rule is not None and not (rule.may_be_none and value is None):
                _tell(field.name, value, rule.allowed, rule.holds(value))
            if field.name in choices:
                words = [word for word in choices[field.name] if word is not None]
                allowed = f"{', '.join(words[:-1])} or {words[-1]}"
                is_word = value is None or isinstance(value, str)
                _tell(field.name, value, allowed, is_word and value in choices[field.name])


def _choices(kind: type) -> dict[str, tuple[str | None, ...]]:
    """The words that each option of a class allows, for those that allow some words only."""
    found: dict[str, tuple[str | None, ...]] = {}
    for name, hint in get_type_hints(kind).items():
        parts = (hint,) if get_origin(hint) is Literal else get_args(hint)
        words = [word for part in parts if get_origin(part) is Literal for word in get_args(part)]
        if words:
            found[name] = (*words, *((None,) if NoneType in parts else ()))
    return found


def _tell(name: str, value: Any, allowed: str, is_right: bool) -> None:
    if not is_right:
        raise UsageError(f"{_flag(name)} is {value!r}; it must be {allowed}")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


STEPS = ("learning_rate", "batch_size", "optimizer", "weight_decay", "label_smoothing", "keep")
NETWORK = ("augment", "memory_limit")
BACKBONE = ("backbone", "weights", "layer", "random_weights", "precision")


def check_fit(options: FitOptions, recipe: RecipeName) -> None:
    """`check_options`, and that the recipe uses every option that is given.

    An option counts as given when it is not at its default. Raises UsageError.
    """
    check_options(options)
    if recipe == "frozen":
        if options.loop.epochs is None:
            _refuse(options.loop, STEPS, "is for gradient steps; add --epochs, or leave it out")
        _refuse(options.loop, NETWORK, "is for --recipe scratch; kept features stay as they are")
        return
    own = "--recipe scratch trains the small CNN from nothing"
    _refuse(options.backbone, BACKBONE, f"is for a pretrained backbone, and {own}")
    _refuse(options.head, ("head",), f"is fitted on a backbone's features, and {own}")
    _refuse(options.head, ("C",), f"is for an exact head, and {own}")
    _refuse(options.embed, ("views",), "is for kept features; --augment is for the small CNN")
    if options.embed.device != "cpu":
        _refuse(options.embed, ("device",), f"is for a backbone, and {own}, on the processor")
    if options.split.folds:
        _refuse(options.split, ("folds",), "cannot be: each fold would be a training of its own")


def check_comparison(options: FitOptions, *, has_small_cnn: bool, has_backbone: bool) -> None:
    """`check_options`, and that one of the models uses every option that is given.

    Raises UsageError.
    """
    check_options(options)
    if not has_small_cnn:
        names = ("epochs", *STEPS, *NETWORK)
        _refuse(options.loop, names, "is for small_cnn, which --models does not name")
    if not has_backbone:
        none = "is for pretrained backbones, and --models names none"
        _refuse(options.backbone, ("precision",), none)
        _refuse(options.embed, ("views",), none)
        if options.split.folds:
            _refuse(options.split, ("folds",), none)


def _refuse(group: Any, names: Iterable[str], why: str) -> None:
    usual = type(group)()
    for name in names:
        value = getattr(group, name)
        if value != getattr(usual, name):
            shown = _flag(name) if value is True else f"{_flag(name)} {value}"
            raise UsageError(f"{shown}: {why}")
