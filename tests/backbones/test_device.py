"""Which device computes; one that is not here is an error."""

from __future__ import annotations

import pytest

from headstart.backbones import device
from headstart.errors import UsageError


def test_absent_device_is_an_error_that_names_those_here() -> None:
    with pytest.raises(UsageError, match=r"'cuda:9' is not on this machine; here are: cpu"):
        device.choose_device("cuda:9")
    assert device.choose_device("cpu") == "cpu"
