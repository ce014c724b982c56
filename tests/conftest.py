"""What a run prints: progress while it collects, what tests measured, and of a failure what can be read.

`report(line)` notes a line for the end of a run, passed or not.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Generator

import pytest

from sandbox import launchers
from tests.support.failures import readable

pytest_plugins = ["tests.support.tiers"]

_PROGRESS = 2.0  # seconds between two lines while tests are collected
_LINES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Notes a line for the end of the run."""
    return pytestconfig.stash.setdefault(_LINES, []).append


class _Collecting:
    """Says every few seconds what is being collected: with workers, that is silent otherwise."""

    def __init__(self) -> None:
        self._said, self._files = time.monotonic(), 0

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        if not isinstance(collector, pytest.Module):
            return
        self._files += 1
        if time.monotonic() - self._said > _PROGRESS:
            self._said = time.monotonic()
            print(f"collecting: {self._files} files, now {collector.nodeid}", file=sys.__stderr__, flush=True)


def pytest_configure(config: pytest.Config) -> None:
    # A shell starts `make test &` of a script with SIGINT ignored, and so would every program that a test starts and ends.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0" and not getattr(config.option, "numprocesses", None):
        config.pluginmanager.register(_Collecting(), "progress-of-collecting")


def pytest_report_header() -> list[str]:
    """Which plugins are official, where somebody asks for such."""
    folders = launchers.asked_for()
    return [f"plugins: {line}" for line in str(launchers.split(folders)).splitlines()] if folders else []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Of a failure only what somebody reads: what the CLI printed can be thousands of lines."""
    report = yield
    if report.failed and item.config.get_verbosity() < 2:
        report.longrepr = readable(report.longreprtext)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if lines := config.stash.get(_LINES, []):
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(line)
