"""Old keys and passwords on a live Kong: every mix of credentials, on and after the last day."""

from __future__ import annotations

import datetime
import time
from dataclasses import replace
from itertools import product

import pytest

from kong_oam.access.before import By
from tests.support.estates import estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import RUN, issuers, stack, upstream_host
from tests.support.old_credentials import consumers, meant, mixes, texts

DOMAIN = f"old.{RUN}.example.com"
TARGETS = (
    ("GET", "/orders"),
    ("POST", "/orders"),
    ("GET", "/orders/health"),
)


def scene_of(by: By, days: int) -> Scene:
    """Return the scene with a last day so many days from today (UTC)."""
    today = datetime.datetime.now(datetime.UTC).date()
    until = (today + datetime.timedelta(days)).isoformat()
    orders, acme = texts(by)
    orders = orders.replace("orders.example.com", DOMAIN)
    orders = orders.replace("2027-06-30", until)
    acme = acme.replace("2027-03-31", until)
    acme = acme.replace("consumer: acme", f"consumer: {RUN}-acme")
    name = f"{RUN}-old-{by}"
    return Scene(estate(orders, acme, stack=stack(name)), issuers(name))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("by", ["key-auth", "basic-auth"])
def test_a_live_kong_answers_every_mix_of_credentials_as_the_model_does(
    live: LiveGateway, by: By
) -> None:
    """The plugin and the gate find the same caller as the model, and hide the credential."""
    for days in (1, -1):
        at = scene_of(by, days)
        with live.target.deploying() as entities:
            for path, body in consumers(f"{RUN}-"):
                entities.make(path, body)
            settings = entities.settings
            entities.settings = replace(settings, stack=at.estate.stack)
            entities.estate(
                at.estate, at.pems, upstream_host(), live.upstream.port
            )
            wait = 3 * entities.facts.settle + 60
            ready = Case("GET", DOMAIN, b"/orders/health")
            live.await_steady([(ready, 200)], wait)
            time.sleep(entities.facts.settle)
            wrong = [
                case
                for case in product(mixes(at, by, f"{RUN}-"), TARGETS)
                if not _is_meant(live, at, by, *case)
            ]
            assert wrong == []


def _is_meant(
    live: LiveGateway,
    at: Scene,
    by: By,
    mix: tuple[str, tuple[tuple[str, ...], str | None]],
    request: tuple[str, str],
) -> bool:
    _, (lines, consumer) = mix
    method, target = request
    decision = meant(
        at,
        *lines,
        target=target,
        method=method,
        credential=(consumer, by) if consumer else None,
        host=DOMAIN,
    )
    case = Case(method, DOMAIN, target.encode())
    outcome = live.send(case, *(line.encode() for line in lines))
    if outcome.status != decision.status:
        return False
    # The workload never gets the credential that allowed the call.
    shown = b"-key" if by == "key-auth" else b"Basic"
    is_by_credential = decision.code == "allowed" and consumer is not None
    return not (is_by_credential and shown in (outcome.arrived or b""))
