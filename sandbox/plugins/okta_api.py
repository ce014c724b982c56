"""Okta's management API as the official plugin calls it, and the base of its resources."""

import json
import os
import time
import urllib.parse
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import ClassVar

from sandbox.plugins import sdk
from sandbox.plugins.http import Answer, send
from sandbox.plugins.provider import Found, ProviderError, Resource
from sandbox.plugins.values import Properties, Value, is_empty

_RETRIES = 5  # the official plugin's default of maxRetries


class ManagementApi:
    """The org of the provider.

    With `httpProxy` the requests go to the proxy in absolute form, which is how the official plugin
    reaches a stand-in. Otherwise they go to `https://ORG.BASE`. A 429 is retried after the
    announced window, at most 5 times, as the official plugin does behind its proxy
    (official-plugin.md, Faults). Not modelled: OAuth instead of an API token, throttling, and the
    retries of a direct connection (after `Retry-After`, and after 502 to 504).
    """

    def __init__(self) -> None:
        self._url = ""
        self._prefix = ""
        self._token = ""
        self._knows_pipeline = False

    def configure(self, arguments: Properties) -> None:
        """Read orgName, baseUrl, apiToken and httpProxy from the provider or the environment, and
        test the token as the official plugin does.

        The variables are OKTA_ORG_NAME, OKTA_BASE_URL, OKTA_API_TOKEN and OKTA_HTTP_PROXY.
        """

        def setting(name: str, variable: str) -> str:
            return str(arguments.get(name) or os.environ.get(variable, ""))

        host = (
            f"{setting('orgName', 'OKTA_ORG_NAME')}."
            f"{setting('baseUrl', 'OKTA_BASE_URL') or 'okta.com'}"
        )
        proxy = setting("httpProxy", "OKTA_HTTP_PROXY")
        self._token = setting("apiToken", "OKTA_API_TOKEN")
        self._url, self._prefix = (
            (proxy, f"http://{host}") if proxy else (f"https://{host}", "")
        )
        for _ in (
            "v4",
            "v2",
        ):  # one probe for each of two SDKs in the official plugin
            answer = self.send("GET", "/api/v1/users/me")
            if answer.status != 200:
                raise ProviderError(
                    f"okta: the provider was not properly configured: {described(answer)}"
                )

    def send(self, method: str, path: str, body: Value = None) -> Answer:
        """Send a request, again after each 429; raises OSError if the server does not answer."""
        for _ in range(_RETRIES):
            answer = self._send(method, path, body)
            pause = _pause(answer) if answer.status == 429 else None
            if pause is None:
                return answer
            time.sleep(pause)
        return self._send(method, path, body)

    def _send(self, method: str, path: str, body: Value) -> Answer:
        return send(
            self._url,
            method,
            self._prefix + path,
            body,
            {"Authorization": f"SSWS {self._token}"},
        )

    def accepted(self, method: str, path: str, body: Value = None) -> Value:
        """Send a request that must succeed, and return the answer's JSON. Raises ProviderError."""
        answer = self.send(method, path, body)
        if answer.status >= 300:
            raise ProviderError(f"{method} {path}: {described(answer)}")
        return answer.body

    def pipeline(self) -> None:
        """Ask once per process for the org's engine, as the official plugin does with the first
        app."""
        if not self._knows_pipeline:
            self._knows_pipeline = (
                self.send("GET", "/.well-known/okta-organization").status == 200
            )


def _pause(answer: Answer) -> float | None:
    """Return the seconds until the end of the rate limit's window, by the server's clock; None if
    the answer does not name it."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    try:
        until = int(headers["x-rate-limit-reset"])
        now = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return None
    return max(until - now.timestamp(), 0.0) + 1.0


def described(answer: Answer) -> str:
    """Okta's own words about a failure, with the whole body."""
    body = answer.body if isinstance(answer.body, dict) else {}
    causes = "; ".join(
        str(cause.get("errorSummary"))
        for cause in body.get("errorCauses") or []
    )
    summary = f"{body.get('errorSummary', '')}{f'. Causes: {causes}' if causes else ''}"
    return f"the API returned an error: {answer.status} {summary} {answer.text}"


class OktaObject(Resource):
    """An object with a path for its kind and a path with its id: POST + GET, GET, PUT + GET,
    DELETE.

    `lifecycle` says when a change of status is sent to the lifecycle endpoint: "before" or "after"
    the PUT, or never. `gone_is_deleted`: whether a 404 on DELETE counts as done
    (official-plugin.md, Deletion).
    """

    lifecycle = ""
    gone_is_deleted = False
    parents: ClassVar[
        tuple[str, ...]
    ] = ()  # inputs that precede the id in an import id

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    def collection(self, inputs: Properties) -> str:
        """Return the path of all objects of this kind, from inputs or state."""
        raise NotImplementedError

    def body(self, inputs: Properties) -> dict[str, Value]:
        """Return the body that creates or changes the object."""
        raise NotImplementedError

    def state(self, answer: Value, inputs: Properties) -> Properties:
        """Return the state for an answer; `inputs` are the inputs or the earlier state."""
        raise NotImplementedError

    def update_body(self, inputs: Properties) -> dict[str, Value]:
        """Return the body that changes the object, if it differs from the body that creates it."""
        return self.body(inputs)

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        made = self._api.accepted(
            "POST", self.collection(inputs), self.body(inputs)
        )
        return str(made["id"]), self._read(made["id"], inputs)

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        """Read the object by its id, or on an import (no state, no inputs) by its import id."""
        imported = not (state or inputs)
        if imported:
            identifier, inputs = self.imported(identifier)
        answer = self._api.send(
            "GET", f"{self.collection(state or inputs)}/{identifier}"
        )
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise ProviderError(
                f"failed to get {self.token}: {described(answer)}"
            )
        now = self.state(answer.body, state or inputs)
        return Found(
            written(self.token, now)
            if imported
            else refreshed(self.same, inputs, now),
            now,
            identifier,
        )

    def imported(self, identifier: str) -> tuple[str, Properties]:
        """Return the object's own id, and the inputs that are in the id that it is imported by:
        `SERVER/ID` (official-plugin.md, Import ids)."""
        *parents, own = identifier.split("/")
        if len(parents) != len(self.parents):
            raise ProviderError(
                f"invalid resource import specifier {identifier!r}"
            )
        return own, dict(zip(self.parents, parents, strict=True))

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        path = f"{self.collection(news)}/{identifier}"
        switched = self.lifecycle and state.get("status") != news.get("status")
        verb = "activate" if news.get("status") == "ACTIVE" else "deactivate"
        if switched and self.lifecycle == "before":
            self._api.accepted("POST", f"{path}/lifecycle/{verb}")
        self._api.accepted("PUT", path, self.update_body(news))
        if switched and self.lifecycle == "after":
            self._api.accepted("POST", f"{path}/lifecycle/{verb}")
        return self._read(identifier, news)

    def delete(self, identifier: str, state: Properties) -> None:
        answer = self._api.send(
            "DELETE", f"{self.collection(state)}/{identifier}"
        )
        if answer.status >= 300 and not (
            answer.status == 404 and self.gone_is_deleted
        ):
            raise ProviderError(
                f"failed to delete {self.token}: {described(answer)}"
            )

    def _read(self, identifier: str, inputs: Properties) -> Properties:
        return self.state(
            self._api.accepted(
                "GET", f"{self.collection(inputs)}/{identifier}"
            ),
            inputs,
        )


def refreshed(
    same: Callable[[str, Value, Value], bool],
    inputs: Properties,
    now: Properties,
) -> Properties:
    """Return the inputs for the state `now`, with the earlier spelling of equal values."""
    kept: Properties = {}
    for key, value in inputs.items():
        if key not in now or same(key, now[key], value):
            kept[key] = value
        elif now[key] is not None:
            kept[key] = now[key]
    return kept


def written(token: str, now: Properties) -> Properties:
    """Return the inputs that a program would have to write for the state `now`."""
    return {
        key: now[key]
        for key in sdk.inputs_of(token).hints
        if not is_empty(now.get(key))
    }


def given(**members: Value) -> dict[str, Value]:
    """Return the members with a value: Okta's SDKs leave empty strings and collections out, but not
    false or 0."""
    return {
        key: value
        for key, value in members.items()
        if value not in (None, "", [], {})
    }


def quoted(text: str) -> str:
    """Percent-encoded for a query."""
    return urllib.parse.quote_plus(text)


def parsed(text: Value) -> Value:
    """Return the object in a JSON input such as an assignment's profile; {} if it is absent."""
    try:
        return json.loads(text) if text else {}
    except ValueError as error:
        raise ProviderError(f"{text!r} is no JSON: {error}") from None
