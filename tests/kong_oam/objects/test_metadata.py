"""Names, labels, annotations and the spelling of fields."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.judged_components import (
    POD,
    SERVICE,
    findings,
    judged_component,
    merged,
)

NEVER_LISTED = [
    "konghq.com/plugins",
    "plugins.konghq.com/x",
    "kong-oam.dev/version",
    "pulumi.com/skipAwait",
    "tailscale.com/expose",
    "haproxy.org/path-rewrite",
]
INJECTED = [
    "vault.hashicorp.com/agent-inject",
    "vault.hashicorp.com/agent-inject-secret-x",
    "kubed.appscode.com/sync",
    "netbird.io/expose",
    "sidecar.istio.io/inject",
    "dapr.io/enabled",
    "linkerd.io/inject",
    "consul.hashicorp.com/connect-inject",
    "notkonghq.com/x",
    "eks.amazonaws.com/role-arn",
    "azure.workload.identity/use",
    "service.beta.kubernetes.io/aws-load-balancer-type",
    "io.kompose.service",
    "aadpodidbinding",
    "expose",
    "istio-injection",
]
KEPT = [
    "prometheus.io/scrape",
    "app.oam.dev/publishVersion",
    "kubernetes.io/ingress-bandwidth",
    "version",
    "checksum/config",
    "app.kubernetes.io/name",
    "helm.sh/chart",
    "kubectl.kubernetes.io/default-container",
    "topology.kubernetes.io/zone",
]


@pytest.mark.parametrize("field", ["labels", "annotations"])
@pytest.mark.parametrize("key", [*NEVER_LISTED, *INJECTED])
def test_what_somebody_obeys_is_refused(key: str, field: str) -> None:
    (message,) = findings(
        judged_component(merged(POD, f"metadata: {{{field}: {{{key}: x}}}}"))
    )
    assert message.startswith(
        f"ACC228 Pod 'p' of 'shop/web': '{key}' in metadata.{field}: "
    )


@pytest.mark.parametrize("key", KEPT)
def test_other_labels_and_annotations_are_kept(key: str) -> None:
    assert (
        findings(
            judged_component(
                merged(
                    POD,
                    f"metadata: {{annotations: {{{key}: x}}, labels: {{{key}: x}}}}",
                )
            )
        )
        == []
    )


words = st.text("abehilmorstvxyzAZ", min_size=1, max_size=7)
domains = st.lists(words, min_size=2, max_size=4).map(
    lambda labels: ".".join(labels).lower()
)
keys = st.tuples(domains, words).map("/".join)
known = re.compile(r"([a-z.]*\.)?(helm\.sh|oam\.dev|prometheus\.io)/.*")


@given(
    keys.filter(lambda key: not known.fullmatch(key)),
    st.sampled_from(["labels", "annotations"]),
)
def test_a_key_of_any_domain_is_the_stacks_to_take(
    key: str, field: str
) -> None:
    """By key or domain, even if its readers are unknown."""
    pod = judged_component(
        merged(POD, "{}")
        | {"metadata": {"name": "p", "namespace": "shop", field: {key: "x"}}}
    )
    (message,) = findings(pod)
    assert message.endswith(
        f"'{key}' in metadata.{field}: controllers that read it may bypass access rules; remove "
        f"it, or declare it harmless in the stack: cluster.metadata, {key}"
    )
    domain = key.partition("/")[0]
    for listed in (key.lower(), domain, domain.partition(".")[2]):
        assert findings(pod, metadata={listed: "a note"}) == []
    assert findings(
        pod, metadata={f"{key.lower()}x": "a note", f"x{domain}": "a note"}
    ) == [message]


@pytest.mark.parametrize("key", NEVER_LISTED)
def test_what_is_obeyed_whatever_happens_no_stack_takes(key: str) -> None:
    listed = {key.lower(): "x", key.lower().partition("/")[0]: "x"}
    assert (
        len(
            findings(
                judged_component(
                    merged(POD, f"metadata: {{labels: {{{key}: x}}}}")
                ),
                metadata=listed,
            )
        )
        == 1
    )


def test_what_is_in_a_template_is_obeyed_too() -> None:
    inner = "metadata: {annotations: {konghq.com/x: y}}, spec: {containers: [{name: c}]}"
    job = f"{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: j}}, spec: {{jobTemplate: {{spec: {{template: {{{inner}}}}}}}}}}}"
    (message,) = findings(judged_component(job))
    assert (
        "'konghq.com/x' in spec.jobTemplate.spec.template.metadata.annotations"
        in message
    )


def test_an_ingress_is_not_deployed() -> None:
    """No controller reads it; its routes are read elsewhere."""
    manifest = "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: x, annotations: {konghq.com/plugins: y}, finalizers: [z]}}"
    assert findings(judged_component(manifest)) == []


@pytest.mark.parametrize(
    "field",
    [
        "finalizers: [x]",
        "ownerReferences: [{name: x}]",
        "generateName: x-",
        "managedFields: [x]",
        "whatComes: x",
    ],
)
def test_metadata_says_what_an_object_is_called_and_no_more(field: str) -> None:
    (message,) = findings(
        judged_component(merged(POD, f"metadata: {{{field}}}"))
    )
    assert message.startswith(
        f"ACC228 Pod 'p' of 'shop/web': metadata.{field.partition(':')[0]} "
    )


def test_empty_metadata_is_none() -> None:
    assert (
        findings(
            judged_component(
                merged(
                    POD,
                    "metadata: {creationTimestamp: null, finalizers: [], uid: ''}",
                )
            )
        )
        == []
    )


@pytest.mark.parametrize("name", ["", "null", "''"])
def test_an_object_has_a_name(name: str) -> None:
    (message,) = findings(
        judged_component(merged(POD, f"metadata: {{name: {name}}}"))
    )
    assert (
        message
        == "OAM105 Pod '' of 'shop/web': metadata.name is missing; set it in the definition"
    )


SPELLED = [
    ("spec: {host_network: true}", "spec.host_network"),
    (
        "spec: {containers: [{name: c, security_context: {privileged: true}}]}",
        "spec.containers[0].security_context",
    ),
    (
        "spec: {containers: [{name: c, env_from: [{}]}]}",
        "spec.containers[0].env_from",
    ),
    ("api_version: v1", "api_version"),
]


@pytest.mark.parametrize(("changes", "path"), SPELLED)
def test_fields_are_spelled_as_kubernetes_spells_them(
    changes: str, path: str
) -> None:
    """The engine's SDK converts the other spelling."""
    messages = findings(judged_component(merged(POD, changes)))
    assert any(
        f"OAM102 Pod 'p' of 'shop/web': Kubernetes has no field {path}; write"
        in message
        for message in messages
    )


def test_no_template_hides_behind_a_spelling() -> None:
    job = "{apiVersion: batch/v1, kind: CronJob, metadata: {name: j}, spec: {job_template: {spec: {template: {spec: {hostNetwork: true}}}}}}"
    assert "OAM102" in "".join(findings(judged_component(job)))


FREE = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: s, labels: {a_b: c}, annotations: {a_b: c}}
spec:
  selector: {matchLabels: {a_b: c}}
  template:
    metadata: {labels: {a_b: c}}
    spec:
      nodeSelector: {a_b: c}
      overhead: {a_b: 1}
      affinity: {podAffinity: {x: [{labelSelector: {matchLabels: {a_b: c}}}]}}
      containers: [{name: c, resources: {limits: {a_b: 1}, requests: {a_b: 1}}}]
      volumes: [{name: v, csi: {volumeAttributes: {a_b: c}}}]
  volumeClaimTemplates: [{spec: {resources: {requests: {a_b: 1}}}, status: {capacity: {a_b: 1}}}]
status: {a_b: c}
"""
CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {LOG_LEVEL: debug}, binaryData: {a_b: ''}}"
SECRET = "{apiVersion: v1, kind: Secret, metadata: {name: c}, data: {LOG_LEVEL: ''}, stringData: {a_b: ''}}"
CLASS = "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: c}, parameters: {a_b: c}}"
VOLUME = "{apiVersion: v1, kind: PersistentVolume, metadata: {name: c}, spec: {capacity: {a_b: 1}, csi: {volumeAttributes: {a_b: c}}}}"
RELEASE = "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: r}, spec: {values: {a_b: c}}}"


@pytest.mark.parametrize(
    "manifest",
    [
        FREE,
        CONFIG,
        SECRET,
        CLASS,
        VOLUME,
        RELEASE,
        merged(SERVICE, "spec: {selector: {a_b: x}}"),
    ],
)
def test_keys_that_users_choose_may_have_underscores(manifest: str) -> None:
    assert (
        findings(
            judged_component(manifest),
            allowed={
                "storage.k8s.io/StorageClass": "x",
                "PersistentVolume": "x",
            },
        )
        == []
    )


def test_templates_in_lists_are_obeyed_too() -> None:
    claims = "spec: {volumeClaimTemplates: [{metadata: {name: v, annotations: {konghq.com/x: y}}}]}"
    (message,) = findings(judged_component(merged(FREE, claims)))
    assert (
        "'konghq.com/x' in spec.volumeClaimTemplates[0].metadata.annotations"
        in message
    )


@pytest.mark.parametrize("field", ["opts", "whatComes"])
def test_an_object_has_the_fields_of_its_kind_alone(field: str) -> None:
    """The engine reads some others as its own options."""
    messages = findings(judged_component(merged(POD, f"{field}: {{}}")))
    assert messages == [
        f"OAM102 Pod 'p' of 'shop/web': Pod has no field '{field}'; remove it"
    ]


def test_a_kind_that_nobody_knows_has_no_field_of_the_engines() -> None:
    manifest = "{apiVersion: x.org/v1, kind: Any, metadata: {name: a}, what: {}, __inputs: {}}"
    messages = findings(judged_component(manifest), allowed={"x.org/Any": "x"})
    assert messages == [
        "OAM102 Any 'a' of 'shop/web': Any has no field '__inputs'; remove it"
    ]


@pytest.mark.parametrize("manifest", [CONFIG, RELEASE, POD])
def test_no_value_is_taken_for_a_file_or_a_secret_of_the_engines(
    manifest: str,
) -> None:
    mark = "{4dabf18193072939515e22adb298388d: c44067f5952c0a294b673a41bacd8c17, path: /etc/passwd}"
    field = "data" if manifest is CONFIG else "spec"
    (message,) = (
        found
        for found in findings(
            judged_component(merged(manifest, f"{{{field}: {{x: [{mark}]}}}}"))
        )
        if found.startswith("ACC228 ")
    )
    assert (
        f"{field}.x[0] is marked as a file or secret of the engine" in message
    )


@pytest.mark.parametrize(
    "field",
    [
        "podAnnotations",
        "additionalPodLabels",
        "serviceAnnotations",
        "labels",
        "annotations",
    ],
)
def test_what_a_controller_is_told_to_write_is_obeyed_too(field: str) -> None:
    """In labels and annotations of unknown kinds, except selectors."""
    spec = {
        "deep": [{field: {"vault.hashicorp.com/agent-inject": "true"}}],
        "matchLabels": {"x.org/y": "z"},
    }
    manifest = {
        "apiVersion": "x.org/v1",
        "kind": "Any",
        "metadata": {"name": "a"},
        "spec": spec,
    }
    (message,) = findings(
        judged_component(manifest), allowed={"x.org/Any": "x"}
    )
    assert (
        f"'vault.hashicorp.com/agent-inject' in spec.deep[0].{field}: controllers that read it may bypass access rules"
        in message
    )
