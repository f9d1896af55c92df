"""Two ways to give each option, for the test that finds a difference between them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

Flags = Mapping[str, str | tuple[str, ...] | None]  # None for a switch
LEAVE_OUT = "leave out"
GAP: Flags = {"--pictures": "gap.csv"}
NO_FLAGS: Flags = MappingProxyType({})


class Change(NamedTuple):
    """Two ways to give an option, beside the flags of its verb; "leave out" takes one of these.

    `look` says where they must differ: in the "results" (exit code, figures, answers, which files
    there are), in what "passes" through the backbone at once and by how many threads, in the
    "cache", in the "notes", in how large the "model"'s names are, or in the headings of the "page".
    """

    second: Flags
    first: Flags = NO_FLAGS
    both: Flags = NO_FLAGS
    source: str = "labels.csv"
    look: str = "results"


BACKBONE: Flags = {
    "--backbone": "test_resnet",
    "--random-weights": None,
    "--image-size": "32",
    "--device": "cpu",
}
IMAGES: Flags = {"--images": "images"}
EXACT: Flags = {"--folds": "0"}
STEPS: Flags = {"--epochs": "3", "--folds": "0"}
USUAL: dict[str, Flags] = {
    "fit": {**IMAGES, **BACKBONE, **EXACT},
    "check": {**IMAGES, **BACKBONE},
    "embed": {**IMAGES, **BACKBONE},
    "compare": {
        **IMAGES,
        **EXACT,
        "--image-size": "32",
        "--device": "cpu",
        "--models": "test_resnet",
        "--weights": "test_resnet=a.safetensors",
    },
    "rank": {
        **IMAGES,
        "--backbones": "test_resnet@32",
        "--weights": "test_resnet=a.safetensors",
        "--folds": "2",
        "--device": "cpu",
    },
    "evaluate": {**IMAGES, "--device": "cpu", "--out": "out"},
    "predict": {**IMAGES, "--device": "cpu", "--out": "out.csv"},
    "explain": {"--device": "cpu", "--out": "why.png"},
    "export": {**IMAGES, "--pictures": "labels.csv", "--out": "m.onnx"},
}
SCRATCH: dict[str, Flags] = {
    "fit": {
        "--recipe": "scratch",
        "--backbone": LEAVE_OUT,
        "--random-weights": LEAVE_OUT,
        "--epochs": "2",
    },
    "compare": {"--models": "small_cnn", "--weights": LEAVE_OUT, "--epochs": "2"},
}
TUNED: dict[str, Flags] = {
    "fit": {"--recipe": "fine-tune", "--epochs": "1", "--folds": LEAVE_OUT},
    "compare": {"--models": "test_resnet:fine-tune", "--epochs": "1", "--folds": LEAVE_OUT},
}


def steps(flag: str, value: str) -> dict[Any, Change]:
    """An option of the epoch loop: fit tries it on a head, compare on the small CNN."""
    return {
        ("fit", flag): Change({flag: value}, both={"--epochs": "3"}),
        ("compare", flag): Change({flag: value}, both=SCRATCH["compare"]),
    }


def small_cnn(flag: str, value: str, look: str = "results") -> dict[Any, Change]:
    """An option of the small CNN."""
    change = Change({flag: value}, look=look)
    return {(verb, flag): change._replace(both=SCRATCH[verb]) for verb in SCRATCH}


def tuned(flag: str, value: str) -> dict[Any, Change]:
    """An option of fine-tuning."""
    return {(verb, flag): Change({flag: value}, both=TUNED[verb]) for verb in TUNED}


CHANGES: dict[Any, Change] = {
    "--images": Change({"--images": "others"}),
    "--image-column": Change({"--image-column": "second"}),
    "--label-column": Change({"--label-column": "other"}),
    "--split-column": Change({"--split-column": "part"}),
    "--group-column": Change({"--group-column": "patient"}),
    "--group-pattern": Change({"--group-pattern": "p[0-9]"}),
    "--class-level": Change({"--class-level": "2"}, source="sites", both={"--images": LEAVE_OUT}),
    "--separator": Change({"--separator": ";"}),
    "--encoding": Change({"--encoding": "latin-1"}, source="latin.csv"),
    ("evaluate", "--encoding"): Change(  # its class is none of the model's
        {"--encoding": "latin-1"}, source="latin.csv", both={"--skip-bad": None}
    ),
    "--exclude": Change({"--exclude": "green"}),
    "--rename": Change({"--rename": "red=crimson"}),
    "--rename-table": Change({"--rename-table": "renames.csv"}),
    "--safe-csv": Change({"--safe-csv": None}, both={"--out": "out.csv"}),
    "--keep-examples": Change({"--keep-examples": None}, look="model"),
    ("explain", "--out"): Change({"--out": "other.png"}),
    ("explain", "--device"): Change({"--device": "cuda:99"}),
    "--class": Change({"--class": "nothing"}),
    "--method": Change({"--method": "nothing"}),
    "--skip-bad": Change({"--skip-bad": None}, source="gap.csv"),
    "--allow-outside": Change({"--allow-outside": None}, source="outside.csv"),
    "--max-pixels": Change({"--max-pixels": "100"}),
    "--memory-limit": Change({"--memory-limit": "5000"}),
    "--fixes": Change({"--fixes": "fixes.csv"}),
    "--backbone": Change({"--backbone": "test_vit"}, {"--backbone": "test_resnet"}),
    "--weights": Change(
        {"--weights": "b.safetensors"},
        {"--weights": "a.safetensors"},
        both={"--random-weights": LEAVE_OUT},
    ),
    ("compare", "--weights"): Change(
        {"--weights": "test_resnet=b.safetensors"}, {"--weights": "test_resnet=a.safetensors"}
    ),
    ("rank", "--weights"): Change(
        {"--weights": "test_resnet=b.safetensors"}, {"--weights": "test_resnet=a.safetensors"}
    ),
    "--backbones": Change({"--backbones": "test_resnet@48"}),
    "--sample": Change({"--sample": "20"}),
    "--layer": Change({"--layer": "fc6"}),
    "--image-size": Change({"--image-size": "48"}, {"--image-size": "32"}),
    "--precision": Change({"--precision": "bf16"}, {"--precision": "fp32"}),
    "--mirror": Change({"--mirror": None}),
    "--random-weights": Change(
        {"--random-weights": None},
        {"--random-weights": LEAVE_OUT},
        both={"--backbone": "tf_efficientnet_lite0"},
    ),
    "--device": Change({"--device": "cuda:99"}, {"--device": "cpu"}, both={"--no-cache": None}),
    "--runtime": Change({"--runtime": "onnxruntime"}, {"--runtime": "torch"}, look="cache"),
    "--workers": Change(
        {"--workers": "1"}, {"--workers": "3"}, both={"--no-cache": None}, look="passes"
    ),
    "--embed-batch": Change({"--embed-batch": "2"}, both={"--no-cache": None}, look="passes"),
    "--cache": Change({"--no-cache": None}, look="cache"),
    "--views": Change({"--views": "1"}),
    "--test-fraction": Change({"--test-fraction": "0.4"}),
    "--seed": Change({"--seed": "7"}),
    ("embed", "--seed"): Change({"--seed": "7"}, both={"--views": "1"}),
    "--near-duplicates": Change({"--no-near-duplicates": None}),
    "--folds": Change({"--folds": "3"}, {"--folds": LEAVE_OUT}),
    "--head": Change({"--head": "svm"}),
    "--C": Change({"--C": "0.001"}),
    "--class-weight": Change({"--class-weight": "balanced"}),
    "--recipe": Change(
        {"--recipe": "scratch"}, both={"--backbone": LEAVE_OUT, "--random-weights": LEAVE_OUT}
    ),
    **steps("--epochs", "1"),
    **steps("--learning-rate", "0.3"),
    **steps("--batch-size", "5"),
    **steps("--optimizer", "sgd"),
    **steps("--weight-decay", "0.5"),
    **steps("--label-smoothing", "0.5"),
    # The learning rates are too large, so that the last epoch is not the best.
    ("fit", "--keep"): Change({"--keep": "last"}, both={"--epochs": "3", "--learning-rate": "3"}),
    ("compare", "--keep"): Change(
        {"--keep": "last"}, both={**SCRATCH["compare"], "--learning-rate": "0.03"}
    ),
    **small_cnn("--augment", "once"),
    **tuned("--unfreeze", "norm"),
    **tuned("--layer-decay", "0.01"),
    **tuned("--batch-norm", "train"),
    "--minutes": Change(
        {"--minutes": "0.001"}, both={"--recipe": "auto", "--epochs": "1"}, look="notes"
    ),
    "--out": Change({"--out": "elsewhere"}, {"--out": LEAVE_OUT}),
    "--curve": Change({"--curve": None}, look="page"),
    "--write-fixes": Change({"--write-fixes": "doubts.csv"}),
    "--select": Change({"--select": "HS101"}),
    "--ignore": Change({"--ignore": "duplicate"}),
    "--fail-on": Change({"--fail-on": "warning"}),
    "--models": Change({"--models": "test_resnet+knn"}, {"--models": "test_resnet"}),
    "--skip-missing": Change(
        {"--skip-missing": None},
        both={
            "--models": "test_resnet,test_vit",
            "--weights": ("test_resnet=a.safetensors", "test_vit=absent.safetensors"),
        },
    ),
    "--show": Change({"--show": "sheet.png"}),
    ("export", "--out"): Change({"--out": "m.pt2"}, {"--out": "m.onnx"}),
    **{
        ("export", flag): Change({flag: value}, look="notes")
        for flag, value in (("--images", "others"), ("--image-column", "second"))
    },
    ("export", "--label-column"): Change(
        {"--label-column": "other"}, both={"--precision": "int8", "--max-drop": "0.9"}, look="notes"
    ),
    ("export", "--skip-bad"): Change({"--skip-bad": None}, {"--skip-bad": LEAVE_OUT}, both=GAP),
    "--pictures": Change({"--pictures": "others"}, both={"--images": LEAVE_OUT}, look="notes"),
    ("export", "--precision"): Change(
        {"--precision": "int8"}, {"--precision": "fp32"}, look="notes"
    ),
    "--opset": Change({"--opset": "12"}),
    "--max-drop": Change({"--max-drop": "1.5"}),
}
