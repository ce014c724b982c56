"""The state of a stack, as the engine's built-in provider returns it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

PLUGIN = "kong:index/plugin:Plugin"
ROUTE = "kong:index/route:Route"
SERVICE = "kong:index/service:Service"
# The prefix of the logical name of a provider's key ring.
RING = "gateway-ring-"

# The type of the parent resource of everything that a component has.
COMPONENT = "kong-oam:index:Component"

STACK = "pulumi:pulumi:Stack"
_CONSUMER = "kong:index/consumer:Consumer"

# An edge: the outputs of a resource or a stack by name, as the engine knows them.
Outputs = Mapping[str, Any]

# An edge: the resources of a state, as the engine exports them.
Resources = Sequence[Outputs]


# A type and a logical name, such as ("kong:index/consumer:Consumer", "gateway-anonymous").
TypeAndName = tuple[str, str]

RecordedNames = frozenset[TypeAndName]

# The id of a plugin's service, and the plugin's kind.
PluginKey = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of the state: its type, its logical name and its outputs."""

    type: str
    name: str
    outputs: Outputs


def digest(data: Outputs) -> str:
    """Return a fingerprint of plain data, such as plugin configurations by logical name: 16
    hexadecimal digits."""
    text = json.dumps(dict(data), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class StackState:
    """The state of a stack, as the last run recorded it, finished or not.

    `recorded_names`: all recorded types and names; this stack did not create other objects.
    `issuers`: by provider, the issuer whose tokens the gateway accepts now; it names the key ring.
    `outputs`: the stack's outputs by name at the last complete run, empty before it. `urns`: all
    URNs by type and logical name. `differing_plugins`: by logical name, the service's id and the
    kind of each plugin whose state differs from Kong. `credentials`: by client name, the recorded
    key or secret. `client_ids`: by type and logical name, the client ids at providers. `resources`:
    all resources; plugins and routes show which rules are in force.
    """

    recorded_names: RecordedNames
    issuers: Mapping[str, str]
    outputs: Outputs = field(default_factory=dict)
    urns: Mapping[TypeAndName, str] = field(default_factory=dict)
    differing_plugins: Mapping[str, PluginKey] = field(default_factory=dict)
    credentials: Outputs = field(default_factory=dict)
    client_ids: Mapping[TypeAndName, str] = field(default_factory=dict)
    resources: tuple[Resource, ...] = field(default=(), repr=False)

    @property
    def is_confirmed(self) -> bool:
        """Whether all plugins are as the last complete run left them.

        After a run that failed at a plugin, the official Kong provider records the intended plugin,
        not the actual plugin.
        """
        return self.outputs.get("enforced") in (None, digest(self.plugins))

    @property
    def components(self) -> frozenset[str]:
        """The keys of the stack's components."""
        return frozenset(name for kind, name in self.urns if kind == COMPONENT)

    @cached_property
    def plugins(self) -> Mapping[str, str]:
        """The configuration in Kong of each plugin, by logical name, as the recorded JSON text."""
        return {
            resource.name: resource.outputs["configJson"]
            for resource in self.resources
            if resource.type == PLUGIN
        }


def from_outputs(outputs: Mapping[str, Outputs]) -> StackState:
    """Return the state from the `outputs` of `pulumi:pulumi:readStackResourceOutputs`: {URN: {type,
    outputs}}."""
    resources = []
    urns = {}
    for urn, entry in outputs.items():
        resource = Resource(entry["type"], logical_name(urn), entry["outputs"])
        resources.append(resource)
        urns[resource.type, resource.name] = urn
    exported: Outputs = {}
    issuers = {}
    credentials: dict[str, Any] = {}
    client_ids: dict[TypeAndName, str] = {}
    for resource in resources:
        kind = resource.type
        name = resource.name
        known = resource.outputs
        if kind == STACK:
            exported = known
        elif kind == COMPONENT:
            credentials |= known.get("credentials") or {}
        elif kind == _CONSUMER and name.startswith(RING):
            issuer = known.get("customId")
            if isinstance(issuer, str):
                issuers[name.removeprefix(RING)] = issuer
        if known.get("clientId"):
            client_ids[kind, name] = known["clientId"]
    return StackState(
        frozenset(urns),
        issuers,
        exported,
        urns=urns,
        credentials=credentials,
        client_ids=client_ids,
        resources=tuple(resources),
    )


def from_resources(resources: Resources) -> StackState:
    """Return the state from exported resources, as a program of the stack receives it."""
    outputs = {}
    for resource in resources:
        if not resource.get("delete"):
            known = resource.get("outputs") or {}
            outputs[resource["urn"]] = {
                "type": resource["type"],
                "outputs": known,
            }
    return from_outputs(outputs)


def logical_name(urn: str) -> str:
    """Return the logical name at the end of a resource's URN."""
    return urn.rpartition("::")[2]
