"""The commands, for the tests of all folders."""

from __future__ import annotations

import pytest

from tests.support.cli import Cli


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command, and return its output."""
    return Cli(capsys)
