"""Headers that Kong deletes on the way upstream, because the request's Connection header lists
them.

Source: Kong's public source, kong/runloop/handler.lua and kong/tools/http.lua of 3.4.2, 3.6.1,
3.7.1, 3.9.1 and 3.10. Kong reads Connection after all plugins. Kong 3.7 to 3.9 read it from a copy
of the headers from before any plugin ran (`ngx.ctx.cached_request_headers`). A plugin that clears
the header has no effect there.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.kong.exchange import Exchange
from sandbox.kong.lua import Functions


def reads_a_copy(version: str) -> bool:
    """Return whether a Kong of this version reads headers out of the copy."""
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return numbers is not None and (3, 7) <= (
        int(numbers[1]),
        int(numbers[2]),
    ) < (3, 10)


class HopByHop:
    """The headers that a Kong of one version deletes."""

    def __init__(self, version: str, functions: Functions) -> None:
        self._reads_a_copy = reads_a_copy(version)
        self._functions = functions

    def begin(self, exchange: Exchange, tables: Any) -> None:
        """Kong's router reads the Host header, and so makes the copy."""
        if self._reads_a_copy:
            self._functions.read_header(exchange, "host", tables)

    def listed(self, exchange: Exchange, tables: Any) -> frozenset[str]:
        """The names that Connection lists, in small letters."""
        value = self._functions.read_header(
            exchange, "connection", tables if self._reads_a_copy else None
        )
        return frozenset(
            name.strip() for name in (value or "").lower().split(",")
        )
