from typing import Any

import pytest

from headstart.errors import UsageError
from headstart.heads.catalogue import HEADS, make_head, restore_head
from headstart.heads.knn import KnnHead
from headstart.heads.linear import LinearHead
from headstart.heads.mlp import MlpHead
from headstart.heads.svm import SvmHead
from headstart.options import HeadOptions


def test_names() -> None:
    assert list(HEADS) == ["linear", "svm", "knn", "mlp"]
    assert all(head.name == name for name, head in HEADS.items())


@pytest.mark.parametrize(
    ("name", "kind"),
    [("linear", LinearHead), ("svm", SvmHead), ("knn", KnnHead), ("mlp", MlpHead)],
)
def test_default_options(name: Any, kind: Any) -> None:
    head: Any = make_head(HeadOptions(head=name), seed=7)
    assert type(head) is kind
    assert head.random_state == 7
    assert head.class_weight is None


@pytest.mark.parametrize("name", HEADS)
def test_balanced(name: Any) -> None:
    head: Any = make_head(HeadOptions(head=name, class_weight="balanced"), seed=7)
    assert head.class_weight == "balanced"


@pytest.mark.parametrize(("name", "kind"), [("linear", LinearHead), ("svm", SvmHead)])
def test_c(name: Any, kind: Any) -> None:
    head = make_head(HeadOptions(head=name, C=0.25), seed=7)
    assert isinstance(head, kind)
    assert head.C == 0.25


def test_unknown_head() -> None:
    with pytest.raises(UsageError, match="no head 'tree'; the heads are linear, svm, knn, mlp"):
        restore_head("tree", {}, ["a", "b"])
