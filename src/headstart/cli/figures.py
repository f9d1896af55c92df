"""The figures of a run as a table on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headstart.cli.show import cell, console, say, share, table

MOST_CLASSES = 20  # more rows than a screen holds


def show_fit(metrics: dict[str, Any], out: Path) -> None:
    """What `fit` prints at the end."""
    trunk = f"{metrics['backbone']} ({metrics['weights']}, {metrics['precision']})"
    counts = f"{metrics['n_train']} pictures trained, {metrics['n_test']} tested"
    say(f"{trunk}, head {metrics['head']}: {counts}")
    show_metrics(metrics["test"], metrics["folds"])
    seconds = metrics["seconds"]
    say(
        f"features {seconds['embed']:.1f} s ({metrics['pictures_embedded']} pictures through the "
        f"trunk), head {seconds['head']:.2f} s, in all {seconds['total']:.1f} s"
    )
    say(f"model: {out / 'model'}    report: {out / 'report.html'}")
    say(f"next:  headstart predict {out / 'model'} PHOTO.jpg")


def show_metrics(test: dict[str, Any], folds: dict[str, Any] | None) -> None:
    """Figures with their intervals, then the classes and the confusion matrix."""
    screen = console()
    screen.print(_figures(test, folds))
    for line in test["remarks"]:
        say(line)
    if len(test["per_class"]) <= MOST_CLASSES:
        screen.print(_classes(test))
    if len(test["classes"]) <= MOST_CLASSES // 2:
        screen.print(_confusion(test))


def _figures(test: dict[str, Any], folds: dict[str, Any] | None) -> Any:
    columns = ["", f"test ({test['n']} pictures)"]
    if folds:
        columns.append(f"{folds['count']} folds, mean ± standard error")
    shown = table(*columns)
    for name, title in (
        ("accuracy", "accuracy [95 % interval]"),
        ("balanced_accuracy", "balanced accuracy"),
        ("macro_f1", "macro F1"),
        ("log_loss", "log loss"),
    ):
        row = [
            title,
            share(test[name], test.get("accuracy_interval") if name == "accuracy" else None),
        ]
        if folds:
            row.append(mean_text(folds[f"{name}_mean"], folds[f"{name}_standard_error"]))
        shown.add_row(*row)
    shown.add_row("largest class's share", share(test["majority_share"]), *([""] if folds else []))
    return shown


def mean_text(mean: float | None, error: float | None) -> str:
    """ "0.939 ± 0.011", or what of it is defined."""
    if mean is None:
        return "undefined"
    return f"{mean:.3f}" if error is None else f"{mean:.3f} ± {error:.3f}"


def _classes(test: dict[str, Any]) -> Any:
    shown = table("class", "precision", "recall", "pictures")
    for row in test["per_class"]:
        shown.add_row(
            cell(row["name"]), share(row["precision"]), share(row["recall"]), str(row["support"])
        )
    return shown


def _confusion(test: dict[str, Any]) -> Any:
    shown = table("truth \\ answered", *[str(name) for name in test["classes"]])
    for name, row in zip(test["classes"], test["confusion_matrix"], strict=True):
        shown.add_row(cell(name), *[str(count) for count in row])
    return shown
