"""The changes that a stack makes to manifests."""

from __future__ import annotations

import pytest

from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import ClusterSettings, StackError
from kong_oam.kubernetes.adapted import (
    answers_outside,
    placed_account,
    placed_service,
    with_source_addresses,
)
from kong_oam.kubernetes.images import mapped_image
from kong_oam.objects.manifests import (
    Exposure,
    GatewayPeer,
    Workload,
    network_policy,
    service_account,
)
from kong_oam.objects.webservice import services

WORKLOAD = Workload(
    "orders",
    "sales",
    "api",
    "webservice",
    {"image": "x"},
    {},
    {},
    (Exposure(None, (8080,)),),
)
PROVIDERS = [{"name": "okta", "type": "okta"}]
SHARED = [
    {
        "name": "corp",
        "type": "oidc",
        "clients": {"a/one": {"id": "x"}, "a/two": {"id": "x"}},
    }
]
INSIDE = {"namespace": "kong", "podLabels": {"app": "kong"}}


def gateway(**settings: object):  # type: ignore[no-untyped-def]
    data = {
        "cloud": "aws",
        "asOf": "2026-01-01",
        "gateway": settings,
        "identityProviders": PROVIDERS,
    }
    return parse("prod", data).gateway


def test_the_clouds_identity_is_an_annotation_of_the_service_account() -> None:
    """The placeholders are the component's names; other braces stay."""
    cluster = ClusterSettings(
        account_annotations={
            "eks.amazonaws.com/role-arn": "r/{stack}-{application}-{component}-{namespace}-{x}"
        }
    )
    account = placed_account(
        service_account(WORKLOAD), "prod", WORKLOAD, cluster
    )
    assert account["metadata"]["annotations"] == {
        "eks.amazonaws.com/role-arn": "r/prod-orders-api-sales-{x}"
    }
    assert placed_account(
        service_account(WORKLOAD), "prod", WORKLOAD, ClusterSettings()
    ) == service_account(WORKLOAD)


def test_services_are_of_the_type_that_the_gateway_reaches_them_by() -> None:
    """ClusterIP inside the cluster, an internal load balancer, or node ports."""
    (service,) = services(WORKLOAD)
    assert placed_service(service, gateway(**INSIDE)) == service
    balanced = placed_service(
        service,
        gateway(
            cidrs=["10.0.0.0/8"],
            reach="loadBalancer",
            serviceAnnotations={"scheme": "internal"},
        ),
    )
    assert (
        balanced["spec"]["type"],
        balanced["spec"]["externalTrafficPolicy"],
    ) == (
        "LoadBalancer",
        "Local",
    )
    assert balanced["metadata"]["annotations"] == {"scheme": "internal"}
    numbered = placed_service(
        service,
        gateway(cidrs=["10.0.0.0/8"], reach="nodePort", nodeAddress="n"),
    )
    assert (
        numbered["spec"]["type"],
        numbered["spec"]["externalTrafficPolicy"],
    ) == (
        "NodePort",
        "Local",
    )


def test_open_services_keep_source_addresses() -> None:
    """The NetworkPolicy filters by address, so open Services without a route keep it too."""
    (service,) = services(WORKLOAD)
    assert not answers_outside(service)
    for kind in ("LoadBalancer", "NodePort"):
        spec = {
            **service["spec"],
            "type": kind,
            "externalTrafficPolicy": "Cluster",
        }
        outside = {**service, "spec": spec}
        assert answers_outside(outside)
        assert with_source_addresses(outside)["spec"] == {
            **spec,
            "externalTrafficPolicy": "Local",
        }


def test_only_the_gateway_may_connect_wherever_it_is() -> None:
    """Its pods, its addresses, or both; nobody without either."""

    def peers(peer: GatewayPeer) -> list[object]:
        return [
            entry
            for rule in network_policy(WORKLOAD, peer, (8080,))["spec"][
                "ingress"
            ]
            for entry in rule["from"]
        ]

    pods = {
        "namespaceSelector": {
            "matchLabels": {"kubernetes.io/metadata.name": "kong"}
        },
        "podSelector": {"matchLabels": {"app": "kong"}},
    }
    block = {"ipBlock": {"cidr": "10.20.0.0/16"}}
    assert peers(GatewayPeer("kong", {"app": "kong"})) == [pods]
    assert peers(GatewayPeer(None, {}, ("10.20.0.0/16",))) == [block]
    assert peers(GatewayPeer("kong", {"app": "kong"}, ("10.20.0.0/16",))) == [
        pods,
        block,
    ]
    assert peers(GatewayPeer(None, {})) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "the gateway's place is missing"),
        ({"namespace": "kong"}, "set namespace and podLabels together"),
        (
            {"cidrs": ["10.0.0.256/32"], "reach": "loadBalancer"},
            "cidrs.0: '10.0.0.256/32' is not a range of addresses",
        ),
        (
            {"cidrs": ["10.0.0.1/32", "10.0.0.0/33"], "reach": "loadBalancer"},
            "cidrs.1: '10.0.0.0/33' is not a range of addresses",
        ),
        ({"cidrs": ["10.0.0.0/8"]}, "set reach to loadBalancer or nodePort"),
        (
            {"cidrs": ["10.0.0.0/8"], "reach": "nodePort"},
            "reach: nodePort needs nodeAddress",
        ),
        (
            {**INSIDE, "reach": "magic"},
            'kong-oam:gateway.reach: "magic" is not one of cluster, loadBalancer, nodePort',
        ),
        ({**INSIDE, "podLabels": {}}, "kong-oam:gateway.podLabels"),
        (
            {**INSIDE, "scheem": "http"},
            "kong-oam:gateway has no setting 'scheem'; did you mean 'scheme'?",
        ),
    ],
)
def test_settings_that_would_open_a_workload_or_mean_nothing_are_refused(
    settings: dict[str, object], message: str
) -> None:
    """The message names the setting and the file."""
    with pytest.raises(StackError) as refused:
        gateway(**settings)
    assert message in str(refused.value)
    assert "correct stacks/Pulumi.prod.yaml" in str(refused.value)


def test_half_of_a_place_is_a_single_problem() -> None:
    """Without the namespace, the place itself counts as given."""
    with pytest.raises(StackError) as refused:
        gateway(podLabels={"app": "kong"})
    assert str(refused.value).splitlines()[1:] == [
        "  kong-oam:gateway: set namespace and podLabels together; otherwise other pods count as "
        "the gateway"
    ]


def test_a_missing_setting_has_a_name() -> None:
    with pytest.raises(StackError) as refused:
        parse("prod", {"cloud": "aws", "identityProviders": [{"name": "a"}]})
    assert sorted(str(refused.value).splitlines()[1:]) == [
        "  kong-oam: needs 'asOf'",
        "  kong-oam: needs 'gateway'",
        "  kong-oam:identityProviders.0 needs 'type'",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"asOf": "2026-02-30"},
            "kong-oam:asOf: 2026-02-30 is not a date; write YYYY-MM-DD",
        ),
        (
            {"identityProviders": PROVIDERS * 2},
            "two have the name 'okta'; rename one",
        ),
        (
            {"identityProviders": [{"name": "main", "type": "okte"}]},
            'kong-oam:identityProviders.0.type: "okte" is not one of entra, keycloak, oidc, okta; '
            "did you mean 'okta'?",
        ),
        ({"identityProviders": []}, "kong-oam:identityProviders"),
        (
            {"identityProviders": SHARED},
            "kong-oam:identityProviders.0.clients.a/two.id: a/one has this id, too",
        ),
        (
            {"cloud": "openstack"},
            'kong-oam:cloud: "openstack" is not one of local, aws, gcp, azure, bare-metal',
        ),
        (
            {"domain": {}},
            "kong-oam: has no setting 'domain'; did you mean 'domains'?",
        ),
        ({"asOf": "yesterday"}, "asOf: .yesterday. does not match"),
    ],
)
def test_other_settings_are_checked_too(
    changes: dict[str, object], message: str
) -> None:
    """Dates, names, and clouds."""
    data = {
        "cloud": "aws",
        "asOf": "2026-01-01",
        "gateway": INSIDE,
        "identityProviders": PROVIDERS,
        **changes,
    }
    with pytest.raises(StackError, match=message):
        parse("prod", data)


@pytest.mark.parametrize(
    "cloud", ["local", "aws", "gcp", "azure", "bare-metal"]
)
def test_a_stack_runs_anywhere(cloud: str) -> None:
    """Every token provider works with every cloud."""
    data = {
        "cloud": cloud,
        "asOf": "2026-01-01",
        "gateway": INSIDE,
        "identityProviders": PROVIDERS,
    }
    assert parse("prod", data).cloud == cloud


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("registry.example.com/orders:1.4", "eu.example.net/acme/orders:1.4"),
        (
            "registry.example.com/team/orders@sha256:00",
            "team.example.net/orders@sha256:00",
        ),
        ("registry.example.com:5000/orders", "eu.example.net/acme:5000/orders"),
        (
            "registry.example.community/orders",
            "registry.example.community/orders",
        ),
        ("crccheck/hello-world", "crccheck/hello-world"),
    ],
)
def test_images_come_from_this_environments_registry(
    image: str, expected: str
) -> None:
    """The longest matching prefix wins, and only whole names match."""
    images = {
        "registry.example.com": "eu.example.net/acme",
        "registry.example.com/team": "team.example.net",
    }
    assert mapped_image(image, images) == expected
