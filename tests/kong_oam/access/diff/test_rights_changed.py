"""What `diff` says of roles: whose pods may do what else in the cluster."""

from __future__ import annotations

from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.snapshot import (
    AccessModel,
    dump_model,
    empty,
    load_model,
    model_of,
)
from kong_oam.access.diff.wording import row
from tests.support.diffs import settings
from tests.support.rendered import application, compiled

ROLE = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r, namespace: orders}
rules:
  - {apiGroups: [""], resources: [pods], verbs: [VERBS]}
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
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: orders}\n"


IN = "in namespace orders"
LISTED = [
    f"get {of} {IN}{holder}"
    for of in ("secrets", "pods/log")
    for holder in ("", " for Group devs")
]


def with_objects(objects: str) -> AccessModel:
    """An estate of one component without a route, with these objects."""
    on = settings(cluster={"rbac": True, "rights": {"orders/api": LISTED}})
    found = compiled(application(objects), stack=on.stack)
    assert found.estate, found.diagnostics
    return model_of(found.estate, on)


def rows(old: AccessModel, new: AccessModel) -> list[tuple[str, str, str]]:
    found = []
    for change in diff(old, new):
        concerned, _, text, _ = row(change, "https")
        found.append((change.kind, concerned, text))
    return found


BOUND = f"bind Role r to ServiceAccount orders/own {IN}"


def test_a_role_that_comes_or_changes_is_a_row() -> None:
    """Of a component without routes and clients, too; harmless or not."""
    none, get, more = (
        with_objects(CONFIG),
        with_objects(ROLE.replace("VERBS", "get")),
        with_objects(ROLE.replace("VERBS", "get, list")),
    )
    assert rows(none, get) == [
        ("may widen", "pods of orders/api", f"rights: added {BOUND}, get pods {IN}")
    ]
    assert rows(get, more) == [
        ("may widen", "pods of orders/api", f"rights: added list pods {IN}")
    ]
    assert rows(more, get) == [
        ("may narrow", "pods of orders/api", f"rights: removed list pods {IN}")
    ]
    assert rows(get, none) == [
        ("may narrow", "pods of orders/api", f"rights: removed {BOUND}, get pods {IN}")
    ]
    assert rows(get, get) == []


def test_what_a_stack_exports_has_the_rights() -> None:
    """So a run compares with what the run before it deployed; before the first, nobody had any."""
    get, more = (
        with_objects(ROLE.replace("VERBS", "get")),
        with_objects(ROLE.replace("VERBS", "get, list")),
    )
    assert rows(load_model(dump_model(get)), get) == []
    assert rows(load_model(dump_model(get)), more) == [
        ("may widen", "pods of orders/api", f"rights: added list pods {IN}")
    ]
    assert rows(empty(get), get) == [
        ("may widen", "pods of orders/api", f"rights: added {BOUND}, get pods {IN}")
    ]
    without = with_objects(CONFIG)
    assert rows(load_model(dump_model(without)), get) == rows(without, get)


def test_rights_that_get_another_holder_are_a_row() -> None:
    """Two roles change names: the set of rights and that of bindings stay."""
    own = ROLE.replace("VERBS", "get").replace("[pods]", "[secrets]")
    group = (
        ROLE.partition("---\napiVersion: v1\n")[0]
        .replace("VERBS", "get")
        .replace("[pods]", "[pods/log]")
    )
    group = group.replace("{name: r,", "{name: s,").replace("name: r}", "name: s}")
    group = group.replace(
        "{kind: ServiceAccount, name: own, namespace: orders}",
        "{kind: Group, name: devs}",
    )
    before = f"{own}---{group}"
    after = (
        before.replace("[secrets]", "[x]")
        .replace("[pods/log]", "[secrets]")
        .replace("[x]", "[pods/log]")
    )
    (found,) = rows(with_objects(before), with_objects(after))
    assert found[0] == "may widen" and f"get secrets {IN} for Group devs" in found[2]
