"""The CA of a stack's workloads: accepted and rejected files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import StackError
from tests.support.workload_tls import Pair, authority, signed

PROVIDERS = [{"name": "okta", "type": "okta"}]


def parsed(folder: Path, **upstream_tls: Any) -> Any:
    gateway = {
        "cidrs": ["192.0.2.0/28"],
        "reach": "loadBalancer",
        "upstreamTls": upstream_tls,
    }
    data = {
        "cloud": "aws",
        "asOf": "2026-01-01",
        "gateway": gateway,
        "identityProviders": PROVIDERS,
    }
    return parse("prod", data, folder=folder)


def test_a_stack_names_its_ca_by_a_file_beside_it(tmp_path: Path) -> None:
    """The file has one certificate or several. Their order, and the file's name, do not matter."""
    first, second = authority("one"), authority("other")
    (tmp_path / "ca.pem").write_text(first.certificate + second.certificate)
    found = parsed(tmp_path, ca="ca.pem", depth=3)
    assert found.gateway.upstream_tls.ca == tuple(
        sorted([first.fingerprint, second.fingerprint])
    )
    assert (found.gateway.upstream_tls.depth, found.stack.upstream_tls) == (
        3,
        "tls",
    )
    assert found.gateway.upstream_tls.file == str(tmp_path / "ca.pem")
    mutual = parsed(tmp_path, ca="ca.pem", clientCertificate="gateway")
    assert (mutual.gateway.upstream_tls.depth, mutual.stack.upstream_tls) == (
        1,
        "mtls",
    )


CA: Pair = authority("ca")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("ca.pem", "nothing", "ca.pem has no X.509 certificate in PEM (-----BEGIN CERTIFICATE-----)"),
        ("ca.pem", CA.certificate + signed(CA, "a.test").certificate, "ca.pem: certificate 2 of 2 is not a CA's (basicConstraints, keyUsage); write its CA's certificate"),
        ("ca.pem", CA.certificate + CA.key, "ca.pem has a private key in it; write only the certificate, and replace the key"),
        ("ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "ca.pem has no X.509 certificate in PEM (-----BEGIN CERTIFICATE-----)"),
        ("../ca.pem", CA.certificate, "'../ca.pem' is not a file name; write the name of a file in"),
        ("other.pem", None, "other.pem cannot be read: [Errno 2] No such file or directory"),
        ("ca.pem", "ä", "ca.pem cannot be read: 'ascii' codec can't decode"),
    ],
    ids=["no PEM", "a leaf", "a key", "broken", "elsewhere", "missing", "no ASCII"],
)  # fmt: skip
def test_what_is_no_ca_is_said_by_the_settings_name(
    tmp_path: Path, name: str, text: str | None, expected: str
) -> None:
    """The error is clear and has no text of the file."""
    if text is not None:
        (tmp_path / "ca.pem").write_text(text, "utf-8")
    with pytest.raises(StackError) as raised:
        parsed(tmp_path, ca=name)
    assert "kong-oam:gateway.upstreamTls.ca: " in str(
        raised.value
    ) and expected in str(raised.value)
    assert "BEGIN CERTIFICATE-----\nM" not in str(
        raised.value
    ) and CA.key.splitlines()[1] not in str(raised.value)
