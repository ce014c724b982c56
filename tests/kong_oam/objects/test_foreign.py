"""Objects of unknown kinds: rejected values at any depth and in any field."""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.json_object import JsonObject
from tests.support.judged_components import findings, judged_component

WEB = judged_component(
    key="shop/web",
    made=(("ServiceAccount", "web"), ("Secret", "web-client")),
    credentials=frozenset({"web-client"}),
)
ALLOWED = {"x.org/Any": "x", "other/Namespace": "x"}
FIELDS = [
    "spec", "template", "pod", "metadata", "containers", "volumes", "imagePullSecrets", "fooPullSecrets", "status",
    "manifests", "items", "deep", "from", "x-y", "values", "sparkConf", "configuration", "name", "type",
]  # fmt: skip
noise = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from(["own", "own-client", "v1", "shop/x", "true"])),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@st.composite
def around(draw: st.DrawFn) -> list[tuple[str | None, Any]]:
    """The path to a place in an object, from the inside: a field, or None for a list, with the
    neighbours of the place."""
    return draw(
        st.lists(st.tuples(st.sampled_from([*FIELDS, None]), noise), max_size=6)
    )


def placed(
    inner: Any, way: list[tuple[str | None, Any]], top: str = "spec"
) -> JsonObject:
    """An unknown object with a value at the end of a path."""
    for field, beside in way:
        inner = (
            [beside, inner]
            if field is None
            else {"beside": beside, field: inner}
        )
    return {
        "apiVersion": "x.org/v1",
        "kind": "Any",
        "metadata": {"name": "a"},
        top: inner,
    }


def found(
    inner: Any, way: list[tuple[str | None, Any]], top: str = "spec"
) -> list[str]:
    return findings(
        WEB,
        judged_component(
            placed(inner, way, top),
            key="shop/own",
            made=(("ServiceAccount", "own"),),
        ),
        allowed=ALLOWED,
    )


def with_other(inner: Any, name: str) -> Any:
    """The same with another name instead of WEB's."""
    if isinstance(inner, str):
        return inner.replace("web", name)
    if isinstance(inner, list):
        return [with_other(item, name) for item in inner]
    if isinstance(inner, dict):
        return {
            with_other(key, name): with_other(item, name)
            for key, item in inner.items()
        }
    return inner


SECRETS: list[Any] = [
    "web-client",
    "shop/web-client",
    "secret:web-client:token",
    "ref+k8s://v1/Secret/shop/web-client/token",
    "shop%2Fweb-client",
    '{"name": "web\\u002dclient"}',
    ["web-client"],
    "web-client.default",
    "secrets.web-client.token",
    'token: "web-\\\n  client"',
    {"web-client": 1},
    {"metadata": {"name": "web-client"}},
    {"spark.kubernetes.driver.secrets.web-client": "/x"},
    {"spark.kubernetes.driver.secretKeyRef.TOKEN": "web-client:token"},
    {"containers": [{"from": "web-client"}]},
    '{{ x }} token: "web-\\\n  client"',
    r'{{ x }} "token: \"web-\\\n  client\""',
    "{{ x }} kubectl get secret\\\n  web-client",
    {"writeConnectionSecretToRef": "web-client"},
    {"writeConnectionSecretToRef": {"deep": {"name": "web-client"}}},
    {"volumes": [{"name": "web-client"}]},
    {"containers": {"metadata": {"name": "web-client"}}},
    {"dockerPullSecrets": [{"name": "web-client"}]},
    {
        "manifest": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "data": {},
            "name": "web-client",
        }
    },
]
ENCODED: list[Any] = [
    '{{ x }} token: "\\U00000077eb-client"',
    "{{ x }} token: !!binary d2ViLWNsaWVudA==",
    "{{ x }} token: !<tag:yaml.org,2002:binary> 'd2ViLWNsaWVudA=='",
    "{{ x }} token: !!binary |\n  d2ViLWNs\n  aWVudA==\n",
    "{{ x }}\nsecret: !!binary a2VwdA==\ntoken: !!binary d2ViLWNsaWVudA==\nkind: Some",
]
ACCOUNTS: list[Any] = [
    {"serviceAccountRef": {"name": "web"}},
    {"serviceAccountName": "web"},
    {"serviceAccountNames": ["web"]},
    {"runAs": {"kind": "ServiceAccount", "name": "web"}},
    {"spark.kubernetes.authenticate.driver.serviceAccountName": "web"},
    {"kubernetes.service-account": "web"},
    {"conf": "kubernetes.jobmanager.service-account: web\n"},
    {"user": "system:serviceaccount:shop:web"},
    {
        "metadata": {
            "annotations": {"kubernetes.io/service-account.name": "web"}
        }
    },
    {"env": [{"name": "SERVICE_ACCOUNT", "value": "web"}]},
    {"args": ["--service-account", "web"]},
    {"auth": {"type": "ServiceAccount", "ref": {"name": "web"}}},
    {"serviceAccountTemplate": {"metadata": {"name": "web"}}},
    {"serviceAccounts": {"web": {}}},
    {"serviceAccounts": [{"web": {}}]},
    {"serviceAccounts": {"server": "web"}},
    "serviceAccountRef:\n  namespace: x\n  name: web",
    '{"serviceAccountRef": {"namespace": "x", "name": "web"}}',
    "spec: {serviceAccountName: web}",
    '{"serviceAccountName": "web"}',
    "serviceaccount: 'web'",
    'service_account_name = "web"',
    "a: b\n---\ntext: |\n  runAs:\n    kind: ServiceAccount\n    name: web\n",
    "{{ if true }}\nserviceAccountRef:\n  namespace: x\n  name: web\n{{ end }}",
    "serviceAccountRef: &a\n  namespace: x\n  name: web\n<<: *a\n",
    'resource "kubernetes_service_account" "x" { metadata { name = "web" } }',
    '{{ x }} "service\\U00000041ccountName": web',
]
TOKEN = {"type": "kubernetes.io/service-account-token"}
LABELS: list[Any] = [
    {"app.oam.dev/component": "web"},
    {"metadata": {"labels": {"app.oam.dev/component": "web"}}},
    {"inheritedMetadata": {"labels": {"app.oam.dev/component": "web"}}},
    {"spark.kubernetes.driver.label.app.oam.dev/component": "web"},
    {"labels": "app.oam.dev/component=web,tier=x"},
    {"set": "podLabels.app\\.oam\\.dev/component=web"},
    {"parameters": [{"name": "podLabels.app\\.oam\\.dev/component", "value": "web"}]},
    {"values": '{"app.oam.dev\\/component": "web"}'},
    {"values": '{"app.oam.dev\\u002fcomponent": "web"}'},
    {"manifest": "metadata:\n  labels:\n    app.oam.dev/component: web\n"},
    {"labels": [{"key": "app.oam.dev/component", "value": "web"}]},
    {"matchExpressions": [{"key": "app.oam.dev/component", "operator": "In", "values": ["web"]}]},
    {"values": '{{ x }} "app.oam.dev/\\U00000063omponent": web'},
    {"values": '{{ x }} "app.oam.dev/comp\\\n  onent": web'},
    {"values": "{{ x }} !!binary YXBwLm9hbS5kZXYvY29tcG9uZW50: web"},
    [{"path": "/metadata/labels/app.oam.dev~1component", "value": "web"}],
]  # fmt: skip
NODES: list[Any] = [
    {"hostNetwork": True},
    {"hostNetwork": "true"},
    {"hostNetwork": 1},
    {"hostNetwork": "yes"},
    {"hostNetwork": {"enabled": True}},
    {"hostPID": True},
    {"hostIPC": True},
    {"privileged": True},
    {"hostPath": {"path": "/"}},
    {"hostPath": "/"},
    {"dataDirHostPath": "/var"},
    {"kubernetes.hostnetwork.enabled": "true"},
    {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}},
    {"containerSecurityContext": {"procMount": "Unmasked"}},
    {"podSecurityContext": {"seccompProfile": {"type": "Unconfined"}}},
    {"container": {"securityContext": {"privileged": True}}},
    {"container": {"ports": [{"containerPort": 80, "hostPort": 80}]}},
    {"sidecars": [{"name": "s", "ports": [{"hostPort": "80"}]}]},
    {"sidecars": [{"name": "s", "ports": [{"hostPort": "0x1F90"}]}]},
    {"sidecars": [{"name": "s", "ports": [{"hostPort": "8_080"}]}]},
    {
        "container": {
            "livenessProbe": {"httpGet": {"host": "web.shop.svc", "port": 80}}
        }
    },
    {
        "initContainers": [
            {
                "name": "s",
                "lifecycle": {
                    "preStop": {"tcpSocket": {"host": "web.shop.svc"}}
                },
            }
        ]
    },
    {"hostPaths": ["/var"]},
    {"hostPaths": {"data": "/var"}},
    {"hostPath": {"source": {"at": "/var"}}},
    {"volumes": [{"name": "v", "flexVolume": {"driver": "x"}}]},
    {"volumes": [{"name": "v", "csi": {"driver": "x"}}]},
    {"pod": {"runtimeClassName": "x"}},
    {"pod": {"resourceClaims": [{"name": "x"}]}},
    "pod:\n  hostNetwork: true\n",
    "{{ if true }}\npod:\n  hostNetwork: true\n  x: {hostNetwork: false}\n{{ end }}",
    "{{ x }} {volumes: [{hostPath: {path: /}}], privileged: true}",
    "spec { host_network = true }",
    '{{ x }} "host\\U0000004eetwork": true',
    '{{ x }} "host\\\n  Network": true',
    "{{ x }} !!binary aG9zdE5ldHdvcms=: true",
    "{{ x }} hostNetwork:" + " " * 300 + "true",
    "{{ x }}\n? hostNetwork # of the pod\n: true",
    '{"pod": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}}',
]


def nested(kind: str, api: str = "v1", **fields: Any) -> JsonObject:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": "n"},
        **fields,
    }


NESTED = [
    (nested("NetworkPolicy", "networking.k8s.io/v1", spec={}), "ACC224"),
    (nested("Ingress", "networking.k8s.io/v1", spec={}), "ACC224"),
    (nested("HTTPRoute", "gateway.networking.k8s.io/v1", spec={}), "ACC224"),
    (nested("Unlisted", "y.org/v1", spec={}), "ACC224"),
    (nested("Role", "rbac.authorization.k8s.io/v1", rules=[]), "ACC224"),
    ({"apiVersion": "v1", "kind": "Endpoints", "name": "n", "data": {}}, "ACC224"),
    (nested("Service", spec={"type": "LoadBalancer", "selector": {"a": "b"}}), "ACC227"),
    (nested("Service", spec={"externalName": "x", "type": "ExternalName"}), "ACC227"),
    ({**nested("ConfigMap"), "metadata": {"name": "n", "namespace": "elsewhere"}}, "ACC225"),
    ({**nested("ServiceAccount"), "metadata": {"name": "web"}}, "OAM107"),
    (nested("Secret", type="kubernetes.io/service-account-token"), "ACC217"),
    (nested("Pod", spec={"containers": [{"name": "c"}], "hostNetwork": True}), "ACC226"),
    (nested("Deployment", "apps/v1", spec={"template": {"spec": {"containers": [{"securityContext": {"privileged": True}}]}}}), "ACC226"),
]  # fmt: skip

POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "spec": {},
}
POLICY_TEXT = (
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nspec: {}\n"
)


def wrapped(value: Any, times: int) -> Any:
    """A value as JSON in a field of a mapping that is itself JSON."""
    for _ in range(times):
        value = {"in": json.dumps(value)}
    return value


UNREAD: list[Any] = [
    POLICY_TEXT + "# {{x}}",
    POLICY_TEXT + "metadata: {name: '{{x}}'}",
    POLICY_TEXT + "kind: NetworkPolicy",
    POLICY_TEXT + "<<: {a: b}",
    POLICY_TEXT + "metadata: !x {}",
    f"a: b\n---\n{POLICY_TEXT}x: !x {{}}",
    wrapped(POLICY, 4),
    wrapped(POLICY, 7),
    f"kubectl apply -f - <<EOF\n{POLICY_TEXT}EOF\n",
    """echo '{"apiVersion":"v1","kind":"Endpoints"}' | kubectl apply -f -""",
    {"text": f"{{{{ x }}}}\n{POLICY_TEXT}"},
    'resource "x" { manifest = { apiVersion = "v1", kind = "Endpoints" } }',
    '{{ x }}\n"api\\x56ersion": v1\n"k\\U00000069nd": Endpoints',
    '{{ x }}\n"api\\\n  Version": v1\n"kin\\\n  d": Endpoints',
    "{{ x }}\n!!binary YXBpVmVyc2lvbg==: v1\n!!binary a2luZA==: Endpoints",
    "!!binary YXBpVmVyc2lvbg==: v1\n!!binary a2luZA==: Endpoints\nsubsets: []",
    "{{ x }}\n? !!binary 'YXBpVmVy\n  c2lvbg=='\n: v1\nkind: Endpoints",
    "%TAG !e! tag:yaml.org,2002:bin\n---\n!e!ary YXBpVmVyc2lvbg==: v1\nkind: Endpoints",
    "{{ x }}\n? apiVersion # one\n: v1\n? kind # another\n: Endpoints",
    "{{ x }}\na: &a apiVersion\nb: &b !!str kind\n*a : v1\n*b : Endpoints",
    '{{ dict "apiVersion" "v1" "kind" "Endpoints" | toYaml }}',
]

OBEYED: list[Any] = [
    {"podAnnotations": {"sidecar.istio.io/inject": "true"}},
    {"podAnnotations": {"server": {"sidecar.istio.io/inject": "true"}}},
    {"podAnnotations": [{"key": "sidecar.istio.io/inject", "value": "true"}]},
    {"podAnnotations": [{"name": "sidecar.istio.io/inject", "value": "true"}]},
    {"podAnnotations": ["sidecar.istio.io/inject=true"]},
    {"podAnnotations": "sidecar.istio.io/inject: 'true'\n"},
    {"podLabels": "a=b,sidecar.istio.io/inject=true"},
    "metadata:\n  annotations:\n    sidecar.istio.io/inject: 'true'\n",
]

CASES = [
    *((inner, "ACC217") for inner in (*SECRETS, *ENCODED, *ACCOUNTS, TOKEN)),
    *((inner, "ACC226") for inner in (*LABELS, *NODES)),
    *((inner, "ACC228") for inner in OBEYED),
    *((json.dumps(inner), code) for inner, code in NESTED),
    *((inner, "ACC224") for inner in UNREAD),
    *NESTED,
]
quick = settings(suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(("inner", "code"), CASES)
def test_uses_of_another_components_identity_are_rejected(
    inner: Any, code: str
) -> None:
    assert code in {message[:6] for message in found(inner, [])}


@quick
@given(
    st.sampled_from(CASES),
    around(),
    st.sampled_from(["spec", "status", "template", "data"]),
)
def test_uses_of_another_components_identity_are_rejected_at_any_depth(
    case: tuple[Any, str], way: list[tuple[str | None, Any]], top: str
) -> None:
    inner, code = case
    assert code in {message[:6] for message in found(inner, way, top)}


@quick
@given(st.sampled_from([*SECRETS, *ACCOUNTS, *LABELS[:-1]]), around())
@example("web", [(None, False), ("containers", [False]), ("spec", 0)])
def test_the_components_own_identity_is_accepted_at_any_depth(
    inner: Any, way: list[tuple[str | None, Any]]
) -> None:
    """And so are names without an owner. If the path makes a misshapen pod, such as a container
    that is no mapping, only that is reported (OAM103)."""
    codes = {message[:6] for message in found(with_other(inner, "own"), way)}
    assert codes <= {"OAM103"}


@pytest.mark.parametrize(
    "inner",
    [
        {"containers": [{"name": "web-client", "image": "acme/web-client:1"}]},
        {
            "port": "web",
            "tier": "web",
            "path": "/var/web",
            "url": "http://web.shop.svc:80",
            "names": ["web"],
        },
        {"text": "my-web-client web-client2 web.client"},
        {
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            "name": "web",
        },
        {
            "hostNetwork": False,
            "hostPID": None,
            "privileged": False,
            "hostPath": None,
            "hostIPC": "false",
        },
        {
            "properties": {
                "hostNetwork": {"type": "boolean"},
                "hostPath": {"properties": {"path": {"type": "string"}}},
            }
        },
        {
            "securityContext": {
                "runAsUser": 0,
                "capabilities": {"drop": ["ALL"]},
            },
            "unprivileged": True,
        },
        {
            "serviceAccount": {
                "create": True,
                "annotations": {"role": "arn:aws:iam::1:role/web"},
            }
        },
        {
            "targetRef": {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "HTTPRoute",
                "name": "n",
            }
        },
        {
            "template": nested("ConfigMap", data={"a": "b"}),
            "claims": [nested("PersistentVolumeClaim", spec={})] * 2,
        },
        {
            "container": {"name": "c", "image": "acme/web-client:1"},
            "image": {"repository": "web-client"},
        },
        {
            "env": [
                {
                    "valueFrom": {
                        "fieldRef": {
                            "fieldPath": "metadata.labels['app.oam.dev/component']"
                        }
                    }
                }
            ]
        },
        {
            "podAntiAffinity": [
                {
                    "labelSelector": {
                        "matchLabels": {"app.oam.dev/component": "web"}
                    }
                }
            ]
        },
        {
            "text": "matchExpressions:\n- key: app.oam.dev/component\n  operator: In\n  values: [own]\n"
        },
        {
            "text": "serviceAccount:\n  create: true\nservice: web\nport: http://web.shop.svc\n"
        },
        {"text": "the apiVersion and the kind of an object {{ x }}"},
        {"text": "{{ x }} name: own, kind: ConfigMap"},
        {
            "text": "targetRef: {apiVersion: apps/v1, kind: Deployment, name: own}"
        },
        {
            "sources": [
                {"serviceAccountToken": {"audience": "web", "path": "web"}}
            ]
        },
        {
            "text": "{{ x }} hostNetwork: false, privileged = false, unprivileged: true hostPort: redis"
        },
        {
            "hostPort": "redis:6379",
            "ports": [{"hostPort": 0}],
            "httpGet": {"path": "/", "port": 80},
        },
        {
            "podAnnotations": {
                "note": "docker.io/x https://sidecar.istio.io/inject"
            },
            "podLabels": ["a=b"],
        },
    ],
)
def test_other_texts_and_fields_are_the_objects_own(inner: Any) -> None:
    assert found(inner, []) == []


def test_a_secret_in_another_namespace_is_named_with_it() -> None:
    """Without its namespace, the name may mean a Secret in the object's namespace."""
    api = {"key": "other/api", "namespace": "other"}
    values = [
        {"namespace": "shop", "deep": {"name": "web-client"}},
        {"from": ["shop/web-client"]},
    ]
    for inner, count in (
        (values[0], 1),
        (values[1], 1),
        ({"name": "web-client"}, 0),
    ):
        assert (
            len(
                findings(
                    WEB,
                    judged_component(placed(inner, []), **api),
                    allowed=ALLOWED,
                )
            )
            == count
        ), inner


def test_a_secret_of_ones_own_may_be_called_as_that_of_another_namespace() -> (
    None
):
    caller = {
        "key": "other/web",
        "namespace": "other",
        "credentials": frozenset({"web-client"}),
    }
    for inner, count in (
        ({"name": "web-client", "note": "shop"}, 0),
        ({"name": "shop/web-client"}, 1),
    ):
        assert (
            len(
                findings(
                    WEB,
                    judged_component(placed(inner, []), **caller),
                    allowed=ALLOWED,
                )
            )
            == count
        ), inner


FLUX = [
    "kustomize.toolkit.fluxcd.io/v1 Kustomization",
    "helm.toolkit.fluxcd.io/v2 HelmRelease",
]


@pytest.mark.parametrize("kind", FLUX)
@pytest.mark.parametrize(
    "inner", [*LABELS, TOKEN, *SECRETS, *ENCODED, *ACCOUNTS]
)
def test_values_for_flux_are_read_alike(kind: str, inner: Any) -> None:
    api, _, name = kind.partition(" ")
    manifest = {
        "apiVersion": api,
        "kind": name,
        "metadata": {"name": "a"},
        "spec": {"values": inner},
    }
    assert {
        message[:6]
        for message in findings(WEB, judged_component(manifest, key="shop/own"))
    } & {
        "ACC217",
        "ACC226",
    }


@pytest.mark.parametrize(
    "inner", [*LABELS, TOKEN, *SECRETS, *ENCODED, *ACCOUNTS]
)
def test_value_sources_of_a_chart_are_read(inner: Any) -> None:
    spec = {"valuesFrom": [{"kind": "ConfigMap", "name": "values"}]}
    manifest = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "a"},
        "spec": spec,
    }
    values = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "values"},
    }
    content = {"data": {"values.yaml": yaml.safe_dump(inner)}}
    messages = findings(
        WEB, judged_component(manifest, {**values, **content}, key="shop/own")
    )
    assert {message[:6] for message in messages} & {"ACC217", "ACC226"}


def test_a_role_within_another_object_gives_rights() -> None:
    role = nested(
        "Role",
        "rbac.authorization.k8s.io/v1",
        rules=[{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
    )
    (message,) = findings(
        judged_component(placed({"manifest": role}, [])),
        allowed=ALLOWED,
        rbac=True,
    )
    assert (
        message.startswith("ACC251 ")
        and "get secrets in namespace shop" in message
    )


def test_unreadable_objects_in_texts_are_found_at_their_position() -> None:
    assert found({"manifest": POLICY_TEXT + "# {{x}}"}, []) == [
        "ACC224 Any 'a' of 'shop/own': spec.manifest contains an object that readers may "
        "interpret differently, so it cannot be checked; write it as plain YAML, without "
        "templates"
    ]


def test_no_object_within_another_replaces_one_of_another_component() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]},
    }
    web = judged_component(service, key="shop/web")
    (message,) = findings(
        web,
        judged_component(placed(service, []), key="shop/own"),
        allowed=ALLOWED,
    )
    assert message.startswith(
        "OAM107 Service 'web' in namespace 'shop' would also be created for 'shop/web'"
    )


@pytest.mark.parametrize(
    "text",
    [
        "a" * 300_000,
        "{{ a" + " " * 300_000 + ":",
        "a:" * 100_000,
        "a= " * 100_000,
        "{{" + "\\" * 300_000,
        "{{" + "&a kind" * 50_000,
        "{{" + "kind #" * 50_000,
        "{{" + "kind" + "]" * 300_000,
        "{{" + "!!binary &" * 30_000,
        "{{" + "!!binary aaaa " * 20_000,
    ],
)
def test_a_large_text_takes_no_longer_than_it_is_long(text: str) -> None:
    begun = process_time()
    assert found(text, []) == []
    assert process_time() - begun < 5


def test_a_large_object_takes_no_longer_than_it_is_long() -> None:
    entries = {
        f"key-{index}": f"serviceAccount app.oam.dev/component web-{index}"
        for index in range(3_000)
    }
    took = []
    for size in (1, 4):
        begun = process_time()
        found({"deep": [entries] * size}, [])
        took.append(process_time() - begun)
    assert took[1] < 10 * took[0] + 1


def test_no_service_within_another_object_answers_outside() -> None:
    """Unlike the component's Services, it is not limited to the component's pods."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c"}]},
    }
    selector = {"app.oam.dev/component": "own"}
    service = nested(
        "Service",
        spec={
            "type": "LoadBalancer",
            "selector": selector,
            "ports": [{"port": 80}],
        },
    )
    own = judged_component(service, pod, key="shop/own")
    assert findings(own, service_types=("LoadBalancer",)) == []
    (message,) = findings(
        judged_component(placed(service, []), pod, key="shop/own"),
        allowed=ALLOWED,
        service_types=("LoadBalancer",),
    )
    assert message.startswith(
        "ACC227 Service 'n' of 'shop/own': spec.type 'LoadBalancer' opens the Service outside the cluster"
    )
