"""Every option once: type, default, rule, help text, the verbs that have it and what uses it.

The flags of the terminal program, `run.json` and the checks derive from these classes. Only the
standard library is imported, so that `--help` is quick.
"""

from headstart.options.backbone_and_features import (
    DEFAULT_BACKBONE,
    MEMORY_LIMIT,
    BackboneOptions,
    EmbedOptions,
    LayerName,
    PrecisionName,
    RuntimeName,
)
from headstart.options.every_option import FitOptions, as_json
from headstart.options.exporting import LEAST_OPSET, ExportOptions
from headstart.options.fine_tuning import TuneOptions
from headstart.options.head_and_training import (
    Augment,
    HeadOptions,
    LoopOptions,
    RecipeOptions,
)
from headstart.options.serving import ServeOptions
from headstart.options.split_and_seed import DEFAULT_SEED, SplitOptions
from headstart.options.tables_and_pictures import MAX_PIXELS, LabelOptions, ReadOptions
from headstart.options.tables_written import WriteOptions

__all__ = [
    "DEFAULT_BACKBONE",
    "DEFAULT_SEED",
    "LEAST_OPSET",
    "MAX_PIXELS",
    "MEMORY_LIMIT",
    "Augment",
    "BackboneOptions",
    "EmbedOptions",
    "ExportOptions",
    "FitOptions",
    "HeadOptions",
    "LabelOptions",
    "LayerName",
    "LoopOptions",
    "PrecisionName",
    "ReadOptions",
    "RecipeOptions",
    "RuntimeName",
    "ServeOptions",
    "SplitOptions",
    "TuneOptions",
    "WriteOptions",
    "as_json",
]
