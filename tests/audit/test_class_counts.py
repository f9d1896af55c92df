"""Counts in words."""

from __future__ import annotations

import pytest

from headstart.audit.class_counts import describe_counts


def test_counts_that_are_fine() -> None:
    found = describe_counts({"a": 500, "b": 700})
    assert (found.n_test, found.small, found.balance) == (120, (), "")
    assert found.class_sentences == ()
    assert found.ratio == 1.4
    assert found.sentences[0].startswith("A model with 120 of 120 test pictures right")


def test_small_and_unequal_classes() -> None:
    found = describe_counts({"a": 900, "b": 12, "c": 1})
    assert found.n_test == 91  # 90, 1 and none
    assert found.small == ("b", "c")
    assert "Class 'c' has no test picture" in found.class_sentences[1]
    assert "'b' (12), 'c' (1)" in found.class_sentences[-1]
    assert "900.0 for one" in found.balance
    assert "right for 98.6%" in found.balance  # 900 / 913
    assert "--class-weight balanced" in found.balance


def test_given_test_counts_and_wrong_ones() -> None:
    assert describe_counts({"a": 50, "b": 50}, test_counts={"a": 20, "b": 20}).n_test == 40
    with pytest.raises(ValueError, match="one picture or more"):
        describe_counts({})
    with pytest.raises(ValueError, match="one picture or more"):
        describe_counts({"a": 5, "b": 0})
