"""Comparison of the certificates of hosts: the holder of a certificate's key can answer every call
to its host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kong_oam.access.diff.change import (
    CERTIFICATES,
    Exposer,
    Facts,
    Setting,
    Subject,
)
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.endpoint import component_key
from kong_oam.access.hosts import hosts_above
from kong_oam.access.model import Component, Estate


def certificates_changed(
    old: AccessModel, new: AccessModel
) -> Iterator[Setting]:
    """Yield the hosts whose certificate changed, each with all components on the host.

    A host has one certificate, so a component that names a Secret decides for all components on the
    host. A host in only one estate is no change.
    """
    if {old.estate.stack.scheme, new.estate.stack.scheme} != {"https"}:
        return  # plain http has no certificates, and the scheme is compared elsewhere
    for host in sorted({*old.estate.by_host, *new.estate.by_host}):
        before = _exposing(old.estate, host)
        after = _exposing(new.estate, host)
        if not before or not after:
            continue
        was = _certificate_secret(old.facts, before, host)
        now = _certificate_secret(new.facts, after, host)
        if was != now and _UNKNOWN not in (was, now):
            exposers = _exposers(before), _exposers(after)
            name = f"certificate of {host}"
            yield Setting("may widen", Subject(), name, was, now, exposers)


_UNKNOWN = "not known"


def _exposing(estate: Estate, host: str) -> list[Component]:
    components = []
    for name in hosts_above(host):
        components += [
            component for _, component in estate.by_host.get(name, ())
        ]
    return components


def _exposers(components: Iterable[Component]) -> tuple[Exposer, ...]:
    exposers = {
        Exposer(component_key(component.key), component.owner)
        for component in components
    }
    return tuple(sorted(exposers))


def _certificate_secret(
    facts: Facts, components: Iterable[Component], host: str
) -> str | None:
    """Return the Secret with a host's certificate: the host's own, or the nearest wildcard's. None
    if no component names a Secret."""
    named: dict[str, str] = {}
    for component in components:
        of_component = facts.get(Subject(component_key(component.key)), {}).get(
            CERTIFICATES
        )
        if of_component is None:
            # Another stack deploys the component, or another version exported the model.
            return _UNKNOWN
        named |= of_component
    return next(filter(None, map(named.get, hosts_above(host))), None)
