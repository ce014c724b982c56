"""Cluster settings that change the meaning of Applications: kinds, roles and the version."""

from __future__ import annotations

from typing import Any

import pytest

from kong_oam.access.diff.change import Setting
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.settings.values import Settings, StackError
from tests.support.diffs import API, SHOP, model, settings
from tests.support.json_object import JsonObject

OPENS = "opens ports of the node"


def settings_with(**cluster: Any) -> Settings:
    return settings(cluster=cluster)


def test_a_stack_says_which_kinds_and_which_version() -> None:
    types = ["NodePort", "LoadBalancer"]
    stack = settings_with(
        allow={"apps.kruise.io/CloneSet": "pods", "Node": OPENS},
        rbac=True,
        serviceTypes=types,
        version="1.31",
    ).stack
    assert stack.service_types == ("NodePort", "LoadBalancer")
    assert (stack.allowed, stack.rbac, stack.minor) == (
        {"apps.kruise.io/CloneSet": "pods", "Node": OPENS},
        True,
        31,
    )


@pytest.mark.parametrize("name", ["prod-", "_prod", "p" * 64])
def test_a_stack_whose_name_cannot_be_a_label_is_refused(name: str) -> None:
    """Every object has the name as a label. The cluster would reject all of them, after the changes
    in Kong."""
    with pytest.raises(
        StackError,
        match=r"cannot be a label of objects\. Name the stack with at most 63 letters",
    ):
        settings(name)
    assert settings("P.rod_1-" + "p" * 55).stack.name.startswith("P.rod")


def test_a_stack_that_says_nothing_has_a_version_all_the_same() -> None:
    """Without a version, a definition that asks for it would choose removed APIs."""
    stack = settings().stack
    assert (stack.allowed, stack.rbac, stack.service_types, stack.minor) == (
        {},
        False,
        (),
        30,
    )


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        ({"version": 1.3}, 'cluster.version: 1.3 is not a version of Kubernetes; write it in quotes, as "1.30"'),
        ({"version": "1.30.2"}, "is not a version of Kubernetes"),
        ({"allow": {"Node": "x", "networking.k8s.io/NetworkPolicy": "x"}}, "kong-oam:cluster.allow.networking.k8s.io/NetworkPolicy: no stack may allow this kind: network policies add up"),
        ({"allow": {"configuration.konghq.com/KongPlugin": "x"}}, "KongPlugin: no stack may allow this kind: it would open a path past the gateway"),
        ({"contexts": {"local": "c"}, "context": "d"}, "kong-oam:cluster.contexts"),
        ({"contexts": {"west": "c"}}, "kong-oam:cluster.contexts: with further clusters, set cluster.context, too"),
        (
            {"contexts": {"west": "c"}, "context": "c"},
            "kong-oam:cluster.contexts.west: 'c' is also cluster.context; name another context",
        ),
        (
            {"contexts": {"east": "c", "west": "c"}, "context": "d"},
            "kong-oam:cluster.contexts.west: 'c' is also cluster.contexts.east; name another context",
        ),
        (
            {"contexts": {"west": {"context": "c"}, "east": "c"}, "context": "d"},
            "kong-oam:cluster.contexts.east: 'c' is also cluster.contexts.west; name another context",
        ),
        ({"metadata": {"konghq.com/plugins": "x"}}, "cluster.metadata.konghq.com/plugins: no stack may set this key: Kong's own"),
        ({"metadata": {"pulumi.com": "x"}}, "cluster.metadata.pulumi.com: no stack may set this key: the engine would deploy"),
    ],
)  # fmt: skip
def test_what_is_none_of_these_is_refused(
    cluster: JsonObject, message: str
) -> None:
    with pytest.raises(StackError) as refused:
        settings_with(**cluster)
    assert message in str(refused.value)


def test_what_is_allowed_by_its_name_is_in_no_group() -> None:
    allow = {
        "csi.tailscale.com/CSIDriver": "x",
        "shop/Namespace": "x",
        "gvisor/RuntimeClass": "x",
    }
    assert settings_with(allow=allow).stack.allowed == allow


def test_a_kind_may_have_small_letters() -> None:
    """As the kind of Zalando's operator. The core group has no such kind."""
    stack = settings_with(
        allow={"acid.zalan.do/postgresql": "x"},
        operatorLabels={"acid.zalan.do/postgresql": "cluster-name"},
    ).stack
    assert stack.allowed == {"acid.zalan.do/postgresql": "x"}
    with pytest.raises(StackError, match=r"cluster\.allow"):
        settings_with(allow={"node": "x"})
    with pytest.raises(StackError, match="no stack may allow this kind"):
        settings_with(allow={"networking.istio.io/virtualservice": "x"})


def test_a_stack_names_further_clusters() -> None:
    """The stack also knows whether the gateway has addresses, and providers of ServiceAccount tokens."""
    entra = {
        "type": "entra",
        "name": "main",
        "clusterIssuer": "https://oidc.example.com",
    }
    found = settings_with(context="here", contexts={"west": "prod-west"})
    assert (
        found.stack.clusters,
        found.stack.addressed,
        found.stack.federated,
    ) == (
        {"west"},
        True,
        frozenset(),
    )
    assert [found.cluster.context_of(name) for name in (None, "west")] == [
        "here",
        "prod-west",
    ]
    assert (settings().stack.clusters, settings().cluster.context_of(None)) == (
        frozenset(),
        None,
    )
    inside = {"namespace": "kong", "podLabels": {"app": "kong"}}
    found = settings(
        providers=[entra, {"type": "okta", "name": "other"}], gateway=inside
    )
    assert (found.stack.addressed, found.stack.federated) == (False, {"main"})


def test_a_further_cluster_may_have_labels() -> None:
    found = settings_with(
        context="here",
        contexts={
            "west": {"context": "c", "labels": {"region": "w"}},
            "east": {"context": "d"},
            "far": "e",
        },
    )
    assert (found.stack.clusters, found.stack.labels) == (
        {"west", "east", "far"},
        {"west": {"region": "w"}, "east": {}, "far": {}},
    )
    names = ("west", "east", "far")
    assert [found.cluster.context_of(name) for name in names] == ["c", "d", "e"]


def test_a_credential_that_comes_to_lie_in_more_places_is_told() -> None:
    """The change is named by the client's component. Its workload has not changed."""

    def spread(clusters: str) -> AccessModel:
        policy = f"  policies:\n    - {{type: topology, properties: {{clusters: {clusters}}}}}\n"
        return model(
            API,
            SHOP.rstrip() + "\n" + policy,
            on=settings_with(context="c", contexts={"west": "d"}),
        )

    changes = diff(spread("[local]"), spread("[local, west]"))
    found = [change for change in changes if isinstance(change, Setting)]
    assert len(changes) == len(found)
    assert [
        (change.of.component, change.name, change.kind, change.was, change.now)
        for change in found
    ] == [
        ("shop/checkout", "namespace", "may widen", "shop", "shop, west/shop"),
        ("shop/web", "namespace", "may widen", "shop", "shop, west/shop"),
    ]
