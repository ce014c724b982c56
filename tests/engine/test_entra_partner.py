"""A partner at a tenant of Entra: it gets tokens with its own key, calls, and changes the key at
any time."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from kong_oam.identity.common.certificates import thumbprint
from sandbox import browser
from sandbox.local import STACK
from sandbox.project import stack_file
from tests.support.engine.calls import call
from tests.support.engine.deployment import Deployment
from tests.support.engine.tenant import tenant_stack
from tests.support.partner_keys import certified, private_pem, rsa_key

PARTNER = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: partner, annotations: {owner: team-partners}}
spec:
  components:
    - name: acme
      type: external
      properties: {jwksUri: https://acme.example.com/keys.json}
      traits:
        - type: client
          properties: {kind: external, calls: [{component: orders/api, scopes: [orders.read]}]}
"""


def _named(deployment: Deployment, *certificates: str) -> None:
    """Write the partner's certificates into the stack's settings."""
    file = stack_file(deployment.folder)
    settings = yaml.safe_load(file.read_text("utf-8"))
    settings["config"]["kong-oam:identityProviders"][0]["certificates"] = {
        "partner/acme": [*certificates]
    }
    file.write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")


def _token(
    settings: dict[str, str], key: rsa.RSAPrivateKey, certificate: str
) -> str:
    """Return the partner's token, from the stack's outputs and its own key. Raises IssuerError."""
    endpoint, client, scopes = (
        settings[f"OAUTH_{name}"]
        for name in ("TOKEN_ENDPOINT", "CLIENT_ID", "SCOPES")
    )
    proof = browser.PrivateKey(
        private_pem(key), thumbprint(certificate), certified=True
    )
    return str(
        browser.client_credentials(endpoint, client, proof, [scopes])[
            "access_token"
        ]
    )


@pytest.mark.deep
@pytest.mark.timeout(300)
def test_a_partner_calls_with_its_own_key_and_changes_it(
    tmp_path: Path,
) -> None:
    """No key is known until its owner has handed over a certificate. Two are known during a change,
    and then the first is removed. A second run changes nothing, and a certificate is not
    recreated when the other comes or goes."""
    old, new = rsa_key(), rsa_key()
    first, second = certified(old), certified(new)
    with tenant_stack(tmp_path) as (deployment, _):
        local = deployment.local
        (deployment.folder / "applications/partner.yaml").write_text(
            PARTNER, "utf-8"
        )
        deployment.edit(
            "applications/orders.yaml",
            "components: [shop/checkout,",
            "components: [partner/acme, shop/checkout,",
        )
        warned = deployment.run("up").stdout
        assert (
            "ENV409" in warned
            and "identityProviders[].certificates in stacks/Pulumi.local.yaml"
            in warned
        )
        settings = deployment.output("elsewhere")["partner/acme"]
        with pytest.raises(browser.IssuerError, match="AADSTS700027"):
            _token(settings, old, first)

        _named(deployment, first)
        (made,) = deployment.changes("up").items()
        assert (
            made[0].startswith("entra-certificate-partner/acme-")
            and made[1] == "create"
        )
        deployment.assert_unchanged()
        assert "ENV409" not in deployment.pulumi("preview", "-s", STACK).stdout
        token = _token(settings, old, first)
        assert (
            call(local, "GET", "orders.example.com", "/orders", token).status
            == 200
        )
        assert (
            call(local, "POST", "orders.example.com", "/orders", token).status
            == 403
        )
        with pytest.raises(browser.IssuerError, match="AADSTS700027"):
            _token(settings, new, second)
        with pytest.raises(browser.IssuerError, match="AADSTS700027"):
            _token(
                settings, new, first
            )  # the certificate is known, but the key is another's

        _named(deployment, first, second)
        assert list(deployment.changes("up").values()) == ["create"]
        for key, certificate in ((old, first), (new, second)):
            token = _token(settings, key, certificate)
            assert (
                call(
                    local, "GET", "orders.example.com", "/orders", token
                ).status
                == 200
            )

        _named(deployment, second)
        assert deployment.changes("up") == {made[0]: "delete"}
        with pytest.raises(browser.IssuerError, match="AADSTS700027"):
            _token(settings, old, first)
        assert (
            call(
                local,
                "GET",
                "orders.example.com",
                "/orders",
                _token(settings, new, second),
            ).status
            == 200
        )
