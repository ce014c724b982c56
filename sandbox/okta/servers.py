"""Authorization servers, their scopes, claims and keys in the management API of the Okta stand-in.

Source: management-api.json, operations under /api/v1/authorizationServers. The contents of a new
server and reserved names: developer.okta.com, "Authorization servers" and "Scopes and claims".
"""

import re
from datetime import UTC, datetime, timedelta

from sandbox.edges import Json
from sandbox.okta.answers import (
    Answer,
    ApiError,
    Request,
    invalid,
    not_found,
    require,
)
from sandbox.okta.checks import flag, listing, one_of, record, text
from sandbox.okta.expressions import EXPRESSIONS, is_modelled
from sandbox.okta.objects import found, parent_of, refuse_taken
from sandbox.okta.org import Org, link, new_id
from sandbox.okta.signing import KeyRing, SigningKey

ROTATION = timedelta(
    days=90
)  # how far ahead a server with rotation AUTO announces its next key

SERVER = record(
    {
        "name": text(1, 255),
        "description": text(0, 1024),
        # "Okta currently supports only one audience"
        "audiences": listing(text(1, 255), least=1, most=1),
        "issuer": text(),
        "issuerMode": one_of("ORG_URL", "CUSTOM_URL", "DYNAMIC"),
        "status": one_of("ACTIVE", "INACTIVE"),
        "credentials": record(
            {
                "signing": record(
                    {
                        "kid": text(),
                        "rotationMode": one_of("AUTO", "MANUAL"),
                        "use": one_of("sig"),
                        "lastRotated": text(),
                        "nextRotation": text(),
                    }
                )
            }
        ),
    },
    required=("name", "audiences"),
)
SCOPE = record(
    {
        "name": text(1, 255),
        "displayName": text(0, 255),
        "description": text(0, 1024),
        "consent": one_of("FLEXIBLE", "IMPLICIT", "REQUIRED"),
        "metadataPublish": one_of("ALL_CLIENTS", "NO_CLIENTS"),
        "default": flag,
        "optional": flag,
    },
    required=("name",),
)
CLAIM = record(
    {
        "name": text(1, 255),
        "status": one_of("ACTIVE", "INACTIVE"),
        "claimType": one_of("RESOURCE", "IDENTITY"),
        "valueType": one_of("EXPRESSION", "GROUPS"),
        "value": text(1, 4096),
        "group_filter_type": one_of(
            "STARTS_WITH", "EQUALS", "CONTAINS", "REGEX"
        ),
        "alwaysIncludeInToken": flag,
        "conditions": record({"scopes": listing(text(1))}),
    },
    required=("name", "claimType", "valueType", "value"),
)
ROTATE = record({"use": one_of("sig")}, required=("use",))

SYSTEM_SCOPES = {
    "openid": "Signals that a request is an OpenID request.",
    "profile": "View your profile information.",
    "email": "View your email address.",
    "address": "View your address.",
    "phone": "View your phone number.",
    "offline_access": "Keep you signed in to the app.",
}
RESERVED_CLAIMS = frozenset(
    (
        *(
            "ver",
            "jti",
            "iss",
            "aud",
            "iat",
            "exp",
            "nbf",
            "cid",
            "uid",
            "scp",
            "sub",
            "auth_time",
        ),
        *("nonce", "amr", "idp", "at_hash", "c_hash"),
    )
)


def create_server(org: Org, request: Request) -> Answer:
    """POST: create a server with its signing keys, the system scopes and no policy."""
    key = new_id("aus")
    time = org.timestamp()
    server = _server(
        org,
        request.body,
        {"id": key, "status": "ACTIVE", "created": time},
        KeyRing(),
        time,
    )
    org.put("authorizationServers", server)
    for name, description in SYSTEM_SCOPES.items():
        published = {
            "name": name,
            "description": description,
            "metadataPublish": "ALL_CLIENTS",
        }
        org.put(
            "scopes",
            _scope(published, {"id": new_id("scp"), "system": True}),
            key,
        )
    return Answer(201, server)


def replace_server(org: Org, request: Request) -> Answer:
    """PUT: the status stays, which only the lifecycle operations change."""
    before = found(org, "authorizationServers", request)
    fixed = {name: before[name] for name in ("id", "status", "created")}
    rotated = before["credentials"]["signing"]["lastRotated"]
    return Answer(
        200,
        org.put(
            "authorizationServers",
            _server(org, request.body, fixed, org.keys[before["id"]], rotated),
        ),
    )


def _server(
    org: Org, body: Json, fixed: Json, ring: KeyRing, rotated: str
) -> Json:
    require(SERVER, body)
    refuse_taken(org, "authorizationServers", "", body, "name", fixed["id"])
    org.keys[fixed["id"]] = ring
    mode = ((body.get("credentials") or {}).get("signing") or {}).get(
        "rotationMode", "AUTO"
    )
    url = f"{org.origin}/api/v1/authorizationServers/{fixed['id']}"
    return {
        **fixed,
        "name": body["name"],
        "description": body.get("description", ""),
        "audiences": body["audiences"],
        "issuer": f"{org.origin}/oauth2/{fixed['id']}",
        "issuerMode": body.get("issuerMode", "ORG_URL"),
        "lastUpdated": org.timestamp(),
        "credentials": {"signing": _signing(org, ring, mode, rotated)},
        "default": False,
        "_links": {
            "self": link(url, "GET", "PUT", "DELETE"),
            "keys": link(f"{url}/credentials/keys", "GET"),
        },
    }


def _signing(org: Org, ring: KeyRing, mode: str, rotated: str) -> Json:
    shown = {
        "kid": ring.active.kid,
        "rotationMode": mode,
        "use": "sig",
        "lastRotated": rotated,
    }
    if mode == "AUTO":
        following = datetime.fromtimestamp(org.now(), UTC) + ROTATION
        shown["nextRotation"] = following.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return shown


def delete_server(org: Org, request: Request) -> Answer:
    """DELETE: with all that belongs to it."""
    key = found(org, "authorizationServers", request)["id"]
    for policy in org.rows("policies", key):
        org.drop_children("rules", policy["id"])
    for kind in ("policies", "claims", "scopes"):
        org.drop_children(kind, key)
    org.drop("authorizationServers", key)
    del org.keys[key]
    return Answer(204)


def create_scope(org: Org, request: Request) -> Answer:
    """POST: the name is unique in its server."""
    parent = parent_of(org, "scopes", request)
    fixed = {"id": new_id("scp"), "system": False}
    _check_scope(org, parent, request.body, fixed)
    return Answer(201, org.put("scopes", _scope(request.body, fixed), parent))


def replace_scope(org: Org, request: Request) -> Answer:
    """PUT: a system scope keeps its name."""
    parent = parent_of(org, "scopes", request)
    before = found(org, "scopes", request)
    fixed = {"id": before["id"], "system": before["system"]}
    _check_scope(org, parent, request.body, fixed)
    if before["system"] and request.body["name"] != before["name"]:
        raise invalid("name: A system scope cannot be renamed")
    return Answer(200, org.put("scopes", _scope(request.body, fixed), parent))


def delete_scope(org: Org, request: Request) -> Answer:
    """DELETE; a system scope stays. Rules and claims that name the scope do not change."""
    scope = found(org, "scopes", request)
    if scope["system"]:
        raise ApiError(
            403,
            "E0000006",
            "You do not have permission to perform the requested action",
        )
    org.drop("scopes", scope["id"], parent_of(org, "scopes", request))
    return Answer(204)


def _check_scope(org: Org, parent: str, body: Json, fixed: Json) -> None:
    require(SCOPE, body)
    if re.search(r"\s", body["name"]) or body["name"].startswith("okta."):
        raise invalid(
            "name: A scope's name has no white space and does not begin with 'okta.'"
        )
    refuse_taken(
        org,
        "scopes",
        parent,
        body,
        "name",
        fixed["id"],
        f"'{body['name']}' already exists",
    )


def _scope(body: Json, fixed: Json) -> Json:
    return {
        **fixed,
        "name": body["name"],
        "displayName": body.get("displayName", body["name"]),
        "description": body.get("description", ""),
        "consent": body.get("consent", "IMPLICIT"),
        "metadataPublish": body.get("metadataPublish", "NO_CLIENTS"),
        "default": body.get("default", False),
        "optional": body.get("optional", False),
    }


def create_claim(org: Org, request: Request) -> Answer:
    """POST: the name is unique among the claims of its type in its server."""
    parent = parent_of(org, "claims", request)
    return Answer(
        201,
        org.put(
            "claims", _claim(org, parent, request.body, new_id("ocl")), parent
        ),
    )


def replace_claim(org: Org, request: Request) -> Answer:
    """PUT: the status is in the body, claims have no lifecycle operations."""
    parent = parent_of(org, "claims", request)
    before = found(org, "claims", request)
    return Answer(
        200,
        org.put(
            "claims", _claim(org, parent, request.body, before["id"]), parent
        ),
    )


def delete_claim(org: Org, request: Request) -> Answer:
    """DELETE."""
    org.drop("claims", request.place["id"], parent_of(org, "claims", request))
    return Answer(204)


def _claim(org: Org, parent: str, body: Json, key: str) -> Json:
    require(CLAIM, body)
    _check_claim(org, parent, body, key)
    claim = {
        "id": key,
        "name": body["name"],
        "status": body.get("status", "ACTIVE"),
        "claimType": body["claimType"],
        "valueType": body["valueType"],
        "value": body["value"],
        "conditions": {
            "scopes": list((body.get("conditions") or {}).get("scopes") or [])
        },
        "system": False,
        # "The value is always TRUE for access token Claims" (the description of
        # alwaysIncludeInToken)
        "alwaysIncludeInToken": body["claimType"] == "RESOURCE"
        or body.get("alwaysIncludeInToken", True),
    }
    if "group_filter_type" in body:
        claim["group_filter_type"] = body["group_filter_type"]
    return claim


def _check_claim(org: Org, parent: str, body: Json, key: str) -> None:
    name = body["name"]
    value = body["value"]
    for other in org.rows("claims", parent):
        if other["id"] != key and (other["name"], other["claimType"]) == (
            name,
            body["claimType"],
        ):
            raise invalid(f"name: '{name}' already exists")
    if name in RESERVED_CLAIMS:
        raise invalid(f"name: '{name}' is a reserved claim")
    scopes = {scope["name"] for scope in org.rows("scopes", parent)}
    for scope in (body.get("conditions") or {}).get("scopes") or []:
        if scope not in scopes:
            raise invalid(
                f"conditions.scopes: The scope '{scope}' does not exist"
            )
    if body["valueType"] == "GROUPS":
        _check_group_filter(body)
    elif "group_filter_type" in body:
        raise invalid(
            "group_filter_type: Only a claim of type GROUPS has a group filter"
        )
    elif not is_modelled(value):
        raise invalid(
            f"value: this stand-in evaluates only a string literal and {', '.join(EXPRESSIONS)}"
        )


def _check_group_filter(body: Json) -> None:
    if "group_filter_type" not in body:
        raise invalid("group_filter_type: The field cannot be left blank")
    if body["group_filter_type"] == "REGEX":
        try:
            re.compile(body["value"])
        except re.error:
            raise invalid("value: Invalid regular expression") from None


def rotate_keys(org: Org, request: Request) -> Answer:
    """POST .../credentials/lifecycle/keyRotate: the NEXT key becomes ACTIVE; answers the list of
    keys."""
    require(ROTATE, request.body)
    return rotate(org, org.get("authorizationServers", request.place["server"]))


def rotate(org: Org, server: Json) -> Answer:
    """Let the next key of `server` sign; answers the list of keys."""
    org.keys[server["id"]].rotate()
    mode = server["credentials"]["signing"]["rotationMode"]
    server["credentials"]["signing"] = _signing(
        org, org.keys[server["id"]], mode, org.timestamp()
    )
    return Answer(200, _keys(org, server["id"]))


def list_keys(org: Org, request: Request) -> Answer:
    """GET .../credentials/keys."""
    return Answer(
        200,
        _keys(
            org, org.get("authorizationServers", request.place["server"])["id"]
        ),
    )


def read_key(org: Org, request: Request) -> Answer:
    """GET .../credentials/keys/{kid}."""
    server = org.get("authorizationServers", request.place["server"])["id"]
    kid = request.place["id"]
    for status, key in org.keys[server].listed():
        if key.kid == kid:
            return Answer(200, _key(org, server, status, key))
    raise not_found(kid, "JsonWebKey")


def _keys(org: Org, server: str) -> list[Json]:
    return [
        _key(org, server, status, key)
        for status, key in org.keys[server].listed()
    ]


def _key(org: Org, server: str, status: str, key: SigningKey) -> Json:
    url = f"{org.origin}/api/v1/authorizationServers/{server}/credentials/keys/{key.kid}"
    return {"status": status, **key.jwk(), "_links": {"self": link(url, "GET")}}
