"""Traits in place of plugins that do not decide: limits, and pages of other origins.

A trait acts on all paths of a component. It is written only if a plugin with these settings acts on
all of them. A run stops at a global plugin that acts on calls (ENV427), so it has a trait, too.
Other global plugins stay in Kong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kong_oam.adopt.answers import only_replaces_path
from kong_oam.adopt.entities import OldPlugin, OldService
from kong_oam.adopt.writing.judge import Region
from kong_oam.adopt.writing.outcomes import Outcome
from kong_oam.adopt.writing.regions import Plan
from kong_oam.adopt.writing.sites import Site

Yaml = dict[str, Any]

_WINDOWS = ("second", "minute", "hour", "day", "month", "year")
# The owner of a budget: the plugin's, and the trait's.
_OWNERS = {
    "consumer": "client",
    "credential": "client",
    "ip": "address",
    "service": "component",
}
_UNITS = {"megabytes": "Mi", "kilobytes": "Ki"}
# Kinds of plugins that have a trait although they are global.
_GLOBAL = frozenset({"cors", "rate-limiting", "request-size-limiting"})
# The plugin's own default, in megabytes.
_BODY = 128
_ORIGIN = re.compile(
    r"https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(?P<port>:[0-9]{1,5})?\Z"
)
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_CORS_AGE = 600
_LONGEST_AGE = 86_400
_USUAL_TIMEOUT = 60_000
_USUAL_RETRIES = 5
# As in the traits' schemas.
_MOST_RETRIES = 10
_MOST_REQUESTS = 10**9
_LARGEST_BODY = 999_999
_TOO_LONG = 10**7
# The timeouts of the trait, by the field of a Kong service.
_TIMEOUTS = {
    "connect_timeout": "connect",
    "read_timeout": "read",
    "write_timeout": "write",
}


@dataclass(slots=True)
class Carried:
    """Written traits, and the plugins that have no trait, each with the reason."""

    traits: list[Yaml] = field(default_factory=list)
    dropped: dict[OldPlugin, str] = field(default_factory=dict)

    def add(self, other: Carried) -> None:
        """Add the plugins of another component."""
        for plugin, why in other.dropped.items():
            self.dropped.setdefault(plugin, why)


def carried(exposed: Iterable[tuple[Plan, Region]], site: Site) -> Carried:
    """Return the traits of a component in place of the plugins on its paths."""
    outcomes = []
    for plan, region in exposed:
        parts = plan.parts[region.path]
        outcomes += [part.outcome for part in parts if part.kept]
    result = Carried()
    limits = _limits_of_services(outcomes)
    for name in sorted({each.name for each in _acting(outcomes)}):
        trait = _trait_of(name, outcomes, limits)
        if isinstance(trait, str):
            for plugin in _acting_named(name, outcomes):
                result.dropped.setdefault(plugin, trait)
        elif trait:
            result.traits.append(trait)
    if limits:
        result.traits.append({"type": "limits", "properties": limits})
    for plugin in site.conditions:
        properties = {"name": plugin.name, "config": dict(plugin.config)}
        result.traits.append({"type": "kong-plugin", "properties": properties})
    return result


def replaced(written: Iterable[Yaml]) -> frozenset[str]:
    """Return the kinds of global plugins that do not act on a component with these traits.

    In Kong, a service's plugin replaces a global plugin of its kind.
    """
    kinds: set[str] = set()
    for trait in written:
        properties = trait["properties"]
        if trait["type"] == "kong-plugin":
            kinds.add(properties["name"])
        elif trait["type"] == "rate-limit" and properties["per"] != "client":
            kinds.add("rate-limiting")
    return frozenset(kinds)


def _trait_of(name: str, outcomes: list[Outcome], limits: Yaml) -> Yaml | str:
    """Return the trait in place of a plugin, or why there is none. A limit of the body is added to
    `limits`."""
    plugin = _everywhere(name, outcomes)
    if plugin is None:
        return "it does not act on all paths of its service"
    if name == "cors":
        return _cors(plugin.config)
    if name == "rate-limiting":
        return _rate_limit(plugin, outcomes)
    if name == "request-size-limiting":
        body = _body(plugin)
        if body is None:
            return "its size has no form in the trait limits"
        limits["body"] = body
        return {}
    return "no trait says the same"


def _acting(outcomes: Iterable[Outcome]) -> list[OldPlugin]:
    """Return the plugins that act, each once, without global plugins that stay in Kong.

    `forward` has the path that a plugin replaces.
    """
    found: dict[OldPlugin, None] = {}
    for outcome in outcomes:
        for plugin in outcome.also:
            stays = plugin.is_global and plugin.name not in _GLOBAL
            if not stays and not only_replaces_path(plugin):
                found[plugin] = None
    return [*found]


def _everywhere(name: str, outcomes: Iterable[Outcome]) -> OldPlugin | None:
    """Return a plugin that acts on all requests with the same settings, or None."""
    first: OldPlugin | None = None
    for outcome in outcomes:
        own = [each for each in outcome.also if each.name == name]
        if len(own) != 1:
            return None
        first = first or own[0]
        is_same = (
            own[0].config == first.config
            and own[0].other_config == first.other_config
        )
        if not is_same:
            return None
    return first


def _cors(config: Mapping[str, Any]) -> Yaml | str:
    origins = [str(each) for each in config.get("origins") or ()]
    if not origins or not all(map(_is_origin, origins)):
        return "its origins are no list of https origins; write them into a trait cors"
    properties: Yaml = {"origins": sorted({*origins})}
    for field_name, name in (
        ("headers", "headers"),
        ("exposed_headers", "exposeHeaders"),
    ):
        if listed := [str(each) for each in config.get(field_name) or ()]:
            if not all(map(_HEADER.match, listed)):
                return f"its {field_name} are not listed; write them into a trait cors"
            properties[name] = listed
    age = config.get("max_age")
    if isinstance(age, int) and age != _CORS_AGE:
        if not 0 <= age <= _LONGEST_AGE:
            return f"its max_age is not between 0 and {_LONGEST_AGE}"
        properties["maxAge"] = age
    if config.get("credentials") is True:
        properties["credentials"] = True
    return {"type": "cors", "properties": properties}


def _is_origin(origin: str) -> bool:
    match = _ORIGIN.match(origin)
    return match is not None and match["port"] != ":443"


def _rate_limit(plugin: OldPlugin, outcomes: list[Outcome]) -> Yaml | str:
    config = plugin.config
    if {*_acting_named(plugin.name, outcomes)} != {plugin}:
        return "it has several budgets for the paths of its service"
    owner = _OWNERS.get(str(config.get("limit_by", "consumer")))
    if owner is None or config.get("header_name") or config.get("path"):
        return "its budgets have no owner that the trait rate-limit knows"
    if config.get("policy", "local") != "local":
        return "it counts outside of Kong; set gateway.redis, and write a trait rate-limit"
    requests = {
        window: config[window]
        for window in _WINDOWS
        if config.get(window) is not None
    }
    numbers = [*requests.values()]
    is_clear = bool(requests) and all(map(_is_count, numbers))
    if not is_clear or numbers != sorted(numbers):
        return "its windows are no windows of the trait rate-limit"
    if numbers[-1] > _MOST_REQUESTS:
        return f"the trait rate-limit takes at most {_MOST_REQUESTS:,} requests"
    properties = {"per": owner, "requests": requests}
    return {"type": "rate-limit", "properties": properties}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _acting_named(name: str, outcomes: Iterable[Outcome]) -> list[OldPlugin]:
    return [each for each in _acting(outcomes) if each.name == name]


def _body(plugin: OldPlugin) -> str | None:
    """Return the size of the trait `limits`, or None."""
    config = plugin.config
    size = config.get("allowed_payload_size", _BODY)
    unit = _UNITS.get(str(config.get("size_unit", "megabytes")))
    is_strict = bool(config.get("require_content_length"))
    if unit is None or is_strict or not _is_count(size):
        return None
    return f"{size}{unit}" if size <= _LARGEST_BODY else None


def _limits_of_services(outcomes: Iterable[Outcome]) -> Yaml:
    """Return timeouts and retries that all services of a component set alike."""
    services: dict[OldService, None] = {}
    for outcome in outcomes:
        if outcome.route and outcome.route.service:
            services[outcome.route.service] = None
    limits: Yaml = {}
    timeouts = {}
    for name, in_trait in _TIMEOUTS.items():
        value = _common(name, _USUAL_TIMEOUT, services)
        if value != _USUAL_TIMEOUT and 0 < value < _TOO_LONG:
            timeouts[in_trait] = f"{value}ms"
    if timeouts:
        limits["timeouts"] = timeouts
    count = _common("retries", _USUAL_RETRIES, services)
    if count != _USUAL_RETRIES and 0 <= count <= _MOST_RETRIES:
        limits["retries"] = {"count": count}
    return limits


def _common(name: str, usual: int, services: Iterable[OldService]) -> int:
    """Return the number that all services set, or the usual number."""
    values = {each.settings.get(name, usual) for each in services}
    value = values.pop() if len(values) == 1 else usual
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number else usual
