"""Whom a gateway's authentication plugin lets pass, and which tokens it verifies: `jwt`, or `openid-connect`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kong_oam.access.model import Estate
from kong_oam.identity.common.discovery import SigningKey
from kong_oam.kong import names
from kong_oam.kong.entities import Deployed, Entities, Entity, comparable
from kong_oam.kong.table import Authentication
from kong_oam.verify.questions import Call, Caller, Forged


@dataclass(frozen=True, slots=True)
class Keys:
    """Who may sign here: the estate's issuers, and the keys that its deployment put into their rings.

    `verifying` is the meant configuration of `openid-connect` by provider, which brings the keys by itself. `lifetimes`
    of tokens by provider, in seconds.
    """

    estate: Estate
    deployed: Deployed
    plugin: Authentication
    verifying: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lifetimes: Mapping[str, float] = field(default_factory=dict)

    def rings(self) -> frozenset[str]:
        return frozenset(names.ring(self.estate.stack.name, provider) for provider in self.deployed.issuers)

    def genuine(self, credential: Entity, owner: str) -> bool:
        """Whether the credential of the consumer `owner` is one of its issuer's own: a key, or what fills a slot."""
        stack = self.estate.stack.name
        for provider, slots in self.deployed.slots.items():
            if owner == names.ring(stack, provider):
                pems = {slot.key.kid: slot.key.pem.strip() for slot in slots if slot.key}
                unused = {names.unused_key(stack, provider, index) for index in range(len(slots))}
                pem = (credential.get("rsa_public_key") or "").strip()
                return pems.get(credential["key"]) == pem or (credential["key"] in unused and pem in pems.values())
        return False

    def current(self, provider: str) -> tuple[SigningKey, ...]:
        """The keys with which the provider signs now."""
        slots = self.deployed.slots.get(provider, ())
        return tuple(slot.key for slot in slots if slot.key and not slot.retired)


@dataclass(frozen=True, slots=True)
class Passage:
    """What authentication makes of a call. `consumer` is whom it takes the caller for.

    `algorithm` is how the token that it verified is signed, None where there is none. `unknown`: it is configured in a
    way that is not judged. `through`: the credentials that had a say, by key id.
    """

    passes: bool
    consumer: Entity | None = None
    algorithm: str | None = None
    unknown: bool = False
    through: tuple[str, ...] = ()


class Authenticator:
    """The consumers and credentials of a gateway, and what its authentication plugin makes of callers with them."""

    def __init__(self, entities: Entities, keys: Keys) -> None:
        self._keys = keys
        self._current = {provider: keys.current(provider) for provider in keys.deployed.issuers}
        self._consumers = {one["id"]: one for one in entities.consumers}
        self._credentials = {one["id"]: one for one in entities.credentials}
        self._by_key_id = {one["key"]: one for one in entities.credentials}

    def strangers(self, rings: frozenset[str]) -> Iterator[Caller]:
        """Who holds a key in a ring that is not the issuer's, one by one; and who holds one of any other consumer."""
        elsewhere: list[str] = []
        for identifier, credential in self._credentials.items():
            owner = self._owner(credential).get("username") or ""
            if owner not in rings:
                elsewhere.append(identifier)
            elif not self._keys.genuine(credential, owner):
                name = f"whoever holds the key of credential '{credential['key']}'"
                yield Caller((name,), Forged(credential=identifier))
        if elsewhere:
            yield Caller(("whoever holds a credential of another consumer",), Forged(credential=elsewhere[0]))

    def passage(self, plugin: Entity | None, call: Call, caller: Caller) -> Passage:
        """What becomes of the call. Without a plugin it passes, and nobody is verified."""
        if plugin is None or (call.method == "OPTIONS" and plugin["config"].get("run_on_preflight") is False):
            return Passage(True)
        passage = self._by_key(plugin, caller) if plugin["name"] == "jwt" else self._by_issuer(plugin, caller)
        if passage.passes or passage.unknown:
            return passage
        anonymous = plugin["config"].get("anonymous")
        named = (one for one in self._consumers.values() if anonymous in (one["id"], one.get("username")))
        consumer = next(named, None) if anonymous else None
        return Passage(consumer is not None, consumer, through=passage.through)

    def _owner(self, credential: Entity) -> Entity:
        return self._consumers[credential["consumer"]["id"]]

    def _by_key(self, plugin: Entity, caller: Caller) -> Passage:
        """`jwt` looks for the key that a token names, of whatever consumer.

        A provider signs with any of its current keys: where one of them is missing, its tokens do not count on. A
        stranger's token lives as briefly as need be.
        """
        config = plugin["config"]
        if caller.token is None:
            return Passage(False)
        if isinstance(caller.token, Forged) and caller.token.credential:
            there = self._credentials.get(caller.token.credential)
            found = [there] if there else []
            wanted = [one["key"] for one in found]
            lifetime = 0.0
        else:
            lifetime = self._keys.lifetimes.get(caller.token.provider or "", 0.0)
            current = self._current.get(caller.token.provider or "", ())
            wanted = [key.kid for key in current]
            found = [self._by_key_id[key.kid] for key in current if self._holds(key)]
        reads = config["key_claim_name"] == "kid" and "authorization" in config.get("header_names", ("authorization",))
        reads = reads and not config.get("secret_is_base64")  # the keys are not
        longest = config.get("maximum_expiration") or lifetime
        owners = {one["consumer"]["id"]: self._owner(one) for one in found}
        if not reads or lifetime > longest or len(found) < len(wanted) or len(owners) != 1:
            return Passage(False, through=tuple(wanted))
        (consumer,) = owners.values()
        return Passage(True, consumer, found[0]["algorithm"], through=tuple(wanted))

    def _holds(self, key: SigningKey) -> bool:
        found = self._by_key_id.get(key.kid, {})
        return (
            found.get("algorithm") == key.algorithm and (found.get("rsa_public_key") or "").strip() == key.pem.strip()
        )

    def _by_issuer(self, plugin: Entity, caller: Caller) -> Passage:
        """`openid-connect` takes the tokens of one issuer, and finds the ring that carries the issuer's name."""
        config = {**plugin["config"], "anonymous": None}
        own = [name for name, meant in self._keys.verifying.items() if comparable(config) == comparable(meant)]
        if not own:
            return Passage(True, unknown=True)
        if caller.token is None or caller.token.provider not in own:
            return Passage(False)
        issuer = self._keys.deployed.issuers[caller.token.provider]
        consumer = next((one for one in self._consumers.values() if one.get("custom_id") == issuer), None)
        return Passage(consumer is not None, consumer, "RS256")
