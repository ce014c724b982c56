"""Make entities of a Kong from their fields, as decK files and the Admin API have them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kong_oam.access.data import Names, NamesByName
from kong_oam.adopt import fields as known
from kong_oam.adopt.entities import (
    HTTP,
    OldPlugin,
    OldRoute,
    OldService,
    OldTarget,
    OldUpstream,
)
from kong_oam.adopt.fields import EntityFields
from kong_oam.adopt.path_text import migrated
from kong_oam.diagnostics import Diagnostic, Position

_SECURE = frozenset({"https", "grpcs", "tls", "tls_passthrough", "wss"})


def service(fields: EntityFields, name: str, position: Position) -> OldService:
    """Make a service. `url` is a short form of protocol, host, port and path."""
    url = fields.text("url")
    address = _of_url(fields, url) if url else {}
    protocol = fields.text("protocol", address.get("protocol", "http"))
    usual = 443 if protocol in _SECURE else 80
    return OldService(
        name,
        fields.text("id"),
        position,
        protocol,
        fields.text("host", address.get("host", "")),
        _port(fields, address.get("port", ""), usual),
        fields.text("path", address.get("path", "")),
        fields.flag("enabled", True),
        fields.chosen(known.SERVICE_SETTINGS),
        fields.texts("tags"),
        fields.rest(known.SERVICE, known.SERVICE_SETTINGS),
    )


# A URL whose parts may be placeholders: protocol, user, host, port, path.
_URL = re.compile(
    r"(?P<protocol>[a-z_]+|\$\{[^}]*\}|\{\{.*?\}\})://"
    r"(?:[^/@]*@)?"
    r"(?P<host>\[[^\]]*\]|(?:\$?\{\{.*?\}\}|\$\{[^}]*\}|[^/:?#{])+)"
    r"(?::(?P<port>\d+|\$\{[^}]*\}|\$?\{\{.*?\}\}))?"
    r"(?P<path>/[^?#]*)?"
)


def _of_url(fields: EntityFields, url: str) -> dict[str, str]:
    """Return the parts of a URL. Report a text that is none; a placeholder may stand for all."""
    match = _URL.match(url)
    if match:
        parts = match.groupdict()
        return {name: text for name, text in parts.items() if text}
    if known.is_placeholder(url):
        return {"host": url}
    # The text may have a password, so the message leaves it out.
    message = "'url' of a service is no URL; write protocol://host:port/path"
    place = fields.place("url")
    fields.report.append(Diagnostic("ADOPT503", message, place))
    return {}


def _port(fields: EntityFields, of_url: str, usual: int) -> int | str:
    if fields.values.get("port") is None and of_url:
        return int(of_url) if of_url.isdecimal() else of_url
    port = fields.values.get("port")
    if isinstance(port, str) and known.is_placeholder(port):
        return port
    return fields.number("port", usual)


def route(
    fields: EntityFields,
    name: str,
    position: Position,
    of_service: OldService | None,
    is_old_format: bool,
) -> OldRoute:
    """Make a route. Before format 3.0, regular expressions have no `~`."""
    declared = fields.texts("paths")
    paths = tuple(map(migrated, declared)) if is_old_format else declared
    protocols = fields.texts("protocols") or ("http", "https")
    is_grpc = HTTP.isdisjoint(protocols)
    return OldRoute(
        name,
        fields.text("id"),
        position,
        of_service,
        protocols,
        fields.texts("methods"),
        fields.texts("hosts"),
        paths,
        declared,
        _headers(fields),
        fields.texts("snis"),
        _addresses(fields, "sources"),
        _addresses(fields, "destinations"),
        fields.text("expression"),
        fields.number("regex_priority", 0),
        fields.flag("strip_path", not is_grpc),
        fields.flag("preserve_host", False),
        fields.text("path_handling", "v0"),
        fields.number("https_redirect_status_code", 426),
        fields.chosen(known.ROUTE_SETTINGS),
        fields.texts("tags"),
        fields.rest(known.ROUTE, known.ROUTE_SETTINGS),
    )


def _headers(fields: EntityFields) -> NamesByName:
    """Return the values of each header that a route asks for."""
    by_name = {}
    for name, values in fields.mapping("headers").items():
        listed = values if isinstance(values, list) else [values]
        by_name[name.lower()] = tuple(map(str, listed))
    return by_name


def _addresses(fields: EntityFields, name: str) -> Names:
    """Return addresses and ports of stream routes as texts: `10.0.0.0/8:9001`."""
    addresses = []
    for entry in fields.values.get(name) or ():
        if isinstance(entry, Mapping):
            parts = [entry.get("ip") or "", entry.get("port") or ""]
            addresses.append(":".join(map(str, parts)))
        else:
            addresses.append(str(entry))
    return tuple(addresses)


def plugin(
    fields: EntityFields, scope: Mapping[str, str], position: Position
) -> OldPlugin:
    """Make a plugin. `scope` has names by `route`, `service`, `consumer` and `consumer_group`."""
    name = fields.text("name")
    config, others = known.kept_config(name, fields.mapping("config"))
    return OldPlugin(
        name,
        fields.text("id"),
        position,
        scope.get("route", ""),
        scope.get("service", ""),
        scope.get("consumer", ""),
        scope.get("consumer_group", ""),
        fields.flag("enabled", True),
        fields.texts("protocols"),
        config,
        others,
        fields.texts("tags"),
        fields.rest(known.PLUGIN),
    )


def upstream(
    fields: EntityFields,
    name: str,
    position: Position,
    targets: tuple[OldTarget, ...],
) -> OldUpstream:
    """Make an upstream. Its other settings are kept by name."""
    return OldUpstream(
        name,
        fields.text("id"),
        position,
        targets,
        fields.chosen(known.UPSTREAM_SETTINGS),
        fields.texts("tags"),
        fields.rest(known.UPSTREAM, known.UPSTREAM_SETTINGS),
    )


def target(fields: EntityFields, position: Position) -> OldTarget:
    """Make a target. Kong adds port 8000 to a target without a port."""
    address = fields.text("target")
    has_port = known.is_placeholder(address) or re.search(r":\d+\Z", address)
    if address and not has_port:
        address += ":8000"
    return OldTarget(address, fields.number("weight", 100), position)


def named(values: Mapping[str, Any], *names: str) -> str:
    """Return the first of the fields that is set, as text."""
    for name in names:
        value = values.get(name)
        if isinstance(value, str | int) and value != "":
            return str(value)
    return ""
