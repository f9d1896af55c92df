"""What a model folder says of its model to people and to hubs: the card README.md, and the figures.

The card has the form that model hubs read: a head of YAML between lines of dashes, then Markdown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headstart.backbones.backbone import BackboneInfo
from headstart.backbones.catalogue import find_known
from headstart.heads.familiarity import UNFAMILIAR
from headstart.outputs.manifest import read_json
from headstart.recipes.trained_model import TrainedModel
from headstart.wording import one_line, plural

CARD, FIGURES = "README.md", "figures.json"
MOST_CLASSES = 50  # that the card names
_TEST = (
    "n", "accuracy", "accuracy_interval", "balanced_accuracy", "macro_f1", "log_loss",
    "majority_class", "majority_share",
)  # fmt: skip
_FOLDS = ("count", "accuracy_mean", "accuracy_standard_error")
HEADS = {
    "linear": "a logistic regression",
    "svm": "a linear support vector machine",
    "knn": "the nearest training pictures",
    "mlp": "a head with one hidden layer",
}


def short_figures(metrics: Mapping[str, Any], data_digest: str) -> dict[str, Any]:
    """The figures that stay with a model, and its choice, from what `metrics.json` holds."""
    folds = metrics["folds"]
    pooled = {name: folds["pooled"][name] for name in ("n", "accuracy_interval")} if folds else {}
    if folds and folds.get("strength_note"):
        pooled["strength_note"] = folds["strength_note"]
    return {
        "data": {
            "digest": data_digest,
            "trained": metrics["n_train"],
            "tested": metrics["n_test"],
        },
        "test": {name: metrics["test"][name] for name in _TEST},
        "folds": {name: folds[name] for name in _FOLDS} | pooled if folds else None,
        "unfamiliar": metrics.get("unfamiliar"),
        "decision": metrics["decision"],
    }


def read_figures(folder: Path) -> dict[str, Any] | None:
    """The figures of a model folder: its own, else those of the run that it lies in.

    None where there are none, as for a model that was saved by itself.
    """
    own = read_json(folder / FIGURES)
    if own:
        return own
    metrics, record = (read_json(folder.parent / name) for name in ("metrics.json", "run.json"))
    try:
        return short_figures(metrics, str(record["data_digest"]))
    except (LookupError, TypeError):
        return None


def card(model: TrainedModel, figures: Mapping[str, Any] | None, opens_in_timm: bool) -> str:
    """The card's text."""
    info = model.backbone.info
    head = HEADS.get(model.head.name, model.head.name)
    lines = [
        *_yaml(model, figures, opens_in_timm),
        "",
        "# Picture classifier",
        "",
        f"Tells {len(model.classes)} classes apart: {_classes(model.classes)}.",
        "",
        f"Made by headstart: {head} on the features ({info.layer}, {info.feature_size:,} numbers) "
        f"of `{info.name}`, whose weights ({one_line(info.source)}) stay as they are. "
        f"{_prepared(info)}",
        "",
        "## How good it is",
        "",
        *_figures(figures),
        "",
        "## Limits",
        "",
        f"- It answers every picture with one of its classes, also a picture of something else. "
        f"{_familiar(model, figures)}",
        "- The figures hold for pictures like those it was tested on. Where pictures come from "
        "another camera, place or time, measure again: `headstart evaluate`.",
        *_examples(model),
        "",
        "## How to run it",
        "",
        "    headstart predict THIS_FOLDER photo.jpg",
        "",
        *_timm(info, opens_in_timm),
    ]
    return "\n".join(lines) + "\n"


def _examples(model: TrainedModel) -> list[str]:
    """What the folder tells of the pictures that were learnt from."""
    if model.examples is None:
        return []
    copies = ", with small copies of them" if model.examples.get().small else ""
    return [f"- `examples.json` has the names of pictures that it learnt from{copies}."]


def _familiar(model: TrainedModel, figures: Mapping[str, Any] | None) -> str:
    """What tells a picture of something else."""
    if model.familiarity is None:
        return "It cannot tell such pictures."
    words = (
        f"`familiar`, from 0 to 1, tells such pictures: it is below {UNFAMILIAR:g} for one that is "
        "farther from what was learnt than 95 of 100 training pictures were"
    )
    known = (figures or {}).get("unfamiliar")
    found = f" (and for {known['unfamiliar']} of {known['n']} test pictures)" if known else ""
    return f"{words}{found}."


def _prepared(info: BackboneInfo) -> str:
    steps = [one.preprocessing for one in info.parts or (info,)]
    sizes = [f"resized to {one.resize} pixels and cut to {one.size}" for one in steps]
    each = f", for each of the {len(sizes)} networks in turn" if len(sizes) > 1 else ""
    return f"Pictures are {', and '.join(sizes)}{each}."


def _classes(classes: tuple[str, ...]) -> str:
    shown = ", ".join(
        f"`{one_line(name).replace('`', chr(39))}`" for name in classes[:MOST_CLASSES]
    )
    more = len(classes) - MOST_CLASSES
    return f"{shown} and {more} more" if more > 0 else shown


def _figures(figures: Mapping[str, Any] | None) -> list[str]:
    if figures is None:
        return ["Nothing was kept of how it was measured."]
    test, folds, data = figures["test"], figures["folds"], figures["data"]
    lines = [
        "| measured on | accuracy | 95% interval |",
        "| --- | ---: | ---: |",
        f"| {plural(test['n'], 'test picture')} | {_number(test['accuracy'])} | "
        f"{_interval(test['accuracy_interval'])} |",
    ]
    strength_note = ""
    if folds:
        strength_note = (
            f" Of the folds: {folds['strength_note']}." if folds.get("strength_note") else ""
        )
        error = _number(folds["accuracy_standard_error"])
        lines.append(
            f"| {folds['count']} folds, {folds['n']:,} pictures | "
            f"{_number(folds['accuracy_mean'])} ± {error} | "
            f"{_interval(folds['accuracy_interval'])} |"
        )
    return [
        *lines,
        "",
        f"Always answering the largest class would be right for {_number(test['majority_share'])} "
        f"of the test pictures. Balanced accuracy {_number(test['balanced_accuracy'])}, macro F1 "
        f"{_number(test['macro_f1'])}, log loss {_number(test['log_loss'])}; "
        f"{plural(data['trained'], 'picture')} trained it.{strength_note}",
        "",
        f"Digest of the pictures and labels: `{data['digest']}`",
        *(line for told in figures.get("decision", ()) for line in ("", one_line(told))),
    ]


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "unknown"


def _interval(ends: Any) -> str:
    return f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else ""


def _timm(info: BackboneInfo, opens: bool) -> list[str]:
    if info.parts:
        return [
            f"It takes the features of {len(info.parts)} networks side by side, which timm does "
            "not. Each network alone is a folder that timm opens, as long as it is no VGG:",
            "",
            '    timm.create_model("local-dir:THIS_FOLDER/network1", pretrained=True)',
        ]
    if not opens:
        return ["Its head is no layer that timm knows, so timm does not open it."]
    return [
        "or, without headstart,",
        "",
        '    timm.create_model("local-dir:THIS_FOLDER", pretrained=True)',
        "",
        "which gives logits; their softmax are the probabilities.",
    ]


def _yaml(model: TrainedModel, figures: Mapping[str, Any] | None, opens_in_timm: bool) -> list[str]:
    """The head. Every text is written as JSON, which YAML reads as it is."""
    name = model.backbone.info.name
    lines = [
        "---",
        "tags:",
        "- image-classification",
        "- headstart",
        *(["- timm"] if opens_in_timm else []),
        f"library_name: {'timm' if opens_in_timm else 'headstart'}",
        "pipeline_tag: image-classification",
        *_licence(model.backbone.info),
    ]
    accuracy = figures["test"]["accuracy"] if figures else None
    if figures and accuracy is not None:
        lines += [
            "model-index:",
            f"- name: {json.dumps(name)}",
            "  results:",
            "  - task:",
            "      type: image-classification",
            "    dataset:",
            '      name: "the test pictures of its fit"',
            f"      type: {json.dumps(figures['data']['digest'][:16])}",
            "    metrics:",
            "    - type: accuracy",
            f"      value: {accuracy!r}",
        ]
    return [*lines, "---"]


def _licence(info: BackboneInfo) -> list[str]:
    """Of the backbone's weights, where it is known; none for networks of several."""
    known = [find_known(part.name) for part in info.parts or (info,)]
    licences = {entry.licence.lower() if entry else None for entry in known}
    return [f"license: {name}" for name in licences if name and len(licences) == 1]
