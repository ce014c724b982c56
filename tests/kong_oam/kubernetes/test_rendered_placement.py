"""Additions to objects that definitions render."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from kong_oam.access.compile.objects import _added_objects
from kong_oam.access.model import Exposure
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import Settings
from kong_oam.kubernetes.estate import foundations, objects_of
from kong_oam.kubernetes.rendered import (
    PlacedObject,
    PlacedObjects,
    account_of,
    placed_objects,
)
from kong_oam.oam.rendered import Options
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.known_kinds import is_custom
from kong_oam.objects.pods import Manifest
from kong_oam.objects.selection import NamedService
from tests.support import small_stacks
from tests.support.components import with_fields
from tests.support.rendered_components import (
    OBJECTS,
    component,
    estate_of,
    rendered_object,
)

PODS = {"app.oam.dev/name": "orders", "app.oam.dev/component": "api"}
POD = "{containers: [{name: one, image: registry.example.com/one:1}], initContainers: [{name: zero, image: x}]}"
TEMPLATE = f"{{metadata: {{labels: {{app: one}}}}, spec: {POD}}}"


def settings(**fields: Any) -> Settings:
    data = {
        "images": {"registry.example.com": "eu.example.net/acme"},
        "cluster": {
            "imagePullSecrets": ["ecr"],
            "serviceAccountAnnotations": {"role": "{application}-{component}"},
        },
    }
    return parse("prod", {**small_stacks.SETTINGS, **data, **fields})


def placed(
    text: str = OBJECTS,
    *,
    client: bool = True,
    ports: tuple[int, ...] = (80,),
    **fields: Any,
) -> PlacedObjects:
    return placed_objects(
        *component(text, client=client, ports=ports), settings(**fields)
    )


def manifests_of(placed: PlacedObjects) -> dict[str, Manifest]:
    return {entry.name: entry.manifest for entry in placed.objects}


def document(kind: str, spec: str, api: str = "v1", **metadata: str) -> str:
    about = {"name": "one", "namespace": "orders", **metadata}
    return f"apiVersion: {api}\nkind: {kind}\nmetadata: {about}\nspec: {spec}\n"


def test_what_is_deployed_has_the_names_that_a_plain_component_has() -> None:
    """So a further trait changes the component's objects without duplicates. No Ingress is
    deployed."""
    assert list(manifests_of(placed())) == [
        "orders/api/statefulset/api",
        "orders/api-service-api",
        "orders/api/configmap/api",
        "orders/api-account",
        "orders/api-ingress",
    ]
    deployment = document(
        "Deployment", f"{{template: {TEMPLATE}}}", "apps/v1", name="other"
    )
    account = "---\n" + document("ServiceAccount", "{}", name="api")
    assert list(manifests_of(placed(deployment + account, ports=()))) == [
        "orders/api-deployment",
        "orders/api-account",
        "orders/api-ingress",
    ]
    elsewhere = (
        document("ConfigMap", "{}")
        + "---\n"
        + document("ConfigMap", "{}", namespace="other")
    )
    names = ["orders/api/configmap/one", "orders/api/configmap/other/one"]
    assert list(manifests_of(placed(elsewhere, ports=()))) == names


def test_all_containers_have_images_and_credential_of_this_stack() -> None:
    """Init containers and sidecars too. Their existing values stay, and their own variables win."""
    spec = manifests_of(placed())["orders/api/statefulset/api"]["spec"][
        "template"
    ]["spec"]
    secret = {"secretRef": {"name": "api-client"}}
    first, sidecar = spec["containers"]
    assert (
        first["image"] == "eu.example.net/acme/api:1"
        and sidecar["image"] == "crccheck/hello-world"
    )
    assert spec["initContainers"] == [
        {
            "name": "first",
            "image": "eu.example.net/acme/first:1",
            "envFrom": [secret],
        }
    ]
    assert first["envFrom"] == [
        secret,
        {"configMapRef": {"name": "api"}},
    ] and sidecar["envFrom"] == [secret]
    assert spec["imagePullSecrets"] == [{"name": "mine"}, {"name": "ecr"}]
    spec = manifests_of(placed(client=False))["orders/api/statefulset/api"][
        "spec"
    ]["template"]["spec"]
    assert "envFrom" not in spec["containers"][1]
    volume = "{volumes: [{name: a, image: {reference: registry.example.com/data}}], containers: []}"
    mounted = manifests_of(placed(document("Pod", volume), ports=()))[
        "orders/api/pod/one"
    ]["spec"]["volumes"]
    assert mounted == [
        {"name": "a", "image": {"reference": "eu.example.net/acme/data"}}
    ]


def test_duplicates_that_an_apply_rejects_are_merged() -> None:
    """Variables (the last one wins, as in pods), ports, pull secrets."""
    (first, _) = manifests_of(placed())["orders/api/statefulset/api"]["spec"][
        "template"
    ]["spec"]["containers"]
    assert first["env"] == [{"name": "A", "value": "two"}]
    assert first["ports"] == [
        {"name": "web", "containerPort": 8080},
        {"name": "admin", "containerPort": 9000},
    ]


KINDS = {
    "Deployment": (
        document("Deployment", f"{{template: {TEMPLATE}}}", "apps/v1"),
        ("spec", "template"),
    ),
    "StatefulSet": (
        document("StatefulSet", f"{{template: {TEMPLATE}}}", "apps/v1"),
        ("spec", "template"),
    ),
    "DaemonSet": (
        document("DaemonSet", f"{{template: {TEMPLATE}}}", "apps/v1"),
        ("spec", "template"),
    ),
    "Job": (
        document("Job", f"{{template: {TEMPLATE}}}", "batch/v1"),
        ("spec", "template"),
    ),
    "CronJob": (
        document(
            "CronJob",
            f"{{jobTemplate: {{spec: {{template: {TEMPLATE}}}}}}}",
            "batch/v1",
        ),
        ("spec", "jobTemplate", "spec", "template"),
    ),
    "Pod": (document("Pod", POD), ()),
    "Rollout": (
        document("Rollout", f"{{pods: {TEMPLATE}}}", "argoproj.io/v1alpha1"),
        ("spec", "pods"),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_all_pods_get_labels_network_policy_and_identity(
    kind: str,
) -> None:
    """At every template path, including the path in the definition of a custom kind."""
    text, path = KINDS[kind]
    application, whole = component(text, ports=())
    whole = with_fields(
        whole,
        rendered=(
            rendered_object(
                yaml.safe_load(text), pod_spec_path=".".join((*path, "spec"))
            ),
        ),
    )
    found = {
        part.manifest["kind"]: part.manifest
        for part in placed_objects(application, whole, settings()).objects
    }
    assert set(found) == {kind, "ServiceAccount", "NetworkPolicy"}
    template = found[kind]
    for step in path:
        template = template[step]
    assert PODS.items() <= template["metadata"]["labels"].items()
    assert template["spec"]["serviceAccountName"] == "api"
    assert (
        template["spec"]["containers"][0]["image"]
        == "eu.example.net/acme/one:1"
    )
    assert all(
        "envFrom" in container
        for container in [
            *template["spec"]["containers"],
            *template["spec"]["initContainers"],
        ]
    )
    assert found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == PODS
    assert found["NetworkPolicy"]["spec"]["ingress"] == []
    assert found["ServiceAccount"]["metadata"]["annotations"] == {
        "role": "orders-api"
    }


def test_the_network_policy_opens_the_services_ports() -> None:
    """By the number of a target port, by its name in the containers, or by the port itself."""

    def ports(*reached: int, text: str = OBJECTS) -> list[int]:
        network_policy = manifests_of(placed(text, ports=reached))[
            "orders/api-ingress"
        ]
        return [
            port["port"]
            for rule in network_policy["spec"]["ingress"]
            for port in rule["ports"]
        ]

    assert ports() == []
    assert ports(80) == [8080]
    assert ports(80, 81) == [8080, 9000]
    assert ports(80, text=OBJECTS.replace(", targetPort: web", "")) == [80]
    assert ports(
        80, text=OBJECTS.replace("targetPort: web", "targetPort: 8080.0")
    ) == [8080]
    assert (
        ports(80, text=OBJECTS.replace("targetPort: web", "targetPort: nobody"))
        == []
    )
    assert ports(
        80,
        text=OBJECTS.replace(
            "selector: {app: api}, ports",
            "clusterIP: None, selector: {app: api}, ports",
        ),
    ) == [80]
    assert (
        ports(
            80,
            text=OBJECTS.replace(
                "selector: {app: api}, ports", "selector: {app: b}, ports"
            ),
        )
        == []
    )
    assert (
        ports(
            80, text=OBJECTS.replace("{port: 80,", "{port: 80, protocol: UDP,")
        )
        == []
    )


def test_pods_in_another_namespace_have_a_network_policy_there() -> None:
    """Each namespace has its own ServiceAccount and NetworkPolicy."""
    found = placed(
        KINDS["Pod"][0].replace(
            "'namespace': 'orders'", "'namespace': 'other'"
        ),
        ports=(),
    ).objects
    added = {
        part.name: part.manifest["metadata"]["namespace"]
        for part in found
        if not part.rendered
    }
    assert added == {
        "orders/api-account/other": "other",
        "orders/api-ingress/other": "other",
    }


@pytest.mark.parametrize(
    ("options", "is_ours", "is_created"),
    [
        (Options(), True, True),
        (Options(take_over=True), True, False),
        (Options(read=True), False, False),
        (Options(patch=True), False, False),
    ],
)
def test_foreign_objects_are_not_verified(
    options: Options, is_ours: bool, is_created: bool
) -> None:
    """It is not removed either, even if the state does not know it."""
    found = PlacedObject(
        "name",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}},
        options=options,
    )
    assert (found.is_ours, found.is_created) == (is_ours, is_created)


def test_a_namespace_that_is_only_read_is_not_verified() -> None:
    """Like every object that a rule leaves to another owner."""
    application, whole = component(
        "{apiVersion: v1, kind: Namespace, metadata: {name: more}}",
        client=False,
        ports=(),
    )
    (namespace,) = whole.workload.rendered or ()
    read = with_fields(
        whole, rendered=(replace(namespace, options=Options(read=True)),)
    )
    assert (
        list(
            objects_of(
                estate_of(replace(application, components=(read,))), settings()
            )
        )
        == []
    )


def test_kept_pods_keep_their_network_policy() -> None:
    """If a rule keeps them after their component. A ConfigMap needs no NetworkPolicy."""
    application, whole = component()
    for kind, retained in (("StatefulSet", True), ("ConfigMap", False)):
        rendered = tuple(
            replace(
                rendered,
                options=Options(retain_on_delete=rendered.kind == kind),
            )
            for rendered in whole.workload.rendered or ()
        )
        found = placed_objects(
            application, with_fields(whole, rendered=rendered), settings()
        ).objects
        assert [
            entry.options.retain_on_delete
            for entry in found
            if not entry.rendered
        ] == [
            retained,
            retained,
        ]


@pytest.mark.parametrize("name", ["api", "orders.StatefulSet.Api"])
def test_read_pods_keep_their_network_policy(name: str) -> None:
    """They may belong to an earlier version that still runs, so only the gateway may call them.
    They get nothing else, and their NetworkPolicy has its own name."""
    application, whole = component(client=False, ports=())
    rendered = tuple(
        replace(rendered, options=Options(read=bool(component_pods(rendered))))
        for rendered in whole.workload.rendered or ()
    )
    read = with_fields(whole, name=name, rendered=rendered)
    (network_policy,) = (
        entry
        for entry in placed_objects(application, read, settings()).objects
        if not entry.rendered
    )
    assert (network_policy.name, network_policy.options) == (
        f"orders/{name}-ingress",
        Options(retain_on_delete=True),
    )
    assert (
        network_policy.manifest["metadata"]["name"]
        == f"{name.lower()}-read-only"
    )
    assert network_policy.manifest["spec"]["podSelector"]["matchLabels"] == {
        **PODS,
        "app.oam.dev/component": name,
    }
    assert network_policy.manifest["spec"]["ingress"] == []
    assert [*_added_objects(read, client=False)] == [
        ("NetworkPolicy", f"{name.lower()}-read-only")
    ]


def test_read_pods_share_the_network_policy() -> None:
    """The NetworkPolicy is the same without read pods."""
    further_object = "---\n" + document("Pod", POD)
    application, whole = component(
        OBJECTS + further_object, client=False, ports=()
    )
    rendered = tuple(
        replace(rendered, options=Options(read=rendered.kind == "Pod"))
        for rendered in whole.workload.rendered or ()
    )
    with_pod = with_fields(whole, rendered=rendered)
    added = [
        entry
        for entry in placed_objects(application, with_pod, settings()).objects
        if not entry.rendered
    ]
    assert [entry.manifest["metadata"]["name"] for entry in added] == [
        "api",
        "api",
    ]
    assert [*_added_objects(with_pod, client=False)] == [
        ("NetworkPolicy", "api"),
        ("ServiceAccount", "api"),
    ]


def test_pods_run_as_an_account_of_their_own_component_alone() -> None:
    """A rendered account gets the cloud's identity. Accounts of others, and the namespace's default
    account, are replaced."""
    text = document(
        "Deployment",
        f"{{template: {TEMPLATE.replace('spec: {', 'spec: {serviceAccountName: robot, ')}}}",
        "apps/v1",
    )
    rendered = text + "---\n" + document("ServiceAccount", "{}", name="robot")
    found = manifests_of(placed(rendered, ports=()))
    assert "orders/api-account" not in found
    assert found["orders/api/serviceaccount/robot"]["metadata"][
        "annotations"
    ] == {"role": "orders-api"}
    spec = found["orders/api-deployment"]["spec"]["template"]["spec"]
    assert (
        spec["serviceAccountName"] == "robot"
        and "automountServiceAccountToken" not in spec
    )
    assert account_of(component(rendered)[1]) == "robot"
    foreign = manifests_of(placed(text, ports=()))
    assert (
        foreign["orders/api-deployment"]["spec"]["template"]["spec"][
            "serviceAccountName"
        ]
        == "api"
    )
    assert (
        foreign["orders/api-account"]["automountServiceAccountToken"] is False
    )
    assert account_of(component(text)[1]) == "api"
    # A pod without an account gets no rights of an account with its name.
    named = manifests_of(
        placed(
            KINDS["Pod"][0]
            + "---\n"
            + document("ServiceAccount", "{}", name="api"),
            ports=(),
        )
    )
    assert (
        named["orders/api/pod/one"]["spec"]["automountServiceAccountToken"]
        is False
    )


@pytest.mark.parametrize(
    ("spec", "namespace"),
    [
        ("{path: ./}", "orders"),
        ("{targetNamespace: ''}", "orders"),
        ("{targetNamespace: allowed}", "allowed"),
    ],
)
def test_a_repository_is_applied_in_one_namespace(
    spec: str, namespace: str
) -> None:
    """Otherwise each of its objects could choose a namespace."""
    kind = document("Kustomization", spec, "kustomize.toolkit.fluxcd.io/v1")
    (manifest,) = manifests_of(placed(kind, client=False, ports=())).values()
    assert manifest["spec"] == {
        **yaml.safe_load(spec),
        "targetNamespace": namespace,
    }


def test_services_are_of_the_type_that_the_gateway_reaches_them_by() -> None:
    """Only Services with routes. No annotation configures an ingress controller past the gateway."""
    numbered = {
        "cidrs": ["10.0.0.0/8"],
        "reach": "nodePort",
        "nodeAddress": "n",
    }
    service = manifests_of(placed(gateway=numbered))["orders/api-service-api"]
    assert service["spec"]["type"] == "NodePort"
    assert service["metadata"]["annotations"] == {"note": "kept"}
    assert (
        "type"
        not in manifests_of(placed(ports=(), gateway=numbered))[
            "orders/api-service-api"
        ]["spec"]
    )


def test_two_services_of_one_name_are_one() -> None:
    """With the ports of both; the first entry of a number and protocol wins."""
    two_protocols = "{selector: {app: api}, ports: [{port: 80, targetPort: 1}, {port: 80, protocol: UDP}, {port: 82}]}"
    service = manifests_of(
        placed(
            f"{OBJECTS}---\n{document('Service', two_protocols, name='api')}"
        )
    )["orders/api-service-api"]
    ports = [
        (port["port"], port.get("targetPort"), port.get("protocol"))
        for port in service["spec"]["ports"]
    ]
    assert ports == [
        (80, "web", None),
        (81, 9000, None),
        (80, None, "UDP"),
        (82, None, None),
    ]


def test_a_run_waits_for_jobs_that_others_need() -> None:
    """A component depends on it, or the gateway calls it. Other Jobs may never end."""
    skipped = {"pulumi.com/skipAwait": "true"}
    application, job = component(KINDS["Job"][0], ports=())

    def annotations(*others: Any) -> Any:
        whole = replace(application, components=(job, *others))
        found = placed_objects(whole, job, settings()).objects
        return next(
            part.manifest for part in found if part.manifest["kind"] == "Job"
        )["metadata"].get("annotations")

    assert annotations() == skipped
    assert (
        annotations(with_fields(job, name="other", depends_on=("api",))) is None
    )
    assert (
        annotations(with_fields(job, name="other", depends_on=("another",)))
        == skipped
    )


def test_stringdata_becomes_data() -> None:
    """It becomes `data`, so that removed keys disappear."""
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: one, namespace: orders}\ndata: {A: YQ==}\nstringData: {B: b}\n"
    (secret,) = placed(text, ports=()).objects
    assert secret.manifest == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "one",
            "namespace": "orders",
            "labels": {"kong-oam.dev/stack": "prod"},
        },
        "data": {"A": "YQ==", "B": "Yg=="},
    }


CUSTOM = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com, namespace: orders}
spec: {group: example.com, names: {kind: Thing, plural: things}}
---
apiVersion: example.com/v1
kind: Thing
metadata: {name: one, namespace: orders}
anything: {goes: here}
---
apiVersion: v1
kind: Namespace
metadata: {name: more}
---
apiVersion: helm.sh/v3
kind: Release
metadata: {name: chart, namespace: orders}
spec: {name: chart, namespace: orders, chart: nginx}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader, namespace: orders}
rules: []
"""


def test_objects_are_deployed_in_stages() -> None:
    """Objects without pods get no ServiceAccount or NetworkPolicy. KubeVela's namespace on
    cluster-scoped objects is removed."""
    application, whole = component(CUSTOM, client=False, ports=())
    first = {
        foundation.name: foundation.manifest["metadata"]
        for foundation in foundations(estate_of(application))
    }
    labels = {"kong-oam.dev/stack": "tests"}
    assert first == {
        "orders/api/customresourcedefinition/things.example.com": {
            "name": "things.example.com",
            "labels": labels,
        },
        "orders/api/namespace/more": {"name": "more", "labels": labels},
    }
    found = placed_objects(application, whole, settings())
    assert {entry.name: entry.stage for entry in found.objects} == {
        "orders/api/thing/one": "running",
        "orders/api/release/chart": "running",
        "orders/api/clusterrole/reader": "needed",
    }
    assert manifests_of(found)["orders/api/thing/one"]["anything"] == {
        "goes": "here"
    }
    # A chart is no object in the cluster.
    assert [
        manifest["kind"]
        for manifest in objects_of(estate_of(application), settings())
    ] == [
        "CustomResourceDefinition",
        "Namespace",
        "Thing",
        "ClusterRole",
    ]


@pytest.mark.parametrize("kind", ["LoadBalancer", "NodePort"])
def test_open_services_without_a_route_select_their_own_pods(
    kind: str,
) -> None:
    """So that the NetworkPolicy sees the callers; other Services stay unchanged."""
    spec = {
        "type": kind,
        "externalTrafficPolicy": "Cluster",
        "selector": {"app": "one"},
    }
    made = manifests_of(placed(document("Service", str(spec)), ports=()))[
        "orders/api-service-one"
    ]
    assert made["spec"] == {
        "type": kind,
        "externalTrafficPolicy": "Local",
        "selector": {"app": "one", **PODS},
    }
    inside = {"selector": {"app": "one"}}
    assert (
        manifests_of(placed(document("Service", str(inside)), ports=()))[
            "orders/api-service-one"
        ]["spec"]
        == inside
    )


@pytest.mark.parametrize(
    ("group", "custom"),
    [
        ("", False),
        ("apps", False),
        ("networking.k8s.io", False),
        ("rbac.authorization.k8s.io", False),
        ("flowcontrol.apiserver.k8s.io", False),
        ("gateway.networking.k8s.io", True),
        ("helm.toolkit.fluxcd.io", True),
        ("apps.example.com", True),
    ],
)
def test_an_api_group_is_kubernetes_own_or_not(
    group: str, custom: bool
) -> None:
    assert is_custom(group) is custom


RELEASE = "apiVersion: helm.sh/v3\nkind: Release\nmetadata: {name: es, namespace: orders}\nspec: {chart: es}\n"


@pytest.mark.parametrize(
    ("reach", "spec"),
    [
        ("cluster", {}),
        (
            "loadBalancer",
            {"type": "LoadBalancer", "externalTrafficPolicy": "Local"},
        ),
        ("nodePort", {"type": "NodePort", "externalTrafficPolicy": "Local"}),
    ],
)
def test_pods_of_others_are_selected_by_their_labels(
    reach: str, spec: dict[str, str]
) -> None:
    """By one selector, after the component's other objects, for every reach of the gateway."""
    application, part = component(RELEASE, client=False, ports=())
    labels = {"release": "es", "app": "es"}
    named = NamedService(
        "es-http", 9200, 9201, labels, "api-gateway", part.position
    )
    gateway = {
        "namespace": "kong", "podLabels": {"app": "kong"}, "reach": reach,
        **({"cidrs": ["10.0.0.0/8"]} if reach != "cluster" else {}),
        **({"nodeAddress": "10.0.0.1"} if reach == "nodePort" else {}),
    }  # fmt: skip
    routed = Exposure(services=(("api-gateway", (9200,)),))
    part = replace(with_fields(part, named_service=named), exposure=routed)
    found = placed_objects(application, part, settings(gateway=gateway))
    release, network_policy, service = found.objects
    assert (network_policy.stage, service.stage, release.stage) == (
        "needed",
        "after",
        "running",
    )
    assert (
        service.manifest["metadata"]["name"]
        == network_policy.manifest["metadata"]["name"]
        == "api-gateway"
    )
    ports = [{"name": "port-9200", "port": 9200, "targetPort": 9201}]
    assert service.manifest["spec"] == {
        "selector": labels,
        "ports": ports,
        **spec,
    }
    policy = network_policy.manifest["spec"]
    assert policy["podSelector"] == {"matchLabels": labels} and policy[
        "policyTypes"
    ] == ["Ingress"]
    (rule,) = policy["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 9201}]
    assert rule["from"][0]["podSelector"] == {"matchLabels": {"app": "kong"}}


def test_the_port_of_others_is_closed_at_the_components_own_pods() -> None:
    """Each NetworkPolicy admits the gateway only to the ports of its pods."""
    application, part = component(client=False)
    named = NamedService(
        "es-http", 80, 9201, {"app": "es"}, "api-gateway", part.position
    )
    own = part.exposure.endpoints
    part = with_fields(
        part,
        named_service=named,
        endpoints=(*own, replace(own[0], service="api-gateway")),
        services=(("api", (80,)), ("api-gateway", (80,))),
    )
    found = placed_objects(application, part, settings()).objects
    assert {
        placed.object_name: placed.manifest["spec"]["ingress"][0]["ports"]
        for placed in found
        if placed.manifest["kind"] == "NetworkPolicy"
    } == {
        "api": [{"protocol": "TCP", "port": 8080}],
        "api-gateway": [{"protocol": "TCP", "port": 9201}],
    }
