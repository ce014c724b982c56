"""A Pulumi program as a platform engineer writes it by hand, without a model: a loop over
`services.yaml`. `benchmarks.peer` runs it as the `__main__.py` of a separate project.

A service with a `path` gets a route. Its `groups` are the consumer groups that may call it. Without
groups it is public. A service with a `client` gets an app and a policy at Okta. If the claim is
`cid`, it also gets a consumer in Kong, in the groups that the client names. If the claim is `iss`,
all clients share a consumer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kong as kong
import pulumi_kubernetes as kubernetes
import pulumi_okta as okta
import yaml

Service = Mapping[str, Any]
"""A service of `services.yaml`."""


def main() -> None:
    """Deploy all services with one authorization server."""
    server = okta.auth.Server("server", name="flat", audiences=["api://flat"])
    key = Path("issuer.pem").read_text("utf-8")
    settings = yaml.safe_load(Path("services.yaml").read_text("utf-8"))
    claim = settings["claim"]
    if claim == "iss":
        admit("okta", ["okta"], server.issuer, key)
    for service in settings["services"]:
        secrets = []
        for name, text in service.get("scopes", {}).items():
            okta.auth.ServerScope(
                name,
                auth_server_id=server.id,
                name=name,
                display_name=name,  # without it, each run updates the scope
                description=text,
            )
        if "client" in service:
            app = sign_up(service, server)
            if claim == "cid":
                groups = service["client"]["calls"]
                admit(service["name"], groups, app.client_id, key)
            secrets.append(secret(service, app))
        run(service, secrets)
        if "path" in service:
            expose(service, claim)


@cache
def group_id(name: str) -> pulumi.Output[str]:
    """Look up a group of users at Okta."""
    return okta.group.get_group_output(name=name).id


def sign_up(service: Service, server: okta.auth.Server) -> okta.app.OAuth:
    """Make an app at Okta, and the policy by which it gets its scopes."""
    name = service["name"]
    client = service["client"]
    redirects = client.get("redirects", [])
    grant = "authorization_code" if redirects else "client_credentials"
    groups = [group_id(group) for group in client.get("groups", [])]
    app = okta.app.OAuth(
        name,
        label=name,
        type="web" if redirects else "service",
        grant_types=[grant],
        response_types=["code" if redirects else "token"],
        redirect_uris=redirects,
    )
    if groups:
        okta.AppGroupAssignments(
            name,
            app_id=app.id,
            groups=[
                okta.AppGroupAssignmentsGroupArgs(id=group, profile="{}")
                for group in groups
            ],
        )
    policy = okta.auth.ServerPolicy(
        name,
        auth_server_id=server.id,
        name=name,
        description=name,
        priority=99999,
        client_whitelists=[app.client_id],
        opts=pulumi.ResourceOptions(ignore_changes=["priority"]),
    )
    okta.auth.ServerPolicyRule(
        name,
        auth_server_id=server.id,
        policy_id=policy.id,
        name=name,
        priority=1,
        grant_type_whitelists=[grant],
        scope_whitelists=client["scopes"],
        group_whitelists=groups,
    )
    return app


def admit(
    name: str, groups: Sequence[str], value: pulumi.Output[str], key: str
) -> None:
    """Make the consumer for tokens whose claim has this value, in these groups."""
    consumer = kong.Consumer(name, username=name, custom_id=name)
    kong.ConsumerJwtAuth(
        name,
        consumer_id=consumer.id,
        algorithm="RS256",
        key=value,
        rsa_public_key=key,
        secret="unused",  # Kong rejects the plugin's empty secret
    )
    for group in groups:
        kong.ConsumerAcl(
            f"{name}-{group}", consumer_id=consumer.id, group=group
        )


def secret(service: Service, app: okta.app.OAuth) -> kubernetes.core.v1.Secret:
    """Keep the credentials of an app in the cluster."""
    return kubernetes.core.v1.Secret(
        service["name"],
        metadata={
            "name": f"{service['name']}-client",
            "namespace": service["namespace"],
        },
        string_data={
            "CLIENT_ID": app.client_id,
            "CLIENT_SECRET": app.client_secret,
        },
    )


def run(service: Service, secrets: list[kubernetes.core.v1.Secret]) -> None:
    """Run a service in the cluster."""
    name = service["name"]
    labels = {"app": name}
    metadata = {"name": name, "namespace": service["namespace"]}
    container = {
        "name": name,
        "image": service["image"],
        "resources": {"requests": service.get("resources", {})},
        "env": [
            {"name": key, "value": value}
            for key, value in service.get("env", {}).items()
        ],
        "envFrom": [
            {"secretRef": {"name": secret.metadata.name}} for secret in secrets
        ],
        "ports": [{"containerPort": port} for port in service.get("ports", [])],
    }
    kubernetes.apps.v1.Deployment(
        name,
        metadata=metadata,
        spec={
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container]},
            },
        },
    )
    if "ports" in service:
        kubernetes.core.v1.Service(
            name,
            metadata=metadata,
            spec={
                "selector": labels,
                "ports": [{"port": port} for port in service["ports"]],
            },
        )


def expose(service: Service, claim: str) -> None:
    """Route a path of a domain to a service, for consumers of its groups only."""
    name = service["name"]
    at_kong = kong.Service(
        name,
        name=name,
        protocol="http",
        host=f"{name}.{service['namespace']}.svc.cluster.local",
        port=service["ports"][0],
    )
    kong.Route(
        name,
        name=name,
        service_id=at_kong.id,
        protocols=["http"],
        hosts=[service["domain"]],
        paths=[service["path"]],
        strip_path=False,
    )
    if "groups" in service:
        plugins = {
            "jwt": {"key_claim_name": claim, "claims_to_verify": ["exp"]},
            "acl": {"allow": service["groups"]},
        }
        for plugin, config in plugins.items():
            kong.Plugin(
                f"{name}-{plugin}",
                name=plugin,
                service_id=at_kong.id,
                config_json=json.dumps(config),
            )


if __name__ == "__main__":
    main()
