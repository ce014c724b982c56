"""Edit documents of an estate so that its parts get their new names, and all references follow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kong_oam.access.data import Texts
from kong_oam.access.merge.renames import Renames
from kong_oam.access.settings.project import NAMESPACE
from kong_oam.oam.document import as_mapping
from kong_oam.oam.edit import Added, Edit, Renamed, scalar
from kong_oam.oam.position import Document, Path
from kong_oam.objects.selection import APPLICATION

Edits = Iterator[Edit]
# A part of a document's data, with its path.
_Part = tuple[Any, Path]


def application_edits(
    document: Document, renames: Renames, scopes: Mapping[str, Texts]
) -> Edits:
    """Yield the edits of an Application's document. `scopes`: new scopes by the component that
    declares them."""
    data = document.data
    metadata = data["metadata"]
    name = metadata["name"]
    yield from _renamed(name, ("metadata", "name"), renames.applications)
    if "namespace" not in metadata and "default" in renames.namespaces:
        new = renames.namespaces["default"]
        yield Added(("metadata",), (("namespace", scalar(new)),))
    writer = _Application(name, renames, scopes)
    for component, path in _components(data):
        for trait, place in _items(component, path, "traits"):
            yield from writer.trait_edits(component, trait, place)
    tables = {
        "namespace": renames.namespaces,
        APPLICATION: renames.applications,
    }
    yield from _value_edits(data, (), tables)


def _components(data: Any) -> Iterator[_Part]:
    """Yield the components of an Application, and their overrides in policies."""
    spec = as_mapping(data.get("spec"))
    yield from _items(spec, ("spec",), "components")
    for policy, path in _items(spec, ("spec",), "policies"):
        properties = as_mapping(policy.get("properties"))
        yield from _items(properties, (*path, "properties"), "components")


def _items(parent: Any, path: Path, field: str) -> Iterator[_Part]:
    """Yield the items of a list in a mapping that are mappings, each with its path."""
    for item, place in _texts(parent, path, field):
        if isinstance(item, dict):
            yield item, place


def _texts(parent: Any, path: Path, field: str) -> Iterator[_Part]:
    """Yield the items of a list in a mapping, each with its path."""
    items = as_mapping(parent).get(field)
    for number, item in enumerate(items if isinstance(items, list) else ()):
        yield item, (*path, field, number)


def _renamed(value: Any, path: Path, new_names: Texts) -> Edits:
    """Yield the edit of a value with a new name."""
    if isinstance(value, str) and value in new_names:
        yield Renamed(path, new_names[value])


def _renamed_keys(mapping: Any, path: Path, new_names: Texts) -> Edits:
    """Yield the edits of the keys with a new name."""
    for key in as_mapping(mapping):
        if key in new_names:
            yield Renamed((*path, key), new_names[key], on_key=True)


@dataclass(frozen=True, slots=True)
class _Application:
    """An Application, by its old name, and the new names for its traits."""

    name: str
    renames: Renames
    scopes: Mapping[str, Texts]

    def trait_edits(self, component: Any, trait: Any, path: Path) -> Edits:
        """Yield the edits of a trait, in a component or in an override of it."""
        kind = str(trait.get("type")).partition("@")[0]
        properties = as_mapping(trait.get("properties"))
        place = (*path, "properties")
        key = f"{self.name}/{component.get('name')}"
        # An override changes parts of a trait. A default belongs into the trait itself.
        is_whole = path[1] == "components"
        yield from self._component_edits(properties, place)
        if kind == "access":
            yield from self._access_edits(key, properties, place)
            if is_whole and "identityProvider" not in properties:
                yield from self._provider(place)
        if kind == "client":
            yield from self._client_edits(properties, place)
        host = self.renames.hosts.get(key)
        is_route = kind == "gateway" and "domain" not in properties
        if is_whole and is_route and host:
            yield Added(place, (("domain", scalar(host)),))

    def _provider(self, path: Path) -> Edits:
        if self.renames.provider:
            name = scalar(self.renames.provider)
            yield Added(path, (("identityProvider", name),))

    def _component_edits(self, value: Any, path: Path) -> Edits:
        """Yield the edits of all component keys: values of `component`, and items of
        `components`."""
        if isinstance(value, dict):
            for key, inner in value.items():
                if key == "component":
                    yield from self._key_edit(inner, (*path, key))
                for item, place in _texts(value, path, key):
                    if key == "components":
                        yield from self._key_edit(item, place)
                    yield from self._component_edits(item, place)
                yield from self._component_edits(inner, (*path, key))

    def _key_edit(self, value: Any, path: Path) -> Edits:
        if isinstance(value, str):
            new = self.renames.component(value)
            if new != value:
                yield Renamed(path, new)

    def _access_edits(self, key: str, access: Any, path: Path) -> Edits:
        scopes = self.scopes.get(key, {})
        provider = access.get("identityProvider")
        yield from _renamed(
            provider, (*path, "identityProvider"), self.renames.providers
        )
        yield from _renamed_keys(
            access.get("scopes"), (*path, "scopes"), scopes
        )
        for rule, place in _items(access, path, "rules"):
            for scope, at in _texts(rule, place, "scopes"):
                yield from _renamed(scope, at, scopes)
        for name, role in as_mapping(access.get("roles")).items():
            place = (*path, "roles", name)
            for scope, at in _texts(role, place, "scopes"):
                yield from _renamed(scope, at, scopes)
            for group, at in _texts(role, place, "groups"):
                yield from _renamed(group, at, self.renames.groups)
        for entry, place in _items(access, path, "internal"):
            for peer, at in _texts(entry, place, "peers"):
                yield from _renamed(peer, at, self.renames.peers)

    def _client_edits(self, client: Any, path: Path) -> Edits:
        for call, place in _items(client, path, "calls"):
            scopes = self.scopes.get(str(call.get("component")), {})
            for scope, at in _texts(call, place, "scopes"):
                yield from _renamed(scope, at, scopes)


def _value_edits(value: Any, path: Path, tables: Mapping[str, Texts]) -> Edits:
    """Yield the edits of all values of keys with a table of new names, and of host names in a
    namespace, such as `db.shop.svc`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            place = (*path, key)
            if key in tables and isinstance(inner, str):
                yield from _renamed(inner, place, tables[key])
            else:
                yield from _value_edits(inner, place, tables)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _value_edits(item, (*path, number), tables)
    elif isinstance(value, str) and ".svc" in value:
        new = with_namespaces(value, tables["namespace"])
        if new != value:
            yield Renamed(path, new)


def with_namespaces(text: str, namespaces: Texts) -> str:
    """Return a text whose names of Services have the new namespaces."""

    def new_host(found: re.Match[str]) -> str:
        return f".{namespaces.get(found[1], found[1])}.svc"

    return re.sub(r"\.([a-z0-9-]+)\.svc\b", new_host, text)


def stack_edits(document: Document, renames: Renames) -> Edits:
    """Yield the edits of the document of a stack's file."""
    config = as_mapping(as_mapping(document.data).get("config"))
    root: Path = ("config",)
    providers = f"{NAMESPACE}:identityProviders"
    for provider, path in _items(config, root, providers):
        yield from _provider_edits(provider, path, renames)
    gateway = f"{NAMESPACE}:gateway"
    upstreams = as_mapping(config.get(gateway)).get("upstreams")
    yield from _component_keys(
        upstreams, (*root, gateway, "upstreams"), renames
    )
    cluster = f"{NAMESPACE}:cluster"
    yield from _cluster_edits(
        as_mapping(config.get(cluster)), (*root, cluster), renames
    )
    partitions = f"{NAMESPACE}:partitions"
    place = (*root, partitions)
    known = as_mapping(config.get(partitions))
    yield from _renamed_keys(known, place, renames.partitions)
    for name in known:
        for namespace, at in _texts(known, place, name):
            yield from _renamed(namespace, at, renames.namespaces)
    groups = f"{NAMESPACE}:knownGroups"
    for group, at in _texts(config, root, groups):
        yield from _renamed(group, at, renames.groups)


def _component_keys(mapping: Any, path: Path, renames: Renames) -> Edits:
    """Yield the edits of keys that are components."""
    new_keys = {key: renames.component(key) for key in as_mapping(mapping)}
    changed = {key: new for key, new in new_keys.items() if key != new}
    yield from _renamed_keys(mapping, path, changed)


def _provider_edits(provider: Any, path: Path, renames: Renames) -> Edits:
    name = provider.get("name")
    yield from _renamed(name, (*path, "name"), renames.providers)
    for field in ("clients", "certificates"):
        yield from _component_keys(provider.get(field), (*path, field), renames)
    groups = provider.get("groups")
    place = (*path, "groups")
    yield from _renamed_keys(groups, place, renames.groups)
    added = renames.group_names.get(str(name), {})
    entries = tuple(
        (scalar(group), scalar(theirs)) for group, theirs in added.items()
    )
    if entries and "groups" in provider:
        yield Added(place, entries)
    elif entries:
        listed = ", ".join(f"{group}: {theirs}" for group, theirs in entries)
        yield Added(path, (("groups", "{" + listed + "}"),))


def _cluster_edits(cluster: Any, path: Path, renames: Renames) -> Edits:
    namespaces = renames.namespaces
    yield from _renamed_keys(
        cluster.get("peers"), (*path, "peers"), renames.peers
    )
    allowed = {
        f"{old}/Namespace": f"{new}/Namespace"
        for old, new in namespaces.items()
    }
    yield from _renamed_keys(cluster.get("allow"), (*path, "allow"), allowed)
    rights = as_mapping(cluster.get("rights"))
    place = (*path, "rights")
    yield from _component_keys(rights, place, renames)
    for key in rights:
        for right, at in _texts(rights, place, key):
            head, found, namespace = str(right).partition(" in namespace ")
            if found and namespace in namespaces:
                yield Renamed(at, f"{head}{found}{namespaces[namespace]}")


def list_edits(document: Document, renames: Renames) -> Edits:
    """Yield the edits of a file that lists known groups."""
    groups = document.data if isinstance(document.data, list) else ()
    for number, group in enumerate(groups):
        yield from _renamed(group, (number,), renames.groups)
