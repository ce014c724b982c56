"""The sample estate in separate namespaces, as the program finds it under Pulumi's mocks, and its
stacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from sandbox.entra import Entra
from sandbox.kong import Kong
from sandbox.okta import Okta
from sandbox.project import project, set_providers
from tests.support.engine.partitions import position, stack_of
from tests.support.json_object import JsonObject
from tests.support.mocks import Registered, States, answer, run_stack
from tests.support.provider_settings import KEYCLOAK, uninspected

PLACES = {name: name for name in ("orders", "shop", "reports")}
PARTITIONS = {"shops": ["shop"], "apis": ["orders"], "rest": ["*"]}
OIDC = {
    "name": "sso",
    "type": "oidc",
    "issuer": "https://sso.example.com",
    "tokens": {
        "user": "sid",
        "accessToken": {"claim": "token_use", "value": "access"},
    },
    "clients": {
        "shop/checkout": {
            "id": "checkout-1",
            "secret": {"name": "checkout", "key": "secret"},
        },
        "shop/web": {"id": "web-1", "secret": {"name": "web", "key": "secret"}},
        "reports/renderer": {
            "id": "renderer-1",
            "secret": {"name": "renderer", "key": "secret"},
        },
        "reports/console": {"id": "console-1"},
        "desk/bot": {"id": "bot-1", "secret": {"name": "bot", "key": "secret"}},
    },
}


@contextmanager
def estate_at(kind: str, folder: Path) -> Iterator[Path]:
    """Yield the project with the estate, still in one stack, with a kind of provider; it is the
    working directory."""
    project(folder)
    position(folder, PLACES)
    with ExitStack() as opened:
        patch = opened.enter_context(pytest.MonkeyPatch.context())
        answer(patch)
        patch.chdir(folder)
        patch.setenv("KONG_ADMIN_ADDR", opened.enter_context(Kong()).admin_url)
        okta = opened.enter_context(
            Okta(api_token="the API token", groups=("sales", "order-desk"))
        )
        patch.setenv("OKTA_HTTP_PROXY", okta.url)
        set_providers(folder, [_provider(kind, opened, patch)])
        yield folder


def run_all(states: States) -> dict[str | None, list[Registered]]:
    """Return the program's registrations on the base and on each partition. Partitions run twice:
    called APIs know the ids of their clients only after the clients' own stacks have run."""
    first = {
        name: run_stack(stack_of(name), states) for name in (None, *PARTITIONS)
    }
    return first | {
        name: run_stack(stack_of(name), states) for name in PARTITIONS
    }


def _provider(
    kind: str, opened: ExitStack, patch: pytest.MonkeyPatch
) -> JsonObject:
    if kind == "entra":
        entra = opened.enter_context(Entra(groups=("sales", "order-desk")))
        for name, value in entra.environment.items():
            patch.setenv(name, value)
        return {
            "name": "entra",
            "type": "entra",
            "issuer": entra.issuer,
            "accessTokenMinutes": 90,
        }
    if kind == "keycloak":
        patch.setenv("KEYCLOAK_CLIENT_ID", "kong-oam")
        patch.setenv("KEYCLOAK_CLIENT_SECRET", "the account's secret")
        uninspected(patch, kind)  # no realm exists
    return {
        "okta": {"name": "okta", "type": "okta"},
        "keycloak": KEYCLOAK,
        "oidc": OIDC,
    }[kind]
