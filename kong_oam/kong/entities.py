"""Kong's entities as plain values.

An entity has the fields that the Admin API prints. References to entities that are not created yet
use names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypedDict

from kong_oam.access.data import Names

# An edge: an entity as the Admin API prints and takes it. Its fields depend on the Kong version.
Entity = Mapping[str, Any]

# All entities of one kind, in order.
EntitiesOfKind = tuple[Entity, ...]

# An edge: the configuration of a plugin. Each Kong brings the schema.
Config = Mapping[str, Any]


# The mark of a Kong without a database whose Admin API is writable, in its configuration.
WRITTEN_BY = "kong_oam_written_by"


class NodeConfiguration(TypedDict, total=False):
    """The settings of a node's kong.conf that the program reads from the Admin API's root."""

    database: str
    untrusted_lua: str
    router_flavor: str
    role: str
    cluster_rpc_sync: bool
    worker_consistency: str
    worker_state_update_frequency: float
    db_update_frequency: float
    db_update_propagation: float
    trusted_ips: object
    real_ip_header: str
    kong_oam_written_by: str


# Labels by kind and id.
_Labels = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Entities:
    """The entities of a gateway, by kind.

    `credentials`: plugin jwt's, of every consumer. `targets`: of every upstream. `authorities`: CA
    certificates; empty for intended entities.
    """

    services: EntitiesOfKind = ()
    routes: EntitiesOfKind = ()
    plugins: EntitiesOfKind = ()
    consumers: EntitiesOfKind = ()
    credentials: EntitiesOfKind = ()
    upstreams: EntitiesOfKind = ()
    targets: EntitiesOfKind = ()
    authorities: EntitiesOfKind = ()

    @cached_property
    def by_kind(self) -> Mapping[str, EntitiesOfKind]:
        """The entities of each kind that a decision depends on."""
        return {
            "service": self.services,
            "route": self.routes,
            "consumer": self.consumers,
            "credential": self.credentials,
            "upstream": self.upstreams,
            "target": self.targets,
            "plugin": self.plugins,
        }

    @cached_property
    def labels(self) -> _Labels:
        """The label of each entity, by kind and id. Both gateways have equal labels."""
        labels: _Labels = {}
        # Targets and plugins come last: their labels name entities of the other kinds.
        for kind, entities in self.by_kind.items():
            for entity in entities:
                labels[kind, entity["id"]] = _label(kind, entity, labels)
        return labels


def _label(kind: str, entity: Entity, labels: _Labels) -> str:
    if kind == "target":
        upstream = labels["upstream", entity["upstream"]["id"]]
        return f"target '{entity['target']}' of {upstream}"
    if kind == "plugin":
        scopes = []
        for owner in ("route", "service", "consumer"):
            scopes.append(labels.get((owner, reference(entity, owner))))
        scope = " and ".join(filter(None, scopes)) or "everything (global)"
        return f"plugin {entity['name']} of {scope}"
    name = entity.get("name") or entity.get("username") or entity.get("key")
    return f"{kind} '{name or entity['id']}'"


def reference(entity: Entity, field: str) -> str:
    """Return the id of the entity that a field refers to, or an empty text."""
    referred = entity.get(field)
    return referred["id"] if referred else ""


def tags_of(entity: Entity) -> Names:
    """Return the tags of an entity, in their order."""
    return tuple(entity.get("tags") or ())


def pem_of(credential: Entity) -> str:
    """Return the public key of a credential, stripped, or an empty text."""
    return (credential.get("rsa_public_key") or "").strip()


def comparable(value: Any) -> Any:
    """Return a field's value in comparable form: sets are sorted, and empty values become None."""
    if isinstance(value, Mapping):
        return {
            name: comparable(item)
            for name, item in value.items()
            if comparable(item) is not None
        }
    if isinstance(value, list) and value:
        return sorted(
            json.dumps(comparable(item), sort_keys=True) for item in value
        )
    return value or None
