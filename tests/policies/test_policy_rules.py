"""Each rule of the policy pack: what it finds, and that it finds nothing where all is sound."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from kong_oam.access.lint.lint import lint
from kong_oam.access.model import Waiver
from kong_oam.kong import plugins
from kong_oam.kong.old_credentials import configuration
from kong_oam.kong.table import address, table
from kong_oam.oam.application import read_bytes
from policies import pack
from policies.catalogue import RULES
from policies.deployed import UNKNOWN, DeployedModel, Deployment
from policies.rule import PolicyFinding
from tests.support import openid_connect_reference
from tests.support.connected_products import CONNECTIONS, worlds
from tests.support.estates import STACK, api, estate
from tests.support.exposing_kinds import EXPOSING_KINDS
from tests.support.json_object import JsonObject
from tests.support.old_credentials import ACME, ORDERS, texts
from tests.support.repository import ROOT
from tests.support.sound_deployment import (
    ACCESS,
    CREDENTIAL,
    MODEL,
    POD,
    SOUND,
    TABLE,
    beside,
    configured,
    kubernetes,
    meaning,
    plugin,
    resource,
    urn,
    with_properties,
    without,
)

PORTS = [{"protocol": "TCP", "port": 80}]
NAMED = {
    "namespaceSelector": {
        "matchLabels": {"kubernetes.io/metadata.name": "blog"}
    },
    "podSelector": {"matchLabels": {"app": "wordpress"}},
}
LOOSE_PEERS = [
    "{}",
    "{namespaceSelector: {}}",
    "{ipBlock: {}}",
    "{podSelector: {matchLabels: {a: b}}}",
    "{namespaceSelector: {}, podSelector: {matchLabels: {a: b}}}",
    "{namespaceSelector: {matchLabels: {team: blog}}, podSelector: {matchLabels: {a: b}}}",
    "{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: Exists}]}, podSelector: {matchLabels: {a: b}}}",
    "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: blog}}}",
    "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: blog}}, podSelector: {}}",
    "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: blog}}, podSelector: {matchLabels: {}}}",
    "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: blog}}, podSelector: {matchExpressions: [{key: a, operator: Exists}]}}",
]
LOOSE = (
    "fence admits pods that it does not select by both namespace "
    "(kubernetes.io/metadata.name) and labels; select them by both"
)
CHART = [
    kubernetes(
        "networking.k8s.io/v1:NetworkPolicy",
        "chart",
        {
            "podSelector": {"matchLabels": {"app": "mysql"}},
            "ingress": [{"from": [{"namespaceSelector": {}}], "ports": PORTS}],
        },
    )
]
"""The policy of a chart's pods, which are no objects of the deployment."""
BY_ID = {rule.id: rule for rule in RULES}
SERVICE = urn("kong:index/service:Service", "api-service")
PROTECTED = urn("kong:index/route:Route", "protected-1")
POD_SPEC = SOUND.resources[
    [resource.name for resource in SOUND.resources].index("deployment")
].properties["spec"]["template"]


def found(rule: str, deployment: Deployment, **settings: Any) -> list[str]:
    return [
        finding.message
        for finding in BY_ID[rule].findings(deployment, settings)
    ]


def with_environment(*variables: JsonObject) -> Deployment:
    container = {**POD_SPEC["spec"]["containers"][0], "env": list(variables)}
    return with_properties(
        "deployment",
        spec={"template": {**POD_SPEC, "spec": {"containers": [container]}}},
    )


def with_volume(*volumes: JsonObject) -> Deployment:
    pod = {**POD_SPEC["spec"], "volumes": list(volumes)}
    return with_properties(
        "deployment", spec={"template": {**POD_SPEC, "spec": pod}}
    )


def one_more(type_: str, spec: JsonObject) -> Deployment:
    """`SOUND` with one more object, called `more`."""
    return beside(kubernetes(type_, "more", spec))


def with_pods(
    type_: str, *path: str, labels: dict[str, str] | None = None, **spec: Any
) -> Deployment:
    """`SOUND` with one more object that has pods at this path of its `spec`."""
    pods: Any = {
        "metadata": {"labels": POD if labels is None else labels},
        "spec": {"containers": [], **spec},
    }
    for name in reversed(path):
        pods = {name: pods}
    return one_more(type_, pods)


def unfenced(type_: str, *path: str) -> Deployment:
    """One whose pods a Service of their own leads to, and that no fence selects."""
    labels = {"app": "more"}
    spread = with_pods(type_, *path, labels=labels)
    return replace(
        spread,
        resources=(
            *spread.resources,
            kubernetes("core/v1:Service", "way", {"selector": labels}),
        ),
    )


def fenced_from(*ingress: JsonObject, **selector: Any) -> Deployment:
    spec = {
        "podSelector": selector or {"matchLabels": POD},
        "policyTypes": ["Ingress"],
        "ingress": list(ingress),
    }
    return with_properties("fence", spec=spec)


def deciding(access: str, name: str = "api") -> Deployment:
    """`SOUND` with a gate that decides by another access trait, or for a component of another name."""
    model = estate(api(access=access).replace("name: api", f"name: {name}"))
    decisions = table(model, model.components[f"orders/{name}"], "8080", "ring")
    return configured(
        "gate", **plugins.gate(decisions, address("api.test", 8080))
    )


def guarding(access: str) -> Deployment:
    """`SOUND` with admission and a gate that decide by another access trait."""
    model = estate(api(access=access))
    decisions = table(model, model.components["orders/api"], "8080", "ring")
    gate = deciding(access)
    (admission,) = (
        resource
        for resource in configured(
            "admission", **plugins.admission(decisions)
        ).resources
        if resource.name == "admission"
    )
    return replace(
        gate,
        resources=tuple(
            admission if resource.name == "admission" else resource
            for resource in gate.resources
        ),
    )


def over_tls() -> Deployment:
    """`SOUND`, whose Application asks for https since."""
    text = (
        api(access=ACCESS) + "        - {type: upstream-tls, properties: {}}\n"
    )
    model = estate(text, stack=replace(STACK, upstream_tls="tls"))
    return replace(SOUND, model=replace(SOUND.model, estate=model))


PODS = (
    ("core/v1:ReplicationController", "template"),
    ("apps/v1:StatefulSet", "template"),
    ("apps/v1:DaemonSet", "template"),
    ("apps/v1:ReplicaSet", "template"),
    ("batch/v1:Job", "template"),
    ("batch/v1:CronJob", "jobTemplate", "spec", "template"),
    ("argoproj.io/v1alpha1:Rollout", "anywhere", "at", "all"),
)
"""Kinds of objects with pods, and where in their `spec` these are."""
NO_REASON = ACCESS.replace("reason: probes", 'reason: "-"')
NO_END = ACCESS.replace(', until: "2026-06-30"', "")
OTHER_PUBLIC = ACCESS.replace("/orders/health", "/orders/ready")
MORE_METHODS = ACCESS.replace(
    "/orders/health], methods: [GET]", "/orders/health], methods: [GET, PUT]"
)
EVERYTHING = ACCESS.replace(
    "/orders/health], methods: [GET]", "/orders/health]"
)
ALLOWED = "        - type: ip-allow\n          properties: {rules: [{paths: [/orders], from: [10.0.0.0/8]}]}\n"
NOBODY = urn("kong:index/consumer:Consumer", "anonymous")
JWT = plugins.jwt("nobody")
CLIENT = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - type: client
          properties: {kind: service, rotateEvery: 91d}
"""

WAIVED = """\
        - {type: kong-plugin, properties: {name: proxy-cache, waiver: {reason: the same for all, until: 2026-01-31}}}
        - {type: kong-plugin, properties: {name: our-own, waiver: {reason: ours, until: 2026-01-31}}}
        - {type: kong-plugin, properties: {name: acl, waiver: {reason: not needed, until: 2026-01-31}}}
        - {type: kong-plugin, properties: {name: file-log, config: {path: /x}, waiver: {reason: here, until: 2026-01-31}}}
        - {type: kong-plugin, properties: {name: response-ratelimiting, config: {redis: {host: localhost}}, waiver: {reason: near, until: 2026-01-31}}}
"""
PLUGINS = replace(
    SOUND,
    model=replace(SOUND.model, estate=estate(api(access=ACCESS) + WAIVED)),
)


def accepting(consumer: str = "acme", until: str = "2027-03-31") -> Deployment:
    """`SOUND` with old credentials, whose tables name this consumer until this day."""
    declared = estate(*texts())
    acme = ACME.replace("acme, by", f"{consumer}, by")
    acme = acme.replace("2027-03-31", until)
    written = estate(ORDERS, acme)
    component = written.components["orders/api"]
    decisions = table(written, component, "8080", "ring")
    configs = {
        "admission": plugins.admission(decisions),
        "gate": plugins.gate(decisions, address("api.test", 8080)),
    }
    resources = []
    for each in SOUND.resources:
        changed = each
        if each.name in configs:
            in_full = configured(each.name, **configs[each.name]).resources
            by_name = {other.name: other for other in in_full}
            changed = by_name[each.name]
        resources.append(changed)
    return replace(
        SOUND,
        resources=tuple(resources),
        model=replace(SOUND.model, estate=declared),
    )


def with_key(deployment: Deployment, **changes: object) -> Deployment:
    """Return the deployment with the plugin that finds keys."""
    accepted = estate(*texts()).components["orders/api"].identity
    assert accepted.accept_before is not None
    config = configuration(accepted.accept_before, "nobody")
    key = plugin("key", "key-auth", {**config, **changes}, serviceId=SERVICE)
    named = beside(key).resources[-1]
    return replace(deployment, resources=(*deployment.resources, named))


def test_a_declared_plugin_for_keys_disturbs_no_gate() -> None:
    """Callers without a token pass to the gate, although nothing is public."""
    found = [
        finding
        for rule in RULES
        for finding in rule.findings(with_key(accepting()), {})
        if rule.id in ("gate-undisturbed", "old-credential-declared")
    ]
    assert found == []


CASES: list[tuple[str, Deployment, str]] = [
    ("route-guarded", without("admission"), "route protected-1 points to api-service, which has no admission (an enabled pre-function)"),
    ("route-guarded", without("jwt"), "route protected-1 points to api-service, which has no authentication (an enabled jwt or openid-connect)"),
    ("route-guarded", without("gate"), "route protected-1 points to api-service, which has no gate (an enabled post-function)"),
    ("route-guarded", with_properties("gate", enabled=False), "route protected-1 points to api-service, which has no gate (an enabled post-function)"),
    ("route-guarded", without("api-service"), "route protected-1 points to no service of this stack"),
    ("service-nowhere", beside(resource("kong:index/service:Service", "other", host="api.test")), "service other points to api.test, around its gate"),
    ("service-nowhere", beside(resource("kong:index/target:Target", "t", {"upstreamId": urn("kong:index/upstream:Upstream", "nowhere")}, target="api.test:80")), "target t leads services around their gates"),
    ("upstream-verified", with_properties("api-service", protocol="https", tlsVerify=False, caCertificateIds=["ca"]), "service api-service uses https, but no CA verifies the server"),
    ("upstream-verified", with_properties("api-service", protocol="https", tlsVerify=True, caCertificateIds=[]), "service api-service uses https, but no CA verifies the server"),
    ("upstream-verified", configured("gate", **plugins.gate(TABLE, address("api.test", 8080, "api.orders.svc"))), "gate sends plain text where the Application asks for https"),
    ("upstream-verified", over_tls(), "gate sends plain text where the Application asks for https"),
    ("script-current", configured("gate", access=["return function() end"]), "gate does not run the gate of this version"),
    ("script-current", configured("gate", access=["local TABLE = [==[{}]==]\nreturn function() end"]), "gate does not run the gate of this version"),
    ("script-current", configured("gate", access=[f"opens() {plugins.gate('{}', '{}')['access'][0]}"]), "gate does not run the gate of this version"),
    ("script-current", configured("admission", access=[]), "admission does not run admission of this version"),
    ("script-current", configured("admission", access=[*plugins.admission("{}")["access"], "os.exit()"]), "admission does not run admission of this version"),
    ("script-current", configured("gate", rewrite=["x()"], log=["y()"]), "gate runs a foreign script in phase log, rewrite"),
    ("script-current", configured("admission", header_filter=["x()"]), "admission runs a foreign script in phase header_filter"),
    ("script-current", configured("admission", header_filter=[*plugins.admission("{}", 600)["header_filter"], "x()"]), "admission runs a foreign script in phase header_filter"),
    ("script-current", configured("gate", header_filter=plugins.admission("{}", 600)["header_filter"]), "gate runs a foreign script in phase header_filter"),
    ("script-current", configured("admission", access=plugins.admission('{"cors":{}}')["access"]), "admission runs a foreign script in phase header_filter"),
    ("script-current", configured("admission", access=[plugins.admission('{"cors":{}}')["access"][0].replace("CODE.preflight()\n", "")], header_filter=plugins.admission('{"cors":{}}', 600)["header_filter"]), "admission does not run admission of this version"),
    ("script-current", configured("admission", access=plugins.admission('{"cors":{}}')["access"], header_filter=[]), "admission does not run admission of this version"),
    ("guard-known", with_properties("gate", configJson=UNKNOWN), "gate changes in this run, even if the preview lists it as unchanged: the same run creates an id in its configuration"),
    ("guard-known", with_properties("jwt", configJson=UNKNOWN), "jwt changes in this run, even if the preview lists it as unchanged: the same run creates an id in its configuration"),
    ("authentication-strict", configured("jwt", anonymous="somebody"), "jwt: calls without a token pass as 'somebody', which is no consumer without credentials here"),
    ("authentication-strict", beside(resource("kong:index/consumerJwtAuth:ConsumerJwtAuth", "key", {"consumerId": NOBODY})), "jwt: calls without a token pass as 'nobody', which is no consumer without credentials here"),
    ("authentication-strict", guarding(ACCESS.replace("public: {reason: probes, until: \"2026-06-30\"}", "scopes: [read]")), "jwt: calls without a token pass as 'nobody', but nothing behind it is public"),
    ("authentication-strict", configured("jwt", claims_to_verify=[]), "jwt: claims_to_verify is [], not ['exp']"),
    ("authentication-strict", beside(plugin("oidc", "openid-connect", {**plugins.openid_connect("i", "nobody"), "verify_signature": False, "verify_claims": True, "enable_hs_signatures": False, "consumer_optional": False}, serviceId=SERVICE)), "oidc: verify_signature is False, not True"),
    ("public-declared", meaning(OTHER_PUBLIC), "gate lets everybody call GET /orders/health, but no public rule declares it"),
    ("public-declared", meaning(OTHER_PUBLIC), "admission lets everybody call GET /orders/health, but no public rule declares it"),
    ("public-declared", deciding(MORE_METHODS), "gate lets everybody call PUT /orders/health, but no public rule declares it"),
    ("public-declared", deciding(EVERYTHING), "gate lets everybody call * /orders/health, but no public rule declares it"),
    ("public-declared", deciding(ACCESS, name="elsewhere"), "gate lets everybody call GET /orders/health, but no public rule declares it"),
    ("address-declared", meaning(ACCESS + ALLOWED), "gate allows GET /orders from anywhere but not 10.0.0.0/8, but the ip-allow trait says from 10.0.0.0/8 only"),
    ("address-declared", meaning(ACCESS + ALLOWED), "admission allows GET /orders from anywhere but not 10.0.0.0/8, but the ip-allow trait says from 10.0.0.0/8 only"),
    ("old-credential-declared", accepting(until="2027-04-01"), "gate accepts consumer 'acme' otherwise than `before` and `acceptBefore` say"),
    ("old-credential-declared", accepting(consumer="bolt"), "admission accepts consumer 'bolt' otherwise than `before` and `acceptBefore` say"),
    ("gate-undisturbed", with_key(accepting(), hide_credentials=False), "key: hide_credentials is False, not True"),
    ("gate-undisturbed", with_key(accepting(), key_in_body=True), "key: key_in_body is True, not False"),
    ("gate-undisturbed", with_key(accepting(), anonymous="somebody"), "key: calls without a credential pass as 'somebody', which is no consumer without credentials here"),
    ("gate-undisturbed", with_key(SOUND), "key: key-auth authenticates in a way that the gate does not know"),
    ("gate-undisturbed", beside(plugin("end", "request-termination", {}, serviceId=SERVICE)), "end: request-termination answers before the gate"),
    ("gate-undisturbed", beside(plugin("key", "key-auth", {})), "key: key-auth authenticates in a way that the gate does not know"),
    ("gate-undisturbed", beside(plugin("call", "request-callout", {}, routeId=PROTECTED)), "call: request-callout runs foreign code"),
    ("gate-undisturbed", beside(plugin("change", "request-transformer", {}, serviceId=SERVICE)), "change: request-transformer changes the path or the method that the gate decides on"),
    ("gate-undisturbed", beside(plugin("own", "our-plugin", {}, serviceId=SERVICE)), "own: our-plugin is not known to leave the decision to the gate"),
    ("gate-undisturbed", beside(plugin("mine", "post-function", {}, routeId=PROTECTED)), "mine: post-function replaces the gate, but not on exactly one service"),
    ("gate-undisturbed", beside(plugin("mine", "post-function", {}, serviceId=SERVICE, consumerId=NOBODY)), "mine: post-function replaces the gate, but not on exactly one service"),
    ("gate-undisturbed", beside(plugin("all", "pre-function", {})), "all: pre-function replaces admission, but not on exactly one service"),
    ("gate-undisturbed", beside(plugin("everywhere", "jwt", JWT)), "everywhere: jwt verifies tokens, but not on exactly one service"),
    ("gate-undisturbed", beside(plugin("own", "jwt", JWT, routeId=PROTECTED)), "own: jwt verifies tokens, but not on exactly one service"),
    ("no-plain-http", with_properties("protected-1", protocols=["http", "https"]), "route protected-1 accepts http"),
    *(("no-plain-http", with_properties("protected-1", protocols=["https", name]), f"route protected-1 accepts {name}") for name in ("grpc", "tcp", "ws")),
    ("redirect-exact", with_properties("web", redirectUris=["https://*.example.com/x"]), "web: https://*.example.com/x in redirectUris matches more than one address"),
    ("redirect-exact", with_properties("web", redirectUris=["http://a.test/x"]), "web: http://a.test/x in redirectUris is not https"),
    ("redirect-exact", with_properties("web", postLogoutRedirectUris=["app://x"]), "web: app://x in postLogoutRedirectUris is not https"),
    ("redirect-exact", with_properties("web", wildcardRedirect="SUBDOMAIN"), "web: wildcardRedirect is SUBDOMAIN"),
    ("redirect-exact", with_properties("realm-client", validRedirectUris=["https://a.test/*"]), "realm-client: https://a.test/* in validRedirectUris matches more than one address"),
    ("redirect-exact", with_properties("realm-client", validRedirectUris=["http://a.test/x"]), "realm-client: http://a.test/x in validRedirectUris is not https"),
    ("redirect-exact", with_properties("realm-client", validPostLogoutRedirectUris=["+"]), "realm-client: + in validPostLogoutRedirectUris matches more than one address"),
    ("grant-safe", with_properties("realm-client", implicitFlowEnabled=True), "realm-client may use the implicit grant"),
    ("grant-safe", with_properties("realm-client", directAccessGrantsEnabled=True), "realm-client may use the password grant"),
    ("redirect-exact", with_properties("tenant-app", web={"redirectUris": ["https://*.a.test/x"]}), "tenant-app: https://*.a.test/x in web matches more than one address"),
    ("redirect-exact", with_properties("tenant-app", singlePageApplication={"redirectUris": ["http://127.0.0.1/x"]}), "tenant-app: http://127.0.0.1/x in singlePageApplication is not https"),
    ("redirect-exact", with_properties("tenant-app", publicClient={"redirectUris": ["http://a.test/x"]}), "tenant-app: http://a.test/x in publicClient is not https"),
    ("grant-safe", with_properties("tenant-app", web={"implicitGrant": {"accessTokenIssuanceEnabled": True}}), "tenant-app may receive a token in a redirect (accessTokenIssuanceEnabled)"),
    ("grant-safe", with_properties("tenant-app", web={"implicitGrant": {"idTokenIssuanceEnabled": True}}), "tenant-app may receive a token in a redirect (idTokenIssuanceEnabled)"),
    ("grant-safe", with_properties("tenant-app", fallbackPublicClientEnabled=True), "tenant-app lets users sign in by password or device code (fallbackPublicClientEnabled)"),
    ("grant-named", with_properties("tenant-principal", appRoleAssignmentRequired=None), "tenant-principal requires no assignment: everybody gets a token for it"),
    ("grant-named", with_properties("tenant-principal", appRoleAssignmentRequired=False), "tenant-principal requires no assignment: everybody gets a token for it"),
    ("grant-named", with_properties("tenant-app", signInAudience="AzureADandPersonalMicrosoftAccount"), "tenant-app is open to other tenants: AzureADandPersonalMicrosoftAccount"),
    ("grant-named", with_properties("tenant-app", signInAudience="PersonalMicrosoftAccount"), "tenant-app is open to other tenants: PersonalMicrosoftAccount"),
    ("grant-named", with_properties("tenant-app", signInAudience="AzureADMultipleOrgs"), "tenant-app is open to other tenants: AzureADMultipleOrgs"),
    ("keys-rotated", beside(resource("azuread:index/applicationPassword:ApplicationPassword", "password", secret="value")), "password is a shared secret that does not rotate"),
    ("keys-rotated", with_properties("tenant-secret", rotateWhenChanged={}), "tenant-secret is a shared secret that does not rotate"),
    ("grant-safe", with_properties("web", grantTypes=["implicit", "authorization_code"]), "web may use the implicit grant"),
    ("grant-safe", with_properties("web", grantTypes=["password"]), "web may use the password grant"),
    ("grant-safe", with_properties("web", responseTypes=["code", "id_token"]), "web may receive a id_token in a redirect"),
    ("grant-safe", with_properties("rule", grantTypeWhitelists=["password"]), "rule issues tokens by the password grant"),
    ("grant-named", with_properties("policy", clientWhitelists=["ALL_CLIENTS"]), "policy is for ALL_CLIENTS"),
    ("grant-named", with_properties("rule", scopeWhitelists=["*"]), "rule issues every scope (*)"),
    ("secret-hidden", replace(SOUND, resources=tuple(replace(resource, secret_outputs=frozenset()) for resource in SOUND.resources)), "web: clientSecret is not marked as a secret"),
    ("secret-hidden", with_properties("service", spec={"selector": POD, "externalName": f"x{CREDENTIAL}y"}), "service: spec.externalName contains a credential of this stack"),
    ("secret-hidden", with_properties("policy", description="YS1jbGllbnQtc2VjcmV0LW9mLW9rdGE="), "policy: description contains a credential of this stack"),
    ("secret-hidden", with_properties("service", metadata={"annotations": ["-----BEGIN EC PRIVATE KEY-----"]}), "service: metadata.annotations[0] contains a private key"),
    ("secret-hidden", with_environment({"name": "DB_PASSWORD", "value": "x"}), "deployment: the variable DB_PASSWORD has a secret value in plain text; use a Secret"),
    ("keys-rotated", with_properties("server", credentialsRotationMode="MANUAL"), "server does not rotate its signing keys"),
    ("keys-rotated", with_properties("web", tokenEndpointAuthMethod="client_secret_basic"), "web has a shared secret that does not rotate"),
    ("keys-rotated", with_properties("realm-client", clientAuthenticatorType="client-secret"), "realm-client has a shared secret that does not rotate"),
    ("workload-fenced", without("fence"), "deployment is behind a Service, but has no NetworkPolicy"),
    ("workload-fenced", fenced_from({"from": []}), "fence lets everybody connect to its pods"),
    ("workload-fenced", fenced_from({"ports": [{"port": 80}]}), "fence lets everybody connect to its pods"),
    ("workload-fenced", fenced_from({"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}), "fence lets everybody connect to its pods"),
    ("workload-fenced", fenced_from({"from": [{"ipBlock": {"cidr": "::/0"}}]}), "fence lets everybody connect to its pods"),
    ("workload-fenced", fenced_from({"from": [{"ipBlock": {"cidr": "10.20.0.0/16"}}]}), "fence lets all of 10.20.0.0/16 connect to its pods"),
    ("workload-fenced", fenced_from({"from": [{"ipBlock": {"cidr": "10.20.0.0/27"}}, {"ipBlock": {"cidr": "10.21.0.0/25"}}]}), "fence lets all of 10.21.0.0/25 connect to its pods"),
    ("workload-fenced", fenced_from({"from": [{"ipBlock": {"cidr": "fd00::/48"}}]}), "fence lets all of fd00::/48 connect to its pods"),
    ("workload-fenced", fenced_from({"from": [NAMED]}), "fence opens all ports of its pods; list each port"),
    ("workload-fenced", fenced_from({"from": [NAMED], "ports": [{"protocol": "TCP"}]}), "fence opens all ports of its pods; list each port"),
    ("workload-fenced", fenced_from({"from": [NAMED], "ports": [{"port": 1, "endPort": 65535}]}), "fence opens all ports of its pods; list each port"),
    *(("workload-fenced", fenced_from({"from": [NAMED, yaml.safe_load(peer)], "ports": PORTS}), LOOSE) for peer in LOOSE_PEERS),
    ("workload-fenced", beside(*CHART), LOOSE.replace("fence", "chart")),
    ("workload-fenced", with_properties("service", spec={"selector": POD, "type": "LoadBalancer"}), "service hides the callers of deployment from its NetworkPolicy"),
    ("workload-fenced", with_properties("service", spec={"selector": POD, "type": "NodePort", "externalTrafficPolicy": "Cluster"}), "service hides the callers of deployment from its NetworkPolicy"),
    ("workload-fenced", with_volume({"name": "v", "hostPath": {"path": "/var/run"}}), "deployment mounts /var/run of its node, which other pods can write to"),
    ("workload-fenced", fenced_from(matchLabels={"app": "another"}), "deployment is behind a Service, but has no NetworkPolicy"),
    ("workload-fenced", fenced_from(matchExpressions=[{"key": "x", "operator": "Exists"}]), "deployment is behind a Service, but has no NetworkPolicy"),
    ("workload-fenced", with_properties("fence", metadata={"namespace": "elsewhere"}), "deployment is behind a Service, but has no NetworkPolicy"),
    *(("workload-fenced", unfenced(type_, *path), "more is behind a Service, but has no NetworkPolicy") for type_, *path in PODS),
    ("workload-fenced", one_more("core/v1:Pod", {"containers": [], "hostIPC": True}), "more shares its node (hostIPC), where no NetworkPolicy applies"),
    ("workload-fenced", with_pods("apps/v1:StatefulSet", "template", hostNetwork=True), "more shares its node (hostNetwork), where no NetworkPolicy applies"),
    ("workload-fenced", with_pods("apps/v1:DaemonSet", "template", hostPID=True), "more shares its node (hostPID), where no NetworkPolicy applies"),
    ("workload-fenced", with_pods("batch/v1:Job", "template", initContainers=[{"securityContext": {"privileged": True}}]), "more has all rights on its node (privileged)"),
    ("workload-fenced", with_pods("batch/v1:CronJob", "jobTemplate", "spec", "template", containers=[{"ports": [{"hostPort": 80}]}]), "more listens on its node (hostPort), past its NetworkPolicy"),
    ("workload-fenced", with_pods("apps/v1:StatefulSet", "template", volumes=[{"name": "v", "hostPath": {"path": "/"}}]), "more mounts / of its node, which other pods can write to"),
    ("secret-hidden", with_pods("batch/v1:Job", "template", containers=[{"env": [{"name": "PASSWORD", "value": "x"}]}]), "more: the variable PASSWORD has a secret value in plain text; use a Secret"),
    ("workload-fenced", one_more("core/v1:Service", {"ports": [{"port": 80}]}), "more has no selector, so anybody can redirect it"),
    ("workload-fenced", one_more("core/v1:Service", {"type": "ExternalName", "externalName": "a.test"}), "more has no selector, so anybody can redirect it"),
    ("workload-fenced", one_more("core/v1:Service", {"selector": POD, "externalIPs": ["192.0.2.1"]}), "more claims addresses outside the cluster (externalIPs)"),
    ("workload-fenced", one_more("networking.k8s.io/v1:Ingress", {}), "more (Ingress) opens ways to workloads beside the gateway"),
    ("workload-fenced", one_more("gateway.networking.k8s.io/v1:HTTPRoute", {}), "more (HTTPRoute) opens ways to workloads beside the gateway"),
    ("workload-fenced", one_more("configuration.konghq.com/v1:KongPlugin", {}), "more (KongPlugin) opens ways to workloads beside the gateway"),
    ("workload-fenced", one_more("discovery.k8s.io/v1:EndpointSlice", {}), "more (EndpointSlice) opens ways to workloads beside the gateway"),
    ("workload-fenced", one_more("cilium.io/v2:CiliumNetworkPolicy", {}), "more (CiliumNetworkPolicy) opens who may connect beside the gateway"),
    ("applications-readable", replace(SOUND, model=DeployedModel(None, problems=("a.yaml:1:1: OAM101: no",))), "a.yaml:1:1: OAM101: no"),
    ("invariants-hold", replace(SOUND, model=replace(MODEL, broken_invariants=("a.yaml:1:1: INV701: everybody may",))), "a.yaml:1:1: INV701: everybody may"),
    ("component-owned", meaning(""), "orders/api (app1.yaml:6:7) has no owner"),
    ("public-reasoned", meaning(NO_REASON), "orders/api (app1.yaml:18:17) is public without a reason"),
    ("public-ending", meaning(NO_END), "orders/api (app1.yaml:18:17) is public without an end date: probes"),
    ("public-current", meaning(ACCESS, as_of=MODEL.as_of.replace(month=7)), "orders/api (app1.yaml:18:17) was public until 2026-06-30, but still is on 2026-07-31"),
    ("waiver-current", meaning(ACCESS.replace("2026-02-01", "2026-01-30")), "orders/api (app1.yaml:20:17) has a waiver of LINT305 that expired on 2026-01-30"),
    ("plugin-waived", PLUGINS, "orders/api (app1.yaml:22:43): proxy-cache answers any caller before the gate, until 2026-01-31: the same for all"),
    ("plugin-waived", PLUGINS, "orders/api (app1.yaml:25:43): file-log writes to a file of the gateway, until 2026-01-31: here"),
    ("plugin-waived", PLUGINS, "orders/api (app1.yaml:26:43): response-ratelimiting could call the gateway's Admin API or the cloud's metadata service, until 2026-01-31: near"),
    ("plugin-waived", PLUGINS, "orders/api (app1.yaml:23:43): our-own is unknown, so it may answer, authenticate, rewrite or run code before the gate, until 2026-01-31: ours"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "deployment", "message"),
    CASES,
    ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)],
)
def test_a_rule_finds_what_it_is_there_for(
    rule: str, deployment: Deployment, message: str
) -> None:
    """One thing of a sound deployment is spoilt, and the rule says which."""
    assert message in found(rule, deployment)


def test_a_fence_in_another_cluster_is_none() -> None:
    """Clusters are told apart by their provider."""
    far = tuple(
        replace(resource, provider="west")
        if resource.name == "fence"
        else resource
        for resource in SOUND.resources
    )
    assert found("workload-fenced", replace(SOUND, resources=far)) == [
        "deployment is behind a Service, but has no NetworkPolicy"
    ]


@pytest.mark.parametrize("rule", sorted(BY_ID))
def test_a_rule_finds_nothing_where_all_is_sound(rule: str) -> None:
    """And it has a case above in which it does find something."""
    assert found(rule, SOUND) == []
    assert rule in {case[0] for case in CASES}


@pytest.mark.parametrize("rule", sorted(BY_ID.keys() - {"guard-known"}))
def test_a_rule_judges_nothing_that_is_not_known_yet(rule: str) -> None:
    """In a first preview much is unknown; known values are judged, the rest later. One rule is
    about unknown values."""
    hidden = {
        *(
            "configJson",
            "clientSecret",
            "redirectUris",
            "clientWhitelists",
            "scopeWhitelists",
            "hosts",
            "spec",
        ),
        *(
            "validRedirectUris",
            "implicitFlowEnabled",
            "directAccessGrantsEnabled",
            "clientAuthenticatorType",
        ),
        *(
            "web",
            "publicClient",
            "fallbackPublicClientEnabled",
            "signInAudience",
            "appRoleAssignmentRequired",
        ),
        *("rotateWhenChanged", "credentialsRotationMode"),
    }
    unknown = tuple(
        replace(
            resource,
            properties={
                k: UNKNOWN if k in hidden else v
                for k, v in resource.properties.items()
            },
        )
        for resource in SOUND.resources
    )
    assert found(rule, replace(SOUND, resources=unknown)) == []
    for web in (
        {"redirectUris": UNKNOWN, "implicitGrant": UNKNOWN},
        {"redirectUris": [UNKNOWN]},
    ):
        assert found(rule, with_properties("tenant-app", web=web)) == []


def waived(access: str, code: str, until: str, **settings: Any) -> Deployment:
    """`meaning` with a waiver in its one component, also for findings that the schema does not let
    anybody waive."""
    deployment = meaning(access, **settings)
    assert deployment.model.estate
    (application,) = deployment.model.estate.applications
    (component,) = application.components
    waiver = Waiver(code, "known", until, component.position)
    component = replace(component, waivers=(*component.waivers, waiver))
    changed = replace(
        deployment.model.estate,
        applications=(replace(application, components=(component,)),),
    )
    return replace(deployment, model=replace(deployment.model, estate=changed))


OVERDUE = ACCESS.replace("2026-06-30", "2026-01-30")


@pytest.mark.parametrize(
    ("rule", "code", "access"),
    [
        ("public-ending", "LINT306", NO_END),
        ("public-current", "LINT307", OVERDUE),
        ("component-owned", "LINT308", ""),
    ],
)
def test_what_a_waiver_accepts_is_no_violation(
    rule: str, code: str, access: str
) -> None:
    """As in lint: up to and including its day, for its own code. Afterwards it is one, and so is the waiver."""
    assert len(found(rule, meaning(access))) == 1
    for until in ("2026-01-31", "2027-01-01"):
        assert found(rule, waived(access, code, until)) == []
        assert found("waiver-current", waived(access, code, until)) == []
    late = waived(access, code, "2026-01-30")
    assert found(rule, late) == found(rule, meaning(access))
    assert found("waiver-current", late) == [
        f"orders/api (app1.yaml:6:7) has a waiver of {code} that expired on 2026-01-30"
    ]
    assert len(found(rule, waived(access, "LINT305", "2027-01-01"))) == 1


@pytest.mark.parametrize("until", ["2026-01-30", "2026-01-31"])
@pytest.mark.parametrize("access", [ACCESS, NO_END, OVERDUE, ""])
def test_the_pack_finds_what_lint_finds(access: str, until: str) -> None:
    """For findings of both, with an expired or a valid waiver in the Application."""
    trait = access.replace(
        "waivers:",
        f'waivers:\n              - {{finding: LINT306, reason: known, until: "{until}"}}',
    )
    reading = read_bytes("app1.yaml", api(access=trait).encode())
    linted = {
        finding.code
        for finding in lint(
            reading.applications, estate(api(access=trait)), MODEL.as_of
        )
    }
    rules = {
        "LINT306": "public-ending",
        "LINT307": "public-current",
        "LINT308": "component-owned",
    }
    assert {
        code for code, rule in rules.items() if found(rule, meaning(trait))
    } == linted & {*rules}


def test_plain_http_is_for_the_clouds_that_are_excepted() -> None:
    """By default the sandbox's; an organisation may name others, or none."""
    local = replace(
        with_properties("protected-1", protocols=["http"]),
        model=replace(MODEL, cloud="local"),
    )
    assert found("no-plain-http", local) == []
    assert found("no-plain-http", local, exceptClouds=[]) == [
        "route protected-1 accepts http"
    ]
    redirect = replace(
        with_properties("web", redirectUris=["http://a.test/x"]),
        model=replace(MODEL, cloud="local"),
    )
    assert found("redirect-exact", redirect) == []
    assert found("redirect-exact", redirect, exceptClouds=["aws"]) == [
        "web: http://a.test/x in redirectUris is not https"
    ]


def test_a_plugin_that_only_refuses_or_watches_may_stand_anywhere() -> None:
    """An organisation may allow its own plugins, but none that answers before the gate."""
    assert (
        found(
            "gate-undisturbed",
            beside(plugin("limit", "rate-limiting", {}, serviceId=SERVICE)),
        )
        == []
    )
    own = beside(plugin("own", "our-plugin", {}, serviceId=SERVICE))
    assert found("gate-undisturbed", own, allow=["our-plugin"]) == []
    cached = beside(plugin("cache", "proxy-cache", {}, serviceId=SERVICE))
    assert found("gate-undisturbed", cached, allow=["proxy-cache"]) == [
        "cache: proxy-cache answers before the gate"
    ]


def test_the_script_that_says_whose_budget_it_is_stands_where_a_table_asks_for_it() -> (
    None
):
    """Exactly as it is, and nowhere else."""
    asking = json.dumps({**json.loads(TABLE), "budget": "client"})
    (script,), (unasked,) = (
        plugins.admission(decisions)["access"] for decisions in (asking, TABLE)
    )
    call = "CODE.budget()\n"
    assert call in script and call not in unasked
    assert (
        found("script-current", configured("admission", access=[script])) == []
    )
    last = "CODE.admission()\n"
    for wrong in (
        script.replace(call, ""), script + " ", script.replace(call, call * 2), script.replace(last + call, call + last),
        script.replace("=CODE\n", "=nil\n"), script.replace("return 400", "return 200"), unasked.replace(last, last + call),
        script.replace("local CODE=", "os.exit()local CODE="), script.replace("CODE.budget=", "CODE.other="),
    ):  # fmt: skip
        assert wrong not in (script, unasked)
        assert found(
            "script-current", configured("admission", access=[wrong])
        ) == ["admission does not run admission of this version"]


def test_the_script_that_bounds_bodies_stands_behind_the_gate() -> None:
    """Where a table asks for it, exactly as it is; nothing else may stand there."""
    asking = json.dumps({**json.loads(TABLE), "limits": {"body": 1024}})
    (gate, script) = plugins.gate(asking, '{"host":"h","port":1}')["access"]
    assert (
        found("script-current", configured("gate", access=[gate, script])) == []
    )
    for scripts in ([gate], [gate, script + " "], [gate, script, script]):
        assert found("script-current", configured("gate", access=scripts)) == [
            "gate does not run the gate of this version"
        ]
    (unasked,) = plugins.gate(TABLE, '{"host":"h","port":1}')["access"]
    assert found(
        "script-current", configured("gate", access=[unasked, script])
    ) == ["gate does not run the gate of this version"]


@pytest.mark.parametrize(
    "rule",
    [
        "route-guarded",
        "authentication-strict",
        "public-declared",
        "gate-undisturbed",
    ],
)
def test_openid_connect_as_it_is_emitted_is_sound(rule: str) -> None:
    """In place of `jwt` on the service, in full as Kong's reference has it."""
    config = plugins.openid_connect("https://i", "nobody")
    emitted = plugins.config_json(
        openid_connect_reference.schema(), "openid-connect", config
    )
    swapped = tuple(
        replace(resource, properties={**resource.properties, "name": "openid-connect", "configJson": emitted})
        if resource.name == "jwt" else resource
        for resource in SOUND.resources
    )  # fmt: skip
    assert found(rule, replace(SOUND, resources=swapped)) == []


@pytest.mark.parametrize(
    ("kind", "name", "properties"),
    [
        (
            "okta:app/oAuth:OAuth",
            "main-app-shop/job",
            {"tokenEndpointAuthMethod": "private_key_jwt"},
        ),
        (
            "keycloak:openid/client:Client",
            "main-client-shop/job",
            {"clientAuthenticatorType": "client-jwt"},
        ),
    ],
)
def test_a_client_is_judged_by_its_own_schedule(
    kind: str, name: str, properties: dict[str, str]
) -> None:
    """Where it keeps its key: another provider of the stack has no part in that."""
    client = resource(kind, name, **properties)
    slow = replace(
        SOUND,
        resources=(*SOUND.resources, client),
        model=replace(MODEL, estate=estate(CLIENT)),
    )
    assert found("keys-rotated", slow) == [
        "shop/job (app1.yaml:10:11) keeps its key for 91 days"
    ]
    assert found("keys-rotated", slow, longestDays=91) == []
    elsewhere = replace(client, name=name.replace("main-", "other-"))
    assert (
        found(
            "keys-rotated",
            replace(slow, resources=(*SOUND.resources, elsewhere)),
        )
        == []
    )


def test_a_public_client_of_a_realm_shares_no_secret() -> None:
    """Whatever authenticator Keycloak notes for it; and its redirects may stay on its device, which no other's may."""
    public = with_properties(
        "realm-client",
        accessType="PUBLIC",
        clientAuthenticatorType="client-secret",
    )
    assert found("keys-rotated", public) == []
    fine = ["com.example.app:/callback", "http://127.0.0.1/x"]
    assert (
        found(
            "redirect-exact",
            with_properties(
                "realm-client", accessType="PUBLIC", validRedirectUris=fine
            ),
        )
        == []
    )
    assert len(
        found(
            "redirect-exact",
            with_properties("realm-client", validRedirectUris=fine),
        )
    ) == len(fine)
    odd = ["http://example.com/x", "app:/callback"]
    assert len(
        found(
            "redirect-exact",
            with_properties(
                "realm-client", accessType="PUBLIC", validRedirectUris=odd
            ),
        )
    ) == len(odd)


@pytest.mark.parametrize(
    ("kind", "role"),
    [("Password", "secret"), ("Certificate", "certificate")],
    ids=["secret", "certificate"],
)
def test_a_tenants_client_is_judged_by_its_own_schedule(
    kind: str, role: str
) -> None:
    """Whether it has a certificate or shares a secret; once for both of its slots, and not where it is in time."""
    base = tuple(
        resource
        for resource in SOUND.resources
        if not resource.type.startswith("okta:")
    )
    token = f"azuread:index/application{kind}:Application{kind}"
    own = tuple(
        resource(
            token,
            f"main-{role}-shop/job-{slot}",
            secret="value",
            rotateWhenChanged={"generation": "1"},
        )
        for slot in "ab"
    )
    slow = replace(
        SOUND,
        resources=(*base, *own),
        model=replace(MODEL, estate=estate(CLIENT)),
    )
    assert found("keys-rotated", slow) == [
        "shop/job (app1.yaml:10:11) keeps its key for 91 days"
    ]
    assert found("keys-rotated", slow, longestDays=91) == []


def test_a_service_client_has_the_response_type_that_okta_wants() -> None:
    """`token`, though it has no user and no redirect."""
    assert (
        found(
            "grant-safe",
            with_properties("web", type="service", responseTypes=["token"]),
        )
        == []
    )


def test_a_native_applications_redirect_stays_on_its_device() -> None:
    """Loopback by http, or a reversed domain as scheme. Other http addresses and unregistered
    schemes do not."""
    fine = [
        "com.example.app:/callback",
        "http://127.0.0.1/x",
        "http://[::1]:8080/x",
        "http://localhost/x",
    ]
    assert (
        found(
            "redirect-exact",
            with_properties("web", type="native", redirectUris=fine),
        )
        == []
    )
    assert len(
        found("redirect-exact", with_properties("web", redirectUris=fine))
    ) == len(fine)
    odd = ["http://example.com/x", "app:/callback"]
    assert len(
        found(
            "redirect-exact",
            with_properties("web", type="native", redirectUris=odd),
        )
    ) == len(odd)


def test_a_private_key_is_where_it_belongs() -> None:
    """The key pair that the program makes itself, as long as it is marked; nowhere else."""
    pem = "-----BEGIN PRIVATE KEY-----"
    marked = resource(
        "tls:index/privateKey:PrivateKey",
        "pair",
        secret="privateKeyPem",
        privateKeyPem=pem,
    )
    assert found("secret-hidden", beside(marked)) == []
    bare = resource(
        "tls:index/privateKey:PrivateKey", "pair", privateKeyPem=pem
    )
    assert found("secret-hidden", beside(bare)) == [
        "pair: privateKeyPem is not marked as a secret"
    ]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("okta:app/oAuth:OAuth", "clientSecret"),
        ("keycloak:openid/client:Client", "clientSecret"),
        ("azuread:index/applicationPassword:ApplicationPassword", "value"),
        ("kong:index/consumerJwtAuth:ConsumerJwtAuth", "secret"),
        ("kong:index/certificate:Certificate", "privateKey"),
        ("tls:index/privateKey:PrivateKey", "privateKeyPem"),
        ("tls:index/privateKey:PrivateKey", "privateKeyPemPkcs8"),
        ("tls:index/privateKey:PrivateKey", "privateKeyOpenssh"),
        ("pulumi:providers:kong", "kongAdminToken"),
        ("pulumi:providers:kong", "kongApiKey"),
        ("pulumi:providers:okta", "apiToken"),
        ("pulumi:providers:keycloak", "clientSecret"),
        ("pulumi:providers:azuread", "clientSecret"),
        ("pulumi:providers:azuread", "oidcToken"),
    ],
)
def test_every_secret_of_the_program_has_to_be_marked_and_stands_nowhere_else(
    kind: str, name: str
) -> None:
    """Where it is kept it is an output that the program marks; beside that its value is a finding wherever it stands."""
    value = "a-credential-of-this-very-kind"
    hidden = replace(
        resource(kind, "kept", secret=name), properties={name: value}
    )
    assert found("secret-hidden", beside(hidden)) == []
    assert found(
        "secret-hidden", beside(replace(hidden, secret_outputs=frozenset()))
    ) == [f"kept: {name} is not marked as a secret"]
    leaked = resource(
        "kubernetes:core/v1:ConfigMap", "map", data={"x": f"at {value}."}
    )
    assert found("secret-hidden", beside(hidden, leaked)) == [
        "map: data.x contains a credential of this stack"
    ]


def test_what_kubernetes_leaves_open_is_no_finding_where_no_service_leads() -> (
    None
):
    """A worker without a Service needs no policy to be unreachable by name, and a Service without a selector leads to none."""
    assert (
        found(
            "workload-fenced",
            replace(
                without("fence"), resources=without("service").resources[:-2]
            ),
        )
        == []
    )
    nowhere = replace(without("fence"), resources=tuple(
        replace(resource, properties={**resource.properties, "spec": {}}) if resource.name == "service" else resource
        for resource in without("fence").resources
    ))  # fmt: skip
    assert found("workload-fenced", nowhere) == []


def test_a_kind_that_the_pack_is_told_of_is_let_be() -> None:
    """By its group and kind; of the core group by its kind alone."""
    slice_ = one_more("discovery.k8s.io/v1:EndpointSlice", {})
    assert (
        found(
            "workload-fenced", slice_, allow=["discovery.k8s.io/EndpointSlice"]
        )
        == []
    )
    assert (
        found(
            "workload-fenced",
            one_more("core/v1:Endpoints", {}),
            allow=["Endpoints"],
        )
        == []
    )
    assert found("workload-fenced", slice_, allow=["EndpointSlice"]) != []


@pytest.mark.parametrize("opening", EXPOSING_KINDS)
def test_a_way_in_of_any_product_is_one(opening: str) -> None:
    """With `check`'s judgement, from a separate list."""
    type_, kind = opening.replace(" ", ":"), opening.split()[-1]
    message = f"more ({kind}) opens ways to workloads beside the gateway"
    assert found("workload-fenced", one_more(type_, {})) == [message]


def test_a_fence_as_wide_as_gateways_are_is_no_finding() -> None:
    """And as wide as the pack is told, which is no way to let everybody in."""
    narrow = fenced_from(
        {
            "from": [
                {"ipBlock": {"cidr": "10.20.0.0/26"}},
                {"ipBlock": {"cidr": "fd00::/64"}},
            ],
            "ports": PORTS,
        }
    )
    assert found("workload-fenced", narrow) == []
    wide = {"from": [{"ipBlock": {"cidr": "10.20.0.0/16"}}], "ports": PORTS}
    assert found("workload-fenced", fenced_from(wide), widestIPv4=16) == []
    everybody = fenced_from(
        {"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": PORTS}
    )
    assert found("workload-fenced", everybody, widestIPv4=1) == [
        "fence lets everybody connect to its pods"
    ]
    messages = with_properties(
        "service",
        spec={
            "selector": POD,
            "type": "LoadBalancer",
            "externalTrafficPolicy": "Local",
        },
    )
    assert found("workload-fenced", messages) == []


@pytest.mark.parametrize("product", CONNECTIONS)
def test_what_the_program_makes_is_no_finding(product: str) -> None:
    """With callers, platform peers, a chart's pods, and the gateway's ranges."""
    for world in worlds(product, "two clusters"):
        policies = [
            kubernetes(
                "networking.k8s.io/v1:NetworkPolicy",
                manifest["metadata"]["name"],
                manifest["spec"],
            )
            for manifest in world.manifests
            if manifest["kind"] == "NetworkPolicy"
        ]
        assert found("workload-fenced", beside(*policies)) == []


def test_a_secret_is_where_it_belongs() -> None:
    """In its own output, in a Kubernetes Secret, and by reference in the environment; a masked one is none."""
    reference = {
        "name": "TOKEN",
        "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}},
    }
    assert found("secret-hidden", with_environment(reference)) == []
    assert (
        found(
            "secret-hidden",
            with_properties("web", clientSecret="[secret]", label="[secret]"),
        )
        == []
    )


def test_a_finding_never_shows_the_secret() -> None:
    """It is printed in previews and in comments on pull requests."""
    for deployment in (
        with_properties("policy", description=CREDENTIAL),
        beside(
            kubernetes("core/v1:ConfigMap", "map", {"data": {"x": CREDENTIAL}})
        ),
        beside(
            resource("pulumi:pulumi:Stack", "stack", outputs={"x": CREDENTIAL})
        ),
    ):
        messages = found("secret-hidden", deployment)
        assert messages and CREDENTIAL not in "".join(messages)


def test_what_is_reported_steers_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The engine prints a message as it is, and a reason is somebody's text."""
    monkeypatch.chdir(ROOT)
    rule = replace(
        RULES[0],
        check=lambda *_: iter(
            [PolicyFinding("public without an end: \x1b]0;x\x07")]
        ),
    )
    arguments = SimpleNamespace(
        resource_type="t", name="n", urn="urn:pulumi:local::p::t::n", props={}, property_dependencies={},
        opts=SimpleNamespace(additional_secret_outputs=[]), provider=None,
    )  # fmt: skip
    reported: list[str] = []
    args = SimpleNamespace(
        resources=[arguments], get_config=dict, **vars(arguments)
    )
    for validate in (pack._check_resource, pack._check_stack):
        validate(rule, args, lambda message, _: reported.append(message))  # type: ignore[operator]
    assert reported == ["public without an end: ?]0;x?"] * 2


def test_rules_say_what_to_do_and_what_they_are_evidence_for() -> None:
    """Ids are unique and stable words; each rule has a remedy, and a control of both catalogues."""
    assert len(BY_ID) == len(RULES)
    for rule in RULES:
        assert rule.id == rule.id.lower() and " " not in rule.id
        assert rule.remedy.endswith(".")
        assert {control.split()[0] for control in rule.controls} == {
            "SOC2",
            "ISO27001",
        }, rule.id


@pytest.mark.parametrize(
    ("table", "seconds"),
    [("{}", 0), ("{}", 600), ('{"cors":{}}', 0), ('{"cors":{}}', 600)],
)
def test_scripts_on_answers_are_those_that_the_table_asks_for(
    table: str, seconds: int
) -> None:
    """With and without the word to browsers that they use https."""
    deployment = configured(
        "admission",
        **{"header_filter": [], **plugins.admission(table, seconds)},
    )
    assert found("script-current", deployment) == []


def test_a_gate_with_records_cuts_queries_from_traces() -> None:
    """It runs that script of this version, and no other script in its place."""
    asking = json.dumps({**json.loads(TABLE), "log": {}})
    gate = plugins.gate(asking, address("api.orders.svc.cluster.local", 80))
    wrong = "gate does not run the gate of this version"
    assert found("script-current", configured("gate", **gate)) == []
    assert found(
        "script-current", configured("gate", **{**gate, "header_filter": []})
    ) == [wrong]
    assert found(
        "script-current",
        configured("gate", **{**gate, "header_filter": ["x()"]}),
    ) == ["gate runs a foreign script in phase header_filter"]


def test_networks_that_a_table_says_for_all_methods_at_once_are_those_of_each() -> (
    None
):
    """A table writes `*` where the rule lists every method."""
    every = ACCESS.replace("[/orders], methods: [GET]", "[/orders]") + ALLOWED
    assert (
        found(
            "address-declared",
            replace(guarding(every), model=meaning(every).model),
        )
        == []
    )


def test_a_waiver_that_is_not_needed_is_nobodys_concern() -> None:
    """A plugin that only denies more needs no waiver."""
    assert len(found("plugin-waived", PLUGINS)) == 4
