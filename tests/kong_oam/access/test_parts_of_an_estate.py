"""The parts of an estate that its stacks deploy: the base, and each partition."""

from __future__ import annotations

from dataclasses import replace

from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import Component, Estate
from kong_oam.access.partitions import (
    Offered,
    add_used_offers,
    all_of,
    base_of,
    deployed_by,
    missing_offers,
    offered,
    part_of,
    uses,
)
from kong_oam.access.providers import Provider
from kong_oam.access.workloads import workload_of
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
"""It has no access trait, so any valid token of the provider is enough."""
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
    """Return the estate with changed fields of a component."""

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
    """Return the estate without an Application."""
    return replace(
        model,
        applications=tuple(
            app for app in model.applications if app.name != name
        ),
    )


def test_an_estate_without_partitions_is_deployed_as_it_is() -> None:
    """Its only stack deploys all. With partitions, this stack deploys the base."""
    single = estate(ORDERS, SHOP, MAIL, STORE)
    assert deployed_by(single, None) is single
    assert deployed_by(ESTATE, None) == base_of(ESTATE)
    assert deployed_by(ESTATE, "sales") == part_of(ESTATE, "sales")


def test_the_base_deploys_no_component_and_offers_all() -> None:
    """The base has offers and sign-in clients, but no rules, workloads, labels or grants."""
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


def test_the_base_knows_the_urls_of_mcp_endpoints() -> None:
    """Entra's application of an API has them, and the base makes it."""
    endpoint = (
        "{paths: [/orders/mcp], methods: [POST, GET, DELETE], scopes: [read]}"
    )
    tool = "{paths: [/orders/mcp], tools: [find], scopes: [read]}"
    orders = ORDERS.replace("rules: [", f"rules: [{endpoint}, {tool}, ")
    server = estate(orders, SHOP, MAIL, STORE, stack=PARTITIONED)
    api = base_of(server).components["orders/api"]
    scheme = PARTITIONED.scheme
    assert api.identity.resources == (
        f"{scheme}://orders.example.com/orders/mcp",
    )


def test_the_base_knows_of_clients_and_hosts_only_what_it_needs() -> None:
    """It knows the origins of pages that get tokens themselves, and the hosts with certificates."""
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
    """A rule, a grant, an image or an owner does not change the base; a scope or a group does."""
    web = ESTATE.components["shop/web"]
    alone = (replace(web.identity.clients[0], calls=()),)
    api = ESTATE.components["orders/api"]
    changes: dict[str, dict[str, object]] = {
        "shop/web": {
            "clients": alone,
            "rendered": (),
            "properties": {"image": "x"},
        },
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
    """Callers have only the calls that lead here, and no other values."""
    part = part_of(ESTATE, "apis")
    assert list(part.own) == ["orders/api", "orders/db"]
    assert part.own["orders/api"] == ESTATE.components["orders/api"]
    assert {component.key for component in part.foreign} == {
        "shop/web",
        "mail/sender",
    }
    assert part.offering == ()
    assert part.own_clients == ()
    assert part.granted_at(part.own["orders/api"], users=False) == {
        "mail/sender": ("read",),
        "shop/web": ("read", "write"),
    }


def test_a_partition_is_blind_to_versions_of_its_callers() -> None:
    """A partition knows a caller's workload only by its digest."""
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
        other = changed(ESTATE, "shop/web", properties={"image": image})
        now = part_of(other, "apis")
        assert (
            plain_data(now) == plain_data(part_of(ESTATE, "apis"))
        ) is equal, image


def test_a_partition_is_blind_to_what_callers_have_at_the_provider() -> None:
    """It does not know lifetimes of keys and redirect addresses, except the origins of pages that
    read the gate's answers."""
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
    """It knows scopes and providers of its callees, but no rules or roles. It knows no other
    components."""
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
    """Otherwise two commands would have different results."""
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
    """This holds for any namespaces of the partitions, and for none."""
    own = [
        key
        for name in PARTITIONED.partitions
        for key in part_of(ESTATE, name).own
    ]
    assert sorted(own) == sorted(ESTATE.components)


def test_where_any_token_counts_all_that_tokens_are_for_is_known() -> None:
    """If tokens are for one API each, `store/pages` accepts every API's tokens. Otherwise the
    audience is enough."""
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
    """A partition does not know clients of a provider that guards none of its components."""
    per_api = estate(ORDERS, SHOP, MAIL, STORE, stack=PER_API)
    elsewhere = changed(
        without(per_api, "shop"), "store/pages", provider="other"
    )
    assert part_of(elsewhere, "sales").foreign == ()


def test_a_partition_needs_its_own_scopes_and_those_that_it_asks_for() -> None:
    """It also needs the groups in its roles."""
    assert uses(part_of(ESTATE, "apis")) == offered(ESTATE)
    assert uses(part_of(ESTATE, "rest")) == {
        API: Offered("main", {"read": "Read"})
    }
    assert uses(base_of(ESTATE)) == {}


def test_what_a_base_lacks_is_said_in_words() -> None:
    """Each scope and group has a line. An offer at another provider does not count."""
    needed = offered(ESTATE)
    assert missing_offers(needed, needed) == []
    assert missing_offers(
        needed, {API: Offered("main", {"read": "other words"}, ("sales",))}
    ) == [
        "group desk of orders/api",
        "scope write of orders/api",
    ]
    assert missing_offers(
        needed, {"orders/api at other": needed[API]}
    ) == missing_offers(needed, {})
    assert len(missing_offers(needed, {})) == 4
    assert missing_offers({}, needed) == []


def test_what_goes_to_and_fro_is_plain_data() -> None:
    """A stack exports it as JSON."""
    for offer in offered(ESTATE).values():
        assert Offered.from_output(offer.to_output()) == offer


def test_a_base_keeps_what_some_partition_still_uses() -> None:
    """It keeps only the used part of a removed offer, until no partition uses it."""
    before = offered(ESTATE)
    now = base_of(
        changed(ESTATE, "orders/api", scopes={"read": "Read"}, roles=())
    )
    base, words = add_used_offers(
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
    base, words = add_used_offers(
        now, before, [{API: Offered("main", {}, ("desk",))}]
    )
    assert words == ["group desk of orders/api"]
    assert offered(base)[API].groups == ("desk",)
    assert add_used_offers(now, before, [{}]) == (now, [])


def test_a_base_keeps_what_a_component_that_is_gone_offered() -> None:
    """The removed component is kept beside the Applications, with its old offer."""
    now = base_of(without(ESTATE, "orders"))
    base, words = add_used_offers(
        now, offered(ESTATE), [uses(part_of(ESTATE, "rest"))]
    )
    assert words == ["scope read of orders/api"]
    assert offered(base) == {API: Offered("main", {"read": "Read"})}
    assert add_used_offers(now, offered(ESTATE), [])[1] == []


def test_a_base_keeps_scopes_at_the_provider_that_a_component_left() -> None:
    """Clients of the old provider ask for these scopes until their stacks have run. The new
    provider has the scopes, too."""
    moved = base_of(changed(ESTATE, "orders/api", provider="other"))
    base, words = add_used_offers(
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
