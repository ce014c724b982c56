"""Who a component's objects are in the cluster and at the identity provider: its own, and nobody else's. Pure.

What a chart or a repository makes once it is installed is in no rendered object, and is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.rendered import Inside, RenderedObject
from kong_oam.objects.component import INGRESSES, JudgedComponent, dotted
from kong_oam.objects.controllers import (
    accounts_held,
    accounts_said,
    deploys_to,
    is_controlled,
    sources_named,
    texts_said,
    words_held,
    words_said,
)
from kong_oam.objects.kinds import USUAL, is_of_kubernetes
from kong_oam.objects.pods import CONTAINER_LISTS, Path, mapping

_CALLED = frozenset({*CONTAINER_LISTS, "metadata", "resourceClaims", "volumes"})
"""The fields in which labels, and parts of pods, have names of their own."""
_ENVELOPE = frozenset({"apiVersion", "kind", "metadata", "status"})
_ACCOUNT = ("", "ServiceAccount")
_CERT_MANAGER = "cert-manager.io"
_CERTIFICATE = (_CERT_MANAGER, "Certificate")
_DNS_NAME = re.compile(r"[A-Za-z0-9*](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - a type of Secrets
_ANSWERING = "the key by which the gateway answers for"
_OWN = "name a Secret of the component's own"
_WRITING = "writeconnectionsecrettoref"
_NAMES = ("secret", "secretname")
"""How the fields end, in lower case, whose value is a Secret's name."""
_REFERENCES = ("secret", "secretref", "secretkeyref", "secretreference", "secrettoref")
"""How the fields end, in lower case and without a plural's `s`, whose `name` is a Secret's."""
_ACCOUNTS = frozenset({"serviceaccount", "serviceaccountname"})

Owners = Mapping[tuple[str, str], frozenset[str]]
"""By namespace and name of a Secret or a ServiceAccount, the components that it belongs to."""


@dataclass(frozen=True, slots=True)
class Identities:
    """What stands for the components of a stack: their clients' and their workloads' Secrets, and their
    ServiceAccounts."""

    credentials: Owners
    shown: Owners
    """The Secrets with the keys by which the gateway answers for hosts."""
    accounts: Owners
    kept: frozenset[tuple[str, str]]
    """Those of the Secrets that the project does not make: somebody keeps them in the cluster."""
    certified: Mapping[str, str]
    """By name that a certificate bears, the component whose workload is believed by it."""
    keys: frozenset[tuple[str, str]]
    """Those of the Secrets that hold what a workload shows: its component may render its own."""
    sources: Mapping[tuple[str, str, str], tuple[RenderedObject, ...]]
    """The ConfigMaps and Secrets that components render, by namespace, kind and name."""


def identities(components: Sequence[JudgedComponent]) -> Identities:
    """The identities of all components of a stack."""
    credentials: dict[tuple[str, str], set[str]] = {}
    shown: dict[tuple[str, str], set[str]] = {}
    accounts: dict[tuple[str, str], set[str]] = {}
    kept: set[tuple[str, str]] = set()
    keys: set[tuple[str, str]] = set()
    sources: dict[tuple[str, str, str], tuple[RenderedObject, ...]] = {}
    for component in components:
        for name in component.credentials:
            credentials.setdefault((component.namespace, name), set()).add(component.key)
            if ("Secret", name) not in component.made:
                kept.add((component.namespace, name))
        for name in component.keys:
            credentials.setdefault((component.namespace, name), set()).add(component.key)
            keys.add((component.namespace, name))
        for name in component.shown:
            shown.setdefault((component.namespace, name), set()).add(component.key)
        for kind, name in component.made:
            if kind == "ServiceAccount":
                accounts.setdefault((component.namespace, name), set()).add(component.key)
        for one in component.objects:
            if one.group_kind == _ACCOUNT:
                accounts.setdefault((one.namespace, one.name), set()).add(component.key)
            elif one.group_kind in (("", "ConfigMap"), ("", "Secret")):
                key = (one.namespace, one.kind, one.name)
                sources[key] = (*sources.get(key, ()), one)
    return Identities(
        {key: frozenset(owners) for key, owners in credentials.items()},
        {key: frozenset(owners) for key, owners in shown.items()},
        {key: frozenset(owners) for key, owners in accounts.items()},
        frozenset(kept),
        {name: component.key for component in components for name in component.certified},
        frozenset(keys),
        sources,
    )


def identities_refused(component: JudgedComponent, one: RenderedObject, known: Identities) -> Iterator[Diagnostic]:
    """Yields where an object takes what stands for another component."""
    kind = one.group_kind
    if kind in INGRESSES:
        return
    if kind == _ACCOUNT and one.name == "default":
        message = "the cluster has it, for all pods that name none, and whoever gave it rights meant others; rename it"
        yield component.refused("ACC217", one, message)
    if kind == ("", "Secret") and one.object.get("type") == _TOKEN:
        message = "its type has the cluster write a ServiceAccount's token into it, which never ends; take it out"
        yield component.refused("ACC217", one, message)
    if kind == ("", "Secret") and (one.namespace, one.name) in known.kept:
        message = "it would overwrite the credential of a client, which is kept in the cluster; give it another name"
        yield component.refused("OAM107", one, message)
    owners = known.credentials.get((one.namespace, one.name), frozenset())
    if kind == ("", "Secret") and (one.namespace, one.name) in known.keys and component.key not in owners:
        message = f"it would overwrite what the workload of '{min(owners)}' shows; give it another name"
        yield component.refused("OAM107", one, message)
    yield from _names_of_others(component, one, known)
    told = telling_mappings(one.inside)
    for path, namespace, name in secrets_named(told):
        owners = known.credentials.get((namespace or one.namespace, name), frozenset())
        if owners and any(step.lower() == _WRITING for step in path):
            message = f"{dotted(path)} would overwrite '{name}', the credential of '{min(owners)}'; write another name"
            yield component.refused("OAM107", one, message)
        elif _renews(component, one, known, name):
            continue
        elif message := _taken(component, known, {namespace or one.namespace}, path, name):
            yield component.refused("ACC217", one, message, path)
    yield from _said_in_texts(component, one, known)
    yield from _said_to_others(component, one, known)
    for path, name in (*accounts_named(told), *accounts_said(one)):
        if owners := _others_accounts(component, one, known, name):
            message = f"{dotted(path)} '{name}' is the ServiceAccount of '{min(owners)}'; take it out: it has its own"
            yield component.refused("ACC217", one, message)


def _names_of_others(component: JudgedComponent, one: RenderedObject, known: Identities) -> Iterator[Diagnostic]:
    """Yields where cert-manager, or the driver of a volume, is asked for a certificate by which another's workload is
    believed. Any text may ask for it: names stand in lists, in subjects and in addresses."""
    others = {name: owner for name, owner in known.certified.items() if owner != component.key}
    if not others:
        return
    asked: list[tuple[Path, str]] = []
    if one.group_kind[0] == _CERT_MANAGER:
        asked += texts_said(one.object.get("spec"), ("spec",))
    for path, holder in one.inside:
        if path[-1:] == ("csi",):
            asked += texts_said(holder.get("volumeAttributes"), (*path, "volumeAttributes"))
    for path, text in asked:
        if path[-2:-1] == ("volumeAttributes",) and "$" in text:
            message = f"{dotted(path)}: what its driver fills in may be another component's name; write the name itself"
            yield component.refused("ACC217", one, message, path)
            continue
        for name in dict.fromkeys(word.lower() for word in _DNS_NAME.findall(text)):
            believed = [certified for certified in others if _covers(name, certified)]
            if believed:
                owner = others[believed[0]]
                message = f"'{name}' is a name by which the gateway believes the workload of '{owner}'; take it out"
                yield component.refused("ACC217", one, message, path)


def _covers(name: str, certified: str) -> bool:
    """Whether a certificate for a name is believed for another, which it may be a wildcard of."""
    return name == certified or (name.startswith("*.") and certified.partition(".")[2] == name[2:])


def telling_mappings(inside: Inside) -> list[_Told]:
    """Those mappings in an object that may name Secrets or ServiceAccounts. Labels and annotations refer to nothing,
    whatever they are called."""
    return [
        (path, holder, telling)
        for path, holder in inside
        if "metadata" not in path and (telling := _telling(tuple(holder)))
    ]


def _said_in_texts(component: JudgedComponent, one: RenderedObject, known: Identities) -> Iterator[Diagnostic]:
    """Charts, repositories and modules read whatever they like: so a credential's name is nowhere in what they get."""
    if not is_controlled(one):
        return
    namespaces = {one.namespace, deploys_to(one)}
    for path, word in words_said(one):
        message = _taken(component, known, namespaces, path, word)
        if message and not any(step.lower() == _WRITING for step in path):
            yield component.refused("ACC217", one, message, path)
    for path, (kind, name) in sources_named(one):
        for source in known.sources.get((one.namespace, kind, name), ()):
            for word in sorted(words_held(source.object)):
                if owners := _others(component, known.credentials, namespaces, word):
                    message = f"{dotted(path)} '{name}' has '{word}' in it, the credential of '{min(owners)}'; "
                    yield component.refused("ACC217", one, f"{message}a component has its own client trait", path)
                elif owners := _shown_for_others(component, known, namespaces, word):
                    message = f"{dotted(path)} '{name}' has '{word}' in it, {_ANSWERING} '{min(owners)}'; {_OWN}"
                    yield component.refused("ACC217", one, message, path)
            for account in sorted(accounts_held(source.object)):
                if owners := _others_accounts(component, one, known, account):
                    message = f"{dotted(path)} '{name}' has '{account}' in it, the ServiceAccount of '{min(owners)}'; "
                    yield component.refused("ACC217", one, f"{message}take it out: it has its own", path)


def _said_to_others(component: JudgedComponent, one: RenderedObject, known: Identities) -> Iterator[Diagnostic]:
    """Yields where an object of a kind that nobody here knows says a credential's name, its own name included: its
    controller may read that Secret, or write one of that name. Pods are told of Secrets in fields of
    their own."""
    if one.group_kind in USUAL or is_of_kubernetes(one.group_kind) or is_controlled(one):
        return
    said: list[tuple[Path, str]] = [(("metadata", "name"), one.name)]
    for field in sorted(one.object.keys() - _ENVELOPE):
        told = texts_said(one.object[field], (field,))
        said += ((path, text) for path, text in told if _CALLED.isdisjoint(path) and not any(map(_pulls, path)))
    for path, text in said:
        message = _taken(component, known, {one.namespace}, path, text)
        if message and not _renews(component, one, known, text):
            yield component.refused("ACC217", one, message, path)


def _taken(component: JudgedComponent, known: Identities, namespaces: set[str], path: Path, name: str) -> str:
    """What is wrong with naming a Secret: it is another component's credential, or key of a host. Empty for others."""
    if owners := _others(component, known.credentials, namespaces, name):
        return f"{dotted(path)} '{name}' is the credential of '{min(owners)}'; a component has its own client trait"
    if owners := _shown_for_others(component, known, namespaces, name):
        return f"{dotted(path)} '{name}' is {_ANSWERING} '{min(owners)}'; {_OWN}"
    return ""


def _renews(component: JudgedComponent, one: RenderedObject, known: Identities, name: str) -> bool:
    """Whether an object has cert-manager write the Secret that the gateway shows for its own component's hosts: with a
    new key, and others may have it shown as well."""
    return one.group_kind == _CERTIFICATE and component.key in known.shown.get((one.namespace, name), ())


def _shown_for_others(component: JudgedComponent, known: Identities, namespaces: set[str], name: str) -> frozenset[str]:
    """The other components for whose hosts the gateway shows a Secret of this name. A gateway trait of the component's
    own that names it, too, gives no right to the key."""
    owners = {one for namespace in namespaces for one in known.shown.get((namespace, name), ())}
    return frozenset(owners - {component.key})


def _others(component: JudgedComponent, secrets: Owners, namespaces: set[str], name: str) -> frozenset[str]:
    """The components that a Secret of this name in one of the namespaces belongs to, where it is none of this
    component's."""
    found = (secrets.get((namespace, name), frozenset()) for namespace in namespaces)
    return frozenset(owner for owners in found if component.key not in owners for owner in owners)


def _others_accounts(component: JudgedComponent, one: RenderedObject, known: Identities, name: str) -> frozenset[str]:
    """The components whose ServiceAccount is called so where an object is or deploys to, and not this component's."""
    owners = known.accounts.get((deploys_to(one), name), frozenset())
    owners |= known.accounts.get((one.namespace, name), frozenset())
    return frozenset() if component.key in owners else owners


def secrets_named(told: Iterable[_Told]) -> Iterator[tuple[Path, str, str]]:
    """Yields the Secrets that an object refers to, in whatever part of it: path, namespace (empty: the object's), name.

    Pull secrets are left out: the node reads them, and no container does.
    """
    for path, holder, telling in told:
        for key in telling.secrets:
            folded = _folded(key)
            for at, one in _each(holder[key], (*path, str(key))):
                if isinstance(one, str) and folded.endswith(_NAMES):
                    yield at, "", one
                elif folded.endswith(_REFERENCES) and (name := mapping(one).get("name")):
                    yield (*at, "name"), _namespace(mapping(one)), str(name)
        if holder.get("kind") == "Secret" and holder.get("name"):
            yield (*path, "name"), _namespace(holder), str(holder["name"])


def _each(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """A value by itself, or each of a list's."""
    if isinstance(value, list | tuple):
        yield from (((*path, str(index)), one) for index, one in enumerate(value))
    else:
        yield path, value


def _namespace(holder: Mapping[str, Any]) -> str:
    return str(holder.get("namespace") or "")


def accounts_named(told: Iterable[_Told]) -> Iterator[tuple[Path, str]]:
    """Yields the names of ServiceAccounts that an object says pods, or a controller for it, are to run as."""
    for path, holder, telling in told:
        for key in telling.accounts:
            if isinstance(value := holder[key], str) and value:
                yield (*path, str(key)), value
            elif str(key).lower() in _ACCOUNTS and (name := mapping(value).get("name")):
                yield (*path, str(key), "name"), str(name)


class _Telling(NamedTuple):
    """Those keys of a mapping that may name Secrets and ServiceAccounts."""

    secrets: tuple[Any, ...]
    accounts: tuple[Any, ...]


_Told = tuple[Path, Mapping[str, Any], _Telling]


@lru_cache(4096)
def _telling(keys: tuple[object, ...]) -> _Telling | None:
    """What the keys of a mapping may tell, if anything. Of many objects most have the same keys."""
    secrets = tuple(key for key in keys if _folded(key).endswith((*_NAMES, *_REFERENCES)) and not _pulls(key))
    accounts = tuple(key for key in keys if str(key).lower() in _ACCOUNTS)
    return _Telling(secrets, accounts) if secrets or accounts or "kind" in keys else None


def _folded(key: object) -> str:
    return str(key).lower().removesuffix("s")


def _pulls(key: object) -> bool:
    return _folded(key).endswith("pullsecret")
