"""The authentication plugin of a gateway (`jwt` or `openid-connect`): whom it lets pass, which
tokens it verifies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kong_oam.identity.common.discovery import SigningKey
from kong_oam.kong.entities import Entities, Entity, comparable
from kong_oam.verify.questions import Caller, Forged
from kong_oam.verify.terms import Terms


@dataclass(frozen=True, slots=True)
class Passage:
    """The result of authenticating a call. `consumer` is whom the plugin takes the caller for.

    `algorithm` is how the token that it verified is signed, None where there is none. `unknown`: it
    is configured in a way that is not judged. `through`: the credentials that had a say, by key id.
    """

    passes: bool
    consumer: Entity | None = None
    algorithm: str | None = None
    unknown: bool = False
    through: tuple[str, ...] = ()


class Authenticator:
    """The consumers and credentials of a gateway, and what its authentication plugin makes of
    callers with them."""

    def __init__(self, entities: Entities, terms: Terms) -> None:
        self._terms = terms
        self._current = {
            provider: terms.current(provider) for provider in terms.deployed.issuers
        }
        self._consumers = {consumer["id"]: consumer for consumer in entities.consumers}
        self._credentials = {
            credential["id"]: credential for credential in entities.credentials
        }
        self._by_key_id = {
            credential["key"]: credential for credential in entities.credentials
        }

    def strangers(self, rings: frozenset[str]) -> Iterator[Caller]:
        """Yields each holder of a key in a ring that is not its issuer's, and one of a key of any
        other consumer."""
        elsewhere: list[str] = []
        for identifier, credential in self._credentials.items():
            owner = self._owner(credential).get("username") or ""
            if owner not in rings:
                elsewhere.append(identifier)
            elif not self._terms.genuine(credential, owner):
                name = f"whoever holds the key of credential '{credential['key']}'"
                yield Caller((name,), Forged(credential=identifier))
        if elsewhere:
            yield Caller(
                ("whoever holds a credential of another consumer",),
                Forged(credential=elsewhere[0]),
            )

    def passage(
        self, plugin: Entity | None, caller: Caller, *, preflight: bool
    ) -> Passage:
        """Authenticates the caller, whose call is a `preflight` where its method is OPTIONS.

        Without a plugin the call passes, and nobody is verified.
        """
        if plugin is None or (
            preflight and plugin["config"].get("run_on_preflight") is False
        ):
            return Passage(True)
        passage = (
            self._by_key(plugin, caller)
            if plugin["name"] == "jwt"
            else self._by_issuer(plugin, caller)
        )
        if passage.passes or passage.unknown:
            return passage
        anonymous = plugin["config"].get("anonymous")
        matching = (
            consumer
            for consumer in self._consumers.values()
            if anonymous in (consumer["id"], consumer.get("username"))
        )
        consumer = next(matching, None) if anonymous else None
        return Passage(consumer is not None, consumer, through=passage.through)

    def _owner(self, credential: Entity) -> Entity:
        return self._consumers[credential["consumer"]["id"]]

    def _by_key(self, plugin: Entity, caller: Caller) -> Passage:
        """Authenticates as `jwt` does: by the key that the token names, of whatever consumer.

        A provider signs with any of its current keys: where one of them is missing, its tokens do
        not count on. A stranger's token lives as briefly as need be.
        """
        config = plugin["config"]
        if caller.token is None:
            return Passage(False)
        if isinstance(caller.token, Forged) and caller.token.credential:
            credential = self._credentials.get(caller.token.credential)
            credentials = [credential] if credential else []
            key_ids = [credential["key"] for credential in credentials]
            lifetime = 0.0
        else:
            lifetime = self._terms.lifetimes.get(caller.token.provider or "", 0.0)
            current = self._current.get(caller.token.provider or "", ())
            key_ids = [key.kid for key in current]
            credentials = [
                self._by_key_id[key.kid] for key in current if self._holds(key)
            ]
        reads = config["key_claim_name"] == "kid" and "authorization" in config.get(
            "header_names", ("authorization",)
        )
        reads = reads and not config.get("secret_is_base64")  # the keys are not
        longest = config.get("maximum_expiration") or lifetime
        owners = {
            credential["consumer"]["id"]: self._owner(credential)
            for credential in credentials
        }
        if (
            not reads
            or lifetime > longest
            or len(credentials) < len(key_ids)
            or len(owners) != 1
        ):
            return Passage(False, through=tuple(key_ids))
        (consumer,) = owners.values()
        return Passage(
            True, consumer, credentials[0]["algorithm"], through=tuple(key_ids)
        )

    def _holds(self, key: SigningKey) -> bool:
        credential = self._by_key_id.get(key.kid, {})
        pem = (credential.get("rsa_public_key") or "").strip()
        return credential.get("algorithm") == key.algorithm and pem == key.pem.strip()

    def _by_issuer(self, plugin: Entity, caller: Caller) -> Passage:
        """Authenticates as `openid-connect` does: by tokens of one issuer, whose name its ring
        carries."""
        config = {**plugin["config"], "anonymous": None}
        providers = [
            name
            for name, meant in self._terms.verifying.items()
            if comparable(config) == comparable(meant)
        ]
        if not providers:
            return Passage(True, unknown=True)
        if caller.token is None or caller.token.provider not in providers:
            return Passage(False)
        issuer = self._terms.deployed.issuers[caller.token.provider]
        rings = (
            consumer
            for consumer in self._consumers.values()
            if consumer.get("custom_id") == issuer
        )
        consumer = next(rings, None)
        return Passage(consumer is not None, consumer, "RS256")
