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


def test_a_name_that_no_upstream_can_have_is_not_looked_up(kong: Kong) -> None:
    """GET says so with 400; another name that is absent is 404, a PATCH of it names what is missing."""
    assert ask(kong, "GET", "/upstreams/a:80") == (
        400,
        {"code": 10, "message": "Invalid name ('a:80'); no port allowed", "name": "invalid unique name"},
    )
    assert ask(kong, "GET", "/upstreams/nope") == (404, {"message": "Not found"})
    assert ask(kong, "DELETE", "/upstreams/nope") == (204, None)
    assert ask(kong, "PATCH", "/upstreams/nope", {"slots": 100}) == (
        404,
        {
            "code": 6,
            "name": "not found",
            "message": "could not find the entity with '{name=\"nope\"}'",
            "fields": {"name": "nope"},
        },
    )


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (
            {"hash_on": "header"},
            "2 schema violations (failed conditional validation given value of field 'hash_on'; "
            "hash_on_header: required field missing)",
        ),
        (
            {"hash_on": "none", "hash_fallback": "ip"},
            "2 schema violations (failed conditional validation given value of field 'hash_on'; "
            "hash_fallback: expected one of: none)",
        ),
        (
            {"hash_on": "header", "hash_on_header": "X", "hash_fallback": "header", "hash_fallback_header": "X"},
            "schema violation (values of these fields must be distinct: 'hash_on_header', 'hash_fallback_header')",
        ),
        (
            {"hash_on_header": "a b"},
            "schema violation (hash_on_header: bad header name 'a b', allowed characters are "
            "A-Z, a-z, 0-9, '_', and '-')",
        ),
        (
            {"hash_on_cookie": "a;b"},
            "schema violation (hash_on_cookie: contains one or more invalid characters. ASCII control characters "
            '(0-31;127), space, tab and the characters ()<>@,;:\\"/?={}[] are not allowed.)',
        ),
        ({"host_header": "*.a"}, "schema violation (host_header: invalid hostname: *.a)"),
        ({"slots": 5}, "schema violation (slots: value should be between 10 and 65536)"),
        (
            {"healthchecks": {"passive": None}},
            "schema violation (healthchecks.passive: required field missing)",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(kong: Kong, fields: dict[str, Any], why: str) -> None:
    """Each way to hash needs its own field, and headers, cookies and hosts are spelt as such."""
    assert refused(kong, "/upstreams", {"name": "x", **fields}) == (400, why)


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        ({}, {"hash_on": "ip"}, ("consistent-hashing", "ip")),
        ({}, {"algorithm": "consistent-hashing"}, ("round-robin", "none")),
        ({"algorithm": "latency", "hash_on": "ip"}, {"slots": 77}, ("latency", "none")),
        ({"algorithm": "latency"}, {"hash_on": "ip"}, ("consistent-hashing", "ip")),
        ({"algorithm": "latency"}, {"hash_on": None}, ("latency", "none")),
        ({"hash_on": "ip"}, {"algorithm": "round-robin"}, ("consistent-hashing", "ip")),
        ({"hash_on": "ip"}, {"hash_on": None}, ("round-robin", "none")),
    ],
)
def test_hashing_and_its_algorithm_go_together(
    kong: Kong, before: dict[str, Any], patch: dict[str, Any], after: tuple[str, str]
) -> None:
    """`hash_on` brings the algorithm that uses it, algorithms that do not hash take it away."""
    ask(kong, "PUT", "/upstreams/x", before)
    _, upstream = ask(kong, "PATCH", "/upstreams/x", patch)
    assert (upstream["algorithm"], upstream["hash_on"]) == after


def test_upstreams_are_listed_by_tag_and_in_pages(kong: Kong) -> None:
    """As all other entities are."""
    for name in ("a", "b"):
        ask(kong, "PUT", f"/upstreams/{name}", {"tags": ["t"]})
    _, first = ask(kong, "GET", "/upstreams?tags=t&size=1")
    _, second = ask(kong, "GET", first["next"])
    assert sorted(one["name"] for one in first["data"] + second["data"]) == ["a", "b"]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("127.0.0.1:28091", "127.0.0.1:28091"),
        ("localhost", "localhost:8000"),
        ("A.example.com", "A.example.com:8000"),
        ("[::1]:80", "[0000:0000:0000:0000:0000:0000:0000:0001]:80"),
        ("::1", "[0000:0000:0000:0000:0000:0000:0000:0001]:8000"),
    ],
)
def test_a_target_is_stored_with_its_port(kong: Kong, given: str, stored: str) -> None:
    """8000 where it names none; its weight is 100, its times are in milliseconds."""
    status, target = ask(kong, "POST", "/upstreams/orders.cases/targets", {"target": given})
    assert (status, target["target"], target["weight"]) == (201, stored, 100)
    assert target["created_at"] == target["updated_at"] == round(target["created_at"], 3)
    assert ask(kong, "GET", f"/upstreams/orders.cases/targets/{stored}")[1] == target


@pytest.mark.parametrize("bad", ["", "a b", "300.1.1.1:80", "a:70000", "-a-:80"])
def test_a_target_is_a_host_or_an_address(kong: Kong, bad: str) -> None:
    """A new one is refused in other words than a change of one."""
    why = "schema violation (target: Invalid target; not a valid hostname or ip address)"
    assert refused(kong, "/upstreams/orders.cases/targets", {"target": bad}) == (400, why)
    ask(kong, "POST", "/upstreams/orders.cases/targets", {"target": "a:1"})
    _, answer = ask(kong, "PATCH", "/upstreams/orders.cases/targets/a:1", {"target": bad})
    why = f"Invalid target ('{bad}'); not a valid hostname or ip address" if bad else "length must be at least 1"
    assert answer["fields"] == {"target": why}


def test_targets_are_listed_newest_first(kong: Kong) -> None:
    """The offset counts, `next` forgets the size, and the tag filter does nothing."""
    for name in ("a:1", "b:1", "c:1"):
        ask(kong, "POST", "/upstreams/orders.cases/targets", {"target": name, "tags": [name[0]]})
    path = "/upstreams/orders.cases/targets"
    _, page = ask(kong, "GET", f"{path}?size=2&tags=a")
    times = [one["created_at"] for one in ask(kong, "GET", path)[1]["data"]]
    assert (len(page["data"]), page["offset"], page["next"]) == (2, "2", f"{path}?offset=2")
    assert times == sorted(times, reverse=True)
    assert len(ask(kong, "GET", page["next"])[1]["data"]) == 1
    assert len(ask(kong, "GET", f"{path}/all")[1]["data"]) == 3


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


def test_a_target_is_changed_and_deleted_below_its_upstream_only(kong: Kong) -> None:
    """PUT changes what PATCH changes and makes nothing; what is absent is 404 each time; /targets is no path."""
    path = "/upstreams/orders.cases/targets/a:1"
    assert ask(kong, "PUT", path, {"weight": 5}) == (404, {"message": "Not found"})
    ask(kong, "POST", "/upstreams/orders.cases/targets", {"target": "a:1", "tags": ["t"]})
    assert ask(kong, "PATCH", path, {"weight": 7})[1]["weight"] == 7
    changed = ask(kong, "PUT", path, {"weight": 8})[1]
    assert (changed["weight"], changed["tags"]) == (8, ["t"])
    assert ask(kong, "GET", "/targets") == (404, {"message": "Not found"})
    assert ask(kong, "DELETE", f"/upstreams/nope/targets/{changed['id']}") == (404, {"message": "Not found"})
    assert ask(kong, "DELETE", path) == (204, None)
    assert ask(kong, "DELETE", path) == (404, {"message": "Not found"})
    assert ask(kong, "POST", "/upstreams/nope/targets", {"target": "a"}) == (404, {"message": "Not found"})


def test_a_deleted_upstream_takes_its_targets_along(kong: Kong) -> None:
    """A Service of its name stays, and says nothing."""
    ask(kong, "PUT", "/services/api", {"host": "orders.cases", "port": 1})
    ask(kong, "POST", "/upstreams/orders.cases/targets", {"target": "a:1"})
    assert len(kong.entities("targets")) == 1
    assert ask(kong, "DELETE", "/upstreams/orders.cases") == (204, None)
    assert kong.entities("targets") == []
    assert ask(kong, "GET", "/services/api")[1]["host"] == "orders.cases"


def test_the_health_of_an_upstream_is_not_modelled(kong: Kong) -> None:
    """Nothing is said of it rather than something wrong."""
    for path in ("health", "targets/a:1/healthy"):
        assert ask(kong, "GET", f"/upstreams/orders.cases/{path}")[0] == 501
