"""What a run leaves as it is that comes before gates change, and whose gate cannot wait, over states as exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kong_oam.access.partitions import part_of
from kong_oam.access.settings.stack import parse
from kong_oam.engine.state import COMPONENT
from kong_oam.stacks.regranted import Regranted, changes_address, has_moved, regranted
from tests.support import small_stacks
from tests.support.estates import estate

LAYOUT = {"home": ["job", "own"], "a": ["a"], "b": ["b"]}
JOB, HOME, A, B = map(frozenset, (["job/job"], ["home"], ["a"], ["b"]))
SETTINGS = parse("prod", {**small_stacks.SETTINGS, "partitions": {"shops": ["*"]}})
OWN = "urn:pulumi:prod-shops::kong-oam::kong-oam:gateway:Gateway$pulumi:providers:kong::gateway-account"
MOVED = "urn:pulumi:prod-shops::kong-oam::pulumi:providers:kong::gateway-account"
APPLICATION = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: shop, namespace: {namespace}}}
spec:
  components:
    - name: web
      type: webservice
      properties: {{image: x, ports: [{{port: {port}, expose: true}}]}}
      traits:
        - {{type: gateway, properties: {{domain: shop.example, http: {{/: {port}}}}}}}
        - type: access
          properties:
            owner: shop
            rules: [{{paths: [/a], methods: [GET], public: {{reason: a test, until: "2099-12-31"}}}}]
"""


def resource(kind: str, name: str, component: str = "", /, **outputs: Any) -> Mapping[str, Any]:
    """One of a state, under a component or under none."""
    urn = f"urn:pulumi:prod-shops::kong-oam::{COMPONENT}${kind}::{name}"
    parent = f"urn:pulumi:prod-shops::kong-oam::{COMPONENT}::{component}" if component else None
    return {"urn": urn, "type": kind, "parent": parent, "outputs": outputs}


STATE = (
    {"urn": OWN, "type": "pulumi:providers:kong", "outputs": {}},
    resource("kong:index/service:Service", "shop/web-80-service", "shop/web", name="kong-oam.prod.shop.web.80"),
    resource(
        "kubernetes:core/v1:Service", "shop/web-service-web", "shop/web", metadata={"name": "web", "namespace": "s"}
    ),
)


def test_a_state_tells_that_something_was_moved_there_and_not_run_since() -> None:
    """The engine has no account for that, which came along, where the program does not change it."""
    assert not has_moved(STATE)
    assert has_moved([*STATE, {"urn": MOVED, "type": "pulumi:providers:kong", "outputs": {}}])


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
            rules: [{{paths: [/a], methods: [GET], scopes: [{name}.read]}}]
"""


@pytest.mark.parametrize(
    ("before", "now", "chosen", "found"),
    [
        ({"a": ["a.read"]}, ["a.read"], "home a b", Regranted()),
        ({}, ["a.read"], "home a b", Regranted(JOB, A)),
        ({}, ["a.read"], "home b", Regranted()),
        ({"a": ["a.read", "a.write"]}, ["a.read"], "home a b", Regranted(lost=A)),
        ({"a": ["a.write"]}, ["a.read"], "home a b", Regranted(JOB, A, A)),
        ({"a": ["a.write"]}, ["a.read"], "home", Regranted(JOB)),
        ({"a": ["a.read"]}, ["b.read"], "home b", Regranted(JOB, B)),
        ({"own": ["own.write"]}, ["own.read"], "home", Regranted(JOB, HOME, HOME)),
        ({"own": ["own.write"]}, ["own.read", "own.write"], "home", Regranted(JOB, HOME)),
        ({"own": ["own.read", "own.write"]}, ["own.read"], "home", Regranted(lost=HOME)),
    ],
)
def test_clients_have_both_grants_where_gates_change_elsewhere_or_their_pods_ask_for_another(
    before: Mapping[str, Sequence[str]], now: Sequence[str], chosen: str, found: Regranted
) -> None:
    stack = parse("prod", {**small_stacks.SETTINGS, "partitions": LAYOUT}).stack
    calls = [f"{{component: {scope.partition('.')[0]}/api, scopes: [{scope}]}}" for scope in now]
    called = (CALLED.format(name=name) for name in ("a", "b", "own"))
    whole = estate(CALLING.format(calls=", ".join(calls)), *called, stack=stack)
    was = {"job/job at okta": {f"{name}/api": scopes for name, scopes in before.items()}}
    given, parts = part_of(whole, "home"), chosen.split()
    assert regranted(whole, given, was, parts, recorded=True) == found


def test_after_a_run_that_nobody_recorded_each_client_gets_its_grants() -> None:
    """The state may say that there is one that was not made. Of what it is to lose it may still have all."""
    stack = parse("prod", {**small_stacks.SETTINGS, "partitions": LAYOUT}).stack
    text = CALLING.format(calls="{component: a/api, scopes: [a.read]}")
    whole = estate(text, *(CALLED.format(name=name) for name in ("a", "b", "own")), stack=stack)
    was = {"job/job at okta": {"a/api": ["a.read"]}}
    found = regranted(whole, part_of(whole, "home"), was, ["home", "a"], recorded=False)
    assert found == Regranted(JOB, A)


@pytest.mark.parametrize(
    ("changes", "port", "namespace"),
    [(False, 80, "s"), (True, 8080, "s"), (True, 80, "t")],
    ids=["no", "port", "where"],
)
def test_what_is_reached_elsewhere_is_told(changes: bool, port: int, namespace: str) -> None:
    text = APPLICATION.format(port=port, namespace=namespace)
    given = part_of(estate(text, stack=SETTINGS.stack), "shops")
    assert changes_address(given, STATE, ["shop/web"]) == changes
    assert not changes_address(given, STATE, [])
    assert not changes_address(given, STATE[:1], ["shop/web"])  # as of what was not exposed before
