"""`kong-oam dbless` is killed with its command while a node loads the document: the documented
recovery gives the result of an undisturbed run.

The nodes are stand-ins. `make test` takes one load of the tiny estate. `make test-all` takes each
load of the sample estate at each of two nodes. Runs make their changes in turn, so that each write
is a load.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from sandbox.kong import Kong, Lags
from sandbox.kong.http import Request, Response
from sandbox.kong.kong import Fault
from sandbox.local import Local
from sandbox.server import free_port
from tests.support.faults.blackout import PLUGINS_END, run_kubectl, shape
from tests.support.faults.stacks import Stack, start
from tests.support.faults.tiny import TINY
from tests.support.tiers import deep_after

SAMPLE_LOADS = 39
"""The loads of each node in a run of the sample estate, the first load before it included."""
TINY_KILLED = 9
_GATEWAY = "    scheme: http\n"
_RUN = ("-s", "local", "--yes", "--skip-preview")
_UP = ("pulumi", "up", *_RUN, "--non-interactive", "--parallel", "1")

Shape = dict[str, list[str]]


@dataclass(slots=True)
class Nodes:
    """Two nodes and a stack that has them. `port`: the port of the writable Admin API."""

    stack: Stack
    second: Kong
    port: int
    loads: list[int] = field(default_factory=lambda: [0, 0])

    @property
    def _kongs(self) -> tuple[Kong, Kong]:
        return self.stack.local.kong, self.second

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command below `kong-oam dbless`. Raises AssertionError if it fails."""
        process = self.begun(*words)
        out, errors = process.communicate(timeout=150)
        assert process.returncode == 0, out + errors
        return subprocess.CompletedProcess(words, 0, out, errors)

    def begun(self, *words: str) -> subprocess.Popen[str]:
        """Start a command below `kong-oam dbless`, in its own process group."""
        dbless = ("dbless", "-s", self.stack.name, "--port", str(self.port))
        return subprocess.Popen(
            [sys.executable, "-m", "kong_oam", *dbless, "--", *words],
            cwd=self.stack.folder,
            env=self.stack.local.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def up(self) -> None:
        self.run(*_UP)

    def killed_up(self, node: int, nth: int) -> None:
        """Run `up`, and kill all its processes when a node has done its `nth` load."""
        process = self.begun(*_UP)

        def kill() -> None:
            os.killpg(process.pid, signal.SIGKILL)

        self._watch(node, nth, kill)
        out, errors = process.communicate(timeout=150)
        # Loads of the recovery kill nothing.
        self._kongs[node].faults = None
        assert process.returncode == -signal.SIGKILL, out + errors
        time.sleep(PLUGINS_END)

    def counted_up(self) -> Sequence[int]:
        """Run `up`, and return the number of loads of each node."""
        for node in (0, 1):
            self._watch(node, 0, lambda: None)
        self.up()
        return self.loads

    def _watch(self, node: int, nth: int, after: Callable[[], object]) -> None:
        """Count the loads of a node, and call `after` when it has done its `nth` load."""
        self.loads[node] = 0
        counting = _counting(self.loads, node, nth, after)
        self._kongs[node].faults = counting

    def assert_alike(self) -> None:
        """Check that both nodes have the same entities."""
        first, second = map(_timeless, self._kongs)
        assert first == second


def _timeless(node: Kong) -> list[dict[str, object]]:
    """Return the entities of a node without times: each node has its own."""
    kinds = ("services", "routes", "plugins", "consumers")
    return [
        {name: value for name, value in entity.items() if "_at" not in name}
        for kind in kinds
        for entity in node.entities(kind)
    ]


def _counting(
    loads: list[int], node: int, nth: int, after: Callable[[], object]
) -> Fault:
    def passed(request: Request, answer: Callable[[], Response]) -> Response:
        done = answer()
        path = request.target.partition("?")[0]
        if (request.method, path) == ("POST", "/config"):
            loads[node] += 1
            if loads[node] == nth:
                after()
        return done

    return passed


@contextmanager
def _nodes(folder: Path, applications: list[str] | None) -> Iterator[Nodes]:
    """Start two nodes (stand-ins), and an empty stack whose settings name them."""
    without_database = {"database": "off"}
    with (
        Local(lags=Lags(), configuration=without_database) as local,
        Kong(
            admin_token=local.env["KONG_ADMIN_TOKEN"],
            configuration=without_database,
        ) as second,
    ):
        stack = start(local, folder / "project", applications=applications)
        urls = f'"{local.kong.admin_url}", "{second.admin_url}"'
        more = f"    nodes: [{urls}]\n    document: {{file: kong.json.gz}}\n"
        stack.edit("stacks/Pulumi.local.yaml", _GATEWAY, _GATEWAY + more)
        del local.env["KONG_ADMIN_ADDR"]
        yield Nodes(stack, second, free_port())


def _recover(nodes: Nodes) -> None:
    """Run the documented commands."""
    stack = nodes.stack
    stack.pulumi("cancel", "--yes")
    freed = stack.module("kong_oam", "recover", "-s", "local", "--remove")
    assert "kong.json.gz" in freed.stdout, freed.stdout + freed.stderr
    words = (sys.executable, "-m", "kong_oam", "recover", "-s", "local")
    printed = nodes.run(*words, "--remove").stdout
    run_kubectl(stack, printed)
    nodes.run("pulumi", "refresh", *_RUN, "--clear-pending-creates")
    nodes.up()


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Shape]:
    """Return a function that gives the objects after an undisturbed `up` of the tiny or the sample
    estate."""

    @cache
    def found(estate: str) -> Shape:
        applications = [TINY] if estate == "tiny" else None
        folder = tmp_path_factory.mktemp("undisturbed")
        with _nodes(folder, applications) as nodes:
            loads = nodes.counted_up()
            if estate == "sample":
                assert loads == [SAMPLE_LOADS, SAMPLE_LOADS]
            return shape(nodes.stack)

    return found


def _killed(
    folder: Path,
    expected: Shape,
    applications: list[str] | None,
    node: int,
    nth: int,
) -> None:
    with _nodes(folder, applications) as nodes:
        nodes.killed_up(node, nth)
        _recover(nodes)
        assert shape(nodes.stack) == expected
        nodes.assert_alike()


@pytest.mark.parametrize("node", [0, 1])
def test_a_killed_command_is_repaired(
    tmp_path: Path, undisturbed: Callable[[str], Shape], node: int
) -> None:
    """The first node has loaded a document that is not saved, or the second node has loaded it."""
    _killed(tmp_path, undisturbed("tiny"), [TINY], node, TINY_KILLED)


@pytest.mark.parametrize("node", [0, 1])
@pytest.mark.parametrize("nth", deep_after(0, range(1, SAMPLE_LOADS + 1)))
def test_each_write_of_the_sample_estate_can_be_the_last(
    tmp_path: Path,
    undisturbed: Callable[[str], Shape],
    node: int,
    nth: int,
) -> None:
    _killed(tmp_path, undisturbed("sample"), None, node, nth)
