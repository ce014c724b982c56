"""Addresses in messages: no part that may be a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kong_oam.access.settings.stack import read_file
from kong_oam.access.settings.values import StackError
from kong_oam.engine.configuration import Configuration
from kong_oam.http.addresses import without_secrets
from kong_oam.identity.common.discovery import DiscoveryError, discover
from kong_oam.kong.account import Account as KongAccount
from kong_oam.kong.account import AccountError, account
from kong_oam.kong.admin import AdminApi, AdminError
from kong_oam.kong.forward import ForwardError, target
from tests.support.repository import ROOT

WITH_PASSWORD = (
    "http://admin:S3cret@127.0.0.1:9",
    "http://127.0.0.1:9/?apikey=S3cret",
    "http://127.0.0.1:9/#S3cret",
    "http://admin:S3cret/or-so@127.0.0.1:9",
    "http://admin:8/S3cret@127.0.0.1:9",
    "http://admin:8?S3cret@127.0.0.1:9",
    "http://[S3cret",
    "admin:S3cret@127.0.0.1:9",
    "S3cret",
)


@pytest.mark.parametrize("url", WITH_PASSWORD)
def test_no_credential_is_shown(url: str) -> None:
    assert "S3cret" not in without_secrets(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://Kong.test:8444/",
        "http://[::1]:8001",
        "https://idp.test/realms/shop",
    ],
)
def test_an_address_without_secrets_is_shown_unchanged(url: str) -> None:
    assert without_secrets(url) == url
    assert (
        without_secrets(
            url.replace("://", "://admin:S3cret@") + "?token=S3cret#S3cret"
        )
        == url
    )


@pytest.mark.parametrize(
    "url", [*WITH_PASSWORD, "http://kong:S3cret", "http://:9"]
)
def test_an_address_of_kong_with_credentials_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the server, but not the credentials."""
    monkeypatch.setenv("KONG_ADMIN_ADDR", url)
    with pytest.raises(
        AccountError,
        match=r"KONG_ADMIN_ADDR, is not .* KONG_ADMIN_TOKEN and KONG_API_KEY",
    ) as found:
        account(
            read_file(ROOT / "stacks/Pulumi.local.yaml"), Configuration({}.get)
        )
    assert "S3cret" not in str(found.value)


@pytest.mark.parametrize("url", WITH_PASSWORD)
def test_a_stack_with_such_an_address_is_refused(
    url: str, tmp_path: Path
) -> None:
    file = tmp_path / "Pulumi.local.yaml"
    settings = yaml.safe_load(
        (ROOT / "stacks/Pulumi.local.yaml").read_text("utf-8")
    )
    settings["config"]["kong-oam:gateway"]["adminUrl"] = url
    file.write_text(yaml.safe_dump(settings), "utf-8")
    with pytest.raises(
        (StackError, AccountError), match="KONG_ADMIN_TOKEN"
    ) as found:
        account(read_file(file), Configuration({}.get))
    assert "S3cret" not in str(found.value)


@pytest.mark.parametrize("url", WITH_PASSWORD[:2])
def test_no_message_has_more_of_an_address_than_may_be_read(url: str) -> None:
    """This holds for every product."""
    with (
        AdminApi(KongAccount(url)) as admin,
        pytest.raises(AdminError) as of_kong,
    ):
        admin.get("/")
    with pytest.raises(DiscoveryError) as of_an_issuer:
        discover(url)
    with pytest.raises(ForwardError) as of_a_target:
        target(url, "", "", None)
    messages = [
        str(found.value) for found in (of_kong, of_an_issuer, of_a_target)
    ]
    assert all(
        "127.0.0.1:9" in message and "S3cret" not in message
        for message in messages
    ), messages
