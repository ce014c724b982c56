"""Check the kinds and namespaces of objects against a list of known kinds. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent, Rules, dotted
from kong_oam.objects.known_kinds import (
    BYPASS,
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
    "roles let pods read and change objects in the cluster; remove it, or "
    "allow roles in the stack: cluster.rbac"
)
_RELEASE_TYPE = "helmchart"

_API = re.compile(
    r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[a-z0-9]([a-z0-9-]*[a-z0-9])?"
)
_KIND = re.compile(r"[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?")


# The fields that name Secrets for a controller, in any namespace.
_SECRETS = (
    "writeConnectionSecretToRef",
    "gitCredentialsSecretReference",
    "terraformCredentialsSecretReference",
)

# The fields of a release that the type `helmchart` has. Other fields run a program on the deploying
# machine (`postrender`), or read its files (`valueYamlFiles`, `keyring`, `repositoryOpts.caFile`).
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

# A namespace in HCL or JSON.
_NAMESPACE = re.compile(r"""\bnamespace"?\s*[=:]\s*"([^"\s]*)\"""")


def kind_refused(
    component: JudgedComponent, rendered: RenderedObject, rules: Rules
) -> Diagnostic | None:
    """Return the finding about an object's kind. Unknown kinds get no further checks."""
    message = _not_understood(rendered) or _not_allowed(
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
    """Yield findings about namespaces of an object, or of its controller's objects, outside its
    Application's namespace.

    `pods`: whether it has pod templates. In another namespace their NetworkPolicy could collide
    with another Application's.
    """
    is_namespace = rendered.group_kind == ("", "Namespace")
    for field, namespace in _namespaces(rendered):
        if namespace == component.namespace and not is_namespace:
            continue
        if namespace == rules.gateway_namespace:
            message = (
                f"{field} '{namespace}' is the gateway's own, whose pods can "
                "reach every component; remove it"
            )
        elif pods:
            message = (
                f"{field} is '{namespace}', where no NetworkPolicy controls its "
                "pods; remove it"
            )
        elif is_namespace or f"{namespace}/Namespace" in rules.allowed:
            continue
        else:
            message = (
                f"{field} is '{namespace}', but its Application is in "
                f"'{component.namespace}'; remove it, or allow it in the "
                f"stack: cluster.allow, {namespace}/Namespace"
            )
        yield component.refused("ACC225", rendered, message)


def _not_understood(rendered: RenderedObject) -> str:
    """Return why an object can never be deployed; empty if it can."""
    kind = rendered.group_kind
    if not kind[1] or not rendered.api:
        return "its apiVersion or kind is missing; write both"
    if not (_API.fullmatch(rendered.api) and _KIND.fullmatch(kind[1])):
        return (
            f"'{rendered.api}' and '{kind[1]}' are no valid apiVersion and "
            "kind; write them like apps/v1 and Deployment"
        )
    if reason := why_never(kind, rendered.object):
        return reason
    if rendered.nested and kind in INGRESSES:
        return f"{BYPASS}; remove it"
    return ""


def _not_allowed(
    component: JudgedComponent, rendered: RenderedObject, rules: Rules
) -> str:
    """Return why a stack does not allow an object; empty if it does."""
    kind = rendered.group_kind
    if kind == RELEASE:
        return _release_message(component, rendered)
    if kind in ROLES:
        return "" if rules.rbac else _NO_ROLES
    full = "/".join(filter(None, kind))
    if kind in USUAL or full in rules.allowed:
        return ""
    return (
        f"objects of {full} may bypass access rules; remove it, or allow it in "
        f"the stack, with its risk: cluster.allow, {full}"
    )


def _release_message(
    component: JudgedComponent, rendered: RenderedObject
) -> str:
    if (
        component.type.partition("@")[0] != _RELEASE_TYPE
        or rendered.trait is not None
    ):
        return (
            f"only the component type {_RELEASE_TYPE} creates a Helm release; "
            "use that type"
        )
    spec = rendered.spec
    more = {*spec} - _RELEASE_FIELDS
    for field in mapping(spec.get("repositoryOpts")):
        if field != "repo":
            more.add(f"repositoryOpts.{field}")
    if more:
        return (
            f"{min(more)} is no field of {_RELEASE_TYPE}, and could run "
            "programs on the deploying machine; remove it"
        )
    return ""


def _namespaces(rendered: RenderedObject) -> Iterator[tuple[str, str]]:
    """Yield the namespaces of an object, each with its field."""
    kind = rendered.group_kind
    if kind == ("", "Namespace"):
        yield "the namespace", rendered.name
    elif not is_cluster_scoped(kind) and (rendered.namespace or kind in USUAL):
        yield "its namespace", rendered.namespace
    spec = rendered.spec
    names = ["targetNamespace", "storageNamespace"]
    if kind == RELEASE:
        names.append("namespace")
    for name in names:
        if namespace := spec.get(name):
            yield f"spec.{name}", str(namespace)
    for name in _SECRETS:
        if namespace := mapping(spec.get(name)).get("namespace"):
            yield f"spec.{name}.namespace", str(namespace)
    for field, named in _configured_namespaces(rendered):
        if named:
            yield field, named


def patches_refused(
    component: JudgedComponent, rendered: RenderedObject
) -> Findings:
    """Yield patches with which a controller changes pods that the checks do not see."""
    if not is_controlled(rendered):
        return
    for path, holder in rendered.inside:
        if path[:1] != ("spec",) or path[:2] == ("spec", "values"):
            continue
        for field in _PATCHES:
            if holder.get(field):
                at = (*path, field)
                message = (
                    f"{dotted(at)} changes pods and Services that the checks "
                    "do not see; remove it, and change the chart's values or "
                    "the repository"
                )
                yield component.refused("ACC226", rendered, message, at)


def _configured_namespaces(
    rendered: RenderedObject,
) -> Iterator[tuple[str, str]]:
    """Yield the namespaces in a Configuration: of its state, or in code that creates objects in a
    cluster."""
    if rendered.group_kind != MODULE:
        return
    for found in texts_in(rendered.object.get("spec"), ("spec",)):
        path = found.path
        text = found.text
        if found.is_key:
            continue
        of_state = path[1:2] == ("backend",)  # only a mapping has fields
        if of_state and path[-1] == "namespace":
            yield dotted(path), text
        elif of_state or "kubernetes" in text:
            for namespace in _NAMESPACE.findall(text):
                yield f"a namespace in {dotted(path)}", namespace
