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

from kong_oam.access.data import Names, NamesByName, Texts, YamlObject
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import Diagnostic, Findings, nearest, printable
from kong_oam.kong import plugins
from kong_oam.kong.extras import extras
from kong_oam.kong.plugin_kinds import PLUGIN_KINDS
from kong_oam.oam.position import Path
from kong_oam.oam.schema import dotted
from kong_oam.traits.headers.meaning import RESERVED
from kong_oam.traits.kong_plugin.value import KONG_PLUGIN, KongPlugin

_PASSES = ("harmless", "limits")
_NEEDS_A_WAIVER: Texts = {
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

# Plugins that say what they see in datagrams, which nothing takes for a request. statsd
# does unless told otherwise.
_UDP = ("datadog", "udp-log")

# Where Kong has a plugin send what it sees, unless its configuration says so: the
# gateway's own host.
_BY_DEFAULT: Mapping[str, YamlObject] = {"statsd": {"host": "localhost"}}

# Names that systems' files of hosts have for it, which Kong reads.
_LOOPBACK = (
    "localhost",
    "localhost.localdomain",
    "localhost4",
    "localhost6",
    "ip6-localhost",
    "ip6-loopback",
)
_STREAMS = (None, "/dev/stdout", "/dev/stderr")
_UNKNOWN = "is not known, so it may answer, authenticate, rewrite or run code before the gate"

# What no waiver accepts, and why.
_NEVER: Texts = {
    **dict.fromkeys(
        plugins.GUARDS,
        "is how the gateway verifies and decides here, and a service has one plugin of a name",
    ),
    "cors": "lets pages read answers by host alone, and answers before the gate",
}

_CODE = re.compile(r"(?i)(_by_lua|^functions?)$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOSTS = re.compile(r"(?i)(host|server|address|endpoint|url|uri)$")
_HEADERS = re.compile(r"(?i)header|^propagation$")
_SECRETS = re.compile(
    r"(?i)(^|[_-])(pass(word|wd)?|secrets?|tokens?|api[_-]?keys?|(private|access|secret)[_-]?key|authorization|cookie)$"
)
_VAULT = re.compile(r"\{vault://([^/{}]*)")

# What a vault is asked for, by name alone. Behind a `?` would be other settings of the
# vault than its own, of which `prefix` makes one of some variables of the gateway's
# environment one of all (seen); an escape could be a path out.
_REFERENCE = re.compile(
    r"\{vault://([^/{}]+)(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+(#[0-9]+)?\}"
)

# Kong's vaults that need no setting up: `env` has all that the gateway itself was
# started with.
_BUILT_IN = ("aws", "azure", "conjur", "env", "gcp", "hcv")

# Headers in a configuration that go to neither workload nor caller.
_TO_SINKS: NamesByName = {
    "http-log": ("headers",),
    "opentelemetry": ("headers",),
}

# Headers, those that admission takes away from callers among them, of which each word
# stands for those that begin with it and a dash, too.
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
    """Yield the plugins that may not stand where an Application has them, and waivers past their
    last day by the stack's `asOf`."""
    gateway = settings.gateway
    # Vaults that the stack reads from are no Application's, whatever it is called.
    vaults = {*_BUILT_IN, *_VAULT.findall(str(asdict(gateway)))}
    for component in estate.exposed:
        others = set()
        for extra in extras(settings, component).plugins:
            if not extra.asked:
                others.add(extra.kind)
        for plugin in component.traits.each(KONG_PLUGIN):
            yield from _judged(plugin, others)
            yield from _overdue(plugin, settings.as_of)
            for path, value in _leaves(plugin.config):
                wrong = _wrong_value(
                    plugin.name, path, value, gateway.strip_headers
                ) or _secret(path, value, component.application, vaults)
                if wrong:
                    message = f"config.{dotted(path)}: {wrong}"
                    position = plugin.position.at("config", *path)
                    yield Diagnostic("ACC248", message, position)


def waived(estate: Estate) -> Iterator[str]:
    """Yield a printable line for each plugin that stands before a component by a waiver: all that a
    preview has to say again and again."""
    for component in estate.exposed:
        for plugin in component.traits.each(KONG_PLUGIN):
            if plugin.waiver and (why := why_waived(plugin)):
                yield printable(
                    f"{plugin.position.file}:{plugin.position.line}: {plugin.name} before "
                    f"{component.key} {why}; accepted until {plugin.waiver.until}: "
                    f"{plugin.waiver.reason}"
                )


def why_waived(plugin: KongPlugin) -> str:
    """Return why a plugin needs a waiver; empty where it needs none."""
    if plugin.name == "file-log" and plugin.config.get("path") not in _STREAMS:
        return _WRITES
    if _takes_a_connection(plugin) and any(
        _is_at_home(*leaf) for leaf in _leaves(_in_full(plugin))
    ):
        return _AT_HOME
    doing = PLUGIN_KINDS.get(plugin.name)
    return (
        "" if doing in _PASSES else _NEEDS_A_WAIVER.get(doing or "", _UNKNOWN)
    )


def _judged(plugin: KongPlugin, others: set[str]) -> Findings:
    """Yield why a plugin may not stand. `others`: kinds that stand there by other means."""
    name = plugin.name
    message = ""
    if never := _NEVER.get(name):
        message = f"{name} {never}: no waiver accepts it; take it out"
    elif name in others:
        message = (
            f"{name} stands before the component already, by another trait or the stack's "
            "settings, and a service has one plugin of a name; take it out"
        )
    elif not plugin.waiver and (why := why_waived(plugin)):
        near = ""
        if name not in PLUGIN_KINDS and (nearer := nearest(name, PLUGIN_KINDS)):
            near = f"{nearer.removeprefix('; ')} Else "
        message = (
            f"{name} {why}; {near}take it out, or accept that for a while with `waiver: {{reason: "
            "..., until: YYYY-MM-DD}`"
        )
    if message:
        yield Diagnostic("ACC246", message, plugin.position.at("name"))


def _overdue(plugin: KongPlugin, today: datetime.date) -> Findings:
    waiver = plugin.waiver
    if not (waiver and why_waived(plugin)):
        return
    if datetime.date.fromisoformat(waiver.until) < today:
        message = (
            f"{plugin.name} was accepted until {waiver.until}, and today is {today} (asOf); take "
            "it out, or say anew why and until when"
        )
        yield Diagnostic("ACC247", message, plugin.position.at("waiver"))


def _wrong_value(name: str, path: Path, value: Any, stripped: Names) -> str:
    """Return what no configuration may hold, waiver or not: the gate's headers, and code where the
    plugin passes for one that runs none."""
    if header := _gates_header(name, path, value, stripped):
        return f"{header} is for the gate alone to read, set and take away"
    doing = PLUGIN_KINDS.get(name)
    if doing in _PASSES and _is_code(path, value):
        return f"{name} would run code with it; take it out"
    if doing == "harmless" and _CONTROL.search(
        "".join(map(str, (*path, value)))
    ):
        return (
            "a line break, or another control character, could end what is sent with it and begin "
            "a request"
        )
    return ""


def _is_code(path: Path, value: Any) -> bool:
    """Whether it is Lua, or an expression of it in a text: opentelemetry runs those in its
    `resource_attributes`."""
    if isinstance(value, str) and "$(" in value:
        return True
    return any(_CODE.search(str(step)) for step in path)


def _in_full(plugin: KongPlugin) -> YamlObject:
    """The configuration, and where Kong has it send to unless that says so."""
    config = {
        name: value
        for name, value in plugin.config.items()
        if value is not None
    }
    return {**_BY_DEFAULT.get(plugin.name, {}), **config}


def _takes_a_connection(plugin: KongPlugin) -> bool:
    return plugin.name not in _UDP and not (
        plugin.name == "statsd"
        and plugin.config.get("use_tcp") in (None, False)
    )


def _is_at_home(path: Path, value: Any) -> bool:
    """Whether a URL, or a field about hosts, leads to the gateway's own host, where its Admin API
    may listen, or to what clouds keep at link-local addresses."""
    if not isinstance(value, str):
        return False
    if "://" not in value and not _HOSTS.search(str(path[-1])):
        return False
    host = _host_in(value)
    if host in _LOOPBACK or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        # A number that is no address as people write one may be such.
        return re.fullmatch(r"[0-9.]+|0x[0-9a-f.x]+", host) is not None
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(
        mapped.is_loopback or mapped.is_link_local or mapped.is_unspecified
    )


def _host_in(text: str) -> str:
    """Return the host of a URL, or of a host with or without a port; empty where none can be
    read."""
    if "://" not in text:
        # Of IPv6 alone there are several colons.
        bare = text.count(":") > 1 and not text.startswith("[")
        text = f"//[{text}]" if bare else f"//{text}"
    try:
        return (urlsplit(text).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the values in a configuration that are something, each with its path."""
    if value in (None, {}, []):
        return
    if not isinstance(value, Mapping | list):
        yield path, value
        return
    below = value.items() if isinstance(value, Mapping) else enumerate(value)
    for step, inner in below:
        yield from _leaves(inner, (*path, step))


def _gates_header(
    plugin: str, path: Path, value: Any, stripped: Names
) -> str | None:
    """Return the header of the gate's that a field about headers names: as a value, as
    `NAME:value`, or as a key."""
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
                (name for name in named if is_the_gates(name, stripped)), None
            )
    return None


def is_the_gates(header: str, stripped: Names = ()) -> bool:
    """Whether the header, in whatever spelling, is for the gate alone. `stripped`: more that the
    stack takes away."""
    folded = re.sub(r"[^a-z0-9]", "-", header.lower())
    return any(
        folded == own or folded.startswith(f"{own}-")
        for own in (*_OF_THE_GATE, *stripped)
    )


def _secret(path: Path, value: Any, own: str, others: set[str]) -> str:
    """Return what is wrong with a value as a secret, or as a reference to one, in the Application
    `own`. `others`: vaults that are no Application's."""
    if not isinstance(value, str):
        return ""
    if _VAULT.search(value):
        reference = _REFERENCE.fullmatch(value)
        if own not in others and reference and reference[1] == own:
            return ""
        return (
            f"reads what is not the Application's own: write {{vault://{own}/NAME}}, of a vault "
            f"called '{own}'"
        )
    names = [step for step in path if isinstance(step, str)]
    if names and _SECRETS.search(names[-1]):
        return f"a secret does not stand in an Application: write {{vault://{own}/NAME}}"
    return ""
