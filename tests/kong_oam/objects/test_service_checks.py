"""Pods that can bypass their NetworkPolicy, and Services that others can reach."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.json_object import JsonObject
from tests.support.judged_components import (
    POD,
    SERVICE,
    findings,
    judged_component,
    merged,
)

OPENINGS = [
    ("hostNetwork: true", "spec.hostNetwork"),
    ("hostPID: true", "spec.hostPID"),
    ("hostIPC: true", "spec.hostIPC"),
    ("hostNetwork: 'true'", "spec.hostNetwork"),
    ("volumes: [{name: v, hostPath: {path: /}}]", "spec.volumes[0].hostPath"),
    ("volumes: [{name: a, emptyDir: {}}, {name: v, hostPath: {}}]", "spec.volumes[1].hostPath"),
    ("volumes: [{name: v, flexVolume: {driver: d}}]", "spec.volumes[0].flexVolume"),
    ("volumes: [{name: v, gitRepo: {repository: r}}]", "spec.volumes[0].gitRepo"),
    ("volumes: [{name: v, whatComes: {}}]", "spec.volumes[0].whatComes"),
    ("containers: [{name: c, ports: [{containerPort: 80, hostPort: 80}]}]", "spec.containers[0].ports[0].hostPort"),
    ("initContainers: [{name: c, ports: [{containerPort: 80, hostPort: 80}]}]", "spec.initContainers[0].ports[0].hostPort"),
    ("containers: [{name: c, securityContext: {privileged: true}}]", "spec.containers[0].securityContext.privileged"),
    ("initContainers: [{name: c, securityContext: {privileged: true}}]", "spec.initContainers[0].securityContext.privileged"),
    ("ephemeralContainers: [{name: c, securityContext: {privileged: true}}]", "spec.ephemeralContainers[0].securityContext.privileged"),
    ("containers: [{name: c, securityContext: {procMount: Unmasked}}]", "spec.containers[0].securityContext.procMount"),
    ("containers: [{name: c, securityContext: {capabilities: {add: [CHOWN, NET_ADMIN]}}}]", "spec.containers[0].securityContext.capabilities.add"),
    ("containers: [{name: c, securityContext: {capabilities: {add: [cap_sys_admin]}}}]", "spec.containers[0].securityContext.capabilities.add"),
    ("containers: [{name: c, securityContext: {capabilities: {add: [ALL]}}}]", "spec.containers[0].securityContext.capabilities.add"),
    ("containers: [{name: c, securityContext: {capabilities: {add: NET_ADMIN}}}]", "spec.containers[0].securityContext.capabilities.add"),
    ("containers: [{name: c, securityContext: {windowsOptions: {hostProcess: true}}}]", "spec.containers[0].securityContext.windowsOptions.hostProcess"),
    ("securityContext: {windowsOptions: {hostProcess: true}}", "spec.securityContext.windowsOptions.hostProcess"),
    ("securityContext: {seLinuxOptions: {type: spc_t}}", "spec.securityContext.seLinuxOptions.type"),
    ("securityContext: {seLinuxOptions: {user: system_u}}", "spec.securityContext.seLinuxOptions.user"),
    ("securityContext: {seLinuxOptions: {role: container_t}}", "spec.securityContext.seLinuxOptions.role"),
    ("containers: [{name: c, securityContext: {seccompProfile: {type: Unconfined}}}]", "spec.containers[0].securityContext.seccompProfile.type"),
    ("initContainers: [{name: c, securityContext: {appArmorProfile: {type: Unconfined}}}]", "spec.initContainers[0].securityContext.appArmorProfile.type"),
    ("resourceClaims: [{name: gpu, resourceClaimName: gpu}]", "spec.resourceClaims"),
    *(
        (f"initContainers: [{{name: c, {probe}: {{{action}: {{host: 127.0.0.1, port: 80}}}}}}]", f"spec.initContainers[0].{probe}.{action}.host")
        for probe in ("livenessProbe", "readinessProbe", "startupProbe") for action in ("httpGet", "tcpSocket")
    ),
    *(
        (f"containers: [{{name: c, lifecycle: {{{hook}: {{{action}: {{host: h, port: 80}}}}}}}}]", f"spec.containers[0].lifecycle.{hook}.{action}.host")
        for hook in ("postStart", "preStop") for action in ("httpGet", "tcpSocket")
    ),
]  # fmt: skip
KEPT = [
    "hostNetwork: false",
    "hostPID: null",
    "shareProcessNamespace: true",
    "containers: [{name: c, ports: [{containerPort: 80, hostPort: 0}, {containerPort: 81}]}]",
    "containers: [{name: c, securityContext: {privileged: false, allowPrivilegeEscalation: true, procMount: Default}}]",
    "containers: [{name: c, securityContext: {capabilities: {add: [NET_BIND_SERVICE, CAP_CHOWN], drop: [ALL]}}}]",
    "securityContext: {runAsUser: 0, fsGroup: 0}",
    "volumes: [{name: a, emptyDir: {}}, {name: b, persistentVolumeClaim: {claimName: c}}, {name: d, hostPath: null}]",
    "volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}, {downwardAPI: {}}]}}]",
    "containers: [{name: c, livenessProbe: {httpGet: {path: /, port: 80, httpHeaders: [{name: Host, value: h}]}}, lifecycle: {preStop: {exec: {}}}}]",
    "securityContext: {seLinuxOptions: {type: container_t, level: s0}, seccompProfile: {type: Localhost}}",
    "resourceClaims: []",
    "volumes: null",
]


@pytest.mark.parametrize(("spec", "path"), OPENINGS)
def test_a_pod_that_bypasses_its_network_policy_is_rejected(
    spec: str, path: str
) -> None:
    (message,) = findings(judged_component(merged(POD, f"spec: {{{spec}}}")))
    assert message.startswith(f"ACC226 Pod 'p' of 'shop/web': {path}: ")
    assert "; remove it" in message


@pytest.mark.parametrize(
    ("spec", "path", "name"),
    [
        ("runtimeClassName: bare", "spec.runtimeClassName", "bare/RuntimeClass"),
        ("volumes: [{name: v, csi: {driver: hostpath.csi.k8s.io}}]", "spec.volumes[0].csi.driver", "hostpath.csi.k8s.io/CSIDriver"),
    ],
)  # fmt: skip
def test_the_stack_allows_names_that_only_the_cluster_knows(
    spec: str, path: str, name: str
) -> None:
    component = judged_component(merged(POD, f"spec: {{{spec}}}"))
    (message,) = findings(component)
    assert message.startswith(f"ACC226 Pod 'p' of 'shop/web': {path}: ")
    assert message.endswith(f"allow it in the stack: cluster.allow, {name}")
    assert findings(component, allowed={name: "why"}) == []


@pytest.mark.parametrize("key", ["container.apparmor.security.beta.kubernetes.io/c", "seccomp.security.alpha.kubernetes.io/pod"])  # fmt: skip
def test_an_annotation_unconfines_no_pod(key: str) -> None:
    for value, codes in (("unconfined", ["ACC226"]), ("runtime/default", [])):
        pod = merged(POD, f"metadata: {{annotations: {{{key}: {value}}}}}")
        assert [
            message[:6] for message in findings(judged_component(pod))
        ] == codes


@pytest.mark.parametrize("spec", KEPT)
def test_settings_inside_a_pod_are_kept(spec: str) -> None:
    assert findings(judged_component(merged(POD, f"spec: {{{spec}}}"))) == []


VOLUMES = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "fc",
    "gcePersistentDisk",
    "image",
    "iscsi",
    "nfs",
    "persistentVolumeClaim",
    "portworxVolume",
    "projected",
    "rbd",
    "secret",
    "vsphereVolume",
]
CAPABILITIES = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
    "SYS_NICE",
    "SYS_RESOURCE",
]
SERVICE_FIELDS = [
    "allocateLoadBalancerNodePorts",
    "clusterIP",
    "clusterIPs",
    "externalTrafficPolicy",
    "internalTrafficPolicy",
    "ipFamilies",
    "ipFamilyPolicy",
    "loadBalancerSourceRanges",
    "publishNotReadyAddresses",
    "sessionAffinity",
    "sessionAffinityConfig",
    "trafficDistribution",
]


def test_volumes_of_the_network_and_a_runtimes_own_capabilities_are_kept() -> (
    None
):
    """All known volumes: unknown volumes are rejected until someone checks them."""
    volumes = [{"name": kind, kind: {}} for kind in VOLUMES]
    container = {
        "name": "c",
        "securityContext": {"capabilities": {"add": CAPABILITIES}},
    }
    assert (
        findings(
            judged_component(
                {
                    **merged(POD, "{}"),
                    "spec": {"containers": [container], "volumes": volumes},
                }
            )
        )
        == []
    )


def test_addresses_of_services_are_kept() -> None:
    service = merged(SERVICE, "{}")
    assert (
        findings(
            judged_component(
                {
                    **service,
                    "spec": {
                        **service["spec"],
                        **dict.fromkeys(SERVICE_FIELDS, "x"),
                    },
                }
            )
        )
        == []
    )


@pytest.mark.parametrize(
    ("labels", "refused"),
    [
        ({"app.oam.dev/component": "web"}, False),
        (
            {
                "app.oam.dev/component": "web",
                "app.oam.dev/name": "shop",
                "app": "x",
            },
            False,
        ),
        ({"app.oam.dev/component": "api"}, True),
        ({"app.oam.dev/name": "orders"}, True),
        ({"app.oam.dev/component": ""}, True),
    ],
)
def test_no_pod_passes_for_another_components(
    labels: dict[str, str], refused: bool
) -> None:
    pod = merged(POD, f"metadata: {{labels: {labels}}}")
    assert [message[:6] for message in findings(judged_component(pod))] == [
        "ACC226"
    ] * refused


OPEN_SERVICES = [
    ("spec: {type: LoadBalancer}", "ACC227", "spec.type 'LoadBalancer'"),
    ("spec: {type: NodePort}", "ACC227", "spec.type 'NodePort'"),
    (
        "spec: {type: ExternalName, externalName: example.org}",
        "ACC227",
        "spec.externalName",
    ),
    ("spec: {externalName: example.org}", "ACC227", "spec.externalName"),
    ("spec: {selector: ''}", "ACC227", "it has no selector"),
    ("spec: {selector: null}", "ACC227", "it has no selector"),
    ("spec: {externalIPs: [192.0.2.1]}", "ACC227", "spec.externalIPs"),
    ("spec: {loadBalancerIP: 192.0.2.1}", "ACC227", "spec.loadBalancerIP"),
    ("spec: {loadBalancerClass: x/y}", "ACC227", "spec.loadBalancerClass"),
    ("spec: {whatComes: x}", "ACC227", "spec.whatComes"),
]


@pytest.mark.parametrize(("changes", "code", "says"), OPEN_SERVICES)
def test_a_service_is_for_the_gateway_and_leads_to_pods(
    changes: str, code: str, says: str
) -> None:
    (message,) = findings(judged_component(merged(SERVICE, changes)))
    assert message.startswith(f"{code} Service 'web' of 'shop/web': {says}")


@pytest.mark.parametrize(
    "changes",
    [
        "spec: {type: ClusterIP}",
        "spec: {clusterIP: None, publishNotReadyAddresses: true}",
        "spec: {sessionAffinity: ClientIP, internalTrafficPolicy: Local}",
        "metadata: {annotations: {example.com/team: nlb}}",
    ],
)
def test_other_services_are_deployed(changes: str) -> None:
    assert (
        findings(
            judged_component(
                merged(SERVICE, changes), routed=frozenset({"web"})
            ),
            metadata={"example.com": "a note"},
        )
        == []
    )


@pytest.mark.parametrize(
    ("kind", "reach"),
    [("LoadBalancer", "loadBalancer"), ("NodePort", "nodePort")],
)
def test_the_stack_says_how_services_are_reached(kind: str, reach: Any) -> None:
    """Only the gateway's Services, and only in this way."""
    service = merged(SERVICE, f"spec: {{type: {kind}}}")
    assert (
        findings(
            judged_component(service, routed=frozenset({"web"})), reach=reach
        )
        == []
    )
    assert (
        len(
            findings(
                judged_component(service, routed=frozenset({"web2"})),
                reach=reach,
            )
        )
        == 1
    )
    wrong = {"loadBalancer": "nodePort", "nodePort": "loadBalancer"}[reach]
    assert (
        len(
            findings(
                judged_component(service, routed=frozenset({"web"})),
                reach=wrong,
            )
        )
        == 1
    )


@pytest.mark.parametrize("kind", ["LoadBalancer", "NodePort"])
def test_the_stack_allows_other_open_services(kind: str) -> None:
    """Without a route, for the component's own pods in the Service's namespace, with allowed types."""
    service = merged(SERVICE, f"spec: {{type: {kind}}}")
    assert findings(judged_component(service, POD), service_types=(kind,)) == []
    refused = [
        (
            judged_component(service, POD),
            tuple({"LoadBalancer", "NodePort"} - {kind}),
            "cluster.serviceTypes",
        ),
        (
            judged_component(service, POD, routed=frozenset({"web"})),
            (kind,),
            "gateway.reach",
        ),
        (
            judged_component(service),
            (kind,),
            "it selects no pods of the component",
        ),
        (
            judged_component(
                merged(
                    SERVICE, f"spec: {{type: {kind}, selector: {{app: x}}}}"
                ),
                POD,
            ),
            (kind,),
            "it selects no pods",
        ),
        (
            judged_component(
                {**service, "spec": {"type": kind, "selector": {}}}, POD
            ),
            (kind,),
            "it has no selector",
        ),
        (
            judged_component(
                merged(SERVICE, "spec: {type: ExternalName}"), POD
            ),
            (kind, "ExternalName"),
            "spec.externalName",
        ),
    ]
    for component, types, says in refused:
        (message,) = findings(component, service_types=types)
        assert message.startswith("ACC227"), message
        assert says in message


@pytest.mark.parametrize("at", ["shop", "other"])
@pytest.mark.parametrize("pods_at", ["shop", "other"])
@pytest.mark.parametrize("label", ["{}", "{app: web}", "{app: x}"])
def test_a_service_that_answers_outside_leads_to_pods_beside_it(
    at: str, pods_at: str, label: str
) -> None:
    """Kubernetes selects in the Service's own namespace, so pods elsewhere do not count."""
    service = merged(
        SERVICE,
        f"metadata: {{namespace: {at}}}\nspec: {{type: NodePort, selector: {{app: web}}}}",
    )
    pod = merged(POD, f"metadata: {{namespace: {pods_at}, labels: {label}}}")
    found = findings(
        judged_component(service, pod), service_types=("NodePort",)
    )
    leads_home = at == pods_at and label == "{app: web}"
    assert (
        any(
            "it selects no pods of the component" in message
            for message in found
        )
        != leads_home
    )


def test_no_annotation_opens_allowed_services() -> None:
    service = merged(
        SERVICE,
        "spec: {type: LoadBalancer}\nmetadata: {annotations: {cloud.example.org/scheme: x}}",
    )
    listed = {"cloud.example.org/scheme": "opens nothing on other objects"}
    (message,) = findings(
        judged_component(service, POD),
        service_types=("LoadBalancer",),
        metadata=listed,
    )
    assert message.startswith(
        "ACC228 Service 'web' of 'shop/web': annotation 'cloud.example.org/scheme'"
    )
    assert (
        len(
            findings(
                judged_component(service, POD), service_types=("LoadBalancer",)
            )
        )
        == 1
    )


ANY = {"apiVersion": "x.org/v1", "kind": "Any", "metadata": {"name": "a"}}


def test_values_of_charts_are_not_checked() -> None:
    """The result of a chart is unknown."""
    release = {
        **ANY,
        "apiVersion": "helm.sh/v3",
        "kind": "Release",
        "spec": {"values": {"pod": {"hostPID": True}}},
    }
    assert findings(judged_component(release, type="helmchart")) == []


def test_no_annotation_opens_a_load_balancer() -> None:
    service = merged(
        SERVICE,
        "metadata: {annotations: {cloud.example.org/scheme: internet-facing, app.oam.dev/x: y, plain: z}}",
    )
    listed = {"cloud.example.org": "opens nothing on other objects"}
    assert (
        findings(
            judged_component(service, routed=frozenset({"web"})),
            metadata=listed,
        )
        == []
    )
    (message,) = findings(
        judged_component(service, routed=frozenset({"web"})),
        reach="loadBalancer",
        metadata=listed,
    )
    assert message.startswith(
        "ACC228 Service 'web' of 'shop/web': annotation 'cloud.example.org/scheme'"
    )


def pod_of(component: str, labels: str = "{}") -> JsonObject:
    return merged(POD, f"metadata: {{name: {component}, labels: {labels}}}")


SELECTING = merged(SERVICE, "spec: {selector: null}") | {
    "spec": {"selector": {"app": "api"}, "ports": [{"port": 80}]}
}
SHARED = {
    **SELECTING,
    "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]},
}


def test_no_pods_answer_for_another_component() -> None:
    web = judged_component(
        pod_of("web", "{app: x}"), SHARED, routed=frozenset({"web"})
    )
    api = judged_component(pod_of("api", "{app: x, more: y}"), key="shop/api")
    (message,) = findings(web, api)
    assert message.startswith(
        "ACC227 pods of 'shop/api' have the labels that Service 'web' of 'shop/web' (shop.yaml:3:9) selects (app: x)"
    )
    assert findings(
        judged_component(pod_of("web", "{app: x}"), SHARED), api
    ) == [message], "a Service without a route, too"
    assert findings(judged_component(SHARED), api) == [], (
        "one that has no pods of its own leads to others on purpose"
    )
