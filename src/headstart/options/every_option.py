"""All options together: by room, by name and by verb, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

from headstart.options.backbone_and_features import BackboneOptions, EmbedOptions
from headstart.options.definition import Facts, Rule, rule_for
from headstart.options.exporting import ExportOptions
from headstart.options.fine_tuning import TuneOptions
from headstart.options.head_and_training import HeadOptions, LoopOptions, RecipeOptions
from headstart.options.serving import ServeOptions
from headstart.options.split_and_seed import SplitOptions
from headstart.options.tables_and_pictures import LabelOptions, ReadOptions
from headstart.options.tables_written import WriteOptions


def _room(kind: type, heading: str, *, recorded: bool = True) -> Any:
    return field(default_factory=kind, metadata={"heading": heading, "recorded": recorded})


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """All options, by room. A verb uses those that it has, and finds the others at their default.

    Each room has the heading of its flags in a help text. What makes no model is not recorded.
    """

    read: ReadOptions = _room(ReadOptions, "Reading")
    labels: LabelOptions = _room(LabelOptions, "Reading")
    backbone: BackboneOptions = _room(BackboneOptions, "Backbone")
    embed: EmbedOptions = _room(EmbedOptions, "Computing features")
    head: HeadOptions = _room(HeadOptions, "Head")
    split: SplitOptions = _room(SplitOptions, "Split and figures")
    recipe: RecipeOptions = _room(RecipeOptions, "Training by epochs")
    loop: LoopOptions = _room(LoopOptions, "Training by epochs")
    tune: TuneOptions = _room(TuneOptions, "Fine-tuning")
    write: WriteOptions = _room(WriteOptions, "Writing")
    serve: ServeOptions = _room(ServeOptions, "Serving", recorded=False)
    export: ExportOptions = _room(ExportOptions, "Export", recorded=False)

    def files(self) -> tuple[str | Path | None, ...]:
        """Files and folders that the options name to be read."""
        return (
            self.read.images,
            self.read.rename_table,
            self.labels.fixes,
            self.backbone.weights,
        )


class Option(NamedTuple):
    """One option: its name, where it stands in `FitOptions`, its type, default, rule and facts."""

    name: str
    room: str
    heading: str
    hint: Any
    default: Any
    rule: Rule
    facts: Facts

    @property
    def flag(self) -> str:
        """ "--test-fraction" for "test_fraction"."""
        return "--" + self.name.replace("_", "-")


@cache
def all_options() -> Mapping[str, Option]:
    """Every option by its name, which no other has."""
    rooms = get_type_hints(FitOptions)
    found: dict[str, Option] = {}
    for room in fields(FitOptions):
        hints = get_type_hints(rooms[room.name])
        for item in fields(rooms[room.name]):
            facts, hint = item.metadata["facts"], hints[item.name]
            rule, heading = rule_for(hint, facts.rule), room.metadata["heading"]
            found[item.name] = Option(
                item.name, room.name, heading, hint, item.default, rule, facts
            )
    return found


def options_of(verb: str) -> tuple[Option, ...]:
    """The options that a verb of the terminal program has."""
    return tuple(option for option in all_options().values() if verb in option.facts.verbs)


def in_rooms(values: Mapping[str, Any]) -> FitOptions:
    """Options by name to options by room. Raises KeyError for a name that is no option."""
    rooms: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        rooms.setdefault(all_options()[name].room, {})[name] = value
    usual = FitOptions()
    made = {room: replace(getattr(usual, room), **given) for room, given in rooms.items()}
    return replace(usual, **made)


def from_json(values: Mapping[str, Any]) -> FitOptions:
    """The options that `as_json` made these values of. Raises LookupError or TypeError for others.

    A path may have become its text, which means the same.
    """
    flat = {name: value for room in values.values() for name, value in room.items()}
    return in_rooms({name: _typed(all_options()[name], value) for name, value in flat.items()})


def _typed(option: Option, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    kinds = get_args(option.hint) or (option.hint,)
    return Path(value) if isinstance(value, str) and Path in kinds else value


def as_json(options: Any) -> dict[str, Any]:
    """An options object as plain JSON values: paths as text, tuples as lists."""
    if not is_dataclass(options) or isinstance(options, type):
        raise TypeError(f"not an options object: {options!r}")
    recorded = {item.name for item in fields(options) if item.metadata.get("recorded", True)}
    return {key: _plain(value) for key, value in asdict(options).items() if key in recorded}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
