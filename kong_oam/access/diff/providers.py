"""Models of one stack whose identity providers were renamed."""

from __future__ import annotations

from dataclasses import replace

from kong_oam.access.data import without
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.model import Application, Component, Estate


def with_provider_names(old: AccessModel, new: AccessModel) -> AccessModel:
    """Return `old` with the providers' names of `new`. Equal names match first, and the others
    match in order."""
    before = old.estate.stack
    after = new.estate.stack
    removed = without(before.providers, after.providers)
    added = without(after.providers, before.providers)
    names = dict(zip(removed, added, strict=False))
    if not names:
        return old

    def named(name: str) -> str:
        return names.get(name, name)

    def renamed(component: Component) -> Component:
        clients = tuple(
            replace(client, provider=named(client.provider))
            for client in component.identity.clients
        )
        identity = replace(
            component.identity,
            provider=named(component.identity.provider),
            clients=clients,
        )
        return replace(component, identity=identity)

    def application(source: Application) -> Application:
        return replace(
            source, components=tuple(map(renamed, source.components))
        )

    providers = {
        named(name): replace(provider, name=named(name))
        for name, provider in before.providers.items()
    }
    applications = tuple(map(application, old.estate.applications))
    estate = Estate(replace(before, providers=providers), applications)
    minutes = dict(
        zip(map(named, old.minutes), old.minutes.values(), strict=True)
    )
    facts = {
        replace(subject, provider=named(subject.provider)): values
        for subject, values in old.facts.items()
    }
    return replace(old, estate=estate, minutes=minutes, facts=facts)
