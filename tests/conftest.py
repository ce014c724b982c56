"""The output of a run: the tests' measurements, and the readable part of each failure.

`report(line)` adds a line to the end of a run, passed or not.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator

import pytest

from sandbox import launchers
from tests.support.failures import readable

pytest_plugins = ["tests.support.tiers"]

_LINES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Add a line to the end of the run."""
    return pytestconfig.stash.setdefault(_LINES, []).append


def pytest_configure() -> None:
    # A shell starts a script's `make test &` with SIGINT ignored; the tests' child processes would
    # inherit this.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Users' shells do not set it; it hides output that is lost in a buffer.
    os.environ.pop("PYTHONUNBUFFERED", None)


def pytest_report_header() -> list[str]:
    """Return which plugins are official, if the run asks for them."""
    folders = launchers.asked_for()
    return (
        [
            f"plugins: {line}"
            for line in str(launchers.split(folders)).splitlines()
        ]
        if folders
        else []
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shorten a failure: the CLI's output in it can have thousands of lines."""
    report = yield
    if report.failed and item.config.get_verbosity() < 2:
        report.longrepr = readable(report.longreprtext)
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if lines := config.stash.get(_LINES, []):
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(line)
