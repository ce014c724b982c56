"""The plugin by which Kong finds old credentials, and their entries in a table.

    before       {consumer: {client, caller, ends, scopes}}. `client`: the client id at the
                 provider, or else the component. `caller`: the component. `ends`: in
                 seconds since 1970.
    before_in    {by, names, header, query}: the kind of the credentials, and the places of keys

Only components with old callers have the plugin and the entries. The script `old_credential` reads
the entries for the gate.
"""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.before import Acceptance, end_of
from kong_oam.access.data import JsonFields, Texts
from kong_oam.access.model import Component
from kong_oam.kong import names
from kong_oam.kong.at_kong import TraitPlugin
from kong_oam.kong.entities import Config

# The kinds of plugins that find old credentials.
KINDS = ("basic-auth", "key-auth")


def accepted_at(component: Component) -> Acceptance | None:
    """Return the old credentials that a component accepts; None without old callers."""
    identity = component.identity
    return identity.accept_before if identity.old_callers else None


def old_credential_plugins(
    stack: str, component: Component
) -> Iterator[TraitPlugin]:
    """Yield the plugin that finds old credentials before a component, if it has old callers.

    Callers without a valid credential stay anonymous, as with `jwt`, and the gate decides.
    """
    accepted = accepted_at(component)
    if accepted is not None:
        config = configuration(accepted, names.anonymous(stack))
        yield TraitPlugin(accepted.by, accepted.by, config)


def configuration(accepted: Acceptance, anonymous: str) -> Config:
    """Return the configuration of the plugin. The workload never gets the credential."""
    config = {"anonymous": anonymous, "hide_credentials": True}
    if accepted.by == "basic-auth":
        return config
    return {
        **config,
        "key_names": list(accepted.names),
        "key_in_header": "header" in accepted.places,
        "key_in_query": "query" in accepted.places,
        "key_in_body": False,
        "run_on_preflight": True,
    }


def entries(component: Component, ids: Texts) -> JsonFields:
    """Return the entries of a table. `ids`: client ids at the provider, by component."""
    accepted = accepted_at(component)
    if accepted is None:
        return {}
    before = {}
    for caller in component.identity.old_callers:
        before[caller.consumer] = {
            "client": ids.get(caller.client, caller.client),
            "caller": caller.client,
            "ends": end_of(caller.until),
            "scopes": list(caller.scopes),
        }
    return {
        "before": before,
        "before_in": {
            "by": accepted.by,
            "names": list(accepted.names),
            "header": "header" in accepted.places,
            "query": "query" in accepted.places,
        },
    }
