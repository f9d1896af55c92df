"""What is no whole file of this program is refused in words, before any runtime sees it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from headstart.errors import HeadstartError, ModelFolderError
from headstart.export.exported_model import load_exported
from headstart.export.onnx_file import LARGEST, PREFIX, read_onnx, sealed

Change = Callable[[onnx.ModelProto], None]


def changed(file: Path, to: Path, change: Change, *, seal: bool = True) -> Path:
    """A copy that was changed, and whose digest fits again, as a forger would have it."""
    made = onnx.load(file)
    change(made)
    if seal:
        kept = [item for item in made.metadata_props if item.key != f"{PREFIX}digest"]
        del made.metadata_props[:]
        made.metadata_props.extend(kept)
        with suppress(ValueError):  # what is refused before its digest is looked at
            digest = sealed(made.SerializeToString())
            made.metadata_props.add(key=f"{PREFIX}digest", value=digest)
    to.write_bytes(made.SerializeToString())
    return to


def test_a_whole_file_is_read(exported: Path) -> None:
    file = read_onnx(exported)
    assert file.note("classes") == ["cat, small", "dög", "owl"]
    assert file.content == exported.read_bytes()


def external(made: onnx.ModelProto) -> None:
    tensor = made.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def in_a_branch(made: onnx.ModelProto) -> None:
    branch = next(node for node in made.graph.node if node.op_type == "If").attribute[0].g
    tensor = branch.initializer[0]
    tensor.external_data.add(key="location", value="../secret")


def loop(made: onnx.ModelProto) -> None:
    made.graph.node.add(op_type="Loop", name="forever")


def other_operators(made: onnx.ModelProto) -> None:
    made.graph.node.add(op_type="Shell", domain="evil", name="run")


def sparse(made: onnx.ModelProto) -> None:
    made.graph.sparse_initializer.add()


def functions(made: onnx.ModelProto) -> None:
    made.functions.add(name="Conv", domain="own")


def note(name: str, value: str) -> Change:
    def change(made: onnx.ModelProto) -> None:
        item = next(item for item in made.metadata_props if item.key == f"{PREFIX}{name}")
        item.value = value

    return change


def other_graph(made: onnx.ModelProto) -> None:
    made.graph.output.pop(0)


def unknown_operator(made: onnx.ModelProto) -> None:
    made.graph.node.add(op_type="NoSuchThing", input=["image"], output=["no"], name="no")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (external, "takes data from other files"),
        (in_a_branch, "takes data from other files"),
        (loop, "operator Loop, which may run for ever"),
        (other_operators, "operators of 'evil'"),
        (sparse, "sparse tensors"),
        (functions, "operators of its own"),
        (note("format", "7"), "format '7', this program reads format 1"),
        (note("classes", "[1, 2]"), "classes are"),
        (note("classes", "[" * 5000), "damaged"),
        (note("label_type", '"date"'), "label_type is 'date'"),
        (note("preprocessing", "{}"), "damaged"),
        (note("backbone", "3"), "damaged"),
        (note("preprocessing", '{"size": 1000000000, "resize": 1000000000, "crop": "center", '
              '"interpolation": "bicubic", "mean": [0, 0, 0], "std": [1, 1, 1]}'), "damaged"),
        (other_graph, "not that of a classifier|cannot be run"),
        (unknown_operator, "cannot be run by onnxruntime"),
    ],
)  # fmt: skip
def test_a_forged_file_is_refused(
    change: Change, message: str, exported: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelFolderError, match=message):
        load_exported(changed(exported, tmp_path / "m.onnx", change))


def test_a_changed_file_is_damaged(exported: Path, tmp_path: Path) -> None:
    for change in (note("classes", '["a", "b", "c"]'), lambda made: made.graph.node.pop()):
        with pytest.raises(ModelFolderError, match="not as it was exported"):
            read_onnx(changed(exported, tmp_path / "m.onnx", change, seal=False))


def test_another_programs_file_is_told(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value], [result])
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(ModelFolderError, match="but none of this program; make one with"):
        read_onnx(tmp_path / "m.onnx")


@pytest.mark.parametrize("content", [b"", b"\x08", b"no model at all", b"\0" * 100, b"PK"])
def test_what_is_no_such_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ModelFolderError, match=r"m\.onnx is no ONNX file|none of this program"):
        read_onnx(tmp_path / "m.onnx")


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "zero.onnx").symlink_to("/dev/zero")
    (tmp_path / "loop.onnx").symlink_to("loop.onnx")
    (tmp_path / "folder.onnx").mkdir()
    with (tmp_path / "huge.onnx").open("wb") as file:
        file.truncate(LARGEST + 1)
    for name, message in (
        ("pipe", "not a regular file"),
        ("zero", "not a regular file"),
        ("loop", "link to itself"),
        ("gone", "not found"),
        ("a\0b", "not found"),
        ("folder", "cannot be read"),
        ("huge", "a model at most"),
    ):
        with pytest.raises(ModelFolderError, match=message):
            read_onnx(tmp_path / f"{name}.onnx")


def test_a_cut_or_flipped_file_gives_a_stated_error(exported: Path, tmp_path: Path) -> None:
    whole = exported.read_bytes()
    rng = np.random.default_rng(0)
    file = tmp_path / "m.onnx"
    for _ in range(150):
        content = bytearray(whole)
        if rng.random() < 0.3:
            content = content[: int(rng.integers(len(whole)))]
        for place in rng.integers(0, max(1, len(content)), 3):
            if content:
                content[int(place)] ^= int(rng.integers(1, 256))
        file.write_bytes(bytes(content))
        with pytest.raises(HeadstartError):  # the digest is over all that matters
            load_exported(file)
