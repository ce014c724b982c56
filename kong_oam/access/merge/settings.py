"""Collisions in the settings of two stacks that no new name resolves, and the settings of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from kong_oam.access.merge.collision import Collision
from kong_oam.access.merge.renames import Renames
from kong_oam.access.merge.side import MergeSide, values_of
from kong_oam.access.providers import Provider
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.access.stack import Stack
from kong_oam.oam.document import as_mapping

# Settings whose entries mean the same in both estates, or one estate gets another meaning.
_TABLES = (
    ("domains", "suffixes"),
    ("images",),
    ("cluster", "contexts"),
    ("cluster", "operatorLabels"),
)


def shared_providers(
    a: MergeSide, b: MergeSide
) -> list[tuple[ProviderSettings, ProviderSettings]]:
    """Return the identity providers that are the same in both estates."""
    by_name = {provider.name: provider for provider in a.settings.providers}
    shared = []
    for provider in b.settings.providers:
        other = by_name.get(provider.name)
        if other and _issuing(other) == _issuing(provider):
            shared.append((other, provider))
    return shared


def _issuing(provider: ProviderSettings) -> ProviderSettings:
    """Return the settings of a provider without those that each estate has for itself."""
    return replace(
        provider,
        groups={},
        clients={},
        certificates={},
        moved_from=None,
        shared_origins=(),
        settle_seconds=None,
    )


def setting_collisions(
    a: MergeSide, b: MergeSide, renames: Renames
) -> Iterator[Collision]:
    """Yield the settings that both estates have with different values, and clients that both
    have."""
    for in_a, in_b in shared_providers(a, b):
        number_a = a.settings.providers.index(in_a)
        number_b = b.settings.providers.index(in_b)
        of_a = "identityProviders", number_a
        of_b = "identityProviders", number_b
        keys = {client.id: key for key, client in in_a.clients.items()}
        for key, client in in_b.clients.items():
            if client.id in keys:
                yield Collision(
                    "client",
                    client.id,
                    a.setting(*of_a, "clients", keys[client.id]),
                    b.setting(*of_b, "clients", key),
                    remedy="use another client of the provider in one of them",
                )
        for group in sorted(in_a.groups.keys() & in_b.groups.keys()):
            # A renamed group keeps its own entry.
            is_same = in_a.groups[group] == in_b.groups[group]
            if group not in renames.groups and not is_same:
                yield Collision(
                    "group",
                    group,
                    a.setting(*of_a, "groups", group),
                    b.setting(*of_b, "groups", group),
                    remedy="it has another name at the provider; keep one",
                )
    for path in _TABLES:
        in_a_table = _table(a, path)
        in_b_table = _table(b, path)
        for name in sorted(in_a_table.keys() & in_b_table.keys()):
            if in_a_table[name] != in_b_table[name]:
                yield Collision(
                    "setting",
                    ".".join((*path, name)),
                    a.setting(*path, name),
                    b.setting(*path, name),
                    remedy="its value differs; keep one",
                )


def _table(side: MergeSide, path: tuple[str, ...]) -> Mapping[str, object]:
    value: object = values_of(side.stacks[0]) if side.stacks else {}
    for step in path:
        value = as_mapping(value).get(step)
    return as_mapping(value)


def merged_stack(a: Stack, b: Stack) -> Stack:
    """Return the stack of `a` with everything that the Applications of `b` need.

    An entry of `a` wins. Lists of known groups are left out: neither has the groups of both.
    """
    providers = dict(a.providers)
    for name, provider in b.providers.items():
        own = providers.get(name)
        providers[name] = _with_groups(own, provider) if own else provider
    clusters = None
    if a.clusters is not None and b.clusters is not None:
        clusters = a.clusters | b.clusters
    return replace(
        a,
        providers=providers,
        suffixes={**b.suffixes, **a.suffixes},
        known_secrets=a.known_secrets | b.known_secrets,
        known_groups=None,
        allowed={**b.allowed, **a.allowed},
        rbac=a.rbac or b.rbac,
        rights={**b.rights, **a.rights},
        service_types=(*a.service_types, *b.service_types),
        metadata={**b.metadata, **a.metadata},
        operator_labels={**b.operator_labels, **a.operator_labels},
        peers={**b.peers, **a.peers},
        clusters=clusters,
        labels={**b.labels, **a.labels},
        federated=a.federated | b.federated,
        redis=a.redis or b.redis,
        upstream_tls=a.upstream_tls or b.upstream_tls,
        upstreams={**b.upstreams, **a.upstreams},
        partitions={**b.partitions, **a.partitions},
        partial=a.partial or b.partial,
    )


def _with_groups(own: Provider, other: Provider) -> Provider:
    return replace(own, groups={**other.groups, **own.groups})
