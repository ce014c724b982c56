"""Which kinds of objects are deployed, and where: by a list of those that are understood. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent, Rules, dotted
from kong_oam.objects.known_kinds import (
    A_WAY_IN,
    INGRESSES,
    MODULE,
    RELEASE,
    ROLES,
    USUAL,
    is_cluster_scoped,
    is_controlled,
    why_never,
)
from kong_oam.objects.pods import mapping
from kong_oam.objects.texts import texts_in

_NO_ROLES = (
    "roles let pods read and change what is in the cluster; take it out, or have the stack say so: "
    "cluster.rbac"
)
_RELEASE_TYPE = "helmchart"

_API = re.compile(
    r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[a-z0-9]([a-z0-9-]*[a-z0-9])?"
)
_KIND = re.compile(r"[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?")


_SECRETS = (
    "writeConnectionSecretToRef",
    "gitCredentialsSecretReference",
    "terraformCredentialsSecretReference",
)
"""The fields by which a controller reads and writes Secrets for an object, in whatever namespace
they name."""

# The inputs of a release that the type `helmchart` has. Others run a program on the machine that
# deploys (`postrender`), or read its files (`valueYamlFiles`, `keyring`, `repositoryOpts.caFile`).
_RELEASE_FIELDS = frozenset(
    {
        "atomic",
        "chart",
        "cleanupOnFail",
        "createNamespace",
        "disableWebhooks",
        "forceUpdate",
        "maxHistory",
        "name",
        "namespace",
        "recreatePods",
        "repositoryOpts",
        "skipAwait",
        "skipCrds",
        "timeout",
        "values",
        "version",
    }
)

_PATCHES = ("patches", "patchesJson6902", "patchesStrategicMerge")

_NAMESPACE = re.compile(r"""\bnamespace"?\s*[=:]\s*"([^"\s]*)\"""")
"""Where a text in HCL, or in JSON, says a namespace."""


def kind_refused(
    component: JudgedComponent, rendered: RenderedObject, rules: Rules
) -> Diagnostic | None:
    """Return what is wrong about the kind of an object: of one that is not understood nothing more
    is judged."""
    message = _not_understood(rendered) or _not_taken(
        component, rendered, rules
    )
    return component.refused("ACC224", rendered, message) if message else None


def namespaces_refused(
    component: JudgedComponent,
    rendered: RenderedObject,
    rules: Rules,
    *,
    pods: bool,
) -> Findings:
    """Yield the namespaces other than its Application's that an object is in, or that it deploys
    to.

    `pods`: whether it has some that are seen. Their fence would be called there as those of other
    Applications are.
    """
    is_namespace = rendered.group_kind == ("", "Namespace")
    for field, namespace in _namespaces(rendered):
        if namespace == component.namespace and not is_namespace:
            continue
        if namespace == rules.gateway_namespace:
            message = (
                f"{field} '{namespace}' is the gateway's own, where whatever runs could pass for "
                "it; take it out"
            )
        elif pods:
            message = (
                f"{field} is '{namespace}', where no NetworkPolicy of this project holds its pods; "
                "take it out"
            )
        elif is_namespace or f"{namespace}/Namespace" in rules.allowed:
            continue
        else:
            message = (
                f"{field} is '{namespace}', and its Application is in '{component.namespace}', "
                "where it is judged; take it out, or have the stack allow it: cluster.allow, "
                f"{namespace}/Namespace"
            )
        yield component.refused("ACC225", rendered, message)


def _not_understood(rendered: RenderedObject) -> str:
    """Say why an object is refused whatever a stack says; empty where it is not."""
    kind = rendered.group_kind
    if not kind[1] or not rendered.api:
        return "it has no apiVersion and kind, so nobody knows what it is; write both"
    if not (_API.fullmatch(rendered.api) and _KIND.fullmatch(kind[1])):
        return (
            f"'{rendered.api}' and '{kind[1]}' are no apiVersion and kind, as apps/v1 and Deployment "
            "are; correct them"
        )
    if reason := why_never(kind, rendered.object):
        return reason
    if rendered.nested and kind in INGRESSES:
        return f"{A_WAY_IN}; take it out"
    return ""


def _not_taken(
    component: JudgedComponent, rendered: RenderedObject, rules: Rules
) -> str:
    """Say why a stack does not take an object; empty where it does."""
    kind = rendered.group_kind
    if kind == RELEASE:
        return _release_message(component, rendered)
    if kind in ROLES:
        return "" if rules.rbac else _NO_ROLES
    full = "/".join(filter(None, kind))
    if kind in USUAL or full in rules.allowed:
        return ""
    return (
        f"nobody here knows what objects of {full} open; take it out, or have the stack allow it, "
        f"with what it may open: cluster.allow, {full}"
    )


def _release_message(
    component: JudgedComponent, rendered: RenderedObject
) -> str:
    if (
        component.type.partition("@")[0] != _RELEASE_TYPE
        or rendered.trait is not None
    ):
        return f"a Helm release is made by the component type {_RELEASE_TYPE} alone; use that"
    spec = mapping(rendered.object.get("spec"))
    more = {*spec} - _RELEASE_FIELDS
    for field in mapping(spec.get("repositoryOpts")):
        if field != "repo":
            more.add(f"repositoryOpts.{field}")
    if more:
        return (
            f"{min(more)} is no field of {_RELEASE_TYPE}, and could run programs where the "
            "stack runs; take it out"
        )
    return ""


def _namespaces(rendered: RenderedObject) -> Iterator[tuple[str, str]]:
    """Yield the namespaces that an object is in or names, each with the field that says it."""
    kind = rendered.group_kind
    if kind == ("", "Namespace"):
        yield "the namespace", rendered.name
    elif not is_cluster_scoped(kind) and (rendered.namespace or kind in USUAL):
        yield "its namespace", rendered.namespace
    spec = mapping(rendered.object.get("spec"))
    names = ["targetNamespace", "storageNamespace"]
    if kind == RELEASE:
        names.append("namespace")
    fields = [(f"spec.{name}", spec.get(name)) for name in names]
    for name in _SECRETS:
        value = mapping(spec.get(name)).get("namespace")
        fields.append((f"spec.{name}.namespace", value))
    for field, namespace in (*fields, *_namespaces_said(rendered)):
        if namespace:
            yield field, str(namespace)


def patches_refused(
    component: JudgedComponent, rendered: RenderedObject
) -> Findings:
    """Yield where an object has its controller change what it makes: pods that are seen here in no
    form."""
    if not is_controlled(rendered):
        return
    for path, holder in rendered.inside:
        if path[:1] != ("spec",) or path[:2] == ("spec", "values"):
            continue
        for field in _PATCHES:
            if holder.get(field):
                at = (*path, field)
                message = (
                    f"{dotted(at)} would change pods and Services that nobody here sees; take it "
                    "out, and write it into the chart's values or the repository"
                )
                yield component.refused("ACC226", rendered, message, at)


def _namespaces_said(rendered: RenderedObject) -> Iterator[tuple[str, str]]:
    """Yield the namespaces that a Configuration names: for its state, or in code that makes
    objects in a cluster."""
    if rendered.group_kind != MODULE:
        return
    for said in texts_in(rendered.object.get("spec"), ("spec",)):
        path = said.path
        text = said.text
        if said.is_key:
            continue
        of_state = path[1:2] == (
            "backend",
        )  # a spec that is no mapping has no fields
        if of_state and path[-1] == "namespace":
            yield dotted(path), text
        elif of_state or "kubernetes" in text:
            for namespace in _NAMESPACE.findall(text):
                yield f"a namespace in {dotted(path)}", namespace
