"""Keys that change on a live Kong under permanent calls: the clients', the issuer's. Okta and
cluster are stand-ins."""

from __future__ import annotations

import pytest

from tests.support.engine.pods import Pods, set_day
from tests.support.gateway_cases import Case
from tests.support.live.engine import engine
from tests.support.live.gateway import LiveGateway

pytestmark = pytest.mark.timeout(900)


def test_no_valid_call_is_denied_while_keys_change(
    live: LiveGateway, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A rotation of the client's key, the end of its overlap, a year without a run, and two changes
    of the issuer's key.

    Tokens of all these keys are valid at every worker, from the first call to the last.
    """
    with engine(live, tmp_path_factory.mktemp("rotation"), "rotation") as made:
        made.up()
        made.live.await_steady(
            [(made.case("GET", "/orders/7", "report"), 200)], made.bound
        )
        (server,) = (
            found["id"]
            for found in made.local.okta.objects("authorizationServers")
        )

        def ask(token: str) -> int:
            return live.send(
                Case("GET", made.host, b"/orders/7", (f"Bearer {token}",))
            ).status

        pods, changed = Pods(made.local, ask, {"report": None}), []
        with pods.calling():
            for day, issuers_too in (
                (90, True),
                (96, False),
                (97, True),
                (465, True),
            ):
                set_day(made.stack_file, day)
                changed.append(_keys(made.changes("up")))
                if day == 96:
                    pods.roll_the_last()  # on the last day of the overlap
                else:
                    pods.start()
                pods.go_on(40)
                if issuers_too:
                    made.local.okta.rotate(server)
                    pods.go_on(40)
        assert changed == [
            {"b": "create"},
            {},
            {"a": "delete"},
            {"a": "create"},
        ]
        assert set(pods.statuses) == {"200"}, pods.statuses


def _keys(changes: dict[str, str]) -> dict[str, str]:
    """Return the changes of a run to the client's keys, by slot."""
    start = "okta-key-orders/report-"
    return {
        name.removeprefix(start): operation
        for name, operation in changes.items()
        if name.startswith(start)
    }
