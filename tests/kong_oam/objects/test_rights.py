"""The rights of a component's roles: harmless rights, and rights that the stack must list."""

from __future__ import annotations

from typing import Any

import pytest

from kong_oam.diagnostics import Diagnostic
from kong_oam.objects.component import Rules
from kong_oam.objects.judge import judge
from tests.support.json_object import JsonObject
from tests.support.judged_components import findings, judged_component

RBAC = "rbac.authorization.k8s.io/v1"
ACCOUNT = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": "own"},
}


def role(*rules: JsonObject, kind: str = "Role", **metadata: Any) -> JsonObject:
    return {
        "apiVersion": RBAC,
        "kind": kind,
        "metadata": {"name": "r", **metadata},
        "rules": [*rules],
    }


def rule(
    verbs: str, resources: str, group: str = "", *names: str
) -> JsonObject:
    found = {
        "verbs": verbs.split(),
        "resources": resources.split(),
        "apiGroups": [group],
    }
    return {**found, "resourceNames": [*names]} if names else found


def binding(
    to: str, *subjects: JsonObject, kind: str = "RoleBinding"
) -> JsonObject:
    role_kind, _, name = to.partition(" ")
    reference = {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": role_kind,
        "name": name,
    }
    listed = [*subjects] or [
        {"kind": "ServiceAccount", "name": "own", "namespace": "shop"}
    ]
    return {
        "apiVersion": RBAC,
        "kind": kind,
        "metadata": {"name": "b"},
        "roleRef": reference,
        "subjects": listed,
    }


def refused(*objects: JsonObject, **stack: Any) -> list[str]:
    """The rights that a finding asks to list, for each object."""
    findings = list(
        judge([judged_component(*objects)], Rules(rbac=True, **stack))
    )
    assert all(finding.code == "ACC251" for finding in findings), findings
    return [_rights(finding) for finding in findings]


def _rights(finding: Diagnostic) -> str:
    """All rights of a finding: in its details, or in its message if it has no details."""
    shown = finding.message.partition("rules: ")[2].partition("; remove them")[
        0
    ]
    return ", ".join(finding.details) or shown


READING = rule("get list watch", "pods services configmaps pods/status")
SECRETS = rule("get", "secrets")
GET = "get secrets in namespace shop"


@pytest.mark.parametrize(
    "objects",
    [
        (role(READING),),
        (role(READING, kind="ClusterRole"),),
        (
            role(
                rule("get list", "deployments statefulsets", "apps"),
                rule("create patch", "events"),
            ),
        ),
        (
            role(
                rule(
                    "get create update patch delete",
                    "leases",
                    "coordination.k8s.io",
                )
            ),
        ),
        (role(),),
        (ACCOUNT, role(READING), binding("Role r")),
        (
            ACCOUNT,
            role(READING, kind="ClusterRole"),
            binding("ClusterRole r", kind="ClusterRoleBinding"),
        ),
        (
            role(
                READING,
                kind="ClusterRole",
                labels={"rbac.authorization.k8s.io/aggregate-to-view": "true"},
            ),
        ),
    ],
)
def test_reading_without_secrets_is_harmless(
    objects: tuple[JsonObject, ...],
) -> None:
    assert refused(*objects) == []


POWERS = [
    (rule("get", "secrets", "", "web-client"), "get secrets named web-client"),
    (rule("list", "secrets"), "list secrets"),
    (rule("*", "secrets"), "* secrets"),
    (rule("get", "*"), "get *"),
    (rule("*", "*", "*"), "* *.*"),
    (rule("get", "pods/log"), "get pods/log"),
    (rule("create", "serviceaccounts/token"), "create serviceaccounts/token"),
    (rule("create", "pods/exec pods/attach pods/portforward"), "create pods/exec, create pods/attach, create pods/portforward"),
    (rule("get", "pods/proxy"), "get pods/proxy"),
    (rule("get", "nodes/proxy"), "get nodes/proxy"),
    (rule("update", "pods/ephemeralcontainers"), "update pods/ephemeralcontainers"),
    (rule("create", "pods"), "create pods"),
    (rule("patch", "deployments", "apps"), "patch deployments.apps"),
    (rule("create", "endpoints"), "create endpoints"),
    (rule("escalate bind", "roles", "rbac.authorization.k8s.io"), "escalate roles.rbac.authorization.k8s.io, bind roles.rbac.authorization.k8s.io"),
    (rule("impersonate", "users groups serviceaccounts"), "impersonate users, impersonate groups, impersonate serviceaccounts"),
    (rule("create", "mutatingwebhookconfigurations", "admissionregistration.k8s.io"), "create mutatingwebhookconfigurations.admissionregistration.k8s.io"),
    (rule("approve", "signers", "certificates.k8s.io"), "approve signers.certificates.k8s.io"),
    (rule("get", "externalsecrets", "external-secrets.io"), "get externalsecrets.external-secrets.io"),
    (rule("GET", "pods"), "GET pods"),
    ({"verbs": ["get"], "resources": ["secrets"]}, "get secrets"),
    ({"verbs": "get", "apiGroups": "", "resources": "secrets"}, "get secrets"),
    ({"verbs": ["get"], "nonResourceURLs": ["/logs"]}, "get /logs"),
]  # fmt: skip


@pytest.mark.parametrize(("power", "right"), POWERS)
def test_further_rights_need_entries(power: JsonObject, right: str) -> None:
    """With exactly these rights for this component."""
    listed = [f"{text} in namespace shop" for text in right.split(", ")]
    message = ", ".join(listed)
    assert refused(role(READING, power)) == [message]
    assert refused(role(READING, power), rights={"shop/web": listed}) == []
    assert refused(
        role(READING, power),
        rights={"shop/api": listed, "shop/web": right.split(", ")},
    ) == [message]


@pytest.mark.parametrize(("power", "right"), POWERS)
@pytest.mark.parametrize(
    ("moved", "scope"),
    [
        ({"namespace": "other"}, "in namespace other"),
        ({"cluster": "west"}, "in namespace shop in cluster west"),
        (
            {"namespace": "other", "cluster": "west"},
            "in namespace other in cluster west",
        ),
    ],
)
def test_an_entry_is_for_one_namespace_and_one_cluster(
    power: JsonObject, right: str, moved: dict[str, str], scope: str
) -> None:
    """A moved Application or a changed topology applies rights elsewhere."""
    listed = [f"{text} in namespace shop" for text in right.split(", ")]
    elsewhere = judged_component(role(READING, power), **moved)
    expected = [f"{text} {scope}" for text in right.split(", ")]
    (finding,) = judge(
        [elsewhere], Rules(rbac=True, rights={"shop/web": listed})
    )
    assert _rights(finding) == ", ".join(expected)
    assert (
        findings(
            elsewhere, rbac=True, rights={"shop/web": [*listed, *expected]}
        )
        == []
    )


def test_rights_in_the_whole_cluster_are_listed_as_such() -> None:
    everywhere = role(SECRETS, kind="ClusterRole")
    rights = {"shop/web": ["get secrets in namespace shop"]}
    assert refused(everywhere, rights=rights) == [
        "get secrets in every namespace"
    ]
    assert (
        refused(
            everywhere,
            rights={"shop/web": ["get,list secrets in every namespace"]},
        )
        == []
    )
    lease = rule("update", "leases", "coordination.k8s.io")
    assert refused(role(lease, kind="ClusterRole")) == [
        "update leases.coordination.k8s.io in every namespace"
    ]
    every = rule("deletecollection", "leases", "coordination.k8s.io")
    assert refused(role(every)) == [
        "deletecollection leases.coordination.k8s.io in namespace shop"
    ]
    foreign = role(SECRETS, namespace="other")
    assert refused(foreign, allowed={"other/Namespace": "x"}) == [
        "get secrets in namespace other"
    ]


OTHERS = {"kind": "ServiceAccount", "name": "web", "namespace": "other"}
ANYBODY = {
    "kind": "Group",
    "name": "system:unauthenticated",
    "apiGroup": "rbac.authorization.k8s.io",
}
BINDINGS = [
    ([binding("ClusterRole cluster-admin", kind="ClusterRoleBinding")], "bind ClusterRole cluster-admin to ServiceAccount shop/own in every namespace"),
    ([binding("ClusterRole edit")], "bind ClusterRole edit to ServiceAccount shop/own in namespace shop"),
    ([binding("Role made-by-others")], "bind Role made-by-others to ServiceAccount shop/own in namespace shop"),
    ([role(SECRETS), binding("Role r", ANYBODY)], "get secrets in namespace shop for Group system:unauthenticated"),
    ([role(SECRETS), binding("Role r", OTHERS)], "get secrets in namespace shop for ServiceAccount other/web"),
    ([role(READING, kind="ClusterRole"), binding("Role r")], "bind Role r to ServiceAccount shop/own in namespace shop"),
]  # fmt: skip


@pytest.mark.parametrize(("objects", "right"), BINDINGS)
def test_a_binding_gives_a_role_of_the_component_to_its_own_account(
    objects: list[JsonObject], right: str
) -> None:
    """Other roles, and rights of others, need entries."""
    assert refused(ACCOUNT, *objects, rights={"shop/web": [GET]}) == [right]
    assert refused(ACCOUNT, *objects, rights={"shop/web": [GET, right]}) == []


def test_a_right_moves_to_no_other_holder_with_a_rule() -> None:
    """If the rules of two roles change places, the sets of rights and bindings stay the same."""
    logs = rule("get", "pods/log")
    account, group = (
        binding("Role own"),
        binding("Role r", ANYBODY) | {"metadata": {"name": "c"}},
    )
    scope = "in namespace shop"
    listed = [
        GET,
        f"get pods/log {scope}",
        f"get pods/log {scope} for Group system:unauthenticated",
    ]
    before = ACCOUNT, role(SECRETS, name="own"), role(logs), account, group
    assert refused(*before, rights={"shop/web": listed}) == []
    swapped = ACCOUNT, role(logs, name="own"), role(SECRETS), account, group
    assert refused(*swapped, rights={"shop/web": listed}) == [
        f"{GET} for Group system:unauthenticated"
    ]


def test_a_binding_in_another_namespace_is_listed_as_such() -> None:
    elsewhere = binding("ClusterRole edit")
    elsewhere["metadata"]["namespace"] = "other"
    right = "bind ClusterRole edit to ServiceAccount shop/own in namespace"
    listed = {"shop/web": [f"{right} shop"]}
    assert refused(
        ACCOUNT, elsewhere, allowed={"other/Namespace": "x"}, rights=listed
    ) == [f"{right} other"]


def test_a_message_has_some_rights_and_its_details_all() -> None:
    """So that a user can list all rights, and the message stays short."""
    kinds = [f"{'long' * 12}{number}.example.com" for number in range(40)]
    rules = [
        {"apiGroups": [kind], "resources": ["things"], "verbs": ["get"]}
        for kind in kinds
    ]
    (finding,) = judge([judged_component(role(*rules))], Rules(rbac=True))
    assert (
        f"get things.{kinds[0]} in namespace shop and 39 more; remove them, "
        in finding.message
    )
    assert len(finding.message) <= 300
    assert finding.details == tuple(
        f"get things.{kind} in namespace shop" for kind in kinds
    )


def test_a_harmless_role_may_be_anybodys() -> None:
    assert refused(role(READING), binding("Role r", ANYBODY)) == []


def test_a_cluster_role_is_aggregated_by_no_other() -> None:
    """By a label, others would get its rights; by a selector, it would get theirs."""
    label = "rbac.authorization.k8s.io/aggregate-to-view"
    listed = {"shop/web": ["get secrets in every namespace"]}
    labelled = role(
        SECRETS,
        kind="ClusterRole",
        labels={label: "true", "app.oam.dev/name": "shop"},
    )
    assert refused(labelled, rights=listed) == [f"label ClusterRole r {label}"]
    collecting = {
        **role(kind="ClusterRole"),
        "aggregationRule": {"clusterRoleSelectors": [{}]},
    }
    assert refused(collecting) == ["aggregate ClusterRole r"]


@pytest.mark.parametrize("name", ["cluster-admin", "edit", "system:node"])
def test_no_cluster_role_of_kubernetes_is_the_components_own(name: str) -> None:
    """The API server restores its rules."""
    own = role(kind="ClusterRole", name=name)
    assert refused(own) == [f"change ClusterRole {name}"]
