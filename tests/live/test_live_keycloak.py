"""A live Kong and a real Keycloak: its tokens at the gateway, and a changed key.

Skipped where no Keycloak runs, for want of Java, Maven, memory or time: this tells nothing about
Kong.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from sandbox.keycloak import Keycloak, UnavailableError
from tests.support.live.engine import Engine, engine
from tests.support.live.gateway import LiveGateway

pytestmark = pytest.mark.timeout(
    1800
)  # the first run fetches Keycloak, within 15 minutes

REALM = "live"
USERS = {"sally": ("sales",), "dora": ("desk",)}

_CONSOLE = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: orders}
spec:
  components:
    - name: console
      type: webservice
      properties: {image: registry.example.com/console:1, ports: [{port: %(port)d}]}
      traits:
        - type: gateway
          properties: {domain: console.%(host)s, http: {/: %(port)d}}
        - type: access
          properties: {owner: team-shop, rules: [{methods: [GET], public: {reason: signs its users in}}]}
        - type: client
          properties:
            kind: web
            redirectPaths: [/callback]
            calls: [{component: orders/api, scopes: [orders.read, orders.write]}]
"""


@dataclass(frozen=True, slots=True)
class Deployed:
    """The estate after its first `pulumi up`, and the server of its tokens."""

    engine: Engine
    server: Keycloak

    def soon(self, expected: list[tuple[str, str, str | None, int]]) -> None:
        """Wait for the status of method, path and component on every worker of the gateway, within
        its limit."""
        cases = [
            (self.engine.case(method, path, who), status)
            for method, path, who, status in expected
        ]
        self.engine.live.await_steady(cases, self.engine.bound)


@pytest.fixture(scope="module")
def deployed(
    live: LiveGateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    with ExitStack() as started:
        try:
            server = started.enter_context(Keycloak())
        except (UnavailableError, RuntimeError) as error:
            pytest.skip(str(error))
        server.realm(REALM, ("sales", "desk"), USERS)
        provider = {
            "name": "keycloak",
            "type": "keycloak",
            "issuer": server.issuer(REALM),
        }
        folder = tmp_path_factory.mktemp("keycloak")
        made = started.enter_context(
            engine(
                live, folder, "keycloak", provider, server.environment(REALM)
            )
        )
        made.edit(
            "components: [orders/report]",
            "groups: [sales], components: [orders/report, shop/console]",
        )
        made.edit(
            "components: [orders/import]",
            "groups: [desk], components: [orders/import, shop/console]",
        )
        made.add("shop", _CONSOLE % {"port": made.port, "host": made.host})
        made.up()
        yield Deployed(made, server)


def test_keycloaks_tokens_have_the_access_of_the_applications(
    deployed: Deployed,
) -> None:
    """200 for the scope, 403 without it, 401 without a token."""
    deployed.soon(
        [
            ("GET", "/orders", None, 401),
            ("GET", "/orders/7", "report", 200),
            ("POST", "/orders", "report", 403),
            ("POST", "/orders", "import", 200),
            ("GET", "/orders", "import", 403),
            ("GET", "/orders/health", None, 200),
        ]
    )


def test_users_get_the_access_of_their_groups_roles(
    deployed: Deployed,
) -> None:
    """Other scopes of their tokens do not matter: one user may read orders, the other may change
    them."""
    made = deployed.engine
    cases = [
        (made.case(method, "/orders", "console", user), status)
        for method, user, status in (
            ("GET", "sally", 200),
            ("POST", "sally", 403),
            ("POST", "dora", 200),
            ("GET", "dora", 403),
        )
    ]
    made.live.await_steady(cases, made.bound)


def test_a_key_that_keycloak_changes_is_taken_with_an_up(
    deployed: Deployed,
) -> None:
    """Then tokens of the new key are valid, tokens of the old key stay valid, and another `up`
    makes no change."""
    made = deployed.engine
    before = made.case("GET", "/orders/7", "report")
    deployed.server.rotate(REALM, "next", 200)
    deployed.soon([("GET", "/orders/7", "report", 401)])
    assert made.changes("up") == {
        f"gateway-ring-keycloak-slot-{index}": "update" for index in (1, 2, 3)
    }
    deployed.soon(
        [
            ("GET", "/orders/7", "report", 200),
            ("POST", "/orders", "report", 403),
        ]
    )
    made.live.await_steady([(before, 200)], 30)
    assert made.changes("up") == {}
