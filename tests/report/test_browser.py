"""The pages in a real browser: quiet, alone, readable at a phone's width, by day and by night."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.page_checks import BROKEN, CONTRAST, NAMELESS, UNSHOWN, WIDTH, requests, show

from headstart.audit.findings import Audit
from headstart.recipes.frozen import FitResult
from headstart.report.check_page import write_check
from headstart.report.comparison_page import write_comparison
from headstart.report.model_differences import SameRows
from headstart.report.run_folder import run_metrics
from headstart.report.run_page import write_report

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser


@pytest.fixture
def pages(
    fit: Callable[..., FitResult],
    comparison_rows: list[dict[str, Any]],
    found: Audit,
    tmp_path: Path,
) -> list[Path]:
    result = fit(epochs=3)
    Path(result.data.table.images[0].name).unlink()
    report, comparison = tmp_path / "report.html", tmp_path / "comparison.html"
    write_report(result, run_metrics(result), report, title="A run " + "w" * 90)
    write_comparison(comparison_rows, comparison, title="Models", sentences=["One.", "Two."],
                     record=result.record.to_json())  # fmt: skip
    check = tmp_path / "check.html"
    Path(found.table.images[1].name).unlink()
    write_check(found, check, title="A check", record=result.record.to_json())
    return [report, comparison, check]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_in_a_browser(browser: Chrome, pages: list[Path], width: int, scheme: str) -> None:
    papers = []
    for page in pages:
        show(browser, page, width, scheme)
        assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]
        assert requests(browser) == [page.as_uri()]
        assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
        assert browser.execute_script(NAMELESS) == 0
        assert browser.execute_script(UNSHOWN) == 0
        assert browser.execute_script(WIDTH) <= width
        ratio, where = browser.execute_script(CONTRAST)
        assert ratio >= 4.5, where
        paper = "return getComputedStyle(document.body).backgroundColor"
        papers.append(browser.execute_script(paper))
    assert set(papers) == {"rgb(252, 252, 250)" if scheme == "light" else "rgb(20, 23, 28)"}


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_long_names_break_no_number_and_widen_no_page(
    browser: Chrome,
    fit: Callable[..., FitResult],
    comparison_rows: list[dict[str, Any]],
    found: Audit,
    tmp_path: Path,
    width: int,
) -> None:
    classes = ("not_an_emergency_vehicle_of_any_kind_at_all", "消防车和救护车以及警车的照片",
               "سيارة إسعاف أو إطفاء أو شرطة", "w" * 40)  # fmt: skip
    result = fit(classes)
    run, check = tmp_path / "report.html", tmp_path / "check.html"
    write_report(result, run_metrics(result), run, title="A run")
    new = dict(zip(sorted(set(found.table.labels or ())), classes, strict=False))
    labels = tuple(new[label] for label in found.table.labels or ())
    ids = tuple(f"{name}_IMG_20240131_照片_صورة_edited.png" for name in found.table.ids)
    doubts = tuple(
        replace(doubt, suggested=new.get(doubt.suggested or "")) for doubt in found.doubts
    )
    long = replace(found, table=replace(found.table, ids=ids, labels=labels), doubts=doubts)
    write_check(long, check, title="A check", record=result.record.to_json())
    answers = [result.folds.predictions if result.folds else result.test]
    same = SameRows(("a_model_with_a_name_of_40_letters:fc7+svm", "b"), (answers[0],) * 2,
                    result.data.table.images, "pictures")  # fmt: skip
    comparison = tmp_path / "comparison.html"
    rows = [{**row, "model": "a_model_with_a_name_of_40_letters"} for row in comparison_rows]
    write_comparison(rows, comparison, title="Models", sentences=[], record={}, same=same)
    for page in (run, check, comparison):
        show(browser, page, width, "light")
        assert browser.execute_script(WIDTH) <= width, page.name
        assert browser.execute_script(BROKEN) == []


def test_the_checks_of_this_file_can_fail(browser: Chrome, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<!doctype html><title>x</title><body style='background:#fff'><img src='none.png'>"
        "<p style='width:900px;color:#aaa'>wide</p><b style='display:block;width:1em;"
        "overflow-wrap:anywhere'>0.98</b><script>nothing()</script>"
    )
    show(browser, bad, 390, "light")
    assert len(requests(browser)) == 2
    assert browser.get_log("browser") != []  # type: ignore[no-untyped-call]
    assert browser.execute_script(NAMELESS) == 1
    assert browser.execute_script(UNSHOWN) == 1
    assert browser.execute_script(WIDTH) > 390
    assert len(browser.execute_script(BROKEN)) == 1
    assert browser.execute_script(CONTRAST)[0] < 4.5
