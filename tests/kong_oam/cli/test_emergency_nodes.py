"""`emergency` on nodes without a database (stand-ins): it changes the document and each node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import kong_oam.cli.emergency
import kong_oam.kong.proxy
from kong_oam.kong.dbless.document import Document
from kong_oam.kong.dbless.file import DocumentFile
from tests.support.called_gateway import proxy_of
from tests.support.cli import Cli
from tests.support.dbless import writable
from tests.support.dbless_estate import DblessEstate, deployed

COMMAND = ("emergency", "-s", "prod")
OPEN = (*COMMAND, "open", "orders/api", "/orders", "--reason", "INC-1")


@pytest.fixture
def estate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DblessEstate]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KONG_ADMIN_ADDR", raising=False)
    with deployed(tmp_path / "kong.json.gz") as made:
        monkeypatch.setattr(
            kong_oam.cli.emergency, "settings_of", lambda _: made.settings
        )
        proxy = proxy_of(made.nodes[0])
        monkeypatch.setattr(kong_oam.kong.proxy, "Proxy", lambda *_: proxy)
        yield made


def statuses(estate: DblessEstate) -> list[int]:
    """Return each node's answer to a call without a token."""
    call = b"GET /orders HTTP/1.1\r\nHost: orders.prod.example.com\r\n\r\n"
    return [node.handle(call, "http").status for node in estate.nodes]


def saved(estate: DblessEstate) -> Document | None:
    return DocumentFile(estate.file).load("prod")


def test_each_node_opens_and_closes(estate: DblessEstate, cli: Cli) -> None:
    """The saved document, too: a node that restarts must give the same answer."""
    before = saved(estate)
    assert statuses(estate) == [401, 401]
    opened = cli(*OPEN)
    assert "open: GET,HEAD /orders of orders/api for everybody" in opened
    assert "(INC-1); all nodes have the change\n" in opened
    assert statuses(estate) == [200, 200]
    assert saved(estate) != before
    assert "(INC-1)" in cli(*COMMAND, status=1)
    closed = cli(*COMMAND, "close")
    assert "closed: orders/api; all nodes have the change\n" in closed
    assert statuses(estate) == [401, 401]
    assert cli(*COMMAND) == "no emergency opening exists\n"
    assert not DocumentFile(estate.file).holder()


def test_nothing_opens_if_a_node_does_not_answer(
    estate: DblessEstate, cli: Cli
) -> None:
    before = saved(estate)
    url = estate.nodes[1].admin_url
    estate.nodes[1].stop()
    message = cli.usage(*OPEN)
    assert f"the node {url} does not answer" in message
    assert saved(estate) == before


def test_another_command_keeps_the_document(
    estate: DblessEstate, cli: Cli
) -> None:
    with writable(estate.nodes, estate.file):
        message = cli.usage(*OPEN)
    assert "is in use by 'test'" in message
    assert statuses(estate) == [401, 401]


def test_inside_dbless_it_uses_the_same_session(
    estate: DblessEstate, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writable(estate.nodes, estate.file) as address:
        monkeypatch.setenv("KONG_ADMIN_ADDR", address)
        cli(*OPEN)
        assert statuses(estate) == [200, 200]
        cli(*COMMAND, "close")
    assert statuses(estate) == [401, 401]
