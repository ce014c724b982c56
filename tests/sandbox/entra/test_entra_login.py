"""Answers of the stand-in's token endpoint that the program's clients depend on."""

from __future__ import annotations

import base64
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from kong_oam.identity.common.certificates import (
    VALID_FROM,
    VALID_UNTIL,
    certificate,
    thumbprint,
)
from sandbox import jose
from sandbox.browser import (
    CrossOriginError,
    Endpoints,
    IssuerError,
    PrivateKey,
    login,
)
from sandbox.entra import Entra
from sandbox.entra.directory import MICROSOFT_GRAPH, NO_ROLE, GraphError
from sandbox.entra.login import ASSERTION, Code, LoginError
from sandbox.issuer import Issuer, Key
from tests.support.json_object import JsonObject
from tests.support.partner_keys import private_pem, rsa_key

AUDIENCE = "api://AzureADTokenExchange"
SUBJECT = "system:serviceaccount:shop:job"


def _set_up(tenant: Entra) -> tuple[JsonObject, JsonObject]:
    """Return an API with one role, and a client with this role."""
    directory = tenant.directory
    role = {
        "id": "r",
        "value": "scope=read",
        "allowedMemberTypes": ["Application"],
        "isEnabled": True,
    }
    wanted = {
        "displayName": "api",
        "appRoles": [role],
        "optionalClaims": {"accessToken": [{"name": "idtyp"}]},
    }
    api = directory.create_application(
        {**wanted, "api": {"requestedAccessTokenVersion": 2}}
    )
    client = directory.create_application({"displayName": "job"})
    own = [
        directory.create_principal(
            {"appId": application["appId"], "appRoleAssignmentRequired": True}
        )
        for application in (api, client)
    ]
    directory.assign(
        own[0]["id"], {"appRoleId": "r", "principalId": own[1]["id"]}
    )
    return api, client


def _consent(tenant: Entra, client: JsonObject, *scopes: str) -> None:
    """Consent to scopes of a sign-in for all users, as an administrator."""
    graph = tenant.directory.principal_of(MICROSOFT_GRAPH)
    assert graph is not None, "every tenant has it"
    consent = {
        "clientId": client["id"],
        "resourceId": graph["id"],
        "consentType": "AllPrincipals",
    }
    tenant.directory.grant({**consent, "scope": " ".join(scopes)})


def _claims(answer: JsonObject) -> JsonObject:
    return jose.read(answer["access_token"])[1]


def _form(
    api: JsonObject, client: JsonObject, assertion: str
) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": client["appId"],
        "scope": f"{api['appId']}/.default",
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion,
    }


def test_a_clusters_token_of_the_one_service_account_is_a_proof() -> None:
    """A token of another account, for another audience, or with another signature is rejected."""
    with Entra() as tenant, Issuer("cluster") as cluster:
        api, client = _set_up(tenant)
        trusted = {
            "name": "kubernetes",
            "issuer": cluster.url,
            "subject": SUBJECT,
            "audiences": [AUDIENCE],
        }
        tenant.directory.add_federated(client["id"], trusted)
        payload = {
            "iss": cluster.url,
            "sub": SUBJECT,
            "aud": [AUDIENCE],
            "exp": int(time.time()) + 600,
        }
        key = cluster.published[0]
        claims = _claims(
            tenant.login.token(_form(api, client, key.sign(payload)), "")
        )
        assert (claims["aud"], claims["azp"], claims["roles"]) == (
            api["appId"],
            client["appId"],
            ["scope=read"],
        )
        assert (claims["ver"], claims["idtyp"], claims["iss"]) == (
            "2.0",
            "app",
            tenant.issuer,
        )
        for wrong in (
            key.sign({**payload, "sub": "system:serviceaccount:shop:other"}),
            key.sign({**payload, "aud": ["kubernetes"]}),
            key.sign({**payload, "exp": 1}),
            Key(kid=key.kid).sign(payload),
        ):
            with pytest.raises(LoginError) as refused:
                tenant.login.token(_form(api, client, wrong), "")
            assert refused.value.error == "invalid_client"


def _known(value: bytes | str, **headers: str) -> JsonObject:
    key = value if isinstance(value, str) else base64.b64encode(value).decode()
    return {
        "keyCredentials": [
            {
                "type": "AsymmetricX509Cert",
                "usage": "Verify",
                "key": key,
                **headers,
            }
        ]
    }


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_a_certificate_counts_as_bytes_and_as_text(encoding: Encoding) -> None:
    """Microsoft Graph documents bytes, and the official plugin sends text."""
    key = private_pem(rsa_key())
    pem = certificate(key, "job")
    with Entra() as tenant:
        api, client = _set_up(tenant)
        value = load_pem_x509_certificate(pem.encode()).public_bytes(encoding)
        tenant.directory.update_application(client["id"], _known(value))
        proof = PrivateKey(key, thumbprint(pem), certified=True)
        endpoint = (
            f"{tenant.login.login}/{tenant.directory.tenant}/oauth2/v2.0/token"
        )
        form = _form(api, client, proof.assertion(client["appId"], endpoint))
        assert _claims(tenant.login.token(form, ""))["roles"] == ["scope=read"]


def test_a_certificate_counts_no_longer_than_it_lives() -> None:
    """A credential must begin and end within its certificate's life, to the second."""
    pem = certificate(private_pem(rsa_key()), "job").encode()
    first, last = (
        day.strftime("%Y-%m-%dT%H:%M:%SZ") for day in (VALID_FROM, VALID_UNTIL)
    )
    with Entra() as tenant:
        _, client = _set_up(tenant)
        put = tenant.directory.update_application
        put(client["id"], _known(pem, startDateTime=first, endDateTime=last))
        with pytest.raises(
            GraphError,
            match="KeyCredentialsInvalidEndDate: Key credential end date is invalid",
        ):
            put(
                client["id"],
                _known(
                    pem, startDateTime=first, endDateTime="2049-12-31T00:00:01Z"
                ),
            )
        with pytest.raises(GraphError, match="KeyCredentialsInvalidStartDate"):
            put(
                client["id"],
                _known(
                    pem, startDateTime="2019-12-31T23:59:59Z", endDateTime=last
                ),
            )


@pytest.mark.parametrize(
    ("kind", "origin", "refused"),
    [
        ("spa", "https://shop.example.com", None),
        ("spa", None, "AADSTS9002327"),
        ("publicClient", None, None),
        ("publicClient", "https://shop.example.com", "AADSTS9002326"),
        ("web", "https://shop.example.com", "AADSTS9002326"),
    ],
)
def test_a_page_has_a_token_where_the_redirect_is_a_pages(
    kind: str, origin: str | None, refused: str | None
) -> None:
    """Only a page can redeem a code from such a redirect; a browser passes on no denial."""
    with Entra(users={"anna": ()}) as tenant:
        redirect = "https://shop.example.com/callback"
        app = tenant.directory.create_application(
            {"displayName": "shop", kind: {"redirectUris": [redirect]}}
        )
        _consent(
            tenant,
            tenant.directory.create_principal({"appId": app["appId"]}),
            "openid",
        )
        base = f"{tenant.url}/{tenant.directory.tenant}/oauth2/v2.0"
        where = Endpoints(f"{base}/authorize", f"{base}/token")
        arguments = (where, app["appId"], None, redirect, ["openid"], "anna")
        if not refused:
            assert login(*arguments, origin)["id_token"]
            return
        with pytest.raises(
            CrossOriginError if origin else IssuerError,
            match="allows no page" if origin else refused,
        ):
            login(*arguments, origin)
        tenant.login.codes["c"] = Code(
            app["appId"], redirect, "", "anna", None, None, []
        )
        form = {
            "grant_type": "authorization_code",
            "client_id": app["appId"],
            "code": "c",
            "redirect_uri": redirect,
        }
        with pytest.raises(LoginError, match=refused):
            tenant.login.token(form, "", origin)


def test_a_sign_in_needs_an_administrators_consent_to_each_of_its_scopes() -> (
    None
):
    """They are permissions of Microsoft Graph. Users cannot consent if an application requires an
    assignment."""
    with Entra(groups=("sales",), users={"anna": ("sales",)}) as tenant:
        redirect, directory = (
            "https://shop.example.com/callback",
            tenant.directory,
        )
        app = directory.create_application(
            {"displayName": "shop", "web": {"redirectUris": [redirect]}}
        )
        client = directory.create_principal(
            {"appId": app["appId"], "appRoleAssignmentRequired": True}
        )
        directory.assign(
            client["id"],
            {"appRoleId": NO_ROLE, "principalId": next(iter(directory.groups))},
        )

        def error_for(scope: str) -> str:
            query = {
                "client_id": app["appId"],
                "redirect_uri": redirect,
                "sandbox_user": "anna",
                "scope": scope,
            }
            return str(tenant.login.authorize(query).get("error"))

        assert error_for("openid") == "consent_required"
        _consent(tenant, client, "openid", "offline_access")
        assert (
            error_for("openid") == error_for("openid offline_access") == "None"
        )
        assert error_for("openid profile") == "consent_required"
