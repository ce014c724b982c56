"""Partners' certificates in a stack's settings: invalid certificates and weak keys are reported by
setting."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import StackError
from tests.support.json_object import JsonObject
from tests.support.partner_keys import certified, private_pem, rsa_key

KEY = rsa_key()
GOOD = certified(KEY)
WEAK = rsa_key(1024)
CURVE = ec.generate_private_key(ec.SECP256R1())


def stack(certificates: JsonObject) -> dict[str, tuple[str, ...]]:
    provider = {"name": "entra", "type": "entra", "certificates": certificates}
    gateway = {"namespace": "kong", "podLabels": {"app": "kong"}}
    data = {
        "cloud": "local",
        "asOf": "2026-11-25",
        "gateway": gateway,
        "identityProviders": [provider],
    }
    return dict(parse("tests", data).providers[0].certificates)


def test_one_or_two_certificates_of_a_partner_are_read() -> None:
    """Text around the certificate is accepted."""
    certificates = (GOOD, f"subject: partner\n{certified(KEY)}")
    assert stack({"partner/acme": list(certificates)}) == {
        "partner/acme": certificates
    }
    assert stack({"partner/acme": [GOOD]}) == {"partner/acme": (GOOD,)}


@pytest.mark.parametrize(
    ("pem", "message"),
    [
        ("MIIC", "has no X.509 certificate in PEM"),
        ("", "has no X.509 certificate in PEM"),
        (
            "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n",
            "has no X.509 certificate in PEM",
        ),
        (
            GOOD + certified(KEY),
            "has 2 certificates; write each as a separate entry, without its CAs",
        ),
        (GOOD + private_pem(KEY), "has a private key in it"),
        (certified(WEAK), "has an RSA key of 1024 bits; use at least 2048"),
        (certified(CURVE), "has a key that is not RSA; use an RSA key"),
    ],
    ids=["words", "nothing", "damaged", "two", "private", "weak", "curve"],
)
def test_what_cannot_be_used_is_said_with_its_place(
    pem: str, message: str
) -> None:
    """The message does not have the certificate's text."""
    with pytest.raises(StackError) as refused:
        stack({"partner/acme": [GOOD, pem]})
    assert (
        f"kong-oam:identityProviders.0.certificates.partner/acme.1: {message}"
        in str(refused.value)
    )
    assert "-----END" not in str(refused.value)


def test_one_certificate_twice_is_refused() -> None:
    """Line breaks do not matter. Two certificates of one key are two certificates."""
    with pytest.raises(
        StackError,
        match=r"certificates\.partner/acme: has a certificate twice; remove one entry",
    ):
        stack({"partner/acme": [GOOD, f"# ours\n{GOOD}"]})


def test_two_partners_do_not_prove_themselves_with_one_key() -> None:
    """The key's owner could call as either partner, also with two certificates of the key."""
    with pytest.raises(StackError) as refused:
        stack(
            {
                "partner/acme": [GOOD],
                "partner/other": [certified(rsa_key()), certified(KEY)],
            }
        )
    message = "kong-oam:identityProviders.0.certificates.partner/other: has the key of partner/acme, too"
    assert message in str(refused.value)
    assert (
        len(
            stack(
                {
                    "partner/acme": [GOOD, certified(KEY)],
                    "partner/other": [certified(rsa_key())],
                }
            )
        )
        == 2
    )


@pytest.mark.parametrize(
    ("certificates", "message"),
    [
        (
            {"partner/acme": []},
            "identityProviders.0.certificates.partner/acme: is not a list of one or two certificates",
        ),
        (
            {"partner/acme": [private_pem(KEY)] * 3},
            "certificates.partner/acme: is not a list of one or two",
        ),
        (
            {"partner/acme": private_pem(KEY)},
            "certificates.partner/acme: is not a list of one or two",
        ),
    ],
    ids=["none", "three", "no list"],
)
def test_what_is_not_of_the_form_is_refused(
    certificates: JsonObject, message: str
) -> None:
    """The value is not shown: it may be a key."""
    with pytest.raises(StackError) as refused:
        stack(certificates)
    assert message in str(refused.value)
    assert "PRIVATE KEY" not in str(refused.value)
