"""Find the rights that a component's roles give, and tell which are harmless. Pure.

A right is a text, in the format of the stack's settings and of `diff`: `get secrets in namespace
shop`, `* *.apps in every namespace`. It includes the namespace, so an entry does not apply after
the component moves.

Harmless are reading objects without secrets, and writing events and leases. Unknown verbs and
resources need an entry in the stack.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from kong_oam.diagnostics import Findings, some
from kong_oam.oam.position import Fields
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent, NamespacedName, Rules
from kong_oam.objects.pods import mapping, mappings
from kong_oam.objects.texts import with_inner_objects

RBAC = "rbac.authorization.k8s.io"
_ROLES = ("Role", "ClusterRole")
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_READING = frozenset({"get", "list", "watch"})
_WRITING = frozenset({"create", "patch", "update"})
# Readable resources by group. None contains a Secret, token or log, or gives further rights.
_READABLE = {
    "": frozenset(
        {
            "configmaps",
            "endpoints",
            "events",
            "limitranges",
            "namespaces",
            "nodes",
            "persistentvolumeclaims",
            "persistentvolumes",
            "pods",
            "replicationcontrollers",
            "resourcequotas",
            "serviceaccounts",
            "services",
        }
    ),
    "apps": frozenset(
        {
            "controllerrevisions",
            "daemonsets",
            "deployments",
            "replicasets",
            "statefulsets",
        }
    ),
    "autoscaling": frozenset({"horizontalpodautoscalers"}),
    "batch": frozenset({"cronjobs", "jobs"}),
    "coordination.k8s.io": frozenset({"leases"}),
    "discovery.k8s.io": frozenset({"endpointslices"}),
    "events.k8s.io": frozenset({"events"}),
    "metrics.k8s.io": frozenset({"nodes", "pods"}),
    "networking.k8s.io": frozenset(
        {"ingressclasses", "ingresses", "networkpolicies"}
    ),
    "policy": frozenset({"poddisruptionbudgets"}),
    "storage.k8s.io": frozenset({"storageclasses"}),
}
_EVENTS = frozenset({("", "events"), ("events.k8s.io", "events")})
_LEASES = ("coordination.k8s.io", "leases")
# ClusterRoles of every cluster, beside names that start with `system:`. The API server restores
# them.
_OF_KUBERNETES = frozenset({"admin", "cluster-admin", "edit", "view"})
# The ends of label domains that are common, and not for aggregation.
_LABELS_OF_ALL = (".app.kubernetes.io", ".oam.dev")


# The kind, namespace (empty for cluster roles) and name of a role.
_RoleKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Right:
    """A right that an object gives, and whether it is harmless."""

    object: RenderedObject
    text: str
    harmless: bool


def rights_of(
    objects: Iterable[RenderedObject],
    cluster: str | None,
    accounts: Collection[NamespacedName],
) -> list[Right]:
    """Return the rights that a component's objects give in a cluster.

    `cluster` None is the stack's default cluster. `accounts`: namespaces and names of the
    component's own ServiceAccounts.
    """
    of_rbac = [
        rendered for rendered in objects if rendered.group_kind[0] == RBAC
    ]
    rights = []
    of_own_roles = {}
    for rendered in of_rbac:
        if rendered.kind in _ROLES:
            of_role = list(_of_role(rendered))
            rights += of_role
            if _is_its_own(rendered):
                of_own_roles[
                    _role_key(rendered.kind, rendered.namespace, rendered.name)
                ] = of_role
    for rendered in of_rbac:
        if rendered.kind in _BINDINGS:
            rights += _of_binding(rendered, of_own_roles, accounts)
    if cluster is None:
        return rights
    return [
        replace(right, text=f"{right.text} in cluster {cluster}")
        for right in rights
    ]


def rights_refused(component: JudgedComponent, rules: Rules) -> Findings:
    """Yield the objects with rights that are neither harmless nor listed in the stack for the
    component."""
    if not rules.rbac:
        return  # roles are not deployed
    listed = set[str]()
    for entry in rules.rights.get(component.key, ()):
        listed.update(listed_rights(entry))
    objects = with_inner_objects(component.objects)
    unlisted = defaultdict(list)
    for right in rights_of(objects, component.cluster, component.accounts):
        if not right.harmless and right.text not in listed:
            unlisted[id(right.object)].append(right)
    for rights in unlisted.values():
        texts = tuple(dict.fromkeys(right.text for right in rights))
        message = (
            f"it gives rights that may bypass access rules: {some(texts)}; "
            "remove them, or list them in the stack: cluster.rights, "
            f"{component.key}"
        )
        finding = component.refused("ACC251", rights[0].object, message)
        if some(texts) != ", ".join(texts):
            # The message has a few rights, the details have all.
            finding = replace(finding, details=(*finding.details, *texts))
        yield finding


def listed_rights(entry: str) -> list[str]:
    """Return the rights in an entry of the stack: `get,list secrets` are two."""
    verbs, space, rest = entry.partition(" ")
    return [f"{verb}{space}{rest}" for verb in verbs.split(",")]


def _of_role(rendered: RenderedObject) -> Iterator[Right]:
    is_cluster = rendered.kind == "ClusterRole"
    where = _where(rendered, is_cluster=is_cluster)
    all_harmless = True
    for rule in mappings(rendered.object.get("rules")):
        for text, harmless in _of_rule(rule, is_cluster=is_cluster):
            all_harmless = all_harmless and harmless
            yield Right(rendered, text + where, harmless)
    if not is_cluster:
        return
    if rendered.name in _OF_KUBERNETES or rendered.name.startswith("system:"):
        yield Right(
            rendered, f"change ClusterRole {rendered.name}", harmless=False
        )
    if rendered.object.get("aggregationRule"):
        yield Right(
            rendered, f"aggregate ClusterRole {rendered.name}", harmless=False
        )
    if all_harmless:
        return
    for label in mapping(rendered.metadata.get("labels")):
        domain = str(label).partition("/")[0]
        if not f".{domain}".endswith(_LABELS_OF_ALL):
            # Another ClusterRole may aggregate this role by the label, for its own subjects.
            yield Right(
                rendered,
                f"label ClusterRole {rendered.name} {label}",
                harmless=False,
            )


def _where(rendered: RenderedObject, *, is_cluster: bool) -> str:
    """Return the scope of an object's rights."""
    return (
        " in every namespace"
        if is_cluster
        else f" in namespace {rendered.namespace}"
    )


def _of_rule(rule: Fields, *, is_cluster: bool) -> Iterator[tuple[str, bool]]:
    verbs = _texts(rule.get("verbs"))
    for verb, path in product(verbs, _texts(rule.get("nonResourceURLs"))):
        yield f"{verb} {path}", False
    groups = _texts(rule.get("apiGroups")) or [""]
    names = _texts(rule.get("resourceNames"))
    for verb, group, resource in product(
        verbs, groups, _texts(rule.get("resources"))
    ):
        harmless = _is_harmless(verb, group, resource, is_cluster=is_cluster)
        base, slash, subresource = resource.partition("/")
        dotted_group = f".{group}" if group else ""
        text = f"{verb} {base}{dotted_group}{slash}{subresource}"
        if not names:
            yield text, harmless
        for name in names:
            yield f"{text} named {name}", harmless


def _is_harmless(
    verb: str, group: str, resource: str, *, is_cluster: bool
) -> bool:
    if verb in _READING:
        return resource.removesuffix("/status") in _READABLE.get(
            group, frozenset()
        )
    if (group, resource) in _EVENTS:
        return verb in _WRITING
    # Controllers use leases to elect a leader, so only leases of the namespace belong to the
    # component. A right to update a lease already allows taking it; deletion adds nothing.
    return (
        (group, resource) == _LEASES
        and verb in (*_WRITING, "delete")
        and not is_cluster
    )


def _of_binding(
    rendered: RenderedObject,
    of_own_roles: Mapping[_RoleKey, list[Right]],
    accounts: Collection[NamespacedName],
) -> Iterator[Right]:
    role = mapping(rendered.object.get("roleRef"))
    kind = str(role.get("kind", ""))
    name = str(role.get("name", ""))
    rights = of_own_roles.get(_role_key(kind, rendered.namespace, name))
    opening = [right for right in rights or () if not right.harmless]
    where = _where(rendered, is_cluster=rendered.kind == "ClusterRoleBinding")
    for subject in mappings(rendered.object.get("subjects")):
        who, is_own = _subject(subject, rendered.namespace, accounts)
        if is_own or not opening:
            text = f"bind {kind} {name} to {who}{where}"
            yield Right(rendered, text, harmless=rights is not None)
            continue
        # The role may change under its name, so list each right with its subject.
        for right in opening:
            place = "" if right.text.endswith(where) else where
            yield Right(
                rendered, f"{right.text} for {who}{place}", harmless=False
            )


def _subject(
    subject: Fields, namespace: str, accounts: Collection[NamespacedName]
) -> tuple[str, bool]:
    """Return a subject in words, and whether it is a ServiceAccount of the component."""
    kind = str(subject.get("kind", ""))
    name = str(subject.get("name", ""))
    if kind != "ServiceAccount":
        return f"{kind} {name}", False
    home = str(subject.get("namespace") or namespace)
    return f"ServiceAccount {home}/{name}", (home, name) in accounts


def _role_key(kind: str, namespace: str, name: str) -> _RoleKey:
    return kind, namespace if kind == "Role" else "", name


def _is_its_own(rendered: RenderedObject) -> bool:
    """Tell whether the role has exactly the rules in this object."""
    return not (rendered.options.read or rendered.options.patch)


def _texts(values: Any) -> list[str]:
    if isinstance(values, str):
        return [values]
    return (
        [str(value) for value in values]
        if isinstance(values, list | tuple)
        else []
    )
