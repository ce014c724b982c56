"""DuckDB, which reads records and uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from kong_oam.errors import InputError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# DuckDB moves larger tables to files.
_MEMORY = "600MB"


class UsesError(InputError):
    """Records or uses that cannot be read, or a missing package."""


def require(package: str) -> None:
    """Raise UsesError if a package of the extra `audit` is not installed."""
    try:
        __import__(package)
    except ImportError:
        raise UsesError(
            f"the package {package} is missing: install it with `pip install 'kong-oam[audit]'`"
        ) from None


@contextmanager
def connection() -> Iterator[DuckDBPyConnection]:
    """Connect to an empty database in memory, which uses one thread."""
    require("duckdb")
    import duckdb

    with TemporaryDirectory() as folder, duckdb.connect() as database:
        database.execute("SET threads = 1")
        database.execute(f"SET memory_limit = '{_MEMORY}'")
        database.execute("SET temp_directory = ?", [folder])
        # DuckDB cannot estimate the number of records in a log. So it would keep a log in memory,
        # and not the small table that it joins. Without this, it keeps the right side of a join.
        database.execute("SET disabled_optimizers = 'build_side_probe_side'")
        yield database
