"""The project and an independent reading of the documents agree about old credentials."""

from __future__ import annotations

import datetime
from collections import Counter
from itertools import product
from random import Random

import yaml

from kong_oam.access.before import OldCredential
from kong_oam.access.decide import Request, decide
from tests.support.estates import compiled
from tests.support.old_credentials import ACME, ORDERS
from tests.support.oracle.old_credentials import outcome

DAYS = ("2027-03-30", "2027-03-31", "2027-04-01", "2027-12-31", "2028-02-29")
KINDS = ("key-auth", "basic-auth")
CONSUMERS = ("acme", "bolt", "Acme")
METHODS = {"read": "GET", "write": "POST"}


def documents(rng: Random) -> tuple[str, ...]:
    """Return an API and two partners with random sides, grants and days."""
    members = rng.choice(
        ["acme/partner", "acme/partner, bolt/partner", "bolt/partner"]
    )
    scopes = rng.choice(["[read]", "[read, write]"])
    orders = (
        ORDERS.replace(
            "scopes: [read], components", f"scopes: {scopes}, components"
        )
        .replace("[acme/partner]", f"[{members}]")
        .replace("2027-06-30", rng.choice(DAYS))
        .replace("by: key-auth", f"by: {rng.choice(KINDS)}")
    )
    partners = []
    for name, consumer in (("acme", "acme"), ("bolt", "bolt")):
        text = (
            ACME.replace("name: acme, namespace: acme", f"name: {name}")
            .replace("consumer: acme", f"consumer: {consumer}")
            .replace("2027-03-31", rng.choice(DAYS))
            .replace("by: key-auth", f"by: {rng.choice(KINDS)}")
            .replace(
                "scopes: [read]", f"scopes: {rng.choice(['[read]', scopes])}"
            )
            .replace(
                "      type: external\n",
                "      type: external\n"
                f"      properties: {{jwksUri: https://{name}.example.com/k}}\n",
            )
        )
        if rng.random() < 0.8:
            partners.append(text)
    return orders, *partners


def seconds_in(day: str) -> tuple[float, float]:
    """Return the first and the last second of a day (UTC)."""
    begin = datetime.datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()
    return begin, begin + 86_399.0


def test_decide_reads_old_credentials_as_the_oracle_does() -> None:
    """Random documents, with each consumer, kind, scope and day."""
    rng = Random(7)
    statuses: Counter[int] = Counter()
    for _ in range(120):
        texts = documents(rng)
        estate = compiled(*texts).estate
        if estate is None:
            continue  # a role names a missing partner, or a call has no grant
        parsed = [yaml.safe_load(text) for text in texts]
        for day, consumer, by, needed in product(
            DAYS, CONSUMERS, KINDS, METHODS
        ):
            expected = outcome(
                [_with_texts(each) for each in parsed],
                "orders/api",
                day,
                consumer,
                by,
                needed,
            )
            for at in seconds_in(day):
                request = Request(
                    METHODS[needed], "orders.example.com", b"/orders"
                )
                credential = OldCredential(consumer, by, at)
                decision = decide(estate, request, credential)
                case = texts, day, consumer, by, needed, decision.reason
                assert decision.status == expected, case
                statuses[expected] += 1
    assert set(statuses) == {200, 401, 403}
    assert min(statuses.values()) > 100


def _with_texts(document: dict[str, object]) -> dict[str, object]:
    """Return a document whose dates are texts, as the project reads them."""

    def text(value: object) -> object:
        if isinstance(value, dict):
            return {key: text(item) for key, item in value.items()}
        if isinstance(value, list):
            return [text(item) for item in value]
        return str(value) if isinstance(value, datetime.date) else value

    converted = text(document)
    assert isinstance(converted, dict)
    return converted
