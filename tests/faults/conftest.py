"""Empty stacks, each over its own sandbox that ends with the test; and a PostgreSQL for states."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.kong import Lags
from sandbox.local import STACK, Local
from tests.support.faults.stacks import Empty, Stack, start
from tests.support.postgresql import (
    PostgreSql,
    PostgreSqlMissingError,
    postgresql,
)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Empty]:
    """A function that makes an empty stack: `empty(name="aws", applications=[...], lags=...,
    groups=..., users=...)`.

    Kong shows every change at once unless `lags` differ.
    """
    running: list[Local] = []

    def make(
        name: str = STACK,
        applications: list[str] | None = None,
        copied: tuple[str, ...] = (),
        **sandbox: Any,
    ) -> Stack:
        local = Local(**({"lags": Lags()} | sandbox))
        local.__enter__()
        running.append(local)
        return start(
            local,
            tmp_path / f"project{len(running)}",
            name,
            applications,
            copied,
        )

    yield make
    for local in running:
        local.__exit__(None, None, None)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSql]:
    """The module's own PostgreSQL; without Debian's package its tests are skipped."""
    try:
        with postgresql() as started:
            yield started
    except PostgreSqlMissingError as error:
        pytest.skip(str(error))
