"""Read a running Kong: GET only, pages, credentials without values, changes while reading."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from kong_oam.adopt.entities import OldKong
from kong_oam.adopt.running import read_running
from kong_oam.diagnostics import Diagnostics
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi, AdminError

PLUGINS = {name: {"priority": 1} for name in ("key-auth", "jwt", "acl")}
LISTS: dict[str, list[dict[str, Any]]] = {
    "/services": [
        {"id": "s1", "name": "orders", "protocol": "http", "host": "pool", "port": 80, "path": None, "enabled": True, "tags": None},
        {"id": "s2", "name": "kong-oam.dev.ours", "host": "nowhere", "tags": ["kong-oam", "kong-oam-stack:dev"]},
    ],
    "/routes": [
        {"id": "r1", "name": None, "service": {"id": "s1"}, "paths": ["/orders"], "protocols": ["http", "https"]},
        {"id": "r2", "name": "ours", "service": {"id": "s2"}, "paths": ["/"], "tags": ["kong-oam", "kong-oam-stack:dev"]},
    ],
    "/plugins": [{"id": "p1", "name": "key-auth", "service": {"id": "s1"}, "config": {"key_names": ["apikey"], "anonymous": None}, "enabled": True}],
    "/consumers": [{"id": "c1", "username": "acme", "custom_id": None}],
    "/key-auths": [{"id": "k1", "consumer": {"id": "c1"}, "key": "hunter2"}],
    "/jwts": [{"id": "j1", "consumer": {"id": "c1"}, "key": "hunter3", "secret": "hunter4", "algorithm": "HS256"}],
    "/acls": [{"id": "a1", "consumer": {"id": "c1"}, "group": "sales"}],
    "/upstreams": [{"id": "u1", "name": "pool", "slots": 10000}],
    "/upstreams/u1/targets": [{"id": "t1", "target": "10.0.0.7:80", "weight": 100}],
    "/snis": [{"id": "n1", "name": "api.example.com", "certificate": {"id": "x"}}],
}  # fmt: skip


class _Kong:
    """A Kong that lists entities in pages of one, and notes its requests."""

    def __init__(self, flavor: str = "traditional_compatible") -> None:
        self.lists = {path: [*rows] for path, rows in LISTS.items()}
        self.requests: list[tuple[str, str]] = []
        self.flavor = flavor
        self.changes = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/team") or "/"
        self.requests.append((request.method, path))
        if path == "/":
            root = {
                "configuration": {"router_flavor": self.flavor},
                "plugins": {"available_on_server": PLUGINS},
            }
            return httpx.Response(200, json=root)
        if path not in self.lists:
            return httpx.Response(404, json={"message": "Not found"})
        if path == "/snis" and self.changes:
            self.changes -= 1
            self.lists["/consumers"][0]["custom_id"] = f"c{self.changes}"
        offset = int(request.url.params.get("offset", 0))
        rows = self.lists[path][offset : offset + 1]
        is_last = offset + 1 >= len(self.lists[path])
        further = {} if is_last else {"offset": str(offset + 1)}
        return httpx.Response(200, json={"data": rows, **further})


def _read(kong: _Kong) -> tuple[OldKong | None, Diagnostics]:
    account = Account("http://kong.test:8001/", "token", workspace="team")
    with AdminApi(account, httpx.MockTransport(kong.answer)) as admin:
        return read_running(admin, "team")


def test_a_running_kong_gives_the_same_values_as_a_file() -> None:
    """References are by id, and an entity without a name has its id as name."""
    old, findings = _read(_Kong())
    assert old is not None and findings == ()
    (route,) = old.routes
    assert (route.name, route.id, route.service) == (
        "r1",
        "r1",
        old.services[0],
    )
    assert (old.plugins[0].service, old.plugins[0].route) == ("orders", "")
    assert old.upstreams[0].targets[0].target == "10.0.0.7:80"
    assert [(other.kind, other.name) for other in old.others] == [
        ("SNI", "api.example.com")
    ]
    assert str(route.position) == "http://kong.test:8001/team/routes/r1"


def test_only_get_requests_are_sent() -> None:
    """Reading changes nothing, and asks no certificate, which would have a private key."""
    kong = _Kong()
    _read(kong)
    assert {method for method, _ in kong.requests} == {"GET"}
    assert not any("certificates" in path for _, path in kong.requests)


def test_credentials_lose_their_values() -> None:
    """A credential keeps its kind, id and algorithm."""
    old, _ = _read(_Kong())
    assert old is not None
    assert "hunter" not in repr(old) + repr(old.consumers)
    found = [(c.kind, c.id, c.algorithm) for c in old.consumers[0].credentials]
    assert found == [("key-auth", "k1", ""), ("jwt", "j1", "HS256")]
    assert old.consumers[0].groups == ("sales",)


def test_entities_of_a_stack_of_this_program_are_left_out() -> None:
    """They are the new side."""
    old, _ = _read(_Kong())
    assert old is not None
    assert [service.name for service in old.services] == ["orders"]


def test_a_kong_that_changes_once_is_read_again() -> None:
    """Two equal readings in a row are taken."""
    kong = _Kong()
    kong.changes = 1
    old, _ = _read(kong)
    assert old is not None and old.consumers[0].custom_id == "c0"


def test_a_kong_that_always_changes_is_rejected() -> None:
    """The message has a remedy."""
    kong = _Kong()
    kong.changes = 99
    old, findings = _read(kong)
    assert old is None
    assert [str(finding) for finding in findings] == [
        "http://kong.test:8001/team/: error ADOPT511: the Kong changes while it is read; run the command again when nobody changes it"
    ]


def test_another_order_of_routes_is_a_warning() -> None:
    """The flavour `traditional` orders some routes differently."""
    old, findings = _read(_Kong("traditional"))
    assert old is not None
    assert [finding.code for finding in findings] == ["ADOPT512"]


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "rejects the credentials"), (403, "rejects the credentials"), (500, "answers 500"), (None, "does not answer")],
)  # fmt: skip
def test_a_kong_that_cannot_be_read_is_one_error(
    status: int | None, message: str
) -> None:
    """The message has the address and a remedy, and no token."""

    def answer(request: httpx.Request) -> httpx.Response:
        if status is None:
            raise httpx.ReadTimeout("slow", request=request)
        return httpx.Response(status, json={})

    account = Account("http://kong.test:8001", "s3cr3t")
    with (
        AdminApi(account, httpx.MockTransport(answer)) as admin,
        pytest.raises(AdminError, match=message) as raised,
    ):
        read_running(admin)
    assert "s3cr3t" not in str(raised.value)
