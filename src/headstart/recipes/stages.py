"""What of a backbone is trained: its stages and layers, as timm groups them.

An architecture of timm says itself which of its tensors make a stage (a block of layers at one
size of the map) and which a layer. Where it does not, a stage ends at each pooling. Needs torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from headstart.errors import UsageError
from headstart.recipes.tuning_record import TrainedPart

NORMS = (_BatchNorm, nn.GroupNorm, nn.LayerNorm)
POOLINGS = (nn.MaxPool2d, nn.AvgPool2d)


def stages_of(backbone: nn.Module) -> list[list[str]]:
    """Names of the backbone's parameters by stage, the first stage first; each is in one stage."""
    return _grouped(backbone, coarse=True)


def layers_of(backbone: nn.Module) -> list[list[str]]:
    """Names of the backbone's parameters by layer of the rates' decay, the first layer first."""
    return _grouped(backbone, coarse=False)


def unfreeze(backbone: nn.Module, what: str) -> list[TrainedPart]:
    """Let the parameters that `--unfreeze` names require a gradient, and no others.

    `what` is "last-stage", "all", "norm" or a number of stages from the last. Returns a part for
    each stage. Raises UsageError for more stages than there are, and for no normalisation layers.
    """
    stages = stages_of(backbone)
    if what == "norm":
        chosen = set(_norm_parameters(backbone))
        if not chosen:
            raise UsageError(
                "--unfreeze is 'norm', and this backbone has no normalisation layers; take "
                "last-stage, all or a number"
            )
    else:
        count = {"last-stage": 1, "all": len(stages)}.get(what) or int(what)
        if count > len(stages):
            raise UsageError(
                f"--unfreeze is {count}, and this backbone has {len(stages)} stages; take at most "
                f"{len(stages)}, or all"
            )
        chosen = {name for stage in stages[-count:] for name in stage}
    sizes = {}
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(name in chosen)
        sizes[name] = parameter.numel()
    return [
        TrainedPart(
            _common_name(stage),
            sum(sizes[name] for name in stage if name in chosen),
            sum(sizes[name] for name in stage),
        )
        for stage in stages
    ]


def undecayed(backbone: nn.Module) -> set[str]:
    """Parameters that timm says need no weight decay, such as a position's embedding."""
    ask = getattr(backbone, "no_weight_decay", None)
    return set(ask()) if callable(ask) else set()


def _norm_parameters(backbone: nn.Module) -> Iterator[str]:
    for place, module in backbone.named_modules():
        # timm's own norms are named so, whatever they derive from.
        if isinstance(module, NORMS) or "norm" in type(module).__name__.lower():
            for name, _ in module.named_parameters(recurse=False):
                yield f"{place}.{name}" if place else name


def _grouped(backbone: nn.Module, *, coarse: bool) -> list[list[str]]:
    matcher = getattr(backbone, "group_matcher", None)
    if matcher is None:
        return _between_poolings(backbone)
    from timm.models import group_parameters

    groups = group_parameters(backbone, matcher(coarse=coarse))
    names = {name for name, _ in backbone.named_parameters()}
    found = [[name for name in groups[key] if name in names] for key in sorted(groups)]
    return _without_lone_norms([group for group in found if group], backbone)


def _without_lone_norms(groups: list[list[str]], backbone: nn.Module) -> list[list[str]]:
    """A last group that is a norm and nothing else goes with the one before it."""
    norms = set(_norm_parameters(backbone))
    while len(groups) > 1 and set(groups[-1]) <= norms:
        groups = [*groups[:-2], groups[-2] + groups[-1]]
    return groups


def _between_poolings(backbone: nn.Module) -> list[list[str]]:
    groups: list[list[str]] = [[]]
    for place, module in backbone.named_modules():
        if isinstance(module, POOLINGS):
            groups.append([])
        for name, _ in module.named_parameters(recurse=False):
            groups[-1].append(f"{place}.{name}" if place else name)
    return [group for group in groups if group]


def _common_name(names: Sequence[str]) -> str:
    """ "blocks.6 to bn2" for names that begin so."""
    first, last = (_place(name) for name in (names[0], names[-1]))
    return first if first == last else f"{first} to {last}"


def _place(name: str) -> str:
    parts = name.split(".")[:-1] or [name]
    return ".".join(parts[:2]) if parts[1:2] and parts[1].isdigit() else parts[0]
