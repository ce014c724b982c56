"""Refusals and paths at the workload, on a live Kong: exact bytes, and retries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.estates import api, estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene
from tests.support.live.forward import Workload
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import RUN, issuers, stack, upstream_host

NAME = f"{RUN}-forward"
HOST = f"forward.{RUN}.example.com"
ACCESS = """{owner: t, scopes: {read: Read},
  forward: {/crm: /, /foo: /base/, /ws: /socket},
  rules: [{paths: [/], public: {reason: x}, refusals: {
    exactly: [/auth/v1], below: [/orders], begins: [/db-manage-auth]}}]}"""


@pytest.fixture(scope="module")
def workload(live: LiveGateway) -> Iterator[Workload]:
    """A workload behind the gateway that remembers the requests."""
    text = api("forward", domain=HOST, http="{/: 80}", access=ACCESS)
    scene = Scene(estate(text, stack=stack(NAME)), issuers(NAME))
    with Workload() as behind, live.target.deploying() as entities:
        entities.estate(scene.estate, scene.pems, upstream_host(), behind.port)
        steady = [(Case("GET", HOST, b"/auth/v1"), 401)]
        live.await_steady(steady, 3 * entities.facts.settle + 60)
        steady = [(Case("GET", HOST, b"/steady"), 200)]
        live.await_steady(steady, 3 * entities.facts.settle + 60)
        yield behind


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        (b"/crm", b"/"),
        (b"/crm/", b"/"),
        (b"/crm/a?b=%2F&c", b"/a?b=%2F&c"),
        (b"/crm/a%21b%20c/", b"/a%21b%20c/"),
        (b"/crm/%C3%A9!", b"/%C3%A9!"),
        (b"/x/..//crm/./a", b"/a"),
        (b"/foo", b"/base"),
        (b"/foo/", b"/base/"),
        (b"/foo/a", b"/base/a"),
        (b"/crmX/a", b"/crmX/a"),
    ],
)
def test_a_workload_gets_the_other_path(
    live: LiveGateway, workload: Workload, target: bytes, sent: bytes
) -> None:
    """The query and the encoding of the rest stay."""
    assert live.send(Case("GET", HOST, target)).status == 200
    assert workload.targets[-1] == sent


def test_a_repeated_request_has_the_other_path_too(
    live: LiveGateway, workload: Workload
) -> None:
    """The workload closes the first connection without an answer."""
    before = len(workload.targets)
    assert live.send(Case("GET", HOST, b"/crm/closes-once")).status == 200
    assert workload.targets[before:] == [b"/closes-once"] * 2


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/auth/v1", 401),
        (b"/auth/v1/", 200),
        (b"/AUTH/v1", 401),
        (b"/auth/v1.", 401),
        (b"/orders", 200),
        (b"/orders/", 401),
        (b"/orders/x/..", 401),
        (b"/orders%2e/7", 401),
        (b"/db-manage-authX", 401),
        (b"/db-manage-auth/x", 401),
        (b"/DB-MAN~1", 401),
        (b"/db-manage", 200),
    ],
)
@pytest.mark.usefixtures("workload")
def test_a_text_is_refused(
    live: LiveGateway, target: bytes, status: int
) -> None:
    assert live.send(Case("GET", HOST, target)).status == status
