"""What a backbone is called, wherever one is named: NAME[@SIZE][:LAYER], some joined by "+"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from headstart.errors import UsageError
from headstart.options import BackboneOptions
from headstart.options.checks import AUTO_BACKBONE
from headstart.options.every_option import all_options

JOINED = "+"
MOST_JOINED = 3  # networks; a model folder has a place for each


@dataclass(frozen=True)
class NetworkName:
    """One network: its name, its side in pixels and its layer where they are named too."""

    name: str
    size: int | None = None
    layer: str | None = None

    @property
    def text(self) -> str:
        """As it is typed: "resnet18@256:fc7"."""
        size = "" if self.size is None else f"@{self.size}"
        layer = "" if self.layer is None else f":{self.layer}"
        return f"{self.name}{size}{layer}"


def parse_networks(text: str, what: str = "--backbone") -> tuple[NetworkName, ...]:
    """The networks of "NAME[@SIZE][:LAYER]", one or some joined by "+".

    `what` stands before the text in messages. Raises UsageError that says what is allowed.
    """
    parts = [part.strip() for part in text.split(JOINED)]
    found = tuple(_parse(part, f"{what} {text!r}") for part in parts)
    if len(found) > MOST_JOINED:
        raise UsageError(f"{what} {text!r} joins {len(found)} networks; {MOST_JOINED} are the most")
    if len(set(found)) < len(found):
        raise UsageError(f"{what} {text!r} names a network twice, which adds nothing")
    return found


def _parse(part: str, where: str) -> NetworkName:
    rest, _, layer = part.partition(":")
    name, at, size = rest.partition("@")
    if at and not size.isdecimal():
        raise UsageError(f"{where}: the size is {size!r}; it must be a number of pixels")
    found = NetworkName(name, int(size) if at else None, layer or None)
    given = {"backbone": name, "layer": found.layer or "pooled", "image_size": found.size}
    for option, value in given.items():
        rule = all_options()[option].rule
        if not rule.holds(value):
            raise UsageError(f"{where}: {option} is {value!r}; it must be {rule.allowed}")
    if name == AUTO_BACKBONE:
        raise UsageError(
            f"{where}: auto is for `headstart fit --backbone auto` alone; name a network here"
        )
    return found


def joined_text(networks: tuple[NetworkName, ...]) -> str:
    """The name of one network, or of some joined."""
    return JOINED.join(network.text for network in networks)


def file_for(name: str, files: Mapping[str, Path]) -> Path | None:
    """The weights file that was given for a network, by its name with or without the tag."""
    return files.get(name, files.get(name.partition(".")[0]))


def options_of_each(
    options: BackboneOptions, files: Mapping[str, Path]
) -> tuple[BackboneOptions, ...]:
    """The options of each network that `options.backbone` names, with a bare name.

    `files` are weights by name. A size or layer in the name counts before that of the options.
    Raises UsageError for options that no network would use.
    """
    networks = parse_networks(options.backbone)
    text = options.backbone
    if len(networks) > 1 and options.weights is not None:
        raise UsageError(
            f"--weights is a file of one network, and --backbone {text} joins {len(networks)}; "
            "leave it out, or take one network"
        )
    _check_used("--image-size", options.image_size, [one.size for one in networks], text)
    layer = None if options.layer == "pooled" else options.layer
    _check_used("--layer", layer, [one.layer for one in networks], text)
    return tuple(
        replace(
            options,
            backbone=one.name,
            image_size=one.size or options.image_size,
            layer=one.layer or options.layer,  # type: ignore[arg-type]  # checked by the parser
            weights=options.weights or file_for(one.name, files),
        )
        for one in networks
    )


def _check_used(
    flag: str, value: object, named: list[int | None] | list[str | None], text: str
) -> None:
    if value is not None and all(one not in (None, value) for one in named):
        raise UsageError(
            f"{flag} is {value} and --backbone {text} says it otherwise; leave one of them out"
        )
