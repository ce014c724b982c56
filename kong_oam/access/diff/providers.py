"""Models of one stack whose identity providers have other names than they had."""

from __future__ import annotations

from dataclasses import replace

from kong_oam.access.diff.snapshot import AccessModel
from kong_oam.access.model import Application, Component, Estate


def providers_named_as(old: AccessModel, new: AccessModel) -> AccessModel:
    """`old` with its providers called as in `new`: by name, and in order where a name is only on one side."""
    gone = [name for name in old.estate.stack.providers if name not in new.estate.stack.providers]
    come = [name for name in new.estate.stack.providers if name not in old.estate.stack.providers]
    names = dict(zip(gone, come, strict=False))
    if not names:
        return old

    def renamed(component: Component) -> Component:
        clients = tuple(replace(c, provider=names.get(c.provider, c.provider)) for c in component.clients)
        return replace(component, provider=names.get(component.provider, component.provider), clients=clients)

    def application(source: Application) -> Application:
        return replace(source, components=tuple(map(renamed, source.components)))

    stack = old.estate.stack
    providers = {
        names.get(name, name): replace(provider, name=names.get(name, name))
        for name, provider in stack.providers.items()
    }
    estate = Estate(replace(stack, providers=providers), tuple(map(application, old.estate.applications)))
    minutes = {names.get(name, name): value for name, value in old.minutes.items()}
    facts = old.facts and {
        replace(subject, provider=names.get(subject.provider, subject.provider)): values
        for subject, values in old.facts.items()
    }
    return replace(old, estate=estate, minutes=minutes, facts=facts)
