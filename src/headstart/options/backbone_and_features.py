"""The options of the backbone and of computing and keeping features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from headstart.options.definition import (
    ANSWERS,
    BACKBONES,
    CLUSTERS,
    DECODED,
    FEATURES,
    ON_BACKBONE,
    PICTURES,
    SIZES,
    option,
    text,
    whole,
)

DEFAULT_BACKBONE = "tf_efficientnet_lite0"
LARGEST_SIDE = 4096  # pixels; one picture of this side is 200 MB as a backbone's input
MOST_WORKERS = 1024
MEMORY_LIMIT = 4_000_000_000  # bytes; a fifth for files, and 16 for each of 200,000,000 pixels

LayerName = Literal["pooled", "fc6", "fc7", "last"]
PrecisionName = Literal["auto", "fp32", "bf16"]
RuntimeName = Literal["auto", "torch", "onnxruntime", "openvino"]


@dataclass(frozen=True, kw_only=True)
class BackboneOptions:
    """Which backbone, which of its layers, and how it computes."""

    backbone: str = option(
        DEFAULT_BACKBONE,
        BACKBONES,
        "Name of the backbone, any of timm's (`headstart backbones` lists some); NAME@SIZE has "
        "another picture size, and A+B has the features of two networks side by side. fit "
        "takes auto: the best of those here, chosen within --minutes.",
        use=ON_BACKBONE,
        most_used=True,
    )
    weights: Path | None = option(
        None,
        BACKBONES,
        "File with the backbone's weights (safetensors, or torch without code).",
        use=ON_BACKBONE,
    )
    layer: LayerName = option(
        "pooled",
        BACKBONES,
        "Which activations are the features; fc6, fc7 and last are for VGG.",
        use=ON_BACKBONE,
    )
    image_size: int | None = option(
        None,
        (*SIZES, "runtimes"),
        "Side of the network's input in pixels; default: what the backbone was trained for, 224 "
        "for the small CNN.",
        rule=whole(1, LARGEST_SIDE),
    )
    precision: PrecisionName = option(
        "auto",
        FEATURES,
        "Arithmetic of the backbone; auto is bf16 by torch on a processor or accelerator that is "
        "faster in it, else fp32.",
        use=ON_BACKBONE,
    )
    mirror: bool = option(
        False,
        FEATURES,
        "Average the features of each picture and of its mirror image: often a little better, at "
        "twice the time.",
        use=ON_BACKBONE,
    )
    random_weights: bool = option(
        False, BACKBONES, "Take an untrained backbone; only for trying things out.", use=ON_BACKBONE
    )


@dataclass(frozen=True, kw_only=True)
class EmbedOptions:
    """How features are computed and kept."""

    device: str = option(
        "auto",
        DECODED,
        "Where the backbone runs: auto, cpu, cuda, cuda:1, mps.",
        rule=text("auto, cpu, cuda, cuda:N or mps", r"auto|cpu|cuda(:\d+)?|mps"),
        use=ON_BACKBONE,
    )
    runtime: RuntimeName = option(
        "auto",
        ANSWERS,
        "What computes the backbone: torch, onnxruntime or openvino; auto is torch, or what "
        "`headstart runtimes` found best on this machine.",
        use=ON_BACKBONE,
    )
    workers: int | None = option(
        None,
        ANSWERS,
        "Threads that read pictures and run the backbone; default: one a core.",
        rule=whole(1, MOST_WORKERS),
    )
    embed_batch: int | None = option(
        None,
        ANSWERS,
        "Inputs that a thread sends through the backbone at once; default: 4 on a processor in "
        "fp32, 8 in bf16, 64 on an accelerator.",
        rule=whole(1),
    )
    cache: bool = option(
        True, PICTURES, "Keep features in the cache folder and use those kept there, or not."
    )
    memory_limit: int = option(
        MEMORY_LIMIT,
        DECODED,
        "Bytes for files read and pictures decoded at the same time, over all workers, for the "
        "features of all pictures, and for what training keeps between epochs: pictures in memory, "
        "maps of a frozen part in a file.",
        rule=whole(1),
    )
    views: int = option(
        0,
        FEATURES,
        "Augmented views of each training picture, besides the picture itself.",
        rule=whole(0),
        use=ON_BACKBONE,
    )
    cluster: str | None = option(
        None,
        CLUSTERS,
        "Compute features on a Ray cluster: HOST:PORT or ray://HOST:PORT, auto for the one that "
        "this machine is part of, local for processes here. Its machines read the pictures.",
        rule=text(
            "local, auto, HOST:PORT or ray://HOST:PORT",
            r"local|auto|(ray://)?[^\s/]*[^\s/:]:\d{1,5}",
        ),
        use=ON_BACKBONE,
    )
    cluster_folder: str | None = option(
        None,
        CLUSTERS,
        "Folder on a disk that all machines of the cluster share, or an address such as "
        "s3://bucket/folder, where blocks of features lie until they are taken up; default: the "
        "cache folder.",
        use=ON_BACKBONE,
    )
