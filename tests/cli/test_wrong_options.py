"""Wrong use is told before any data is read: flag, value, what is allowed, what to do; code 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.program import run

from headstart.cli.refusals import OLD_NAMES

WHOLE = "a whole number from"
VALUES = [
    ("fit", "--seed", "-1", f"{WHOLE} 0 to 4294967295"),
    ("fit", "--seed", "4294967296", f"{WHOLE} 0 to 4294967295"),
    ("fit", "--seed", "abc", f"{WHOLE} 0 to 4294967295"),
    ("check", "--seed", "-1", f"{WHOLE} 0 to 4294967295"),
    ("compare", "--seed", "99999999999999999999", f"{WHOLE} 0 to 4294967295"),
    ("fit", "--workers", "0", f"{WHOLE} 1 to"),
    ("fit", "--workers", "-1", f"{WHOLE} 1 to"),
    ("embed", "--embed-batch", "0", f"{WHOLE} 1"),
    ("embed", "--embed-batch", "-2", f"{WHOLE} 1"),
    ("fit", "--views", "-1", f"{WHOLE} 0"),
    ("fit", "--image-size", "0", f"{WHOLE} 1 to 4096"),
    ("compare", "--image-size", "-5", f"{WHOLE} 1 to 4096"),
    ("check", "--image-size", "100000", f"{WHOLE} 1 to 4096"),
    ("embed", "--max-pixels", "0", f"{WHOLE} 1"),
    ("check", "--max-pixels", "-1", f"{WHOLE} 1"),
    ("fit", "--folds", "-1", f"0 for none, or {WHOLE} 2"),
    ("fit", "--folds", "2.5", f"0 for none, or {WHOLE} 2"),
    ("compare", "--folds", "1", f"0 for none, or {WHOLE} 2"),
    ("fit", "--test-fraction", "nan", "above 0 and below 1"),
    ("check", "--test-fraction", "0", "above 0 and below 1"),
    ("compare", "--test-fraction", "1", "above 0 and below 1"),
    ("fit", "--C", "0", "above 0"),
    ("fit", "--C", "-1", "above 0"),
    ("fit", "--C", "nan", "above 0"),
    ("fit", "--C", "inf", "above 0"),
    ("fit", "--C", "one", "above 0"),
    ("compare", "--memory-limit", "0", f"{WHOLE} 1"),
    ("fit", "--learning-rate", "nan", "above 0"),
    ("fit", "--learning-rate", "inf", "above 0"),
    ("compare", "--weight-decay", "inf", "from 0 and finite"),
    ("compare", "--label-smoothing", "nan", "from 0 to below 1"),
    ("compare", "--batch-size", "0", f"{WHOLE} 1"),
    ("compare", "--epochs", "-3", f"{WHOLE} 1"),
    ("fit", "--head", "magic", "linear, svm, knn or mlp"),
    ("embed", "--device", "gpu", "auto, cpu, cuda, cuda:N or mps"),
    ("embed", "--separator", "::", "one character"),
    ("check", "--encoding", "nonsense", "the name of an encoding"),
]


@pytest.mark.parametrize(("verb", "flag", "value", "allowed"), VALUES)
def test_a_wrong_value_is_told_before_the_data(
    verb: str, flag: str, value: str, allowed: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The table is not there: had it been looked for first, the code would be 1."""
    out = tmp_path / "out"
    assert run(verb, tmp_path / "no.csv", flag, value, "--out", out) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {flag} is ")
    assert value.rstrip("0").rstrip(".") in told
    assert "; it must be " in told
    assert allowed in told
    assert not out.exists()


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
@pytest.mark.parametrize(
    ("flag", "value"), [("--workers", "0"), ("--embed-batch", "-2"), ("--max-pixels", "0")]
)
def test_a_models_verbs_look_at_their_numbers_first(
    verb: str, flag: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(verb, tmp_path / "no", tmp_path / "no.csv", flag, value) == 2
    assert f"{flag} is {value}" in capsys.readouterr().err


UNUSED = [
    ("fit --learning-rate 0.01", "--learning-rate 0.01 is for gradient steps: a head by --epochs"),
    ("fit --keep best", "--keep best is for gradient steps"),
    ("fit --augment once --epochs 3", "--augment once is for the small CNN"),
    ("fit --recipe scratch --random-weights", "--random-weights is for a head on a pretrained"),
    ("fit --recipe scratch --head svm", "--head svm is for a head that is solved exactly"),
    ("fit --recipe scratch --folds 5", "--folds 5 is for a head on a pretrained backbone"),
    ("fit --recipe scratch --device cuda", "--device cuda is for a head on a pretrained backbone"),
    ("fit --recipe scratch --curve", "--curve is for a head on a pretrained backbone"),
    ("fit --recipe scratch --image-size 30", "--image-size is 30; it must be a multiple of 4"),
    ("fit --head knn --C 1", "--C 1.0 is for the heads linear and svm, and here the head knn"),
    ("fit --head svm --epochs 5", "--head svm is for a head that is solved exactly, and here"),
    ("fit --C 1 --epochs 5", "--C 1.0 is for the heads linear and svm, and here --epochs trains"),
    ("fit --weights w --random-weights", "--weights w and --random-weights exclude each other"),
    ("fit --split-column s --test-fraction 0.2", "exclude each other; leave one of them out"),
    ("compare --models resnet18 --epochs 3", "--epochs 3 is for gradient steps"),
    ("compare --models a+svm --augment once", "--augment once is for the small CNN"),
    ("compare --models small_cnn --views 1", "--models names no pretrained backbone"),
    ("compare --models small_cnn --image-size 30", "it must be a multiple of 4 for the small CNN"),
]


@pytest.mark.parametrize(("line", "message"), UNUSED)
def test_what_would_be_dropped_is_refused_before_the_data(
    line: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    verb, *flags = line.split()
    assert run(verb, "no.csv", *flags) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["fit", "compare"])
def test_a_share_to_test_where_folders_give_the_split(
    verb: str, pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for number, path in enumerate(pictures):
        part, name = ("test", "train")[number % 2], ("red", "blue")[number > 5]
        folder = tmp_path / "parts" / part / name
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / path.name)
    models = ["--models", "small_cnn"] if verb == "compare" else []
    assert run(verb, tmp_path / "parts", "--test-fraction", "0.4", *models) == 2
    told = capsys.readouterr().err
    assert "error: --test-fraction is 0.4, and the folders of " in told
    assert "give the split; leave it out" in told


LINES = [
    ("fit", "fit needs SOURCE: Table with names and labels"),
    ("predict model", "predict needs SOURCES: Pictures, folders, or tables"),
    ("fit x --C", "--C needs a value; it must be a number above 0 and finite"),
    ("fit x --out", "--out needs a value"),
    ("fit x --backbon resnet18", "fit has no option --backbon (did you mean --backbone?). See"),
    ("fit x --no-such", "fit has no option --no-such"),
    ("predict m a.jpg --views 3", "predict has no option --views; it is one of fit, compare"),
    ("evaluate m x --test-fraction 0.2", "it is one of fit, compare, check"),
    ("fit x --seed 1 --seed 2", "--seed is given more than once; give it once"),
    ("fit x y z", "fit has no use for 'y', 'z'; leave it out, or put a name that has blanks"),
    (
        "compare x --models tf_efficientnet_lite0 vgg16",
        "'vgg16'; leave it out, or put a name that has blanks between quotes; what --models names "
        "is separated by commas",
    ),
    ("fit x --skip-bad no", "fit has no use for 'no'"),
    ("backbones nosuch", "backbones has no use for 'nosuch'; leave it out. See headstart backb"),
    (
        "nothing",
        "there is no verb 'nothing'; the verbs are demo, check, fit, compare, rank",
    ),
    ("fitt x", "there is no verb 'fitt' (did you mean fit?)"),
    ("predict m -photo.jpg", "-photo.jpg is taken for an option, since it begins with a dash"),
    ("predict m -photo.jpg", "write ./-photo.jpg"),
]


@pytest.mark.parametrize(("line", "message"), LINES)
def test_a_command_that_cannot_be_understood(
    line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*line.split()) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert message in told.err
    assert told.err.count("\n") == 1


def test_a_file_that_begins_with_a_dash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("-x", "--labels"):
        (tmp_path / name).mkdir()
        assert run("fit", name) == 2
        assert f"since it begins with a dash; write ./{name}" in capsys.readouterr().err
        for way in ([f"./{name}"], ["--", name]):
            assert run("fit", *way) == 1
            assert f"{name}: no picture in it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["predict", "run/model", ""], "after 'predict run/model'"),
        (["predict", "run/model", "a.jpg", "--out", ""], "after 'predict run/model a.jpg --out'"),
        (["fit", "x.csv", "--images="], "in '--images='"),
        (["fit", ""], "after 'fit'"),
    ],
)
def test_an_empty_word_is_refused(
    words: list[str], where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: a word of the command is empty, {where};")
    assert "Leave it out, or say what is meant" in told


def test_old_names_of_flags_still_work(capsys: pytest.CaptureFixture[str]) -> None:
    for old, new in OLD_NAMES.items():
        for words in ([old, "-1"], [f"{old}=-1"]):
            assert run("fit", "no.csv", *words) == 2
            assert f"error: {new} is " in capsys.readouterr().err
        assert run("fit", "--help") == 0
        shown = capsys.readouterr().out
        assert new in shown
        assert f"{old} " not in shown
