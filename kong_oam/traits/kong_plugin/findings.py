"""Plugins that Applications ask for by name: which may stand before a component, judged without a
gateway.

What only refuses further, or looks on, may; what could decide in the gate's place needs a waiver;
and some may never. `kong_oam.traits.kong_plugin.schemas` asks the gateway what it has of these.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.stack import GatewaySettings, Settings
from kong_oam.diagnostics import Diagnostic, nearest, printable
from kong_oam.kong import plugins
from kong_oam.kong.extras import extras
from kong_oam.kong.plugin_kinds import PLUGIN_KINDS
from kong_oam.oam.schema import dotted
from kong_oam.traits.headers.meaning import RESERVED
from kong_oam.traits.kong_plugin.value import KONG_PLUGIN, KongPlugin

_PASSES = ("harmless", "limits")
_NEEDS_A_WAIVER: Mapping[str, str] = {
    "closes": "answers every call before the gate",
    "answers": "answers before the gate, to whoever asks",
    "authenticates": "says who calls, beside the plugin that the gate believes",
    "runs code": "runs code of its own before the gate",
    "rewrites": "changes the path, the method or the host that the gate decides by",
    "depends": "may answer or run code, by its configuration",
}
_WRITES = "writes to a file of the gateway's own"
_AT_HOME = (
    "could call the gateway's own Admin API, or what clouds keep for its host alone, at an "
    "address of that host"
)
_UDP = ("datadog", "udp-log")
"""Plugins that say what they see in datagrams, which nothing takes for a request. statsd does
unless told otherwise."""
_BY_DEFAULT: Mapping[str, Mapping[str, Any]] = {"statsd": {"host": "localhost"}}
"""Where Kong has a plugin send what it sees, unless its configuration says so: the gateway's own
host."""
_LOOPBACK = (
    "localhost",
    "localhost.localdomain",
    "localhost4",
    "localhost6",
    "ip6-localhost",
    "ip6-loopback",
)
"""Names that systems' files of hosts have for it, which Kong reads."""
_STREAMS = (None, "/dev/stdout", "/dev/stderr")
_UNKNOWN = (
    "is not known, so it may answer, authenticate, rewrite or run code before the gate"
)
_NEVER: Mapping[str, str] = {
    **dict.fromkeys(
        {
            name
            for edition in plugins.AUTHENTICATION
            for name in plugins.guards(edition)
        },
        "is how the gateway verifies and decides here, and a service has one plugin of a name",
    ),
    "cors": "lets pages read answers by host alone, and answers before the gate",
}
"""What no waiver accepts, and why."""

_CODE = re.compile(r"(?i)(_by_lua|^functions?)$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOSTS = re.compile(r"(?i)(host|server|address|endpoint|url|uri)$")
_HEADERS = re.compile(r"(?i)header|^propagation$")
_SECRETS = re.compile(
    r"(?i)(^|[_-])(pass(word|wd)?|secrets?|tokens?|api[_-]?keys?|(private|access|secret)[_-]?key|authorization|cookie)$"
)
_VAULT = re.compile(r"\{vault://([^/{}]*)")
_REFERENCE = re.compile(
    r"\{vault://([^/{}]+)(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+(#[0-9]+)?\}"
)
"""What a vault is asked for, by name alone. Behind a `?` would be other settings of the vault than
its own, of which `prefix` makes one of some variables of the gateway's environment one of all
(seen); an escape could be a path out."""
_BUILT_IN = ("aws", "azure", "conjur", "env", "gcp", "hcv")
"""Kong's vaults that need no setting up: `env` has all that the gateway itself was started with."""
_TO_SINKS: Mapping[str, tuple[str, ...]] = {
    "http-log": ("headers",),
    "opentelemetry": ("headers",),
}
"""Headers in a configuration that go to neither workload nor caller."""
_OF_THE_GATE = (
    *RESERVED,
    *(
        "access-control",
        "authorization",
        "connection",
        "content-length",
        "host",
        "origin",
        "proxy-authorization",
    ),
    *(
        "ratelimit",
        "retry-after",
        "strict-transport-security",
        "te",
        "traceparent",
        "tracestate",
        "transfer-encoding",
    ),
    *(
        "upgrade",
        "vary",
        "www-authenticate",
        "x-forwarded",
        "x-kong-request-id",
        "x-ratelimit",
        "x-real-ip",
    ),
)
"""Headers, those that admission takes away from callers among them, of which each word stands for
those that begin with it and a dash, too."""


def findings(settings: Settings, estate: Estate) -> Iterator[Diagnostic]:
    """Finds the plugins that may not stand where an Application has them, and waivers past their
    last day by the stack's `asOf`."""
    for component in estate.exposed:
        others = {
            extra.kind
            for extra in extras(settings, component).plugins
            if not extra.asked
        }
        for plugin in component.traits.get(KONG_PLUGIN) or ():
            yield from _judged(plugin, others)
            yield from _overdue(plugin, settings.as_of)
            yield from _configured(plugin, component, settings.gateway)


def waived(estate: Estate) -> Iterator[str]:
    """What stands before a component by a waiver, a printable line for each: all that a preview has
    to say again and again."""
    for component in estate.exposed:
        for plugin in component.traits.get(KONG_PLUGIN) or ():
            if plugin.waiver and (why := why_waived(plugin)):
                yield printable(
                    f"{plugin.place.file}:{plugin.place.line}: {plugin.name} before "
                    f"{component.key} {why}; accepted until {plugin.waiver.until}: "
                    f"{plugin.waiver.reason}"
                )


def why_waived(plugin: KongPlugin) -> str:
    """Why a plugin needs a waiver; empty where it needs none."""
    if plugin.name == "file-log" and plugin.config.get("path") not in _STREAMS:
        return _WRITES
    if _takes_a_connection(plugin) and any(
        _is_at_home(*leaf) for leaf in _leaves(_in_full(plugin))
    ):
        return _AT_HOME
    doing = PLUGIN_KINDS.get(plugin.name)
    return "" if doing in _PASSES else _NEEDS_A_WAIVER.get(doing or "", _UNKNOWN)


def _judged(plugin: KongPlugin, others: set[str]) -> Iterator[Diagnostic]:
    place = plugin.place.at("name")
    if never := _NEVER.get(plugin.name):
        yield Diagnostic(
            "ACC246", f"{plugin.name} {never}: no waiver accepts it; take it out", place
        )
    elif plugin.name in others:
        message = (
            f"{plugin.name} stands before the component already, by another trait or the "
            "stack's settings"
        )
        yield Diagnostic(
            "ACC246",
            f"{message}, and a service has one plugin of a name; take it out",
            place,
        )
    elif not plugin.waiver and (why := why_waived(plugin)):
        hint = (
            "take it out, or accept that for a while with `waiver: {reason: ..., until: "
            "YYYY-MM-DD}`"
        )
        near = "" if plugin.name in PLUGIN_KINDS else nearest(plugin.name, PLUGIN_KINDS)
        yield Diagnostic(
            "ACC246",
            f"{plugin.name} {why}; {near.removeprefix('; ') + ' Else ' if near else ''}{hint}",
            place,
        )


def _overdue(plugin: KongPlugin, today: datetime.date) -> Iterator[Diagnostic]:
    if (
        plugin.waiver
        and why_waived(plugin)
        and datetime.date.fromisoformat(plugin.waiver.until) < today
    ):
        message = f"{plugin.name} was accepted until {plugin.waiver.until}, and today is {today} (asOf)"
        yield Diagnostic(
            "ACC247",
            f"{message}; take it out, or say anew why and until when",
            plugin.place.at("waiver"),
        )


def _configured(
    plugin: KongPlugin, component: Component, gateway: GatewaySettings
) -> Iterator[Diagnostic]:
    """Finds what no configuration may hold, waiver or not: the gate's headers, secrets, and code
    where the plugin passes for one that runs none."""
    for path, value in _leaves(plugin.config):
        wrong = ""
        if header := _gates_header(plugin.name, path, value, gateway.strip_headers):
            wrong = f"{header} is for the gate alone to read, set and take away"
        elif PLUGIN_KINDS.get(plugin.name) in _PASSES and _is_code(path, value):
            wrong = f"{plugin.name} would run code with it; take it out"
        elif PLUGIN_KINDS.get(plugin.name) == "harmless" and _CONTROL.search(
            "".join(map(str, (*path, value)))
        ):
            wrong = (
                "a line break, or another control character, could end what is sent with it "
                "and begin a request"
            )
        elif isinstance(value, str):
            wrong = _secret(
                path,
                value,
                component,
                {*_BUILT_IN, *_VAULT.findall(str(asdict(gateway)))},
            )
        if wrong:
            yield Diagnostic(
                "ACC248",
                f"config.{dotted(path)}: {wrong}",
                plugin.place.at("config", *path),
            )


def _is_code(path: tuple[str | int, ...], value: Any) -> bool:
    """Whether it is Lua, or an expression of it in a text: opentelemetry runs those in its
    `resource_attributes`."""
    return any(_CODE.search(str(step)) for step in path) or (
        isinstance(value, str) and "$(" in value
    )


def _in_full(plugin: KongPlugin) -> Mapping[str, Any]:
    """The configuration, and where Kong has it send to unless that says so."""
    said = {name: value for name, value in plugin.config.items() if value is not None}
    return {**_BY_DEFAULT.get(plugin.name, {}), **said}


def _takes_a_connection(plugin: KongPlugin) -> bool:
    return plugin.name not in _UDP and not (
        plugin.name == "statsd" and plugin.config.get("use_tcp") in (None, False)
    )


def _is_at_home(path: tuple[str | int, ...], value: Any) -> bool:
    """Whether a URL, or a field about hosts, leads to the gateway's own host, where its Admin API
    may listen, or to what clouds keep at link-local addresses. A number that is no address as
    people write one may be such."""
    if not isinstance(value, str) or not (
        "://" in value or _HOSTS.search(str(path[-1]))
    ):
        return False
    host = ""
    try:
        # An address of IPv6 alone.
        bare = "://" not in value and value.count(":") > 1 and not value.startswith("[")
        at = f"//[{value}]" if bare else value if "://" in value else f"//{value}"
        host = (urlsplit(at).hostname or "").rstrip(".")
        if host in _LOOPBACK or host.endswith(".localhost"):
            return True
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return re.fullmatch(r"[0-9.]+|0x[0-9a-f.x]+", host) is not None
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_link_local or mapped.is_unspecified)


def _leaves(
    value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, Mapping | list) and value:
        for key, inner in (
            value.items() if isinstance(value, Mapping) else enumerate(value)
        ):
            yield from _leaves(inner, (*path, key))
    elif value not in (None, {}, []):
        yield path, value


def _gates_header(
    plugin: str, path: tuple[str | int, ...], value: Any, stripped: tuple[str, ...]
) -> str | None:
    """The header of the gate's that a field about headers names: as a value, as `NAME:value`, or as
    a key."""
    about = next(
        (depth for depth, step in enumerate(path) if _HEADERS.search(str(step))), None
    )
    if about is None or path[0] in _TO_SINKS.get(plugin, ()):
        return None
    named = [step for step in path[about + 1 :] if isinstance(step, str)]
    if isinstance(value, str):
        # `old:new`, or `NAME:value`.
        named += [
            part.strip() for part in value.split(":")[: 2 if "rename" in path else 1]
        ]
    return next((name for name in named if is_the_gates(name, stripped)), None)


def is_the_gates(header: str, stripped: tuple[str, ...] = ()) -> bool:
    """Whether the header, in whatever spelling, is for the gate alone. `stripped`: more that the
    stack takes away."""
    folded = re.sub(r"[^a-z0-9]", "-", header.lower())
    return any(
        folded == own or folded.startswith(f"{own}-")
        for own in (*_OF_THE_GATE, *stripped)
    )


def _secret(
    path: tuple[str | int, ...], value: str, component: Component, others: set[str]
) -> str:
    """What is wrong with a value as a secret, or as a reference to one; empty where nothing is.
    `others`: vaults that are no Application's, whatever it is called."""
    vaults = _VAULT.findall(value)
    own = component.application
    if vaults and (
        own in others or not (whole := _REFERENCE.fullmatch(value)) or whole[1] != own
    ):
        return (
            f"reads what is not the Application's own: write {{vault://{own}/NAME}}, of a vault "
            f"called '{own}'"
        )
    named = next((step for step in reversed(path) if isinstance(step, str)), "")
    if not vaults and _SECRETS.search(named):
        return (
            f"a secret does not stand in an Application: write {{vault://{own}/NAME}}"
        )
    return ""
