"""Credentials and ServiceAccounts in objects, and their owners."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.json_object import JsonObject
from tests.support.judged_components import (
    POD,
    findings,
    judged_component,
    merged,
)

WEB = judged_component(
    key="shop/web",
    made=(("ServiceAccount", "web"), ("Secret", "web-client")),
    credentials=frozenset({"web-client", "kept"}),
)
MINE: JsonObject = {
    "key": "shop/api",
    "made": (("ServiceAccount", "api"), ("Secret", "api-client")),
    "credentials": frozenset({"api-client"}),
}
READS = [
    ("containers: [{name: c, env: [{name: A, valueFrom: {secretKeyRef: {name: NAME, key: k}}}]}]", "spec.containers[0].env[0].valueFrom.secretKeyRef.name"),
    ("containers: [{name: c, envFrom: [{configMapRef: {name: x}}, {secretRef: {name: NAME}}]}]", "spec.containers[0].envFrom[1].secretRef.name"),
    ("initContainers: [{name: c, envFrom: [{secretRef: {name: NAME}}]}]", "spec.initContainers[0].envFrom[0].secretRef.name"),
    ("ephemeralContainers: [{name: c, envFrom: [{secretRef: {name: NAME}}]}]", "spec.ephemeralContainers[0].envFrom[0].secretRef.name"),
    ("volumes: [{name: v, secret: {secretName: NAME}}]", "spec.volumes[0].secret.secretName"),
    ("volumes: [{name: v, projected: {sources: [{secret: {name: NAME}}]}}]", "spec.volumes[0].projected.sources[0].secret.name"),
    ("volumes: [{name: v, csi: {nodePublishSecretRef: {name: NAME}}}]", "spec.volumes[0].csi.nodePublishSecretRef.name"),
    ("volumes: [{name: v, csi: {nodePublishSecretRef: NAME}}]", "spec.volumes[0].csi.nodePublishSecretRef"),
    ("imagePullSecrets: [{name: x}, {name: NAME}]", "spec.imagePullSecrets[1].name"),
    ("volumes: [{name: v, azureFile: {secretName: NAME}}]", "spec.volumes[0].azureFile.secretName"),
    ("volumes: [{name: v, cephfs: {secretRef: {name: NAME}}}]", "spec.volumes[0].cephfs.secretRef.name"),
]  # fmt: skip


def api(*objects: Any, **more: Any) -> Any:
    return judged_component(*objects, **{**MINE, **more})


@pytest.mark.parametrize("name", ["web-client", "kept"])
@pytest.mark.parametrize(("spec", "path"), READS)
def test_no_pod_reads_another_components_credential(
    spec: str, path: str, name: str
) -> None:
    pod = merged(POD, f"spec: {{{spec.replace('NAME', name)}}}")
    assert findings(WEB, api(pod)) == [
        f"ACC217 Pod 'p' of 'shop/api': {path} '{name}' is the credential of 'shop/web'; use a client trait of this component"
    ]


@pytest.mark.parametrize(("spec", "path"), READS)
def test_a_pod_reads_its_own_and_unowned_secrets(spec: str, path: str) -> None:
    for name in ("api-client", "database"):
        assert (
            findings(
                WEB, api(merged(POD, f"spec: {{{spec.replace('NAME', name)}}}"))
            )
            == []
        )


def test_a_name_alone_is_no_reference() -> None:
    """Such as a container's name: a component may have the name of another's Secret."""
    pod = merged(
        POD,
        "{metadata: {name: web-client, labels: {x: web-client}}, spec: {containers: [{name: web-client}]}}",
    )
    assert findings(WEB, api(pod)) == []


def test_a_secret_is_of_one_namespace() -> None:
    pod = merged(POD, f"spec: {{{READS[1][0].replace('NAME', 'web-client')}}}")
    assert (
        findings(WEB, judged_component(pod, key="other/api", namespace="other"))
        == []
    )


@pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
def test_no_pod_runs_as_another_components_account(field: str) -> None:
    assert findings(WEB, api(merged(POD, f"spec: {{{field}: web}}"))) == [
        f"ACC217 Pod 'p' of 'shop/api': spec.{field} 'web' is the ServiceAccount of 'shop/web'; remove it, since each component has its own"
    ]
    for name in ("api", "default", "somebody"):
        assert (
            findings(WEB, api(merged(POD, f"spec: {{{field}: {name}}}"))) == []
        )


def test_an_account_that_a_component_renders_is_its_own() -> None:
    account = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: shared}}"
    pod = merged(POD, "spec: {serviceAccountName: shared}")
    assert findings(api(account, pod)) == []
    (message,) = findings(judged_component(account), api(pod))
    assert (
        "spec.serviceAccountName 'shared' is the ServiceAccount of 'shop/web'"
        in message
    )


def test_no_account_pulls_with_anothers_secret() -> None:
    """Neither with a client's Secret nor with a host's TLS key."""
    web = replace(WEB, shown=frozenset({"shop-tls"}))
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "pulls"},
    }
    for name in ("web-client", "shop-tls"):
        (message,) = findings(
            web, api({**account, "imagePullSecrets": [{"name": name}]})
        )
        assert message.startswith(
            "ACC217 ServiceAccount 'pulls' of 'shop/api': imagePullSecrets[0].name "
        )


RELEASE = "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: r}, spec: {SPEC}}"


def test_a_release_reads_where_it_deploys_to() -> None:
    release = RELEASE.replace(
        "SPEC", "targetNamespace: shop, values: {s: web-client}"
    ).replace("name: r", "name: r, namespace: ops")
    found = findings(
        WEB,
        judged_component(release, key="ops/api", namespace="ops"),
        allowed={"shop/Namespace": "x"},
    )
    assert [message[:6] for message in found] == ["ACC217"]


def test_no_token_is_written_into_a_secret() -> None:
    secret = "{apiVersion: v1, kind: Secret, metadata: {name: s, annotations: {kubernetes.io/service-account.name: web}}, type: TYPE}"
    (message,) = findings(
        WEB, api(secret.replace("TYPE", "kubernetes.io/service-account-token"))
    )
    assert message.startswith(
        "ACC217 Secret 's' of 'shop/api': its type lets the cluster write a ServiceAccount token"
    )
    assert findings(WEB, api(secret.replace("TYPE", "Opaque"))) == []


@pytest.mark.parametrize("name", ["web-client", "api-client", "kept"])
def test_nothing_writes_over_a_credential(name: str) -> None:
    """Neither another's nor the component's own."""
    secret = f"{{apiVersion: v1, kind: Secret, metadata: {{name: {name}}}}}"
    assert [message[:6] for message in findings(WEB, api(secret))] == ["OAM107"]
    terraform = "{apiVersion: terraform.core.oam.dev/v1beta2, kind: Configuration, metadata: {name: t}, spec: {writeConnectionSecretToRef: {name: NAME}}}"
    (message,) = findings(WEB, api(terraform.replace("NAME", name)))
    assert message.startswith(
        f"OAM107 Configuration 't' of 'shop/api': spec.writeConnectionSecretToRef.name would overwrite '{name}'"
    )


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("writeConnectionSecretToRef", "OAM107"),
        ("gitCredentialsSecretReference", "ACC217"),
        ("terraformCredentialsSecretReference", "ACC217"),
    ],
)
def test_a_reference_leads_into_the_namespace_that_it_names(
    field: str, code: str
) -> None:
    """Also from another namespace, if the stack allows objects in the client's."""
    terraform = f"{{apiVersion: terraform.core.oam.dev/v1beta2, kind: Configuration, metadata: {{name: t}}, spec: {{{field}: {{name: web-client, namespace: shop}}}}}}"
    (message,) = findings(
        WEB,
        api(terraform, key="ops/api", namespace="ops"),
        allowed={"shop/Namespace": "x"},
    )
    assert message.startswith(
        f"{code} Configuration 't' of 'ops/api': spec.{field}.name "
    )
    elsewhere = terraform.replace("namespace: shop", "namespace: ops")
    assert findings(WEB, api(elsewhere, key="ops/api", namespace="ops")) == []


def test_no_unknown_object_has_the_name_of_a_credential() -> None:
    """Its controller may write a Secret of that name."""
    manifest = "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: NAME}}"
    allowed = {"external-secrets.io/ExternalSecret": "x"}
    (message,) = findings(
        WEB, api(manifest.replace("NAME", "web-client")), allowed=allowed
    )
    assert message.startswith(
        "ACC217 ExternalSecret 'web-client' of 'shop/api': metadata.name 'web-client' is the cre"
    )
    assert (
        findings(
            WEB, api(manifest.replace("NAME", "api-client")), allowed=allowed
        )
        == []
    )


def test_no_component_renders_the_default_account() -> None:
    """The cluster creates it, and it may have rights."""
    (message,) = findings(
        judged_component(
            "{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}}"
        )
    )
    assert message.startswith(
        "ACC217 ServiceAccount 'default' of 'shop/web': every namespace has"
    )


SHOWN = {**MINE, "shown": frozenset({"own-tls", "both-tls"})}
SHOWING = judged_component(
    key="shop/web", shown=frozenset({"web-tls", "both-tls"})
)


@pytest.mark.parametrize(("spec", "path"), READS)
def test_no_pod_reads_the_tls_key_of_another_host(spec: str, path: str) -> None:
    """The key would let a pod pass for the host. The component's own gateway trait for that Secret
    makes no difference."""
    pod = merged(POD, f"spec: {{{spec.replace('NAME', 'web-tls')}}}")
    assert findings(SHOWING, judged_component(pod, **SHOWN)) == [
        f"ACC217 Pod 'p' of 'shop/api': {path} 'web-tls' is the TLS key for hosts of 'shop/web'; "
        "use a Secret of this component"
    ]
    assert (
        len(
            findings(
                SHOWING,
                judged_component(
                    merged(
                        POD, f"spec: {{{spec.replace('NAME', 'both-tls')}}}"
                    ),
                    **SHOWN,
                ),
            )
        )
        == 1
    )
    for name in ("own-tls", "other-tls"):
        assert (
            findings(
                SHOWING,
                judged_component(
                    merged(POD, f"spec: {{{spec.replace('NAME', name)}}}"),
                    **SHOWN,
                ),
            )
            == []
        )


def test_no_chart_gets_the_tls_key_of_another_host() -> None:
    """Nor an object of an unknown kind."""
    release = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "r"},
    }
    custom = {
        "apiVersion": "x.org/v1",
        "kind": "Any",
        "metadata": {"name": "a"},
    }
    for manifest, spec in (
        (release, {"values": {"tls": "web-tls"}}),
        (custom, {"tls": "web-tls"}),
    ):
        (message,) = findings(
            SHOWING,
            judged_component({**manifest, "spec": spec}, **SHOWN),
            allowed={"x.org/Any": "x"},
        )
        assert "'web-tls' is the TLS key for hosts of 'shop/web'" in message


def test_a_component_may_make_the_secret_with_a_hosts_key() -> None:
    """For its own Application. Another Application could replace the host's key."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "web-tls"},
    }
    assert findings(SHOWING, api(secret)) == []
    for shown in ({}, {"shown": frozenset({"web-tls"})}):
        (message,) = findings(
            SHOWING, judged_component(secret, key="evil/api", **shown)
        )
        assert message.startswith(
            "OAM107 Secret 'web-tls' of 'evil/api': it would overwrite the TLS key"
        )


def test_no_controller_writes_the_key_of_a_host_of_another_application() -> (
    None
):
    """Terraform's controller writes into any Secret that its object names."""
    kind = {
        "apiVersion": "terraform.core.oam.dev/v1beta2",
        "kind": "Configuration",
        "metadata": {"name": "c"},
    }
    manifest = {
        **kind,
        "spec": {"hcl": "", "writeConnectionSecretToRef": {"name": "web-tls"}},
    }
    found = findings(SHOWING, judged_component(manifest, key="evil/api"))
    assert any(
        "would overwrite 'web-tls', the TLS key" in message for message in found
    )


def test_a_component_may_request_the_certificate_of_its_hosts() -> None:
    """Others may use it as well: cert-manager writes the Secret and does not read it."""
    allowed = {"cert-manager.io/Certificate": "x"}
    for name, count in (("own-tls", 0), ("both-tls", 0), ("web-tls", 1)):
        certificate = {
            "apiVersion": "cert-manager.io/v1",
            "kind": "Certificate",
            "metadata": {"name": "c"},
        }
        found = findings(
            SHOWING,
            judged_component(
                {**certificate, "spec": {"secretName": name}}, **SHOWN
            ),
            allowed=allowed,
        )
        assert len(found) == count, name


BELIEVED = judged_component(
    key="shop/web",
    certified=frozenset({"web.shop.svc", "web.shop.svc.cluster.local"}),
)
ASKING = [
    {"dnsNames": ["a.test", "WEB.shop.svc"]},
    {"dnsNames": ["*.shop.svc"]},
    {"commonName": "web.shop.svc"},
    {"literalSubject": "C=DE,CN=web.shop.svc,O=x"},
    {"uris": ["spiffe://web.shop.svc/x"]},
    {"otherNames": [{"oid": "1.2.3", "utf8Value": "web.shop.svc"}]},
    {"whatComes": {"deep": ["web.shop.svc.cluster.local"]}},
]


@pytest.mark.parametrize("spec", ASKING)
@pytest.mark.parametrize("kind", ["Certificate", "Any"])
def test_no_component_requests_a_certificate_for_anothers_name(
    spec: JsonObject, kind: str
) -> None:
    """In any field of cert-manager's objects."""
    certificate = {
        "apiVersion": "cert-manager.io/v1",
        "kind": kind,
        "metadata": {"name": "c"},
        "spec": spec,
    }
    allowed = {f"cert-manager.io/{kind}": "x"}
    (message,) = findings(BELIEVED, api(certificate), allowed=allowed)
    assert "is the name of another workload, 'shop/web'" in message
    assert (
        findings(
            judged_component(
                certificate, key="shop/web", certified=BELIEVED.certified
            ),
            allowed=allowed,
        )
        == []
    )
    elsewhere = {
        **certificate,
        "spec": {
            "dnsNames": [
                "notweb.shop.svc",
                "web.shop.svc.example.com",
                "*.other.svc",
            ]
        },
    }
    assert findings(BELIEVED, api(elsewhere), allowed=allowed) == []


@pytest.mark.parametrize("text", ["web.shop.svc", "a.test,web.shop.svc", "*.shop.svc", "${POD_NAME}.${POD_NAMESPACE}.svc"])  # fmt: skip
def test_no_volume_requests_a_certificate_for_anothers_name(
    text: str,
) -> None:
    """With any driver; and the driver may fill in any name."""
    attributes = {"csi.cert-manager.io/dns-names": text}
    volume = {
        "name": "v",
        "csi": {
            "driver": "csi.cert-manager.io",
            "volumeAttributes": attributes,
        },
    }
    pod = merged(POD, "{}") | {
        "spec": {"containers": [{"name": "c"}], "volumes": [volume]}
    }
    allowed = {"csi.cert-manager.io/CSIDriver": "certificates"}
    (message,) = findings(BELIEVED, api(pod), allowed=allowed)
    assert message.startswith("ACC217 Pod 'p' of 'shop/api': ")
    assert (
        findings(
            judged_component(pod, key="shop/web", certified=BELIEVED.certified),
            allowed=allowed,
        )
        == []
    )
    assert findings(api(pod), allowed=allowed) == []
