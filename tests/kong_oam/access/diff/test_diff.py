"""Changes of access between two versions of Applications: changes as values, by cases."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import ANY

import pytest

from kong_oam.access.diff.change import (
    AffectedCaller,
    Change,
    Example,
    Setting,
    Subject,
)
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.model import empty
from kong_oam.access.diff.snapshot import ModelError, dump_model, load_model
from kong_oam.access.model import METHODS
from kong_oam.access.networks import Source, network
from kong_oam.access.principals import ITSELF, Principal
from kong_oam.access.request_classes import Region, Subtree
from tests.support.diffs import API, SHOP, edited, model, settings

BEFORE = model(API, SHOP)

EVERYBODY = AffectedCaller(None)
HEALTH = Subtree(("orders", "health"))
HEALTH_OTHERWISE = Subtree(("orders", "health."), spelled_otherwise=True)
"""Paths that some servers read as /orders/health, such as `/orders/health.` and `/Orders/Health`.
"""
NOT_HEALTH = Region(Subtree(("orders",)), (HEALTH, HEALTH_OTHERWISE))
"""/orders and all paths below it, without /orders/health, which has its own rule."""


def service(client: str) -> AffectedCaller:
    return AffectedCaller(Principal(client, "okta"), ITSELF)


def users(client: str, *groups: str) -> AffectedCaller:
    """The client's users who are in all of these groups."""
    return AffectedCaller(
        Principal(client, "okta", users=True), frozenset({frozenset(groups)})
    )


def orders_change(
    kind: str,
    caller: AffectedCaller,
    methods: str,
    region: Region,
    minutes: int | None = None,
) -> Change:
    """Return a change at orders.example.com; test_diff_exact.py checks example requests."""
    return Change(
        kind,
        (caller,),
        tuple(methods.split(",")),
        "orders.example.com",
        region,
        ANY,
        minutes,
    )


@pytest.mark.parametrize(
    ("orders", "shop"),
    [
        (edited(API, ("probes", "probes of the load balancer")), SHOP),
        (edited(API, ("viewer", "reader")), SHOP),
        (
            edited(API, ("{read: Read", "{read: View"), ("read", "orders.view")),
            edited(SHOP, ("read", "orders.view")),
        ),
        (
            edited(API, ("name: orders}", "name: purchases}"), ("name: api", "name: service")),
            edited(SHOP, ("orders/api", "purchases/service")),
        ),
        (
            edited(API, ("shop/checkout", "shop/till")),
            edited(SHOP, ("name: checkout", "name: till")),
        ),
        (
            edited(API, ("shop/", "store/")),
            edited(SHOP, ("name: shop,", "name: store,"), ("{http", "{domain: web-shop.apps.example.com, http")),
        ),
        (edited(API, ("paths: [/orders], methods: [GET]", "methods: [GET]")), SHOP),
        (edited(API, ("scopes: [read, write]", "scopes: [write, read]")), SHOP),
    ],
    ids=["reason", "role", "scope", "API and application", "client", "clients' application", "default paths", "order"],
)  # fmt: skip
def test_names_and_words_are_no_access(orders: str, shop: str) -> None:
    """A diff is empty if all callers keep the same access, with any names and places."""
    assert diff(BEFORE, model(orders, shop)) == ()
    assert diff(BEFORE, model(shop, orders)) == ()


@pytest.mark.parametrize(
    ("rule", "methods", "region"),
    [
        (
            "{paths: [/orders], methods: [POST], scopes: [write]}",
            "GET,HEAD,POST",
            NOT_HEALTH,
        ),
        (
            "{paths: [/orders/late], methods: [GET], scopes: [write]}",
            "GET,HEAD",
            Region(
                Subtree(("orders",)),
                (HEALTH, HEALTH_OTHERWISE, Subtree(("orders", "late."), True)),
            ),
        ),
    ],
    ids=["method", "path"],
)
def test_old_tokens_count_where_any_method_or_path_of_a_change_takes_them(
    rule: str, methods: str, region: Region
) -> None:
    """Users in sales no longer get tokens through the shop; old tokens work where a role gives
    write."""
    rules = edited(
        API,
        ("{paths: [/orders], methods: [POST], scopes: [read, write]}", rule),
    )
    roles = rules.partition("            roles:\n")[0]
    before = f"""{roles}            roles:
              viewer: {{scopes: [read, write], groups: [sales], components: [shop/web]}}
              editor: {{scopes: [read, write], groups: [desk], components: [shop/checkout, shop/web]}}
"""
    after = f"""{roles}            roles:
              viewer: {{scopes: [write], groups: [sales]}}
              editor: {{scopes: [read, write], groups: [desk], components: [shop/checkout, shop/web]}}
"""
    assert diff(model(before, SHOP), model(after, SHOP)) == (
        orders_change(
            "narrowed", users("shop/web", "sales"), methods, region, 60
        ),
    )


def test_old_tokens_count_where_users_were_in_more_groups_than_they_needed() -> (
    None
):
    """Users in sales no longer get tokens through the shop; old tokens of users also in audit work."""
    after = edited(
        API,
        (
            "viewer: {scopes: [read], groups: [sales], components: [shop/checkout, shop/web]}",
            "viewer: {scopes: [read], groups: [audit]}\n"
            "              clients: {scopes: [read], components: [shop/checkout, shop/web]}",
        ),
    )
    assert diff(BEFORE, model(after, SHOP)) == (
        orders_change("widened", users("shop/web", "audit", "desk"), "GET,HEAD,POST", NOT_HEALTH),
        orders_change("narrowed", users("shop/web", "sales"), "GET,HEAD", NOT_HEALTH, 60),
        orders_change("narrowed", users("shop/web", "desk", "sales"), "POST", NOT_HEALTH),
    )  # fmt: skip


def test_a_renamed_client_with_another_image_is_another_principal() -> None:
    """A renamed client is the same principal only if it runs the same workload."""
    orders = edited(API, ("shop/checkout", "shop/till"))
    shop = edited(
        SHOP,
        ("name: checkout", "name: till"),
        ("image: checkout", "image: till"),
    )
    assert diff(BEFORE, model(orders, shop)) == (
        orders_change("granted", service("shop/till"), "GET,HEAD", NOT_HEALTH),
        orders_change("revoked", service("shop/checkout"), "GET,HEAD", NOT_HEALTH),
    )  # fmt: skip


def test_a_client_that_moves_to_another_namespace_is_another_principal() -> (
    None
):
    """The same workload in another namespace is another principal."""
    checkout = SHOP[
        SHOP.index("    - name: checkout") : SHOP.index("    - name: web")
    ]
    press = f"""
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: other, namespace: other}}
spec:
  components:
{checkout}"""
    orders = edited(API, ("shop/checkout", "other/checkout"))
    assert diff(BEFORE, model(orders, press, SHOP.replace(checkout, ""))) == (
        orders_change(
            "granted", service("other/checkout"), "GET,HEAD", NOT_HEALTH
        ),
        orders_change(
            "revoked", service("shop/checkout"), "GET,HEAD", NOT_HEALTH
        ),
    )


def test_a_client_that_another_team_gets_under_another_name_is_another_client() -> (
    None
):
    """The same workload with the same access but another owner is another client."""

    def owned(application: str, owner: str) -> str:
        return f"""
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: {application}, namespace: shop, annotations: {{owner: {owner}}}}}
spec:
  components:
    - name: checkout
      type: worker
      properties: {{image: checkout}}
      traits:
        - {{type: client, properties: {{kind: service, calls: [{{component: orders/api, scopes: [read]}}]}}}}
"""

    def calling(client: str) -> str:
        return edited(
            API,
            ("[shop/checkout, shop/web]", f"[{client}]"),
            ("components: [shop/web]", "components: []"),
        )

    before = model(calling("as/checkout"), owned("as", "team-a"))
    after = model(calling("bs/checkout"), owned("bs", "team-b"))
    changes = (
        orders_change(
            "granted", service("bs/checkout"), "GET,HEAD", NOT_HEALTH
        ),
        orders_change(
            "revoked", service("as/checkout"), "GET,HEAD", NOT_HEALTH
        ),
    )
    for old in (before, load_model(dump_model(before))):
        found = diff(old, after)
        assert found == changes
        assert [change.callers[0].owner for change in found] == [
            "team-b",
            "team-a",
        ]
    assert (
        diff(before, model(calling("bs/checkout"), owned("bs", "team-a"))) == ()
    )


@pytest.mark.parametrize(
    ("orders", "shop", "change"),
    [
        (
            edited(API, ("owner: team-orders", "owner: team-sales")),
            SHOP,
            Setting("owner", Subject("orders/api"), "owner", "team-orders", "team-sales"),
        ),
        (
            API,
            edited(SHOP, ("{name: shop,", "{name: shop, annotations: {owner: team-new},")),
            Setting("owner", Subject("shop/checkout"), "owner", None, "team-new"),
        ),
    ],
    ids=["by the trait", "by the Application"],
)  # fmt: skip
def test_another_owner_of_a_component_is_a_change(
    orders: str, shop: str, change: Setting
) -> None:
    """Another team now owns an API or a client."""
    assert diff(BEFORE, model(orders, shop)) == (change,)
    assert diff(load_model(dump_model(BEFORE)), model(orders, shop)) == (
        change,
    )


def test_another_owner_follows_opening_and_precedes_closing_changes() -> None:
    """Changes have the order of their kinds, the worst first."""
    after = edited(
        API,
        ("owner: team-orders", "owner: team-sales"),
        ("scopes: [read], groups: [sales]", "scopes: [read], groups: []"),
        (
            "scopes: [write], groups: [desk]",
            "scopes: [write, read], groups: [desk, audit]",
        ),
    )
    kinds = [change.kind for change in diff(BEFORE, model(after, SHOP))]
    assert kinds == ["widened", "owner", "narrowed"]


def test_owners_of_components_in_other_stacks_are_not_compared() -> None:
    """A run does not know the owner, before or after a component moves there."""
    orders, shop = BEFORE.estate.applications
    foreign = tuple(
        replace(component, owner=None) for component in shop.components
    )
    part = replace(
        BEFORE,
        estate=replace(
            BEFORE.estate,
            applications=(orders,),
            foreign=foreign,
            role="partition",
        ),
    )
    exported = load_model(dump_model(part))
    for old, new in ((BEFORE, part), (exported, BEFORE)):
        assert [
            change for change in diff(old, new) if change.kind == "owner"
        ] == []


@pytest.mark.parametrize(
    ("image", "kinds"),
    [
        ("checkout:2.0", []),
        ("checkout@sha256:0a", []),
        ("checkout:2.0@sha256:0a", []),
        ("elsewhere/checkout:2.0", ["granted", "revoked"]),
        ("elsewhere:5000/checkout", ["granted", "revoked"]),
        ("checkout-2", ["granted", "revoked"]),
    ],
)
def test_another_version_of_a_renamed_workload_is_the_same_principal(
    image: str, kinds: list[str]
) -> None:
    """Another tag or digest is the same workload; another image or registry is another workload."""
    orders = edited(API, ("shop/checkout", "shop/till"))
    shop = edited(
        SHOP,
        ("name: checkout", "name: till"),
        ("image: checkout", f"image: {image}"),
    )
    assert [
        change.kind for change in diff(BEFORE, model(orders, shop))
    ] == kinds


def test_a_rename_that_gains_access_is_another_client() -> None:
    """A renamed workload is the same client only while its access stays the same."""
    orders = edited(
        API,
        ("shop/checkout", "shop/till"),
        ("components: [shop/web]", "components: [shop/web, shop/till]"),
    )
    shop = edited(
        SHOP,
        ("name: checkout", "name: till"),
        (
            "calls: [{component: orders/api, scopes: [read]}]",
            "calls: [{component: orders/api, scopes: [read, write]}]",
        ),
    )
    assert diff(BEFORE, model(orders, shop)) == (
        orders_change(
            "granted", service("shop/till"), "GET,HEAD,POST", NOT_HEALTH
        ),
        orders_change(
            "revoked", service("shop/checkout"), "GET,HEAD", NOT_HEALTH
        ),
    )


def test_the_worst_is_first() -> None:
    """The order is: newly public, further callers, fewer callers."""
    orders = edited(
        API,
        ("public: {reason: probes}", "scopes: [read]"),
        (
            "scopes: [write], groups: [desk]",
            "scopes: [write], groups: [desk, sales]",
        ),
    )
    shop = edited(
        SHOP,
        ("calls: [{component: orders/api, scopes: [read]}]", "calls: []"),
        (
            "[{public: {reason: pages}}]",
            "[{methods: [GET], public: {reason: pages}}]",
        ),
    )
    changes = diff(model(orders, shop), BEFORE)
    assert [(change.kind, change.methods) for change in changes] == [
        ("newly public", ("GET", "HEAD")),
        ("newly public", ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")),
        ("granted", ("GET", "HEAD")),
        ("narrowed", ("POST",)),
    ]


def test_two_groups_that_are_needed_together_are_one_condition() -> None:
    """POST needs the scope of one group and the scope of another."""
    put = edited(API, ("[POST]", "[PUT]"))
    assert diff(model(put, SHOP), BEFORE) == (
        orders_change("granted", users("shop/web", "desk", "sales"), "POST", NOT_HEALTH),
        orders_change("revoked", users("shop/web", "desk", "sales"), "PUT", NOT_HEALTH),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("orders", "shop", "change"),
    [
        (
            API,
            edited(SHOP, ("calls: [{component: orders/api, scopes: [read]}]", "calls: []")),
            orders_change("revoked", service("shop/checkout"), "GET,HEAD", NOT_HEALTH),
        ),
        (
            edited(API, ("scopes: [write], groups: [desk]", "scopes: [write], groups: []")),
            SHOP,
            orders_change("revoked", users("shop/web", "desk", "sales"), "POST", NOT_HEALTH),
        ),
        (
            API,
            edited(SHOP, ("scopes: [read, write]}]", "scopes: [read]}]")),
            orders_change("revoked", users("shop/web", "desk", "sales"), "POST", NOT_HEALTH),
        ),
    ],
    ids=["a client's call", "a role's group", "a scope of users"],
)  # fmt: skip
def test_a_client_is_kept_out_at_once(
    orders: str, shop: str, change: Change
) -> None:
    """No old token works (`minutes` is None): each call looks up groups, rules and grants."""
    assert diff(BEFORE, model(orders, shop)) == (change,)


HELLO = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: hello, namespace: hello}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: hello.example.com, http: {/: 80}}
"""
"""An API without access rules: any token of the provider suffices."""
ISSUED_FOR_5 = settings(
    providers=[{"name": "okta", "type": "okta", "accessTokenMinutes": 5}]
)


def hello_change(
    caller: AffectedCaller, kind: str, minutes: int | None
) -> Change:
    region = Region(Subtree(()))
    return Change(
        kind, (caller,), METHODS, "hello.example.com", region, ANY, minutes
    )


def test_old_tokens_of_a_client_count_where_any_token_will_do() -> None:
    """A client without calls gets no further tokens; its old tokens work at an API without rules."""
    idle = edited(
        SHOP, ("calls: [{component: orders/api, scopes: [read]}]", "calls: []")
    )
    assert diff(model(API, SHOP, HELLO), model(API, idle, HELLO)) == (
        hello_change(service("shop/checkout"), "revoked", 60),
        orders_change("revoked", service("shop/checkout"), "GET,HEAD", NOT_HEALTH),
    )  # fmt: skip


def test_old_tokens_for_each_called_api_count_where_any_token_will_do() -> None:
    """Tokens are for one API each. Nobody else calls stock, the first API of the client."""
    on = settings()
    okta = replace(on.stack.providers["okta"], per_api=True)
    on = replace(on, stack=replace(on.stack, providers={"okta": okta}))
    stock = edited(
        API,
        *(("orders", "stock"), ("name: api", "name: items")),
        *(("read", "look"), ("write", "put")),
    )
    orders = "{component: orders/api, scopes: [read]}"
    both = f"{{component: stock/items, scopes: [look]}}, {orders}"
    was, now = (
        model(API, stock, edited(SHOP, (orders, calls)), HELLO, on=on)
        for calls in (both, "")
    )
    revoked = hello_change(service("shop/checkout"), "revoked", 60)
    assert revoked in diff(was, now)


def test_old_tokens_of_users_count_where_any_token_will_do() -> None:
    """Users in sales no longer get tokens through the shop."""
    without_group = edited(
        API,
        ("scopes: [read], groups: [sales]", "scopes: [read], groups: []"),
    )
    assert diff(model(API, SHOP, HELLO), model(without_group, SHOP, HELLO)) == (
        hello_change(users("shop/web", "sales"), "narrowed", 60),
        orders_change("revoked", users("shop/web", "sales"), "GET,HEAD", NOT_HEALTH),
        orders_change("revoked", users("shop/web", "desk", "sales"), "POST", NOT_HEALTH),
    )  # fmt: skip


def test_old_tokens_count_where_a_public_api_asks_for_any_token() -> None:
    """A client that gets no further tokens still calls with an old token."""
    rules = f"[{{methods: [{', '.join(METHODS)}], public: {{reason: pages}}}}]"
    trait = (
        f"{{type: access, properties: {{owner: team-hello, rules: {rules}}}}}"
    )
    public = model(API, SHOP, f"{HELLO}        - {trait}\n")
    calls = "calls: [{component: orders/api, scopes: [read]}]"
    idle = model(API, edited(SHOP, (calls, "calls: []")), HELLO)
    assert hello_change(EVERYBODY, "narrowed", 60) in diff(public, idle)
    same = model(API, SHOP, HELLO)
    assert hello_change(EVERYBODY, "narrowed", None) in diff(public, same)


def test_old_tokens_count_from_networks_that_stay_allowed() -> None:
    """Users in sales get no further tokens. The gate denies old tokens only from 10.0.0.0."""
    access = "        - type: access\n"
    limited = edited(
        API,
        (access, f"        - {{type: ip-allow, properties: {{from: [10.0.0.0/8]}}}}\n{access}"),
        ("scopes: [write], groups: [desk]", "scopes: [read, write], groups: [desk]"),
    )  # fmt: skip
    after = edited(
        limited,
        ("10.0.0.0/8", "10.128.0.0/9"),
        ("[shop/checkout, shop/web]}", "[shop/checkout]}"),
    )
    sales = replace(
        users("shop/web", "sales"), source=Source((network("10.0.0.0/8"),))
    )
    narrowed = orders_change("narrowed", sales, "GET,HEAD", NOT_HEALTH, 60)
    assert narrowed in diff(model(limited, SHOP), model(after, SHOP))


def test_old_tokens_count_as_long_as_they_were_issued_for() -> None:
    """The old settings give the lifetime."""
    idle = edited(
        SHOP, ("calls: [{component: orders/api, scopes: [read]}]", "calls: []")
    )
    before = model(API, SHOP, HELLO, on=ISSUED_FOR_5)
    revoked = hello_change(service("shop/checkout"), "revoked", 5)
    assert revoked in diff(before, model(API, idle, HELLO, on=ISSUED_FOR_5))
    longer, *changes = diff(before, model(API, idle, HELLO))
    assert longer == Setting(
        "may widen", Subject(provider="okta"), "accessTokenMinutes", 5, 60
    )
    assert revoked in changes  # fmt: skip


def test_a_scope_that_moves_lets_old_tokens_in_nowhere() -> None:
    """Its holder loses access to one component at once, and keeps access to the other only with a
    grant."""

    def offering(name: str, scope: str, client: str) -> str:
        return f"""
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: {name}, namespace: {name}}}
spec:
  components:
    - name: api
      type: webservice
      properties: {{image: x}}
      traits:
        - type: gateway
          properties: {{domain: {name}.example.com, http: {{/: 80}}}}
        - type: access
          properties:
            owner: team
            scopes: {{{scope}: r}}
            rules: [{{scopes: [{scope}]}}]
            roles: {{all: {{scopes: [{scope}], components: [shop/{client}]}}}}
"""

    def calling(checkout: str, web: str) -> str:
        return edited(
            SHOP,
            ("[{component: orders/api, scopes: [read]}]", checkout),
            ("[{component: orders/api, scopes: [read, write]}]", web),
        )

    before = model(
        offering("a", "data.read", "checkout"),
        offering("b", "b.read", "web"),
        calling("[{component: a/api, scopes: [data.read]}]", "[{component: b/api, scopes: [b.read]}]"),
    )  # fmt: skip
    after = model(
        offering("a", "a.read", "checkout"),
        offering("b", "data.read", "web"),
        calling("[]", "[{component: b/api, scopes: [data.read]}]"),
    )
    checkout = service("shop/checkout")
    region = Region(Subtree(()))
    assert diff(before, after) == (
        Change(
            "revoked",
            (checkout,),
            METHODS,
            "a.example.com",
            region,
            ANY,
            None,
        ),
    )


ADMIN = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: orders}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {read: Read}
            rules:
              - {methods: [GET], public: {reason: all}}
              - {paths: [/admin], methods: [GET], scopes: [read]}
"""
OPENED = orders_change(
    "newly public", EVERYBODY, "GET,HEAD", Region(Subtree(("admin",)))
)
OPENED_OTHERWISE = orders_change(
    "newly public", EVERYBODY, "GET,HEAD", Region(Subtree(("admin.",), spelled_otherwise=True))
)  # fmt: skip


def test_other_spellings_of_a_path_open_with_its_rule() -> None:
    """The gate denies /Admin and `/admin.` while /admin has a rule."""
    opened = edited(
        ADMIN, ("- {paths: [/admin], methods: [GET], scopes: [read]}", "")
    )
    assert diff(model(ADMIN), model(opened)) == (OPENED, OPENED_OTHERWISE)


def test_other_spellings_open_alone_where_the_path_was_open() -> None:
    """A public rule also denies the other spellings, until it is removed."""
    redundant = edited(
        ADMIN,
        (
            "{paths: [/admin], methods: [GET], scopes: [read]}",
            "{paths: [/admin], methods: [GET], public: {reason: same}}",
        ),
    )
    opened = edited(
        ADMIN, ("- {paths: [/admin], methods: [GET], scopes: [read]}", "")
    )
    assert diff(model(redundant), model(opened)) == (OPENED_OTHERWISE,)


def test_the_providers_groups_count_within_a_stack() -> None:
    """A changed mapping of groups gives access to other users, without a change of Applications."""
    mapped = settings(
        providers=[
            {"name": "okta", "type": "okta", "groups": {"desk": "Everyone"}}
        ]
    )
    everyone = users("shop/web", "Everyone", "sales")
    assert diff(BEFORE, model(API, SHOP, on=mapped)) == (
        orders_change("widened", everyone, "POST", NOT_HEALTH),
        orders_change("narrowed", users("shop/web", "desk", "sales"), "POST", NOT_HEALTH),
    )  # fmt: skip


def test_a_first_deployment_grants_everything() -> None:
    """The old side is the same stack without Applications."""
    sales = users("shop/web", "sales")
    assert diff(empty(BEFORE), BEFORE) == (
        orders_change("newly public", EVERYBODY, "GET,HEAD", Region(HEALTH)),
        Change("newly public", (EVERYBODY,), METHODS, "web-shop.apps.example.com", Region(Subtree(())), ANY),
        Change("granted", (service("shop/checkout"), sales), ("GET", "HEAD"), "orders.example.com", NOT_HEALTH, ANY),
        orders_change("granted", users("shop/web", "desk", "sales"), "POST", NOT_HEALTH),
    )  # fmt: skip


def test_a_change_has_the_rule_that_opens_and_an_example_request() -> None:
    """Users of the web client in both groups may now call PUT."""
    put = edited(API, ("methods: [POST]", "methods: [POST, PUT]"))
    (change,) = diff(BEFORE, model(put, SHOP))
    assert change == Change(
        kind="granted",
        callers=(users("shop/web", "desk", "sales"),),
        methods=("PUT",),
        site="orders.example.com",
        region=NOT_HEALTH,
        example=Example(
            method="PUT",
            path=("orders",),
            was="orders.example.com",
            now="orders.example.com",
            principal=Principal("shop/web", "okta", users=True),
            groups=frozenset({"desk", "sales"}),
        ),
    )
    assert str(change.position) == "app0.yaml:19:17"


def test_an_exported_model_has_only_access() -> None:
    """Other texts and another order have the same export, which has no text of the Application."""
    reworded = edited(API, ("probes", "other words"), ("Read", "See"))
    assert dump_model(model(SHOP, reworded)) == dump_model(BEFORE)
    assert "probes" not in dump_model(BEFORE)
    lines = dump_model(BEFORE).split("\n")
    assert [line.split(" ")[0] for line in lines] == [
        "1",
        "stack",
        "orders/api",
        "shop/checkout",
        "shop/web",
    ]


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        [],
        "",
        7,
        "1",
        "1\nstack {}",
        "1\nstack nonsense",
        "1\nstack 7",
        "1\n",
    ],
)
def test_a_text_that_is_no_model_is_refused(data: object) -> None:
    """The message describes the expected model; there is no traceback."""
    with pytest.raises(ModelError, match="not a model that a stack exports"):
        load_model(data)


def test_a_model_of_another_format_is_refused() -> None:
    """The message names both formats."""
    with pytest.raises(
        ModelError,
        match="of format 2, but this version of the program reads format 1",
    ):
        load_model("2\nstack {}")
