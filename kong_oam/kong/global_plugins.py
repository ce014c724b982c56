"""Finds global plugins that would act on new services, before a run creates anything.

A plugin without a scope acts on every service that has no plugin of its kind. Only the gate decides
calls of our services. So a run accepts only global plugins that observe calls or mark answers, as
`verify` does.
"""

from __future__ import annotations

from collections.abc import Iterable

from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.engine.state import SERVICE, RecordedNames
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.effects import is_acting, is_active
from kong_oam.kong.entities import Entity
from kong_oam.kong.owners import OwnerLookup, owner_in_words
from kong_oam.kong.trait_plugins import trait_plugins

_SCOPES = ("route", "service", "consumer", "consumer_group")


def global_plugins(
    admin: AdminApi, settings: Settings, estate: Estate, held: RecordedNames
) -> Findings:
    """Yield a finding for each global plugin that would act on a new service of the estate.

    `held`: the resources in the state. Asks Kong only if a service is new. Raises AdminError.
    """
    new = [
        component for component in estate.exposed if _is_new(component, held)
    ]
    if not new:
        return
    own = [_own_kinds(settings, component) for component in new]
    lookup = OwnerLookup(estate.stack.name, whole=True)
    for plugin in admin.rows("/plugins"):
        if acts_everywhere(plugin) and _is_missing(plugin["name"], own):
            yield _diagnostic(plugin, lookup)


def acts_everywhere(plugin: Entity) -> bool:
    """Return whether a plugin is global, and may decide or change calls of any service."""
    is_global = not any(map(plugin.get, _SCOPES))
    return is_global and is_active(plugin) and is_acting(plugin)


def _is_new(component: Component, held: RecordedNames) -> bool:
    for backend in component.backends:
        if (SERVICE, f"{component.key}-{backend}-service") not in held:
            return True
    return False


def _own_kinds(settings: Settings, component: Component) -> set[str]:
    """Return the kinds of plugins that each service of the component has for all its calls."""
    return {
        plugin.kind
        for plugin in trait_plugins(settings, component).plugins
        if not plugin.caller
    }


def _is_missing(kind: str, own: Iterable[set[str]]) -> bool:
    """Return whether a service has no plugin of this kind, so that a global plugin acts there."""
    return any(kind not in kinds for kinds in own)


def _diagnostic(plugin: Entity, lookup: OwnerLookup) -> Diagnostic:
    owner = owner_in_words(plugin, lookup.owner(plugin))
    message = (
        f"Kong's global plugin '{plugin['name']}' ({plugin['id']}) {owner} would act on this "
        "stack's services, where only the gate decides. Put it on each service that needs it, and "
        "delete the global plugin"
    )
    return Diagnostic("ENV427", message)
