"""Old credentials until a date: `verify` judges callers by key, and finds a vanished consumer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from kong_oam.kong.script import with_table
from tests.support.estates import estate
from tests.support.json_object import JsonObject
from tests.support.old_credentials import add_consumers, texts
from tests.support.verified_gateway import Deployment, Hands, Running, sample


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    on, _ = sample()
    made = estate(*texts(), stack=on.stack)
    deployed = Deployment.of(on, made)
    with Running(deployed) as verified:
        add_consumers(verified.kong.admin_url)
        yield verified


def plugin(running: Running, name: str) -> JsonObject:
    (found,) = (
        row for row in running.kong.entities("plugins") if row["name"] == name
    )
    return found


def test_what_is_deployed_is_what_is_meant(running: Running) -> None:
    """Foreign consumers with the old credentials are no finding."""
    assert running.lines() == []


def test_a_vanished_consumer_is_found(running: Running) -> None:
    """Its owner may delete or rename it after an adoption."""
    with Hands(running.kong.admin_url) as hands:
        acme = hands.find("consumers", username="acme")
        hands.change("consumers", acme, username="renamed")
        lines = running.lines()
    assert lines[0].startswith("closed: consumer 'acme' is missing, so acme/")
    assert "acme/partner by key until 2027-03-31" in lines[1]


def test_a_changed_plugin_is_found(running: Running) -> None:
    """A plugin that shows keys to the workload opens nothing, and is reported."""
    with Hands(running.kong.admin_url) as hands:
        found = plugin(running, "key-auth")
        hands.change("plugins", found, config={"hide_credentials": False})
        assert "hide_credentials" in "".join(running.lines())


def test_a_deleted_plugin_closes(running: Running) -> None:
    with Hands(running.kong.admin_url) as hands:
        hands.change("plugins", plugin(running, "key-auth"), enabled=False)
        lines = running.lines()
    assert lines[0].startswith("closed: plugin key-auth of service")


LATER = 1_900_000_000


@pytest.mark.parametrize(
    ("change", "who"),
    [
        (
            lambda table: table["before"]["acme"].update(ends=LATER),
            "acme/partner by key after 2027-03-31",
        ),
        (
            lambda table: table["before"].update(other=table["before"]["acme"]),
            "consumer 'other' by key",
        ),
        (
            lambda table: table["before"]["acme"].update(
                scopes=["read", "write"]
            ),
            "acme/partner by key until 2027-03-31",
        ),
    ],
)
def test_a_wider_table_is_an_opening(
    running: Running, change: Callable[[JsonObject], None], who: str
) -> None:
    """Somebody changes both scripts by hand."""

    def changed(text: str) -> str:
        data = json.loads(text)
        change(data)
        return json.dumps(data)

    with Hands(running.kong.admin_url) as hands:
        for name in ("pre-function", "post-function"):
            row = plugin(running, name)
            first, *more = row["config"]["access"]
            access = [with_table(first, changed), *more]
            hands.change("plugins", row, config={"access": access})
        lines = running.lines()
    assert lines[0].startswith("opened: ")
    assert who in "".join(lines)
