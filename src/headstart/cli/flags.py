"""How an options class becomes flags: its fields, under a heading of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from headstart import options


def _group(title: str, order: int) -> Group:
    return Group(title, sort_key=order)


Read = Annotated[options.ReadOptions, Parameter(name="*", group=_group("Reading", 2))]
Labels = Annotated[options.LabelOptions, Parameter(name="*", group=_group("Reading", 2))]
Backbone = Annotated[options.BackboneOptions, Parameter(name="*", group=_group("Backbone", 3))]
SharedBackbone = Annotated[
    options.SharedBackboneOptions, Parameter(name="*", group=_group("Backbones", 3))
]
SharedHead = Annotated[options.SharedHeadOptions, Parameter(name="*", group=_group("Heads", 6))]
Recipe = Annotated[options.RecipeOptions, Parameter(name="*", group=_group("Recipe", 1))]
Embed = Annotated[options.EmbedOptions, Parameter(name="*", group=_group("Features", 4))]
SharedSplit = Annotated[options.SharedSplitOptions, Parameter(name="*", group=_group("Split", 5))]
Split = Annotated[options.SplitOptions, Parameter(name="*", group=_group("Split", 5))]
Head = Annotated[options.HeadOptions, Parameter(name="*", group=_group("Head", 6))]
Loop = Annotated[options.LoopOptions, Parameter(name="*", group=_group("Epoch loop", 7))]

Source = Annotated[Path, Parameter(help="Table with names and labels, or folder of class folders.")]
Model = Annotated[Path, Parameter(help="Model folder, such as run/model.")]
