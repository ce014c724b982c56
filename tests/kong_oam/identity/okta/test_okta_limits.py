"""What Okta takes at most: said before anything is made, when it comes near and when it is passed."""

from __future__ import annotations

import pytest

from kong_oam.access.model import SIGN_IN_SCOPES, Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.state import Held
from kong_oam.identity.common.looked_up import LookedUp
from kong_oam.identity.okta import limits as of_okta
from kong_oam.identity.okta.limits import limits
from kong_oam.identity.okta.preflight import inspect
from sandbox.okta import Okta
from tests.support.estates import estate

SETTINGS = ProviderSettings("main", "okta", "api://tests")
NOTHING: Held = frozenset()


def _estate(
    *,
    groups: int = 1,
    scopes: tuple[str, ...] = ("read",),
    application: str = "shop",
    client: str = "web",
    kind: str = "web",
    refresh: bool = False,
    host: str = "web.example.com",
) -> Estate:
    """An API with one role, and a client with pages that holds it."""
    names = ", ".join(f"group-{number}" for number in range(groups))
    declared, listed = ", ".join(f"{scope}: Do it" for scope in scopes), ", ".join(scopes)
    return estate(f"""
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: {application}}}
spec:
  components:
    - name: api
      type: webservice
      properties: {{image: x, ports: [{{port: 80}}]}}
      traits:
        - {{type: gateway, properties: {{domain: api.example.com, http: {{/: 80}}}}}}
        - type: access
          properties:
            owner: shop
            scopes: {{{declared}}}
            rules: [{{scopes: [{scopes[0]}]}}]
            roles: {{all: {{scopes: [{listed}], groups: [{names}], components: [{application}/{client}]}}}}
    - name: {client}
      type: webservice
      properties: {{image: x, ports: [{{port: 80}}]}}
      traits:
        - {{type: gateway, properties: {{domain: {host}, http: {{/: 80}}}}}}
        - type: access
          properties: {{owner: shop, rules: [{{public: {{reason: pages}}}}]}}
        - type: client
          properties:
            kind: {kind}
            refresh: {str(refresh).lower()}
            redirectPaths: [/callback]
            calls: [{{component: {application}/api, scopes: [{listed}]}}]
""")


def _said(of: Estate, settings: ProviderSettings = SETTINGS) -> list[str]:
    return [str(found).splitlines()[0] for found in limits(settings, of)]


@pytest.mark.parametrize(("count", "said"), [(79, False), (80, True), (100, True), (101, True)])
def test_groups_that_roles_name_are_counted(count: int, said: bool) -> None:
    """A warning, since only a user who is in more than 100 of them gets no token."""
    many = f"roles of main name {count} groups, and Okta gives no token to a user who is in more than 100 of them"
    advice = "Bind roles to fewer groups, or move Applications to a stack of their own"
    assert _said(_estate(groups=count)) == ([f"warning ENV411: {many}. {advice}"] if said else [])


def _scopes(length: int) -> tuple[str, ...]:
    """Names that are so long together, with those that users sign in and stay signed in with."""
    left = length - len(" ".join(("", *SIGN_IN_SCOPES, "offline_access")))
    many, rest = divmod(left, 31)
    return (*(f"s{number}".ljust(30, "x") for number in range(many - 1)), "last".ljust(31 + rest, "y"))


@pytest.mark.parametrize(("length", "severity"), [(3276, None), (3277, "warning"), (4096, "warning"), (4097, "error")])
def test_scopes_of_a_client_that_stays_signed_in_fit_one_request(length: int, severity: str | None) -> None:
    """All together; a client without refresh tokens may have more."""
    scopes = _scopes(length)
    one = (
        f"all scopes of 'shop/web' at main are {length} characters, and Okta takes 4096 where a refresh token is asked"
    )
    message = f"{severity} ENV411: {one} for. Have it call less, or be two clients"
    said = _said(_estate(scopes=scopes, refresh=True))
    assert said == ([f"app1.yaml:25:11: {message}"] if severity else [])
    assert _said(_estate(scopes=scopes)) == []


def test_what_is_at_another_provider_does_not_count() -> None:
    """Neither its groups nor its clients."""
    of = _estate(groups=200, scopes=_scopes(5000), refresh=True, application="a" * 63, client="c" * 63)
    assert len(_said(of)) == 2
    assert _said(of, settings=ProviderSettings("other", "okta", "api://tests")) == []


def test_numbers_are_those_that_okta_publishes() -> None:
    """Each has its source beside it."""
    assert (of_okta.GROUPS, of_okta.SCOPE_CHARACTERS) == (100, 4096)


def test_previews_tell_it_with_all_else_that_stands_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kind of a provider is known: `check` asks none."""
    org = Okta(api_token="secret", groups=[f"group-{number}" for number in range(99)])
    org.start()
    try:
        for name, value in {"ORG_NAME": "acme", "API_TOKEN": "secret", "HTTP_PROXY": org.url}.items():
            monkeypatch.setenv(f"OKTA_{name}", value)
        found = list(inspect(SETTINGS, _estate(groups=100), NOTHING, Configuration(lambda _: None), LookedUp()))
    finally:
        org.stop()
    assert [(one.code, one.severity) for one in found] == [("ENV411", "warning"), ("ENV401", "error")]
