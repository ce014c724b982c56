"""Real estates of other people, as decK files, and an independent loader of the live tier.

The loader walks the YAML by itself, and sends each entity to the Admin API.

Entities that this Kong rejects, such as custom plugins, are left out together with their children.
Credentials get made-up values, limits are raised, and addresses become names, for which a Kong of
the tier needs a hosts file. `python -m tests.support.live.old_estates` prints that file.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
import yaml

from kong_oam.access.data import Names
from tests.support.json_object import JsonObject
from tests.support.live.own_estates import OWN
from tests.support.repository import DATA

FOLDER: Final = DATA / "adopt"
SUNBIRD: Final = "sunbird.yaml"
# The first two octets of the addresses behind the services' names.
_NETWORK = "127.77"
_CREDENTIALS: Final[Mapping[str, str]] = {
    "keyauth_credentials": "key-auth",
    "basicauth_credentials": "basic-auth",
    "jwt_secrets": "jwt",
    "acls": "acls",
    "hmacauth_credentials": "hmac-auth",
    "oauth2_credentials": "oauth2",
}
_LIMITS = ("second", "minute", "hour", "day", "month", "year")
# A global plugin that only counts may stay global beside a stack.
_HARMLESS = frozenset({"prometheus"})
_MOST_CALLS = 900_000_000
# Nodes without a database load many writes at once.
_AT_ONCE = 32
_MOST_CONSUMERS = 6
_PLAIN = re.compile(r"[a-zA-Z0-9._~/%-]*\Z")
_PLACEHOLDER = re.compile(
    r"""\$?\{\{\s*env\s+["']?([^"'}]+)["']?\s*\}\}|\$\{([^}]+)\}"""
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller by the name of its consumer and the kind of its credential. Without a consumer, `by`
    names a token that the Kong does not know; nobody has neither."""

    consumer: str = ""
    by: str = ""
    headers: tuple[bytes, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        if self.consumer:
            return f"{self.consumer} by {self.by}"
        return self.by or "nobody"


def _bearer(name: str, header: JsonObject) -> Caller:
    token = ".".join([_base64url(json.dumps(header).encode()), "e30", "AAAA"])
    return Caller("", name, (f"Authorization: Bearer {token}".encode(),))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


STRANGERS: Final = (
    Caller(),
    _bearer("unknown token", {"alg": "RS256", "kid": "nobody-has-it"}),
    _bearer("token without key id", {"alg": "RS256"}),
)
"""Nobody, and callers with tokens of others, as names of `adopt compare` have them."""


@dataclass
class Loaded:
    """The entities in a Kong. `rejected` names entities that this Kong rejects, `callers` have a
    credential in it."""

    routes: list[JsonObject] = field(default_factory=list)
    made: int = 0
    rejected: list[str] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)

    def add(self, part: Loaded) -> None:
        """Add the entities of a part, and its callers while there are few consumers."""
        self.routes += part.routes
        self.made += part.made
        self.rejected += part.rejected
        consumers = {each.consumer for each in self.callers}
        if len(consumers) <= _MOST_CONSUMERS:
            self.callers += part.callers


def document(name: str) -> JsonObject:
    """Read an estate; placeholders have become words. Raises yaml.YAMLError."""
    read: JsonObject = yaml.safe_load(_PLACEHOLDER.sub(_word, _text(name)))
    for service in read.get("services") or ():
        _rename(service)
    for upstream in read.get("upstreams") or ():
        for target in upstream.get("targets") or ():
            host, _, port = str(target["target"]).partition(":")
            target["target"] = f"{_dns_name(host)}:{port or 8000}"
    return read


def _text(name: str) -> str:
    if name in OWN:
        return OWN[name]
    folder = FOLDER if name == SUNBIRD else FOLDER / "deck"
    return (folder / name).read_text("utf-8")


def _word(found: re.Match[str]) -> str:
    name = found[1] or found[2]
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


def _rename(service: JsonObject) -> None:
    """Replace an address that is no name of another machine by a name."""
    if url := service.get("url"):
        parts = urlsplit(str(url).strip())
        host = parts.hostname or ""
        service["url"] = str(url).strip().replace(host, _dns_name(host), 1)
    elif service.get("host"):
        service["host"] = _dns_name(service["host"])


def _dns_name(host: str) -> str:
    try:
        ip_address(host)
    except ValueError:
        return f"{host}.test" if host == "localhost" else host
    return f"host-{host.replace('.', '-')}.test"


def places(read: JsonObject) -> dict[tuple[str, int], bool]:
    """Return the host and port of each service and target of a document, and whether it may speak
    TLS."""
    found: dict[tuple[str, int], bool] = {}
    upstreams = {
        each["name"]: each.get("targets") or ()
        for each in read.get("upstreams") or ()
    }
    for service in read.get("services") or ():
        parts = urlsplit(str(service.get("url") or ""))
        protocol = parts.scheme or service.get("protocol") or "http"
        secure = protocol in ("https", "grpcs", "tls")
        host = parts.hostname or service.get("host")
        port = parts.port or service.get("port") or (443 if secure else 80)
        for target in upstreams.get(str(host), ()):
            name, _, number = target["target"].partition(":")
            found[name, int(number)] = secure
        if host and host not in upstreams:
            found[host, int(port)] = secure
    return found


def addresses() -> dict[str, str]:
    """Return a loopback address for each name in the estates."""
    files = sorted(path.name for path in (FOLDER / "deck").glob("*"))
    if is_there():
        files.append(SUNBIRD)
    return {
        **_addresses(f"{_NETWORK}.0", files),
        **_addresses(f"{_NETWORK}.1", [*OWN]),
    }


def _addresses(network: str, estates: list[str]) -> dict[str, str]:
    names: set[str] = set()
    for estate in estates:
        try:
            names.update(host for host, _ in places(document(estate)))
        except yaml.YAMLError:
            continue
    assert len(names) < 255
    return {
        name: f"{network}.{index}"
        for index, name in enumerate(sorted(names), start=1)
    }


def host_lines(estate: str) -> set[str]:
    """Return the lines of the hosts file that an estate needs."""
    known = addresses()
    return {f"{known[host]} {host}" for host, _ in places(document(estate))}


def hosts_file() -> str:
    """Return the text of the hosts file that a Kong of the tier needs (`dns_hostsfile`)."""
    lines = [f"{address} {name}" for name, address in addresses().items()]
    return "\n".join(["127.0.0.1 localhost", *lines, ""])


class Loader:
    """Loads documents into a Kong through a client of its Admin API. All entities get `tag`."""

    def __init__(self, admin: httpx.Client, tag: str) -> None:
        self._admin = admin
        self._tag = tag

    def load(self, read: JsonObject) -> Loaded:
        """Load a document. Each service gets the global plugins, as a stack requires."""
        _spread(read)
        _mark_expressions(read)
        result = Loaded(callers=[*STRANGERS])
        for upstream in _listed(read, "upstreams"):
            self._make("/upstreams", upstream, result, targets="targets")
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for part in pool.map(self._service, _listed(read, "services")):
                result.add(part)
        for route in _listed(read, "routes"):
            self._route("/routes", route, result)
        make = partial(self._consumer, read=read, key_names=_key_names(read))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for part in pool.map(make, _listed(read, "consumers")):
                result.add(part)
        for plugin in _listed(read, "plugins"):
            self._plugin("/plugins", plugin, result)
        return result

    def remove(self) -> None:
        """Delete all entities with the tag. Plugins and credentials go with their owners."""
        for kind in ("routes", "plugins", "services", "consumers", "upstreams"):
            path = f"/{kind}?size=1000&tags={self._tag}"
            while rows := self._admin.get(path).json()["data"]:
                found = [f"/{kind}/{row['id']}" for row in rows]
                with ThreadPoolExecutor(_AT_ONCE) as pool:
                    for answer in pool.map(self._admin.delete, found):
                        assert answer.status_code == 204, answer.text

    def _service(self, service: JsonObject) -> Loaded:
        result = Loaded()
        body = dict(service)
        routes = body.pop("routes", None) or ()
        plugins = body.pop("plugins", None) or ()
        made = self._make("/services", body, result)
        if made is None:
            return result
        base = f"/services/{made['id']}"
        # Plugins come first, so that no route is ever open.
        for plugin in plugins:
            self._plugin(f"{base}/plugins", plugin, result)
        for route in routes:
            self._route(f"{base}/routes", route, result)
        return result

    def _route(self, path: str, route: JsonObject, result: Loaded) -> None:
        body = dict(route)
        plugins = body.pop("plugins", None) or ()
        _refer(body, "service")
        made = self._make(path, body, result)
        if made is None:
            return
        result.routes.append(made)
        for plugin in plugins:
            self._plugin(f"/routes/{made['id']}/plugins", plugin, result)

    def _plugin(self, path: str, plugin: JsonObject, result: Loaded) -> None:
        body = dict(plugin)
        for scope in ("service", "route", "consumer"):
            _refer(body, scope)
        config = body["config"] = _current(body.get("config") or {})
        if body["name"] == "rate-limiting":
            config["policy"] = "local"
            for name in _LIMITS:
                if config.get(name):
                    config[name] = min(config[name] * 100_000, _MOST_CALLS)
        self._make(path, body, result)

    def _consumer(
        self,
        consumer: JsonObject,
        read: JsonObject,
        key_names: Names,
    ) -> Loaded:
        result = Loaded()
        body = dict(consumer)
        owned = {kind: body.pop(kind, None) or [] for kind in _CREDENTIALS}
        plugins = body.pop("plugins", None) or ()
        body.pop("groups", None)
        made = self._make("/consumers", body, result)
        if made is None:
            return result
        name = made["username"] or made["custom_id"]
        base = f"/consumers/{made['id']}"
        for kind, path in _CREDENTIALS.items():
            flat = [
                entry
                for entry in _listed(read, kind)
                if _name_of(entry.get("consumer")) == name
            ]
            for index, entry in enumerate([*owned[kind], *flat]):
                own = {k: v for k, v in entry.items() if k != "consumer"}
                caller, sent = _credential(path, own, name, index, key_names)
                credential = self._make(f"{base}/{path}", sent, result)
                if credential and caller:
                    result.callers.append(caller)
        for plugin in plugins:
            self._plugin(f"{base}/plugins", plugin, result)
        return result

    def _make(
        self, path: str, body: JsonObject, result: Loaded, targets: str = ""
    ) -> JsonObject | None:
        sent = {k: v for k, v in body.items() if k != targets}
        sent["tags"] = [self._tag]
        answer = self._admin.post(path, json=sent)
        if answer.status_code != 201:
            assert 400 <= answer.status_code < 500, answer.text
            label = body.get("name") or body.get("username") or ""
            result.rejected.append(f"{path.rpartition('/')[2]} {label}")
            return None
        result.made += 1
        made: JsonObject = answer.json()
        for target in (targets and body.get(targets)) or ():
            self._make(f"{path}/{made['id']}/targets", target, result)
        return made


def _current(config: JsonObject) -> JsonObject:
    """Return the settings as current versions of Kong spell them: numbers are no texts, and `acl`
    has `allow` and `deny`."""
    named = {"whitelist": "allow", "blacklist": "deny"}
    current = {}
    for name, value in config.items():
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        current[named.get(name, name)] = value
    return current


def _listed(read: JsonObject, name: str) -> list[JsonObject]:
    return read.get(name) or []


def _name_of(reference: Any) -> str:
    if isinstance(reference, dict):
        return str(reference.get("name") or reference.get("username") or "")
    return str(reference or "")


def _refer(body: JsonObject, scope: str) -> None:
    """Refer to another entity by name, as the Admin API does."""
    if scope not in body:
        return
    name = _name_of(body.pop(scope))
    if name:
        key = "username" if scope == "consumer" else "name"
        body[scope] = {key: name}


def _spread(read: JsonObject) -> None:
    """Move each global plugin to all services, unless it may stay."""
    scopes = ("service", "route", "consumer")
    stay = []
    for plugin in _listed(read, "plugins"):
        is_scoped = any(plugin.get(scope) for scope in scopes)
        if is_scoped or plugin["name"] in _HARMLESS:
            stay.append(plugin)
            continue
        for service in _listed(read, "services"):
            own = service["plugins"] = [*(service.get("plugins") or ())]
            if all(each["name"] != plugin["name"] for each in own):
                own.append(plugin)
    read["plugins"] = stay


def _mark_expressions(read: JsonObject) -> None:
    """Begin expressions with `~`, as formats since 3.0 do. Before, Kong recognized expressions by
    their characters."""
    if float(read.get("_format_version") or 1) >= 3:
        return
    routes = [*_listed(read, "routes")]
    for service in _listed(read, "services"):
        routes += service.get("routes") or ()
    for route in routes:
        route["paths"] = [
            path if _PLAIN.match(path) else f"~{path}"
            for path in route.get("paths") or ()
        ] or None


def _key_names(read: Any) -> Names:
    """Return the headers in which some key-auth plugin of a document reads keys."""
    found: dict[str, None] = {}
    if isinstance(read, list):
        for each in read:
            found |= dict.fromkeys(_key_names(each))
    elif isinstance(read, dict):
        if read.get("name") == "key-auth":
            names = (read.get("config") or {}).get("key_names")
            found |= dict.fromkeys(names or ["apikey"])
        for each in read.values():
            found |= dict.fromkeys(_key_names(each))
    return tuple(found)


def _credential(
    kind: str, entry: JsonObject, name: str, index: int, key_names: Names
) -> tuple[Caller | None, JsonObject]:
    """Return the caller with a made-up credential, and the body that makes the credential."""
    made_up = f"made-up-{quote(name, safe='')}-{index}"
    if kind == "key-auth":
        headers = tuple(f"{key}: {made_up}".encode() for key in key_names)
        return Caller(name, kind, headers), {**entry, "key": made_up}
    if kind == "basic-auth":
        word = base64.b64encode(f"{made_up}:secret".encode())
        caller = Caller(name, kind, (b"Authorization: Basic " + word,))
        return caller, {**entry, "username": made_up, "password": "secret"}
    if kind == "jwt" and entry.get("algorithm", "HS256") == "HS256":
        key = str(entry.get("key") or made_up)
        token = _hs256({"iss": key, "exp": 4102444800}, made_up)
        header = f"Authorization: Bearer {token}".encode()
        caller = Caller(name, kind, (header,))
        return caller, {**entry, "key": key, "secret": made_up}
    return None, entry


def _hs256(claims: JsonObject, secret: str) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
    mac = hmac.new(secret.encode(), signed.encode(), hashlib.sha256)
    return f"{signed}.{_base64url(mac.digest())}"


def declared_paths(routes: list[JsonObject]) -> Iterator[str]:
    """Yield the plain paths of routes, and the beginnings of paths with expressions."""
    for route in routes:
        for path in route.get("paths") or ("/",):
            beginning = re.match(r"~?\^?([/A-Za-z0-9_.%-]*)", path)
            assert beginning
            yield beginning[1] or "/"


def is_there() -> bool:
    """Return whether the folder of real estates exists."""
    return Path(FOLDER).is_dir()


if __name__ == "__main__":
    print(hosts_file(), end="")
