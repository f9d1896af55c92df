"""The page of a comparison."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from headstart.report.comparison import model_name, write_comparison


def test_every_model_has_its_figures_and_a_missing_one_its_reason(
    comparison_rows: list[dict[str, Any]], read_page: Callable[[Path], Any], tmp_path: Path
) -> None:
    write_comparison(
        comparison_rows,
        tmp_path / "report.html",
        title="Three <models>",
        sentences=[
            "a<b> against tf_lite0: no: 165 test pictures cannot tell 0.952 from 0.921.",
            "vgg16 was not run: no weights",
        ],
        record={"seed": 13, "notes": ["a <note>"], "seconds": {"total": 200.0}},
    )
    page = read_page(tmp_path / "report.html")
    for words in ("Three <models>", "a<b> against tf_lite0", "0.998", "best",
                  "2 models learnt from the same pictures", "1 model could not be run",
                  "a <note>", "3 min 20 s",
                  "a<b>:fc7+svm", "−0.031", "[-0.080, 0.020]", "< 0.001", "0.27",
                  "13.5 MB", "3,400,000", "246",
                  "0.910 ± 0.020", "vgg16 was not run: no weights <here>"):  # fmt: skip
        assert words in page.text, words
    assert "the best here" not in page.text
    assert page.text.count("cannot tell 0.952 from 0.921") == 1
    assert page.text.count("vgg16 was not run") == 1
    drawing, cost = page.of("svg")
    assert cost["aria-label"] == (
        "Accuracy against seconds: tf_lite0 0.952 in 3.43 s; a<b>:fc7+svm 0.921 in 3.43 s."
    )
    assert (
        "tf_lite0 0.952 [0.908, 0.975]; a<b>:fc7+svm 0.921 [0.870, 0.950]" in drawing["aria-label"]
    )


def test_with_nothing_run_the_page_still_says_why(
    comparison_rows: list[dict[str, Any]], read_page: Callable[[Path], Any], tmp_path: Path
) -> None:
    write_comparison(comparison_rows[2:], tmp_path / "r.html", title="t", sentences=[], record={})
    page = read_page(tmp_path / "r.html")
    assert "no weights <here>" in page.text
    assert not page.of("svg")


def test_a_model_is_named_as_the_command_takes_it() -> None:
    assert model_name({"model": "vgg16", "layer": "pooled", "head": "linear"}) == "vgg16"
    assert model_name({"model": "vgg16", "layer": "fc7", "head": "svm"}) == "vgg16:fc7+svm"
    assert model_name({"model": "vgg16:fc7+svm", "layer": "fc7", "head": "svm"}) == "vgg16:fc7+svm"
    assert model_name({"model": "small_cnn", "layer": None, "head": None}) == "small_cnn"
