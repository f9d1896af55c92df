"""The file of an export: which kinds there are, and where one may be written."""

from __future__ import annotations

from pathlib import Path

from headstart.errors import UsageError
from headstart.outputs import disk
from headstart.outputs.own_files import EXPORTED
from headstart.outputs.permission import Inputs, OutputFile

ONNX, TORCH = ".onnx", ".pt2"


def check_kind(out: Path, precision: str, *, has_pictures: bool) -> str:
    """The kind of file that a name asks for. Raises UsageError for one not to be had."""
    kind = out.suffix.lower()
    if kind not in (ONNX, TORCH):
        raise UsageError(
            f"--out is {out}; name a file that ends in {ONNX}, or in {TORCH} for a program of torch"
        )
    if precision == "int8" and kind == TORCH:
        raise UsageError(f"--precision int8 is for {ONNX} files, and --out is {out}")
    if precision == "int8" and not has_pictures:
        raise UsageError(
            "--precision int8 is calibrated with pictures; name some with --pictures, best the "
            "table or folder that the model was fitted on"
        )
    return kind


def exported_output(out: Path, inputs: Inputs) -> OutputFile:
    """The file, asked for before anything is read. Raises UsageError."""
    return OutputFile(out, "--out", EXPORTED, inputs)


def write_exported(content: bytes, output: OutputFile) -> None:
    """Write the file, whole or not at all. Raises OSError."""
    with output.writing() as new, disk.create(new) as file:
        file.write(content)
