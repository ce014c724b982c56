"""Generated workloads against an independent oracle: exactly the openings are rejected. The oracle
knows no kinds or templates. It reads an object as lines of path and value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from kong_oam.diagnostics import Diagnostic
from kong_oam.objects.component import Rules
from kong_oam.objects.judge import judge
from tests.support.json_object import JsonObject
from tests.support.judged_components import judged_component

OTHER = judged_component(
    key="shop/web",
    made=(("ServiceAccount", "web"), ("Secret", "web-client")),
    credentials=frozenset({"web-client"}),
)
NAMES = st.sampled_from(["web-client", "api-client", "database", "web", "api"])

reference = st.fixed_dictionaries({"name": NAMES})
environment = st.one_of(
    st.fixed_dictionaries({"name": NAMES, "value": NAMES}),
    st.fixed_dictionaries(
        {
            "name": NAMES,
            "valueFrom": st.fixed_dictionaries({"secretKeyRef": reference}),
        }
    ),
    st.fixed_dictionaries(
        {
            "name": NAMES,
            "valueFrom": st.fixed_dictionaries({"configMapKeyRef": reference}),
        }
    ),
)
sources = st.sampled_from(["secretRef", "configMapRef"]).flatmap(
    lambda key: st.fixed_dictionaries({key: reference})
)
capabilities = st.sampled_from(
    [
        "CHOWN",
        "cap_kill",
        "NET_BIND_SERVICE",
        "NET_ADMIN",
        "SYS_ADMIN",
        "cap_net_raw",
        "ALL",
    ]
)
confined = st.sampled_from(["RuntimeDefault", "Localhost", "Unconfined"])
security = st.fixed_dictionaries(
    {},
    optional={
        "privileged": st.sampled_from([True, False, None]),
        "allowPrivilegeEscalation": st.booleans(),
        "runAsUser": st.just(0),
        "capabilities": st.fixed_dictionaries(
            {},
            optional={
                "add": capabilities
                | st.lists(capabilities, max_size=2, unique=True),
                "drop": st.lists(capabilities),
            },
        ),
        "procMount": st.sampled_from(["Default", "Unmasked"]),
        "seLinuxOptions": st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(["container_t", "spc_t"]),
                "level": st.just("s0"),
            },
        ),
        "seccompProfile": st.fixed_dictionaries({"type": confined}),
        "appArmorProfile": st.fixed_dictionaries({"type": confined}),
    },
)
action = st.fixed_dictionaries(
    {"port": st.just(80)},
    optional={"host": st.sampled_from(["", "10.0.0.7", None])},
)
handler = st.one_of(
    st.fixed_dictionaries({"httpGet": action}),
    st.fixed_dictionaries({"tcpSocket": action}),
    st.just({"exec": {"command": ["curl", "10.0.0.7"]}}),
)
hooks = st.fixed_dictionaries(
    {}, optional={"postStart": handler, "preStop": handler}
)
ports = st.fixed_dictionaries(
    {"containerPort": st.just(80)},
    optional={"hostPort": st.sampled_from([0, 80, None])},
)
container = st.fixed_dictionaries(
    {"name": NAMES, "image": st.just("i")},
    optional={
        "env": st.lists(environment, max_size=2),
        "envFrom": st.lists(sources, max_size=2),
        "ports": st.lists(ports, max_size=2),
        "securityContext": security,
        "livenessProbe": handler,
        "startupProbe": handler,
        "lifecycle": hooks,
    },
)
projected = st.one_of(
    st.fixed_dictionaries({"secret": reference}),
    st.fixed_dictionaries({"configMap": reference}),
    st.just({"serviceAccountToken": {"path": "token", "audience": "x"}}),
)
volume = st.one_of(
    st.fixed_dictionaries({"name": NAMES, "emptyDir": st.just({})}),
    st.fixed_dictionaries(
        {
            "name": NAMES,
            "hostPath": st.fixed_dictionaries({"path": st.just("/")}),
        }
    ),
    st.fixed_dictionaries({"name": NAMES, "configMap": reference}),
    st.fixed_dictionaries(
        {"name": NAMES, "secret": st.fixed_dictionaries({"secretName": NAMES})}
    ),
    st.fixed_dictionaries(
        {
            "name": NAMES,
            "projected": st.fixed_dictionaries(
                {"sources": st.lists(projected, max_size=2)}
            ),
        }
    ),
    st.fixed_dictionaries(
        {
            "name": NAMES,
            "csi": st.fixed_dictionaries(
                {"driver": st.sampled_from(["allowed", "hostpath.csi.k8s.io"])},
                optional={"nodePublishSecretRef": reference},
            ),
        }
    ),
)
flag = st.sampled_from([True, False, None])
pod = st.fixed_dictionaries(
    {"containers": st.lists(container, min_size=1, max_size=2)},
    optional={
        "initContainers": st.lists(container, max_size=1),
        "ephemeralContainers": st.lists(container, max_size=1),
        "volumes": st.lists(volume, max_size=2),
        "imagePullSecrets": st.lists(reference, max_size=1),
        "securityContext": st.fixed_dictionaries(
            {"seccompProfile": st.fixed_dictionaries({"type": confined})}
        ),
        "runtimeClassName": st.sampled_from(["allowed", "bare"]),
        "resourceClaims": st.lists(reference, max_size=1),
        "hostNetwork": flag,
        "hostPID": flag,
        "hostIPC": flag,
        "shareProcessNamespace": flag,
        "host_network": flag,
        "serviceAccountName": st.sampled_from(["web", "api", "default"]),
        "serviceAccount": st.sampled_from(["web", "api", "default"]),
    },
)
labels = st.fixed_dictionaries(
    {},
    optional={
        "app": NAMES,
        "app.oam.dev/component": st.sampled_from(["api", "web"]),
        "app.oam.dev/name": st.sampled_from(["shop", "other"]),
    },
)
annotations = st.one_of(
    st.dictionaries(
        st.sampled_from(
            [
                "a",
                "konghq.com/plugins",
                "pulumi.com/skipAwait",
                "prometheus.io/scrape",
            ]
        ),
        NAMES,
        max_size=1,
    ),
    st.fixed_dictionaries(
        {
            "seccomp.security.alpha.kubernetes.io/pod": st.sampled_from(
                ["unconfined", "runtime/default"]
            )
        }
    ),
)
template = st.fixed_dictionaries(
    {"spec": pod},
    optional={
        "metadata": st.fixed_dictionaries(
            {"labels": labels, "annotations": annotations}
        )
    },
)


def _around(kind: str, api: str, *path: str) -> st.SearchStrategy[JsonObject]:
    def put(inner: JsonObject) -> JsonObject:
        for step in reversed(path):
            inner = {step: inner}
        metadata = (
            {**inner.pop("metadata", {}), "name": "api"}
            if not path
            else {"name": "api"}
        )
        return {"apiVersion": api, "kind": kind, **inner, "metadata": metadata}

    return template.map(put)


workload = st.one_of(
    *(
        _around(kind, "apps/v1", "spec", "template")
        for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
    ),
    _around("Job", "batch/v1", "spec", "template"),
    _around("ReplicationController", "v1", "spec", "template"),
    _around("CronJob", "batch/v1", "spec", "jobTemplate", "spec", "template"),
    _around("Pod", "v1"),
    _around("CloneSet", "apps.kruise.io/v1", "spec", "template"),
)

Line = tuple[str, Any]


def flat(value: Any, path: str = "") -> Iterator[Line]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat(item, f"{path}>{key}")
    elif isinstance(value, list):
        for item in value:
            yield from flat(item, path)
    else:
        yield path, value


PATTERNS = {
    r">host(Network|PID|IPC)": ("ACC226", {True}),
    r">hostPort": ("ACC226", {80}),
    r">hostPath>path": ("ACC226", {"/"}),
    r">securityContext>privileged": ("ACC226", {True}),
    r">securityContext>procMount": ("ACC226", {"Unmasked"}),
    r">capabilities>add": (
        "ACC226",
        {"NET_ADMIN", "SYS_ADMIN", "cap_net_raw", "ALL"},
    ),
    r">(httpGet|tcpSocket)>host": ("ACC226", {"10.0.0.7"}),
    r">seLinuxOptions>type": ("ACC226", {"spc_t"}),
    r">(seccompProfile|appArmorProfile)>type": ("ACC226", {"Unconfined"}),
    r">annotations>seccomp\..*": ("ACC226", {"unconfined"}),
    r">runtimeClassName": ("ACC226", {"bare"}),
    r">csi>driver": ("ACC226", {"hostpath.csi.k8s.io"}),
    r">resourceClaims>name": (
        "ACC226",
        {"web-client", "api-client", "database", "web", "api"},
    ),
    r">labels>app\.oam\.dev/component": ("ACC226", {"web"}),
    r">labels>app\.oam\.dev/name": ("ACC226", {"other"}),
    r">(secretKeyRef|secretRef|nodePublishSecretRef|imagePullSecrets)>name": (
        "ACC217",
        {"web-client"},
    ),
    r">secret>(name|secretName)": ("ACC217", {"web-client"}),
    r">serviceAccount(Name)?": ("ACC217", {"web"}),
    r">annotations>(konghq\.com|pulumi\.com)/.*": (
        "ACC228",
        {"web-client", "api-client", "database", "web", "api"},
    ),
    r">host_network": ("OAM102", {True, False, None}),
}


def opened(manifest: JsonObject) -> Counter[str]:
    """The number of openings in an object, by code."""
    is_foreign = manifest["kind"] == "CloneSet"
    found: Counter[str] = Counter()
    for path, value in flat(manifest):
        # A controller may read any field, except a container's name and image.
        if (
            is_foreign
            and value == "web-client"
            and not re.search(r"ontainers>(name|image)$", path)
        ):
            found["ACC217"] += 1
        for pattern, (code, values) in PATTERNS.items():
            if not re.search(f"{pattern}$", path) or value not in values:
                continue
            if code == "OAM102":
                found["ACC226"] += value is True
            if is_foreign and code == "OAM102":
                continue
            if not is_foreign or code != "ACC217" or value != "web-client":
                found[code] += 1
    return found


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(workload, st.booleans())
def test_exactly_openings_are_rejected(
    manifest: JsonObject, by_path: bool
) -> None:
    path = "spec.template.spec" if by_path else ""
    component = judged_component(manifest, key="shop/api", made=(("ServiceAccount", "api"), ("Secret", "api-client")), credentials=frozenset({"api-client"}), pod_spec_path=path)  # fmt: skip
    allowed = dict.fromkeys(
        [
            "apps.kruise.io/CloneSet",
            "allowed/RuntimeClass",
            "allowed/CSIDriver",
        ],
        "why",
    )
    found = list(judge((OTHER, component), Rules(allowed=allowed)))
    expected = opened(manifest)
    event(f"{manifest['kind']} {' '.join(sorted(expected)) or 'kept'}")
    assert Counter(diagnostic.code for diagnostic in found) == expected
    assert all(
        isinstance(diagnostic, Diagnostic) and diagnostic.position is not None
        for diagnostic in found
    )


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.text(max_size=3), st.sampled_from(["Secret", "Pod", "v1", "web"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["spec", "template", "metadata", "containers", "labels", "annotations", "selector", "name", "kind", "volumes",
                 "secret", "items", "securityContext", "capabilities", "add", "ports", "env", "values", "namespace", "type"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=20,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(["metadata", "spec", "data", "type", "items"]), junk),
    st.sampled_from([("v1", "Pod"), ("v1", "Service"), ("apps/v1", "Deployment"), ("batch/v1", "CronJob"), ("v1", "Secret"), ("x.org/v1", "Any"),
                     ("helm.toolkit.fluxcd.io/v2", "HelmRelease"), ("helm.sh/v3", "Release"), (None, 3), ("networking.k8s.io/v1", "Ingress")]),
    st.sampled_from(["cluster", "loadBalancer"]),
)  # fmt: skip
def test_whatever_a_definition_renders_is_judged(
    body: JsonObject, kind: tuple[Any, Any], reach: Any
) -> None:
    """Without a crash, and each finding has a position."""
    manifest = {**body, "apiVersion": kind[0], "kind": kind[1]}
    component = judged_component(
        manifest,
        key="shop/api",
        type="helmchart",
        routed=frozenset({"web", ""}),
        pod_spec_path="spec.template.spec",
    )
    for finding in judge(
        (OTHER, component), Rules(allowed={"x.org/Any": "x"}, reach=reach)
    ):
        assert finding.position is not None
        assert str(finding).isprintable() or "\n" in str(finding)
