"""How a model is exported."""

from __future__ import annotations

from dataclasses import dataclass

from headstart.options.definition import EXPORT, number, option, whole

LEAST_OPSET = 18  # of ONNX: torch's exporter writes the operators as they are from there on


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """The operators of the file, and what whole numbers of eight bits may cost."""

    opset: int = option(LEAST_OPSET, EXPORT, "Version of ONNX's operators.", rule=whole(1))
    max_drop: float = option(
        0.01,
        EXPORT,
        "Largest loss of accuracy (of agreement with fp32, without labels) by --precision int8.",
        rule=number("from 0 to below 1", lambda value: 0 <= value < 1),
    )
