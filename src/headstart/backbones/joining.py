"""Two or three backbones as one whose features are theirs side by side."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.backbones.backbone import Backbone, joined_info
from headstart.backbones.runtimes.joined_networks import JoinedNetworks


def join_backbones(parts: Sequence[Backbone]) -> Backbone:
    """One backbone whose features are those of the parts, in their order; one alone stays itself.

    Each part keeps its own place in the cache, so that joining what was embedded costs nothing.
    """
    if len(parts) == 1:
        return parts[0]
    return Backbone(joined_info([part.info for part in parts]), JoinedNetworks(tuple(parts)))
