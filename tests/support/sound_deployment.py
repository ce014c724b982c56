"""A small deployment that every rule of the pack accepts, and functions that change one part of it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kong_oam.kong import plugins
from kong_oam.kong.routes import routes
from kong_oam.kong.table import address, table
from policies.deployed import DeployedModel, Deployment, Resource
from tests.support.estates import api, estate

ACCESS = """
            owner: team
            scopes: {read: r}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders/health], methods: [GET], public: {reason: probes, until: "2026-06-30"}}
            waivers:
              - {finding: LINT305, reason: known, until: "2026-02-01"}
"""
ESTATE = estate(api(access=ACCESS))
MODEL = DeployedModel(ESTATE, cloud="aws", as_of=datetime.date(2026, 1, 31))
COMPONENT = ESTATE.components["orders/api"]
TABLE = table(ESTATE, COMPONENT, "8080", "ring")
CREDENTIAL = "a-client-secret-of-okta"
POD = {"app.oam.dev/component": "api"}


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:tests::kong-oam::{kind}::{name}"


def resource(
    kind: str,
    name: str,
    made_of: Mapping[str, str] = {},
    secret: str = "",
    **properties: Any,
) -> Resource:
    """`made_of` has the source URN of each input; such an input also has a value."""
    linked = {key: f"id of {source}" for key, source in made_of.items()}
    sources = {key: (source,) for key, source in made_of.items()}
    outputs = frozenset(filter(None, [secret]))
    return Resource(
        kind, name, urn(kind, name), {**linked, **properties}, sources, outputs
    )


def plugin(
    name: str, kind: str, config: Mapping[str, Any], **made_of: str
) -> Resource:
    defaults = {"run_on_preflight": True} if kind == "jwt" else {}
    text = json.dumps({**defaults, **config})
    return resource(
        "kong:index/plugin:Plugin",
        name,
        made_of,
        name_=kind,
        enabled=True,
        configJson=text,
    )


def kubernetes(kind: str, name: str, spec: Mapping[str, Any]) -> Resource:
    return resource(
        f"kubernetes:{kind}",
        name,
        metadata={"namespace": "orders", "name": "api"},
        spec=spec,
    )


def _gateway() -> list[Resource]:
    nowhere = resource("kong:index/upstream:Upstream", "nowhere")
    service = resource(
        "kong:index/service:Service", "api-service", {"host": nowhere.urn}
    )
    resources = [
        nowhere,
        service,
        plugin(
            "admission",
            "pre-function",
            plugins.admission(TABLE, 600),
            serviceId=service.urn,
        ),
        resource(
            "kong:index/consumer:Consumer", "anonymous", username="nobody"
        ),
        plugin("jwt", "jwt", plugins.jwt("nobody"), serviceId=service.urn),
        plugin(
            "gate",
            "post-function",
            plugins.gate(TABLE, address("api.test", 8080)),
            serviceId=service.urn,
        ),
    ]
    for plan in routes(COMPONENT):
        route = resource(
            "kong:index/route:Route",
            plan.role,
            {"serviceId": service.urn},
            protocols=["https"],
            hosts=list(plan.hosts),
            paths=plan.kong_paths,
        )
        resources.append(route)
    return resources


def _identity() -> list[Resource]:
    return [
        resource(
            "okta:auth/server:Server", "server", credentialsRotationMode="AUTO"
        ),
        resource(
            "okta:app/oAuth:OAuth",
            "web",
            secret="clientSecret",
            type="web",
            clientSecret=CREDENTIAL,
            grantTypes=["authorization_code"],
            responseTypes=["code"],
            redirectUris=["https://shop.example.com/callback"],
            wildcardRedirect="DISABLED",
        ),
        resource(
            "keycloak:openid/client:Client",
            "realm-client",
            secret="clientSecret",
            accessType="CONFIDENTIAL",
            clientAuthenticatorType="client-jwt",
            implicitFlowEnabled=False,
            directAccessGrantsEnabled=False,
            validRedirectUris=["https://web.example.com/callback"],
            clientSecret="a-client-secret-of-keycloak",
        ),
        resource(
            "azuread:index/application:Application",
            "tenant-app",
            signInAudience="AzureADMyOrg",
            fallbackPublicClientEnabled=False,
            web={
                "redirectUris": ["https://web.example.com/callback"],
                "implicitGrant": {},
            },
            publicClient={
                "redirectUris": [
                    "http://127.0.0.1/callback",
                    "com.example.app:/callback",
                ]
            },
        ),
        resource(
            "azuread:index/servicePrincipal:ServicePrincipal",
            "tenant-principal",
            appRoleAssignmentRequired=True,
        ),
        resource(
            "azuread:index/applicationPassword:ApplicationPassword",
            "tenant-secret",
            secret="value",
            rotateWhenChanged={"generation": "1"},
        ),
        resource(
            "okta:auth/serverPolicy:ServerPolicy",
            "policy",
            clientWhitelists=["0oa1"],
        ),
        resource(
            "okta:auth/serverPolicyRule:ServerPolicyRule",
            "rule",
            grantTypeWhitelists=["authorization_code"],
            scopeWhitelists=["read", "openid"],
        ),
    ]


def _workload() -> list[Resource]:
    container = {
        "name": "api",
        "image": "x",
        "env": [{"name": "LOG_LEVEL", "value": "info"}],
    }
    template = {
        "metadata": {"labels": {**POD, "more": "x"}},
        "spec": {"containers": [container]},
    }
    kong = {"matchLabels": {"kubernetes.io/metadata.name": "kong"}}
    peers = [
        {
            "namespaceSelector": kong,
            "podSelector": {"matchLabels": {"app": "kong"}},
        }
    ]
    return [
        kubernetes("apps/v1:Deployment", "deployment", {"template": template}),
        kubernetes("core/v1:Service", "service", {"selector": POD}),
        kubernetes(
            "networking.k8s.io/v1:NetworkPolicy",
            "fence",
            {
                "podSelector": {"matchLabels": POD},
                "policyTypes": ["Ingress"],
                "ingress": [{"from": peers, "ports": [{"port": 8080}]}],
            },
        ),
        resource(
            "kubernetes:core/v1:Secret",
            "secret",
            stringData={"OAUTH_CLIENT_SECRET": CREDENTIAL},
        ),
    ]


def _named(written: Resource) -> Resource:
    """Return a plugin with this kind as its input `name`; the resource has another name."""
    properties = {
        key.removesuffix("_"): value
        for key, value in written.properties.items()
    }
    return replace(written, properties=properties)


SOUND = Deployment(
    tuple(map(_named, [*_gateway(), *_identity(), *_workload()])), MODEL
)


def with_properties(name: str, **properties: Any) -> Deployment:
    """Return `SOUND` with other properties of one resource; None deletes a property."""

    def change(part: Resource) -> Resource:
        changed = {**part.properties, **properties}
        return replace(
            part,
            properties={
                key: value
                for key, value in changed.items()
                if value is not None
            },
        )

    assert any(part.name == name for part in SOUND.resources), name
    return replace(
        SOUND,
        resources=tuple(
            change(part) if part.name == name else part
            for part in SOUND.resources
        ),
    )


def configured(name: str, **config: Any) -> Deployment:
    """Return `SOUND` with another configuration of one plugin."""
    (found,) = (part for part in SOUND.resources if part.name == name)
    return with_properties(
        name, configJson=json.dumps({**(found.config or {}), **config})
    )


def without(name: str) -> Deployment:
    return replace(
        SOUND,
        resources=tuple(part for part in SOUND.resources if part.name != name),
    )


def beside(*more: Resource) -> Deployment:
    return replace(SOUND, resources=(*SOUND.resources, *map(_named, more)))


def meaning(access: str, **settings: Any) -> Deployment:
    """Return `SOUND` with another access trait."""
    return replace(
        SOUND,
        model=replace(MODEL, estate=estate(api(access=access)), **settings),
    )
