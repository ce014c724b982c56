"""Findings about the plugins that traits `kong-plugin` add, without a gateway.

A plugin that only denies more requests, or only observes, is allowed. A plugin that could decide in
the gate's place needs a waiver. Some plugins are never allowed.
`kong_oam.traits.kong_plugin.schemas` checks plugins against the gateway.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from kong_oam.access.data import Names, NamesByName, Texts, YamlObject
from kong_oam.access.forbidden import LOOPBACK_NAMES
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import Diagnostic, Findings, nearest, printable
from kong_oam.kong import plugins
from kong_oam.kong.plugin_kinds import PLUGIN_KINDS
from kong_oam.kong.trait_plugins import trait_plugins
from kong_oam.oam.position import Path
from kong_oam.oam.schema import dotted
from kong_oam.traits.headers.meaning import RESERVED
from kong_oam.traits.kong_plugin.value import KONG_PLUGIN, KongPlugin

_PASSES = ("harmless", "limits")
_NEEDS_A_WAIVER: Texts = {
    "closes": "answers every call before the gate",
    "answers": "answers any caller before the gate",
    "authenticates": "authenticates callers beside the plugin that the gate trusts",
    "runs code": "runs custom code before the gate",
    "rewrites": "changes the path, the method or the host that the gate decides by",
    "depends": "may answer or run code, by its configuration",
}
_WRITES = "writes to a file of the gateway"
_OWN_HOST = "could call the gateway's Admin API or the cloud's metadata service"

# Plugins that send datagrams, which no server takes for a request. statsd does so by default.
_UDP = ("datadog", "udp-log")

# The default destination of plugins: the gateway's own host.
_BY_DEFAULT: Mapping[str, YamlObject] = {"statsd": {"host": "localhost"}}

_STREAMS = (None, "/dev/stdout", "/dev/stderr")
_UNKNOWN = "is unknown, so it may answer, authenticate, rewrite or run code before the gate"

# Plugins that no waiver accepts, with the reason.
_NEVER: Texts = {
    **dict.fromkeys(
        plugins.GUARDS,
        "is a guard of the gateway, and a service can have only one such plugin",
    ),
    "cors": "lets pages read answers by host alone, and answers before the gate",
}

_CODE = re.compile(r"(?i)(_by_lua|^functions?)$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOSTS = re.compile(r"(?i)(host|server|address|endpoint|url|uri)$")
_HEADERS = re.compile(r"(?i)header|^propagation$")
_SECRETS = re.compile(
    r"(?i)(^|[_-])(pass(word|wd)?|secrets?|tokens?|api[_-]?keys?"
    r"|(private|access|secret)[_-]?key|authorization|cookie)$"
)
_VAULT = re.compile(r"\{vault://([^/{}]*)")

# A reference to a vault, by name alone. A `?` would change settings of the vault. Its `prefix`
# could turn a vault of some environment variables into a vault of all (seen). An escape could be a
# path out.
_REFERENCE = re.compile(
    r"\{vault://([^/{}]+)(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+(#[0-9]+)?\}"
)

# Kong's vaults that need no setup. `env` has the whole environment of the gateway.
_BUILT_IN = ("aws", "azure", "conjur", "env", "gcp", "hcv")

# Headers in a configuration that reach neither workload nor caller.
_TO_SINKS: NamesByName = {
    "http-log": ("headers",),
    "opentelemetry": ("headers",),
}

# Headers of the gate, including those that admission removes. A word also covers names that begin
# with it and a dash.
_OF_THE_GATE = (
    *RESERVED,
    "access-control",
    "authorization",
    "connection",
    "content-length",
    "host",
    "origin",
    "proxy-authorization",
    "ratelimit",
    "retry-after",
    "strict-transport-security",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
    "vary",
    "www-authenticate",
    "x-forwarded",
    "x-kong-request-id",
    "x-ratelimit",
    "x-real-ip",
)


def findings(settings: Settings, estate: Estate) -> Findings:
    """Yield plugins that their Application must not add, and waivers that ended before the stack's
    `asOf`."""
    gateway = settings.gateway
    # No Application may read the vaults that the stack reads, even if it has their name.
    vaults = {*_BUILT_IN, *_VAULT.findall(str(asdict(gateway)))}
    for component in estate.exposed:
        others = set()
        for extra in trait_plugins(settings, component).plugins:
            if not extra.asked:
                others.add(extra.kind)
        for plugin in component.traits.each(KONG_PLUGIN):
            yield from _plugin_findings(plugin, others)
            yield from _expired_waivers(plugin, settings.as_of)
            for path, value in _leaves(plugin.config):
                wrong = _value_problem(
                    plugin.name, path, value, gateway.strip_headers
                ) or _secret(path, value, component.application, vaults)
                if wrong:
                    message = f"config.{dotted(path)}: {wrong}"
                    position = plugin.position.at("config", *path)
                    yield Diagnostic("ACC248", message, position)


def waived(estate: Estate) -> Iterator[str]:
    """Yield a printable line for each plugin with a waiver. Each preview repeats these lines."""
    for component in estate.exposed:
        for plugin in component.traits.each(KONG_PLUGIN):
            if plugin.waiver and (why := reason_for_waiver(plugin)):
                yield printable(
                    f"{plugin.position.file}:{plugin.position.line}: {plugin.name} before "
                    f"{component.key} {why}; accepted until {plugin.waiver.until}: "
                    f"{plugin.waiver.reason}"
                )


def reason_for_waiver(plugin: KongPlugin) -> str:
    """Return why a plugin needs a waiver, or an empty text."""
    if plugin.name == "file-log" and plugin.config.get("path") not in _STREAMS:
        return _WRITES
    if _connects(plugin) and any(
        _is_own_host(*leaf) for leaf in _leaves(_with_defaults(plugin))
    ):
        return _OWN_HOST
    effect = PLUGIN_KINDS.get(plugin.name)
    return (
        "" if effect in _PASSES else _NEEDS_A_WAIVER.get(effect or "", _UNKNOWN)
    )


def _plugin_findings(plugin: KongPlugin, others: set[str]) -> Findings:
    """Yield why a plugin is not allowed. `others`: kinds that the component has by other means."""
    name = plugin.name
    message = ""
    if never := _NEVER.get(name):
        message = f"{name} {never}; remove it, since no waiver can accept it"
    elif name in others:
        message = (
            f"another trait or the stack's settings already add {name}, and a service can have "
            "only one such plugin; remove it"
        )
    elif not plugin.waiver and (why := reason_for_waiver(plugin)):
        near = ""
        if name not in PLUGIN_KINDS and (nearer := nearest(name, PLUGIN_KINDS)):
            near = f"{nearer.removeprefix('; ')} Otherwise "
        message = (
            f"{name} {why}; {near}remove it, or accept it until a day with `waiver: {{reason: "
            "..., until: YYYY-MM-DD}`"
        )
    if message:
        yield Diagnostic("ACC246", message, plugin.position.at("name"))


def _expired_waivers(plugin: KongPlugin, today: date) -> Findings:
    waiver = plugin.waiver
    if not (waiver and reason_for_waiver(plugin)):
        return
    if date.fromisoformat(waiver.until) < today:
        message = (
            f"the waiver of {plugin.name} ended on {waiver.until}, and today is {today} (asOf); "
            "remove the plugin, or renew its waiver"
        )
        yield Diagnostic("ACC247", message, plugin.position.at("waiver"))


def _value_problem(name: str, path: Path, value: Any, stripped: Names) -> str:
    """Return the problem of a value that no waiver accepts, or an empty text.

    Such values are the gate's headers, and code where the plugin counts as running none.
    """
    if header := _gate_header(name, path, value, stripped):
        return f"only the gate may use the header {header}; remove it"
    effect = PLUGIN_KINDS.get(name)
    if effect in _PASSES and _is_code(path, value):
        return f"{name} would run it as code; remove it"
    if effect == "harmless" and _CONTROL.search(
        "".join(map(str, (*path, value)))
    ):
        return (
            "a line break or another control character could end the message and begin a request; "
            "remove it"
        )
    return ""


def _is_code(path: Path, value: Any) -> bool:
    """Return whether the value is Lua or contains a Lua expression.

    The plugin opentelemetry runs such expressions in its `resource_attributes`.
    """
    if isinstance(value, str) and "$(" in value:
        return True
    return any(_CODE.search(str(step)) for step in path)


def _with_defaults(plugin: KongPlugin) -> YamlObject:
    """Return the configuration with Kong's default destination."""
    config = {
        name: value
        for name, value in plugin.config.items()
        if value is not None
    }
    return {**_BY_DEFAULT.get(plugin.name, {}), **config}


def _connects(plugin: KongPlugin) -> bool:
    return plugin.name not in _UDP and not (
        plugin.name == "statsd"
        and plugin.config.get("use_tcp") in (None, False)
    )


def _is_own_host(path: Path, value: Any) -> bool:
    """Return whether a URL or host field points to the gateway's own host or to link-local
    addresses.

    Kong's Admin API may listen on the host, and clouds serve credentials at link-local addresses.
    """
    if not isinstance(value, str):
        return False
    if "://" not in value and not _HOSTS.search(str(path[-1])):
        return False
    host = _host_in(value)
    if host in LOOPBACK_NAMES or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        # An unusual number may still be an address.
        return re.fullmatch(r"[0-9.]+|0x[0-9a-f.x]+", host) is not None
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(
        mapped.is_loopback or mapped.is_link_local or mapped.is_unspecified
    )


def _host_in(text: str) -> str:
    """Return the host of a URL, or of `host` or `host:port`; empty if it cannot be read."""
    if "://" not in text:
        # A bare IPv6 address has several colons.
        bare = text.count(":") > 1 and not text.startswith("[")
        text = f"//[{text}]" if bare else f"//{text}"
    try:
        return (urlsplit(text).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the non-empty values of a configuration, each with its path."""
    if value in (None, {}, []):
        return
    if not isinstance(value, Mapping | list):
        yield path, value
        return
    below = value.items() if isinstance(value, Mapping) else enumerate(value)
    for step, inner in below:
        yield from _leaves(inner, (*path, step))


def _gate_header(
    plugin: str, path: Path, value: Any, stripped: Names
) -> str | None:
    """Return the gate's header that a header field names, or None.

    The name may be a value, a part of `NAME:value`, or a key.
    """
    if path[0] in _TO_SINKS.get(plugin, ()):
        return None
    for depth, step in enumerate(path):
        if _HEADERS.search(str(step)):
            named = [key for key in path[depth + 1 :] if isinstance(key, str)]
            if isinstance(value, str):
                # `old:new`, or `NAME:value`.
                parts = value.split(":")[: 2 if "rename" in path else 1]
                named += map(str.strip, parts)
            return next(
                (name for name in named if is_gate_header(name, stripped)), None
            )
    return None


def is_gate_header(header: str, stripped: Names = ()) -> bool:
    """Return whether the header is the gate's, in any spelling. `stripped`: headers that the stack
    adds."""
    folded = re.sub(r"[^a-z0-9]", "-", header.lower())
    return any(
        folded == own or folded.startswith(f"{own}-")
        for own in (*_OF_THE_GATE, *stripped)
    )


def _secret(path: Path, value: Any, own: str, others: set[str]) -> str:
    """Return the problem of a value as a secret or a reference to one, or an empty text.

    `own`: the Application. `others`: vaults that no Application may read.
    """
    if not isinstance(value, str):
        return ""
    if _VAULT.search(value):
        reference = _REFERENCE.fullmatch(value)
        if own not in others and reference and reference[1] == own:
            return ""
        return (
            f"reads a vault that is not the Application's; write {{vault://{own}/NAME}}, with a "
            f"vault named '{own}'"
        )
    names = [step for step in path if isinstance(step, str)]
    if names and _SECRETS.search(names[-1]):
        return f"a secret must not be in an Application; write {{vault://{own}/NAME}}"
    return ""
