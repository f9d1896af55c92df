"""The chapters with curves: learning, calibration, and for two classes ROC and precision-recall."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from markupsafe import Markup

from headstart.evaluate.calibration import (
    CalibrationError,
    apply_temperature,
    brier_score,
    expected_calibration_error,
)
from headstart.evaluate.curves import class_curves
from headstart.evaluate.intervals import wilson
from headstart.evaluate.predictions import Predictions
from headstart.recipes.frozen import FitResult
from headstart.recipes.training_history import History
from headstart.recipes.tuning_record import Tuning, parts_in_words
from headstart.report.number_formats import count, number
from headstart.report.plots import DASHES, Frame, Line, line_plot
from headstart.report.svg import ACCENT, MUTED, SECOND, labelled_axes, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNIT = (-0.02, 1.02)
LARGEST_DOT = 120.0  # square units


@dataclass(frozen=True)
class Evidence:
    """The best answers to learn from: out-of-fold ones for all pictures, else those of the test."""

    answers: Predictions
    rows: tuple[int, ...]  # of the table, (n,)
    words: str


def evidence(result: FitResult) -> Evidence:
    """Out-of-fold answers when there are folds, else the answers on the test pictures."""
    if result.folds is not None:
        answers = result.folds.predictions
        words = f"the out-of-fold answers for all {count(len(answers), 'picture')}"
        return Evidence(answers, tuple(range(len(answers))), words)
    words = f"the answers for {count(len(result.test), 'test picture')}"
    return Evidence(result.test, tuple(result.split.test.tolist()), words)


@dataclass(frozen=True)
class Chapter:
    """Drawings with their captions, and a table."""

    plots: tuple[tuple[Markup, str], ...]
    words: str
    rows: tuple[tuple[str, ...], ...] = ()


def learning(history: History, tuning: Tuning | None = None) -> Chapter:
    """Loss and accuracy by epoch; for fine-tuning the rates, and what it was worth."""
    records = history.records
    validated = any(item.validation_loss is not None for item in records)
    plots = [
        _by_epoch(history, "training_loss", "validation_loss", "loss", "learning-loss"),
        _by_epoch(
            history, "training_accuracy", "validation_accuracy", "accuracy", "learning-accuracy"
        ),
    ]
    if records[-1].learning_rate is not None:
        plots.append(_rates(history))
    last = records[-1]
    words = f"{count(len(records), 'epoch')}; the weights of epoch {history.kept_epoch} were kept."
    if not history.kept_epoch:
        words = (
            f"{count(len(records), 'epoch')}; none had a smaller validation loss than the start, "
            "which was kept."
        )
    if validated:
        words += (
            " The validation rows were taken from the training rows; the test rows chose nothing."
        )
    captions: tuple[str, ...] = (
        f"Loss. The last epoch's: {number(last.training_loss)} in training"
        + (f", {number(last.validation_loss)} in validation." if validated else "."),
        f"Accuracy. The last epoch's: {number(last.training_accuracy)} in training"
        + (f", {number(last.validation_accuracy)} in validation." if validated else "."),
    )
    captions += (f"Learning rate of the last layer, up to {_peak(history):.2g}.",) * (
        len(plots) - 2
    )
    if tuning is not None:
        words = f"{tuning_in_words(tuning)} {words}"
    return Chapter(tuple(zip(plots, captions, strict=True)), words)


def tuning_in_words(tuning: Tuning) -> str:
    """What was trained, from where, and whether it was worth it."""
    words = parts_in_words(tuning.parts, tuning.head_weights)
    views = f" and {count(tuning.views, 'view')} of each" if tuning.views else ""
    sentence = tuning.phases.sentence
    return (
        f"Phase one is the frozen head, solved from the kept features of the pictures{views}; from "
        f"there phase two has {words}. {sentence[0].upper()}{sentence[1:]}."
    )


def _peak(history: History) -> float:
    return max(record.learning_rate or 0.0 for record in history.records)


def _rates(history: History) -> Markup:
    x = [record.epoch for record in history.records]
    y = [record.learning_rate or 0.0 for record in history.records]
    alt = f"learning rate by epoch, at each epoch's last step: up to {_peak(history):.2g}."
    frame = Frame(x_label="epoch", y_label="learning rate")
    return line_plot([Line("learning rate", x, y)], frame, name="learning-rate", alt=alt)


def _by_epoch(history: History, training: str, validation: str, label: str, name: str) -> Markup:
    lines = []
    for key, title in ((training, "training"), (validation, "validation")):
        known = [(r.epoch, v) for r in history.records if (v := getattr(r, key)) is not None]
        if known:
            x, y = zip(*known, strict=True)
            lines.append(Line(title, x, y))
    ends = [f"{line.label} from {line.y[0]:.3f} to {line.y[-1]:.3f}" for line in lines]
    alt = f"{label} by epoch: {', '.join(ends)}; epoch {history.kept_epoch} was kept."
    return line_plot(lines, Frame(x_label="epoch", y_label=label), name=name, alt=alt,
                     marked_x=float(history.kept_epoch))  # fmt: skip


def calibration(result: FitResult, known: Evidence) -> Chapter:
    """How often the likeliest class is right for each stated probability, and the errors' table."""
    temperature = result.model.temperature
    if result.folds is not None:
        raw = known.answers
        pairs = [("All pictures, out-of-fold", raw, _tempered(raw, temperature))]
    else:
        pairs = []
    pairs.append(("Test pictures", result.test_uncalibrated, result.test))
    _, before, after = pairs[0]
    first, second = expected_calibration_error(before), expected_calibration_error(after)

    lowest = min((b.low for b in (*first.bins, *second.bins) if b.count), default=0.0)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        labelled_axes(axes, "stated probability", "share that is right")
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=DASHES[2])
        _dots(axes, second, ACCENT, f"temperature {temperature:.2f}", hollow=False)
        _dots(axes, first, SECOND, "before", hollow=True)
        axes.set_xlim(lowest, UNIT[1])
        axes.set_ylim(*UNIT)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1), ncols=2, handletextpad=0.2)

    alt = (
        f"Share of right answers against stated probability, from {known.words}: expected "
        f"calibration error {number(first.error)} before and {number(second.error)} after the "
        "calibration temperature."
    )
    rows = [(title, str(len(one)), *_errors(one), *_errors(other)) for title, one, other in pairs]
    caption = (
        f"From {known.words}. Larger dots have more pictures, the thin lines are "
        "95% intervals; a dot on the dotted line is right as often as it says."
    )
    plot = svg(draw, name="calibration", alt=alt, height=320, above=26)
    words = _temperature_words(temperature, first.error, second.error)
    return Chapter(((plot, caption),), words, tuple(rows))


def _temperature_words(temperature: float, before: float | None, after: float | None) -> str:
    if temperature == 1:
        return "The calibration temperature is 1: the probabilities stay as the head gave them."
    change = "sharper" if temperature < 1 else "softer"
    return (
        f"The calibration temperature {temperature:.3f} was found on training pictures by heads "
        f"that had not learnt from them. It makes the probabilities {change} and changes no "
        f"answer; the calibration error goes from {number(before)} to {number(after)}."
    )


def _errors(answers: Predictions) -> tuple[str, str]:
    return number(expected_calibration_error(answers).error), number(brier_score(answers))


def _tempered(answers: Predictions, temperature: float) -> Predictions:
    return replace(answers, probabilities=apply_temperature(answers.probabilities, temperature))


def _dots(axes: Axes, error: CalibrationError, colour: str, label: str, hollow: bool) -> None:
    """A dot for each bin, as large as it has pictures; a hollow one shows what lies behind it."""
    largest = max(b.count for b in error.bins)
    face = "none" if hollow else colour
    for item in error.bins:
        if item.confidence is None or item.accuracy is None:
            continue
        ends = wilson(round(item.accuracy * item.count), item.count)
        if ends is not None and not hollow:
            axes.plot([item.confidence] * 2, ends, color=colour, linewidth=1.5, alpha=0.4,
                      solid_capstyle="butt")  # fmt: skip
        size = 24 + LARGEST_DOT * item.count / largest
        axes.scatter(item.confidence, item.accuracy, s=size, facecolors=face, edgecolors=colour,
                     linewidths=1.5)  # fmt: skip
    axes.scatter([], [], s=50, facecolors=face, edgecolors=colour, linewidths=1.5, label=label)


def two_class_curves(known: Evidence) -> Chapter | None:
    """ROC and precision-recall of the second class; None for more classes or a class unseen."""
    if len(known.answers.classes) != 2:
        return None
    positive = known.answers.classes[1]
    roc, recall = class_curves(known.answers, positive)
    if roc is None or recall is None:
        return None
    frame = Frame(x_label="false positive rate", y_label="true positive rate", x_limits=UNIT,
                  y_limits=UNIT, height=320)  # fmt: skip
    first = line_plot(
        [Line("ROC", roc.false_positive_rate.tolist(), roc.true_positive_rate.tolist())],
        frame, name="roc", diagonal=True,
        alt=f"ROC curve of class {positive}: area under it {roc.auc:.3f}.",
    )  # fmt: skip
    second = line_plot(
        [Line("precision", [0.0, *recall.recall.tolist()],
              [float(recall.precision[0]), *recall.precision.tolist()], steps="steps-pre")],
        replace(frame, x_label="recall", y_label="precision"), name="precision-recall",
        alt=f"Precision-recall curve of class {positive}: average precision "
        f"{recall.average_precision:.3f}, share of the class {recall.base_rate:.3f}.",
    )  # fmt: skip
    captions: tuple[str, ...] = (
        f"ROC. The area under it is {roc.auc:.3f}; the dotted line is chance.",
        f"Precision and recall. The average precision is {recall.average_precision:.3f}; "
        f"chance would give {recall.base_rate:.3f}.",
    )
    words = f"“{positive}” counts as positive. From {known.words}."
    return Chapter(((first, captions[0]), (second, captions[1])), words)
