"""The Kubernetes objects of a component: literal objects, and KubeVela's renderings of real
Applications."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from kong_oam.objects.manifests import (
    Exposure,
    GatewayPeer,
    Workload,
    network_policy,
    service_account,
)
from kong_oam.objects.webservice import deployment, services
from tests.support.json_object import JsonObject
from tests.support.repository import DATA

OAM = DATA / "oam"
GATEWAY = GatewayPeer(
    namespace="kong", pod_labels={"app.kubernetes.io/name": "kong"}
)

EVERYTHING = yaml.safe_load("""
image: registry.example.com/orders:1.4
imagePullPolicy: IfNotPresent
imagePullSecrets: [registry]
labels: {tier: front, app.oam.dev/component: somebody-else}
annotations: {example.com/scrape: "true"}
addRevisionLabel: true
port: 1
ports:
  - {port: 80, containerPort: 8080, expose: true}
  - {port: 53, protocol: UDP, expose: true, nodePort: 30053}
  - {port: 9000, name: admin}
exposeType: NodePort
cmd: [serve]
args: [--verbose]
env:
  - {name: MODE, value: live}
  - {name: KEY, valueFrom: {secretKeyRef: {name: keys, key: main}}}
cpu: 500m
memory: 256Mi
limit: {memory: 512Mi}
volumeMounts:
  emptyDir: [{name: scratch, mountPath: /tmp}]
  pvc:
    - {name: data, mountPath: /data, claimName: orders}
    - {name: data, mountPath: /old, subPath: old, claimName: another}
  configMap: [{name: conf, mountPath: /conf, cmName: orders, items: [{key: a, path: a.ini}]}]
  secret: [{name: tls, mountPath: /tls, secretName: tls, defaultMode: 256}]
  hostPath: [{name: host, mountPath: /host, path: /var/log}]
volumes: [{name: ignored, mountPath: /ignored}]
livenessProbe: {httpGet: {path: /live, port: 8080}}
readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 5}
hostAliases: [{ip: 10.0.0.1, hostnames: [db]}]
""")

WEBSERVICE = Workload(
    application="orders",
    namespace="sales",
    component="api",
    type="webservice",
    properties=EVERYTHING,
    labels={"team": "orders", "app.oam.dev/name": "another"},
    annotations={"version": "1.4"},
    exposures=(
        Exposure(name=None, ports=(80, 8443)),
        Exposure(name="admin", ports=(9000, 9000)),
    ),
)

WORKER = Workload(
    application="shop",
    namespace="default",
    component="checkout",
    type="worker",
    properties={
        "image": "registry.example.com/checkout:2",
        "volumes": [{"name": "tmp", "mountPath": "/tmp"}],
    },
    labels={},
    annotations={},
    exposures=(),
)


def test_webservice_with_everything_becomes_this_deployment() -> None:
    """Every property of a webservice is in its Deployment, with KubeVela's names, order and
    defaults."""
    assert deployment(WEBSERVICE) == yaml.safe_load("""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  namespace: sales
  labels:
    team: orders
    app.oam.dev/name: orders
    app.oam.dev/namespace: sales
    app.oam.dev/component: api
    app.oam.dev/appRevision: ""
    app.oam.dev/resourceType: WORKLOAD
    workload.oam.dev/type: webservice
  annotations: {version: "1.4"}
spec:
  selector: {matchLabels: {app.oam.dev/component: api}}
  template:
    metadata:
      labels: {tier: front, app.oam.dev/revision: "", app.oam.dev/name: orders, app.oam.dev/component: api}
      annotations: {example.com/scrape: "true"}
    spec:
      serviceAccountName: api
      imagePullSecrets: [{name: registry}]
      hostAliases: [{ip: 10.0.0.1, hostnames: [db]}]
      containers:
        - name: api
          image: registry.example.com/orders:1.4
          imagePullPolicy: IfNotPresent
          command: [serve]
          args: [--verbose]
          env:
            - {name: MODE, value: live}
            - {name: KEY, valueFrom: {secretKeyRef: {name: keys, key: main}}}
          ports:
            - {containerPort: 8080, name: port-8080, protocol: TCP}
            - {containerPort: 53, name: port-53-udp, protocol: UDP}
            - {containerPort: 9000, name: admin, protocol: TCP}
          resources:
            requests: {cpu: 500m, memory: 256Mi}
            limits: {cpu: 500m, memory: 512Mi}
          volumeMounts:
            - {name: data, mountPath: /data}
            - {name: data, mountPath: /old, subPath: old}
            - {name: conf, mountPath: /conf}
            - {name: tls, mountPath: /tls}
            - {name: scratch, mountPath: /tmp}
            - {name: host, mountPath: /host}
          livenessProbe:
            httpGet: {path: /live, port: 8080}
            initialDelaySeconds: 0
            periodSeconds: 10
            timeoutSeconds: 1
            successThreshold: 1
            failureThreshold: 3
          readinessProbe:
            tcpSocket: {port: 8080}
            initialDelaySeconds: 0
            periodSeconds: 5
            timeoutSeconds: 1
            successThreshold: 1
            failureThreshold: 3
      volumes:
        - {name: data, persistentVolumeClaim: {claimName: orders}}
        - name: conf
          configMap: {name: orders, defaultMode: 420, items: [{key: a, path: a.ini, mode: 511}]}
        - {name: tls, secret: {secretName: tls, defaultMode: 256}}
        - {name: scratch, emptyDir: {medium: ""}}
        - {name: host, hostPath: {path: /var/log}}
""")


def test_duplicates_that_an_api_server_rejects_are_merged() -> None:
    """The first name of a port, and all names of an address stay."""
    properties = {
        "image": "x",
        "ports": [
            {"port": 80, "containerPort": 8080},
            {"port": 81, "containerPort": 8080, "name": "other"},
        ],
        "imagePullSecrets": ["one", "one"],
        "hostAliases": [
            {"ip": "10.0.0.1", "hostnames": ["a"]},
            {"ip": "10.0.0.1", "hostnames": ["b"]},
        ],
    }
    pod = deployment(replace(WEBSERVICE, properties=properties))["spec"][
        "template"
    ]["spec"]
    (container,) = pod["containers"]
    assert container["ports"] == [
        {"containerPort": 8080, "name": "port-8080", "protocol": "TCP"}
    ]
    assert pod["imagePullSecrets"] == [{"name": "one"}]
    assert pod["hostAliases"] == [{"ip": "10.0.0.1", "hostnames": ["a", "b"]}]


def test_worker_becomes_this_deployment_and_no_service() -> None:
    """A worker's Deployment has no ports and no Service."""
    assert deployment(WORKER) == yaml.safe_load("""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
  namespace: default
  labels:
    app.oam.dev/name: shop
    app.oam.dev/namespace: default
    app.oam.dev/component: checkout
    app.oam.dev/appRevision: ""
    app.oam.dev/resourceType: WORKLOAD
    workload.oam.dev/type: worker
spec:
  selector: {matchLabels: {app.oam.dev/component: checkout}}
  template:
    metadata:
      labels: {app.oam.dev/name: shop, app.oam.dev/component: checkout}
    spec:
      serviceAccountName: checkout
      containers:
        - name: checkout
          image: registry.example.com/checkout:2
          volumeMounts: [{name: tmp, mountPath: /tmp}]
      volumes: [{name: tmp, emptyDir: {medium: ""}}]
""")
    assert services(WORKER) == ()
    assert (
        services(replace(WORKER, exposures=(Exposure(name=None, ports=(80,)),)))
        == ()
    )


def test_deprecated_port_and_volumes_still_count() -> None:
    """`port` alone gives a container port and no Service; `volumes` give one volume per name, of
    their type."""
    properties = yaml.safe_load("""
image: i
port: 8080
volumes:
  - {name: data, mountPath: /data, type: pvc, claimName: orders}
  - {name: data, mountPath: /again, type: pvc, claimName: another}
  - {name: conf, mountPath: /conf, type: configMap, cmName: orders}
""")
    workload = replace(WEBSERVICE, properties=properties, exposures=())
    pod = deployment(workload)["spec"]["template"]["spec"]
    assert pod["containers"][0]["ports"] == [{"containerPort": 8080}]
    assert services(workload) == ()
    assert pod["containers"][0]["volumeMounts"] == [
        {"name": "data", "mountPath": "/data"},
        {"name": "data", "mountPath": "/again"},
        {"name": "conf", "mountPath": "/conf"},
    ]
    assert pod["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "orders"}},
        {"name": "conf", "configMap": {"name": "orders", "defaultMode": 420}},
    ]


def test_services_of_one_name_are_one_with_the_ports_of_both() -> None:
    """Exposed ports and the unnamed gateway trait share a Service; a named trait has its own. Each
    port is unique."""
    merged, named = services(WEBSERVICE)
    assert merged == yaml.safe_load("""
apiVersion: v1
kind: Service
metadata:
  name: api
  namespace: sales
  labels:
    team: orders
    app.oam.dev/name: orders
    app.oam.dev/namespace: sales
    app.oam.dev/component: api
    app.oam.dev/appRevision: ""
    app.oam.dev/resourceType: TRAIT
    trait.oam.dev/type: AuxiliaryWorkload
    trait.oam.dev/resource: webserviceExpose
  annotations: {version: "1.4"}
spec:
  selector: {app.oam.dev/component: api}
  type: NodePort
  ports:
    - {name: port-8080, port: 80, targetPort: 8080, protocol: TCP}
    - {name: port-53-udp, port: 53, targetPort: 53, protocol: UDP, nodePort: 30053}
    - {name: port-8443, port: 8443, targetPort: 8443}
""")
    assert named == yaml.safe_load("""
apiVersion: v1
kind: Service
metadata:
  name: api-admin
  namespace: sales
  labels:
    team: orders
    app.oam.dev/name: orders
    app.oam.dev/namespace: sales
    app.oam.dev/component: api
    app.oam.dev/appRevision: ""
    app.oam.dev/resourceType: TRAIT
    trait.oam.dev/type: gateway
    trait.oam.dev/resource: service-admin
  annotations: {version: "1.4"}
spec:
  selector: {app.oam.dev/component: api}
  ports: [{name: port-9000, port: 9000, targetPort: 9000}]
""")


def test_node_ports_count_only_in_a_node_port_service() -> None:
    """A nodePort is dropped unless exposeType is NodePort, since Kubernetes would reject it."""
    properties = {
        "image": "i",
        "ports": [{"port": 80, "expose": True, "nodePort": 30080}],
    }
    (service,) = services(
        replace(WEBSERVICE, properties=properties, exposures=())
    )
    assert service["spec"]["type"] == "ClusterIP"
    assert service["spec"]["ports"] == [
        {"name": "port-80", "port": 80, "targetPort": 80, "protocol": "TCP"}
    ]


def test_a_udp_port_does_not_stand_for_the_gateway_port_of_its_number() -> None:
    """The gateway uses TCP: an exposed UDP port of the same number is another port of the Service."""
    properties = {
        "image": "i",
        "ports": [
            {
                "port": 53,
                "containerPort": 5353,
                "protocol": "UDP",
                "expose": True,
            }
        ],
    }
    workload = replace(
        WEBSERVICE,
        properties=properties,
        exposures=(Exposure(name=None, ports=(53,)),),
    )
    (service,) = services(workload)
    assert service["spec"]["ports"] == [
        {
            "name": "port-5353-udp",
            "port": 53,
            "targetPort": 5353,
            "protocol": "UDP",
        },
        {"name": "port-53", "port": 53, "targetPort": 53},
    ]


def test_a_gateway_without_origins_admits_nobody() -> None:
    """A rule with an empty list of origins would admit everybody."""
    assert (
        network_policy(WEBSERVICE, GatewayPeer(None, {}), (8080,))["spec"][
            "ingress"
        ]
        == []
    )


def test_the_gateway_alone_may_connect_and_only_to_these_ports() -> None:
    """The NetworkPolicy requires the gateway's namespace and pods together."""
    assert network_policy(
        WEBSERVICE, GATEWAY, (8080, 8443, 9000)
    ) == yaml.safe_load("""
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: api
  namespace: sales
  labels:
    team: orders
    app.oam.dev/name: orders
    app.oam.dev/namespace: sales
    app.oam.dev/component: api
    app.oam.dev/appRevision: ""
    app.oam.dev/resourceType: TRAIT
    trait.oam.dev/type: AuxiliaryWorkload
    trait.oam.dev/resource: networkPolicy
  annotations: {version: "1.4"}
spec:
  podSelector: {matchLabels: {app.oam.dev/name: orders, app.oam.dev/component: api}}
  policyTypes: [Ingress]
  ingress:
    - from:
        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kong}}
          podSelector: {matchLabels: {app.kubernetes.io/name: kong}}
      ports:
        - {protocol: TCP, port: 8080}
        - {protocol: TCP, port: 8443}
        - {protocol: TCP, port: 9000}
""")


def test_without_a_port_nobody_may_connect() -> None:
    """There is no rule, since a rule without ports admits all ports."""
    spec = network_policy(WORKER, GATEWAY, ())["spec"]
    assert (spec["policyTypes"], spec["ingress"]) == (["Ingress"], [])


def test_the_service_account_mounts_no_token() -> None:
    """The account has the component's name and no access to the cluster's API."""
    assert service_account(WORKER) == yaml.safe_load("""
apiVersion: v1
kind: ServiceAccount
metadata:
  name: checkout
  namespace: default
  labels:
    app.oam.dev/name: shop
    app.oam.dev/namespace: default
    app.oam.dev/component: checkout
    app.oam.dev/appRevision: ""
    app.oam.dev/resourceType: TRAIT
    trait.oam.dev/type: AuxiliaryWorkload
    trait.oam.dev/resource: serviceAccount
automountServiceAccountToken: false
""")
    assert (
        deployment(WORKER)["spec"]["template"]["spec"]["serviceAccountName"]
        == "checkout"
    )


def test_labels_and_annotations_of_the_application_are_handed_on_unless_listed() -> (
    None
):
    """KubeVela's filter annotations drop listed keys; keys for gateways and kubectl are never
    passed on."""
    workload = replace(
        WORKER,
        labels={
            "team": "shop",
            "cost": "7",
            "app.oam.dev/component": "another",
        },
        annotations={
            "note": "kept",
            "secret": "dropped",
            "filter.oam.dev/annotation-keys": "x, secret",
            "filter.oam.dev/label-keys": "cost,app.oam.dev/component",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "konghq.com/plugins": "request-termination",
            "nginx.ingress.kubernetes.io/auth-url": "https://example.com",
            "kubernetes.io/ingress.class": "kong",
        },
    )
    metadata = deployment(workload)["metadata"]
    assert metadata["annotations"] == {"note": "kept"}
    assert metadata["labels"] == {
        "team": "shop",
        "app.oam.dev/name": "shop",
        "app.oam.dev/namespace": "default",
        "app.oam.dev/component": "checkout",
        "app.oam.dev/appRevision": "",
        "app.oam.dev/resourceType": "WORKLOAD",
        "workload.oam.dev/type": "worker",
    }


def test_a_whole_number_written_as_a_decimal_names_its_port_as_one() -> None:
    """JSON Schema accepts 8080.0 as an integer; the port is named port-8080."""
    properties = {"image": "i", "ports": [{"port": 8080.0, "expose": True}]}
    (service,) = services(
        replace(WEBSERVICE, properties=properties, exposures=())
    )
    assert str(service["spec"]["ports"]) == str(
        [
            {
                "name": "port-8080",
                "port": 8080,
                "targetPort": 8080,
                "protocol": "TCP",
            }
        ]
    )


def test_equals_kubevelas_rendering_of_real_applications() -> None:
    """Deployment and Services equal KubeVela's, except for the numbered differences below."""
    if not (OAM / "expected").is_dir():
        pytest.skip(f"no shared data beside the project: {OAM} is missing")
    compared = []
    for file, application in _rendered_applications():
        rendered = [
            _as_ours(manifest)
            for manifest in _manifests(OAM / "expected" / file)
            if _is_made_here(manifest)
        ]
        written = [
            _without_our_additions(manifest)
            for workload in _workloads(application)
            for manifest in (deployment(workload), *services(workload))
        ]
        assert _sorted(written) == _sorted(_one_service_of_a_name(rendered)), (
            file
        )
        compared += written
    kinds = [manifest["kind"] for manifest in compared]
    print(
        f"{kinds.count('Deployment')} Deployments and {kinds.count('Service')} Services compared with KubeVela's"
    )
    assert kinds.count("Deployment") >= 25
    assert kinds.count("Service") >= 14


def _rendered_applications() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """KubeVela's renderings with only webservices and workers with gateway traits."""
    for path in sorted((OAM / "expected").glob("*.yaml")):
        (application,) = _manifests(OAM / "applications" / path.name)
        spec = application["spec"]
        components = spec.get("components") or []
        traits = [
            trait["type"]
            for component in components
            for trait in component.get("traits") or []
        ]
        supported = all(
            component.get("type") in ("webservice", "worker")
            for component in components
        )
        # Offline, KubeVela renders a component without a name; the Application's schema rejects it.
        named = bool(components) and all(
            "name" in component for component in components
        )
        if (
            named
            and supported
            and set(traits) <= {"gateway"}
            and not {"policies", "workflow"} & set(spec)
        ):
            yield path.name, application


def _workloads(application: Mapping[str, Any]) -> Iterator[Workload]:
    metadata = application["metadata"]
    for component in application["spec"]["components"]:
        traits = [
            trait["properties"] for trait in component.get("traits") or []
        ]
        yield Workload(
            application=metadata["name"],
            namespace=metadata.get("namespace", "default"),
            component=component["name"],
            type=component["type"],
            properties=component["properties"],
            labels=metadata.get("labels", {}),
            annotations=metadata.get("annotations", {}),
            exposures=tuple(
                Exposure(
                    trait.get("name"),
                    tuple(port for _, port in sorted(trait["http"].items())),
                )
                for trait in traits
            ),
        )


def _manifests(path: Path) -> list[Any]:
    return [
        manifest
        for manifest in yaml.safe_load_all(path.read_text("utf-8"))
        if manifest
    ]


def _is_made_here(manifest: Mapping[str, Any]) -> bool:
    """Difference 1: Kong-OAM makes no Ingress."""
    return bool(manifest["kind"] != "Ingress")


def _as_ours(manifest: JsonObject) -> JsonObject:
    """Difference 2: empty annotations are omitted."""
    if not manifest["metadata"]["annotations"]:
        del manifest["metadata"]["annotations"]
    return manifest


def _without_our_additions(manifest: JsonObject) -> JsonObject:
    """Difference 3: the pods have their own ServiceAccount."""
    if manifest["kind"] == "Deployment":
        assert (
            manifest["spec"]["template"]["spec"].pop("serviceAccountName")
            == manifest["metadata"]["name"]
        )
    return manifest


def _one_service_of_a_name(
    manifests: list[JsonObject],
) -> list[JsonObject]:
    """Difference 4: of two Services of one name the first stays, with the ports that only the
    second has."""
    found: dict[tuple[str, str], JsonObject] = {}
    for manifest in manifests:
        first = found.setdefault(
            (manifest["kind"], manifest["metadata"]["name"]), manifest
        )
        if first is not manifest:
            numbers = [port["port"] for port in first["spec"]["ports"]]
            first["spec"]["ports"] += [
                port
                for port in manifest["spec"]["ports"]
                if port["port"] not in numbers
            ]
    return list(found.values())


def _sorted(manifests: list[JsonObject]) -> list[JsonObject]:
    return sorted(
        manifests,
        key=lambda manifest: (manifest["kind"], manifest["metadata"]["name"]),
    )
