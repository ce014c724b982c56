"""Public halves of clients' keys, as their provider is told them."""

from __future__ import annotations

import base64
import datetime
import hashlib
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pulumi.runtime import mocks, set_mocks

from components.identity.keys import key_pairs
from kong_oam.access.rotation import Generation
from kong_oam.identity.common.jwk import ECDSA, RSA, jwk
from tests.support.json_object import JsonObject

# The example of RFC 7638, section 3.1.
N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhM"
    "stn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5"
    "hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)
THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
RSA_PEM = (
    rsa.RSAPublicNumbers(
        65537, int.from_bytes(base64.urlsafe_b64decode(N + "=="))
    )
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)

# The example of RFC 7517, appendix A.1.
X, Y = (
    "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
)


def test_the_id_of_a_key_is_its_thumbprint() -> None:
    """As RFC 7638 computes it: whoever knows the key knows its id, and no two keys share one."""
    assert jwk(RSA_PEM) == {
        "kty": "RSA",
        "kid": THUMBPRINT,
        "n": N,
        "e": "AQAB",
    }


def pem_of(key: ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ).decode()


def on_p256(scalar: int) -> str:
    return pem_of(ec.derive_private_key(scalar, ec.SECP256R1()).public_key())


def test_the_id_of_a_key_on_a_curve_is_its_thumbprint() -> None:
    """It is made of crv, kty, x and y (RFC 7638, section 3.2)."""
    numbers = (
        int.from_bytes(base64.urlsafe_b64decode(f"{coordinate}="))
        for coordinate in (X, Y)
    )
    key = ec.EllipticCurvePublicNumbers(*numbers, ec.SECP256R1()).public_key()
    public_key = f'{{"crv":"P-256","kty":"EC","x":"{X}","y":"{Y}"}}'
    kid = (
        base64.urlsafe_b64encode(hashlib.sha256(public_key.encode()).digest())
        .decode()
        .rstrip("=")
    )
    assert jwk(pem_of(key)) == {
        "kty": "EC",
        "crv": "P-256",
        "x": X,
        "y": Y,
        "kid": kid,
    }


def test_coordinates_are_of_full_length() -> None:
    """Each has 32 bytes, also with leading zeros: the x of this key begins with a zero."""
    key = jwk(on_p256(379))
    x, y = (base64.urlsafe_b64decode(f"{key[name]}=") for name in "xy")
    assert (x[0], len(x), len(y)) == (0, 32, 32)


def test_a_key_of_another_kind_is_refused() -> None:
    """It would be published without what verifies it."""
    with pytest.raises(TypeError, match="must be RSA or P-256 keys"):
        jwk(pem_of(ec.generate_private_key(ec.SECP384R1()).public_key()))


# Which keys there are


@dataclass
class Made(mocks.Mocks):
    """The key pairs that are made: by logical name, algorithm and size or curve."""

    keys: dict[str, tuple[str, Any]] = field(default_factory=dict)

    def new_resource(
        self, args: mocks.MockResourceArgs
    ) -> tuple[str | None, JsonObject]:
        of = args.inputs["algorithm"]
        self.keys[args.name] = (
            of,
            args.inputs.get("rsaBits") or args.inputs.get("ecdsaCurve"),
        )
        public = on_p256(7) if of == ECDSA else RSA_PEM
        return args.name, {
            **args.inputs,
            "publicKeyPem": public,
            "privateKeyPemPkcs8": f"private half of {args.name}",
        }

    def call(self, args: mocks.MockCallArgs) -> JsonObject:
        raise AssertionError("nothing is called here")


def made_pairs(
    generation: Generation, kind: str = ECDSA
) -> tuple[Made, list[str], str, str]:
    """The pairs, the kinds of the valid keys, the private half that the client gets, and its
    algorithm."""
    answers, answered = Made(), []

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    async def program() -> None:
        keys = key_pairs("key", generation, kind, None)  # type: ignore[arg-type]
        active, private = (
            await keys.active.future(),
            await keys.private_key.future(),
        )
        assert (
            active
            and private
            and await keys.kid.future() in {key["kid"] for key in active}
        )
        algorithm = await pulumi.Output.from_input(keys.algorithm).future()
        assert algorithm
        answered.append(
            (answers, [key["kty"] for key in active], private, algorithm)
        )

    set_mocks(answers)
    program()
    return answered[0]


RSA_2048, P_256 = (RSA, 2048), (ECDSA, "P256")
DAY = datetime.date(2026, 1, 1)
FIRST, SECOND, ALONE = (
    Generation(1, DAY),
    Generation(2, DAY, overlapping=True),
    Generation(2, DAY),
)


@pytest.mark.parametrize(
    ("generation", "slots"),
    [(FIRST, ["a"]), (SECOND, ["a", "b"]), (ALONE, ["b"])],
)
def test_each_generation_that_counts_has_a_key(
    generation: Generation, slots: list[str]
) -> None:
    """The client gets the private half of its generation."""
    answers, kty, private, algorithm = made_pairs(generation)
    assert answers.keys == {f"key-{slot}": P_256 for slot in slots}
    assert kty == ["EC"] * len(slots)
    assert private == f"private half of key-{'ab'[generation.slot]}"
    assert algorithm == "ES256"


def test_a_provider_says_of_what_kind_its_keys_are_made() -> None:
    answers, kty, _, algorithm = made_pairs(SECOND, RSA)
    assert (set(answers.keys.values()), kty, algorithm) == (
        {RSA_2048},
        ["RSA", "RSA"],
        "RS256",
    )
