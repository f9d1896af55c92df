"""What is ranked: a backbone at a size and a layer, with or without its mirror image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from headstart.backbones.catalogue import KNOWN
from headstart.backbones.weights.inventory import where_from
from headstart.errors import UsageError
from headstart.options import BackboneOptions
from headstart.options.every_option import all_options

HERE = "here"  # every known backbone whose weights are on this machine
FAST = "fast"  # those of them with few weights
FEW_WEIGHTS = 8.0  # millions


@dataclass(frozen=True)
class Candidate:
    """One line of a ranking.

    Attributes:
        name: of the backbone.
        size: side of its input in pixels; None for what it was trained for.
        layer: which activations are the features.
        mirror: the features of the mirror image are averaged in.
    """

    name: str
    size: int | None = None
    layer: str = "pooled"
    mirror: bool = False

    @property
    def text(self) -> str:
        """As it is typed, and whether it is mirrored: "resnet18@256:fc7 mirrored"."""
        size = "" if self.size is None else f"@{self.size}"
        layer = "" if self.layer == "pooled" else f":{self.layer}"
        return f"{self.name}{size}{layer}{' mirrored' if self.mirror else ''}"

    def options(self, base: BackboneOptions, weights: Mapping[str, Path]) -> BackboneOptions:
        """The options that open it; all else as in `base`."""
        return replace(
            base,
            backbone=self.name,
            image_size=self.size,
            layer=self.layer,  # type: ignore[arg-type]  # checked by parse_candidates
            mirror=self.mirror,
            weights=weights.get(self.name, weights.get(self.name.partition(".")[0])),
        )


def parse_candidates(text: str, *, mirror: bool = False) -> tuple[Candidate, ...]:
    """Candidates separated by commas: NAME[@SIZE][:LAYER], or the words "here" and "fast".

    With `mirror` each of them stands there twice, without its mirror image and with it. Raises
    UsageError that says what is allowed.
    """
    found: dict[Candidate, None] = {}
    for part in (part.strip() for part in text.split(",")):
        if part in (HERE, FAST):
            found |= dict.fromkeys(_present(FEW_WEIGHTS if part == FAST else float("inf")))
        elif part:
            found[_parse(part)] = None
    if not found:
        raise UsageError(
            f"--backbones is {text!r}; an example: tf_efficientnet_lite0,tf_efficientnet_lite2@288"
        )
    ways = (False, True) if mirror else (False,)
    return tuple(replace(candidate, mirror=way) for candidate in found for way in ways)


def _present(most: float) -> list[Candidate]:
    return [
        Candidate(entry.name)
        for entry in KNOWN
        if entry.parameters <= most and where_from(entry)[0]
    ]


def _parse(text: str) -> Candidate:
    rest, _, layer = text.partition(":")
    name, at, size = rest.partition("@")
    layer = layer or "pooled"
    if at and not size.isdecimal():
        raise UsageError(f"candidate {text!r}: the size is {size!r}; it must be a number of pixels")
    side = int(size) if at else None
    for option, value in (("backbone", name), ("layer", layer), ("image_size", side)):
        rule = all_options()[option].rule
        if not rule.holds(value):
            raise UsageError(
                f"candidate {text!r}: {option} is {value!r}; it must be {rule.allowed}"
            )
    return Candidate(name, side, layer)
