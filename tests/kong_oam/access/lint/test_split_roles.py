"""LINT313: one role names the groups and another role names the client, so neither gives access."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.decide import effective_scopes
from kong_oam.access.issue import User, issue
from kong_oam.access.lint.lint import lint
from kong_oam.access.model import Estate
from kong_oam.access.tokens import Claims
from kong_oam.oam.application import join_readings, read_bytes
from tests.support.diffs import edited
from tests.support.estates import PROVIDER, STACK
from tests.support.json_object import JsonObject
from tests.support.lint_estates import AS_OF, STYLES, linted, styled
from tests.support.tiers import examples

GROUPS = ("sales", "desk", "staff")
ORDERS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {read: Read orders, write: Change orders}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders], methods: [POST], scopes: [write]}
            roles: ROLES
"""
SHOP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop, annotations: {owner: team-shop}}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - {type: client, properties: {kind: service}}
    - name: web
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: shop.example.com, http: {/: 3000}}
        - type: access
          properties: {owner: team-shop, rules: [{methods: [GET], public: {reason: pages, until: "2027-06-30"}}]}
        - type: client
          properties: {kind: web, redirectPaths: [/cb], calls: CALLS}
"""


@pytest.mark.parametrize(
    ("people", "remedy"),
    [
        ("people: {scopes: [read], groups: [sales]}", "name 'shop/web' in 'people', too"),
        # The client does not ask for `write`.
        ("people: {scopes: [read, write], groups: [sales]}", "add a role with these groups, the client and only these scopes"),
        # Each role lets other users in.
        ("people: {scopes: [read], groups: [sales]}, others: {scopes: [read], groups: [desk]}", "name 'shop/web' in 'people', too"),
    ],
    ids=["asked", "wider", "two roles"],
)  # fmt: skip
def test_the_remedy_gives_the_client_what_it_asks_for(
    people: str, remedy: str
) -> None:
    """A change is certain only for a single role, whose scopes the client asks for."""
    roles = f"{{{people}, clients: {{scopes: [read], components: [shop/web]}}}}"
    calls = "[{component: orders/api, scopes: [read]}]"
    files = {
        "orders.yaml": edited(ORDERS, ("ROLES", roles)),
        "shop.yaml": edited(SHOP, ("CALLS", calls)),
    }
    _, findings = linted(files)
    (finding,) = [finding for finding in findings if finding.code == "LINT313"]
    assert finding.message.endswith(f"but not the client; {remedy}")
    is_certain = "others" not in people and "write" not in people
    assert (finding.change is not None) == is_certain


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "roles",
    [
        """
              people: {scopes: [read], groups: [sales]}
              clients: {scopes: [read], components: [shop/job, shop/web]}
              editor: {scopes: [write], groups: [desk], components: [shop/web]}
""",
        """
              people: {scopes: [read], groups: [sales], components: [shop/job]}
              clients: {scopes: [read], components: [shop/web]}
              editor: {scopes: [write], groups: [desk], components: [shop/web]}
""",
    ],
    ids=["people and clients", "another client beside the group"],
)
def test_a_split_role_is_found_with_the_change_that_mends_it(
    roles: str, style: str
) -> None:
    """The position is the client's name. After the change, users in the group get the scope through
    the client."""
    calls = "[{component: orders/api, scopes: [read, write]}]"
    files = styled(
        edited(ORDERS, ("ROLES", roles)), edited(SHOP, ("CALLS", calls)), style
    )
    estate, findings = linted(files)
    (finding,) = [finding for finding in findings if finding.code == "LINT313"]
    assert finding.message == (
        "users only in sales do not get 'read' through 'shop/web': role 'people' has these groups, but not the client; "
        "name 'shop/web' in 'people', too"
    )
    line = files["orders.yaml"].splitlines()[finding.position.line - 1]
    assert (
        line[finding.position.column - 1 :].strip("'\"").startswith("shop/web")
    )
    assert finding.change
    mended, unfixed = linted({**files, "orders.yaml": finding.change() or ""})
    assert "LINT313" not in [problem.code for problem in unfixed]
    assert scopes_of(estate, "sales") == frozenset()
    assert scopes_of(mended, "sales") == {"read"}
    assert scopes_of(mended, "desk") == scopes_of(estate, "desk") == {"write"}


def scopes_of(estate: Estate, group: str) -> frozenset[str]:
    """Return the scopes that a user in one group (the provider's name) can use at orders/api
    through shop/web."""
    (client,) = [
        client for client in estate.clients if client.component == "shop/web"
    ]
    component = estate.components["orders/api"]
    claims = issue(
        estate.stack.providers["main"], client, User("somebody", (group,))
    )
    return (
        effective_scopes(estate, component, claims)
        if isinstance(claims, Claims)
        else frozenset()
    )


_SUBSET = st.lists(st.sampled_from(("read", "write")), min_size=1, unique=True)
_ROLE = st.fixed_dictionaries(
    {"scopes": _SUBSET},
    optional={
        "groups": st.lists(st.sampled_from(GROUPS), min_size=1, unique=True),
        "components": st.lists(
            st.sampled_from(("shop/web", "shop/job")), min_size=1, unique=True
        ),
    },
)


@settings(max_examples=examples(150), deadline=None)
@given(
    st.lists(_ROLE, min_size=1, max_size=4),
    st.sampled_from(({}, {"sales": "all", "desk": "all"})),
)
def test_it_is_found_exactly_where_no_group_can_use_a_scope_that_the_client_has(
    roles: list[JsonObject], mapped: dict[str, str]
) -> None:
    """The test asks for each scope that some group holds, with tokens of users in each group."""
    named = {f"role{number}": role for number, role in enumerate(roles)}
    covered = {
        scope
        for role in roles
        if "shop/web" in role.get("components", ())
        for scope in role["scopes"]
    }

    calls = [{"component": "orders/api", "scopes": sorted(covered)}]
    texts = (
        edited(ORDERS, ("ROLES", json.dumps(named))),
        edited(SHOP, ("CALLS", json.dumps(calls if covered else []))),
    )
    stack = replace(STACK, providers={"main": replace(PROVIDER, groups=mapped)})
    reading = join_readings(
        read_bytes(f"{number}.yaml", text.encode())
        for number, text in enumerate(texts)
    )
    compiled = compile_estate(reading, stack)
    assert compiled.estate is not None, compiled.diagnostics
    granted = {
        scope
        for role in roles
        if role.get("groups")
        for scope in role["scopes"]
    }
    usable = {
        scope
        for group in {mapped.get(name, name) for name in GROUPS}
        for scope in scopes_of(compiled.estate, group)
    }
    findings = [
        finding
        for finding in lint(reading.applications, compiled.estate, AS_OF)
        if finding.code == "LINT313"
    ]
    found = {
        scope
        for finding in findings
        for scope in ("read", "write")
        if f"'{scope}'" in finding.message
    }
    assert found == (covered & granted) - usable
    assert all("through 'shop/web'" in finding.message for finding in findings)
