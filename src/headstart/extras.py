"""Which packages come with which extra, and what is said where one is missing."""

from __future__ import annotations

from headstart.errors import MissingExtraError

# Names that are imported, of the packages in the extra "train".
TRAINING = frozenset((
    "torch", "torchvision", "timm", "sklearn", "scipy", "safetensors", "matplotlib", "jinja2",
    "markupsafe", "huggingface_hub", "cleanlab", "threadpoolctl",
))  # fmt: skip


def explained(error: ModuleNotFoundError) -> MissingExtraError | None:
    """The error with the pip command, for a package of the extra "train"; None for another."""
    name = (error.name or "").partition(".")[0]
    if name not in TRAINING:
        return None
    return MissingExtraError(
        f"this needs {name}, which is not installed: only models that were exported (model.onnx) "
        f'are answered without the packages that train. Get them: pip install "headstart[train]"'
    )
