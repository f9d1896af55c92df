"""A ranking of tiny networks, its rounds, and what it recommends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from tests.program import run
from tests.small_set import write_small_set

from headstart.errors import UsageError, WeightsError
from headstart.options import EmbedOptions, FitOptions, ReadOptions, SplitOptions
from headstart.rank import ranking as module
from headstart.rank.candidate import Candidate, parse_candidates
from headstart.rank.ranking import Standing, rank, round_sizes, stratified_order
from headstart.rank.recommendation import recommend


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("place")
    write_small_set(root)
    torch.manual_seed(3)
    save_file(timm.create_model("test_efficientnet").state_dict(), root / "e.safetensors")
    return root


def asked(place: Path) -> FitOptions:
    return FitOptions(
        read=ReadOptions(images=place / "images", label_column="label"),
        embed=EmbedOptions(cache=False, device="cpu"),
        split=SplitOptions(folds=3),
    )


def test_each_beginning_of_the_order_has_the_classes_shares() -> None:
    labels = ["a"] * 60 + ["b"] * 30 + ["c"] * 10
    order = stratified_order(labels, 13)
    assert sorted(order.tolist()) == list(range(100))
    for size in (10, 20, 50):
        drawn = [labels[row] for row in order[:size]]
        for label, share in (("a", 0.6), ("b", 0.3), ("c", 0.1)):
            assert abs(drawn.count(label) - share * size) <= 1
    assert not np.array_equal(order, stratified_order(labels, 14))


def test_rounds_double_from_a_quarter_where_there_is_enough() -> None:
    assert round_sizes(500, 4) == [125, 250, 500]
    assert round_sizes(345, 4) == [172, 345]
    assert round_sizes(500, 2) == [500]
    assert round_sizes(150, 9) == [150]


def test_candidates_get_their_figures(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RATE_SECONDS", 0.01)
    weights = {"test_resnet": place / "a.safetensors", "test_efficientnet": place / "e.safetensors"}
    candidates = parse_candidates(
        "test_resnet@32,test_efficientnet@32,test_resnet@32+test_efficientnet@40,resnet50",
        mirror=True,
    )
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = rank(
        place / "labels.csv",
        [one for one in candidates if one.backbone != "resnet50" or one.mirror],
        asked(place),
        sample=20,
        weights={**weights, "resnet50": place / "absent.safetensors"},
    )
    assert found.rounds == (20,)
    *run_ones, absent = found.standings
    assert (absent.candidate, absent.rows, absent.accuracy) == ("resnet50 mirrored", 0, None)
    assert "absent.safetensors is not there" in str(absent.missing)
    assert [one.accuracy for one in run_ones] == sorted(
        (one.accuracy or 0 for one in run_ones), reverse=True
    )
    for one in run_ones:
        assert one.accuracy is not None and one.interval is not None
        assert one.interval[0] <= one.accuracy <= one.interval[1]
        assert one.rows == 20 and one.bytes == 4 * (one.parameters or 0)
        assert one.pictures_per_second and np.isfinite(one.log_evidence or np.nan)
    both = next(one for one in run_ones if "+" in one.candidate)
    alone = [one for one in run_ones if one.candidate in ("test_resnet@32", "test_efficientnet@32")]
    assert both.feature_size == sum(one.feature_size or 0 for one in alone)
    assert both.pictures_per_second
    assert any(one.may_be_best for one in run_ones) and any(one.on_front for one in run_ones)


def test_one_that_is_surely_worse_leaves_early(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third candidate's answers are turned round in the first round."""
    monkeypatch.setattr(module, "LEAST_SAMPLE", 6)
    monkeypatch.setattr(module, "measured_rate", lambda _: 10.0)
    whole = module._Round.candidates

    def judged(self: module._Round, rounds: int) -> dict[Candidate, bool]:
        stays = whole(self, rounds)
        return {one: stays[one] and one.backbone != "test_resnet@40" for one in stays}

    monkeypatch.setattr(module._Round, "candidates", judged)
    found = rank(
        place / "labels.csv",
        parse_candidates("test_resnet@32,test_resnet@36,test_resnet@40"),
        asked(place),
        sample=26,
        weights={"test_resnet": place / "a.safetensors"},
    )
    assert found.rounds == (6, 13, 26)
    last = found.standings[-1]
    assert (last.candidate, last.dropped, last.rows) == ("test_resnet@40", True, 6)
    assert found.saved_seconds == pytest.approx((26 - 6) / 10.0)
    assert not last.on_front and not last.may_be_best


def test_nothing_that_can_be_opened_is_refused(place: Path) -> None:
    with pytest.raises(WeightsError, match="no candidate's weights are here"):
        rank(
            place / "labels.csv",
            parse_candidates("test_resnet"),
            asked(place),
            sample=20,
            weights={"test_resnet": place / "absent.pth"},
        )
    with pytest.raises(UsageError, match="--folds is 0; a ranking needs folds"):
        rank(
            place / "labels.csv",
            parse_candidates("test_resnet@32"),
            replace(asked(place), split=SplitOptions(folds=0)),
            sample=20,
            weights={"test_resnet": place / "a.safetensors"},
        )


def standing(name: str, accuracy: float, rate: float, *, open_one: bool = True) -> Standing:
    return Standing(
        name, 500, accuracy, (0.8, 1.0), standard_error=0.02, pictures_per_second=rate,
        may_be_best=open_one,
    )  # fmt: skip


def test_the_recommendation() -> None:
    slow, middle, fast = (
        standing("slow", 0.96, 10.0),
        standing("middle", 0.95, 40.0),
        standing("fast", 0.93, 90.0),
    )
    worse = standing("worse", 0.80, 400.0, open_one=False)
    gone = replace(standing("gone", 0.99, 999.0), dropped=True)
    assert recommend([slow, middle, fast, worse, gone]) == (slow, fast, middle)
    assert recommend([slow]) == (slow, slow, slow)


def test_the_program_writes_a_page(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RATE_SECONDS", 0.01)
    ask = ["rank", place / "labels.csv", "--images", place / "images", "--label-column", "label",
           "--weights", f"test_resnet={place / 'a.safetensors'}", "--folds", "2", "--no-cache",
           "--device", "cpu", "--out", tmp_path / "rank"]  # fmt: skip
    assert run(*ask, "--backbones", "test_resnet@32,test_resnet@48") == 0
    shown = capsys.readouterr().out
    assert "best: test_resnet@" in shown and "balanced" in shown
    content = json.loads((tmp_path / "rank" / "ranking.json").read_text())
    assert {row["candidate"] for row in content["rows"]} == {"test_resnet@32", "test_resnet@48"}
    page = (tmp_path / "rank" / "report.html").read_text()
    assert "test_resnet" in page and "<svg" in page
    assert run(*ask, "--backbones", "test_resnet@32", "--sample", "1") == 2
    assert "--sample is 1" in capsys.readouterr().err
