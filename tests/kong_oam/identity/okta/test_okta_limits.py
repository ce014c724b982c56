"""How many groups Okta takes at most: said before anything is made, when it comes near and when it is passed."""

from __future__ import annotations

import pytest

from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.engine.configuration import Configuration
from kong_oam.identity.okta.limits import limits
from kong_oam.identity.okta.preflight import inspect
from sandbox.okta import Okta
from tests.support.estates import api, estate

SETTINGS = ProviderSettings("main", "okta", "api://tests")


def _estate(groups: int) -> Estate:
    names = ", ".join(f"group-{number}" for number in range(groups))
    return estate(api(access=f"""
            owner: shop
            scopes: {{read: Read}}
            rules: [{{scopes: [read]}}]
            roles: {{all: {{scopes: [read], groups: [{names}]}}}}
"""))  # fmt: skip


@pytest.mark.parametrize(
    ("count", "warned"), [(79, False), (80, True), (100, True), (101, True)]
)
def test_groups_that_roles_name_are_counted(count: int, warned: bool) -> None:
    """A warning, since only a user who is in more than 100 of them gets no token. Those at another provider are none."""
    warning = f"roles of main name {count} groups, and Okta gives no token to a user in more than 100 of them"
    advice = "Bind roles to fewer groups, or move Applications to a stack of their own"
    found = [str(warning) for warning in limits(SETTINGS, _estate(count))]
    assert found == ([f"warning ENV411: {warning}. {advice}"] if warned else [])
    assert [
        *limits(
            ProviderSettings("other", "okta", "api://tests"), _estate(count)
        )
    ] == []


def test_previews_tell_it_with_all_else_that_stands_in_the_way() -> None:
    """Where the kind of a provider is known: `check` asks none."""
    with Okta(
        api_token="secret", groups=[f"group-{number}" for number in range(99)]
    ) as org:
        values = {
            "okta:orgName": "acme",
            "okta:apiToken": "secret",
            "okta:httpProxy": org.url,
        }
        found = inspect(
            SETTINGS, _estate(100), frozenset(), Configuration(values.get)
        ).findings
    assert [(warning.code, warning.severity) for warning in found] == [
        ("ENV411", "warning"),
        ("ENV401", "error"),
    ]
