"""Which partitions a change of grants orders, by what the states of their stacks have."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.snapshot import OUTPUT, dump_model
from kong_oam.access.partitions import part_of
from kong_oam.access.settings.stack import parse
from kong_oam.engine.state import STACK, Resources
from kong_oam.stacks import grant_changes as module
from kong_oam.stacks.grant_changes import Exchange, GrantChanges, grant_changes
from kong_oam.stacks.order import Estates
from kong_oam.stacks.records import Known, Record
from tests.support import small_stacks
from tests.support.estates import estate

SETTINGS = parse(
    "prod",
    {
        **small_stacks.SETTINGS,
        "partitions": {"home": ["job", "own"], "a": ["a"], "b": ["b"]},
    },
)
RECORD = Record("", "", None, "")
CALLING = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: job, namespace: job}}
spec:
  components:
    - name: job
      type: worker
      properties: {{image: x}}
      traits:
        - {{type: client, properties: {{kind: service, calls: [{calls}]}}}}
"""
CALLED = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: {name}, namespace: {name}}}
spec:
  components:
    - name: api
      type: webservice
      properties: {{image: x, ports: [{{port: 80, expose: true}}]}}
      traits:
        - {{type: gateway, properties: {{domain: {name}.example, http: {{/: 80}}}}}}
        - type: access
          properties:
            owner: {name}
            scopes: {{{name}.read: reads, {name}.write: writes}}
            roles: {{all: {{scopes: [{name}.read, {name}.write], components: [job/job]}}}}
            rules: [{{paths: [/a], methods: [GET], scopes: [{name}.{asked}]}}]
"""


def estates_where(calls: Sequence[str], asked: str) -> Estates:
    """The client `job/job` may ask for these scopes; rules ask for `asked` of each API."""
    listed = ", ".join(
        f"{{component: {scope.partition('.')[0]}/api, scopes: [{scope}]}}"
        for scope in calls
    )
    called = [CALLED.format(name=name, asked=asked) for name in ("a", "b", "own")]
    return Estates(
        SETTINGS, estate(CALLING.format(calls=listed), *called, stack=SETTINGS.stack)
    )


def stacks_of(before: Estates, names: Sequence[str]) -> dict[str, Resources]:
    """The stacks of these partitions, after a run of that estate."""
    models = {
        name: dump_model(model_of(part_of(before.whole, name), SETTINGS))
        for name in names
    }
    return {
        name: [{"type": STACK, "urn": f"{STACK}::s", "outputs": {OUTPUT: text}}]
        for name, text in models.items()
    }


def found(
    patch: pytest.MonkeyPatch,
    before: tuple[Sequence[str], str],
    now: tuple[Sequence[str], str],
    names: str = "home a b",
    recorded: str = "home a b",
) -> GrantChanges:
    """What changes from one estate to the next, each by the grants of `job/job` and the scope that rules ask for."""
    old = estates_where(*before)
    was: dict[str, list[str]] = {}
    for scope in before[0]:
        was.setdefault(f"{scope.partition('.')[0]}/api", []).append(scope)
    patch.setattr(module, "granted_in", lambda *_: {"job/job at okta": was})
    known = Known(dict.fromkeys(recorded.split(), RECORD))
    return grant_changes(estates_where(*now), known, stacks_of(old, names.split()))


HOME_FIRST = GrantChanges({"a": frozenset({"home"})})
A_FIRST = GrantChanges({"home": frozenset({"a"})})


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ((["a.read"], "read"), (["a.read"], "read"), GrantChanges()),
        ((["a.read"], "read"), (["a.read", "a.write"], "write"), HOME_FIRST),
        ((["a.read", "a.write"], "write"), (["a.read"], "read"), A_FIRST),
        # The rules stay, so the gate asks for the same before and after.
        ((["a.read"], "read"), (["a.read", "a.write"], "read"), GrantChanges()),
        ((["a.read", "a.write"], "read"), (["a.read"], "read"), GrantChanges()),
        ((["b.read"], "read"), (["b.read", "a.write"], "write"), HOME_FIRST),
        ((["b.read", "a.write"], "write"), (["b.read"], "read"), A_FIRST),
        # Client and gate are in one stack, whose run orders them.
        ((["own.read"], "read"), (["own.read", "own.write"], "write"), GrantChanges()),
    ],
    ids=[
        "nothing",
        "gets",
        "loses",
        "gets alone",
        "loses alone",
        "calls",
        "calls no more",
        "in one partition",
    ],
)
def test_a_grant_comes_before_the_rule_and_goes_after_it(
    monkeypatch: pytest.MonkeyPatch,
    before: tuple[Sequence[str], str],
    now: tuple[Sequence[str], str],
    expected: GrantChanges,
) -> None:
    assert found(monkeypatch, before, now) == expected


@pytest.mark.parametrize("names", ["home", "a", "a b"])
def test_a_partition_that_is_not_run_orders_nothing(
    monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    assert (
        found(
            monkeypatch, (["a.read"], "read"), (["a.read", "a.write"], "write"), names
        )
        == GrantChanges()
    )


def test_a_client_that_gets_and_loses_scopes_exchanges_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes = found(
        monkeypatch, (["a.read", "b.read"], "read"), (["a.write", "b.read"], "read")
    )
    assert changes.exchanges == (
        Exchange("job/job at okta", ("a.write of a/api",), ("a.read of a/api",)),
    )


def test_a_client_that_calls_nothing_of_before_exchanges_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody misses its tokens while its pods are rolled out."""
    assert (
        found(monkeypatch, (["a.read"], "read"), (["b.read"], "read")).exchanges == ()
    )


def test_a_run_that_failed_may_lack_a_grant_that_its_state_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = ["a.read", "a.write"]
    assert found(
        monkeypatch, (both, "read"), (both, "write"), recorded="a b"
    ) == GrantChanges({}, HOME_FIRST.needed)
    assert (
        found(monkeypatch, (both, "write"), (["a.read"], "read"), recorded="a b")
        == A_FIRST
    )


def test_a_gate_may_have_changed_in_a_run_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = ["a.read", "a.write"]
    assert found(
        monkeypatch, (both, "read"), (["a.read"], "read"), recorded="home b"
    ) == GrantChanges({}, A_FIRST.needed)
