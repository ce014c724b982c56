# ruff: noqa: ARG002 - the methods of Resource share their signatures
"""The stand-in for the kong plugin: the Admin API requests of pulumi-kong 4.6.3, for the resources
below.

Modelled: Service, Route, Plugin, Consumer, ConsumerAcl, ConsumerJwtAuth, Certificate, Upstream,
Target. Every create is a POST, every update a PATCH, and each is followed by a GET, as recorded
from the official plugin. The stand-in has the same faults, because a program must handle them:

* An input that the program removes is left out of the PATCH. Kong keeps the old value, and every
  later up differs. Only booleans fall back to false, and a few inputs to the plugin's own defaults.
* An update of a Consumer, and every request about a ConsumerJwtAuth, sends absent strings as "",
  which Kong rejects.
* A text, number, list or reference that somebody removes in Kong is not detected: the state keeps
  the old value. Only tags, and the texts of consumers and credentials, are detected.
* A Route's `headers` are never read.
* Without `strictMatch` a plugin's configuration is never compared with Kong's; with it, all of it
  is.
* Neither the admin token nor a credential's secret is marked secret (a certificate's key is).
* Deleting a nested entity that is gone fails with Kong's 404.
* A number 0 is not sent, except a Service's `retries`. Kong uses its default or the old value, and
  every later up differs.
* Every change of a Target replaces it. Kong rejects the new Target while the old Target exists, so
  a program must delete first.
* If Kong rejects a new plugin, the message has its whole configuration before Kong's words.

Not modelled: other credentials, an Upstream's other hash inputs, auto-naming,
basic auth, the bridge's memory of defaults. After a refresh the official plugin keeps an input
from Kong although the program removes it.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from sandbox.plugins.http import Answer, send
from sandbox.plugins.provider import (
    Difference,
    Found,
    NotReadyError,
    Plugin,
    ProviderError,
    Resource,
    run,
)
from sandbox.plugins.values import Properties, Value, is_empty


@dataclass(frozen=True, slots=True)
class Field:
    """One input: its name in Kong, how its value is written for Kong and read back."""

    name: str
    write: Callable[[Value], Value] = lambda value: value
    read: Callable[[Value], Value] = lambda value: value
    blank: Literal["never", "update", "always"] = (
        "never"  # when an absent string is sent as ""
    )
    boolean: bool = False  # a dropped one is sent as false
    zero: bool = False  # a number that is sent even as 0


def _reference(name: str) -> Field:
    return Field(name, lambda value: {"id": value}, lambda value: value["id"])


def _headers_to_kong(headers: Value) -> Value:
    return {header["name"]: header["values"] for header in headers}


def _headers_from_kong(headers: Value) -> Value:
    return [{"name": name, "values": headers[name]} for name in sorted(headers)]


def _endpoints(endpoints: Value) -> Value:
    """Return sources or destinations: each an address, a port or both."""
    return [_present(endpoint) for endpoint in endpoints]


def _checks_to_kong(checks: Value) -> Value:
    if not isinstance(checks, dict):
        return checks
    return {
        re.sub("([A-Z])", r"_\1", key).lower(): _checks_to_kong(value)
        for key, value in checks.items()
    }


def _checks_from_kong(checks: Value) -> Value:
    """Return the health checks that the plugin has inputs for."""
    if not isinstance(checks, dict):
        return checks
    return {
        re.sub(
            "_([a-z])", lambda match: match[1].upper(), key
        ): _checks_from_kong(value)
        for key, value in checks.items()
        if value is not None and key not in ("headers", "threshold")
    }


def _agree(checks: Value, others: Value) -> bool:
    """Return whether two health checks are equal where both have a value."""
    if not isinstance(checks, dict):
        return bool(checks == others)
    return all(
        _agree(checks[key], others[key]) for key in checks.keys() & others
    )


def _present(properties: Properties) -> Properties:
    return {key: value for key, value in properties.items() if value}


def compact(config: Value) -> str:
    """JSON as Go's encoder writes a map: keys sorted, no spaces."""
    return json.dumps(
        config, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


class AdminApi:
    """Kong's Admin API at the address that the provider was configured with."""

    def __init__(self) -> None:
        self.uri = ""
        self._workspace = ""
        self.token: str | None = None
        self.strict = False

    def configure(self, arguments: Properties) -> None:
        """Take `kongAdminUri` and `kongAdminToken` (or KONG_ADMIN_ADDR and KONG_ADMIN_TOKEN),
        `kongWorkspace` and `strictPluginsMatch`."""
        uri = arguments.get("kongAdminUri") or os.environ.get("KONG_ADMIN_ADDR")
        if not uri:
            raise ProviderError("kong: no kongAdminUri is configured")
        self.uri = str(uri).rstrip("/")
        self._workspace = (
            f"/{arguments['kongWorkspace']}"
            if arguments.get("kongWorkspace")
            else ""
        )
        self.token = arguments.get("kongAdminToken") or os.environ.get(
            "KONG_ADMIN_TOKEN"
        )
        self.strict = arguments.get("strictPluginsMatch") in (True, "true")

    def send(self, method: str, path: str, body: Value = None) -> Answer:
        """One request; raises OSError when Kong does not answer."""
        headers = {"Kong-Admin-Token": self.token} if self.token else {}
        return send(self.uri, method, self._workspace + path, body, headers)


class Entity(Resource):
    """An entity of Kong; `collection` is its path and `fields` its inputs."""

    collection: str
    noun: str
    fields: Mapping[str, Field]
    kept: frozenset[str] = (
        frozenset()
    )  # inputs that Kong may lack without a detected difference
    unread: frozenset[str] = frozenset()

    def __init__(self, api: AdminApi) -> None:
        self._api = api

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        answer = self._api.send(
            "POST", self._collection(inputs), self._body(inputs)
        )
        entity = self._accepted(
            answer, f"failed to create kong {self._described(inputs)}"
        )
        identifier = self._identifier(entity, inputs)
        return identifier, self._state_after(identifier, inputs)

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        answer = self._api.send("GET", self._path(identifier))
        if answer.status == 404:
            return None
        entity = self._accepted(answer, f"could not find kong {self.noun}")
        now = {
            key: state[key] for key in self.kept | self.unread if key in state
        }
        for key, value in self._state(entity, inputs or state).items():
            if key not in self.unread:
                now[key] = value
        seen = {
            key: value
            for key, value in inputs.items()
            if key not in self.fields
        }
        for key in self.fields:
            # Inputs that the program never set stay out, unless there were no inputs (an import).
            if key not in now or (inputs and key not in inputs):
                continue
            same = key in inputs and self.same(key, inputs[key], now[key])
            seen[key] = inputs[key] if same else now[key]
        return Found(seen, now)

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        """Update the entity. After an error the state has the planned values, as in the official
        plugin (Terraform's SDK keeps them by default)."""
        bare = identifier.split("|")[0]
        body = {"id": bare, **self._body(news, state)}
        try:
            answer = self._api.send(
                "PATCH", f"{self._collection(news)}/{bare}", body
            )
            self._accepted(answer, f"error updating kong {self.noun}")
            return self._state_after(identifier, news)
        except (ProviderError, OSError) as error:
            planned = {
                **state,
                **{key: news[key] for key in self.fields if key in news},
            }
            raise NotReadyError(identifier, news, planned, str(error)) from None

    def delete(self, identifier: str, state: Properties) -> None:
        self._accepted(
            self._api.send("DELETE", self._path(identifier)),
            f"could not delete kong {self.noun}",
        )

    def _collection(self, inputs: Properties) -> str:
        return self.collection

    def _path(self, identifier: str) -> str:
        return f"{self.collection}/{identifier}"

    def _identifier(self, entity: Value, inputs: Properties) -> str:
        return str(entity["id"])

    def _described(self, inputs: Properties) -> str:
        return self.noun

    def _body(
        self, inputs: Properties, state: Properties | None = None
    ) -> dict[str, Value]:
        body: dict[str, Value] = {}
        for key, field in self.fields.items():
            value = inputs.get(key)
            if field.blank == "always" or (
                field.blank == "update" and state is not None
            ):
                body[field.name] = value or ""
            elif field.boolean:
                if value is not None or (
                    state is not None and state.get(key) is not None
                ):
                    body[field.name] = bool(value)
            elif not is_empty(value) or (
                field.zero and value == 0 and value is not None
            ):
                body[field.name] = field.write(value)
        return body

    def _state_after(self, identifier: str, inputs: Properties) -> Properties:
        answer = self._api.send("GET", self._path(identifier))
        return self._state(
            self._accepted(answer, f"could not find kong {self.noun}"), inputs
        )

    def _state(self, entity: Value, inputs: Properties) -> Properties:
        values = {
            key: field.read(entity[field.name])
            for key, field in self.fields.items()
            if entity.get(field.name)
        }
        zeros = {
            key: entity[field.name]
            for key, field in self.fields.items()
            if key not in values
            and not isinstance(entity.get(field.name), list | dict | None)
        }
        return {**values, **zeros}

    def _accepted(self, answer: Answer, failure: str) -> Value:
        if answer.status >= 300:
            message = (
                (answer.body or {}).get("message", "")
                if isinstance(answer.body, dict)
                else ""
            )
            raise ProviderError(
                f"{failure}: HTTP status {answer.status} (message: {message!r}): {answer.text}"
            )
        return answer.body


class Service(Entity):
    """kong:index/service:Service."""

    token = "kong:index/service:Service"
    collection = "/services"
    noun = "service"
    defaults = {
        "connectTimeout": 60000,
        "readTimeout": 60000,
        "writeTimeout": 60000,
        "retries": 5,
    }
    sticky = frozenset({"port", "host", "name"})
    kept = frozenset({"name", "path"})
    fields = {
        "name": Field("name"),
        "protocol": Field("protocol"),
        "host": Field("host"),
        "port": Field("port"),
        "path": Field("path"),
        "retries": Field("retries", zero=True),
        "connectTimeout": Field("connect_timeout"),
        "writeTimeout": Field("write_timeout"),
        "readTimeout": Field("read_timeout"),
        "tags": Field("tags"),
        "clientCertificateId": _reference("client_certificate"),
        "caCertificateIds": Field("ca_certificates"),
        "tlsVerify": Field("tls_verify", boolean=True),
        "tlsVerifyDepth": Field("tls_verify_depth"),
    }


class Upstream(Entity):
    """kong:index/upstream:Upstream."""

    token = "kong:index/upstream:Upstream"
    collection = "/upstreams"
    noun = "upstream"
    defaults = {
        "slots": 10000,
        "hashOn": "none",
        "hashFallback": "none",
        "hashOnCookiePath": "/",
    }
    sticky = frozenset({"name", "healthchecks"})
    fields = {
        "name": Field("name"),
        "slots": Field("slots"),
        "hashOn": Field("hash_on"),
        "hashFallback": Field("hash_fallback"),
        "hashOnCookiePath": Field("hash_on_cookie_path"),
        "hostHeader": Field("host_header"),
        "healthchecks": Field(
            "healthchecks", _checks_to_kong, _checks_from_kong
        ),
        "tags": Field("tags"),
    }

    def same(self, key: str, old: Value, new: Value) -> bool:
        """Return whether two values are equivalent. Health checks that the program leaves out are
        Kong's."""
        if key == "healthchecks":
            return _agree(old, new)
        return super().same(key, old, new)


class Target(Entity):
    """kong:index/target:Target; its id is `<upstream>/<target>`."""

    token = "kong:index/target:Target"
    collection = "/upstreams"
    noun = "target"
    replaces = frozenset({"target", "weight", "upstreamId", "tags"})
    fields = {
        "target": Field("target"),
        "weight": Field("weight"),
        "upstreamId": _reference("upstream"),
        "tags": Field("tags"),
    }

    def _collection(self, inputs: Properties) -> str:
        return f"/upstreams/{inputs['upstreamId']}/targets"

    def _path(self, identifier: str) -> str:
        upstream, _, target = identifier.partition("/")
        return f"/upstreams/{upstream}/targets/{target}"

    def _identifier(self, entity: Value, inputs: Properties) -> str:
        return f"{entity['upstream']['id']}/{entity['id']}"


class Route(Entity):
    """kong:index/route:Route."""

    token = "kong:index/route:Route"
    collection = "/routes"
    noun = "route"
    defaults = {
        "stripPath": True,
        "pathHandling": "v0",
        "httpsRedirectStatusCode": 426,
        "requestBuffering": True,
        "responseBuffering": True,
    }
    sticky = frozenset({"name"})
    kept = frozenset(
        {
            "name",
            "methods",
            "hosts",
            "paths",
            "snis",
            "serviceId",
            "regexPriority",
            "pathHandling",
        }
    )
    unread = frozenset({"headers"})
    unordered = frozenset({"headers", "sources", "destinations"})
    fields = {
        "name": Field("name"),
        "protocols": Field("protocols"),
        "methods": Field("methods"),
        "hosts": Field("hosts"),
        "paths": Field("paths"),
        "headers": Field("headers", _headers_to_kong, _headers_from_kong),
        "snis": Field("snis"),
        "sources": Field("sources", _endpoints, _endpoints),
        "destinations": Field("destinations", _endpoints, _endpoints),
        "stripPath": Field("strip_path", boolean=True),
        "preserveHost": Field("preserve_host", boolean=True),
        "regexPriority": Field("regex_priority"),
        "pathHandling": Field("path_handling"),
        "httpsRedirectStatusCode": Field("https_redirect_status_code"),
        "requestBuffering": Field("request_buffering", boolean=True),
        "responseBuffering": Field("response_buffering", boolean=True),
        "serviceId": _reference("service"),
        "tags": Field("tags"),
    }


class Consumer(Entity):
    """kong:index/consumer:Consumer."""

    token = "kong:index/consumer:Consumer"
    collection = "/consumers"
    noun = "consumer"
    fields = {
        "username": Field("username", blank="update"),
        "customId": Field("custom_id", blank="update"),
        "tags": Field("tags"),
    }


class _OfConsumer(Entity):
    """An entity of a consumer; its id is `<entity>|<consumer>`."""

    collection = "/consumers"
    nested: str  # the name of the entities in a consumer's path

    def _collection(self, inputs: Properties) -> str:
        return f"/consumers/{inputs['consumerId']}/{self.nested}"

    def _path(self, identifier: str) -> str:
        entity, _, consumer = identifier.partition("|")
        return f"/consumers/{consumer}/{self.nested}/{entity}"

    def _identifier(self, entity: Value, inputs: Properties) -> str:
        return f"{entity['id']}|{inputs['consumerId']}"

    def _state(self, entity: Value, inputs: Properties) -> Properties:
        return {
            **super()._state(entity, inputs),
            "consumerId": entity["consumer"]["id"],
        }


class ConsumerAcl(_OfConsumer):
    """kong:index/consumerAcl:ConsumerAcl, a group of a consumer. No recording has any."""

    token = "kong:index/consumerAcl:ConsumerAcl"
    nested = "acls"
    noun = "ACLGroup"
    fields = {"group": Field("group"), "tags": Field("tags")}


class ConsumerJwtAuth(_OfConsumer):
    """kong:index/consumerJwtAuth:ConsumerJwtAuth."""

    token = "kong:index/consumerJwtAuth:ConsumerJwtAuth"
    nested = "jwt"
    noun = "JWTAuth"
    fields = {
        "algorithm": Field("algorithm", blank="always"),
        "key": Field("key", blank="always"),
        "rsaPublicKey": Field("rsa_public_key", blank="always"),
        "secret": Field("secret", blank="always"),
        "tags": Field("tags"),
    }


class Certificate(Entity):
    """kong:index/certificate:Certificate; the official schema marks `privateKey` secret.

    `snis` is an ordered list that Kong answers sorted, so a program that writes it in another order
    never settles.
    """

    token = "kong:index/certificate:Certificate"
    collection = "/certificates"
    noun = "certificate"
    secrets = frozenset({"privateKey"})
    fields = {
        "certificate": Field("cert"),
        "privateKey": Field("key"),
        "snis": Field("snis"),
        "tags": Field("tags"),
    }


class KongPlugin(Entity):
    """kong:index/plugin:Plugin.

    With `strictMatch`, `configJson` in the state is Kong's whole configuration. Without, it is the
    program's configuration, and Kong's appears only as `computedConfig`.
    """

    token = "kong:index/plugin:Plugin"
    collection = "/plugins"
    noun = "plugin"
    replaces = frozenset({"name"})
    computed = frozenset({"computedConfig"})
    defaults = {"enabled": True, "strictMatch": False}
    kept = frozenset({"serviceId", "routeId", "consumerId"})
    fields = {
        "name": Field("name"),
        "enabled": Field("enabled", boolean=True),
        "serviceId": _reference("service"),
        "routeId": _reference("route"),
        "consumerId": _reference("consumer"),
        "configJson": Field("config", json.loads, compact),
        "tags": Field("tags"),
    }

    def differences(
        self, state: Properties, old_inputs: Properties, news: Properties
    ) -> Difference:
        """Return the differences. A new name replaces the plugin and deletes the old plugin first
        [recorded: step 23]; other replacements create first."""
        differences = super().differences(state, old_inputs, news)
        return Difference(
            differences.changed,
            differences.replaced,
            delete_first="name" in differences.replaced,
        )

    def same(self, key: str, old: Value, new: Value) -> bool:
        if key != "configJson":
            return super().same(key, old, new)
        if is_empty(new):  # the plugin suppresses this difference
            return True
        try:
            return (
                isinstance(old, str)
                and isinstance(new, str)
                and bool(json.loads(old) == json.loads(new))
            )
        except ValueError:
            return False

    def planned(self, state: Properties, news: Properties) -> Properties:
        planned = super().planned(state, news)
        return {
            key: value
            for key, value in planned.items()
            if key != "computedConfig" or not self._is_strict(news)
        }

    def _body(
        self, inputs: Properties, state: Properties | None = None
    ) -> dict[str, Value]:
        try:
            return super()._body(inputs, state)
        except ValueError as error:
            raise ProviderError(
                f"failed to unmarshal config_json, err: {error}"
            ) from None

    def _described(self, inputs: Properties) -> str:
        """Return the whole request, as Go prints a structure of pointers."""
        body = self._body(inputs)
        route, service, consumer, enabled = (
            _pointer(body.get(key))
            for key in ("route", "service", "consumer", "enabled")
        )
        tags = " ".join(map(_pointer, body.get("tags", ())))
        printed = (
            f"{route} {service} {consumer} {_printed(body.get('config', {}))} {enabled} "
            f"<nil> [] [{tags}]"
        )
        return f"{self.noun}: &{{<nil> <nil> {_pointer(body['name'])} {printed}}} error"

    def _is_strict(self, inputs: Properties) -> bool:
        return bool(inputs.get("strictMatch")) or self._api.strict

    def _state(self, entity: Value, inputs: Properties) -> Properties:
        state = {
            **super()._state(entity, inputs),
            "strictMatch": inputs.get("strictMatch", False),
        }
        if not self._is_strict(inputs):
            state["computedConfig"] = compact(entity["config"])
            state["configJson"] = inputs.get("configJson")
        elif isinstance(inputs.get("configJson"), str) and self.same(
            "configJson", state["configJson"], inputs["configJson"]
        ):
            # The same configuration keeps the program's spelling.
            state["configJson"] = inputs["configJson"]
        return state


def _pointer(value: Value) -> str:
    return "<nil>" if value is None else "0xc000000000"


def _printed(value: Value) -> str:
    """Return a value of JSON as Go's %v prints it: texts without quotes."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{_printed(item)}' for key, item in sorted(value.items()))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(_printed, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "<nil>" if value is None else str(value)


def plugin() -> Plugin:
    """Return the plugin, to be configured by the engine."""
    api = AdminApi()
    kinds = (
        Service,
        Route,
        KongPlugin,
        Consumer,
        ConsumerAcl,
        ConsumerJwtAuth,
        Certificate,
        Upstream,
        Target,
    )
    resources = {kind.token: kind(api) for kind in kinds}
    return Plugin(
        "kong",
        metadata.version("pulumi-kong"),
        api.configure,
        resources.__getitem__,
    )


def main() -> None:
    """Serve the plugin until the engine ends it."""
    run(plugin())
