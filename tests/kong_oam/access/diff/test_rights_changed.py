"""Changes of roles in `diff`: the cluster rights of a component's pods."""

from __future__ import annotations

import pytest

from components.announcement import announcement
from kong_oam.access.diff.change import RIGHTS, Setting, Subject
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.model import AccessModel, empty
from kong_oam.access.diff.snapshot import dump_model, load_model
from tests.support.diffs import settings
from tests.support.rendered import application, compiled

NO_ROLE = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: orders}\n"
)
MAY_GET_PODS = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r, namespace: orders}
rules:
  - {apiGroups: [""], resources: [pods], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: r, namespace: orders}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}
subjects: [{kind: ServiceAccount, name: own, namespace: orders}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: own, namespace: orders}
"""
MAY_LIST_PODS = MAY_GET_PODS.replace("[get]", "[get, list]")

BIND = "bind Role r to ServiceAccount orders/own in namespace orders"
GET = "get pods in namespace orders"
LIST = "list pods in namespace orders"


def with_objects(objects: str) -> AccessModel:
    """Return an estate of one component without a route, with these objects."""
    allowed = [
        "get secrets in namespace orders",
        "get secrets in namespace orders for Group devs",
        "get pods/log in namespace orders",
        "get pods/log in namespace orders for Group devs",
    ]
    on = settings(cluster={"rbac": True, "rights": {"orders/api": allowed}})
    result = compiled(application(objects), stack=on.stack)
    assert result.estate, result.diagnostics
    return model_of(result.estate, on)


@pytest.mark.parametrize(
    ("old", "new", "kind", "was", "now"),
    [
        (NO_ROLE, MAY_GET_PODS, "may widen", [], [BIND, GET]),
        (
            MAY_GET_PODS,
            MAY_LIST_PODS,
            "may widen",
            [BIND, GET],
            [BIND, GET, LIST],
        ),
        (
            MAY_LIST_PODS,
            MAY_GET_PODS,
            "may narrow",
            [BIND, GET, LIST],
            [BIND, GET],
        ),
        (MAY_GET_PODS, NO_ROLE, "may narrow", [BIND, GET], []),
    ],
)
def test_a_role_that_comes_goes_or_changes_is_a_change(
    old: str, new: str, kind: str, was: list[str], now: list[str]
) -> None:
    """This includes a component without routes and clients, and an exported model."""
    change = Setting(kind, Subject("orders/api"), RIGHTS, was, now)
    before = with_objects(old)
    assert diff(before, with_objects(new)) == (change,)
    assert diff(load_model(dump_model(before)), with_objects(new)) == (change,)


def test_a_first_deployment_adds_all_rights() -> None:
    """Before the first deployment there are no rights."""
    rights = with_objects(MAY_GET_PODS)
    change = Setting(
        "may widen", Subject("orders/api"), RIGHTS, [], [BIND, GET]
    )
    assert diff(empty(rights), rights) == (change,)


BOUND_TWICE = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r, namespace: orders}
rules:
  - {apiGroups: [""], resources: [secrets], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: r, namespace: orders}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}
subjects: [{kind: ServiceAccount, name: own, namespace: orders}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: own, namespace: orders}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: s, namespace: orders}
rules:
  - {apiGroups: [""], resources: [pods/log], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: s, namespace: orders}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: s}
subjects: [{kind: Group, name: devs}]
"""


def test_rights_that_get_another_holder_are_a_change() -> None:
    """Two roles exchange names: the sets of rights and of bindings stay equal."""
    swapped = (
        BOUND_TWICE.replace("[secrets]", "[x]")
        .replace("[pods/log]", "[secrets]")
        .replace("[x]", "[pods/log]")
    )
    (change,) = diff(with_objects(BOUND_TWICE), with_objects(swapped))
    assert change == Setting(
        "may widen",
        Subject("orders/api"),
        RIGHTS,
        [
            "get pods/log in namespace orders",
            "get pods/log in namespace orders for Group devs",
            "get secrets in namespace orders",
            "get secrets in namespace orders for ServiceAccount orders/own",
        ],
        [
            "get pods/log in namespace orders",
            "get pods/log in namespace orders for ServiceAccount orders/own",
            "get secrets in namespace orders",
            "get secrets in namespace orders for Group devs",
        ],
    )


def test_the_same_rights_are_no_change() -> None:
    """Not in a preview either: the gates in the state say nothing about components without
    routes."""
    rights = with_objects(MAY_GET_PODS)
    assert diff(rights, rights) == ()
    assert announcement(rights, dump_model(rights), ()) is None
