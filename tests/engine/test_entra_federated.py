"""At a tenant of Entra that can read the cluster's keys, clients prove themselves with nothing but their pods' tokens."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sandbox import browser
from sandbox.browser import ClusterToken, IssuerError
from sandbox.issuer import Issuer
from sandbox.local import Local
from tests.support.engine.calls import call, credential, part
from tests.support.engine.pods import on
from tests.support.engine.tenant import tenant_stack
from tests.support.json_object import JsonObject


def _mounted(local: Local, cluster: Issuer, component: str) -> ClusterToken:
    """Return the token that the kubelet writes into the file at OAUTH_ASSERTION_FILE."""
    (deployed,) = (
        deployment
        for deployment in local.cluster.objects("Deployment")
        if deployment["metadata"]["name"] == component
    )
    pod = deployed["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (file,) = (
        variable["value"]
        for variable in container["env"]
        if variable["name"] == "OAUTH_ASSERTION_FILE"
    )
    (mount,) = (
        volume_mount
        for volume_mount in container["volumeMounts"]
        if file.startswith(volume_mount["mountPath"])
    )
    (volume,) = (
        volume for volume in pod["volumes"] if volume["name"] == mount["name"]
    )
    (source,) = volume["projected"]["sources"]
    wanted = source["serviceAccountToken"]
    assert file == f"{mount['mountPath']}/{wanted['path']}"
    subject = f"system:serviceaccount:{deployed['metadata']['namespace']}:{pod['serviceAccountName']}"
    return _signed(
        cluster, subject, wanted["audience"], wanted["expirationSeconds"]
    )


def _signed(
    cluster: Issuer, subject: str, audience: str, seconds: int = 3600
) -> ClusterToken:
    claims = {
        "iss": cluster.url,
        "sub": subject,
        "aud": [audience],
        "exp": int(time.time()) + seconds,
    }
    return ClusterToken(cluster.published[0].sign(claims))


def _token(
    settings: dict[str, str], proof: ClusterToken, user: str | None = None
) -> str:
    endpoint, client, scopes = (
        settings[f"OAUTH_{name}"]
        for name in ("TOKEN_ENDPOINT", "CLIENT_ID", "SCOPES")
    )
    answer: JsonObject
    if user is None:
        answer = browser.client_credentials(endpoint, client, proof, [scopes])
    else:
        where = browser.Endpoints(
            settings["OAUTH_AUTHORIZATION_ENDPOINT"], endpoint
        )
        answer = browser.login(
            where,
            client,
            proof,
            settings["OAUTH_REDIRECT_URIS"],
            [scopes, "openid"],
            user,
        )
    return str(answer["access_token"])


@pytest.mark.deep
@pytest.mark.timeout(300)
def test_pods_call_with_the_tokens_of_their_own_service_accounts(
    tmp_path: Path,
) -> None:
    """There is no secret to steal or rotate. Tokens of other accounts and for other audiences are
    invalid."""
    with (
        Issuer("cluster") as cluster,
        tenant_stack(tmp_path, clusterIssuer=cluster.url) as (deployment, _),
    ):
        local = deployment.local
        on(deployment, 0)
        deployment.run("up")
        deployment.assert_unchanged()
        assert deployment.output("credentials") == {}
        kinds = {resource["type"] for resource in deployment.state()}
        assert (
            "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential"
            in kinds
        )
        assert not {
            kind
            for kind in kinds
            if kind.startswith("tls:")
            or "Certificate" in kind
            or "Password" in kind
        }

        job, web = credential(local, "checkout"), credential(local, "web")
        assert not [
            name for name in (*job, *web) if "SECRET" in name or "KEY" in name
        ]
        own = _mounted(local, cluster, "checkout")
        token = _token(job, own)
        assert part(token, 1)["azpacr"] == "2"
        assert (
            call(local, "GET", "orders.example.com", "/orders", token).status
            == 200
        )
        assert (
            call(local, "POST", "orders.example.com", "/orders", token).status
            == 403
        )
        of_user = _token(
            web, _mounted(local, cluster, "web"), "user-order-desk"
        )
        assert (
            call(local, "POST", "orders.example.com", "/orders", of_user).status
            == 200
        )

        account = "system:serviceaccount:default:checkout"
        for wrong in (
            _mounted(local, cluster, "web"),
            _signed(
                cluster,
                account.replace("default", "elsewhere"),
                "api://AzureADTokenExchange",
            ),
            _signed(cluster, account, "https://kubernetes.default.svc"),
        ):
            with pytest.raises(IssuerError, match="AADSTS700213"):
                _token(job, wrong)
        with (
            Issuer("cluster") as other,
            pytest.raises(IssuerError, match="AADSTS700213"),
        ):
            _token(job, _signed(other, account, "api://AzureADTokenExchange"))

        on(deployment, 200)
        deployment.assert_unchanged()
        assert (
            call(
                local, "GET", "orders.example.com", "/orders", _token(job, own)
            ).status
            == 200
        )
