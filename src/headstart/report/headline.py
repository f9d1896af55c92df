"""The top of a report: what was trained on what, how good it is, and what that is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from headstart.evaluate.effective_rows import rows_in_words
from headstart.evaluate.intervals import Interval
from headstart.recipes.run_record import RunRecord
from headstart.report.number_formats import count, interval, number, plus_minus
from headstart.report.plots import interval_plot

HEADS = {
    "linear": "linear head",
    "svm": "support vector machine",
    "knn": "nearest-neighbour head",
    "mlp": "head with one hidden layer",
}
FIGURES = (
    ("accuracy", "Accuracy"),
    ("balanced_accuracy", "Balanced accuracy"),
    ("macro_f1", "Macro F1"),
    ("log_loss", "Log loss"),
)
CERTAIN = 0.999


@dataclass(frozen=True)
class Tile:
    """One large number with its words."""

    value: str
    label: str
    detail: str


@dataclass(frozen=True)
class Headline:
    """Attributes:
    sentence: what was trained on what.
    tiles: the figures that matter most.
    meaning: what they are worth, one sentence each.
    rows: all figures: name, on the test, its interval, over the folds.
    plot: the accuracies with their intervals beside the largest class's share; None when no
        picture could be scored.
    """

    sentence: str
    tiles: tuple[Tile, ...]
    meaning: tuple[str, ...]
    rows: tuple[tuple[str, str, str, str], ...]
    plot: Markup | None


def headline(metrics: dict[str, Any], record: RunRecord, source: str) -> Headline:
    """The headline of a run from what `metrics.json` holds and the table's or folder's name."""
    return Headline(
        sentence=_sentence(metrics, record, source),
        tiles=_tiles(metrics),
        meaning=tuple(_meaning(metrics)),
        rows=_rows(metrics),
        plot=_plot(metrics),
    )


def _sentence(metrics: dict[str, Any], record: RunRecord, source: str) -> str:
    head = HEADS.get(metrics["head"], f"{metrics['head']} head")
    backbone = metrics["backbone"]
    layer = "" if metrics["layer"] == "pooled" else f" (layer {metrics['layer']})"
    made = {
        "frozen": f"A {head} on the frozen backbone {backbone}{layer}",
        "scratch": f"The network {backbone}, trained from scratch",
        "fine-tune": f"The pretrained network {backbone}, fine-tuned",
    }.get(record.recipe, f"The network {backbone} (recipe {record.recipe})")
    learnt = count(metrics["n_train"], "picture")
    classes = count(len(metrics["classes"]), "class", "classes")
    comma = "," if "," in made else ""
    return (
        f"{made}{comma} learnt {classes} from {learnt} of {source} and was tested on "
        f"{metrics['n_test']:,} others."
    )


def _tiles(metrics: dict[str, Any]) -> tuple[Tile, ...]:
    test, folds = metrics["test"], metrics["folds"]
    ends = test["accuracy_interval"]
    between = f"95% interval {ends[0]:.3f} to {ends[1]:.3f}" if ends else ""
    tiles = [
        Tile(number(test["accuracy"]), f"accuracy on {count(test['n'], 'test picture')}", between)
    ]
    if folds is not None:
        mean, error = folds["accuracy_mean"], folds["accuracy_standard_error"]
        spread = "" if error is None else f"corrected standard error {error:.3f}"
        tiles.append(Tile(number(mean), f"mean accuracy of {folds['count']} folds", spread))
    if test["majority_class"] is not None:
        always = f"always answering “{test['majority_class']}”"
        tiles.append(Tile(number(test["majority_share"]), "largest class's share", always))
    return tuple(tiles)


def _meaning(metrics: dict[str, Any]) -> list[str]:
    test, folds, tuning = metrics["test"], metrics["folds"], metrics.get("tuning")
    ends, share = test["accuracy_interval"], test["majority_share"]
    if ends is None:
        return ["No test picture could be scored, so nothing is known of this model's accuracy."]
    found = [
        f"With {_rows_behind(test, 'test picture')}, {test['accuracy']:.3f} may be anything from "
        f"{ends[0]:.3f} to {ends[1]:.3f}."
    ]
    if folds is not None and folds["pooled"]["accuracy_interval"] is not None:
        low, high = folds["pooled"]["accuracy_interval"]
        found.append(
            f"The folds answer all {_rows_behind(folds['pooled'], 'picture')}, each by a model "
            f"that had not learnt from it, and put it between {low:.3f} and {high:.3f}."
        )
        ends, share = (low, high), folds["pooled"]["majority_share"]
    found.append(_against_majority(ends, share))
    if folds is not None and folds.get("strength_note"):
        found.append(
            f"{folds['strength_note']}. Pictures that the folds test had a part in that choice, "
            "so the folds' figures may be better by what one choice of C can give."
        )
    if tuning is not None:
        sentence = tuning["phases"]["sentence"]
        found.append(f"{sentence[0].upper()}{sentence[1:]}.")
    if metrics.get("unfamiliar"):
        found.append(f"{metrics['unfamiliar']['words']}.")
    if metrics["train_accuracy"] >= CERTAIN:
        found.append(
            f"On the pictures it learnt from it is right for {metrics['train_accuracy']:.3f}; "
            "that says nothing about new ones."
        )
    return found


def _rows_behind(figures: dict[str, Any], noun: str) -> str:
    return rows_in_words(figures["n"], figures["groups"], figures["effective_n"], noun)


def _against_majority(ends: Interval, share: float) -> str:
    if ends[0] > share:
        return f"That is clearly more than always answering the largest class ({share:.3f})."
    if ends[1] < share:
        return f"That is clearly less than always answering the largest class ({share:.3f})."
    return (
        f"These pictures cannot tell it from always answering the largest class ({share:.3f}): "
        "treat it as unproven."
    )


def _rows(metrics: dict[str, Any]) -> tuple[tuple[str, str, str, str], ...]:
    test, folds = metrics["test"], metrics["folds"]
    rows = []
    for key, title in FIGURES:
        ends = interval(test.get(f"{key}_interval"))
        spread = ""
        if folds is not None:
            spread = plus_minus(folds[f"{key}_mean"], folds[f"{key}_standard_error"])
        rows.append((title, number(test[key]), ends, spread))
    pooled = folds["pooled"] if folds is not None else None
    area = f"{number(pooled['auc'])} pooled {interval(pooled['auc_interval'])}" if pooled else ""
    rows.append(("AUC", number(test["auc"]), interval(test["auc_interval"]), area))
    share = number(pooled["majority_share"]) if pooled else ""
    rows.append(("Largest class's share", number(test["majority_share"]), "", share))
    rows.append(("Accuracy in training", number(metrics["train_accuracy"]), "", ""))
    return tuple(rows)


def _plot(metrics: dict[str, Any]) -> Markup | None:
    test, folds = metrics["test"], metrics["folds"]
    if test["accuracy"] is None:
        return None
    rows = [(f"Test, {test['n']:,} pictures", test["accuracy"], test["accuracy_interval"])]
    if folds is not None:
        pooled = folds["pooled"]
        rows.append(
            (f"Folds, {pooled['n']:,} pictures", pooled["accuracy"], pooled["accuracy_interval"])
        )
    words = [f"{name}: accuracy {number(value)} {interval(ends)}" for name, value, ends in rows]
    share = test["majority_share"]
    alt = f"{'; '.join(words)}; largest class's share {number(share)} as an upright tick."
    return interval_plot(rows, name="accuracy", alt=alt, reference=share)
