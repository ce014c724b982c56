"""A caller as its workload would be: it has what its Secret in the cluster holds, and gets its tokens with that."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from sandbox.okta import browser


def environment(cluster: str, namespace: str, component: str) -> dict[str, str]:
    """What the pods of `component` get from its client Secret, from the cluster stand-in at the URL `cluster`.

    Raises LookupError where there is no such Secret.
    """
    key = {"apiVersion": "v1", "kind": "Secret", "namespace": namespace, "name": f"{component}-client"}
    connection = http.client.HTTPConnection(urlsplit(cluster).netloc, timeout=10)
    try:
        connection.request("GET", f"/objects?{urlencode(key)}")
        answer = connection.getresponse()
        found = json.loads(answer.read())
    finally:
        connection.close()
    if answer.status != 200:
        raise LookupError(f"no Secret {component}-client in namespace {namespace}: is the component a client, and up?")
    return {name: base64.b64decode(value).decode() for name, value in found["data"].items()}


def token(settings: Mapping[str, str], login: str | None = None) -> tuple[str, str]:
    """An access token for the client itself, or for the user `login`, and the scopes that it lists.

    Raises sandbox.okta.browser.RefusedError.
    """
    issuer, client_id, secret = (settings[f"OAUTH_{key}"] for key in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET"))
    scopes = settings["OAUTH_SCOPES"].split()
    if login is None:
        answer = browser.client_credentials(issuer, client_id, secret, scopes)
    else:
        redirect = settings["OAUTH_REDIRECT_URIS"].split()[0]
        answer = browser.login(issuer, client_id, secret, redirect, [*scopes, "openid"], login)
    return answer["access_token"], answer["scope"]
