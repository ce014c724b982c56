"""The removal of old routes: covered routes go, and all others stay."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_oam.adopt.coverage import Exposed
from kong_oam.adopt.entities import OldKong
from kong_oam.adopt.requests import OldRequest
from kong_oam.adopt.retire import Retirement, foreign, retirement
from kong_oam.adopt.router import OldRouter
from tests.support.estates import exposing
from tests.support.retired_kongs import is_ours, old_kong

HOST = "a.x.com"


def planned(
    old: OldKong,
    *paths: str,
    hosts: tuple[str, ...] = (),
    kept: dict[str, str] | None = None,
) -> Retirement:
    """Return the removal from a Kong whose host has Applications at these paths."""
    made = exposing(*((HOST, path) for path in paths))
    return retirement(old, "tests", Exposed(made, hosts), kept or {})


def going(plan: Retirement) -> dict[str, tuple[str, ...]]:
    return {retired.route.name: retired.left for retired in plan.routes}


def staying(plan: Retirement) -> dict[str, str]:
    return {entry.entity: entry.reason for entry in plan.staying}


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"paths": ["/a"], "hosts": [HOST], "methods": ["GET"]}, ("paths that continue /a",)),
        ({"paths": ["/a/"], "hosts": [HOST], "methods": ["GET"]}, ()),
        ({"paths": ["/a/b"], "hosts": [HOST], "methods": ["GET"]}, ()),
        ({"paths": ["~/a$"], "hosts": [HOST], "methods": ["GET"]}, ()),
        ({"paths": ["~/a(?:/|$)"], "hosts": [HOST], "methods": ["GET"]}, ()),
        ({"paths": ["~/a/[0-9]+"], "hosts": [HOST], "methods": ["GET"]}, ()),
        ({"paths": ["/a/"], "hosts": [HOST]}, ("other methods",)),
        ({"paths": ["/a/"], "hosts": [HOST], "methods": ["GET", "PURGE"]}, ("other methods",)),
        ({"paths": ["/a/"], "methods": ["GET"]}, ("other hosts",)),
        ({"paths": ["/a/"], "hosts": ["A.x.com:8443"], "methods": ["GET"]}, ()),
    ],
)  # fmt: skip
def test_a_replaced_route_goes_and_its_other_requests_are_named(
    fields: dict[str, Any], left: tuple[str, ...]
) -> None:
    plan = planned(old_kong({"old": {"r": fields}}), "/a")
    assert going(plan) == {"r": left} and staying(plan) == {}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"paths": ["/b"]}, "the Applications do not expose a.x.com/b"),
        ({"paths": ["/a", "/b"]}, "the Applications do not expose a.x.com/b"),
        ({"hosts": [HOST]}, "the Applications do not expose a.x.com/"),
        ({"paths": ["~/a[0-9]+"]}, "the Applications do not expose a.x.com/"),
        ({"paths": ["/a"], "hosts": [HOST, "b.x.com"]}, "the Applications do not expose b.x.com/a"),
        ({"paths": ["/a"], "hosts": ["*.x.com"]}, "the Applications do not expose *.x.com/a"),
        ({"paths": ["/a"], "hosts": ["a.*"]}, "the host a.* has no counterpart in Applications"),
        ({"paths": ["~/a"], "hosts": [HOST], "methods": ["GET"], "regex_priority": 99}, "Kong may try it before our routes"),
        ({"paths": ["/a"], "hosts": [HOST], "methods": ["GET"], "headers": {"x": ["1"]}}, "Kong may try it before our routes"),
        ({"paths": ["/a"], "protocols": ["grpc"]}, "it takes no HTTP requests"),
        ({"expression": 'http.path == "/a"'}, "it has an expression"),
        ({"paths": ["/a"], "later": 1}, "its field 'later' is not understood"),
    ],
)  # fmt: skip
def test_a_route_that_still_serves_requests_stays(
    fields: dict[str, Any], reason: str
) -> None:
    plan = planned(old_kong({"old": {"r": fields}}), "/a")
    assert going(plan) == {} and staying(plan) == {"route 'r'": reason}
    assert plan.is_empty


def test_our_wildcard_covers_hosts_below_it() -> None:
    made = exposing(("*.x.com", "/"))
    old = old_kong({"old": {"r": {"hosts": ["b.x.com"], "paths": ["/a/"]}}})
    # A plain host wins over a wildcard.
    plan = retirement(old, "tests", Exposed(made), {})
    assert staying(plan) == {"route 'r'": "Kong may try it before our routes"}
    old = old_kong({"old": {"r": {"hosts": ["*.b.x.com"], "paths": ["/a/"]}}})
    assert list(going(retirement(old, "tests", Exposed(made), {}))) == ["r"]


def test_a_host_can_be_named_for_routes_without_hosts() -> None:
    made = exposing((HOST, "/a"), ("b.x.com", "/b"))
    old = old_kong({"old": {"r": {"paths": ["/a/"]}}})
    plan = retirement(old, "tests", Exposed(made), {})
    assert staying(plan) == {
        "route 'r'": "the Applications do not expose b.x.com/a/"
    }
    plan = retirement(old, "tests", Exposed(made, (HOST,)), {})
    assert list(going(plan)) == ["r"]


@pytest.mark.parametrize(
    ("lower", "word"),
    [
        ({"paths": ["/"]}, "paths that continue /ab"),
        ({"paths": ["/ab/c"]}, None),
        ({"paths": ["/a"], "methods": ["PURGE"], "hosts": ["*.x.com"]}, None),
        ({"paths": ["/"], "hosts": [HOST]}, None),
        ({"paths": ["/c"]}, None),
    ],
)  # fmt: skip
def test_a_route_stays_if_its_other_requests_would_fall_to_a_lower_route(
    lower: dict[str, Any], word: str | None
) -> None:
    """The protected `/ab` would otherwise be open through `/`."""
    routes = {"upper": {"paths": ["/ab"]}, "lower": lower}
    plan = planned(old_kong({"old": routes}), "/ab", hosts=(HOST,))
    if word is None:
        assert "upper" in going(plan)
    else:
        assert staying(plan)["route 'upper'"] == (
            f"without it, route 'lower' would take its requests for {word}"
        )


def test_services_upstreams_and_consumers_of_removed_routes_go() -> None:
    old = old_kong(
        {
            "one": {"r1": {"paths": ["/a/"]}},
            "two": {"r2": {"paths": ["/a/b/"]}, "r3": {"paths": ["/c"]}},
        },
        upstreams=[{"name": "one.internal"}, {"name": "other.internal"}],
        consumers=[{"username": "robot"}],
    )
    plan = planned(old, "/a")
    assert list(going(plan)) == ["r1", "r2"]
    assert [service.name for service in plan.services] == ["one"]
    assert [upstream.name for upstream in plan.upstreams] == ["one.internal"]
    assert plan.consumers == ()
    assert staying(plan)["consumer 'robot'"] == (
        "old routes stay, and may accept its credentials"
    )


def test_a_consumer_of_a_client_stays_until_its_last_day() -> None:
    old = old_kong(
        {"one": {"r1": {"paths": ["/a/"]}}},
        consumers=[{"username": "robot"}, {"username": "guest"}],
    )
    plan = planned(old, "/a", kept={"robot": "2027-03-31"})
    assert [consumer.name for consumer in plan.consumers] == ["guest"]
    assert staying(plan) == {
        "consumer 'robot'": "a client calls by its credential until 2027-03-31"
    }


def test_entities_of_stacks_are_never_listed() -> None:
    """Neither ours nor another stack's, by name or by tags."""
    tags = ["kong-oam", "kong-oam-stack:other"]
    old = old_kong(
        {
            "kong-oam.tests.shop.api.80": {
                "kong-oam.tests.r": {"paths": ["/a/"]}
            },
            "tagged": {"t": {"paths": ["/a/"], "tags": tags}},
        },
        consumers=[{"username": "kong-oam.tests.anonymous"}],
    )
    plan = planned(old, "/a")
    assert going(plan) == {} and plan.staying == ()
    # The service of the tagged route has no tags, but the route of the other stack uses it.
    assert plan.is_empty


def test_consumers_stay_if_another_stack_accepts_old_keys() -> None:
    old = old_kong(
        {"one": {"r1": {"paths": ["/a/"]}}}, consumers=[{"username": "robot"}]
    )
    exposed = Exposed(exposing((HOST, "/a")))
    plan = retirement(old, "tests", exposed, {}, is_shared=True)
    assert staying(plan) == {
        "consumer 'robot'": "another stack may accept its credentials"
    }


def test_a_route_with_a_plugin_that_answers_keeps_its_service() -> None:
    """Without the service, the route would lose the service's authentication."""
    routes = {
        "plugins": [{"name": "key-auth"}],
        "r": {"paths": ["/a/"], "plugins": [{"name": "aws-lambda"}]},
    }
    assert staying(planned(old_kong({"old": routes}), "/a")) == {
        "route 'r'": "its plugin aws-lambda may answer by itself; remove it by hand"
    }


PATHS = ("/", "/a", "/a/", "/ab", "/a/b", "~/a$", "~/a/[0-9]+", "~/(?:a|b)/")
ROUTES = st.fixed_dictionaries(
    {
        "paths": st.lists(st.sampled_from(PATHS), min_size=1, max_size=2),
        "hosts": st.sampled_from(([], [HOST], ["b.x.com"], ["*.x.com"])),
        "methods": st.sampled_from(([], ["GET"], ["GET", "PURGE"])),
        "regex_priority": st.sampled_from((0, 1, 5)),
    }
)
REQUESTS = [
    OldRequest(method, host, path)
    for method, host, path in itertools.product(
        ("GET", "POST", "PURGE"),
        (HOST, "b.x.com", "c.y.com"),
        ("/", "/a", "/a/", "/aX", "/ab", "/abc", "/a/b", "/a/7", "/b/", "/c"),
    )
]
ENDPOINTS = st.lists(
    st.tuples(
        st.sampled_from((HOST, "b.x.com", "*.x.com")),
        st.sampled_from(("/", "/a", "/a/b", "/ab")),
    ),
    min_size=1,
    max_size=3,
    unique=True,
)


@given(ENDPOINTS, st.lists(ROUTES, min_size=1, max_size=4))
def test_no_request_of_a_removed_route_falls_to_another_route(
    endpoints: list[tuple[str, str]], routes: list[dict[str, Any]]
) -> None:
    """And each request of the seven methods on a known host, but continuations, is ours."""
    made = exposing(*endpoints)
    by_name = {f"r{index}": route for index, route in enumerate(routes)}
    old = old_kong({"old": by_name})
    exposed = Exposed(made)
    plan = retirement(old, "tests", exposed, {})
    gone = going(plan)
    rest = tuple(route for route in old.routes if route.name not in gone)
    before = OldRouter(old)
    after = OldRouter(OldKong(routes=rest))
    for request in REQUESTS:
        if is_ours(made, request):
            continue
        takes = {match.route.name for match in before.match(request)}
        if not takes & gone.keys():
            continue
        assert not after.match(request)
        left = set().union(*(gone.get(name, ()) for name in takes))
        is_known = request.host in exposed.hosts
        is_continued = any(word.startswith("paths that") for word in left)
        assert (
            request.method == "PURGE"
            or (not is_known and "other hosts" in left)
            or is_continued
        )


def test_foreign_leaves_out_plugins_of_stacks() -> None:
    tags = ["kong-oam", "kong-oam-stack:tests"]
    old = old_kong(
        {}, plugins=[{"name": "key-auth", "tags": tags}, {"name": "cors"}]
    )
    assert [plugin.name for plugin in foreign(old, "tests").plugins] == ["cors"]


@pytest.mark.parametrize(
    ("lower", "word"),
    [
        ({"paths": ["/"], "methods": ["PURGE"]}, "other methods"),
        ({"paths": ["/"], "methods": ["GET"]}, "paths that continue /ab"),
        ({"paths": ["/abc"], "hosts": ["b.x.com"]}, None),
        ({"paths": ["/"], "methods": ["TRACE"], "hosts": ["b.x.com"]}, None),
    ],
)
def test_a_route_with_a_host_stays_above_routes_that_share_its_host(
    lower: dict[str, Any], word: str | None
) -> None:
    routes = {"upper": {"paths": ["/ab"], "hosts": [HOST]}, "lower": lower}
    plan = planned(old_kong({"old": routes}), "/ab", hosts=(HOST,))
    expected = word and (
        f"without it, route 'lower' would take its requests for {word}"
    )
    assert staying(plan).get("route 'upper'") == expected
