"""The documents by which clients of MCP endpoints find their identity provider (RFC 9728).

The gateway answers `GET /.well-known/oauth-protected-resource/mcp` for the endpoint `/mcp` itself,
to everybody and before any rule on the host.
"""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.data import Names, PathSegments
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import Component, Estate
from kong_oam.access.paths import within, written

WELL_KNOWN = (".well-known", "oauth-protected-resource")

# Code of the decision on a request for a document.
DISCOVERY = "discovery"


def document_path(endpoint: PathSegments) -> PathSegments:
    """Return the path of the document about an MCP endpoint."""
    return (*WELL_KNOWN, *endpoint)


def described(
    estate: Estate, method: str, host: str, path: PathSegments
) -> Component | None:
    """Return the component whose document the gateway answers with; None for other requests."""
    if method != "GET" or not within(path, WELL_KNOWN):
        return None
    endpoint = path[len(WELL_KNOWN) :]
    reached = estate.reached(host, endpoint)
    if reached is None:
        return None
    _, component = reached
    return component if endpoint in component.mcp_endpoints else None


def resource_urls(component: Component, scheme: str) -> Names:
    """Return the URLs of the component's MCP endpoints, sorted: clients send them as `resource`
    (RFC 8707). A wildcard host has no URL."""
    urls = set()
    for endpoint, path in documents(component):
        if not endpoint.host.startswith("*."):
            suffix = written(path) if path else ""
            urls.add(f"{scheme}://{endpoint.host}{suffix}")
    return tuple(sorted(urls))


def audience_notes(estate: Estate) -> Iterator[str]:
    """Yield a line about each MCP server whose tokens have the audience of the whole stack."""
    for component in estate.exposed:
        provider = estate.provider_of(component)
        if component.mcp_endpoints and not provider.per_api:
            yield (
                f"tokens for the MCP server {component.key} have the stack's audience "
                f"{provider.audience}; its gate counts only scopes of grants there"
            )


def documents(component: Component) -> Iterator[tuple[Endpoint, PathSegments]]:
    """Yield each MCP endpoint with the endpoint that exposes it on a host."""
    for path in component.mcp_endpoints:
        exposing: dict[str, Endpoint] = {}
        for endpoint in component.exposure.endpoints:
            known = exposing.get(endpoint.host)
            is_longer = known is None or len(known.path) < len(endpoint.path)
            if within(path, endpoint.path) and is_longer:
                exposing[endpoint.host] = endpoint
        for endpoint in exposing.values():
            yield endpoint, path
