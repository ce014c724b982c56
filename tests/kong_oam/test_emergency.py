"""`emergency` calls the gateway after a change, and reports the answer to callers without a token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.settings.values import Settings
from kong_oam.emergency.changes import (
    EmergencyError,
    OpeningRequest,
    StillOpenError,
    close,
    open_path,
    openings,
)
from kong_oam.emergency.confirmation import show_at_gateway
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.proxy import Proxy
from kong_oam.oam.application import read_bytes
from tests.support.called_gateway import proxy_of
from tests.support.json_object import JsonObject
from tests.support.two_stacks import deployment, running_stacks
from tests.support.verified_gateway import Hands, Running

URL = "http://orders.local.example.com/orders"
WANTED = OpeningRequest("orders/api", "/orders", "GET", 5, "INC-1")
SERVICE = "kong-oam.local.orders.api.8080"


@pytest.fixture(scope="module")
def stacks() -> Iterator[dict[str, Running]]:
    with running_stacks() as running:
        yield running


@pytest.fixture
def running(stacks: dict[str, Running]) -> Running:
    return stacks["local"]


@pytest.fixture
def admin(running: Running) -> Iterator[AdminApi]:
    """No opening remains at the end."""
    with AdminApi(Account(running.kong.admin_url)) as made:
        yield made
        close(made, settings_of(running))


def settings_of(running: Running) -> Settings:
    return running.deployment.settings


UPSTREAM, OWN = (
    {"X-Kong-Upstream-Latency": "3"},
    {"X-Kong-Response-Latency": "1"},
)
"""The headers of Kong on answers of a workload, and on its own answers."""


def answering(*statuses: int, headers: dict[str, str] | None = None) -> Proxy:
    """A proxy that gives these answers in order, and repeats the last."""
    left = [*statuses]

    def answer(_: httpx.Request) -> httpx.Response:
        status = left.pop(0) if len(left) > 1 else left[0]
        return httpx.Response(
            status, headers=headers or (UPSTREAM if status < 400 else OWN)
        )

    return Proxy(
        "http", transport=httpx.MockTransport(answer), sleep=lambda _: None
    )


def of(running: Running) -> Proxy:
    return proxy_of(running.kong)


def test_the_gateway_is_called_after_a_change(
    running: Running, admin: AdminApi
) -> None:
    """After an opening, calls reach the workload; after a close, the gateway denies them."""
    settings = settings_of(running)
    opened = open_path(admin, settings, WANTED)
    assert show_at_gateway(
        admin, settings, [opened], of(running), is_open=True
    ) == [f"GET {URL} without a token: the gateway passes it on (200)"]
    close(admin, settings)
    assert show_at_gateway(
        admin, settings, [opened], of(running), is_open=False
    ) == [f"GET {URL} without a token: the gateway refuses it (401)"]


def test_another_stack_s_kong_is_an_error(
    running: Running, admin: AdminApi
) -> None:
    """An open path may be at the Kong that the user meant."""
    settings = settings_of(running)
    elsewhere = replace(settings, stack=replace(settings.stack, name="aws"))
    open_path(admin, settings, WANTED)
    for command in (openings, close):
        with pytest.raises(EmergencyError, match="no gate of stack 'aws'"):
            command(admin, elsewhere)


def _disable_admission(hands: Hands) -> None:
    hands.change("plugins", _guard(hands, "pre-function"), enabled=False)


def _disable_gate(hands: Hands) -> None:
    hands.change("plugins", _guard(hands, "post-function"), enabled=False)


@pytest.mark.parametrize("is_open", [True, False])
def test_the_gateway_is_asked_until_its_workers_have_the_change(
    running: Running, admin: AdminApi, is_open: bool
) -> None:
    """Within seconds the answer is right, or the command fails."""
    settings = settings_of(running)
    opened = open_path(admin, settings, WANTED)
    before, after = (401, 200) if is_open else (200, 401)
    show_at_gateway(
        admin,
        settings,
        [opened],
        answering(before, before, after),
        is_open=is_open,
    )
    verb = "refuses it (401)" if is_open else "passes it on (200)"
    with pytest.raises(EmergencyError, match=rf"still {verb[:6]}"):
        show_at_gateway(
            admin, settings, [opened], answering(before), is_open=is_open
        )


def test_a_workload_that_is_away_is_an_error(
    running: Running, admin: AdminApi
) -> None:
    """The gateway denies nobody, but no workload answers."""
    settings = settings_of(running)
    opened = open_path(admin, settings, WANTED)
    proxy = answering(503, headers={**OWN, "Content-Type": "application/json"})
    with pytest.raises(
        EmergencyError, match=r"the gateway still reaches no workload \(503\)"
    ):
        show_at_gateway(admin, settings, [opened], proxy, is_open=True)


def test_a_workload_that_is_away_does_not_speak_against_a_close(
    running: Running, admin: AdminApi
) -> None:
    """Nobody gets through, and the gateway cannot prove more."""
    settings = settings_of(running)
    opened = open_path(admin, settings, WANTED)
    proxy = answering(503, headers={**OWN, "Content-Type": "application/json"})
    assert show_at_gateway(admin, settings, [opened], proxy, is_open=False) == [
        f"GET {URL} without a token: the gateway reaches no workload (503)"
    ]


def test_a_workload_that_refuses_is_not_the_gateway(
    running: Running, admin: AdminApi
) -> None:
    """Kong marks the answers of a workload."""
    settings = settings_of(running)
    opened = open_path(admin, settings, WANTED)
    proxy = answering(404, headers={"X-Kong-Upstream-Latency": "3"})
    assert show_at_gateway(admin, settings, [opened], proxy, is_open=True) == [
        f"GET {URL} without a token: the gateway passes it on (404)"
    ]


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize("is_open", [True, False])
def test_an_error_behind_the_gate_is_neither_open_nor_closed(
    running: Running, admin: AdminApi, status: int, is_open: bool
) -> None:
    """The gate forwards the call, but no workload answers."""
    settings = settings_of(running)
    opened = open_path(admin, settings, WANTED)
    with pytest.raises(
        EmergencyError,
        match=rf"passes it on, and nobody answers behind it \({status}\)",
    ):
        show_at_gateway(
            admin,
            settings,
            [opened],
            answering(status, headers=UPSTREAM),
            is_open=is_open,
        )


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize(
    ("service", "headers"),
    [
        ("theirs", None),
        ("theirs", {"x-a": ["1"]}),
        ("kong-oam.prod.orders.api.8080", None),
    ],
)
def test_another_route_that_takes_the_path_proves_nothing(
    running: Running,
    admin: AdminApi,
    service: str,
    headers: dict[str, list[str]] | None,
    is_open: bool,
) -> None:
    """Its answer comes from the same Kong, but not from the gate."""
    settings = settings_of(running)
    with Hands(running.kong.admin_url) as hands:
        hands.make("/services", name="theirs", host="elsewhere.test")
        taking = {
            "hosts": ["orders.local.example.com"],
            "paths": ["~/orders"],
            "methods": ["GET"],
        }
        hands.make(
            f"/services/{service}/routes",
            name="taking",
            regex_priority=900,
            headers=headers,
            **taking,
        )
        opened = open_path(admin, settings, WANTED)
        for proxy in (of(running), answering(200 if is_open else 401)):
            with pytest.raises(EmergencyError) as error:
                show_at_gateway(
                    admin, settings, [opened], proxy, is_open=is_open
                )
            assert str(error.value) == (
                f"changed, but not confirmed that /orders of orders/api is {'open' if is_open else 'closed'}: "
                f"GET {URL} without a token was not called: route 'taking' may answer instead of the gate; or call the path yourself"
            )
        close(admin, settings)


AWAY = Proxy("http", "http://127.0.0.1:1")


@pytest.mark.parametrize("is_open", [True, False])
def test_a_gateway_that_cannot_be_reached_confirms_nothing(
    running: Running, admin: AdminApi, is_open: bool
) -> None:
    """The change is made, but the command cannot confirm it."""
    settings = settings_of(running)
    opened = open_path(admin, settings, WANTED)
    with pytest.raises(EmergencyError) as error:
        show_at_gateway(admin, settings, [opened], AWAY, is_open=is_open)
    assert str(error.value) == (
        f"changed, but not confirmed that /orders of orders/api is {'open' if is_open else 'closed'}: "
        f"GET {URL} without a token failed (ConnectError): set KONG_PROXY_ADDR to the gateway's proxy; "
        "or call the path yourself"
    )


@pytest.mark.parametrize("is_open", [True, False])
def test_an_opening_for_some_networks_is_not_confirmed(
    running: Running, admin: AdminApi, is_open: bool
) -> None:
    """The gateway's answer here differs from its answer in those networks."""
    settings = settings_of(running)
    opened = replace(
        open_path(admin, settings, WANTED), networks=("10.0.0.0/8",)
    )
    with pytest.raises(
        EmergencyError,
        match="was not called: the answer depends on the caller's address",
    ):
        show_at_gateway(admin, settings, [opened], of(running), is_open=is_open)


def test_an_entity_of_another_stack_is_never_opened(
    stacks: dict[str, Running], admin: AdminApi
) -> None:
    """A plugin with another stack's tag is not ours."""
    settings = settings_of(stacks["local"])
    with Hands(stacks["local"].kong.admin_url) as hands:
        gate = hands.find("plugins", name="post-function", service=SERVICE)
        hands.change("plugins", gate, tags=["kong-oam", "kong-oam-stack:prod"])
        with pytest.raises(
            EmergencyError, match="stack 'prod' owns plugin post-function"
        ):
            open_path(admin, settings, WANTED)
    assert openings(admin, settings).openings == ()


def test_an_opening_of_each_stack_is_its_own(
    stacks: dict[str, Running], admin: AdminApi
) -> None:
    """The components of two stacks have the same names. A stack lists, closes and confirms only its
    own opening."""
    local, prod = (settings_of(stacks[name]) for name in ("local", "prod"))
    theirs = open_path(admin, prod, WANTED)
    assert openings(admin, local).openings == ()
    ours = open_path(admin, local, WANTED)
    for settings, opened in ((local, ours), (prod, theirs)):
        assert list(close(admin, settings)) == ["orders/api"]
        (line,) = show_at_gateway(
            admin, settings, [opened], of(stacks["local"]), is_open=False
        )
        host = f"orders.{settings.stack.name}.example.com"
        assert (
            line
            == f"GET http://{host}/orders without a token: the gateway refuses it (401)"
        )


# Changes by hand after the opening


def _service(hands: Hands) -> JsonObject:
    return hands.find("services", name=SERVICE)


def _guard(hands: Hands, kind: str, service: str = SERVICE) -> JsonObject:
    return hands.find("plugins", name=kind, service=service, route=None)


def _delete_authentication(hands: Hands) -> None:
    hands.remove("plugins", _guard(hands, "jwt"))


def _delete_admission(hands: Hands) -> None:
    hands.remove("plugins", _guard(hands, "pre-function"))


def _make_authentication_global(hands: Hands) -> None:
    hands.change("plugins", _guard(hands, "jwt"), service=None)


def _take_tags_of_service(hands: Hands) -> None:
    hands.change("services", _service(hands), tags=[])


def _rename_service(hands: Hands) -> None:
    hands.change("services", _service(hands), name="other-name")


def _take_all_tags(hands: Hands) -> None:
    _take_tags_of_service(hands)
    for kind in ("pre-function", "jwt", "post-function"):
        hands.change("plugins", _guard(hands, kind), tags=[])


def _tag_gate_as_anothers(hands: Hands) -> None:
    hands.change(
        "plugins",
        _guard(hands, "post-function"),
        tags=["kong-oam", "kong-oam-stack:prod"],
    )


def _copy_to_route(hands: Hands) -> None:
    service = _service(hands)["id"]
    for route in [
        route
        for route in hands.list("routes")
        if route["service"]["id"] == service
    ]:
        for kind in ("pre-function", "jwt", "post-function"):
            guard = _guard(hands, kind)
            hands.make(
                "/plugins",
                name=kind,
                config=guard["config"],
                route={"id": route["id"]},
                tags=guard["tags"],
            )


def anybody(running: Running) -> int:
    """Return the status of a call without a token to the opened path."""
    return of(running).ask("GET", "orders.local.example.com", "/orders").status


@pytest.mark.parametrize(
    "change",
    [
        _delete_authentication,
        _delete_admission,
        _make_authentication_global,
        _take_tags_of_service,
        _rename_service,
        _take_all_tags,
        _tag_gate_as_anothers,
        _copy_to_route,
    ],
)
def test_an_opening_is_found_and_closed_whatever_was_changed_since(
    running: Running, admin: AdminApi, change: Callable[[Hands], None]
) -> None:
    """Its table names the stack, even if other data are missing."""
    settings = settings_of(running)
    with Hands(running.kong.admin_url) as hands:
        opened = open_path(admin, settings, WANTED)
        change(hands)
        (listed,) = openings(admin, settings).openings
        assert (listed.component, listed.path, listed.is_over) == (
            "orders/api",
            "/orders",
            False,
        )
        assert close(admin, settings) == {
            "orders/api": replace(opened, is_over=False)
        }
        found = openings(admin, settings)
        assert (found.openings, anybody(running) in (401, 503)) == ((), True)
        show_at_gateway(admin, settings, [opened], of(running), is_open=False)


def test_the_copy_of_an_opening_alone_is_listed_and_closed(
    running: Running, admin: AdminApi
) -> None:
    """The copy is on a route, and the opening on the service is already closed."""
    settings = settings_of(running)
    with Hands(running.kong.admin_url) as hands:
        open_path(admin, settings, WANTED)
        guards = {
            kind: _guard(hands, kind)["config"]
            for kind in ("pre-function", "jwt", "post-function")
        }
        close(admin, settings)
        service = _service(hands)["id"]
        for route in [
            route
            for route in hands.list("routes")
            if route["service"]["id"] == service
        ]:
            for kind, config in guards.items():
                hands.make(
                    "/plugins",
                    name=kind,
                    config=config,
                    route={"id": route["id"]},
                )
        assert anybody(running) == 200
        assert [
            opening.path for opening in openings(admin, settings).openings
        ] == ["/orders"]
        assert list(close(admin, settings)) == ["orders/api"]
        assert anybody(running) == 401


SHOP = "kong-oam.local.orders.shop.3000"


def _tag_authentication_of_shop(hands: Hands) -> None:
    hands.change(
        "plugins",
        _guard(hands, "jwt", SHOP),
        tags=["kong-oam", "kong-oam-stack:prod"],
    )


def test_a_foreign_tag_elsewhere_hinders_nothing(
    running: Running, admin: AdminApi
) -> None:
    """The plugin has nothing to close."""
    settings = settings_of(running)
    with Hands(running.kong.admin_url) as hands:
        _tag_authentication_of_shop(hands)
        open_path(admin, settings, WANTED)
        assert [
            opening.path for opening in openings(admin, settings).openings
        ] == ["/orders"]
        assert list(close(admin, settings)) == ["orders/api"]
        assert anybody(running) == 401


def test_scripts_changed_by_hand_are_reported_as_left(
    running: Running, admin: AdminApi
) -> None:
    """All other openings are closed and reported."""
    settings = settings_of(running)
    with Hands(running.kong.admin_url) as hands:
        hands.change(
            "plugins",
            _guard(hands, "pre-function", SHOP),
            config={"access": ["return function() end"]},
        )
        open_path(admin, settings, WANTED)
        found = openings(admin, settings)
        assert [opening.path for opening in found.openings] == ["/orders"]
        assert (
            len(found.unknown) == 1
            and "the scripts of orders/shop come from another version"
            in found.unknown[0]
        )
        with pytest.raises(
            StillOpenError,
            match="the scripts of orders/shop come from another version",
        ) as error:
            close(admin, settings)
        assert list(error.value.closed) == ["orders/api"]
        assert anybody(running) == 401


def test_an_authentication_plugin_of_another_stack_is_reported_and_kept(
    running: Running, admin: AdminApi
) -> None:
    """The gate is closed, but the plugin belongs to another stack."""
    settings = settings_of(running)
    with Hands(running.kong.admin_url) as hands:
        open_path(admin, settings, WANTED)
        hands.change(
            "plugins",
            _guard(hands, "jwt"),
            tags=["kong-oam", "kong-oam-stack:prod"],
        )
        with pytest.raises(
            StillOpenError,
            match=rf"plugin jwt of service '{SERVICE}' allows calls without a token, and stack 'prod' owns it",
        ):
            close(admin, settings)
        assert anybody(running) == 401


def test_an_altered_gate_is_closed_as_far_as_it_can_be(
    running: Running, admin: AdminApi
) -> None:
    """Its table is closed, but its scripts may still open paths."""
    settings = settings_of(running)
    with Hands(running.kong.admin_url) as hands:
        open_path(admin, settings, WANTED)
        hands.change(
            "plugins",
            _guard(hands, "post-function"),
            config={"log": ["return function() end"]},
        )
        assert [
            opening.path for opening in openings(admin, settings).openings
        ] == ["/orders"]
        with pytest.raises(StillOpenError) as error:
            close(admin, settings)
        assert error.value.closed == {}
        assert (
            openings(admin, settings).openings == () and anybody(running) == 401
        )


# Other plugins that deny everybody


def _disable_service(hands: Hands) -> None:
    hands.change("services", _service(hands), enabled=False)


def _delete_routes(hands: Hands) -> None:
    service = _service(hands)["id"]
    for route in [
        route
        for route in hands.list("routes")
        if route["service"]["id"] == service
    ]:
        hands.remove("routes", route)


def _terminate(hands: Hands) -> None:
    hands.make(
        "/plugins",
        name="request-termination",
        config={"status_code": 200},
        service={"id": _service(hands)["id"]},
    )


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (
            _disable_admission,
            "still reaches no workload (503); see `python -m kong_oam verify",
        ),
        (
            _disable_gate,
            "still refuses it (503); see `python -m kong_oam verify",
        ),
        (
            _disable_service,
            "still refuses it (404); see `python -m kong_oam verify",
        ),
        (
            _delete_routes,
            "still refuses it (404); see `python -m kong_oam verify",
        ),
        (
            _terminate,
            "still answers it itself (200); see `python -m kong_oam verify",
        ),
        (
            _copy_to_route,
            "still refuses it (401); see `python -m kong_oam verify",
        ),
    ],
)
def test_an_opening_that_reaches_nobody_is_an_error(
    running: Running,
    admin: AdminApi,
    change: Callable[[Hands], None],
    cause: str,
) -> None:
    """`verify` reports the cause."""
    settings = settings_of(running)
    with Hands(running.kong.admin_url) as hands:
        change(hands)
        opened = open_path(admin, settings, WANTED)
        with pytest.raises(EmergencyError) as error:
            show_at_gateway(
                admin, settings, [opened], of(running), is_open=True
            )
        close(admin, settings)
    assert cause in str(error.value)


@pytest.mark.parametrize("kind", ["pre-function", "jwt", "post-function"])
def test_a_guard_that_is_missing_is_named_before_anything_is_opened(
    running: Running, admin: AdminApi, kind: str
) -> None:
    """The component has an incomplete gate."""
    settings = settings_of(running)
    with Hands(running.kong.admin_url) as hands:
        hands.remove("plugins", _guard(hands, kind))
        with pytest.raises(
            EmergencyError, match=f"'{kind}' is missing at service '{SERVICE}'"
        ):
            open_path(admin, settings, WANTED)
        assert openings(admin, settings).openings == ()


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("status", [200, 302, 401, 404])
def test_another_server_proves_nothing(
    running: Running, admin: AdminApi, status: int, is_open: bool
) -> None:
    """Kong marks its answers as a workload's or its own. Answers of its Admin API have neither
    mark."""
    settings = settings_of(running)
    opened = open_path(admin, settings, WANTED)
    proxy = answering(
        status, headers={"Server": "kong/3.10.0", "X-Kong-Admin-Latency": "1"}
    )
    with pytest.raises(
        EmergencyError,
        match=r"not confirmed .* does not show that it comes from this Kong; check KONG_PROXY_ADDR, and `headers` in",
    ):
        show_at_gateway(admin, settings, [opened], proxy, is_open=is_open)


@pytest.mark.parametrize("is_open", [True, False])
def test_an_answer_of_a_plugin_is_neither_open_nor_closed(
    running: Running, admin: AdminApi, is_open: bool
) -> None:
    """Its status is below 400, but no workload answered."""
    settings = settings_of(running)
    opened = open_path(admin, settings, WANTED)
    with pytest.raises(
        EmergencyError, match=r"the gateway still answers it itself \(200\)"
    ):
        show_at_gateway(
            admin,
            settings,
            [opened],
            answering(200, headers=OWN),
            is_open=is_open,
        )


# Several ports

TWO_PORTS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: local}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: registry.example.com/orders:1, ports: [{port: 8080}, {port: 3000}]}
      traits:
        - type: gateway
          properties: {domain: orders.local.example.com, http: {/orders: 8080, /orders/files: 3000}}
        - type: access
          properties:
            owner: team-orders
            scopes: {orders.read: Read orders}
            rules:
              - {paths: [/orders], methods: [GET, POST], scopes: [orders.read]}
              - {paths: [/orders/post], methods: [POST], scopes: [orders.read]}
            roles:
              reader: {scopes: [orders.read], groups: [sales]}
"""
FILES = "kong-oam.local.orders.api.3000"


@pytest.fixture(scope="module")
def two_ports() -> Iterator[Running]:
    base = deployment("local")
    compiled = compile_estate(
        read_bytes("orders.yaml", TWO_PORTS.encode()), base.settings.stack
    )
    assert compiled.estate is not None, compiled.diagnostics
    with Running(replace(base, estate=compiled.estate)) as running:
        yield running


def test_each_port_of_an_opening_is_asked(two_ports: Running) -> None:
    """The path is on one port, and a path below it on another."""
    settings = settings_of(two_ports)
    with AdminApi(Account(two_ports.kong.admin_url)) as admin:
        opened = open_path(admin, settings, WANTED)
        shown = show_at_gateway(
            admin, settings, [opened], of(two_ports), is_open=True
        )
        close(admin, settings)
    assert sorted(shown) == [
        f"GET {URL} without a token: the gateway passes it on (200)",
        f"GET {URL}/files without a token: the gateway passes it on (200)",
    ]


@pytest.mark.parametrize("service", [SERVICE, FILES])
def test_a_port_without_a_guard_is_named_and_the_other_port_opened(
    two_ports: Running, service: str
) -> None:
    """An answer for a part of the path does not prove the rest."""
    settings = settings_of(two_ports)
    with (
        AdminApi(Account(two_ports.kong.admin_url)) as admin,
        Hands(two_ports.kong.admin_url) as hands,
    ):
        hands.remove("plugins", _guard(hands, "jwt", service))
        opened = open_path(admin, settings, WANTED)
        with pytest.raises(
            EmergencyError, match=f"'jwt' is missing at service '{service}'"
        ):
            show_at_gateway(
                admin, settings, [opened], of(two_ports), is_open=True
            )
        close(admin, settings)


def test_an_opening_without_a_safe_method_is_not_confirmed(
    two_ports: Running,
) -> None:
    """A POST may change data."""
    settings = settings_of(two_ports)
    wanted = OpeningRequest("orders/api", "/orders/post", "POST", 5, "INC-1")
    with AdminApi(Account(two_ports.kong.admin_url)) as admin:
        opened = open_path(admin, settings, wanted)
        for is_open in (True, False):
            with pytest.raises(
                EmergencyError,
                match="POST /orders/post was not called: the call could change data",
            ):
                show_at_gateway(
                    admin, settings, [opened], of(two_ports), is_open=is_open
                )
        close(admin, settings)
