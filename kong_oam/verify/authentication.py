"""The authentication plugin of a gateway, `jwt` or `openid-connect`: its accepted tokens."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.before import OldCredential
from kong_oam.access.tokens import Claims
from kong_oam.identity.common.discovery import SigningKey
from kong_oam.kong.entities import Entities, Entity, comparable, pem_of
from kong_oam.verify.questions import AuthenticationResult, Caller, Forged
from kong_oam.verify.terms import Terms


class Authenticator:
    """The authentication of callers by a gateway, from its consumers and credentials."""

    def __init__(self, entities: Entities, terms: Terms) -> None:
        self._terms = terms
        self._current = {
            provider: terms.current(provider)
            for provider in terms.deployed.issuers
        }
        self._consumers = {
            consumer["id"]: consumer for consumer in entities.consumers
        }
        self._credentials = {
            credential["id"]: credential for credential in entities.credentials
        }
        self._by_key_id = {
            credential["key"]: credential for credential in entities.credentials
        }

    def strangers(self, rings: frozenset[str]) -> Iterator[Caller]:
        """Yield the holders of foreign keys.

        These are each holder of a foreign key in a ring, and a holder of a key of another consumer.
        """
        elsewhere: list[str] = []
        for identifier, credential in self._credentials.items():
            owner = self._owner(credential).get("username") or ""
            if owner not in rings:
                elsewhere.append(identifier)
            elif not self._terms.genuine(credential, owner):
                name = (
                    f"the holder of the key of credential '{credential['key']}'"
                )
                yield Caller((name,), Forged(credential=identifier))
        if elsewhere:
            yield Caller(
                ("the holder of a credential of another consumer",),
                Forged(credential=elsewhere[0]),
            )

    def passage(
        self, plugin: Entity | None, caller: Caller, *, preflight: bool
    ) -> AuthenticationResult:
        """Authenticate the caller of a call. `preflight`: its method is OPTIONS.

        Without a plugin the call passes without a verified caller.
        """
        if plugin is None:
            return AuthenticationResult(True)
        config = plugin["config"]
        if preflight and config.get("run_on_preflight") is False:
            return AuthenticationResult(True)
        method = self._by_key if plugin["name"] == "jwt" else self._by_issuer
        passage = method(config, caller)
        if passage.passes or passage.unknown:
            return passage
        anonymous = self._anonymous(config.get("anonymous"))
        return AuthenticationResult(
            anonymous is not None, anonymous, through=passage.through
        )

    def by_old_credential(
        self,
        plugin: Entity | None,
        credential: OldCredential,
        passage: AuthenticationResult,
    ) -> AuthenticationResult:
        """Authenticate a caller with an old credential behind the first plugin.

        Its consumer counts as having the credential: nobody reads its keys.
        """
        if plugin is None or not passage.passes:
            return passage
        for consumer in self._consumers.values():
            if consumer.get("username") == credential.consumer:
                return AuthenticationResult(True, consumer)
        return passage

    def _anonymous(self, name: str | None) -> Entity | None:
        """Return the consumer, by id or name, for callers without a token."""
        if not name:
            return None
        for consumer in self._consumers.values():
            if name in (consumer["id"], consumer.get("username")):
                return consumer
        return None

    def _owner(self, credential: Entity) -> Entity:
        return self._consumers[credential["consumer"]["id"]]

    def _by_key(self, config: Entity, caller: Caller) -> AuthenticationResult:
        """Authenticate as `jwt` does: by the key that the token names, of any consumer.

        A provider may sign with any of its current keys. If a key is missing, the provider's tokens
        do not count as valid. A stranger's token may have any lifetime.
        """
        token = caller.token
        if token is None or isinstance(token, OldCredential):
            return AuthenticationResult(False)
        key_ids, credentials = self._verifying(token)
        lifetime = self._terms.lifetimes.get(token.provider, 0.0)
        longest = config.get("maximum_expiration") or lifetime
        owners = {credential["consumer"]["id"] for credential in credentials}
        is_verified = len(credentials) == len(key_ids) and len(owners) == 1
        through = tuple(key_ids)
        if not is_verified or lifetime > longest or not _reads_tokens(config):
            return AuthenticationResult(False, through=through)
        credential = credentials[0]
        owner = self._owner(credential)
        return AuthenticationResult(
            True, owner, credential["algorithm"], through=through
        )

    def _verifying(
        self, token: Claims | Forged
    ) -> tuple[list[str], list[Entity]]:
        """Return the ids of the keys that may have signed the token, and the credentials with these
        keys."""
        if isinstance(token, Forged) and token.credential:
            credential = self._credentials.get(token.credential)
            return (
                ([credential["key"]], [credential]) if credential else ([], [])
            )
        current = self._current.get(token.provider, ())
        held = [self._by_key_id[key.kid] for key in current if self._holds(key)]
        return [key.kid for key in current], held

    def _holds(self, key: SigningKey) -> bool:
        credential = self._by_key_id.get(key.kid, {})
        is_signed_so = credential.get("algorithm") == key.algorithm
        return is_signed_so and pem_of(credential) == key.pem.strip()

    def _by_issuer(
        self, config: Entity, caller: Caller
    ) -> AuthenticationResult:
        """Authenticate as `openid-connect` does: by tokens of a single issuer, whose ring carries
        its name."""
        compared = comparable({**config, "anonymous": None})
        providers = [
            name
            for name, intended in self._terms.verifying.items()
            if comparable(intended) == compared
        ]
        if not providers:
            return AuthenticationResult(True, unknown=True)
        token = caller.token
        if isinstance(token, OldCredential):
            return AuthenticationResult(False)
        if token is None or token.provider not in providers:
            return AuthenticationResult(False)
        issuer = self._terms.deployed.issuers[token.provider]
        for consumer in self._consumers.values():
            if consumer.get("custom_id") == issuer:
                return AuthenticationResult(True, consumer, "RS256")
        return AuthenticationResult(False, None, "RS256")


def _reads_tokens(config: Entity) -> bool:
    """Return whether `jwt` finds keys by their id, in tokens of the header Authorization."""
    if config.get("secret_is_base64"):  # our keys are not in Base64
        return False
    headers = config.get("header_names", ("authorization",))
    return config["key_claim_name"] == "kid" and "authorization" in headers
