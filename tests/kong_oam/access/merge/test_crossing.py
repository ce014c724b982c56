"""Everything that crosses between two estates in one."""

from __future__ import annotations

from dataclasses import replace

from kong_oam.access.merge.crossing import Crossing, crossing
from tests.support.estates import PROVIDER, STACK, estate

_API = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: {name}, namespace: {name}}}
spec:
  components:
    - name: api
      type: webservice
      properties: {{image: x, ports: [{{port: 8080}}, {{port: 9090}}]}}
      traits:
        - type: gateway
          properties: {{domain: {name}.example.com, http: {{/: 8080}}}}
        - type: access
          properties:
            owner: team
            scopes: {{{name}: Call}}
            rules:
              - {{methods: [GET], scopes: [{name}]}}
              - {{paths: [/health], public: {{reason: probes}}}}
            roles: {{reader: {{scopes: [{name}], groups: [{group}], components: [{client}]}}}}
            internal: [{{port: 9090, components: [{connected}]}}]
    - name: job
      type: worker
      properties: {{image: x}}
      traits:
        - {{type: client, properties: {{kind: service, calls: [{{component: {called}, scopes: [{scope}]}}]}}}}
"""


def api(name: str, other: str = "", group: str = "") -> str:
    """Return an Application that calls itself, or that another Application calls."""
    called = other or name
    return _API.format(
        name=name,
        group=group or f"of-{name}",
        client=f"{called}/job",
        connected=f"{called}/job",
        called=f"{called}/api",
        scope=called,
    )


OURS = frozenset({"a/api", "a/job"})


def test_estates_side_by_side_do_not_cross() -> None:
    """Their calls, groups and connections stay inside, and public rules concern everybody."""
    found = crossing(OURS, estate(api("a"), api("b")))
    assert found == Crossing()
    assert not found


def test_clients_and_connections_cross_in_both_directions() -> None:
    """Each call has its methods and its place."""
    found = crossing(OURS, estate(api("a", "b"), api("b", "a")))
    assert [
        (call.principal.client, call.row.component, call.row.methods)
        for call in found.calls
    ] == [
        ("b/job", "a/api", ("GET", "HEAD")),
        ("a/job", "b/api", ("GET", "HEAD")),
    ]
    assert [(callee, each.caller) for callee, each in found.connections] == [
        ("a/api", "b/job"),
        ("b/api", "a/job"),
    ]


def test_a_group_with_roles_in_both_estates_crosses() -> None:
    """Its members may call components of both through the clients of each."""
    both = estate(api("a", group="sales"), api("b", group="sales"))
    (group,) = crossing(OURS, both).groups
    assert (group.name, group.ours, group.others) == (
        "sales",
        ("a/api",),
        ("b/api",),
    )
    assert crossing(OURS, both).calls == ()


def test_two_providers_of_one_issuer_have_the_same_groups() -> None:
    """The name of a provider in the stack does not divide its users."""
    other = replace(PROVIDER, name="other", groups={"staff": "sales"})
    stack = replace(STACK, providers={"main": PROVIDER, "other": other})
    text = api("b", group="staff").replace(
        "owner: team", "owner: team\n            identityProvider: other"
    )
    both = estate(api("a", group="sales"), text, stack=stack)
    (group,) = crossing(OURS, both).groups
    assert (group.name, group.others) == ("sales", ("b/api",))
