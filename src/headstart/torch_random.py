"""Torch's random numbers from a generator of our own, for code that asks for the global one.

Importing this module loads torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

Operation = Callable[..., Any]


class OwnRandomNumbers(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside the `with`, this thread's random tensors on the processor come from `seed`.

    The numbers are those that `torch.manual_seed(seed)` would have given, without it: that call,
    also within `torch.random.fork_rng`, changes the generator of the whole process, so that
    another thread that draws meanwhile gets our numbers and later the same ones again. Layers
    draw their first weights from the global generator and take no other, so each operation that
    can take a generator is given one here.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._generator = torch.Generator().manual_seed(seed)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one operation, with the generator if it can have one."""
        kwargs = dict(kwargs or {})
        seeded = _with_generator(func)
        if seeded is None or kwargs.get("generator") is not None or _on_meta(args, kwargs):
            return func(*args, **kwargs)
        return seeded(*args, **{**kwargs, "generator": self._generator})


def _with_generator(operation: Any) -> Operation | None:
    """The operation or its variant that takes a generator; None when there is none."""
    if any(argument.name == "generator" for argument in operation._schema.arguments):
        return operation  # type: ignore[no-any-return]
    variant = operation._overloadname
    name = "generator" if variant == "default" else f"{variant}_generator"
    return getattr(operation.overloadpacket, name, None)


def _on_meta(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether nothing is drawn: a tensor without memory."""
    devices = [arg.device for arg in args if isinstance(arg, torch.Tensor)]
    return any(str(device) == "meta" for device in [*devices, kwargs.get("device")])
