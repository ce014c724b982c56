"""All that one component asks of the gateway beside who may call it."""

from __future__ import annotations

from dataclasses import dataclass

from kong_oam.access.edge.cors import Cors
from kong_oam.access.edge.headers import Headers
from kong_oam.access.edge.kong_plugin import KongPlugin
from kong_oam.access.edge.limits import Limits
from kong_oam.access.edge.rate_limit import RateLimit
from kong_oam.access.edge.upstream_tls import UpstreamTls


@dataclass(frozen=True, slots=True)
class Edge:
    """A field for each trait; None, or empty, where the component has none of it."""

    cors: Cors | None = None
    rate_limit: RateLimit | None = None
    upstream_tls: UpstreamTls | None = None
    kong_plugins: tuple[KongPlugin, ...] = ()
    headers: Headers | None = None
    limits: Limits | None = None


NONE = Edge()
