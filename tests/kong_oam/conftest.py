"""The commands, for the tests of all folders."""

from __future__ import annotations

import pytest

from tests.support.cli import Cli
from tests.support.streams import Capsys


@pytest.fixture
def cli(capsys: Capsys) -> Cli:
    """Run a command, and return its output."""
    return Cli(capsys)
