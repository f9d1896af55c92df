"""What is ranked: backbones at a size and a layer, with or without the mirror image."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headstart.backbones.catalogue import KNOWN
from headstart.backbones.network_name import NetworkName, joined_text, parse_networks
from headstart.backbones.weights.inventory import where_from
from headstart.errors import UsageError
from headstart.options import BackboneOptions

HERE = "here"  # every known backbone whose weights are on this machine
FAST = "fast"  # those of them with few weights
FEW_WEIGHTS = 8.0  # millions


@dataclass(frozen=True)
class Candidate:
    """One line of a ranking.

    Attributes:
        networks: the backbone, or some whose features stand side by side.
        mirror: the features of the mirror image are averaged in.
    """

    networks: tuple[NetworkName, ...]
    mirror: bool = False

    @property
    def backbone(self) -> str:
        """As it is typed: "resnet18@256", "resnet18+vgg16:fc7"."""
        return joined_text(self.networks)

    @property
    def text(self) -> str:
        """As it is typed, and whether it is mirrored: "resnet18@256 mirrored"."""
        return f"{self.backbone}{' mirrored' if self.mirror else ''}"

    def options(self, base: BackboneOptions) -> BackboneOptions:
        """The options that open it; all else as in `base`."""
        return replace(base, backbone=self.backbone, mirror=self.mirror)


def parse_candidates(text: str, *, mirror: bool = False) -> tuple[Candidate, ...]:
    """Candidates separated by commas: NAME[@SIZE][:LAYER], some joined
    by "+", or the words "here" and "fast".

    With `mirror` each of them stands there twice, without its mirror image and with it. Raises
    UsageError that says what is allowed.
    """
    found: dict[Candidate, None] = {}
    for part in (part.strip() for part in text.split(",")):
        if part in (HERE, FAST):
            found |= dict.fromkeys(_present(FEW_WEIGHTS if part == FAST else float("inf")))
        elif part:
            found[Candidate(parse_networks(part, "candidate"))] = None
    if not found:
        raise UsageError(
            f"--backbones is {text!r}; an example: tf_efficientnet_lite0,tf_efficientnet_lite2@288"
        )
    ways = (False, True) if mirror else (False,)
    return tuple(replace(candidate, mirror=way) for candidate in found for way in ways)


def _present(most: float) -> list[Candidate]:
    return [
        Candidate((NetworkName(entry.name),))
        for entry in KNOWN
        if entry.parameters <= most and where_from(entry)[0]
    ]
