"""A model as one folder: safetensors and JSON, no code, no pickle.

    headstart.json       classes, temperature, backbone, head: what this program reads
    head.safetensors     the head's arrays
    familiar.safetensors what tells how familiar a picture is, where there is such a thing
    model.safetensors    the backbone's tensors under timm's names, with the last layer when it fits
    config.json          timm's own description, when timm can open the folder
    examples.*           training pictures: features, names, labels; see `model_examples`
    README.md            the model's card, for people and hubs
    figures.json         what was measured, when it was
    network1/, network2/ in place of model.safetensors where the features of several networks stand
                         side by side: each with a model.safetensors and a config.json of its own

A linear head on the features that the architecture's last layer takes is written into that layer,
standardisation and temperature folded in. `timm.create_model("local-dir:FOLDER")` then gives the
same answers as logits.

Joined networks have no last layer in common; timm opens each of them by its own folder, and gives
its features.

headstart.json has digests of itself with the head's arrays and of the other parts: one that was
damaged, edited, removed or taken from another model is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.backbones.backbone import BackboneInfo
from headstart.backbones.network_name import MOST_JOINED
from headstart.backbones.opening import SMALL_CNN, restore_backbone
from headstart.backbones.weights.digest import digest
from headstart.errors import ModelFolderError
from headstart.heads.catalogue import restore_head
from headstart.heads.familiarity import Familiarity
from headstart.heads.fitted_heads import Arrays, Asked, FittedLinear
from headstart.model_card import CARD, FIGURES, card
from headstart.model_checks import (
    check_arrays,
    check_classes,
    check_familiarity,
    check_label_type,
    check_temperature,
)
from headstart.model_examples import (
    ARRAYS_FILE,
    EXAMPLE_FILES,
    NAMES_FILE,
    StoredExamples,
    example_arrays,
    write_names,
)
from headstart.model_files import (
    DESCRIPTION,
    FORMAT,
    file_digest,
    read_arrays,
    read_description,
)
from headstart.options import HeadOptions, SplitOptions
from headstart.options.checks import check_options
from headstart.outputs import disk
from headstart.outputs.manifest import Manifest, describe
from headstart.outputs.permission import OutputFolder
from headstart.outputs.text_files import write_json, write_text
from headstart.recipes.trained_model import TrainedModel

HEAD_FILE = "head.safetensors"
FAMILIAR_FILE = "familiar.safetensors"
WEIGHTS_FILE = "model.safetensors"
TIMM_FILE = "config.json"
MODEL_FILES = (
    DESCRIPTION, HEAD_FILE, FAMILIAR_FILE, WEIGHTS_FILE, TIMM_FILE, CARD, FIGURES, *EXAMPLE_FILES
)  # fmt: skip
NETWORKS = tuple(f"network{number}" for number in range(1, MOST_JOINED + 1))
SAVED = "save"  # how the list of files names a model that was saved by itself


def save_model(model: TrainedModel, folder: Path) -> None:
    """Write the folder, whole or not at all; a model that this program saved there is replaced.

    Files of the user beside it stay. Raises UsageError for a file in the way that was not written
    by this program or was changed since, and OSError.
    """
    networks = NETWORKS[: len(model.backbone.info.parts)]
    home = OutputFolder(Path(folder), SAVED, files=MODEL_FILES, folders=networks)
    with home.writing() as new:
        _write_files(model, new)


def write_model(
    model: TrainedModel, folder: Path, figures: Mapping[str, Any] | None = None
) -> None:
    """Write a model as a part of results that are put in their place together. Raises OSError.

    `figures` are those of `model_card.short_figures`.
    """
    disk.make_folder(folder)
    _write_files(model, folder, figures)
    Manifest(describe(folder, SAVED)).write(folder)


def _write_files(
    model: TrainedModel, folder: Path, figures: Mapping[str, Any] | None = None
) -> None:
    why_not = _why_timm_cannot(model)
    parts = model.backbone.parts
    homes = _homes(model.backbone.info)
    digests = []
    for part, home in zip(parts, homes, strict=True):
        disk.make_folder(folder / home)
        tensors = part.tensors()
        config = None
        if not why_not and isinstance(model.head, FittedLinear):
            layer = _last_layer(model.head, model.temperature, str(part.info.classifier))
            tensors = {**tensors, **layer}
            config = _timm_config(part.info, model.classes)
        elif len(parts) > 1 and part.info.classifier is not None:
            config = _timm_config(part.info)
        if config is not None:
            write_json(folder / home / TIMM_FILE, config)
        digests.append(digest(tensors))
        _write_arrays(folder / home / WEIGHTS_FILE, tensors)
    arrays = model.head.to_arrays()
    names = _timm_files(model.backbone.info)
    description = _description(model, why_not) | {
        "tensors": digests[0] if len(parts) == 1 else digests,
        "files": {name: file_digest(folder / name) for name in names},
    }
    if model.examples is not None:
        examples = model.examples.get()
        kept = example_arrays(examples)
        _write_arrays(folder / ARRAYS_FILE, kept)
        write_names(examples, folder)
        description["examples"] = {
            ARRAYS_FILE: digest(kept),
            NAMES_FILE: file_digest(folder / NAMES_FILE),
        }
    if isinstance(model.familiarity, Familiarity):
        known = model.familiarity.to_arrays()
        description["familiarity"] = digest(known)
        _write_arrays(folder / FAMILIAR_FILE, known)
    description["digest"] = _content_digest(description, arrays)
    _write_arrays(folder / HEAD_FILE, arrays)
    write_json(folder / DESCRIPTION, description)
    write_text(folder / CARD, card(model, figures, opens_in_timm=not why_not))
    if figures is not None:
        write_json(folder / FIGURES, figures)


def _homes(info: BackboneInfo) -> tuple[str, ...]:
    """Where each network's files lie: in the folder itself, or those of joined ones below it."""
    return NETWORKS[: len(info.parts)] or (".",)


def _timm_files(info: BackboneInfo) -> tuple[str, ...]:
    """The places of timm's descriptions, there or not."""
    below = _homes(info) if info.parts else ()
    return (TIMM_FILE, *(f"{home}/{TIMM_FILE}" for home in below))


def load_model(folder: Path, *, device: str = "auto", runtime: str = "auto") -> TrainedModel:
    """Read a folder that `save_model` wrote. The backbone itself is loaded when it is first needed.

    Raises ModelFolderError for anything that is not a complete, undamaged model of this program,
    and UsageError for a runtime that cannot answer as it was fitted.
    """
    folder = Path(folder)
    described = folder / DESCRIPTION
    description = read_description(folder)
    arrays = read_arrays(folder / HEAD_FILE)
    try:
        info = BackboneInfo.from_json(description["backbone"])
        classes = check_classes(description["classes"], described)
        temperature = check_temperature(description["temperature"], described)
        label_type = check_label_type(description.get("label_type"), classes, described)
        asked = _asked(description["head_options"])
        check_arrays(
            description["head"], arrays, info.feature_size, len(classes), folder / HEAD_FILE
        )
        head = restore_head(description["head"], arrays, np.arange(len(classes)), asked)
        saved, tensors = str(description["digest"]), _digests(description["tensors"], info)
        files = dict(description.get("files", {}))  # older models have none
        digests = dict(description.get("examples", {}))
    except ModelFolderError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as e:
        raise ModelFolderError(f"{described} is damaged: {e!r}") from e
    if _content_digest(description, arrays) != saved:
        raise ModelFolderError(
            f"{folder} is damaged: {DESCRIPTION} and {HEAD_FILE} are not as they were saved"
        )
    weights = [folder / home / WEIGHTS_FILE for home in _homes(info)]
    for path, name, part in zip(weights, tensors, info.parts or (info,), strict=True):
        _check_weights(path, name, part)
    _check_files(folder, files, _timm_files(info))
    backbone = restore_backbone(info, *weights, device=device, runtime=runtime)
    familiarity = _familiarity(folder, description, info.feature_size, len(classes))
    examples = StoredExamples(folder, digests, info.feature_size, len(classes)) if digests else None
    return TrainedModel(
        backbone, head, classes, temperature, label_type, familiarity, examples=examples
    )


def _familiarity(
    folder: Path, description: Mapping[str, Any], features: int, classes: int
) -> Familiarity | None:
    """What tells how familiar a picture is, None for a model without, such as an older one."""
    saved = description.get("familiarity")
    if saved is None:
        return None
    path = folder / FAMILIAR_FILE
    arrays = read_arrays(path)
    if digest(arrays) != saved:
        raise ModelFolderError(f"{path} is damaged: it is not as it was saved")
    check_familiarity(arrays, features, classes, path)
    return Familiarity.from_arrays(arrays)


def _digests(saved: Any, info: BackboneInfo) -> list[str]:
    """Of each network's tensors. Raises TypeError or ValueError for another number of them."""
    found = saved if info.parts else [saved]
    if not isinstance(found, list) or len(found) != max(1, len(info.parts)):
        raise ValueError(f"tensors are {saved!r:.200}, expected one digest a network")
    return [str(name) for name in found]


def _check_weights(path: Path, tensors: str, info: BackboneInfo) -> None:
    """Raise ModelFolderError unless the file has the saved tensors, and they are the backbone's."""
    found = read_arrays(path)
    layer = {f"{info.classifier}.weight", f"{info.classifier}.bias"} & found.keys()
    backbone = {name: array for name, array in found.items() if name not in layer}
    if digest(found) != tensors or (digest(backbone) if layer else tensors) != info.weights_id:
        raise ModelFolderError(f"{path} is damaged: its tensors are not those of the saved model")


def _check_files(folder: Path, files: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise ModelFolderError unless the files that other programs read are as they were saved.

    Only `names` count here: a tampered description may have others from anywhere.
    """
    for name in sorted(set(names) & files.keys()):
        found = file_digest(folder / name)
        if found == files[name]:
            continue
        if found is None:
            what = "is missing, which was saved with the model"
        elif files[name] is None:
            what = "was not saved with the model, and timm would read it; take it away"
        else:
            what = "is damaged or was edited: it is not as it was saved"
        raise ModelFolderError(f"{folder / name} {what}")


def _write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    from safetensors.numpy import save

    # `require` keeps a counter's shape (), which `ascontiguousarray` would make (1,). The bytes
    # are written by Python, so that the file gets the usual permissions.
    rows = {name: np.require(array, requirements="C") for name, array in arrays.items()}
    with disk.create(path) as file:
        file.write(save(rows, metadata={"format": "pt"}))


def _why_timm_cannot(model: TrainedModel) -> str:
    if not isinstance(model.head, FittedLinear):
        return f"the {model.head.name} head is no single linear layer"
    info = model.backbone.info
    if info.parts:
        return "the features of several networks are joined; it opens each of them by its folder"
    if info.mirror:
        return "the features of the mirror image are averaged in, which timm does not do"
    if info.classifier is None:
        if info.name == SMALL_CNN:
            return f"{info.name} is no architecture of timm"
        return (
            f"the last layer of {info.name} does not take the {info.feature_size} features of "
            f"layer {info.layer!r}"
        )
    return ""


def _last_layer(head: FittedLinear, temperature: float, name: str) -> dict[str, npt.NDArray[Any]]:
    """The head as the architecture's last layer: weight (k, d), bias (k,)."""
    weight, bias = head.folded()
    return {
        f"{name}.weight": (weight / temperature).astype(np.float32),
        f"{name}.bias": (bias / temperature).astype(np.float32),
    }


def _timm_config(info: BackboneInfo, classes: Sequence[str] = ()) -> dict[str, Any]:
    """timm's description of a network; without its last layer where there are no classes."""
    steps = info.preprocessing
    labels = {"label_names": list(classes)} if classes else {}
    return {
        "architecture": info.name.partition(".")[0],
        "num_classes": len(classes),
        "num_features": info.feature_size,
        **labels,
        "pretrained_cfg": {
            "num_classes": len(classes),
            "input_size": [3, steps.size, steps.size],
            "interpolation": steps.interpolation,
            "crop_pct": steps.size / steps.resize,
            "crop_mode": steps.crop,
            "mean": list(steps.mean),
            "std": list(steps.std),
            "classifier": info.classifier,
        },
    }


def _description(model: TrainedModel, why_not: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "classes": list(model.classes),
        "temperature": model.temperature,
        "label_type": model.label_type,
        "head": model.head.name,
        "head_options": _head_options(model.head.asked),
        "backbone": model.backbone.info.to_json(),
        "timm": {"opens": not why_not, "why_not": why_not or None},
    }


def _head_options(asked: Asked) -> dict[str, Any]:
    """What the head was asked for, so that a model that is read can be fitted anew alike."""
    return {
        "strength": asked.C,
        "class_weights": asked.class_weight or "none",
        "random_state": asked.random_state,
    }


def _asked(options: Mapping[str, Any]) -> Asked:
    """The inverse of `_head_options`. Raises LookupError, TypeError or ValueError."""
    asked = HeadOptions(C=options["strength"], class_weight=options["class_weights"])
    check_options(asked, SplitOptions(seed=options["random_state"] or 0))
    balanced = asked.class_weight == "balanced"
    return Asked(asked.C, "balanced" if balanced else None, options["random_state"])


def _content_digest(description: Mapping[str, Any], arrays: Arrays) -> str:
    """Digest of the description, without its own digest, and of the head's arrays."""
    content = {key: value for key, value in description.items() if key != "digest"}
    text = json.dumps(content, sort_keys=True).encode()
    head = {f"head.{name}": array for name, array in arrays.items()}
    return digest({**head, "description": np.frombuffer(text, dtype=np.uint8)})
