"""Lost entities of Kong: which they are, their order of removal, and which of them stay."""

from __future__ import annotations

import httpx
import pytest

from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.owners import OwnerLookup
from kong_oam.recover.kong import (
    LostEntity,
    OutdatedStateError,
    RemovalError,
    entities,
    lost_entities,
    remove,
)
from sandbox.kong import Kong

OURS = frozenset({"kong-oam", "kong-oam-stack:local"})
ASKING = OwnerLookup("local")


def _entity(
    collection: str,
    identifier: str,
    tags: frozenset[str] = OURS,
    **parents: str,
) -> LostEntity:
    return LostEntity(collection, identifier, identifier, tags, parents)


SERVICE = _entity("services", "api")
GATE = _entity("plugins", "gate", service="api")
ROUTE = _entity("routes", "way", service="api")
OPTIONAL = _entity("plugins", "optional", route="way")
NOWHERE = _entity("upstreams", "nowhere")
RING = _entity("consumers", "ring")
KEY = _entity("jwts", "key", consumer="ring")


def _removed(rows: list[LostEntity], known: set[str]) -> list[str]:
    found = lost_entities(rows, frozenset(known), ASKING)
    return [entity.id for entity, reason in found if reason is None]


def test_a_recorded_entity_is_not_lost() -> None:
    """Its id is recorded, whatever other entities exist."""
    assert (
        lost_entities(
            [SERVICE, GATE, ROUTE], frozenset({"api", "gate", "way"}), ASKING
        )
        == ()
    )
    assert _removed([SERVICE, GATE], {"api"}) == ["gate"]


@pytest.mark.parametrize(
    "tags",
    [
        *(
            set(),
            {"kong-oam"},
            {"kong-oam-stack:local"},
            {"kong-oam", "kong-oam-stack:local2"},
        ),
        {"kong-oam", "kong-oam-stack:local", "kong-oam-stack:prod"},
    ],
)
def test_an_entity_without_all_tags_is_not_lost(
    tags: set[str],
) -> None:
    """Examples are entities of other stacks, of other tools, and of people."""
    assert (
        lost_entities(
            [_entity("services", "other", frozenset(tags))], frozenset(), ASKING
        )
        == ()
    )


def test_a_child_of_another_stacks_entity_is_not_lost() -> None:
    """Somebody gave it our tags, but the other stack may need it."""
    theirs = _entity(
        "consumers",
        "kong-oam.prod.ring.okta",
        frozenset({"kong-oam-stack:prod"}),
    )
    key = _entity("jwts", "key", consumer="kong-oam.prod.ring.okta")
    assert lost_entities([theirs, key], frozenset(), ASKING) == ()


def test_routes_are_removed_before_plugins_and_services() -> None:
    """Routes are removed before their plugins and services, whatever the order of the list."""
    rows = [
        _entity("consumers", "c"),
        _entity("upstreams", "u"),
        _entity("services", "s"),
        _entity("certificates", "t"),
        _entity("jwts", "j", consumer="known"),
        _entity("plugins", "p", service="known"),
        _entity("routes", "r", service="known"),
    ]
    assert _removed(rows, {"known"}) == ["r", "p", "s", "u", "j", "c", "t"]


def test_a_guard_stays_while_a_route_that_stays_leads_to_its_service() -> None:
    """Without the plugin, the service would be more open. Removed routes and routes of other
    services do not count."""
    assert [
        reason
        for _, reason in lost_entities(
            [SERVICE, GATE, ROUTE], frozenset({"api", "way"}), ASKING
        )
    ] == ["it guards the service of route way; remove its routes first"]
    theirs = _entity("routes", "theirs", frozenset(), service="api")
    assert _removed([SERVICE, GATE, theirs], {"api"}) == []
    assert _removed([SERVICE, GATE, ROUTE], {"api"}) == ["way", "gate"]
    assert _removed(
        [SERVICE, GATE, _entity("routes", "elsewhere", service="other")],
        {"api", "elsewhere"},
    ) == ["gate"]


def test_a_parent_of_a_kept_entity_stays() -> None:
    """Kong also removes a route's plugins and a consumer's credentials: no other entity may
    disappear that way."""
    theirs = _entity(
        "plugins", "rate-limiting", frozenset({"theirs"}), route="way"
    )
    found = lost_entities([SERVICE, ROUTE, theirs], frozenset({"api"}), ASKING)
    assert [(entity.id, reason) for entity, reason in found] == [
        ("way", "plugin rate-limiting belongs to it")
    ]
    prods = _entity(
        "plugins",
        "prods",
        frozenset({"kong-oam", "kong-oam-stack:prod"}),
        route="way",
    )
    ((_, doubt),) = lost_entities(
        [SERVICE, ROUTE, prods], frozenset({"api"}), ASKING
    )
    assert doubt == "plugin prods of stack 'prod' belongs to it"
    assert (
        _removed(
            [RING, _entity("jwts", "by-hand", frozenset(), consumer="ring")],
            set(),
        )
        == []
    )
    assert (
        _removed(
            [
                NOWHERE,
                _entity("targets", "by-hand", frozenset(), upstream="nowhere"),
            ],
            set(),
        )
        == []
    )


def test_a_parent_and_its_child_are_never_both_lost() -> None:
    """A run creates a child only after the state has recorded its parent: the state is old, or
    another stack's."""
    for parent, child in (
        (SERVICE, GATE),
        (SERVICE, ROUTE),
        (ROUTE, OPTIONAL),
        (RING, KEY),
    ):
        with pytest.raises(
            OutdatedStateError,
            match=rf"lacks both \w+ {parent.id} and its child \w+ {child.id}, .* backend",
        ):
            lost_entities([parent, child], frozenset(), ASKING)


def test_every_page_is_read_and_every_kind_is_named_and_removed() -> None:
    """1,100 services are two pages; credentials belong to their consumer; a missing entity is no
    error."""
    with (
        Kong() as kong,
        httpx.Client(base_url=kong.admin_url) as admin,
        AdminApi(Account(kong.admin_url)) as api,
    ):
        for number in range(1100):
            admin.post(
                "/services", json={"name": f"s{number}", "host": "example.com"}
            )
        service = admin.get("/services/s0").json()["id"]
        consumer = admin.post(
            "/consumers", json={"username": "ring", "tags": sorted(OURS)}
        ).json()["id"]
        admin.post(
            "/consumers/ring/jwt",
            json={"key": "kid", "secret": "s", "tags": sorted(OURS)},
        )
        admin.post(
            "/plugins",
            json={
                "name": "jwt",
                "service": {"id": service},
                "tags": sorted(OURS),
            },
        )
        for name in ("ours", "theirs"):
            admin.post("/upstreams", json={"name": name, "tags": sorted(OURS)})
        admin.post(
            "/upstreams/theirs/targets", json={"target": "example.com:80"}
        )
        admin.post(
            "/routes",
            json={
                "name": "way",
                "paths": ["/"],
                "service": {"id": service},
                "tags": sorted(OURS),
            },
        )
        rows = entities(api)
        assert sum(entity.collection == "services" for entity in rows) == 1100
        assert sorted(map(str, (entity for entity in rows if entity.tags))) == [
            "consumer ring",
            "jwt kid of ring",
            "plugin jwt of s0",
            "route way",
            "upstream ours",
            "upstream theirs",
        ]
        judged = lost_entities(rows, frozenset({service, consumer}), ASKING)
        assert [reason for _, reason in judged if reason] == [
            "target example.com:80 of theirs belongs to it"
        ]
        found = [entity for entity, reason in judged if reason is None]
        remove(api, found, settle=0)
        remove(api, found, settle=0)
        assert [
            kong.entities(kind) for kind in ("routes", "plugins", "jwt_secrets")
        ] == [
            [],
            [],
            [],
        ]
        assert len(kong.entities("consumers")) == 1
        assert [
            upstream["name"] for upstream in kong.entities("upstreams")
        ] == ["theirs"]


def test_the_first_guard_goes_once_every_worker_has_seen_the_routes_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is one pause for all plugins, and none without plugins on services."""
    pauses: list[object] = []
    monkeypatch.setattr("kong_oam.recover.kong.time.sleep", pauses.append)

    def answer(request: httpx.Request) -> httpx.Response:
        pauses.append(request.url.path)
        return httpx.Response(204)

    with AdminApi(Account("http://kong"), httpx.MockTransport(answer)) as admin:
        remove(
            admin,
            [ROUTE, OPTIONAL, GATE, _entity("plugins", "jwt", service="api")],
            settle=12.0,
        )
        assert pauses == [
            "/routes/way",
            "/plugins/optional",
            12.0,
            "/plugins/gate",
            "/plugins/jwt",
        ]
        pauses.clear()
        remove(admin, [ROUTE, KEY, RING], settle=12.0)
        assert pauses == [
            "/routes/way",
            "/consumers/ring/jwt/key",
            "/consumers/ring",
        ]


def test_a_kong_that_refuses_is_quoted() -> None:
    """A service that has got a route meanwhile is not removed: the error is Kong's."""
    with (
        Kong() as kong,
        httpx.Client(base_url=kong.admin_url) as admin,
        AdminApi(Account(kong.admin_url)) as api,
    ):
        service = admin.post(
            "/services", json={"name": "s", "host": "example.com"}
        ).json()["id"]
        admin.post("/routes", json={"paths": ["/"], "service": {"id": service}})
        with pytest.raises(
            RemovalError,
            match=r"service s was not removed: 400 .*references this",
        ):
            remove(api, [LostEntity("services", service, "s")], settle=0)
