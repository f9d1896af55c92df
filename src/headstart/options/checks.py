"""The check of the options before anything is read: the values, and that each is used.

The terminal program and the Python faces ask here, and nothing below them asks again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple

from headstart.errors import UsageError
from headstart.options.backbone_and_features import DEFAULT_BACKBONE
from headstart.options.definition import EXACT, TUNED, Way
from headstart.options.every_option import FitOptions, Option, all_options
from headstart.options.head_and_training import RecipeName
from headstart.options.serving import ServeOptions
from headstart.options.tables_and_pictures import ReadOptions

APART = (("weights", "random_weights"), ("test_fraction", "split_column"))
NO_REQUEST: Mapping[str, Any] = {
    "folds": 0,
    "device": "cpu",
    "runtime": "torch",
}  # the small CNN does so anyway
AUGMENT = {
    "scratch": ("each-epoch", "once", "none"),
    "fine-tune": ("none", "light", "medium", "strong"),
}
AUTO_BACKBONE = "auto"  # in place of a backbone's name: ranked and chosen
SMALL_CNN_SIDE = 4  # pixels; its two poolings halve the picture's side twice


class _Given(NamedTuple):
    """An option that is not at its default."""

    option: Option
    value: Any

    def __str__(self) -> str:
        """As it is typed: "--C 2.0", "--skip-bad", "--no-cache"."""
        name = self.option.flag.removeprefix("--")
        if isinstance(self.value, bool):
            return f"--{name}" if self.value else f"--no-{name}"
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        return " ".join(f"--{name} {value}" for value in values)


def check_options(*groups: Any) -> None:
    """Look at all values of options objects, also inside other ones.

    Raises UsageError with the flag, the value and what is allowed, and for two options that
    exclude each other.
    """
    for option, value in _values(groups):
        if not option.rule.holds(value):
            raise UsageError(f"{option.flag} is {value!r}; it must be {option.rule.allowed}")
    given = {item.option.name: item for item in _given(groups)}
    for first, second in APART:
        if first in given and second in given:
            raise UsageError(
                f"{given[first]} and {given[second]} exclude each other; leave one of them out"
            )


def check_server(options: ServeOptions) -> None:
    """`check_options`, and that no limit makes another one useless. Raises UsageError."""
    check_options(options)
    for less, more in (("max_pictures", "queue"), ("max_picture_bytes", "max_request_bytes")):
        low, high = getattr(options, less), getattr(options, more)
        if low > high:
            first, second = (all_options()[name].flag for name in (less, more))
            raise UsageError(
                f"{first} is {low} and {second} {high}; the first must not be above the second"
            )


def check_fit(options: FitOptions, recipe: RecipeName) -> None:
    """`check_options`, and that the way of making the model uses every option that is given.

    An option counts as given when it is not at its default. Raises UsageError.
    """
    check_options(options)
    head, backbone = options.head.head, options.backbone.backbone
    if recipe in TUNED and "+" in backbone:
        raise UsageError(
            f"--backbone {backbone} joins networks, and --recipe {recipe} trains one; name one, or "
            "leave --recipe out"
        )
    if recipe == "scratch":
        _check_use(options, frozenset(("scratch",)), "here the small CNN is trained from scratch")
    elif recipe in TUNED:
        if backbone == AUTO_BACKBONE:
            raise UsageError(
                f"--backbone auto chooses a frozen network, and here the recipe is {recipe}; name "
                "a network, or leave --recipe out"
            )
        _check_use(options, frozenset((recipe,)), f"here the recipe is {recipe}")
    elif backbone == AUTO_BACKBONE:
        _check_auto_backbone(options)
        _check_use(options, frozenset((head, "auto-backbone")), "here the backbone is chosen")
    elif options.loop.epochs is not None:
        _check_use(options, frozenset(("epochs",)), "here --epochs trains the linear head")
    else:
        _check_use(options, frozenset((head,)), f"here the head {head} is solved exactly")


def _check_auto_backbone(options: FitOptions) -> None:
    """What is chosen cannot be asked for."""
    chosen = replace(options.backbone, backbone=DEFAULT_BACKBONE, precision="auto")
    for given in _given((chosen,)):
        raise UsageError(
            f"{given} is for a backbone that is named, and --backbone auto chooses it; leave one "
            "of them out"
        )


def check_comparison(
    options: FitOptions, *, has_small_cnn: bool, has_backbone: bool, has_tuned: bool = False
) -> None:
    """`check_options`, and that one of the models uses every option that is given.

    Raises UsageError.
    """
    check_options(options)
    kinds: dict[str, tuple[bool, frozenset[Way]]] = {
        "small_cnn": (has_small_cnn, frozenset(("scratch",))),
        "pretrained backbone": (has_backbone or has_tuned, EXACT if has_backbone else frozenset()),
        "NAME:fine-tune": (has_tuned, frozenset(("fine-tune",)) if has_tuned else frozenset()),
    }
    ways = frozenset[Way]().union(*(ways for is_there, ways in kinds.values() if is_there))
    absent = [name for name, (is_there, _) in kinds.items() if not is_there]
    _check_use(options, ways, f"--models names no {' and no '.join(absent)}")


def _check_use(options: FitOptions, ways: frozenset[Way], here: str) -> None:
    for given in _given((options,)):
        name, use = given.option.name, given.option.facts.use
        asks = "scratch" not in ways or given.value != NO_REQUEST.get(name)
        if asks and not use.ways & ways:
            raise UsageError(f"{given} is for {use.words}, and {here}; leave it out")
    size = options.backbone.image_size
    _check_augment(options, ways)
    if "scratch" in ways and size is not None and size % SMALL_CNN_SIDE:
        raise UsageError(
            f"--image-size is {size}; it must be a multiple of {SMALL_CNN_SIDE} for the small CNN"
        )


def _check_augment(options: FitOptions, ways: frozenset[Way]) -> None:
    """The small CNN and fine-tuning have words of their own for how pictures are augmented."""
    found = [AUGMENT["scratch"]] if "scratch" in ways else []
    found += [AUGMENT["fine-tune"]] if ways & TUNED else []
    allowed = [name for names in found for name in names]
    value = options.loop.augment
    if value is not None and allowed and value not in allowed:
        raise UsageError(
            f"--augment is {value!r}; here it must be {', '.join(dict.fromkeys(allowed))}"
        )


def refuse_for_tables(options: ReadOptions, why: str) -> None:
    """Raise UsageError, with the reason, for an option that only a table has a use for."""
    for given in _given((options,)):
        if given.option.facts.for_tables:
            raise UsageError(f"{given} is for tables, and {why}; leave it out")


def as_typed(*groups: Any) -> list[str]:
    """The words of a command line that give these options objects."""
    words = []
    for option, value in _given(groups):
        if isinstance(value, bool):
            words.append(str(_Given(option, value)))
        else:
            for item in value if isinstance(value, tuple) else (value,):
                words += [option.flag, str(item)]
    return words


def _values(groups: tuple[Any, ...]) -> Iterator[tuple[Option, Any]]:
    for group in groups:
        for item in fields(group):
            value = getattr(group, item.name)
            if is_dataclass(value):
                yield from _values((value,))
            else:
                yield all_options()[item.name], value


def _given(groups: tuple[Any, ...]) -> Iterator[_Given]:
    for option, value in _values(groups):
        if value != option.default:
            yield _Given(option, value)
