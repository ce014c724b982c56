"""All that one component asks of the gateway beside who may call it."""

from __future__ import annotations

from dataclasses import dataclass

from kong_oam.traits.cors.value import Cors
from kong_oam.traits.headers.value import Headers
from kong_oam.traits.kong_plugin.value import KongPlugin
from kong_oam.traits.limits.value import Limits
from kong_oam.traits.rate_limit.value import RateLimit
from kong_oam.traits.upstream_tls.value import UpstreamTls


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
