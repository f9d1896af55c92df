"""The linear head and the SVM against scikit-learn: seconds, memory, the value of the objective.

    python benchmarks/solver.py [--limit 300] [--times 10] [--cases 345x1280x2,2000x1280x20]

Both get the same rows and folds, the same values of C, and the same limit on BLAS's threads.
scikit-learn's path of C ends where headstart's ended, which favours scikit-learn: it cannot leave
the path by itself. It standardises once, as headstart does, and chooses C on the same rows (10,000
at most). For the linear head it is LogisticRegressionCV by neg_log_loss with its own tolerance,
once on the standardised rows and once on headstart's principal axes of them ("axes"). For the SVM
it is GridSearchCV over LinearSVC by accuracy, then CalibratedClassifierCV (Platt's sigmoid).

Each fit has a process of its own. Seconds are the processor's, of all threads together, which other
programs disturb less than the clock's. A fit that needs more than the limit, or more than ten times
what headstart needed (and ten seconds), is ended: all that is known then is that the ratio is at
least that. The objective is compared at one C, the one that headstart chose: C * sum of losses +
0.5 * ||W||^2 on standardised features.

Drawn features resemble the pooled activations of a network: class means in a space of at most 256
hidden directions, with noise there (so that columns are correlated, with a spectrum that falls) and
a little noise in each column, through log(1 + exp(x)), so that they are positive and skewed.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import GridSearchCV
from sklearn.svm import LinearSVC

from headstart.arrays import FloatArray, IntArray
from headstart.heads.blas_threads import threads_for
from headstart.heads.head import TrainingRows
from headstart.heads.linear import LinearHead
from headstart.heads.solver.choice_of_c import folds_for_choice
from headstart.heads.solver.losses import log_loss
from headstart.heads.solver.principal_axes import axis_scores
from headstart.heads.standardisation import column_scale, standardised
from headstart.heads.svm import SquaredHinge, SvmHead

CASES = ("345x1280x2", "2000x1280x20", "10000x512x100", "100000x1280x10")
WAYS = {"linear": ("headstart", "scikit-learn", "axes"), "svm": ("headstart", "scikit-learn")}
SEED = 13

Features = npt.NDArray[Any]
Splits = list[tuple[IntArray, IntArray]]


@dataclass(frozen=True)
class Job:
    """One fit: with C chosen along `path` (None: headstart's own), or with a given C."""

    head: str
    way: str
    rows: str
    C: float | None = None
    path: list[float] | None = None


def main() -> None:
    """Print a line for each case, head, task and way."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--limit", type=float, default=300.0, help="processor seconds for one fit")
    parser.add_argument(
        "--times", type=float, default=10.0, help="headstart's own seconds, or 10 s"
    )
    parser.add_argument("--cases", default=",".join(CASES), help="rows x columns x classes")
    parser.add_argument("--heads", default="linear,svm")
    parser.add_argument("--ways", default="headstart,scikit-learn,axes")
    parser.add_argument("--C", type=float, help="measure with this C given only")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        work(Job(**json.loads(given.job)), given.limit)
        return
    print("| rows x columns x classes | head | task | way | CPU s | MB | C | objective, excess "
          "| times headstart's seconds |")  # fmt: skip
    print("| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for case in given.cases.split(","):
        n, d, k = (int(number) for number in case.split("x"))
        with tempfile.NamedTemporaryFile(suffix=".npz") as file:
            X, codes = drawn(n, d, k)
            np.savez(file.name, X=X, codes=codes)
            del X
            for head in given.heads.split(","):
                ways = [way for way in WAYS[head] if way in given.ways.split(",")]
                job = Job(head, "headstart", file.name, given.C)
                compare(job, case, ways, given.limit, given.times)


def compare(own_job: Job, case: str, ways: list[str], limit: float, times: float) -> None:
    """Time these ways on one set of rows, first with C chosen, then with that C given.

    Only the second is done when the job gives C.
    """
    own = run(own_job, limit)
    path, C = (own["path"], own["C"]) if own else (None, own_job.C)
    for task in ("C chosen", "C given") if own_job.C is None else ("C given",):
        ours = own if task == "C chosen" or own_job.C else run(replace(own_job, C=C), limit)
        patience = min(limit, max(10.0, times * ours["seconds"])) if ours else limit
        for way in ways:
            found = ours
            if way != "headstart":
                given = C if task == "C given" else None
                found = run(replace(own_job, way=way, C=given, path=path), patience)
            cells = [case, own_job.head, task, way, *measured(found, ours, patience)]
            print("| " + " | ".join(cells) + " |", flush=True)


def measured(found: Any, ours: Any, limit: float) -> list[str]:
    """What a way took beside what headstart took."""
    if found is None:
        least = f"more than {limit / ours['seconds']:.1f}" if ours else "–"
        return [f"not finished in {limit:.0f} s", "–", "–", "–", least]
    excess, ratio = "–", "–"
    if ours:
        ratio = f"{found['seconds'] / ours['seconds']:.1f}"
        if found["C"] == ours["C"]:
            excess = f"{found['objective'] / ours['objective'] - 1:.1e}"
    megabytes = f"{found['megabytes']:.0f}"
    return [f"{found['seconds']:.2f}", megabytes, f"{found['C']:.2g}", excess, ratio]


def run(job: Job, limit: float) -> Any:
    """The measurements of a job in its own process, or None when it takes longer than `limit`."""
    command = [sys.executable, __file__, "--job", json.dumps(job.__dict__), "--limit", str(limit)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if ended.returncode == -signal.SIGXCPU:
        return None
    if ended.returncode:
        raise SystemExit(f"{job} ended with {ended.returncode}")
    return json.loads(ended.stdout)


def work(job: Job, limit: float) -> None:
    """Do a job and print what was measured; past the limit the system ends this process."""
    stored = np.load(job.rows)
    X, codes = stored["X"], stored["codes"]
    fit = {"linear": fit_linear, "svm": fit_svm}[job.head]
    if job.way == "headstart":
        fit = fit_headstart
    before = resident()
    began = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(began + limit) + 1, resource.RLIM_INFINITY))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's on its own defaults
        C, path, weights, intercepts = fit(job, X, codes)
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    value = objective(job.head, X, codes, C, weights, intercepts)
    print(json.dumps({"seconds": seconds, "megabytes": peak, "C": C, "path": path,
                      "objective": value}))  # fmt: skip


Found = tuple[float, Any, FloatArray, FloatArray]
Fit = Callable[[Job, Features, IntArray], Found]


def fit_headstart(job: Job, X: Features, codes: IntArray) -> Found:
    """C, the path that was walked, weights (o, d) on the standardised features, intercepts (o,)."""
    kind = LinearHead if job.head == "linear" else SvmHead
    head = kind(C=job.C, random_state=SEED).fit(X, codes)
    weights, intercepts = head.fitted_.coef, head.fitted_.intercept
    if job.head == "linear" and len(weights) == 2:
        weights, intercepts = weights[1:] - weights[:1], intercepts[1:] - intercepts[:1]
    return head.C_, head.tried_[:, 0].tolist(), weights, intercepts


def prepared(X: Features, codes: IntArray) -> tuple[Features, IntArray, Splits]:
    """Standardised rows, those that choose C, and their folds: as headstart has them."""
    k = int(codes.max()) + 1
    rows = TrainingRows(X, codes, np.arange(k), np.ones(len(codes)), None)
    part, folds = folds_for_choice(rows, np.random.RandomState(SEED))
    splits = [
        (np.flatnonzero(folds != fold), np.flatnonzero(folds == fold))
        for fold in range(int(folds.max()) + 1)
    ]
    return standardised(X, *column_scale(X)), part, splits


def fit_linear(job: Job, X: Features, codes: IntArray) -> Found:
    """As `fit_headstart`, by LogisticRegressionCV."""
    k = int(codes.max()) + 1
    with threads_for(X.size, k):
        rows, part, splits = prepared(X, codes)
        axes = axis_scores(rows) if job.way == "axes" else None
        if axes:
            rows = axes.rows[:, :-1]
        C = job.C
        if C is None:
            search = LogisticRegressionCV(
                Cs=job.path, cv=splits, scoring="neg_log_loss", max_iter=1000, refit=False
            )
            scores = search.fit(rows[part], codes[part]).scores_
            if isinstance(scores, dict):  # by class, the same for each
                scores = next(iter(scores.values()))
            C = float(np.asarray(job.path)[np.reshape(scores, (len(splits), -1)).mean(0).argmax()])
        final = LogisticRegression(C=C, max_iter=1000).fit(rows, codes)
        weights = axes.on_features(final.coef_) if axes else final.coef_
    return C, job.path, weights, final.intercept_


def fit_svm(job: Job, X: Features, codes: IntArray) -> Found:
    """As `fit_headstart`, by LinearSVC. Its intercept is penalised; the scale makes that small."""
    k = int(codes.max()) + 1
    with threads_for(X.size, k):
        rows, part, splits = prepared(X, codes)
        machine = LinearSVC(dual="auto", intercept_scaling=10.0, max_iter=10_000)
        C = job.C
        if C is None:
            search = GridSearchCV(machine, {"C": job.path}, cv=splits, refit=False)
            C = float(search.fit(rows[part], codes[part]).best_params_["C"])
        machine.set_params(C=C)
        calibrated = CalibratedClassifierCV(machine, cv=splits, ensemble=False)
        calibrated.fit(rows[part], codes[part])
        final = calibrated.calibrated_classifiers_[0].estimator
        if len(part) < len(rows):
            final = machine.fit(rows, codes)
    return C, job.path, final.coef_, final.intercept_


def objective(
    head: str,
    X: Features,
    codes: IntArray,
    C: float,
    weights: FloatArray,
    intercepts: FloatArray,
) -> float:
    """C * sum of losses + 0.5 * ||W||^2 of weights on the standardised features."""
    loss_of = log_loss if head == "linear" else SquaredHinge
    mean, scale = column_scale(X)
    total = 0.5 * float((weights**2).sum())
    for start in range(0, len(X), 8192):
        rows = (X[start : start + 8192] - mean) / scale
        loss = loss_of(codes[start : start + 8192], int(codes.max()) + 1)
        total += C * float(loss((rows @ weights.T + intercepts).T[None].copy())[0].sum())
    return total


def resident() -> float:
    """MB of this process now; the highest so far where the system does not say."""
    status = Path("/proc/self/status")
    if status.is_file():
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts anew
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmRSS"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def drawn(n: int, d: int, k: int) -> tuple[Features, IntArray]:
    """Features (n, d) in float32 and classes (n,), equally frequent."""
    rng = np.random.default_rng(SEED)
    q = min(d // 4, 256)
    mixing = rng.normal(size=(q, d)) / np.sqrt(np.arange(1, q + 1))[:, None]
    mixing /= np.sqrt((mixing**2).sum(axis=0).mean())
    means = rng.normal(size=(k, q)) * 0.5
    level = rng.normal(-0.5, 0.5, d)
    codes = rng.permutation(np.arange(n) % k)
    X = np.empty((n, d), dtype=np.float32)
    for start in range(0, n, 4096):
        some = codes[start : start + 4096]
        hidden = means[some] + 3 * rng.normal(size=(len(some), q))
        activity = hidden @ mixing + level + 0.5 * rng.normal(size=(len(some), d))
        X[start : start + 4096] = np.logaddexp(0.0, 2 * activity)
    return X, codes


if __name__ == "__main__":
    main()
