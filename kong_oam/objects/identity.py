"""Check that components use only their own Secrets and ServiceAccounts. Pure.

The checks do not see the objects that a chart or a repository creates.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import (
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Set,
)
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from kong_oam.diagnostics import Findings
from kong_oam.oam.position import Texts
from kong_oam.oam.rendered import Objects, RenderedObject
from kong_oam.objects.component import JudgedComponent, NamespacedName, dotted
from kong_oam.objects.controllers import deploys_to
from kong_oam.objects.known_kinds import (
    INGRESSES,
    is_unknown_kind,
    may_name_objects,
)
from kong_oam.objects.pods import CONTAINER_LISTS, Path
from kong_oam.objects.references import accounts_named, secrets_named
from kong_oam.objects.selection import APPLICATION, COMPONENT
from kong_oam.objects.texts import (
    TOKEN,
    Sources,
    Text,
    label_refused,
    reading,
    texts_in,
    texts_of_sources,
)

_ACCOUNT = ("", "ServiceAccount")
_CERT_MANAGER = "cert-manager.io"
_CERTIFICATE = (_CERT_MANAGER, "Certificate")
_DNS_NAME = re.compile(r"[A-Za-z0-9*](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_NO_EXPIRY = (
    "lets the cluster write a ServiceAccount token without expiry into a "
    "Secret; remove it"
)
_WRITING = "writeconnectionsecrettoref"

# The components that own a Secret or a ServiceAccount.
Owners = Mapping[NamespacedName, Set[str]]


_Owned = dict[NamespacedName, set[str]]


@dataclass(frozen=True)
class Identities:
    """The Secrets and ServiceAccounts that identify the components of a stack."""

    credentials: Owners
    # The Secrets with the TLS keys of hosts.
    shown: Owners
    accounts: Owners
    # The Secrets with a workload's certificate. Their component may render them itself.
    keys: Owners
    # The component with a certificate for each DNS name.
    certified: Texts
    sources: Sources

    @cached_property
    def by_word(self) -> Mapping[str, frozenset[str]]:
        """The names of all owned Secrets and ServiceAccounts, by their last word (`tls` of
        `shop.tls`)."""
        found = defaultdict(set)
        for _, name in (*self.credentials, *self.shown, *self.accounts):
            found[name.rpartition(".")[2]].add(name)
        return {word: frozenset(names) for word, names in found.items()}

    @cached_property
    def namespaces(self) -> frozenset[str]:
        """The namespaces of these Secrets and ServiceAccounts."""
        owned = (*self.credentials, *self.shown, *self.accounts)
        return frozenset(namespace for namespace, _ in owned)


def identities(components: Sequence[JudgedComponent]) -> Identities:
    """Return the identities of all components of a stack."""
    credentials: _Owned = {}
    shown: _Owned = {}
    accounts: _Owned = {}
    keys: _Owned = {}
    sources: dict[tuple[str, str, str], Objects] = {}
    certified = {}
    for component in components:
        _record_owner(
            credentials, component, component.credentials | component.keys
        )
        _record_owner(shown, component, component.shown)
        _record_owner(keys, component, component.keys)
        for account in component.accounts:
            accounts.setdefault(account, set()).add(component.key)
        certified.update(dict.fromkeys(component.certified, component.key))
        for rendered in component.objects:
            if rendered.group_kind in (("", "ConfigMap"), ("", "Secret")):
                key = (rendered.namespace, rendered.kind, rendered.name)
                sources[key] = (*sources.get(key, ()), rendered)
    return Identities(credentials, shown, accounts, keys, certified, sources)


def _record_owner(
    owners: _Owned, component: JudgedComponent, names: Iterable[str]
) -> None:
    """Record that a component owns these names in its namespace."""
    for name in names:
        owners.setdefault((component.namespace, name), set()).add(component.key)


def identities_refused(
    component: JudgedComponent, rendered: RenderedObject, known: Identities
) -> Findings:
    """Yield a finding for each use of another component's identity in an object."""
    if rendered.group_kind in INGRESSES:
        return
    yield from _overwrites(component, rendered, known)
    yield from _names_of_others(component, rendered, known)
    if rendered.nested:  # the object around it is read as a whole
        yield from _named_in_sources(component, rendered, known)
        return
    yield from _named_in_fields(component, rendered, known)
    if may_name_objects(rendered):
        yield from _named_anywhere(component, rendered, known)
        yield from _named_in_sources(component, rendered, known)


def _overwrites(
    component: JudgedComponent, rendered: RenderedObject, known: Identities
) -> Findings:
    """Yield a finding if the name or type of an object collides with an identity."""
    if rendered.group_kind == _ACCOUNT and rendered.name == "default":
        message = (
            "every namespace has a ServiceAccount 'default', and its rights "
            "are for other pods; rename it"
        )
        yield component.refused("ACC217", rendered, message)
    if rendered.group_kind != ("", "Secret"):
        return
    if rendered.object.get("type") == TOKEN:
        yield component.refused("ACC217", rendered, f"its type {_NO_EXPIRY}")
    if content := _protected_content(
        component, known, (rendered.namespace, rendered.name)
    ):
        yield component.refused(
            "OAM107",
            rendered,
            f"it would overwrite {content}; rename it",
        )


def _named_in_fields(
    component: JudgedComponent, rendered: RenderedObject, known: Identities
) -> Findings:
    """Yield findings about references to Secrets and ServiceAccounts in known fields.

    A controller must not write into a client's Secret, and an object must not refer to another
    component's identity.
    """
    is_known = not may_name_objects(rendered)
    for path, namespace, name in secrets_named(rendered.inside):
        key = (namespace or rendered.namespace, name)
        if _is_written(path):
            if content := _protected_content(component, known, key):
                message = (
                    f"{dotted(path)} would overwrite '{name}', {content}; write "
                    "another name"
                )
                yield component.refused("OAM107", rendered, message)
        elif is_known and (
            owner := _foreign_secret(component, known, {key[0]}, name)
        ):
            yield component.refused(
                "ACC217", rendered, f"{dotted(path)} '{name}' is {owner}", path
            )
    for path, name in accounts_named(rendered.inside) if is_known else ():
        if owners := _others(
            component, known.accounts, {rendered.namespace}, name
        ):
            yield component.refused(
                "ACC217",
                rendered,
                f"{dotted(path)} '{name}' is {_account_of(owners)}",
                path,
            )


def _protected_content(
    component: JudgedComponent, known: Identities, key: NamespacedName
) -> str:
    """Return a description of a Secret that a component must not write; empty for other Secrets."""
    owners = known.credentials.get(key, frozenset())
    if key in known.keys and component.key not in known.keys[key]:
        return f"the certificate of the workload '{min(known.keys[key])}'"
    if owners - known.keys.get(key, frozenset()):
        return f"the credential of '{min(owners)}'"
    if hosts := _shown_elsewhere(component, known, key):
        return f"the TLS key for hosts of '{min(hosts)}'"
    return ""


def _shown_elsewhere(
    component: JudgedComponent, known: Identities, key: NamespacedName
) -> list[str]:
    """Return the components of other Applications that use a Secret for their hosts. Every
    component of an Application may create the Secrets of its hosts."""
    owners = known.shown.get(key, frozenset())
    return [
        owner
        for owner in owners
        if owner.partition("/")[0] != component.application
    ]


def _is_written(path: Path) -> bool:
    return path[-1] == "name" and [step.lower() for step in path[-2:-1]] == [
        _WRITING
    ]


def _names_of_others(
    component: JudgedComponent, rendered: RenderedObject, known: Identities
) -> Findings:
    """Yield requests for a certificate with the name of another component's workload.

    Requests go to cert-manager or to the driver of a volume. Any text counts, since lists, subjects
    and addresses contain names.
    """
    others = {
        name: owner
        for name, owner in known.certified.items()
        if owner != component.key
    }
    if not others:
        return
    for text in _certificate_requests(rendered):
        if "volumeAttributes" in text.path and "$" in text.text:
            message = (
                "its driver could fill in another component's name; write the "
                "name itself"
            )
            yield component.refused(
                "ACC217", rendered, f"{dotted(text.path)}: {message}", text.path
            )
            continue
        words = {word.lower() for word in _DNS_NAME.findall(text.text)}
        for certified, owner in others.items():
            wildcard = (
                f"*.{certified.partition('.')[2]}"  # a wildcard matches it
            )
            if names := words.intersection((certified, wildcard)):
                message = (
                    f"'{min(names)}' is the name of another workload, "
                    f"'{owner}'; remove it"
                )
                yield component.refused("ACC217", rendered, message, text.path)
                break


def _certificate_requests(rendered: RenderedObject) -> Iterator[Text]:
    """Yield the texts with which an object may request a certificate."""
    if rendered.group_kind[0] == _CERT_MANAGER:
        yield from texts_in(rendered.object.get("spec"), ("spec",))
    for path, holder in rendered.inside:
        if path[-1:] == ("csi",):
            yield from texts_in(
                holder.get("volumeAttributes"), (*path, "volumeAttributes")
            )


def _named_anywhere(
    component: JudgedComponent, rendered: RenderedObject, known: Identities
) -> Findings:
    """Yield a finding for each name of another component's identity in an object with unknown
    fields.

    Its controller may read or write that Secret, or run pods as that account. A name counts in the
    object's namespace, and in all namespaces that the object names.
    """
    texts = reading(rendered).texts
    if is_unknown_kind(rendered):
        texts = [*texts_in(rendered.name, ("metadata", "name")), *texts]
    namespaces = {rendered.namespace, deploys_to(rendered)}
    for text in texts:
        if text.of_namespace:
            namespaces |= known.namespaces.intersection(text.words)
    for text in texts:
        for name, owner in _names_in(text, component, known, namespaces):
            if not _is_written(text.path) and not _renews(
                component, rendered, known, name
            ):
                yield component.refused(
                    "ACC217",
                    rendered,
                    f"{dotted(text.position)} '{name}' is {owner}",
                    text.position,
                )
        if TOKEN in text.unescaped:
            yield component.refused(
                "ACC217",
                rendered,
                f"{dotted(text.position)} {_NO_EXPIRY}",
                text.position,
            )


def _named_in_sources(
    component: JudgedComponent, rendered: RenderedObject, known: Identities
) -> Findings:
    """Yield findings about the ConfigMaps and Secrets with values for a chart or a repository."""
    namespaces = {rendered.namespace, deploys_to(rendered)}
    for path, source, text in texts_of_sources(rendered, known.sources):
        label = f"{dotted(path)} '{source}'"
        for name, owner in _names_in(text, component, known, namespaces):
            yield component.refused(
                "ACC217", rendered, f"{label} contains '{name}', {owner}", path
            )
        if TOKEN in text.unescaped:
            yield component.refused(
                "ACC217", rendered, f"{label} {_NO_EXPIRY}", path
            )
        if message := label_refused(text, component):
            yield component.refused(
                "ACC226", rendered, f"{label} {message}", path
            )


def _names_in(
    text: Text,
    component: JudgedComponent,
    known: Identities,
    namespaces: Set[str],
) -> Iterator[tuple[str, str]]:
    """Yield the names of other components' Secrets and ServiceAccounts in a text, each with its
    owner."""
    words = text.words
    named_namespaces = namespaces | known.namespaces.intersection(words)
    is_free = _is_no_reference(text)
    for name in chain.from_iterable(
        known.by_word.get(word, ()) for word in words
    ):
        if name not in text.unescaped:
            continue
        if not is_free and (
            owner := _foreign_secret(component, known, named_namespaces, name)
        ):
            yield name, owner
        if text.of_account:
            owners = _others(component, known.accounts, named_namespaces, name)
            if owners:
                yield name, _account_of(owners)


def _is_no_reference(text: Text) -> bool:
    """Tell whether a text refers to no other object.

    It may be an image, the name of a container, or the value of a label with its own check.
    """
    if text.is_key:
        return False
    field = text.path[-1]
    if field == "image" or text.path[-2:] == ("image", "repository"):
        return True
    if field.endswith((APPLICATION, COMPONENT)):
        return True
    around = text.path[-3:-1]
    is_in_list = (
        len(around) == 2
        and around[0] in CONTAINER_LISTS
        and around[1].isdecimal()
    )
    return is_in_list and field == "name"


def _account_of(owners: Collection[str]) -> str:
    return (
        f"the ServiceAccount of '{min(owners)}'; remove it, since each "
        "component has its own"
    )


def _foreign_secret(
    component: JudgedComponent,
    known: Identities,
    namespaces: Set[str],
    name: str,
) -> str:
    """Return the owner of another component's credential or TLS key, with a remedy. Empty for other
    Secrets."""
    if owners := _others(component, known.credentials, namespaces, name):
        return (
            f"the credential of '{min(owners)}'; use a client trait of this "
            "component"
        )
    if owners := _shown_for_others(component, known, namespaces, name):
        return (
            f"the TLS key for hosts of '{min(owners)}'; use a Secret of this "
            "component"
        )
    return ""


def _renews(
    component: JudgedComponent,
    rendered: RenderedObject,
    known: Identities,
    name: str,
) -> bool:
    """Tell whether cert-manager writes this Secret for the component's own hosts, with a new key.
    Other components may share it."""
    return (
        rendered.group_kind == _CERTIFICATE
        and component.key in known.shown.get((rendered.namespace, name), ())
    )


def _shown_for_others(
    component: JudgedComponent,
    known: Identities,
    namespaces: Set[str],
    name: str,
) -> set[str]:
    """Return the other components that use a Secret of this name for their hosts. The component's
    own gateway trait gives no right to the key."""
    owners = set[str]()
    for namespace in namespaces:
        owners.update(known.shown.get((namespace, name), ()))
    return owners - {component.key}


def _others(
    component: JudgedComponent, secrets: Owners, namespaces: Set[str], name: str
) -> set[str]:
    """Return the owners of a Secret or ServiceAccount in these namespaces, unless this component
    owns it."""
    others = set[str]()
    for namespace in namespaces:
        owners = secrets.get((namespace, name), ())
        if component.key not in owners:
            others.update(owners)
    return others
