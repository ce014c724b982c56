"""Compile redirectUris and redirectPaths: the addresses that users return to after sign-in."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from kong_oam.access.client import ClientYaml
from kong_oam.access.compile.elements import elements_of
from kong_oam.access.data import PathSegments
from kong_oam.access.model import Component, applying
from kong_oam.access.paths import within
from kong_oam.diagnostics import Diagnostic, Report
from kong_oam.oam.position import SourcePosition

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def redirect_uris(
    component: Component,
    client: ClientYaml,
    position: SourcePosition,
    scheme: str,
    out: Report,
) -> Iterator[str]:
    """Yield the addresses that users return to. Findings are added to `out`."""
    kind = client["kind"]
    paths = client.get("redirectPaths", ())
    uris = client.get("redirectUris", ()) if kind == "native" else ()
    for index, uri in enumerate(uris):
        if why := _unsafe_reason(uri):
            message = f"redirect URI '{uri}' {why}"
            at = position.at("redirectUris", index)
            out.append(Diagnostic("ACC210", message, at))
        yield uri
    if (paths and not component.exposure.endpoints) or not (paths or uris):
        message = f"a {kind} client needs redirectPaths, and a gateway trait that exposes them"
        if kind == "native":
            message += ", or redirectUris that stay on the device"
        out.append(Diagnostic("ACC210", message, position))
        return
    for index, path in enumerate(paths):
        at = position.at("redirectPaths", index)
        yield from _page_addresses(component, path, at, scheme, out)


def _page_addresses(
    component: Component,
    path: str,
    position: SourcePosition,
    scheme: str,
    out: Report,
) -> Iterator[str]:
    """Yield the address of the page on each host of the component that has the path."""
    elements = elements_of(path, position, out)
    if elements is None:
        return
    if not _is_public(component, elements):
        message = (
            f"no public rule of '{component.key}' covers GET {path}, so users cannot return to it; "
            "add a public rule"
        )
        out.append(Diagnostic("ACC210", message, position))
    hosts = dict.fromkeys(
        endpoint.host
        for endpoint in component.exposure.endpoints
        if within(elements, endpoint.path)
    )
    for host in hosts:
        if host.startswith("*."):
            message = f"a redirect URI cannot be on the wildcard host '{host}'; use an exact host"
            out.append(Diagnostic("ACC210", message, position))
        yield f"{scheme}://{host}{path}"


def _unsafe_reason(uri: str) -> str:
    """Return why a redirect URI of a native application may reach another party; empty if it is
    safe.

    RFC 8252, section 7, allows a reversed domain as the scheme, or a loopback address. Claimed
    https addresses (7.2) are redirectPaths, on the domains of the application itself.
    """
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        return "is not a URI"
    reversed_domain = "." in parts.scheme and uri.startswith(
        f"{parts.scheme}:/"
    )
    loopback = host in _LOOPBACK and "@" not in parts.netloc
    stays = reversed_domain or (parts.scheme == "http" and loopback)
    if stays and "*" not in uri and "#" not in uri:
        return ""
    return (
        "does not stay on the device; use a reversed domain as its scheme "
        "(com.example.app:/callback), or a loopback address"
    )


def _is_public(component: Component, path: PathSegments) -> bool:
    """Return whether anybody may GET the path: its longest rule path has a public rule for GET."""
    rules = applying(component.owning(path), path)
    return any(rule.public and rule.lists("GET") for rule in rules)
