"""Upstreams and Targets: what the Admin API makes of them, held to answers of a real Kong 3.10."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from test_kong_admin import ask

from sandbox.kong import Kong


@pytest.fixture
def kong() -> Iterator[Kong]:
    with Kong() as running:
        ask(running, "POST", "/upstreams", {"name": "orders.cases"})
        yield running


def refused(kong: Kong, path: str, body: dict[str, Any]) -> tuple[int, str]:
    status, answer = ask(kong, "POST", path, body)
    return status, answer["message"]


def test_an_upstream_is_completed_with_kongs_defaults(kong: Kong) -> None:
    """A name is all that it needs; health checks are there, and switched off."""
    _, upstream = ask(kong, "GET", "/upstreams/orders.cases")
    assert {name: value for name, value in upstream.items() if name not in ("id", "created_at", "updated_at")} == {
        "name": "orders.cases",
        "algorithm": "round-robin",
        "slots": 10000,
        "hash_on": "none",
        "hash_fallback": "none",
        "hash_on_cookie_path": "/",
        "use_srv_name": False,
        "healthchecks": {
            "threshold": 0,
            "active": {
                "timeout": 1,
                "healthy": {"http_statuses": [200, 302], "interval": 0, "successes": 0},
                "unhealthy": {
                    "http_failures": 0,
                    "http_statuses": [429, 404, 500, 501, 502, 503, 504, 505],
                    "interval": 0,
                    "tcp_failures": 0,
                    "timeouts": 0,
                },
                "headers": None,
                "type": "http",
                "http_path": "/",
                "https_sni": None,
                "https_verify_certificate": True,
                "concurrency": 10,
            },
            "passive": {
                "type": "http",
                "unhealthy": {
                    "http_failures": 0,
                    "http_statuses": [429, 500, 503],
                    "tcp_failures": 0,
                    "timeouts": 0,
                },
                "healthy": {
                    "successes": 0,
                    "http_statuses": [*range(200, 209), 226, *range(300, 309)],
                },
            },
        },
        **dict.fromkeys(
            (
                "tags",
                "host_header",
                "client_certificate",
                "hash_on_header",
                "hash_fallback_header",
                "hash_on_cookie",
                "hash_on_query_arg",
                "hash_fallback_query_arg",
                "hash_on_uri_capture",
                "hash_fallback_uri_capture",
            )
        ),
    }


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a:80", "Invalid name ('a:80'); no port allowed"),
        ("10.0.0.1", "Invalid name ('10.0.0.1'); no ip addresses allowed"),
        ("a b", "Invalid name ('a b'); must be a valid hostname"),
        ("-x-", "Invalid name ('-x-'); must be a valid hostname"),
        ("ü", "Invalid name ('ü'); must be a valid hostname"),
        ("", "length must be at least 1"),
    ],
)
def test_an_upstream_is_named_like_a_host(kong: Kong, name: str, why: str) -> None:
    """Addresses, ports and what is no host name are refused; an underscore is not."""
    assert refused(kong, "/upstreams", {"name": name}) == (400, f"schema violation (name: {why})")
    assert ask(kong, "POST", "/upstreams", {"name": "A_b"})[0] == 201


def test_a_target_is_unique_within_its_upstream(kong: Kong) -> None:
    """Another Upstream may have the same one, and a name finds each Upstream's own."""
    ask(kong, "PUT", "/upstreams/other", {})
    paths = ["/upstreams/orders.cases/targets", "/upstreams/other/targets"]
    made = [ask(kong, "POST", path, {"target": "a:1"})[1] for path in paths]
    status, body = ask(kong, "POST", paths[0], {"target": "a:1"})
    owner = made[0]["upstream"]["id"]
    text = f'UNIQUE violation detected on \'{{target="a:1",upstream={{id="{owner}"}}}}\''
    assert (status, body["message"], body["fields"]) == (409, text, {"target": "a:1", "upstream": {"id": owner}})
    assert [ask(kong, "GET", f"{path}/a:1")[1]["id"] for path in paths] == [one["id"] for one in made]


def test_a_deleted_upstream_takes_its_targets_along(kong: Kong) -> None:
    """A Service of its name stays, and says nothing."""
    ask(kong, "PUT", "/services/api", {"host": "orders.cases", "port": 1})
    ask(kong, "POST", "/upstreams/orders.cases/targets", {"target": "a:1"})
    assert len(kong.entities("targets")) == 1
    assert ask(kong, "DELETE", "/upstreams/orders.cases") == (204, None)
    assert kong.entities("targets") == []
    assert ask(kong, "GET", "/services/api")[1]["host"] == "orders.cases"
