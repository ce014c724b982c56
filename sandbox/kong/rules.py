"""Checks that Kong makes in code and does not print in its schemas; messages are recorded from a
Kong 3.10.

A rule of a field takes its value and returns a message or None. A rule of an entity takes the whole
entity and returns its errors (`@entity` for the entity itself) or None.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from kong_rules.entities import Entity, Errors
from sandbox.kong import uri
from sandbox.kong.luachunk import syntax_error
from sandbox.kong.wire import wire

_NAME = re.compile(r"[A-Za-z0-9.\-_~\u0080-\U0010ffff]*\Z")
_ADDRESSES = {
    "ipv4": re.compile(r"(?P<host>[0-9.]+)(?::(?P<port>[0-9]+))?\Z"),
    "ipv6": re.compile(
        r"(?P<host>\[[^\]]*\]|[^\[\]]+)(?:(?<=\]):(?P<port>[0-9]+))?\Z"
    ),
    "name": re.compile(r"(?P<host>[A-Za-z0-9._-]+)(?::(?P<port>[0-9]+))?\Z"),
}
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.\-]*[A-Za-z0-9_.])?\Z")
# Rust's regular expressions, which match routes, know no look-around and no backreferences;
# Python's do.
_NOT_RUST = re.compile(r"\(\?<?[=!]|\\[1-9]|\{\d+(?![\d,}])")


def utf8_name(value: str) -> str | None:
    """Names of services, routes and plugin instances."""
    for position, character in enumerate(value, 1):
        if 0xDC80 <= ord(character) <= 0xDCFF:
            return f"invalid utf-8 character sequence detected at position {position}"
    if not _NAME.match(value):
        return (
            f"invalid value '{value}': the only accepted ascii characters are alphanumerics or "
            "., -, _, and ~"
        )
    return None


def tag(value: str) -> str | None:
    if any(
        character in ",/" or ord(character) < 0x20 or ord(character) == 0x7F
        for character in value
    ):
        return (
            f"invalid tag '{value}': expected printable ascii (except `,` and `/`) or valid "
            "utf-8 sequences"
        )
    return None


def _is_ip(value: str) -> bool:
    try:
        ipaddress.ip_address(value.strip("[]"))
    except ValueError:
        return False
    return True


def host(value: str) -> str | None:
    """Return a service's host: a name or an address, without a port."""
    return (
        None
        if _HOST.match(value) or _is_ip(value)
        else f"invalid value: {value}"
    )


@dataclass(frozen=True, slots=True)
class Address:
    """A host and perhaps a port, as Kong's balancer reads them: `kind` is `ipv4`, `ipv6` or
    `name`."""

    kind: str
    host: str
    port: int | None


def host_kind(value: str) -> str:
    """Return the type of a host by its spelling: `ipv4`, `ipv6` or `name`."""
    if value.count(":") > 1:
        return "ipv6"
    return (
        "ipv4" if re.fullmatch(r"[0-9.]+", value.replace(":", "")) else "name"
    )


def address(value: str) -> Address | None:
    """Parse `value` as an address (`name`, `name:port`, `10.0.0.1:80`, `[::1]:80`, `::1`); None if
    it is no address."""
    kind = host_kind(value)
    parts = _ADDRESSES[kind].match(value)
    host, port = parts.group("host", "port") if parts else ("", None)
    if not host or (port and int(port) > 65535):
        return None
    if kind != "name":
        try:
            host = ipaddress.ip_address(host.strip("[]")).exploded
        except ValueError:
            return None
    elif any(
        part == "" or part.endswith("-")
        for part in host.removesuffix(".").split(".")
    ):
        return None
    return Address(
        kind,
        f"[{host}]" if kind == "ipv6" else host,
        int(port) if port else None,
    )


def upstream_name(value: str) -> str | None:
    """Return the error in the name of an Upstream, which is a host name."""
    parts = address(value)
    if parts is None:
        reason = "must be a valid hostname"
    elif parts.kind != "name":
        reason = "no ip addresses allowed"
    elif parts.port is not None:
        reason = "no port allowed"
    else:
        return None
    return f"Invalid name ('{value}'); {reason}"


def target(value: str) -> str | None:
    return (
        None
        if address(value)
        else f"Invalid target ('{value}'); not a valid hostname or ip address"
    )


def host_and_port(value: str) -> str | None:
    """Return a Host header: a name or an address, and an optional port."""
    return None if address(value) else f"invalid hostname: {value}"


def header_name(value: str) -> str | None:
    if re.fullmatch(r"[A-Za-z0-9_-]+", value):
        return None
    return f"bad header name '{value}', allowed characters are A-Z, a-z, 0-9, '_', and '-'"


def cookie_name(value: str) -> str | None:
    if not re.search(r"""[\x00-\x20\x7f()<>@,;:\\"/?={}\[\]]""", value):
        return None
    characters = r"""()<>@,;:\"/?={}[]"""
    return (
        "contains one or more invalid characters. ASCII control characters (0-31;127), space, tab "
        f"and the characters {characters} are not allowed."
    )


def wildcard_host(value: str) -> str | None:
    return (
        None
        if _HOST.match(value.replace("*", "w", 1))
        else f"invalid hostname: {value}"
    )


def host_with_port(value: str) -> str | None:
    """Return a route's host: a name with at most one wildcard, and an optional port."""
    name, colon, port = value.partition(":")
    if colon and port.isdigit() and int(port) > 65535:
        return "invalid port number"
    if not _HOST.match(name.replace("*", "w", 1)) or (
        colon and not port.isdigit()
    ):
        return f"invalid hostname: {value}"
    return None


def sni(value: str) -> str | None:
    """Return the name of an SNI: a host with at most one wildcard, at its start or end."""
    _, colon, port = value.rpartition(":")
    if _is_ip(value):
        return "must not be an IP"
    if colon and port.isdigit():
        return "must not have a port"
    if value.count("*") > 1:
        return "only one wildcard must be specified"
    if "*" in value.strip("*"):
        return "wildcard must be leftmost or rightmost character"
    return (
        None
        if _HOST.match(value.replace("*", "w"))
        else f"invalid value: {value}"
    )


def ip_or_cidr(value: str) -> str | None:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return f"invalid ip or cidr range: '{value}'"
    return None


def path(value: str) -> str | None:
    """Return a service's path."""
    bad = uri.invalid_percent(value)
    return f"invalid url-encoded value: '{bad}'" if bad else None


def route_path(value: str) -> str | None:
    """Return a route's path: `~` and a regular expression, or a path in its normal form."""
    if value.startswith("~"):
        try:
            rust_regex(value[1:])
        except re.error as error:
            return f"invalid regex: '{value[1:]}' (PCRE returned: {error})"
        return None
    bad = uri.invalid_percent(value)
    if bad:
        return f"invalid url-encoded value: '{bad}'"
    normal = uri.normalized(wire(value))
    if normal != wire(value):
        return f"non-normalized path, consider use '{normal}' instead"
    return None


def rust_regex(pattern: str) -> re.Pattern[str]:
    """Return a route's regular expression: named groups are `(?<name>...)`, and flags may stand
    anywhere. Raises re.error."""
    return re.compile(
        _scoped_flags(re.sub(r"\(\?<(?![=!])", "(?P<", pattern)), re.ASCII
    )


_FLAGS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\(\?([imsx]+)\)|[()]", re.DOTALL)


def _scoped_flags(pattern: str) -> str:
    """Rewrite `a(?i)b` to `a(?i:b)`: flags hold to the end of their group, and Python needs the
    explicit form."""
    # How many groups were opened for flags, in each group around.
    result = ""
    place = 0
    opened = [0]
    for flags in _FLAGS.finditer(pattern):
        result += pattern[place : flags.start()]
        place = flags.end()
        if flags[1]:
            result += f"(?{flags[1]}:"
            opened[-1] += 1
            continue
        if flags[0] == "(":
            opened.append(0)
        elif flags[0] == ")" and len(opened) > 1:
            result += ")" * opened.pop()
        result += flags[0]
    return result + pattern[place:] + ")" * sum(opened)


def lua_chunk(plugin: str) -> Callable[[str], str | None]:
    """Code of a serverless function: Kong parses it when it is stored, and runs it when a request
    comes."""

    def rule(code: str) -> str | None:
        error = syntax_error(code)
        return f"error parsing {plugin}: {error}" if error else None

    return rule


def _set(entity: Entity, name: str) -> bool:
    return bool(entity.get(name))


def route_has_a_matcher(entity: Entity) -> Errors | None:
    """A route must match by something, and by nothing that its protocol does not have."""
    protocols = entity.get("protocols") or []
    if not protocols:
        return None
    forbidden, family = _forbidden_matchers(protocols[0])
    errors: Errors = {
        name: f"cannot set '{name}' when 'protocols' is {family}"
        for name in forbidden
        if _set(entity, name)
    }
    needed, protocol = _needed_matchers(protocols)
    if not any(_set(entity, name) for name in needed):
        article = "one of " if len(needed) > 1 else ""
        names = ", ".join(f"'{name}'" for name in needed)
        errors["@entity"] = [
            f"must set {article}{names} when 'protocols' is {protocol}"
        ]
    return errors or None


def _forbidden_matchers(protocol: str) -> tuple[Sequence[str], str]:
    """Return the fields that a family of protocols cannot have, and its name in messages."""
    if protocol in ("http", "https"):
        return ("sources", "destinations"), "'http' or 'https'"
    if protocol in ("grpc", "grpcs"):
        fields = ("methods", "strip_path", "sources", "destinations")
        return fields, "'grpc' or 'grpcs'"
    fields = ("methods", "hosts", "headers", "paths")
    return fields, "'tcp', 'tls', 'tls_passthrough' or 'udp'"


def _needed_matchers(protocols: list[str]) -> tuple[Sequence[str], str]:
    """Return the fields of which a route needs at least one, and its protocol for messages."""
    needed: tuple[str, ...]
    if protocols[0] in ("http", "https"):
        needed = ("methods", "hosts", "headers", "paths")
        secure = "https"
    elif protocols[0] in ("grpc", "grpcs"):
        needed = ("hosts", "headers", "paths")
        secure = "grpcs"
    elif protocols[0] == "tls_passthrough":
        return ("snis",), "'tls_passthrough'"
    else:
        return ("sources", "destinations", "snis"), "'tcp', 'tls' or 'udp'"
    if secure in protocols:
        return (*needed, "snis"), f"'{secure}'"
    return needed, f"'{secure[:-1]}'"


def route_expression(entity: Entity) -> Errors | None:
    """Reject syntax that only PCRE knows: the router uses Rust's regular expressions (the message
    is not Kong's own)."""
    for path in entity.get("paths") or []:
        if (
            isinstance(path, str)
            and path.startswith("~")
            and _NOT_RUST.search(path)
        ):
            return {
                "@entity": [
                    f"Router Expression failed validation: {path[1:]}: not supported"
                ]
            }
    headers = entity.get("headers") or {}
    if any(not values for values in headers.values()):
        return {
            "@entity": [
                "Router Expression failed validation: a header without values"
            ]
        }
    return None


def key_is_a_pem(entity: Entity) -> Errors | None:
    """`rsa_public_key` must load wherever the algorithm is asymmetric; Kong takes a private key
    just as well."""
    key = entity.get("rsa_public_key")
    if (
        key is None
        or str(entity.get("algorithm")).startswith("HS")
        or _loads(key)
    ):
        return None
    return {
        "rsa_public_key": "invalid key",
        "@entity": [
            "failed conditional validation given value of field 'algorithm'"
        ],
    }


def _loads(key: str) -> bool:
    # Key generators and OpenSSL's decoder ignore text around a PEM block.
    pem = key.strip().encode()
    lines = key.strip().splitlines()
    if len(lines) < 2:
        return False
    try:
        if "PRIVATE KEY" in lines[0]:
            load_pem_private_key(pem, password=None)
        else:
            load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The recordings replace private keys by a placeholder, which no library can load.
        return "PRIVATE KEY" in lines[0]
    return True


def no_ttl(_: int) -> str | None:
    """Reject a key that ends by itself: no Kong says this."""
    return "stand-in: keys with a time to live are not modelled"


def message_or_body(entity: Entity) -> Errors | None:
    """request-termination: a message excludes a raw body."""
    config = entity.get("config") or {}
    if config.get("message") is not None and (
        config.get("body") is not None or config.get("content_type") is not None
    ):
        return {"config": "message cannot be used with content_type or body"}
    return None


def sound_limits(plugin: Entity) -> Errors | None:
    """rate-limiting: a longer window needs at least the limit of a shorter window, and only Redis
    can be synchronised."""
    if (
        plugin["config"]["policy"] != "redis"
        and plugin["config"]["sync_rate"] != -1
    ):
        return {"config": "sync_rate can only be used with the redis policy"}
    windows = [
        name
        for name in ("second", "minute", "hour", "day", "month", "year")
        if plugin["config"].get(name)
    ]
    for shorter, longer in combinations(windows, 2):
        few = float(plugin["config"][longer])
        many = float(plugin["config"][shorter])
        if few < many:
            why = (
                f"The limit for {longer}({few:.1f}) cannot be lower than the limit for "
                f"{shorter}({many:.1f})"
            )
            return {"config": why}
    return None
