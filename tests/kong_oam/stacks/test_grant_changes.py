"""The order of partitions that a change of grants requires, by the states of their stacks."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import yaml

from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.snapshot import OUTPUT, dump_model
from kong_oam.access.partitions import part_of
from kong_oam.access.settings.stack import parse
from kong_oam.engine.state import STACK, Resources
from kong_oam.stacks import grant_changes as module
from kong_oam.stacks.grant_changes import grant_changes
from kong_oam.stacks.order import Estates
from kong_oam.stacks.plan import Exchange, GrantChanges
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
"""The client `job/job` is in the partition `home`, with one of the APIs."""
JOB = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: job, namespace: job}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - {type: client, properties: {kind: service, calls: CALLS}}
"""
API = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: NAME, namespace: NAME}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x, ports: [{port: 80, expose: true}]}
      traits:
        - {type: gateway, properties: {domain: NAME.example, http: {/: 80}}}
        - type: access
          properties:
            owner: NAME
            scopes: {NAME.read: reads, NAME.write: writes}
            roles: {all: {scopes: [NAME.read, NAME.write], components: [job/job]}}
            rules: [{paths: [/a], methods: [GET], scopes: [NAME.SCOPE]}]
"""
READ_A = "[{component: a/api, scopes: [a.read]}]"
BOTH_OF_A = "[{component: a/api, scopes: [a.read, a.write]}]"
WRITE_A_READ_B = "[{component: a/api, scopes: [a.write]}, {component: b/api, scopes: [b.read]}]"
READ_A_AND_B = "[{component: a/api, scopes: [a.read]}, {component: b/api, scopes: [b.read]}]"
READ_B = "[{component: b/api, scopes: [b.read]}]"
READ_OWN = "[{component: own/api, scopes: [own.read]}]"
BOTH_OF_OWN = "[{component: own/api, scopes: [own.read, own.write]}]"


def estates(calls: str, scope: str) -> Estates:
    """The job with these calls, and three APIs whose rules require this scope."""
    apis = (
        API.replace("NAME", name).replace("SCOPE", scope)
        for name in ("a", "b", "own")
    )
    model = estate(JOB.replace("CALLS", calls), *apis, stack=SETTINGS.stack)
    return Estates(SETTINGS, model)


def stack(before: Estates, partition: str) -> Resources:
    """The state of a partition after a run of that estate."""
    model = dump_model(model_of(part_of(before.whole, partition), SETTINGS))
    return [{"type": STACK, "urn": f"{STACK}::s", "outputs": {OUTPUT: model}}]


@dataclass(frozen=True)
class Deployed:
    """A deployed estate: the calls of the job, and the scope that rules require.

    `stacks` are the partitions with a stack, and `recorded` the partitions with a complete last
    run.
    """

    calls: str
    scope: str
    stacks: tuple[str, ...] = ("home", "a", "b")
    recorded: tuple[str, ...] = ("home", "a", "b")


def changes(
    patch: pytest.MonkeyPatch, before: Deployed, calls: str, scope: str
) -> GrantChanges:
    """Return the changes of a run that deploys these calls and this scope."""
    granted = {
        call["component"]: call["scopes"]
        for call in yaml.safe_load(before.calls)
    }
    patch.setattr(module, "granted_in", lambda *_: {"job/job at okta": granted})
    old = estates(before.calls, before.scope)
    states = {name: stack(old, name) for name in before.stacks}
    known = Known(dict.fromkeys(before.recorded, Record("", "", None, "")))
    return grant_changes(estates(calls, scope), known, states)


HOME_FIRST = GrantChanges({"a": frozenset({"home"})})
"""The client gets its scope before the gate of `a` requires it."""
A_FIRST = GrantChanges({"home": frozenset({"a"})})
"""The gate of `a` stops requiring the scope before the client loses it."""


@pytest.mark.parametrize(
    ("before", "calls", "scope", "expected"),
    [
        (Deployed(READ_A, "read"), READ_A, "read", GrantChanges()),
        (Deployed(READ_A, "read"), BOTH_OF_A, "write", HOME_FIRST),
        (Deployed(BOTH_OF_A, "write"), READ_A, "read", A_FIRST),
        # The rules stay, so the gate requires the same scope before and after.
        (Deployed(READ_A, "read"), BOTH_OF_A, "read", GrantChanges()),
        (Deployed(BOTH_OF_A, "read"), READ_A, "read", GrantChanges()),
        (Deployed(READ_B, "read"), WRITE_A_READ_B, "write", HOME_FIRST),
        (Deployed(WRITE_A_READ_B, "write"), READ_B, "read", A_FIRST),
        # The client and the gate are in one stack, whose run orders them.
        (Deployed(READ_OWN, "read"), BOTH_OF_OWN, "write", GrantChanges()),
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
    before: Deployed,
    calls: str,
    scope: str,
    expected: GrantChanges,
) -> None:
    """So no client is denied meanwhile."""
    assert changes(monkeypatch, before, calls, scope) == expected


@pytest.mark.parametrize("stacks", [("home",), ("a",), ("a", "b")])
def test_a_partition_that_is_not_run_orders_nothing(
    monkeypatch: pytest.MonkeyPatch, stacks: tuple[str, ...]
) -> None:
    """The partition of a client or a gate has no stack yet."""
    before = Deployed(READ_A, "read", stacks=stacks)
    assert changes(monkeypatch, before, BOTH_OF_A, "write") == GrantChanges()


def test_a_client_that_gets_and_loses_scopes_exchanges_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its old pods lack the new scope, and its new pods the old scope."""
    before = Deployed(READ_A_AND_B, "read")
    assert changes(monkeypatch, before, WRITE_A_READ_B, "read").exchanges == (
        Exchange(
            "job/job at okta", ("a.write of a/api",), ("a.read of a/api",)
        ),
    )


def test_a_client_with_only_new_calls_exchanges_no_scopes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No caller needs its tokens while its pods are rolled out."""
    before = Deployed(READ_A, "read")
    assert changes(monkeypatch, before, READ_B, "read").exchanges == ()


def test_a_run_that_failed_may_lack_a_grant_that_its_state_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client runs first if possible. If it loses the scope, the rule always runs first."""
    read = Deployed(BOTH_OF_A, "read", recorded=("a", "b"))
    assert changes(monkeypatch, read, BOTH_OF_A, "write") == GrantChanges(
        {}, HOME_FIRST.needed
    )
    write = Deployed(BOTH_OF_A, "write", recorded=("a", "b"))
    assert changes(monkeypatch, write, READ_A, "read") == A_FIRST


def test_a_gate_may_have_changed_in_a_run_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The order is only wanted: the gate may still require the scope that the client loses."""
    before = Deployed(BOTH_OF_A, "read", recorded=("home", "b"))
    assert changes(monkeypatch, before, READ_A, "read") == GrantChanges(
        {}, A_FIRST.needed
    )
