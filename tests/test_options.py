"""Every option has a rule, which is asked before anything is read; what is not used is refused."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args

import pytest

from headstart.compare.model_spec import parse_models
from headstart.errors import UsageError
from headstart.options import (
    BackboneOptions,
    EmbedOptions,
    FitOptions,
    HeadOptions,
    LoopOptions,
    ReadOptions,
    RecipeOptions,
    SplitOptions,
    as_json,
)
from headstart.options.checks import check_comparison, check_fit, check_options, refuse_for_tables
from headstart.options.definition import ANY_MODEL, Way, rule_for
from headstart.options.every_option import all_options, in_rooms, options_of


def test_every_option_is_there_once_and_its_default_is_allowed() -> None:
    names = [item.name for room in fields(FitOptions) for item in fields(room.default_factory)]  # type: ignore[arg-type]
    assert len(names) == len(set(names)) == len(all_options())
    check_options(FitOptions())
    for option in all_options().values():
        assert option.rule.holds(option.default), option.name
        assert not option.rule.holds(object()), option.name
        assert option.facts.help.endswith("."), option.name
        assert option.facts.verbs, option.name


def test_a_type_without_a_rule_is_told_by_the_first_use() -> None:
    with pytest.raises(KeyError):
        rule_for(bytes, None)


WRONG: list[tuple[Any, str]] = [
    (SplitOptions(seed=2**32), "--seed is 4294967296; it must be a whole number from 0 to"),
    (SplitOptions(seed=-1), "--seed is -1"),
    (SplitOptions(seed=1.5), "--seed is 1.5"),  # type: ignore[arg-type]
    (SplitOptions(folds=True), "--folds is True; it must be 0 for none, or a whole number from 2"),
    (SplitOptions(folds=1), "--folds is 1"),
    (SplitOptions(test_fraction=float("nan")), "--test-fraction is nan"),
    (SplitOptions(test_fraction=1.0), "--test-fraction is 1.0; it must be a number above 0 and"),
    (SplitOptions(near_duplicates=1), "--near-duplicates is 1; it must be True or False"),  # type: ignore[arg-type]
    (HeadOptions(head="tree"), "--head is 'tree'; it must be linear, svm, knn or mlp"),  # type: ignore[arg-type]
    (HeadOptions(head=["svm"]), "--head is ['svm']"),  # type: ignore[arg-type]
    (HeadOptions(C=0.0), "--C is 0.0; it must be a number above 0 and finite"),
    (HeadOptions(C=-2.0), "--C is -2.0"),
    (HeadOptions(C=float("nan")), "--C is nan"),
    (HeadOptions(C=float("inf")), "--C is inf"),
    (HeadOptions(class_weight=None), "--class-weight is None; it must be none or balanced"),  # type: ignore[arg-type]
    (LoopOptions(keep="first"), "--keep is 'first'; it must be best or last"),  # type: ignore[arg-type]
    (BackboneOptions(image_size=5000), "--image-size is 5000"),
    (BackboneOptions(image_size=(224, 224)), "--image-size is (224, 224)"),  # type: ignore[arg-type]
    (BackboneOptions(backbone=None), "--backbone is None; it must be a text"),  # type: ignore[arg-type]
    (BackboneOptions(backbone=" "), "--backbone is ' '"),
    (BackboneOptions(weights="w.pth"), "--weights is 'w.pth'; it must be a path"),  # type: ignore[arg-type]
    (BackboneOptions(precision="fp16"), "--precision is 'fp16'; it must be auto, fp32 or bf16"),  # type: ignore[arg-type]
    (ReadOptions(max_pixels=0), "--max-pixels is 0"),
    (ReadOptions(separator="::"), "--separator is '::'; it must be one character"),
    (ReadOptions(separator='"'), "--separator is '\"'"),
    (ReadOptions(encoding="nonsense"), "--encoding is 'nonsense'; it must be the name of an"),
    (ReadOptions(encoding="base64"), "--encoding is 'base64'"),
    (ReadOptions(exclude=("a", "")), "--exclude is ('a', ''); it must be texts that are not"),
    (ReadOptions(exclude="owl"), "--exclude is 'owl'"),  # type: ignore[arg-type]
    (EmbedOptions(workers=0), "--workers is 0; it must be a whole number from 1 to 1024"),
    (EmbedOptions(device="gpu"), "--device is 'gpu'; it must be auto, cpu, cuda, cuda:N or mps"),
    (EmbedOptions(embed_batch=-2), "--embed-batch is -2"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_a_wrong_value_is_named_with_what_is_allowed(options: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_options(options)
    assert str(caught.value).startswith(message)


def test_values_at_the_edges_are_allowed() -> None:
    check_options(SplitOptions(seed=2**32 - 1, folds=0), LoopOptions(epochs=1))
    check_options(SplitOptions(folds=2, test_fraction=1e-9), EmbedOptions(device="cuda:11"))
    for mark in (";", "\t", "tab", r"\t", " "):
        check_options(ReadOptions(separator=mark))


@pytest.mark.parametrize(
    ("rows", "classes", "folds", "expected"),
    [
        (4_999, 2, None, 10),
        (5_000, 2, None, 0),
        (5_000, 2, 10, 10),
        (100, 2, 0, 0),
        (9_999_999, 2, 3, 3),
        (1_200, 300, None, 10),
        (3_000, 1_000, None, 5),
        (3_000, 1_000, 10, 10),
    ],
)
def test_folds_that_are_asked_for_are_made(
    rows: int, classes: int, folds: int | None, expected: int
) -> None:
    assert SplitOptions(folds=folds).folds_for(rows, classes) == expected


def test_options_that_exclude_each_other() -> None:
    with pytest.raises(UsageError, match=r"--weights x.pth and --random-weights exclude each oth"):
        check_options(BackboneOptions(random_weights=True, weights=Path("x.pth")))
    given = in_rooms({"split_column": "part", "test_fraction": 0.2})
    with pytest.raises(UsageError, match=r"--test-fraction 0.2 and --split-column part exclude"):
        check_options(given)


# For each option that some ways of making a model do not use: another value than its default.
UNUSED: dict[str, Any] = {
    "backbone": "resnet18", "weights": Path("w.pth"), "layer": "fc7", "random_weights": True,
    "mirror": True,
    "precision": "fp32", "device": "cuda", "runtime": "openvino",
    "views": 2, "folds": 5, "head": "svm", "C": 2.0,
    "epochs": 3, "learning_rate": 0.1, "batch_size": 8, "optimizer": "sgd", "weight_decay": 0.1,
    "label_smoothing": 0.1, "keep": "best", "augment": "none",
    "unfreeze": "all", "layer_decay": 0.5, "batch_norm": "train", "minutes": 1.0,
}  # fmt: skip
MADE: dict[Way, dict[str, Any]] = {
    **{way: {"head": way} for way in get_args(Way)[:4]},
    "epochs": {"epochs": 5},
    "scratch": {"recipe": "scratch"},
    "fine-tune": {"recipe": "fine-tune"},
    "auto": {"recipe": "auto"},
}


def test_the_table_of_unused_options_is_whole() -> None:
    partly = {name for name, option in all_options().items() if option.facts.use != ANY_MODEL}
    assert partly == set(UNUSED)


@pytest.mark.parametrize("way", MADE)
@pytest.mark.parametrize("name", sorted(set(UNUSED) - {"head", "epochs"}))
def test_what_a_way_does_not_use_is_refused(name: str, way: Way) -> None:
    use = all_options()[name].facts.use
    options = in_rooms({**MADE[way], name: UNUSED[name]})
    if way in use.ways:
        check_fit(options, options.recipe.recipe)
        return
    with pytest.raises(UsageError) as caught:
        check_fit(options, options.recipe.recipe)
    assert f"is for {use.words}, and here " in str(caught.value)


def test_epochs_are_for_the_linear_head_and_the_small_cnn() -> None:
    for values in ({"epochs": 5}, {"epochs": 5, "recipe": "scratch"}):
        options = in_rooms(values)
        check_fit(options, options.recipe.recipe)
    for head in ("svm", "knn", "mlp"):
        with pytest.raises(UsageError, match=f"--head {head} is for .*, and here --epochs trains"):
            check_fit(in_rooms({"epochs": 5, "head": head}), "frozen")


def test_what_training_from_scratch_does_anyway_may_be_asked_for() -> None:
    check_fit(
        in_rooms({"device": "cpu", "runtime": "torch", "folds": 0, "recipe": "scratch"}), "scratch"
    )
    check_fit(FitOptions(backbone=BackboneOptions(image_size=64)), "scratch")
    with pytest.raises(UsageError, match="--image-size is 30; it must be a multiple of 4 for the"):
        check_fit(FitOptions(backbone=BackboneOptions(image_size=30)), "scratch")
    check_fit(FitOptions(backbone=BackboneOptions(image_size=30)), "frozen")


def test_a_comparison_uses_what_one_of_its_models_uses() -> None:
    steps = FitOptions(loop=LoopOptions(epochs=3, augment="once"))
    views = FitOptions(embed=EmbedOptions(views=2))
    check_comparison(steps, has_small_cnn=True, has_backbone=False)
    check_comparison(views, has_small_cnn=False, has_backbone=True)
    with pytest.raises(UsageError, match=r"--epochs 3 is for .*, and --models names no small_cnn"):
        check_comparison(steps, has_small_cnn=False, has_backbone=True)
    with pytest.raises(UsageError, match=r"--views 2 is for .*, and --models names no pretrained"):
        check_comparison(views, has_small_cnn=True, has_backbone=False)


def test_a_backbones_record_in_a_comparison_has_no_epochs() -> None:
    backbone, cnn = parse_models("resnet18,small_cnn")
    base = FitOptions(loop=LoopOptions(epochs=3, learning_rate=0.1))
    assert backbone.options(base, {}).loop == LoopOptions()
    assert cnn.options(base, {}).loop == replace(base.loop, augment="each-epoch")


def test_options_for_tables_without_a_table() -> None:
    refuse_for_tables(ReadOptions(max_pixels=5, exclude=("a",)), "this is a folder")
    with pytest.raises(UsageError, match="--images x is for tables, and this is a folder"):
        refuse_for_tables(ReadOptions(images=Path("x")), "this is a folder")


def test_the_recipes_check_by_themselves(tmp_path: Path) -> None:
    from headstart.compare.comparison import compare
    from headstart.recipes.fit import fit

    wrong, absent = FitOptions(split=SplitOptions(seed=-1)), tmp_path / "no.csv"
    for recipe in (RecipeOptions(), RecipeOptions(recipe="scratch")):
        with pytest.raises(UsageError, match="--seed is -1"):
            fit(absent, replace(wrong, recipe=recipe))
    with pytest.raises(UsageError, match="--seed is -1"):
        compare(absent, parse_models("small_cnn"), wrong, weights={})


def test_what_makes_no_model_is_not_recorded() -> None:
    assert "serve" not in as_json(FitOptions())
    assert "read" in as_json(FitOptions())
    assert as_json(FitOptions().serve)["port"] == 8000


def test_options_by_name_come_into_their_rooms() -> None:
    made = in_rooms({"seed": 5, "recipe": "scratch", "exclude": ("a",)})
    assert made == FitOptions(
        split=SplitOptions(seed=5),
        recipe=RecipeOptions(recipe="scratch"),
        read=ReadOptions(exclude=("a",)),
    )
    with pytest.raises(KeyError):
        in_rooms({"nothing": 1})
    fitting = [
        name for name, option in all_options().items() if option.room not in ("serve", "export")
    ]
    assert [option.name for option in options_of("fit")] == fitting
    assert options_of("cache") == ()


def test_options_as_json_are_plain() -> None:
    plain = as_json(FitOptions(read=ReadOptions(images=Path("a"), exclude=("b",))))
    assert plain["read"]["images"] == "a"
    assert plain["read"]["exclude"] == ["b"]
    assert not any(is_dataclass(value) for value in plain.values())
    with pytest.raises(TypeError, match="not an options object"):
        as_json({"a": 1})
