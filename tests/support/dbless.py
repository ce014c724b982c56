"""Stand-ins for Kong nodes without a database, with a writable Admin API."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from kong_oam.access.settings.dbless import DblessSettings
from kong_oam.kong.account import Account
from kong_oam.kong.dbless.session import session
from sandbox.kong import Kong


@contextmanager
def nodes(count: int) -> Iterator[Sequence[Kong]]:
    """Start stand-ins for nodes without a database."""
    with ExitStack() as started:
        yield [
            started.enter_context(Kong(configuration={"database": "off"}))
            for _ in range(count)
        ]


def load(node: Kong, saved: bytes) -> None:
    """Load the content of a saved document into a node."""
    text = gzip.decompress(saved).decode()
    answer = httpx.post(f"{node.admin_url}/config", json={"config": text})
    assert answer.status_code == 201


@contextmanager
def emptied(urls: Sequence[str]) -> Iterator[None]:
    """Remove all entities from nodes at the end."""
    try:
        yield
    finally:
        with TemporaryDirectory() as folder:
            empty = DblessSettings(tuple(urls), f"{folder}/empty.json.gz")
            with session("end", empty, Account(""), "test", 0, replaces=True):
                pass


@contextmanager
def writable(
    standing: Sequence[Kong],
    file: Path,
    *,
    replaces: bool = False,
    stack: str = "prod",
) -> Iterator[str]:
    """Yield the address of the nodes' writable Admin API, as `kong-oam dbless` serves it."""
    urls = tuple(node.admin_url for node in standing)
    with session(
        stack,
        DblessSettings(urls, str(file)),
        Account(""),
        "test",
        0,
        replaces=replaces,
    ) as address:
        yield address
