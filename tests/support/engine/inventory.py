"""List the objects in the products behind a sandbox, by kind."""

from __future__ import annotations

import json

from sandbox.local import Local

KONG = ("services", "routes", "plugins", "consumers", "jwt_secrets")
OKTA = (
    "authorizationServers",
    "scopes",
    "claims",
    "policies",
    "rules",
    "apps",
    "assignments",
)


def entities(local: Local) -> dict[str, list[str]]:
    """Return all objects in Kong, at Okta (without its groups, which exist before) and in the
    cluster, by kind; empty kinds are left out."""
    found = {
        kind: [json.dumps(entity) for entity in local.kong.entities(kind)]
        for kind in KONG
    }
    found |= {
        kind: [json.dumps(item) for item in local.okta.objects(kind)]
        for kind in OKTA
    }
    found["objects"] = [json.dumps(item) for item in local.cluster.objects()]
    return {kind: item for kind, item in found.items() if item}
