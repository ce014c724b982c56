"""The components of the new side: one for each exposed address, and one for each caller."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kong_oam.access.data import PathSegments
from kong_oam.access.forbidden import is_address
from kong_oam.access.paths import written
from kong_oam.adopt.entities import OldService
from kong_oam.adopt.fields import is_placeholder
from kong_oam.adopt.writing import traits
from kong_oam.adopt.writing.addresses import Address
from kong_oam.adopt.writing.judge import Region
from kong_oam.adopt.writing.names import Names, shortened
from kong_oam.adopt.writing.networks import ALL, networks_of
from kong_oam.adopt.writing.options import Options
from kong_oam.adopt.writing.outcomes import Holder
from kong_oam.adopt.writing.plan import Planned
from kong_oam.adopt.writing.regions import Plan
from kong_oam.adopt.writing.rules import Permission, Refused

REASON = "adopted from Kong"
_LONGEST_SCOPE = 64
# The properties of a trait or a component, as YAML.
Yaml = dict[str, Any]


@dataclass(slots=True)
class Component:
    """A component of type external, with its traits as YAML."""

    name: str
    traits: list[Yaml] = field(default_factory=list)

    @property
    def yaml(self) -> Yaml:
        return {"name": self.name, "type": "external", "traits": self.traits}


@dataclass(slots=True)
class Components:
    """The written components, the settings of upstreams, and the names for a report."""

    components: list[Component] = field(default_factory=list)
    upstreams: dict[str, Yaml] = field(default_factory=dict)
    names: dict[Address, str] = field(default_factory=dict)
    clients: dict[Holder, str] = field(default_factory=dict)
    carried: traits.Carried = field(default_factory=traits.Carried)

    @property
    def replaced(self) -> frozenset[str]:
        """The kinds of global plugins that act on no exposed component."""
        kinds: list[frozenset[str]] = []
        for component in self.components:
            if any(trait["type"] == "gateway" for trait in component.traits):
                kinds.append(traits.replaced(component.traits))
        return frozenset.intersection(*kinds) if kinds else frozenset()


def components_of(planned: Planned, options: Options) -> Components:
    """Return the components of a plan."""
    result = Components()
    names = Names()
    for address, service in _addresses(planned):
        result.names[address] = names.of(address, service.name)
    for holder in sorted(_holders(planned)):
        consumer, kind = holder
        text = consumer if kind == "key-auth" else f"{consumer} {kind}"
        result.clients[holder] = names.of(holder, text)
    calls: dict[Holder, dict[str, list[str]]] = {}
    for address, name in result.names.items():
        writer = _Writer(planned, options, address, name, result)
        result.components.append(writer.component())
        for holder, scopes in writer.granted.items():
            calls.setdefault(holder, {})[name] = scopes
        result.upstreams[f"{options.application}/{name}"] = _upstream(
            planned, address
        )
    for holder, name in result.clients.items():
        trait = _client(holder, calls[holder], planned, options)
        result.components.append(Component(name, [trait]))
    return result


def _addresses(planned: Planned) -> Iterator[tuple[Address, OldService]]:
    """Yield the exposed addresses with their first service, in the order of services."""
    found: dict[Address, OldService] = {}
    order = {
        each.name: number for number, each in enumerate(planned.old.services)
    }
    for plan in planned.plans:
        for region in plan.exposed:
            for service in _services(plan, region):
                assert region.address is not None
                first = found.setdefault(region.address, service)
                if order[service.name] < order[first.name]:
                    found[region.address] = service
    yield from sorted(found.items(), key=lambda item: order[item[1].name])


def _services(plan: Plan, region: Region) -> Iterator[OldService]:
    for part in plan.parts[region.path]:
        route = part.outcome.route
        if part.kept and route is not None and route.service is not None:
            yield route.service


def _holders(planned: Planned) -> set[Holder]:
    return set[Holder]().union(*(plan.holders for plan in planned.plans))


def _upstream(planned: Planned, address: Address) -> Yaml:
    """Return the entry of `gateway.upstreams`."""
    site = planned.sites[address]
    entry: Yaml = {}
    if len(address.targets) == 1:
        entry["host"] = address.targets[0][0]
    else:
        entry["targets"] = [
            {"host": host, "port": port} for host, port in address.targets
        ]
    header = site.host_header
    if address.protocol == "http":
        entry["scheme"] = "http"
    elif header and header.partition(":")[0] != entry.get("host"):
        entry["serverName"] = header.partition(":")[0]
    if header and (address.protocol == "http" or ":" in header):
        entry["hostHeader"] = header
    return entry


def _client(
    holder: Holder,
    calls: dict[str, list[str]],
    planned: Planned,
    options: Options,
) -> Yaml:
    consumer, kind = holder
    before = {
        "consumer": planned.old.consumer[consumer].username,
        "by": kind,
        "until": options.until,
        "reason": REASON,
    }
    called = [
        {"component": f"{options.application}/{name}", "scopes": scopes}
        for name, scopes in calls.items()
    ]
    return _trait(
        "client", {"kind": "external", "before": before, "calls": called}
    )


def _trait(kind: str, properties: Yaml) -> Yaml:
    return {"type": kind, "properties": properties}


class _Writer:
    """Writes the component of one address. `granted`: the scopes of each caller."""

    def __init__(
        self,
        planned: Planned,
        options: Options,
        address: Address,
        name: str,
        result: Components,
    ) -> None:
        self._options = options
        self._address = address
        self._name = name
        self._result = result
        self._site = planned.sites[address]
        self._exposed = [*planned.exposed(address)]
        self._roles = Names()
        self.granted: dict[Holder, list[str]] = {}
        # The first region of each path: others have the same rules.
        self._regions: dict[PathSegments, tuple[Plan, Region]] = {}
        for plan, region in self._exposed:
            self._regions.setdefault(region.path, (plan, region))

    def component(self) -> Component:
        carried = traits.carried(self._exposed, self._site)
        self._result.carried.add(carried)
        written_traits = [*self._gateways(), self._access()]
        if networks := self._networks():
            written_traits.append(_trait("ip-allow", networks))
        return Component(self._name, written_traits + carried.traits)

    def _gateways(self) -> Iterator[Yaml]:
        """Yield a gateway trait for each set of paths. Each has one host."""
        by_host: dict[str, list[str]] = {}
        for plan, region in self._exposed:
            by_host.setdefault(plan.host, []).append(written(region.path))
        for number, (host, paths) in enumerate(by_host.items()):
            properties: Yaml = {"domain": host}
            if number:
                properties["name"] = f"host-{number + 1}"
            properties["http"] = dict.fromkeys(
                sorted(paths), self._address.port
            )
            yield _trait("gateway", properties)

    def _access(self) -> Yaml:
        scopes: dict[str, str] = {}
        roles: dict[str, Yaml] = {}
        rules = [*self._rules(scopes, roles)]
        access: Yaml = {"owner": self._options.owner}
        if any("public" in rule for rule in rules):
            access["forwardToken"] = True
        if forward := self._forward():
            access["forward"] = forward
        if scopes:
            access["scopes"] = scopes
        access["rules"] = rules
        if roles:
            access["roles"] = roles
            access["acceptBefore"] = self._accepted()
        if waivers := [*self._waivers(rules)]:
            access["waivers"] = waivers
        return _trait("access", access)

    def _waivers(self, rules: list[Yaml]) -> Iterator[Yaml]:
        """Yield waivers of findings that the old Kong had, too."""
        public = [rule for rule in rules if "public" in rule]
        is_wide = any("/" in rule["paths"] for rule in public)
        if is_wide and len(public) < len(rules):
            yield self._waiver("LINT305")
        targets = self._address.targets
        names = [host for host, _ in targets if not is_address(host)]
        if self._address.protocol == "http" and names:
            yield self._waiver("LINT316")

    def _waiver(self, finding: str) -> Yaml:
        return {
            "finding": finding,
            "reason": REASON,
            "until": self._options.until,
        }

    def _accepted(self) -> Yaml:
        credential = self._site.credential
        assert credential is not None
        accepted: Yaml = {
            "by": credential.kind,
            "until": self._options.until,
            "reason": REASON,
        }
        if credential.names not in ((), ("apikey",)):
            accepted["names"] = [*credential.names]
        if credential.places not in ((), ("header",)):
            accepted["in"] = [*credential.places]
        return accepted

    def _forward(self) -> dict[str, str]:
        """Return the paths that the workload gets, for paths where they differ from the exposed
        path, and for paths below these."""
        forward: dict[str, str] = {}
        for path in sorted(self._regions):
            text = written(path)
            target = self._regions[path][1].target
            above = [text[: len(key)] == key for key in forward]
            if target != text or any(above):
                forward[text] = target
        return forward

    def _rules(
        self, scopes: dict[str, str], roles: dict[str, Yaml]
    ) -> Iterator[Yaml]:
        together: dict[tuple[object, ...], list[PathSegments]] = {}
        for path in sorted(self._regions):
            plan, _ = self._regions[path]
            for rule in plan.rules[path]:
                key: tuple[object, ...] = (
                    rule.methods,
                    rule.permission,
                    rule.refused,
                )
                if rule.refused:
                    # Refusals are about one path.
                    key = (*key, path)
                together.setdefault(key, []).append(path)
        for key, paths in together.items():
            methods, permission, refused, *_ = key
            assert isinstance(permission, Permission)
            assert isinstance(refused, Refused)
            assert isinstance(methods, tuple)
            yield self._rule(paths, methods, permission, refused, scopes, roles)

    def _rule(
        self,
        paths: list[PathSegments],
        methods: tuple[str, ...],
        permission: Permission,
        refused: Refused,
        scopes: dict[str, str],
        roles: dict[str, Yaml],
    ) -> Yaml:
        rule: Yaml = {
            "paths": [*map(written, paths)],
            "methods": [*methods],
        }
        if permission.is_public:
            rule["public"] = {
                "reason": f"{REASON}, where it is open",
                "until": self._options.until,
            }
        else:
            rule["scopes"] = [self._scope(permission, scopes, roles)]
        if refused:
            listed = {
                "exactly": refused.exactly,
                "below": refused.below,
                "begins": refused.begins,
            }
            rule["refusals"] = {
                form: [*texts] for form, texts in listed.items() if texts
            }
        return rule

    def _scope(
        self,
        permission: Permission,
        scopes: dict[str, str],
        roles: dict[str, Yaml],
    ) -> str:
        """Return the scope of a permission. The first use declares it, with its role."""
        role = self._roles.of(permission, permission.name)
        scope = shortened(f"{self._name}.{role}", _LONGEST_SCOPE)
        if scope not in scopes:
            scopes[scope] = f"Call {self._name} as {permission.name}"
            clients = [
                self._result.clients[holder]
                for holder in sorted(permission.holders)
            ]
            roles[role] = {
                "scopes": [scope],
                "components": [
                    f"{self._options.application}/{name}" for name in clients
                ],
            }
            for holder in permission.holders:
                self.granted.setdefault(holder, []).append(scope)
        return scope

    def _networks(self) -> Yaml:
        """Return the trait `ip-allow`, if some path has an `ip-restriction`."""
        rules: dict[tuple[str, ...], dict[tuple[str, ...], list[str]]] = {}
        is_limited = False
        for path in sorted(self._regions):
            _, region = self._regions[path]
            by_networks: dict[tuple[str, ...], list[str]] = {}
            for rule in self._regions[path][0].rules[path]:
                for method in rule.methods:
                    plugin = region.networks.get(method)
                    allowed = networks_of(plugin) or ALL
                    is_limited = is_limited or plugin is not None
                    methods = by_networks.setdefault(allowed, [])
                    if method not in methods:
                        methods.append(method)
            _remove_implied_head(by_networks.values())
            for allowed, methods in by_networks.items():
                if not methods:
                    continue
                key = tuple(methods)
                rules.setdefault(allowed, {}).setdefault(key, []).append(
                    written(path)
                )
        if not is_limited:
            return {}
        listed = []
        for allowed, by_methods in rules.items():
            source = [*allowed]
            for listed_methods, paths in by_methods.items():
                listed.append(
                    {
                        "paths": paths,
                        "methods": [*listed_methods],
                        "from": source,
                    }
                )
        return {"rules": listed}


def _remove_implied_head(lists: Collection[list[str]]) -> None:
    """Remove HEAD from lists of methods if one of them has GET, which includes HEAD."""
    if any("GET" in methods for methods in lists):
        for methods in lists:
            if "HEAD" in methods:
                methods.remove("HEAD")


def placeholders(upstreams: Iterable[Yaml]) -> Iterator[str]:
    """Yield the hosts of upstreams with a placeholder."""
    for entry in upstreams:
        for target in entry.get("targets", [entry]):
            if is_placeholder(target["host"]):
                yield target["host"]
