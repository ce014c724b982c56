"""Find all collisions of two estates, and choose the new names of the second estate's parts.

Names are compared before anything is compiled together, so all collisions are found at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from kong_oam.access.data import Texts
from kong_oam.access.domains import host_of
from kong_oam.access.merge import names
from kong_oam.access.merge.collision import Collision, Collisions
from kong_oam.access.merge.names import Places
from kong_oam.access.merge.renames import Renames, new_name
from kong_oam.access.merge.settings import setting_collisions, shared_providers
from kong_oam.access.merge.side import MergeSide
from kong_oam.access.stack import REST


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of a merge: the prefix of new names, and the groups and namespaces that are the
    same in both estates."""

    prefix: str
    same_groups: Collection[str] = ()
    same_namespaces: Collection[str] = ()


def find_collisions(
    a: MergeSide, b: MergeSide, choices: Choices
) -> tuple[Collisions, Renames]:
    """Return the collisions of two estates, and the new names in `b` that resolve them.

    Collisions that no new name resolves have a remedy instead.
    """
    finder = _Finder(a, b, choices)
    renames = Renames(
        applications=finder.renamed(
            "application", names.applications(a), names.applications(b)
        ),
        namespaces=finder.renamed(
            "namespace",
            names.namespaces(a),
            names.namespaces(b),
            choices.same_namespaces,
        ),
        providers=finder.providers(),
        groups=finder.groups(),
        peers=finder.peers(),
        partitions=finder.partitions(),
    )
    hosts, new_hosts = finder.hosts(renames.applications)
    renames = replace(
        renames,
        scopes=finder.scopes(renames.providers),
        group_names=finder.group_names(renames.groups),
        provider=finder.default_provider(renames.providers),
        hosts=hosts,
        new_hosts=new_hosts,
    )
    finder.upstreams(renames)
    finder.by_hand(
        "consumer",
        names.consumers(a),
        names.consumers(b),
        "name another consumer in one of them: both clients would have one key",
    )
    different = [
        name
        for name in a.definitions.keys() & b.definitions.keys()
        if a.definitions[name][0] != b.definitions[name][0]
    ]
    finder.by_hand(
        "definition",
        {name: a.definitions[name][1] for name in different},
        {name: b.definitions[name][1] for name in different},
        "rename the type in one of them, or keep one definition",
    )
    if finder.has_settings:
        finder.found += setting_collisions(a, b, renames)
    return tuple(finder.found), renames


class _Finder:
    """Collects collisions of two estates while new names are chosen."""

    def __init__(self, a: MergeSide, b: MergeSide, choices: Choices) -> None:
        self.a = a
        self.b = b
        self.choices = choices
        self.found: list[Collision] = []
        # Without own files, one of them has the settings of the other.
        self.has_settings = bool(a.stacks and b.stacks)

    def renamed(
        self,
        kind: str,
        in_a: Places,
        in_b: Places,
        same: Collection[str] = (),
        reserved: Collection[str] = (),
    ) -> Texts:
        """Return new names for the names of `b` that `a` has too, except those that are the same.

        A new name is none of these names and not `reserved`.
        """
        taken = {*in_a, *in_b, *reserved}
        renamed = {}
        for name in sorted(in_a.keys() & in_b.keys() - {*same}):
            new = new_name(kind, name, self.choices.prefix, taken)
            renamed[name] = new
            self.found.append(
                Collision(kind, name, in_a[name], in_b[name], new)
            )
        return renamed

    def by_hand(
        self, kind: str, in_a: Places, in_b: Places, remedy: str
    ) -> None:
        """Add a collision for each name of both estates that no new name resolves."""
        for name in sorted(in_a.keys() & in_b.keys()):
            self.found.append(
                Collision(kind, name, in_a[name], in_b[name], remedy=remedy)
            )

    def providers(self) -> Texts:
        """Return new names for providers that have the name of another provider."""
        shared = shared_providers(self.a, self.b)
        return self.renamed(
            "identity provider",
            names.providers(self.a),
            names.providers(self.b),
            same=[provider.name for _, provider in shared],
        )

    def groups(self) -> Texts:
        """Return new names for groups of `b` whose names mean groups of `a`.

        A provider without a mapping uses the logical name, so a name that `a` maps to collides too.
        """
        in_a = dict(names.groups(self.a))
        in_b = names.groups(self.b)
        mapped_b: set[str] = set()
        for provider in self.b.providers:
            mapped_b.update(provider.groups)
        for number, provider in enumerate(self.a.providers):
            place = self.a.setting("identityProviders", number, "groups")
            for name in provider.groups.values():
                if name not in mapped_b:
                    in_a.setdefault(name, place)
        reserved: set[str] = set()
        for provider in (*self.a.providers, *self.b.providers):
            reserved.update(provider.groups.values())
        same = self.choices.same_groups
        return self.renamed("group", in_a, in_b, same, reserved)

    def group_names(self, groups: Texts) -> Mapping[str, Texts]:
        """Return the names at the provider of renamed groups without a mapping.

        Only a provider with an issuer that `a` does not have certainly has other groups.
        """
        known = {item.issuer for item in self.a.settings.providers}
        found = {}
        for provider in self.b.providers:
            if provider.issuer and provider.issuer not in known:
                found[provider.name] = {
                    new: old
                    for old, new in groups.items()
                    if old not in provider.groups
                }
        return found

    def peers(self) -> Texts:
        """Return new names for peers that have the name of other pods."""
        peers = self.b.settings.stack.peers
        others = self.a.settings.stack.peers
        same = [
            name for name, peer in peers.items() if others.get(name) == peer
        ]
        return self.renamed(
            "peer",
            names.setting_keys(self.a, "cluster", "peers", names=others),
            names.setting_keys(self.b, "cluster", "peers", names=peers),
            same,
        )

    def partitions(self) -> Texts:
        """Return new names for partitions. Only one partition can have all other namespaces."""
        if not self.has_settings:
            return {}
        sides = self.a, self.b
        places = [
            names.setting_keys(
                side, "partitions", names=side.settings.stack.partitions
            )
            for side in sides
        ]
        rest_a, rest_b = map(_rest, sides, places)
        self.by_hand(
            "partition",
            rest_a,
            rest_b,
            "list namespaces in place of * in one of them",
        )
        return self.renamed("partition", *places)

    def scopes(self, providers: Texts) -> Mapping[str, Texts]:
        """Return new names for scopes that `a` declares at the same provider, by component."""
        by_component: dict[str, Texts] = {}
        for provider in self.b.settings.stack.providers:
            if provider in providers:
                continue
            renamed = self.renamed(
                "scope",
                names.scopes(self.a, provider),
                names.scopes(self.b, provider),
            )
            for key, component in self.b.estate.components.items():
                if component.identity.provider == provider:
                    by_component[key] = {
                        scope: renamed[scope]
                        for scope in component.identity.scopes
                        if scope in renamed
                    }
        return by_component

    def default_provider(self, providers: Texts) -> str:
        """Return the provider to write into access traits; empty if `a` has the same default."""
        default = self.b.settings.stack.default_provider.name
        new = providers.get(default, default)
        if new == self.a.settings.stack.default_provider.name:
            return ""
        traits = 0
        for key, part in self.b.parts():
            component = self.b.estate.components[key]
            access = part.trait("access")
            if access is None and component.exposure.endpoints:
                remedy = f"write an access trait with identityProvider: {new}"
                name = f"default provider of {key}"
                place = part.position
                self.found.append(
                    Collision("setting", name, None, place, remedy=remedy)
                )
            elif access and "identityProvider" not in access.properties:
                traits += 1
        if traits:
            self._default("default provider", "identityProviders", new, traits)
        return new

    def hosts(self, applications: Texts) -> tuple[Texts, Texts]:
        """Return hosts to write into gateway traits by component, because `a` has another default
        host for them, and new default hosts by old host.

        A default host that collides becomes the default host of the renamed Application.
        """
        stack = self.a.settings.stack
        in_a = names.hosts(self.a)
        in_b = names.hosts(self.b)
        hosts: dict[str, str] = {}
        new_hosts: dict[str, str] = {}
        for key, part in self.b.parts():
            if all(
                "domain" in trait.properties
                for trait in part.traits_of("gateway")
            ):
                continue
            name, _, component = key.partition("/")
            host = host_of(name, component, None, self.b.settings.stack)
            renamed = applications.get(name, name)
            new = host_of(renamed, component, None, stack)
            if not host or not new or host == new:
                continue
            if host in in_a and new not in in_a:
                new_hosts[host] = new
                place = in_b.get(host)
                self.found.append(
                    Collision("host", host, in_a[host], place, new)
                )
            else:
                hosts[key] = host
        domain = self.b.settings.stack.domain or ""
        if hosts and domain != stack.domain:
            self._default("default domain", "domains", domain, len(hosts))
        return hosts, new_hosts

    def _default(self, name: str, setting: str, new: str, count: int) -> None:
        """Add a collision of two defaults, whose value the patch writes out."""
        self.found.append(
            Collision(
                "setting",
                name,
                self.a.setting(setting),
                self.b.setting(setting),
                f"{new}, written out for {count} component(s)",
            )
        )

    def upstreams(self, renames: Renames) -> None:
        """Add the keys of `gateway.upstreams`, which get the new names of their Applications."""
        if not self.has_settings:
            return
        keys = [
            names.setting_keys(
                side,
                "gateway",
                "upstreams",
                names=side.settings.stack.upstreams,
            )
            for side in (self.a, self.b)
        ]
        in_a, in_b = keys
        for key in sorted(in_a.keys() & in_b.keys()):
            new = renames.component(key)
            self.found.append(
                Collision("upstream", key, in_a[key], in_b[key], new)
            )


def _rest(side: MergeSide, places: Places) -> Places:
    """Return the position of the partition with all other namespaces, by REST; empty without such a
    partition."""
    for name, namespaces in side.settings.stack.partitions.items():
        if REST in namespaces:
            return {REST: places[name]}
    return {}
