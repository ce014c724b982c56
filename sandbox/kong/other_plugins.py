"""Plugins of Kong beside `jwt` and serverless functions, by name; their schemas are in
plugin_schemas.py.

Their behaviour is a guess unless a docstring names the Kong it was seen on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from kong_rules.entities import Entity
from sandbox.kong.acl import Acl
from sandbox.kong.basic_auth import BasicAuth
from sandbox.kong.exchange import Exchange
from sandbox.kong.http import Response
from sandbox.kong.key_auth import KeyAuth
from sandbox.kong.marks import BotDetection, CorrelationId
from sandbox.kong.prometheus import Prometheus
from sandbox.kong.rate_limiting import RateLimiting
from sandbox.kong.sinks import FileLog, HttpLog, TcpLog


class OtherPlugin(Protocol):
    """One kind of plugin on one node; an instance keeps its data between requests."""

    priority: int
    """Kong's: plugins of a higher one run first."""

    def access(self, exchange: Exchange, plugin: Entity) -> Response | None:
        """Run the access phase: return the plugin's answer, or None to let the request continue."""

    def header_filter(self, exchange: Exchange, plugin: Entity) -> None:
        """Change the headers of the answer, in `exchange.response_headers`; `exchange.status` is
        its status."""

    def log(self, exchange: Exchange, plugin: Entity) -> None:
        """Run after the answer was sent."""


OTHER_PLUGINS: Mapping[str, type[OtherPlugin]] = {
    "acl": Acl,
    "basic-auth": BasicAuth,
    "bot-detection": BotDetection,
    "correlation-id": CorrelationId,
    "file-log": FileLog,
    "http-log": HttpLog,
    "key-auth": KeyAuth,
    "prometheus": Prometheus,
    "rate-limiting": RateLimiting,
    "tcp-log": TcpLog,
}
"""By the plugin's name."""
PRIORITIES: Mapping[str, int] = {
    "pre-function": 1_000_000,
    "jwt": 1450,
    "request-termination": 2,
    "post-function": -1000,
    **{name: plugin.priority for name, plugin in OTHER_PLUGINS.items()},
}
"""Kong's, by the name of every plugin: those that guard, too."""
