"""What the stacks of an estate are given of it: the base, and each of its partitions."""

from __future__ import annotations

from dataclasses import replace

from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import Component, Estate
from kong_oam.access.partitions import (
    Offered,
    all_of,
    base_of,
    deployed_by,
    lacking,
    offered,
    part_of,
    uses,
    with_kept,
)
from kong_oam.access.providers import Provider
from kong_oam.access.workloads import digest_of, workload_of
from tests.support.components import with_fields
from tests.support.estates import STACK, estate
from tests.support.plain_data import plain_data

ORDERS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: orders, labels: {team: o}}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x, ports: [{port: 8080}]}
      dependsOn: [db]
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: o
            scopes: {read: Read, write: Write}
            rules: [{methods: [GET], scopes: [read]}, {methods: [POST], scopes: [write]}]
            roles:
              viewer: {scopes: [read], groups: [sales], components: [shop/web, mail/sender]}
              editor: {scopes: [write], groups: [desk], components: [shop/web]}
    - name: db
      type: worker
      properties: {image: db}
"""
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: web
      type: worker
      properties: {image: web}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: orders/api, scopes: [read, write]}]}
"""
MAIL = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: mail, namespace: mail}
spec:
  components:
    - name: sender
      type: worker
      properties: {image: mail}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}
"""
STORE = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: store, namespace: store, annotations: {owner: s}}
spec:
  components:
    - name: pages
      type: webservice
      properties: {image: x, ports: [{port: 80}]}
      traits: [{type: gateway, properties: {domain: store.example.com, http: {/: 80}}}]
"""
"""It has no access trait, so any token of the provider will do."""
OTHER = Provider(
    "other",
    "api://other",
    STACK.providers["main"].spelling,
    issuer="https://other.example.com",
)
PARTITIONED = replace(
    STACK,
    providers={**STACK.providers, "other": OTHER},
    partitions={
        "sales": ("shop", "store"),
        "apis": ("orders",),
        "rest": ("*",),
    },
)
PER_API = replace(
    PARTITIONED,
    providers={
        name: replace(provider, per_api=True)
        for name, provider in PARTITIONED.providers.items()
    },
)
ESTATE = estate(ORDERS, SHOP, MAIL, STORE, stack=PARTITIONED)
API = "orders/api at main"


def changed(model: Estate, key: str, **fields: object) -> Estate:
    """The estate with fields of a component changed."""

    def edited(component: Component) -> Component:
        if component.key != key:
            return component
        return with_fields(component, **fields)

    applications = (
        replace(app, components=tuple(map(edited, app.components)))
        for app in model.applications
    )
    return replace(model, applications=tuple(applications))


def without(model: Estate, name: str) -> Estate:
    """The estate without an Application."""
    return replace(
        model,
        applications=tuple(
            app for app in model.applications if app.name != name
        ),
    )


def test_an_estate_without_partitions_is_deployed_as_it_is() -> None:
    """By the one stack that it has; with partitions that one deploys the base."""
    single = estate(ORDERS, SHOP, MAIL, STORE)
    assert deployed_by(single, None) is single
    assert deployed_by(ESTATE, None) == base_of(ESTATE)
    assert deployed_by(ESTATE, "sales") == part_of(ESTATE, "sales")


def test_the_base_deploys_no_component_and_offers_all() -> None:
    """It knows what each offers, and whom clients sign in: no rule, no workload, no label, no grant."""
    base = base_of(ESTATE)
    assert (base.own, base.own_clients, base.exposed) == ({}, (), ())
    assert {component.key for component in base.offering} == {"orders/api"}
    assert (
        offered(base)
        == offered(ESTATE)
        == {
            API: Offered(
                "main", {"read": "Read", "write": "Write"}, ("desk", "sales")
            )
        }
    )
    api = base.components["orders/api"]
    assert (
        api.exposure.rules,
        api.workload.rendered,
        api.owner,
        api.workload.depends_on,
    ) == (
        (),
        (),
        None,
        (),
    )
    assert base.clients == ()
    assert base.applications[0].labels == {}


def test_the_base_knows_of_clients_and_hosts_only_what_it_needs() -> None:
    """Whose pages get tokens themselves, at which origins, and for which hosts there are certificates."""
    stack = replace(PARTITIONED, scheme="https")
    browser = {
        "kind": "browser",
        "redirect_uris": ("https://a.test/back", "https://a.test/b"),
        "groups": ("sales",),
    }
    pages = ESTATE.components["shop/web"]
    client = replace(pages.identity.clients[0], **browser)  # type: ignore[arg-type]
    web = replace(client, kind="web")
    secure = Endpoint("a.test", (), 80, pages.position, certificate="tls")
    model = changed(
        ESTATE,
        "shop/web",
        clients=(client, web),
        endpoints=(secure, replace(secure, certificate=None)),
    )
    shop = base_of(replace(model, stack=stack)).components["shop/web"]
    assert [
        (client.kind, client.calls, client.groups, client.redirect_uris)
        for client in shop.identity.clients
    ] == [
        ("browser", (), (), ("https://a.test",)),
        ("web", (), (), ()),
    ]
    assert shop.identity.clients[0].origins == client.origins
    assert shop.exposure.endpoints == (secure,)


def test_the_base_is_blind_to_what_is_a_partitions() -> None:
    """A rule, a grant, an image or an owner changes nothing in it; a scope or a group does."""
    web = ESTATE.components["shop/web"]
    alone = (replace(web.identity.clients[0], calls=()),)
    api = ESTATE.components["orders/api"]
    changes: dict[str, dict[str, object]] = {
        "shop/web": {"clients": alone, "rendered": (), "label": "another"},
        "mail/sender": {"clients": ()},
        "store/pages": {"endpoints": (), "namespace": "elsewhere"},
        "orders/api": {
            "rules": (),
            "owner": "somebody",
            "depends_on": (),
            "forward_token": True,
            "roles": tuple(
                replace(role, name="r", scopes=(), components=())
                for role in api.identity.roles
            ),
        },
    }
    for key, fields in changes.items():
        assert plain_data(
            base_of(changed(ESTATE, key, **fields))
        ) == plain_data(base_of(ESTATE)), key
    assert base_of(
        changed(ESTATE, "orders/api", scopes={"read": "Read"})
    ) != base_of(ESTATE)
    assert base_of(changed(ESTATE, "orders/api", roles=())) != base_of(ESTATE)


def test_a_partition_has_its_own_and_who_calls_it() -> None:
    """Callers with those of their calls that lead here, and nothing of what else they are."""
    part = part_of(ESTATE, "apis")
    assert list(part.own) == ["orders/api", "orders/db"]
    assert part.own["orders/api"] == ESTATE.components["orders/api"]
    assert {component.key for component in part.foreign} == {
        "shop/web",
        "mail/sender",
    }
    assert part.offering == ()
    assert part.own_clients == ()
    assert part.held_at(part.own["orders/api"], users=False) == {
        "mail/sender": ("read",),
        "shop/web": ("read", "write"),
    }


def test_a_partition_is_blind_to_versions_of_its_callers() -> None:
    """A digest tells one workload from another, and nothing else is known of it."""
    caller = ESTATE.components["shop/web"]
    (known,) = (
        component
        for component in part_of(ESTATE, "apis").foreign
        if component.key == "shop/web"
    )
    assert (known.workload.rendered, workload_of(known)) == (
        (),
        workload_of(caller),
    )
    for image, equal in (
        ("web:1.5", True),
        ("web@sha256:0a", True),
        ("other", False),
        ("of/web", False),
    ):
        workload = digest_of(caller, {"image": image})
        now = part_of(changed(ESTATE, "shop/web", label=workload), "apis")
        assert (
            plain_data(now) == plain_data(part_of(ESTATE, "apis"))
        ) is equal, image


def test_a_partition_is_blind_to_what_callers_have_at_the_provider() -> None:
    """How long their keys last, and where users come back to; but for origins, whose pages read the gate's answers."""
    (client,) = ESTATE.components["shop/web"].identity.clients
    client = replace(
        client, kind="browser", redirect_uris=("https://a.test/back",)
    )
    known = plain_data(
        part_of(changed(ESTATE, "shop/web", clients=(client,)), "apis")
    )
    fields: list[tuple[dict[str, object], bool]] = [
        (
            {"refresh": True, "rotate_every": 9, "jwks_uri": "https://a.test"},
            True,
        ),
        (
            {"redirect_uris": ("https://a.test/other", "https://a.test/back")},
            True,
        ),
        ({"redirect_uris": ("https://b.test/back",)}, False),
        ({"kind": "web"}, False),
    ]
    for edit, equal in fields:
        now = changed(ESTATE, "shop/web", clients=(replace(client, **edit),))  # type: ignore[arg-type]
        assert (plain_data(part_of(now, "apis")) == known) is equal, edit


def test_a_partition_knows_whom_it_calls() -> None:
    """The scopes and the provider of these, without rules and roles; of others than these nothing at all."""
    part = part_of(ESTATE, "sales")
    (api,) = part.foreign
    assert api.key == "orders/api"
    assert api.identity.scopes == {"read": "Read", "write": "Write"}
    assert (
        api.exposure.rules,
        api.identity.roles,
        api.identity.clients,
        api.owner,
        api.workload.rendered,
    ) == (
        (),
        (),
        (),
        None,
        (),
    )
    assert [client.component for client in part.own_clients] == ["shop/web"]


def test_others_are_known_in_the_order_of_the_estate() -> None:
    """Else two commands would not find the same."""
    names = [f"mail{number}" for number in range(8)]
    orders = ORDERS.replace(
        "mail/sender", ", ".join(f"{name}/sender" for name in names)
    )
    callers = (
        MAIL.replace("mail, namespace: mail", f"{name}, namespace: {name}")
        for name in names
    )
    part = part_of(estate(*callers, orders, SHOP, stack=PARTITIONED), "apis")
    assert [component.application for component in part.foreign] == [
        *names,
        "shop",
    ]


def test_three_partitions_have_each_component_once() -> None:
    """Whatever namespaces they name, or none."""
    own = [
        key
        for name in PARTITIONED.partitions
        for key in part_of(ESTATE, name).own
    ]
    assert sorted(own) == sorted(ESTATE.components)


def test_where_any_token_counts_all_that_tokens_are_for_is_known() -> None:
    """Of a provider whose tokens are for one API each: `store/pages` takes every API's. Elsewhere an audience does."""
    per_api = estate(ORDERS, SHOP, MAIL, STORE, stack=PER_API)
    part = part_of(without(per_api, "shop"), "sales")
    pages = part.own["store/pages"]
    assert {component.key for component in part.foreign} == {
        "mail/sender",
        "orders/api",
    }
    assert part.apis_at(pages) == per_api.apis_at(pages) == ("orders/api",)
    assert part_of(without(ESTATE, "shop"), "sales").foreign == ()


def test_any_token_of_another_provider_is_not_its_business() -> None:
    """Clients of a provider by which nothing here is guarded are not known."""
    per_api = estate(ORDERS, SHOP, MAIL, STORE, stack=PER_API)
    elsewhere = changed(
        without(per_api, "shop"), "store/pages", provider="other"
    )
    assert part_of(elsewhere, "sales").foreign == ()


def test_a_partition_needs_its_own_scopes_and_those_that_it_asks_for() -> None:
    """And the groups of its own roles."""
    assert uses(part_of(ESTATE, "apis")) == offered(ESTATE)
    assert uses(part_of(ESTATE, "rest")) == {
        API: Offered("main", {"read": "Read"})
    }
    assert uses(base_of(ESTATE)) == {}


def test_what_a_base_lacks_is_said_in_words() -> None:
    """Per scope and group; of another provider it has nothing of that."""
    needed = offered(ESTATE)
    assert lacking(needed, needed) == []
    assert lacking(
        needed, {API: Offered("main", {"read": "other words"}, ("sales",))}
    ) == [
        "group desk of orders/api",
        "scope write of orders/api",
    ]
    assert lacking(needed, {"orders/api at other": needed[API]}) == lacking(
        needed, {}
    )
    assert len(lacking(needed, {})) == 4
    assert lacking({}, needed) == []


def test_what_goes_to_and_fro_is_plain_data() -> None:
    """As a stack exports it."""
    for offer in offered(ESTATE).values():
        assert Offered.from_output(offer.to_output()) == offer


def test_a_base_keeps_what_some_partition_still_uses() -> None:
    """Of what vanished only that, and until nobody does."""
    before = offered(ESTATE)
    now = base_of(
        changed(ESTATE, "orders/api", scopes={"read": "Read"}, roles=())
    )
    base, words = with_kept(
        now,
        before,
        [
            {API: Offered("main", {"write": ""})},
            {API: Offered("main", {"read": ""})},
        ],
    )
    assert words == ["scope write of orders/api"]
    assert offered(base) == {
        API: Offered("main", {"read": "Read", "write": "Write"})
    }
    assert [component.key for component in base.offering] == [*base.components]
    base, words = with_kept(
        now, before, [{API: Offered("main", {}, ("desk",))}]
    )
    assert words == ["group desk of orders/api"]
    assert offered(base)[API].groups == ("desk",)
    assert with_kept(now, before, [{}]) == (now, [])


def test_a_base_keeps_what_a_component_that_is_gone_offered() -> None:
    """It stands beside the Applications, and is offered as before."""
    now = base_of(without(ESTATE, "orders"))
    base, words = with_kept(
        now, offered(ESTATE), [uses(part_of(ESTATE, "rest"))]
    )
    assert words == ["scope read of orders/api"]
    assert offered(base) == {API: Offered("main", {"read": "Read"})}
    assert with_kept(now, offered(ESTATE), [])[1] == []


def test_a_base_keeps_scopes_at_the_provider_that_a_component_left() -> None:
    """Beside those at the one that it went to: clients of the first ask for them until their stacks have been run."""
    moved = base_of(changed(ESTATE, "orders/api", provider="other"))
    base, words = with_kept(
        moved, offered(ESTATE), [uses(part_of(ESTATE, "rest"))]
    )
    assert words == ["scope read of orders/api"]
    assert offered(base) == {
        API: Offered("main", {"read": "Read"}),
        "orders/api at other": Offered(
            "other", {"read": "Read", "write": "Write"}, ("desk", "sales")
        ),
    }
    assert [
        component.identity.provider
        for component in base.offering
        if component.key == "orders/api"
    ] == [
        "other",
        "main",
    ]
    assert base.components["orders/api"].identity.provider == "other"


def test_what_either_of_two_estates_needs_of_the_base() -> None:
    first = {
        API: Offered("main", {"read": "Read"}, ("sales",)),
        "a/b at main": Offered("main", {"x": ""}),
    }
    second = {
        API: Offered("main", {"write": "Write"}, ("desk",)),
        "c/d at main": Offered("main", {"y": ""}),
    }
    assert all_of(first, second) == {
        API: Offered(
            "main", {"read": "Read", "write": "Write"}, ("desk", "sales")
        ),
        "a/b at main": first["a/b at main"],
        "c/d at main": second["c/d at main"],
    }
