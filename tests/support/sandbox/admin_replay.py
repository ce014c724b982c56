"""Replay recorded exchanges of a real Kong 3.10 at another Admin API, and compare the answers."""

from __future__ import annotations

import http.client
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sandbox.kong.pem import self_signed
from tests.support.json_object import JsonObject
from tests.support.sandbox import kong_recordings as recordings

COLLECTIONS = {
    "",
    "services",
    "routes",
    "plugins",
    "consumers",
    "jwts",
    "key-auths",
    "basic-auths",
    "acls",
    "schemas",
    "tags",
    "status",
    "endpoints",
}
COLLECTIONS |= {"certificates", "snis", "upstreams", "targets"}
PLUGINS = {
    "acl",
    "basic-auth",
    "jwt",
    "key-auth",
    "pre-function",
    "post-function",
    "request-termination",
    "correlation-id",
    "bot-detection",
}
NESTED = {"jwt", "key-auth", "basic-auth", "acls", "plugins", ""}
# The recordings replace private keys. This also replaces the two certificates, and their
# signatures.
PLACEHOLDER = (
    "-----BEGIN PRIVATE KEY-----\n<placeholder>\n-----END PRIVATE KEY-----\n"
)
MISMATCH = "certificate does not match key"
# Why an exchange of admin-edge-cases (by seq) is not compared, or (STATUS) only by its status.
OTHER_PLUGINS = "lists plugins that are not modelled"
PAGES = "pages follow ids, which are random"
FORMS = "forms"
LIMITS = "limits of PostgreSQL"
NOT_MODELLED = {
    **dict.fromkeys((335, 440, 436, 538, 539, 656, 657, 835), OTHER_PLUGINS),
    69: "keys with a time to live",
    **dict.fromkeys(
        (626, 632, 634, 642, 643, 644, 655, 659, 920, 921, 922), PAGES
    ),
    658: "pages follow times, which are less apart here",
    **dict.fromkeys((404, 433, 799, *range(872, 877)), "health of upstreams"),
    **dict.fromkeys((681, 682, 683, *range(688, 717)), FORMS),
    **dict.fromkeys((824, 825, 852), "what a process says of itself"),
    242: "flags in the middle of a regular expression",
    337: "/plugins/schema, which is deprecated",
    748: LIMITS,
    826: "endpoints that are not modelled",
    **dict.fromkeys(
        (836, 837, 838, 840, 841, 842),
        "schemas as Kong's own use has changed them; see test_schema",
    ),
    843: "other entities",
}
STATUS = {
    **dict.fromkeys(
        (121, 221, 222, 223, 224, 225, 229, 230, 232),
        "the words of PCRE and of Rust's regex crate",
    ),
}
# Passwords are hashed with random ids.
VOLATILE = {
    "created_at",
    "updated_at",
    "description",
    "len_min",
    "password",
}


class Replay:
    """One recording against one Admin API. Recorded ids are translated to ours with each answer."""

    def __init__(self, admin_url: str) -> None:
        self.connection = http.client.HTTPConnection(
            admin_url.removeprefix("http://")
        )
        self.ids: dict[str, str] = {}
        self.unknown: set[str] = set()
        self.names: set[str] = set()
        self.pairs: dict[str, tuple[str, str]] = {}
        self.certificate = ""

    def not_modelled(self, row: JsonObject) -> str | None:
        """Return the reason why an exchange cannot be replayed: its subject is not modelled."""
        path, body = row["path"].split("/"), row.get("request_body")
        if path[1] not in COLLECTIONS and (
            row["status"] != 404 or path[1] in KONG_HAS
        ):
            return f"/{path[1]}"
        if len(path) > 3 and path[1] == "consumers" and path[3] not in NESTED:
            return f"/consumers/.../{path[3]}"
        text = f"{row.get('request_raw') or json.dumps(body)} {row['path']}"
        if any(
            identifier in self.unknown
            for identifier in recordings.ID.findall(text)
        ):
            return "belongs to what is not modelled"
        if path[1] in ("services", "routes") and self.names & set(path):
            return "belongs to what is not modelled"
        if (
            isinstance(body, dict)
            and "plugins" in path
            and body.get("name") not in PLUGINS | {None, "nope"}
        ):
            return "other plugins"
        return None

    def with_keys(self, row: JsonObject) -> JsonObject:
        """Return the body of a recorded request about certificates, with certificates and keys of
        our own."""
        body = dict(row["request_body"])
        if body.get("cert", "").startswith("-----BEGIN"):
            self.certificate = body["cert"]
            body["cert"] = self.own_pair(body["cert"])[0]
        if body.get("key") == PLACEHOLDER:
            other = MISMATCH in json.dumps(row["response_body"])
            body["key"] = self.own_pair(
                "another" if other else self.certificate
            )[1]
        return body

    def own_pair(self, certificate: str) -> tuple[str, str]:
        if certificate not in self.pairs:
            self.pairs[certificate] = self_signed("api.example.com")
        return self.pairs[certificate]

    def forget(self, row: JsonObject) -> None:
        """Forget the subject of an exchange, which does not exist here."""
        text = json.dumps(row.get("response_body")) + row["path"]
        self.unknown |= (
            set(recordings.ID.findall(text)) - set(self.ids) - EVERYBODYS
        )
        body = row.get("response_body")
        if (
            isinstance(body, dict)
            and row["status"] in (200, 201)
            and isinstance(body.get("name"), str)
        ):
            self.names.add(body["name"])

    def translated(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: self.translated(item)
                for name, item in value.items()
                if name not in VOLATILE
            }
        if isinstance(value, list):
            return [self.translated(item) for item in value]
        if isinstance(value, str) and value in self.pairs:
            return self.pairs[value][0]
        if isinstance(value, str) and value in [
            key for _, key in self.pairs.values()
        ]:
            return PLACEHOLDER
        if isinstance(value, str):
            return recordings.ID.sub(self.own_id, value)
        return value

    def modelled(self, theirs: Any) -> Any:
        """Return a list without the entities that are not modelled."""
        if isinstance(theirs, dict) and isinstance(theirs.get("data"), list):
            rows = [
                row
                for row in theirs["data"]
                if not isinstance(row, dict)
                or row.get("id") not in self.unknown
            ]
            return {**theirs, "data": rows}
        return theirs

    def own_id(self, found: re.Match[str]) -> str:
        own = self.ids.get(found[0].lower(), found[0])
        return own.upper() if found[0].isupper() else own

    def learn(self, theirs: Any, own: Any) -> None:
        """Ids, and the keys and secrets that both made up."""
        if isinstance(theirs, dict) and isinstance(own, dict):
            if isinstance(theirs.get("id"), str) and isinstance(
                own.get("id"), str
            ):
                self.ids[theirs["id"]] = own["id"]
            for name in ("secret", "key"):
                pair = theirs.get(name), own.get(name)
                if all(
                    isinstance(value, str) and len(value) == 32
                    for value in pair
                ):
                    own[name] = theirs[name]
            if isinstance(theirs.get("data"), list) and isinstance(
                own.get("data"), list
            ):
                # A certificate's SNIs are made on the side: their ids are first seen in a list.
                by_name = {
                    field.get("name"): field
                    for field in own["data"]
                    if "certificate" in field
                }
                for field in theirs["data"]:
                    self.learn(
                        field,
                        by_name.get(field.get("name"))
                        if isinstance(field, dict)
                        else None,
                    )

    def send(self, row: JsonObject) -> tuple[int, Any]:
        raw = row.get("request_raw")
        if raw is None and row.get("request_body") is not None:
            certificates = row["path"].startswith(
                "/certificates"
            ) and isinstance(row["request_body"], dict)
            raw = json.dumps(
                self.with_keys(row) if certificates else row["request_body"]
            )
        body = None if raw is None else recordings.ID.sub(self.own_id, raw)
        data = (
            None
            if body is None
            else body.replace("\\xff", "\xff").replace("\\xfe", "\xfe")
        )
        encoding = "latin-1" if data and "\xff" in data else "utf-8"
        path = recordings.ID.sub(self.own_id, row["path"])
        target = f"{path}?{row['query']}" if row.get("query") else path
        left_out = {"content-length", "host", "connection"}
        headers = {
            name: value
            for name, value in row["request_headers"].items()
            if name not in left_out
        }
        self.connection.request(
            row["method"],
            target,
            data.encode(encoding) if data else data,
            headers,
        )
        answer = self.connection.getresponse()
        text = answer.read()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, None


KONG_HAS = {"oauth2", "vaults", "keys", "key-sets"}
KONG_HAS |= {"ca_certificates", "debug", "cache"}


# Ids that the recording uses for several entities, and for no entity.
EVERYBODYS = {
    "00000000-0000-4000-8000-000000000000",
    "11111111-1111-4111-8111-111111111111",
    "44444444-4444-4444-8444-444444444444",
}


def sorted_lists(value: Any) -> Any:
    """Lists of entities are ordered by id, and so differ from run to run; secrets in them were made up."""
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        rows = recordings.without(value["data"], {"secret", "key"})
        return {
            **value,
            "data": sorted(json.dumps(row, sort_keys=True) for row in rows),
        }
    return value


@dataclass(slots=True)
class Replayed:
    """The result of a replay: the number of exchanges, and those with another answer, in words.

    `skipped` counts reasons.
    """

    count: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    wrong: dict[int, str] = field(default_factory=dict)


def replay_all(name: str, admin_url: str) -> Replayed:
    """Replay every recorded exchange about a modelled entity, in order."""
    edge_cases = name.startswith("admin")
    result = Replayed()
    replay = Replay(admin_url)
    for row in recordings.recorded(name):
        reason = NOT_MODELLED.get(row["seq"]) if edge_cases else None
        reason = reason or replay.not_modelled(row)
        if "<... " in str(row.get("request_raw"))[:4000] + row["path"][-200:]:
            reason = reason or "requests cut in the recording"
        if reason:
            result.skipped[reason] += 1
            replay.forget(row)
            continue
        result.count += 1
        status, own = replay.send(row)
        theirs = replay.modelled(row.get("response_body"))
        if status in (200, 201):
            replay.learn(theirs, own)
        wanted = sorted_lists(replay.translated(theirs))
        answered = sorted_lists(replay.translated(own))
        only_status = edge_cases and row["seq"] in STATUS
        if status != row["status"] or (wanted != answered and not only_status):
            exchange = (
                f"{row['seq']} {row['step']} {row['method']} {row['path']}"
            )
            result.wrong[row["seq"]] = (
                f"{exchange}: {status} {_diff(answered, wanted)}\n  not {row['status']} {_diff(wanted, answered)}"
            )
    replay.connection.close()
    print(
        f"{name}: replayed {result.count}; not modelled {result.skipped.total()}: {dict(result.skipped)}"
    )
    return result


def _diff(value: Any, other: Any) -> str:
    """Return the fields that another value lacks or has with another value."""
    if isinstance(value, dict) and isinstance(other, dict):
        value = {
            name: field
            for name, field in value.items()
            if name not in other or other[name] != field
        }
    return str(value)[:400]
