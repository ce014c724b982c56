"""`emergency` asks the gateway after it has written, and says what everybody gets there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from kong_oam.access.settings.stack import Settings
from kong_oam.emergency import EmergencyError, OpeningRequest, close, open_path, openings, show_at_gateway
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.proxy import Proxy
from tests.support.two_stacks import both
from tests.support.verifying import Hands, Running

URL = "http://orders.local.example.com/orders"
WANTED = OpeningRequest("orders/api", "/orders", "GET", 5, "INC-1")
SERVICE = "kong-oam.local.orders.api.8080"


@pytest.fixture(scope="module")
def stacks() -> Iterator[dict[str, Running]]:
    with both() as running:
        yield running


@pytest.fixture
def running(stacks: dict[str, Running]) -> Running:
    return stacks["local"]


@pytest.fixture
def admin(running: Running) -> Iterator[AdminApi]:
    """At the end nothing is open."""
    with AdminApi(Account(running.kong.admin_url)) as made:
        yield made
        close(made, settings_of(running))


def settings_of(running: Running) -> Settings:
    return running.deployment.settings


def answering(*statuses: int, headers: dict[str, str] | None = None) -> Proxy:
    """A proxy that gives these answers, one after the other, and the last one again."""
    left = [*statuses]

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(left.pop(0) if len(left) > 1 else left[0], headers=headers)

    return Proxy("http", transport=httpx.MockTransport(answer), sleep=lambda _: None)


def of(running: Running) -> Proxy:
    """The stand-in's proxy, whose workloads say 200 to all that reaches them."""

    def answer(request: httpx.Request) -> httpx.Response:
        raw = f"{request.method} {request.url.path} HTTP/1.1\r\nHost: {request.headers['Host']}\r\n\r\n"
        given = running.kong.handle(raw.encode(), "http")
        return httpx.Response(given.status, headers=given.headers)

    return Proxy("http", transport=httpx.MockTransport(answer), sleep=lambda _: None)


def test_what_everybody_gets_is_asked_at_the_gateway(running: Running, admin: AdminApi) -> None:
    """After an opening the workload is reached, and after a close the gateway refuses."""
    settings = settings_of(running)
    opened = open_path(admin, settings, WANTED)
    assert show_at_gateway(admin, settings, [opened], of(running), is_open=True) == [
        f"GET {URL} without a token: the gateway passes it on (200)"
    ]
    close(admin, settings)
    assert show_at_gateway(admin, settings, [opened], of(running), is_open=False) == [
        f"GET {URL} without a token: the gateway refuses it (401)"
    ]


def _disable_admission(hands: Hands) -> None:
    hands.change("plugins", hands.find("plugins", name="pre-function", service=SERVICE), enabled=False)


def _disable_gate(hands: Hands) -> None:
    hands.change("plugins", hands.find("plugins", name="post-function", service=SERVICE), enabled=False)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (_disable_admission, "plugin pre-function of service 'kong-oam.local.orders.api.8080' is disabled: enable"),
        (_disable_gate, "plugin post-function of service 'kong-oam.local.orders.api.8080' is disabled: enable"),
    ],
)
def test_an_opening_that_the_gateway_does_not_follow_is_an_error_with_the_cause(
    running: Running, admin: AdminApi, change: Callable[[Hands], None], cause: str
) -> None:
    """Everybody gets 503, although the change was written."""
    settings = settings_of(running)
    with Hands(running.kong.admin_url) as hands:
        change(hands)
        opened = open_path(admin, settings, WANTED)
        for proxy in (of(running), Proxy("http", "http://127.0.0.1:1")):
            with pytest.raises(EmergencyError) as error:
                show_at_gateway(admin, settings, [opened], proxy, is_open=True)
            assert cause in str(error.value)
        close(admin, settings)


@pytest.mark.parametrize("is_open", [True, False])
def test_the_gateway_is_asked_until_its_workers_have_the_change(
    running: Running, admin: AdminApi, is_open: bool
) -> None:
    """Seconds later it is as it should be, or an error."""
    settings = settings_of(running)
    opened = open_path(admin, settings, WANTED)
    before, after = (401, 200) if is_open else (200, 401)
    show_at_gateway(admin, settings, [opened], answering(before, before, after), is_open=is_open)
    verb = "refuses it (401)" if is_open else "passes it on (200)"
    with pytest.raises(EmergencyError, match=rf"still {verb[:6]}"):
        show_at_gateway(admin, settings, [opened], answering(before), is_open=is_open)


def test_a_workload_that_is_away_is_an_error(running: Running, admin: AdminApi) -> None:
    """Nobody is refused by the gateway, and nobody is served."""
    settings = settings_of(running)
    opened = open_path(admin, settings, WANTED)
    proxy = answering(503, headers={"Content-Type": "application/json"})
    with pytest.raises(EmergencyError, match=r"the gateway still reaches no workload \(503\)"):
        show_at_gateway(admin, settings, [opened], proxy, is_open=True)


def test_a_workload_that_refuses_is_not_the_gateway(running: Running, admin: AdminApi) -> None:
    """Kong says which answers came from a workload."""
    settings = settings_of(running)
    opened = open_path(admin, settings, WANTED)
    proxy = answering(404, headers={"X-Kong-Upstream-Latency": "3"})
    assert show_at_gateway(admin, settings, [opened], proxy, is_open=True) == [
        f"GET {URL} without a token: the gateway passes it on (404)"
    ]


def test_a_gateway_that_cannot_be_reached_is_not_asked(running: Running, admin: AdminApi) -> None:
    """The change was written; nobody can say more from here."""
    settings = settings_of(running)
    opened = open_path(admin, settings, WANTED)
    (line,) = show_at_gateway(admin, settings, [opened], Proxy("http", "http://127.0.0.1:1"), is_open=True)
    assert line == (
        f"GET {URL} without a token could not be asked (ConnectError): call it yourself, or set KONG_PROXY_ADDR to the gateway's proxy"
    )


def test_an_entity_of_another_stack_is_never_opened(stacks: dict[str, Running], admin: AdminApi) -> None:
    """A guard with another stack's tag counts as none of ours."""
    settings = settings_of(stacks["local"])
    with Hands(stacks["local"].kong.admin_url) as hands:
        gate = hands.find("plugins", name="post-function", service=SERVICE)
        hands.change("plugins", gate, tags=["kong-oam", "kong-oam-stack:prod"])
        with pytest.raises(EmergencyError, match="stack 'prod' owns plugin post-function"):
            open_path(admin, settings, WANTED)
    assert openings(admin, settings).openings == ()
