"""A caller as its workload would be: it has the environment that its pods get, and gets its tokens
with that."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode, urlsplit

from sandbox import browser
from sandbox.edges import Manifest
from sandbox.jose import read


def environment(cluster: str, namespace: str, component: str) -> dict[str, str]:
    """Return the data that the pods of `component` get from Secrets of the cluster stand-in at
    `cluster`.

    This is the Secret of its client, and the Secrets that its workload refers to by key. Raises
    LookupError if a Secret or key is missing.
    """
    manifest = _object(
        cluster, "v1", "Secret", namespace, f"{component}-client"
    )
    if manifest is None:
        raise LookupError(
            f"no Secret {component}-client in namespace {namespace}: check that the component is a "
            "client, and deploy it"
        )
    values = {name: _decoded(value) for name, value in manifest["data"].items()}
    workloads = (
        _object(cluster, version, kind, namespace, component)
        for version, kind in _WORKLOADS
    )
    workload = next(filter(None, workloads), {})
    for name, reference in _references(workload):
        secret = (
            _object(cluster, "v1", "Secret", namespace, reference["name"]) or {}
        )
        if reference["key"] not in secret.get("data", {}):
            raise LookupError(
                f"no Secret {reference['name']} with key {reference['key']} in namespace "
                f"{namespace}: create it"
            )
        values[name] = _decoded(secret["data"][reference["key"]])
    return values


def token(
    settings: Mapping[str, str],
    login: str | None = None,
    api: str | None = None,
    origin: str | None = None,
) -> tuple[str, str]:
    """Return an access token for the client itself, or for the user `login`, and its scopes.

    `api` (application/component) asks for a token for that API alone; with `origin` a page from
    there asks. Raises sandbox.browser.IssuerError and CrossOriginError.
    """
    answer = answered(settings, login, api, origin)
    return answer["access_token"], _scopes(answer)


def answered(
    settings: Mapping[str, str],
    login: str | None = None,
    api: str | None = None,
    origin: str | None = None,
) -> browser.TokenAnswer:
    """Return the token endpoint's whole answer. Raises sandbox.browser.IssuerError and
    CrossOriginError."""
    variable = (
        f"API_SCOPES_{api.upper().replace('-', '_').replace('/', '__')}"
        if api
        else "OAUTH_SCOPES"
    )
    client_id = settings["OAUTH_CLIENT_ID"]
    proof = proof_of(settings)
    scopes = settings[variable].split()
    endpoint = settings["OAUTH_TOKEN_ENDPOINT"]
    if login is None:
        return browser.client_credentials(endpoint, client_id, proof, scopes)
    issuer = browser.Endpoints(
        settings["OAUTH_AUTHORIZATION_ENDPOINT"], endpoint
    )
    redirect = settings["OAUTH_REDIRECT_URIS"].split()[0]
    return browser.login(
        issuer, client_id, proof, redirect, [*scopes, "openid"], login, origin
    )


def _scopes(answer: browser.TokenAnswer) -> str:
    """Return the scopes of the answer, or of the token if the answer has none (Entra: roles of the
    API's application)."""
    if "scope" in answer:
        return str(answer["scope"])
    return " ".join(read(answer["access_token"])[1].get("roles", ()))


def proof_of(settings: Mapping[str, str]) -> browser.Proof:
    """Return a client's key or secret; None if it has neither. Secrets of earlier versions name no
    algorithm."""
    if "OAUTH_PRIVATE_KEY" in settings:
        return browser.PrivateKey(
            settings["OAUTH_PRIVATE_KEY"],
            settings["OAUTH_KEY_ID"],
            "OAUTH_CERTIFICATE" in settings,
            settings.get("OAUTH_KEY_ALGORITHM", "RS256"),
        )
    return settings.get("OAUTH_CLIENT_SECRET")


_WORKLOADS = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
)
"""The kinds of workloads, whose pods are the callers."""


def _references(
    workload: Manifest,
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the variables of a workload's first container that come from Secrets."""
    spec = workload.get("spec", {})
    if "jobTemplate" in spec:
        spec = spec["jobTemplate"]["spec"]
    containers = spec.get("template", {}).get("spec", {}).get("containers", [])
    for variable in containers[0].get("env", []) if containers else ():
        source = variable.get("valueFrom", {})
        if "secretKeyRef" in source:
            yield variable["name"], source["secretKeyRef"]


def _object(
    cluster: str, version: str, kind: str, namespace: str, name: str
) -> Manifest | None:
    key = {
        "apiVersion": version,
        "kind": kind,
        "namespace": namespace,
        "name": name,
    }
    connection = http.client.HTTPConnection(
        urlsplit(cluster).netloc, timeout=10
    )
    try:
        connection.request("GET", f"/objects?{urlencode(key)}")
        answer = connection.getresponse()
        manifest: Manifest = json.loads(answer.read())
    finally:
        connection.close()
    return manifest if answer.status == 200 else None


def _decoded(value: str) -> str:
    return base64.b64decode(value).decode()
