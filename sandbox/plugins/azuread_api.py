# ruff: noqa: ARG002 - the methods of Resource share their signatures
"""Microsoft Graph as the official azuread plugin calls it, and the base of its resources."""

from __future__ import annotations

import os
import threading
import time
import urllib.parse
import uuid
from collections import defaultdict

from sandbox.edges import Json
from sandbox.jose import read
from sandbox.plugins import sdk
from sandbox.plugins.http import Answer, send, send_form
from sandbox.plugins.provider import Found, ProviderError, Resource
from sandbox.plugins.values import Properties, Value, is_empty

_GRAPH = "https://graph.microsoft.com"
_LOGIN = "https://login.microsoftonline.com"
_RETRIES = 5
_LOOPBACK = ("127.0.0.1", "localhost")


class Graph:
    """The tenant of the provider: metadata, one login a process, then Microsoft Graph.

    A metadata host on loopback is called without TLS. A 429 is retried after `Retry-After`. A 404
    or 409 on a new object is retried after a moment. Logins with a client secret or an OIDC token,
    and the public cloud, are modelled.
    """

    def __init__(self) -> None:
        self._graph = _GRAPH
        self._token = ""
        self.caller = ""
        self.locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def configure(self, arguments: Properties) -> None:
        """Take metadataHost, tenantId, clientId, clientSecret or oidcToken, or ARM_... of the
        environment."""

        def setting(name: str, variable: str) -> str:
            return str(arguments.get(name) or os.environ.get(variable, ""))

        login = _LOGIN
        if host := setting("metadataHost", "ARM_METADATA_HOSTNAME"):
            scheme = "http" if host.split(":")[0] in _LOOPBACK else "https"
            answer = send(
                f"{scheme}://{host}",
                "GET",
                "/metadata/endpoints?api-version=2022-09-01",
            )
            login = answer.body["authentication"]["loginEndpoint"]
            self._graph = answer.body["microsoftGraphResourceId"].rstrip("/")
        form = {
            "client_id": setting("clientId", "ARM_CLIENT_ID"),
            "grant_type": "client_credentials",
            "scope": f"{self._graph}/.default",
        }
        if secret := setting("clientSecret", "ARM_CLIENT_SECRET"):
            form["client_secret"] = secret
        else:
            form["client_assertion_type"] = (
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            )
            form["client_assertion"] = setting("oidcToken", "ARM_OIDC_TOKEN")
        answer = send_form(
            login,
            f"/{setting('tenantId', 'ARM_TENANT_ID')}/oauth2/v2.0/token",
            form,
        )
        if answer.status != 200:
            raise ProviderError(
                f"unable to build authorizer for Microsoft Graph API: {described(answer)}"
            )
        self._token = answer.body["access_token"]
        self.caller = read(self._token)[1]["oid"]

    @property
    def owner(self) -> Json:
        """The caller, as the owner of new objects."""
        return {
            "owners@odata.bind": [
                f"{self._graph}/v1.0/directoryObjects/{self.caller}"
            ]
        }

    def send(self, method: str, path: str, body: Value = None) -> Answer:
        """Send a request, again after each 429. Raises OSError if the server does not answer."""
        for _ in range(_RETRIES):
            answer = self._sent(method, path, body)
            if answer.status != 429:
                return answer
            delay = {
                name.lower(): value for name, value in answer.headers.items()
            }.get("retry-after", "1")
            time.sleep(float(delay))
        return self._sent(method, path, body)

    def _sent(self, method: str, path: str, body: Value) -> Answer:
        return send(
            self._graph,
            method,
            path,
            body,
            {"Authorization": f"Bearer {self._token}"},
        )

    def accepted(
        self, method: str, path: str, body: Value = None, *, fresh: bool = False
    ) -> Value:
        """Send a request that must succeed, and return the answer's JSON. `fresh`: the object is
        new.

        Raises ProviderError.
        """
        answer = self.send(method, path, body)
        for pause in (1, 2, 4) if fresh else ():
            if answer.status not in (404, 409):
                break
            time.sleep(pause)
            answer = self.send(method, path, body)
        if answer.status >= 300:
            raise ProviderError(f"{method} {path}: {described(answer)}")
        return answer.body

    def found(self, path: str) -> Value:
        """Return the object, or None if it does not exist. Raises ProviderError."""
        answer = self.send("GET", path)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise ProviderError(f"GET {path}: {described(answer)}")
        return answer.body

    def removed(self, path: str) -> None:
        """DELETE the object, and check by a GET that it is gone. The official plugin checks five
        times, five seconds apart."""
        answer = self.send("DELETE", path)
        if answer.status >= 300 and answer.status != 404:
            raise ProviderError(f"DELETE {path}: {described(answer)}")
        if self.send("GET", path).status != 404:
            raise ProviderError(
                f"waiting for deletion of {path}: it is still there"
            )


def described(answer: Answer) -> str:
    """Return the error text of Graph or of the token endpoint."""
    body = answer.body if isinstance(answer.body, dict) else {}
    error = body.get("error")
    if isinstance(error, dict):
        return (
            f"unexpected status {answer.status} with error: {error.get('code')}: "
            f"{error.get('message')}"
        )
    return f"unexpected status {answer.status}: {body.get('error_description', answer.text)}"


def filtered(collection: str, condition: str) -> str:
    """Return a path with a $filter, spaces as plus signs."""
    return f"{collection}?$filter={urllib.parse.quote_plus(condition)}"


def temporary() -> str:
    """Return the name that shows that a change has arrived."""
    return f"TERRAFORM_UPDATE_{uuid.uuid4()}"


def last(identifier: str) -> str:
    """Return the last element of an id such as /applications/OBJECT."""
    return identifier.rsplit("/", 1)[1]


class GraphObject(Resource):
    """An object of a tenant."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def application(self, inputs: Properties) -> tuple[str, Json]:
        """Object id and object of the application that `applicationId` names. Raises
        ProviderError."""
        identifier = last(inputs["applicationId"])
        return identifier, self._graph.accepted(
            "GET", f"/v1.0/applications/{identifier}"
        )

    def found(
        self,
        identifier: str,
        inputs: Properties,
        state: Properties,
        now: Properties,
    ) -> Found:
        """Return the object's inputs and state. On an import, without state and inputs, all of it
        becomes inputs."""
        imported = not (state or inputs)
        names = sdk.inputs_of(self.token).hints if imported else inputs
        written = {key: now.get(key, inputs.get(key)) for key in names}
        return Found(
            {
                key: item
                for key, item in written.items()
                if not (imported and is_empty(item))
            },
            now,
            identifier,
        )

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        raise ProviderError(f"{self.token} is never changed, only replaced")
