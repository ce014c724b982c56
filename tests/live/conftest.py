"""The live tier: the gateway's promises on any running Kong. `make test-live` explains its use.

Without KONG_ADMIN_URL and KONG_PROXY_URL it is skipped with a message. All its entities have the
run's name, and are deleted at the end, also after failures.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from sandbox import launchers
from tests.support.gateway_cases import Case, landmarks, refusals
from tests.support.json_object import JsonObject
from tests.support.kong_deployment import Entities
from tests.support.live.gateway import LiveGateway
from tests.support.live.http2 import status_over_http2
from tests.support.live.run import (
    RUN,
    Target,
    bind_address,
    scene,
    upstream_host,
)
from tests.support.live.upstream import Upstream

_HERE = Path(__file__).parent
_BOUND = 300
"""The default limit of a test, in seconds, for hanging tests; the first test also waits for the
tier's estate."""


def _found() -> Target | str | ValueError:
    try:
        found = Target.of(os.environ)
    except ValueError as error:
        return error
    if isinstance(
        found, Target
    ):  # many addresses are on loopback, for which the environment's proxy must not be used
        for name in ("NO_PROXY", "no_proxy"):
            os.environ[name] = ",".join(
                filter(None, [os.environ.get(name), "127.0.0.1", "localhost"])
            )
    return found


_FOUND = _found()


def pytest_report_header() -> list[str]:
    """Return the product that answers, and the plugin for it. A wrong address is an error."""
    if isinstance(_FOUND, ValueError):
        pytest.exit(f"live tier: {_FOUND}", returncode=2)
    if isinstance(_FOUND, str):
        return [f"live tier: {_FOUND}"]
    try:
        product = _FOUND.product()
    except (httpx.HTTPError, AssertionError) as error:
        pytest.exit(
            f"live tier: the Admin API at {_FOUND.admin_url} does not answer as one: {error}",
            returncode=2,
        )
    return [
        f"live tier: {_FOUND.admin_url} is {product}",
        f"live tier: engine tests drive it with {_plugin()}",
        f"live tier: entities of this run are named and tagged {RUN}",
    ]


def _plugin() -> str:
    official = launchers.split(launchers.asked_for()).official
    return (
        "the official pulumi-kong plugin"
        if "resource-kong" in official
        else "a stand-in for the pulumi-kong plugin"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tier without a gateway. The test that removes all entities runs last."""
    items.sort(
        key=lambda item: item.path == _HERE / "test_live_nothing_is_left.py"
    )
    for item in (item for item in items if _HERE in item.path.parents):
        if isinstance(_FOUND, str):
            item.add_marker(pytest.mark.skip(reason=_FOUND))
        elif item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_BOUND))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the reason, even in a quiet run."""
    if isinstance(_FOUND, str):
        terminalreporter.write_line(f"live tier skipped: {_FOUND}")


@pytest.fixture(scope="session")
def kong() -> Target:
    """The gateway of this run, which must answer 404 for unknown hosts."""
    assert isinstance(_FOUND, Target), _FOUND
    return _FOUND


@pytest.fixture(scope="session")
def before(
    kong: Target, report: Callable[[str], None]
) -> dict[str, JsonObject]:
    """All foreign entities, by path, before this run creates its own."""
    if left := kong.remove_what_earlier_runs_left():
        report(
            f"{left} entities of earlier runs that were killed have been removed"
        )
    found = kong.entities()
    of_everybody = {
        entity["name"]
        for path, entity in found.items()
        if path.startswith("/plugins/")
        and not any(
            entity.get(scope)
            for scope in ("service", "route", "consumer", "consumer_group")
        )
    }
    # Each of these would change the answers to the tier's own requests.
    assert of_everybody == set(), (
        f"this Kong has global plugins ({', '.join(sorted(of_everybody))}): use another"
    )
    return found


@pytest.fixture(scope="session")
def live(kong: Target, before: dict[str, JsonObject]) -> Iterator[LiveGateway]:
    """The gateway, with the tier's own upstream behind it. It listens beyond loopback only for a
    remote Kong."""
    bind = bind_address()
    with Upstream(bind) as upstream:
        gateway = LiveGateway(kong, upstream)
        status = gateway.send(
            Case("GET", f"nobody.{RUN}.example.com", b"/")
        ).status
        assert status == 404, (
            f"a route or plugin of others answers requests to any host ({status}): use another Kong"
        )
        yield gateway


@pytest.fixture(scope="session")
def metrics(live: LiveGateway) -> tuple[str, ...]:
    """The URL of /metrics of each node that answers: a node counts its own calls."""
    if not live.metrics:
        pytest.skip(
            "another node answers: LIVE_METRICS_URL has to name its /metrics, or each node's"
        )
    return live.metrics


@pytest.fixture(scope="session")
def http2(live: LiveGateway) -> tuple[str, int]:
    """The address of a listener with HTTP/2 without TLS."""
    headers = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"nobody.example.com")]  # fmt: skip
    if status_over_http2(live.target.http2, headers) is None:
        pytest.skip(
            "no listener of the gateway has HTTP/2 without TLS (proxy_listen ... http2): "
            "LIVE_HTTP2_URL may name such a listener beside the proxy's"
        )
    return live.target.http2


@pytest.fixture(scope="session")
def entities(live: LiveGateway) -> Iterator[Entities]:
    """The entities of the tier's estate, once every worker sees all of them."""
    with live.target.deploying() as made:
        made.estate(
            scene().estate, scene().pems, upstream_host(), live.upstream.port
        )
        asked = (*landmarks(scene()), *refusals(scene()))
        expected = [(case, case.meant(scene()).status) for case in asked]
        live.await_steady(expected, bound=3 * made.facts.settle + 60)
        yield made
