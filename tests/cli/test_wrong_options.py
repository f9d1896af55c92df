"""Wrong options are told before any data is read; what a path does not use is never dropped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.program import run

from headstart.errors import UsageError
from headstart.option_rules import RULES, check_comparison, check_fit, check_options
from headstart.options import (
    BackboneOptions,
    EmbedOptions,
    FitOptions,
    HeadOptions,
    LoopOptions,
    ReadOptions,
    RecipeOptions,
    SplitOptions,
)

WRONG = [
    ("fit", "--seed", "-1", "from 0 to 4294967295"),
    ("fit", "--seed", "4294967296", "from 0 to 4294967295"),
    ("check", "--seed", "-1", "from 0 to 4294967295"),
    ("compare", "--seed", "99999999999999999999", "from 0 to 4294967295"),
    ("fit", "--workers", "0", "from 1 to"),
    ("fit", "--workers", "-1", "from 1 to"),
    ("embed", "--embed-batch", "0", "from 1"),
    ("embed", "--embed-batch", "-2", "from 1"),
    ("fit", "--views", "-1", "0 for none"),
    ("fit", "--image-size", "0", "from 1 to 4096"),
    ("compare", "--image-size", "-5", "from 1 to 4096"),
    ("check", "--image-size", "100000", "from 1 to 4096"),
    ("embed", "--max-pixels", "0", "from 1"),
    ("check", "--max-pixels", "-1", "from 1"),
    ("fit", "--folds", "-1", "0 for none, or a whole number from 2"),
    ("compare", "--folds", "1", "0 for none, or a whole number from 2"),
    ("fit", "--test-fraction", "nan", "above 0 and below 1"),
    ("check", "--test-fraction", "0", "above 0 and below 1"),
    ("compare", "--test-fraction", "1", "above 0 and below 1"),
    ("fit", "--C", "0", "above 0"),
    ("fit", "--C", "-1", "above 0"),
    ("fit", "--C", "nan", "above 0"),
    ("fit", "--C", "inf", "above 0"),
    ("fit", "--memory-limit", "-1", "0 or more"),
    ("fit", "--learning-rate", "nan", "above 0"),
    ("fit", "--learning-rate", "inf", "above 0"),
    ("compare", "--weight-decay", "inf", "0 or more"),
    ("compare", "--label-smoothing", "nan", "from 0 to below 1"),
    ("compare", "--batch-size", "0", "1 or more"),
    ("compare", "--epochs", "-3", "1 or more"),
]


@pytest.mark.parametrize(("verb", "flag", "value", "allowed"), WRONG)
def test_a_number_out_of_range_is_told_before_the_data(
    verb: str, flag: str, value: str, allowed: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The table is not there: had it been looked for first, the code would be 1."""
    out = tmp_path / "out"
    assert run(verb, tmp_path / "no.csv", flag, value, "--out", out) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {flag} is ")
    assert "; it must be " in told
    assert allowed in told
    assert not out.exists()


@pytest.mark.parametrize(
    ("flag", "value"), [("--workers", "0"), ("--embed-batch", "-2"), ("--max-pixels", "0")]
)
def test_evaluate_looks_at_its_numbers_first(
    flag: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("evaluate", tmp_path / "no", tmp_path / "no.csv", flag, value) == 2
    assert f"{flag} is {value}" in capsys.readouterr().err


def test_every_number_has_a_rule() -> None:
    """A new option with a number cannot be forgotten."""
    from dataclasses import fields
    from typing import get_type_hints

    numbers = set()
    for room in fields(FitOptions):
        kind = get_type_hints(FitOptions)[room.name]
        for name, hint in get_type_hints(kind).items():
            if hint in (int, float, int | None, float | None):
                numbers.add(name)
    assert numbers == set(RULES)
    check_options(FitOptions())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SplitOptions(seed=2**32), "--seed is 4294967296; it must be a whole number from 0 to"),
        (SplitOptions(seed=1.5), "--seed is 1.5"),  # type: ignore[arg-type]
        (SplitOptions(folds=True), "--folds is True"),
        (HeadOptions(head="tree"), "--head is 'tree'; it must be linear, svm, knn or mlp"),  # type: ignore[arg-type]
        (LoopOptions(keep="first"), "--keep is 'first'; it must be best or last"),  # type: ignore[arg-type]
        (BackboneOptions(image_size=5000), "--image-size is 5000"),
        (ReadOptions(max_pixels=0), "--max-pixels is 0"),
        (EmbedOptions(workers=0), "--workers is 0"),
    ],
)
def test_values_from_python(options: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_options(options)
    assert message in str(caught.value)
    check_options(SplitOptions(seed=2**32 - 1, folds=0), SplitOptions(folds=2), LoopOptions())


def test_the_recipes_check_by_themselves(tmp_path: Path) -> None:
    from headstart.compare.comparison import compare
    from headstart.compare.model_spec import parse_models
    from headstart.recipes.fit import fit

    wrong, absent = FitOptions(split=SplitOptions(seed=-1)), tmp_path / "no.csv"
    for recipe in (RecipeOptions(), RecipeOptions(recipe="scratch")):
        with pytest.raises(UsageError, match="--seed is -1"):
            fit(absent, replace(wrong, recipe=recipe))
    with pytest.raises(UsageError, match="--seed is -1"):
        compare(absent, parse_models("small_cnn"), wrong, weights={})


UNUSED = [
    (["--learning-rate", "0.01"], "--learning-rate 0.01: is for gradient steps; add --epochs"),
    (["--optimizer", "sgd"], "--optimizer sgd: is for gradient steps"),
    (["--keep", "best"], "--keep best: is for gradient steps"),
    (["--label-smoothing", "0.1"], "--label-smoothing 0.1: is for gradient steps"),
    (["--batch-size", "8"], "--batch-size 8: is for gradient steps"),
    (["--weight-decay", "0.1"], "--weight-decay 0.1: is for gradient steps"),
    (["--augment", "once"], "--augment once: is for --recipe scratch"),
    (["--augment", "once", "--epochs", "3"], "--augment once: is for --recipe scratch"),
    (["--memory-limit", "5", "--epochs", "3"], "--memory-limit 5: is for --recipe scratch"),
    (["--recipe", "scratch", "--backbone", "resnet18"], "--backbone resnet18: is for a pretrained"),
    (["--recipe", "scratch", "--weights", "w.pth"], "--weights w.pth: is for a pretrained"),
    (["--recipe", "scratch", "--layer", "fc7"], "--layer fc7: is for a pretrained"),
    (["--recipe", "scratch", "--random-weights"], "--random-weights: is for a pretrained"),
    (["--recipe", "scratch", "--precision", "fp32"], "--precision fp32: is for a pretrained"),
    (["--recipe", "scratch", "--C", "2"], "--C 2.0: is for an exact head"),
    (["--recipe", "scratch", "--head", "svm"], "--head svm: is fitted on a backbone's features"),
    (["--recipe", "scratch", "--views", "2"], "--views 2: is for kept features"),
    (["--recipe", "scratch", "--folds", "5"], "--folds 5: cannot be"),
    (["--recipe", "scratch", "--device", "cuda"], "--device cuda: is for a backbone"),
]


@pytest.mark.parametrize(("arguments", "message"), UNUSED)
def test_fit_refuses_what_it_would_drop(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("fit", tmp_path / "no.csv", *arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "resnet18", "--epochs", "3"], "--epochs 3: is for small_cnn"),
        (["--models", "a+svm", "--augment", "once"], "--augment once: is for small_cnn"),
        (["--models", "small_cnn", "--precision", "fp32"], "--precision fp32: is for pretrained"),
        (["--models", "small_cnn", "--views", "1"], "--views 1: is for pretrained backbones"),
    ],
)
def test_compare_refuses_what_no_model_uses(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "c"
    assert run("compare", tmp_path / "no.csv", *arguments, "--out", out) == 2
    assert message in capsys.readouterr().err


def test_what_is_used_is_allowed() -> None:
    steps = LoopOptions(epochs=3, learning_rate=0.1, batch_size=4, keep="last")
    check_fit(FitOptions(loop=steps), "frozen")
    check_fit(FitOptions(head=HeadOptions(C=2.0)), "frozen")
    network = LoopOptions(learning_rate=0.1, augment="once", memory_limit=0)
    scratch = FitOptions(
        loop=network,
        backbone=BackboneOptions(image_size=64),
        embed=EmbedOptions(device="cpu"),
        split=SplitOptions(folds=0),
        head=HeadOptions(class_weight="balanced"),
    )
    check_fit(scratch, "scratch")
    check_comparison(scratch, has_small_cnn=True, has_backbone=False)
    views = FitOptions(embed=EmbedOptions(views=2), loop=network)
    check_comparison(views, has_small_cnn=True, has_backbone=True)


def test_a_backbones_record_in_a_comparison_has_no_epochs() -> None:
    from headstart.compare.model_spec import parse_models

    backbone, cnn = parse_models("resnet18,small_cnn")
    base = FitOptions(loop=LoopOptions(epochs=3, learning_rate=0.1))
    assert backbone.options(base, {}).loop == LoopOptions()
    assert cnn.options(base, {}).loop == base.loop
