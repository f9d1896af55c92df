"""Labels that are probably wrong, by what a model says that has not learnt from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.arrays import FloatArray, IntArray
from headstart.evaluate.predictions import Predictions


@dataclass(frozen=True)
class WrongLabel:
    """One row whose label is in doubt.

    Attributes:
        row: its place in the predictions.
        image: its name.
        given: the label it has.
        likelier: the class that the model finds likelier.
        p_given, p_likelier: probabilities of both.
        score: how well the label fits, 0 (surely wrong) to 1 (surely right): see `label_scores`.
    """

    row: int
    image: str
    given: str
    likelier: str
    p_given: float
    p_likelier: float
    score: float


def find_wrong_labels(predictions: Predictions) -> tuple[WrongLabel, ...]:
    """Rows whose labels are probably wrong, the surest first.

    Confident learning: a class's threshold is the mean probability of its own rows; from the rows
    that pass another class's threshold it is estimated how many labels of each class are wrong,
    and so many are taken, the least fitting ones. Northcutt, Jiang and Chuang, Confident learning:
    estimating uncertainty in dataset labels, JAIR 70 (2021), as the library cleanlab does it.

    Args:
        predictions: out-of-fold answers with the given labels as `truth`; rows without an answer
            and rows of other classes are passed over.

    Raises:
        ValueError: the predictions have no labels.
    """
    rows, given, other = _given_and_other(predictions)
    numbers, labels = np.unique(given, return_inverse=True)
    if len(numbers) < 2 or len(predictions.classes) < 2:
        return ()
    shares, scores = predictions.probabilities, label_scores(predictions)
    # Every class must be among the labels; the others' share goes to those that are there.
    among = shares[np.ix_(rows, numbers)]
    among = among / np.maximum(among.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    found = [
        WrongLabel(
            row=int(rows[i]),
            image=predictions.images[rows[i]],
            given=predictions.classes[given[i]],
            likelier=predictions.classes[other[i]],
            p_given=float(shares[rows[i], given[i]]),
            p_likelier=float(shares[rows[i], other[i]]),
            score=float(scores[rows[i]]),
        )
        for i in _issues(labels, among)
    ]
    return tuple(sorted(found, key=lambda item: (item.score, item.row)))


def label_scores(predictions: Predictions) -> FloatArray:
    """How well each label fits, (n,): NaN where there is no answer or the class is unknown.

    (1 + p(given) - p(best other class)) / 2, the normalised margin of the paper above: below 0.5
    another class is likelier.
    """
    scores = np.full(len(predictions), np.nan)
    rows, given, other = _given_and_other(predictions)
    shares = predictions.probabilities
    scores[rows] = (1 + shares[rows, given] - shares[rows, other]) / 2
    return scores


def _issues(labels: IntArray, probabilities: FloatArray) -> IntArray:
    """Places of the labels in doubt among n labels 0 to k - 1, with (n, k) probabilities."""
    from cleanlab.filter import find_label_issues

    found = find_label_issues(
        labels,
        probabilities,
        filter_by="prune_by_noise_rate",
        return_indices_ranked_by="normalized_margin",
        n_jobs=1,
    )
    return np.asarray(found, dtype=np.int64)


def likeliest_others(predictions: Predictions) -> tuple[IntArray, IntArray]:
    """Rows that can be judged, and for each the likeliest class but its label, (m,) each."""
    rows, _, other = _given_and_other(predictions)
    return rows, other


def _given_and_other(predictions: Predictions) -> tuple[IntArray, IntArray, IntArray]:
    """Rows that can be judged, the classes of their labels, and the likeliest others, (m,) each."""
    rows = np.flatnonzero(predictions.scorable)
    given = predictions.truth_index[rows]
    others = predictions.probabilities[rows]
    others[np.arange(len(rows)), given] = -1.0
    return rows, given, others.argmax(axis=1)
