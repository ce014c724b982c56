"""The engine is killed at the n-th operation of an `up`: the documented recovery gives the result
of an undisturbed run.

`make test` takes a few operations, and checks all results. `make test-kills` takes every operation
of the sample estate. For each it checks two results: no caller was allowed wrongly, and all objects
are as after an undisturbed run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from itertools import cycle
from pathlib import Path

import pytest

from sandbox.kong import Lags
from sandbox.local import Local
from tests.support.engine.calls import service_token
from tests.support.faults.blackout import Blackout, lost, recover, shape
from tests.support.faults.stacks import Stack, start
from tests.support.faults.tiny import HOST, PROTECTED, PUBLIC, TINY
from tests.support.faults.watch import Watch, poor_token
from tests.support.network_policies import Pod, Triple, passing, pods_of
from tests.support.tiers import deep_after

LAG, SHORT_LAG = 1.0, 0.3
"""Routes are visible so many seconds before their guards: order alone would not deny callers."""
TINY_OPERATIONS = 27
SAMPLE_OPERATIONS = 113


TINY_KILLS = range(1, TINY_OPERATIONS + 1, 9)
SAMPLE_KILLS = (15, 65)

SAMPLE_PROTECTED = (
    ("orders.example.com", "/orders"),
    ("reports.example.com", "/reports/7"),
    ("reports.example.com", "/reports/published/drafts"),
    ("reports.example.com", "/docs/internal"),
)

Shape = dict[str, list[str]]


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Shape]:
    """Return a function that gives the objects after an undisturbed `up` of the tiny or the sample
    estate."""

    @cache
    def found(estate: str) -> Shape:
        with Local(lags=Lags()) as local:
            applications = [TINY] if estate == "tiny" else None
            stack = start(
                local,
                tmp_path_factory.mktemp("undisturbed") / "project",
                applications=applications,
            )
            counted = Blackout(stack, 0)
            counted.up()
            operations = {"tiny": TINY_OPERATIONS, "sample": SAMPLE_OPERATIONS}
            assert len(counted.seen) == operations[estate]
            return shape(stack)

    return found


Protected = tuple[tuple[str, str], ...]


def _back(
    tmp_path: Path,
    undisturbed: Shape,
    nth: int,
    applications: list[str] | None,
    protected: Protected,
    only_what_counts: bool = False,
) -> None:
    lag = SHORT_LAG if only_what_counts else LAG
    settings = {
        "worker_state_update_frequency": lag,
        "db_update_frequency": 0.0,
    }
    with Local(lags=Lags(plugins=lag), configuration=settings) as local:
        stack = start(local, tmp_path / "project", applications=applications)
        with Watch(stack, protected) as watch:
            Blackout(stack, nth).up()
            if not only_what_counts:
                _is_locked(stack)
            output = recover(stack)
        assert watch.let_in == set() and watch.asked > 20
        print(f"operation {nth}: {output}")
        assert shape(stack) == undisturbed
        if only_what_counts:
            return
        stack.assert_unchanged()
        if applications:
            time.sleep(
                lag
            )  # a run without changes may end before the workers have seen the run before it
            statuses = [
                stack.status("GET", HOST, path, token)
                for path, token in _calls(stack)
            ]
            assert statuses == [401, 403, 200, 200]


def _is_locked(stack: Stack) -> None:
    locked = stack.run("up", check=False)
    assert (
        locked.returncode != 0
        and "pulumi cancel" in locked.stdout + locked.stderr
    )
    assert (
        "the stack is currently locked by 1 lock(s)"
        in lost(stack, "--remove", status=2).stderr
    )


def _calls(stack: Stack) -> list[tuple[str, str | None]]:
    return [
        (PROTECTED, None),
        (PROTECTED, poor_token(stack)),
        (PROTECTED, service_token(stack.local, "job")),
        (PUBLIC, None),
    ]


@pytest.mark.parametrize("nth", deep_after(0, TINY_KILLS, wanted=[10]))
def test_a_tiny_estate_recovers(
    tmp_path: Path, undisturbed: Callable[[str], Shape], nth: int
) -> None:
    """The result has the same entities up to ids, no change is left, and no caller was allowed
    wrongly meanwhile."""
    _back(tmp_path, undisturbed("tiny"), nth, [TINY], ((HOST, PROTECTED),))


@pytest.mark.parametrize("nth", deep_after(0, SAMPLE_KILLS))
def test_the_sample_estate_recovers(
    tmp_path: Path, undisturbed: Callable[[str], Shape], nth: int
) -> None:
    """The same, for five applications with users, groups and nested public paths."""
    _back(tmp_path, undisturbed("sample"), nth, None, SAMPLE_PROTECTED)


REST = (
    TINY[: TINY.index("    - name: job")]
    .replace(", components: [tiny/job]", "")
    .replace("[GET], scopes", "[POST], scopes")
)
REMOVAL_OPERATIONS = 10
REMOVALS = range(1, REMOVAL_OPERATIONS + 1)


def write(stack: Stack, text: str) -> None:
    """Write the only Application of the project."""
    (file,) = (stack.folder / "applications").iterdir()
    file.write_text(text, "utf-8")


@pytest.mark.deep
@pytest.mark.parametrize("nth", deep_after(0, REMOVALS, wanted=[8]))
def test_a_removal_recovers(tmp_path: Path, nth: int) -> None:
    """A run removes a client and changes a rule. After recovery all objects are as after an
    undisturbed run, whether the client stays away or returns."""
    with Local() as local:
        stack = start(local, tmp_path / "project", applications=[TINY])
        stack.run("up")
        there = shape(stack)
        write(stack, REST)
        Blackout(stack, nth).up()
        recover(stack)
        stack.assert_unchanged()
        gone = shape(stack)
        write(stack, TINY)
        stack.run("up")
        assert shape(stack) == there
        write(stack, REST)
        Blackout(stack, nth).up()
        write(stack, TINY)
        recover(stack)
        stack.assert_unchanged()
        assert shape(stack) == there
        write(stack, REST)
        counted = Blackout(stack, 0)
        counted.up()
        assert shape(stack) == gone
        assert len(counted.seen) == REMOVAL_OPERATIONS


@pytest.mark.deep
@pytest.mark.parametrize("nth", range(1, SAMPLE_OPERATIONS + 1))
def test_every_operation_can_be_the_last(
    tmp_path: Path, undisturbed: Callable[[str], Shape], nth: int
) -> None:
    """The sample estate, killed at each of its operations."""
    _back(
        tmp_path,
        undisturbed("sample"),
        nth,
        None,
        SAMPLE_PROTECTED,
        only_what_counts=True,
    )


CONNECTED = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: tiny}
spec:
  components:
    - name: web
      type: worker
      properties: {image: registry.example.com/web}
    - name: job
      type: worker
      properties: {image: registry.example.com/job}
    - name: kept
      type: webservice
      properties: {image: registry.example.com/sql, ports: [{port: 3306}, {port: 9104}]}
      traits:
        - {type: access, properties: {internal: [{port: 3306, components: [tiny/web]}]}}
    - name: old
      type: webservice
      properties: {image: registry.example.com/sql, ports: [{port: 3306}]}
      traits:
        - {type: access, properties: {internal: [{port: 3306, components: [tiny/web]}]}}
"""
RECONNECTED = CONNECTED.replace("name: old", "name: new").replace(
    "port: 3306, components: [tiny/web]", "port: 9104, components: [tiny/job]", 1
)  # fmt: skip
HAD = {("web", "kept", "3306/TCP"), ("web", "old", "3306/TCP")}
HAS = {("job", "kept", "9104/TCP"), ("web", "new", "3306/TCP")}


def _connections(stack: Stack) -> set[Triple]:
    world = Pod("world", address="203.0.113.9")
    ports = ("22/TCP", "3306/TCP", "9104/TCP")
    objects = stack.local.cluster.objects()
    pods = [pod for item in objects for pod in pods_of(item)]
    return passing(objects, pods, [world], ports)


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_connections_are_never_more_open_than_the_old_or_the_new_model(
    tmp_path: Path,
) -> None:
    """A run grants and revokes, and replaces a component, in turns with a run that changes this
    back. Each is killed one write later than the run before, and recovered."""
    with Local() as local:
        stack = start(local, tmp_path / "project", applications=[CONNECTED])
        stack.run("up")
        assert _connections(stack) == HAD
        write(stack, RECONNECTED)
        counted = Blackout(stack, 0)
        counted.up()
        assert _connections(stack) == HAS
        # Runs that change the model back and forth have as many writes.
        models = cycle(((CONNECTED, HAD), (RECONNECTED, HAS)))
        for nth in range(1, len(counted.seen) + 1):
            text, connections = next(models)
            write(stack, text)
            Blackout(stack, nth).up()
            assert _connections(stack) <= HAD | HAS, counted.seen[:nth]
            recover(stack)
            assert _connections(stack) == connections
