"""Replay the recorded requests of the official Okta plugin on the stand-in with its own ids.

`Replay` learns ids, key ids and client secrets from the answers and translates the recorded values.
It repeats manual changes from the time of the recording (drift, which the recording does not show),
and compares the answers.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.support.json_object import JsonObject
from tests.support.plain_data import overlaid
from tests.support.sandbox.okta_description import shared
from tests.support.sandbox.okta_org import Admin

Json = JsonObject

# Members of answers that are not compared, with the reason.
NOT_COMPARED = {
    "_links": "addresses; the official plugin does not need them",
    "created": "time",
    "lastUpdated": "time",
    "lastMembershipUpdated": "time",
    "lastRotated": "time",
    "nextRotation": "time",
    "createdBy": "the org's administrator",
    "lastUpdatedBy": "the org's administrator",
    "issuer": "address of the org",
    "orn": "contains the org's id",
    "cell": "place of the org",
    "n": "key material",
    "audience": "of an undocumented endpoint; the recording's stand-in showed the app's id, this one the client id",
    "signing": "compared for servers; an app's own signing key is not modelled",
}
# Answers of which only these members are compared.
PARTLY = {
    "/api/v1/users/me": ("status",),
    "/.well-known/okta-organization": ("pipeline",),
}
SERVER = "authorizationServers/ausSXpfKtHF4vUCsMehG"


def exchanges() -> list[Json]:
    """Return the exchanges of the run `main`, in order."""
    lines = shared("traffic-official-plugin.jsonl").read_text().splitlines()
    return [
        exchange
        for exchange in map(json.loads, lines)
        if exchange["run"] == "main"
    ]


@dataclass
class Replay:
    """Send recorded requests to the org of `admin`; `differences` lists the answers that differ."""

    admin: Admin
    known: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    kept: Json = field(default_factory=dict)

    def play(self, exchange: Json) -> None:
        """Replay one exchange; an injected fault is skipped, unless the request was carried out."""
        stored = exchange["step"] == "fault:500-on-create-but-stored"
        if exchange.get("injected") and not (
            stored and exchange["method"] == "POST"
        ):
            self.counts["injected faults, skipped"] += 1
            return
        target = (
            f"{exchange['path']}?{exchange['query']}"
            if exchange["query"]
            else exchange["path"]
        )
        if exchange["request_form"] == "absolute":
            target = f"http://org.okta.com{target}"
        status, body = self.admin.call(
            exchange["method"],
            self.mine(target),
            self.mine(exchange["request_body"]),
        )
        if exchange.get("injected"):
            self.counts["injected faults, carried out"] += 1
            return
        self.counts["replayed"] += 1
        where = f"{exchange['seq']} {exchange['step']} {exchange['method']} {exchange['path']}"
        before = len(self.differences)
        if status != exchange["status"]:
            self.differences.append(
                f"{where}: {status} {body}, recorded {exchange['status']}"
            )
        else:
            self._compare(
                where, exchange["path"], exchange["response_body"], body
            )
        self.counts["same"] += len(self.differences) == before

    def mine(self, recorded: Any) -> Any:
        """Return a recorded value with this org's ids in place of the recorded ids."""
        text = json.dumps(recorded)
        for theirs, ours in self.known.items():
            text = text.replace(theirs, ours)
        return json.loads(text)

    def _compare(self, where: str, path: str, recorded: Any, got: Any) -> None:
        if (
            path == "/api/v1/policies"
        ):  # the number of others depends on the org
            recorded, got = (
                [policy for policy in found if policy["system"]]
                for found in (recorded, got)
            )
        if path in PARTLY:
            recorded, got = (
                {name: found[name] for name in PARTLY[path]}
                for found in (recorded, got)
            )
        if isinstance(recorded, dict) and "errorCode" in recorded:
            recorded, got = (
                {
                    name: found[name]
                    for name in ("errorCode", "errorSummary", "errorCauses")
                }
                for found in (recorded, got)
            )
        self._learn(recorded, got)
        self._differ(where, self.mine(recorded), got)

    def _learn(self, recorded: Any, got: Any) -> None:
        """Learn ids at the same place in both answers."""
        if isinstance(recorded, list) and isinstance(got, list):
            for theirs, ours in zip(recorded, got, strict=False):
                self._learn(theirs, ours)
        elif isinstance(recorded, dict) and isinstance(got, dict):
            for name in ("id", "kid", "client_secret", "client_id"):
                if isinstance(recorded.get(name), str) and isinstance(
                    got.get(name), str
                ):
                    self.known.setdefault(recorded[name], got[name])
            for name in recorded.keys() & got.keys():
                self._learn(recorded[name], got[name])

    def _differ(self, where: str, recorded: Any, got: Any) -> None:
        """Compare members: every recorded member must exist with the same value; the org may add
        further members."""
        if isinstance(recorded, dict) and isinstance(got, dict):
            for name, value in recorded.items():
                if name in NOT_COMPARED and not (
                    name == "signing" and "rotationMode" in value
                ):
                    self.counts["members not compared"] += 1
                elif name not in got:
                    self.differences.append(f"{where}: no {name}")
                else:
                    self._differ(f"{where} .{name}", value, got[name])
        elif (
            isinstance(recorded, list)
            and isinstance(got, list)
            and len(recorded) == len(got)
        ):
            for index, (theirs, ours) in enumerate(
                zip(recorded, got, strict=True)
            ):
                self._differ(f"{where} [{index}]", theirs, ours)
        else:
            self.counts["values compared"] += 1
            if recorded != got:
                self.differences.append(
                    f"{where}: {got!r}, recorded {recorded!r}"
                )

    def drift(self, step: str) -> None:
        """Repeat the manual changes before this step of the recording."""
        for method, path, change in BY_HAND.get(step, ()):
            target = f"/api/v1/{self.mine(path)}"
            if method == "PUT" and not path.startswith(
                "apps/0oavVqE1SkHbn88HxjSI/groups/"
            ):
                change = overlaid(
                    self.admin.call("GET", target)[1], self.mine(change)
                )
            status, answer = self.admin.call(method, target, change)
            assert status in (200, 201, 204), answer

    def prepare(self, step: str) -> None:
        """Make a manual change that needs an answer: by name, or with the id that a new object
        gets."""
        app = "0oaSufrdZSlB5er8bOfZ"
        if step == "drift:app-deleted-refresh":
            self.kept = self.admin.get(f"apps/{self.known[app]}")
            self.admin.call(
                "POST", f"/api/v1/apps/{self.known[app]}/lifecycle/deactivate"
            )
            assert (
                self.admin.call("DELETE", f"/api/v1/apps/{self.known[app]}")[0]
                == 204
            )
        elif step == "drift:app-restored":
            self.known[app] = self.admin.make("apps", self.kept)["id"]
        elif step == "fault:cleanup":
            path = f"{self.mine(SERVER)}/claims"
            tenant = next(
                claim
                for claim in self.admin.get(path)
                if claim["name"] == "tenant"
            )
            assert (
                self.admin.call("DELETE", f"/api/v1/{path}/{tenant['id']}")[0]
                == 204
            )


_WEB, _WEB_POLICY = (
    "apps/0oavVqE1SkHbn88HxjSI",
    f"{SERVER}/policies/00p1CiAhzCueQpBenQtY",
)
_READ = f"{SERVER}/scopes/scpnEN5N1aE6PwZPf1Qh"
_URIS = [
    "https://orders.example.com/callback",
    "https://orders.example.com/callback2",
    "https://evil.example.com/cb",
]
# Step of the recording -> manual change before it: method, path, and (PUT) the change to the
# existing object.
BY_HAND: dict[str, tuple[tuple[str, str, Any], ...]] = {
    "drift:key-rotated-refresh": (
        ("POST", f"{SERVER}/credentials/lifecycle/keyRotate", {"use": "sig"}),
    ),
    "drift:refresh": (
        ("PUT", _WEB, {"settings": {"oauthClient": {"redirect_uris": _URIS}}}),
        ("PUT", _READ, {"description": "changed outside"}),
        (
            "PUT",
            f"{_WEB}/groups/00gfBAepfJBd0Kh8oOOL",
            {"priority": 7, "profile": {}},
        ),
        (
            "PUT",
            f"{SERVER}/policies/00pbW56eCuNGMGmSrCGI/rules/0prh5Xj8TPQxjq4i9DoV",
            {"conditions": {"scopes": {"include": ["*"]}}},
        ),
        (
            "PUT",
            _WEB_POLICY,
            {"conditions": {"clients": {"include": ["ALL_CLIENTS"]}}},
        ),
    ),
    "drift:unset-property-refresh": (
        ("PUT", _WEB, {"visibility": {"hide": {"web": False}}}),
        ("PUT", _READ, {"metadataPublish": "NO_CLIENTS"}),
        ("POST", f"{_WEB_POLICY}/lifecycle/deactivate", None),
    ),
    "drift:claim+scope-deleted-refresh": (
        ("PUT", _READ, {"metadataPublish": "ALL_CLIENTS"}),
        ("DELETE", f"{SERVER}/scopes/scp6yYTWmE4lBYOvfZ8U", None),
        ("DELETE", f"{SERVER}/claims/oclHWnsCGRlrwZbqcabU", None),
    ),
    "drift:origin-gone-update": (
        ("DELETE", "trustedOrigins/tosqfM2oeq3hDavJA76r", None),
    ),
    "destroy:claim-already-gone": (
        ("DELETE", f"{SERVER}/claims/oclyWuUFjsUNPjc01T5G", None),
    ),
}
