"""Choose the tests of a run: three tiers by marker, slices of the deep tests, and tests that a
change touches.

`make test-fast` (`-m "not engine and not deep"`) starts no engine (see `guard`). `make test` (`-m
"not deep"`) tests each feature once on the real engine. `make test-all` runs all tests, with
Hypothesis's profile `full`.

`--slice K/N` keeps the tests of the K-th of N parts; a test's name decides its part permanently.
`--touched REVISION` keeps the tests whose file, or a module that it imports, has changed since
then. `--until` skips each test that has not begun by a moment. A pytest plugin.
"""

from __future__ import annotations

import subprocess
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import is_hypothesis_test, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from sandbox import toolchain
from tests.support.repository import ROOT

_PACKAGES = (
    "kong_oam",
    "components",
    "policies",
    "sandbox",
    "benchmarks",
    "tests",
)
TOGETHER = (
    "tests/kong_oam/kong/test_gate_means_decide.py",  # the last test counts the questions of the others
    "tests/kong_oam/kong/test_gate_addresses.py",  # the same
    "tests/engine/test_entra_changes.py",
    "tests/engine/test_entra_deployed.py",
    "tests/engine/test_existing_issuer.py",
    "tests/engine/test_partitions_called.py",
    "tests/engine/test_two_providers.py",
    "tests/kong_oam/metrics/test_with_prometheus.py",  # one Prometheus
    "tests/keycloak/",  # one server, and one estate that its tests change in turn
    "tests/live/",  # one gateway
    "tests/official/",  # one API server, and one estate on it
)
"""Files and folders whose tests share an expensive setup, or depend on each other."""
ENGINE = (
    "tests/engine/",
    "tests/faults/",
    "tests/keycloak/",
    "tests/live/",
    "tests/official/",
)
WITHOUT_ENGINE = (
    "tests/faults/test_fault_client_certificate.py",
    "tests/faults/test_fault_input.py",
)
"""Folders whose tests have the mark `engine`, and their files without it."""
FULL, QUICK = 100, 20
"""The unit of `examples`: hundredths of the number that a test names."""

settings.register_profile("full", max_examples=FULL)
settings.register_profile("fresh", max_examples=FULL, derandomize=False)
settings.register_profile("quick", max_examples=QUICK)
# Under CI Hypothesis repeats the same cases, so that a change fails only for its own faults.
# `fresh` never repeats.


def examples(count: int) -> int:
    """Return the number of cases of a generated test that has `count` cases at full strength."""
    return max(1, count * settings().max_examples // FULL)


def deep_after(
    count: int, cases: Iterable[Any], wanted: Iterable[Any] = ()
) -> list[Any]:
    """Return parameters of a test: `make test` runs the first `count` and the `wanted` parameters."""
    kept = tuple(wanted)
    return [
        case
        if number < count or case in kept
        else pytest.param(*_values(case), marks=pytest.mark.deep)
        for number, case in enumerate(cases)
    ]


def _values(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tiers")
    group.addoption(
        "--slice",
        metavar="K/N",
        help="only the K-th of N parts of the tests, 0 <= K < N",
    )
    group.addoption(
        "--touched",
        metavar="REVISION",
        help="only tests that what has changed since then is about",
    )
    group.addoption(
        "--until",
        metavar="SECONDS",
        type=float,
        help="begin no test after this time, in seconds since 1970",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "engine: starts the pulumi CLI; left out by `make test-fast`"
    )
    config.addinivalue_line(
        "markers",
        "deep: left out by `make test`; `make test-all` and CI's slices run it",
    )
    config.addinivalue_line(
        "markers",
        "stand_in: holds for a plugin's stand-in alone; left out by `make test-official`",
    )
    config.addinivalue_line(
        "markers",
        "generated: asks less in `make test` than in `make test-all`; CI's slices ask all",
    )
    config.pluginmanager.register(_Guard(), "engine-guard")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Deselect the tests that `--slice` and `--touched` leave out."""
    if chosen := config.getoption("--slice"):
        part, parts = map(int, chosen.split("/"))
        _keep(config, items, lambda item: slice_of(item.nodeid, parts) == part)
    if revision := config.getoption("--touched"):
        touched = touched_tests(changed_files(revision))
        _keep(config, items, lambda item: item.path in touched)


def _keep(
    config: pytest.Config,
    items: list[pytest.Item],
    wanted: Callable[[pytest.Item], bool],
) -> None:
    kept = [item for item in items if wanted(item)]
    config.hook.pytest_deselected(
        items=[item for item in items if not wanted(item)]
    )
    items[:] = kept


def slice_of(nodeid: str, parts: int) -> int:
    """Return the number of a test's part, of so many."""
    return zlib.crc32(unit(nodeid).encode()) % parts


def unit(nodeid: str) -> str:
    """Return the group of tests that run in one process: the tests of a place in `TOGETHER`, or the
    test alone."""
    return next(
        (position for position in TOGETHER if nodeid.startswith(position)),
        nodeid,
    )


class _Units(LoadScopeScheduling):
    """A scheduler that gives each worker whole groups of tests."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


def pytest_xdist_make_scheduler(
    config: pytest.Config, log: Producer
) -> LoadScopeScheduling:
    return _Units(config, log)


def changed_files(revision: str) -> frozenset[Path]:
    """Return the files that differ from `revision`, with untracked files."""
    commands = (
        ("diff", "--name-only", revision),
        ("ls-files", "--others", "--exclude-standard"),
    )
    names: list[str] = []
    for command in commands:
        names += subprocess.run(
            ["git", *command],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split("\n")
    return frozenset(ROOT / name for name in names if name)


def touched_tests(changed: Iterable[Path]) -> frozenset[Path]:
    """Return the changed files, and the test files that import a changed module directly or
    indirectly."""
    import grimp

    changed = frozenset(changed)
    graph = grimp.build_graph(*_PACKAGES, cache_dir=None)
    found = set(changed)
    for module in graph.modules:
        if _file(module) in changed:
            found |= {
                _file(name) for name in graph.find_downstream_modules(module)
            }
    return frozenset(found)


def _file(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


class _Guard:
    """Guard the tiers: tests without the mark `engine` cannot start an engine, no test begins after
    `--until`, and tests of Hypothesis are marked."""

    def __init__(self) -> None:
        self._allowed = True
        found = toolchain.pulumi_folder

        def guarded(path: str | None = None) -> Path:
            assert self._allowed or path is not None, (
                "this test starts the engine: mark it with pytest.mark.engine"
            )
            return found(path)

        toolchain.pulumi_folder = guarded

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            if item.nodeid.startswith(ENGINE) and not item.nodeid.startswith(
                WITHOUT_ENGINE
            ):
                item.add_marker(pytest.mark.engine)
            if is_hypothesis_test(getattr(item, "function", None)):
                item.add_marker(pytest.mark.generated)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._allowed = item.get_closest_marker("engine") is not None
        try:
            return (yield)
        finally:
            self._allowed = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        until = item.config.getoption("--until")
        if until is not None and time.time() > until:
            pytest.skip("no time is left")
