"""The last map of a network before its pooling: timm's `forward_features`. Needs torch."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from headstart.backbones.runtimes.runtime import no_map


def last_map(network: nn.Module, found: Any, name: str) -> Tensor:
    """What `forward_features` has `found` as a map (n, c, h, w).

    Raises UsageError where it is none, but a row of tokens, or where there is no such method.
    """
    if not isinstance(found, Tensor) or found.ndim != 4:
        raise no_map(name, tuple(found.shape) if isinstance(found, Tensor) else "nothing")
    is_last = "NHWC" in str(getattr(network, "output_fmt", ""))
    return found.permute(0, 3, 1, 2) if is_last else found


class WithMap(nn.Module):
    """A network whose results are its features and, of the same run, its last map.

    Args:
        network: whose `forward` goes through `forward_features`.
        name: what it is called in messages.
    """

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        self.network = network
        self.name = name

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised pictures to features (n, d) and map (n, c, h, w). Raises UsageError."""
        network: Any = self.network
        usual, met = getattr(network, "forward_features", None), []
        if usual is None:
            raise no_map(self.name)

        def noted(*inputs: Any, **settings: Any) -> Any:
            met.append(usual(*inputs, **settings))
            return met[-1]

        network.forward_features = noted
        try:
            features = network(inputs)
        finally:
            del network.forward_features  # the class's own is seen again
        return features, last_map(network, met[-1] if met else None, self.name)
