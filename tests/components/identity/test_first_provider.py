"""A fifth kind of identity provider, made as "Your first provider" in CONTRIBUTING says: with the code of that page."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import components.identity
import kong_oam.identity
from kong_oam.access.providers import ClaimMapping, Listing, Provider, TokenType
from kong_oam.access.settings import stack as stack_settings
from kong_oam.engine.configuration import Configuration
from kong_oam.identity import kinds
from policies.scripts import table_of
from sandbox.project import set_providers
from tests.support.documentation import CONTRIBUTING, below, blocks
from tests.support.engine.partitions import partition, stack_of
from tests.support.estates import estate
from tests.support.json_object import JsonObject
from tests.support.mocks import Registered, States, all_of, run_stack
from tests.support.partition_program import PARTITIONS, estate_at, run_all
from tests.support.provider_settings import stack

WITH_GROUPS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x, ports: [{port: 80}]}
      traits:
        - {type: gateway, properties: {domain: shop.example.com, http: {/: 80}}}
        - type: access
          properties:
            owner: shop
            scopes: {read: Read}
            rules: [{scopes: [read]}]
            roles:
              reader: {scopes: [read], groups: [sales]}
              desk: {scopes: [read], groups: [sales, desk]}
"""
"""An API whose roles name two groups, one of them twice."""

ACME = {
    "name": "corp",
    "type": "acme",
    "issuer": "https://acme.example.com",
    "audience": "api://acme",
}


@pytest.fixture(scope="module", autouse=True)
def _acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The steps of the page, in a folder beside the other kinds' folders."""
    folder = tmp_path_factory.mktemp("acme")
    text = below(CONTRIBUTING.read_text("utf-8"), "## Your first provider")
    known, provisioned, _ = blocks(text, "python")
    with pytest.MonkeyPatch.context() as patch:
        # 1. Its description.
        (folder / "known" / "acme").mkdir(parents=True)
        (folder / "known" / "acme" / "__init__.py").touch()
        (folder / "known" / "acme" / "kind.py").write_text(known, "utf-8")
        _add(patch, kong_oam.identity, folder / "known")
        # 2. Its registration.
        from kong_oam.identity.acme.kind import (  # type: ignore[import-not-found]
            ACME as KIND,
        )

        patch.setattr(kinds, "KINDS", (*kinds.KINDS, KIND))
        providers = stack_settings._schema()["properties"]["identityProviders"]
        patch.setitem(
            providers["items"]["properties"]["type"], "enum", ["acme", "okta"]
        )
        stack_settings._validator.cache_clear()
        # 3. Its resources.
        (folder / "provisioned").mkdir()
        (folder / "provisioned" / "acme.py").write_text(provisioned, "utf-8")
        _add(patch, components.identity, folder / "provisioned")
        yield
    stack_settings._validator.cache_clear()
    for name in [name for name in sys.modules if ".identity.acme" in name]:
        del sys.modules[name]


def _add(patch: pytest.MonkeyPatch, package: Any, folder: Path) -> None:
    """Has the modules in a folder be found in a package."""
    patch.setattr(package, "__path__", [*package.__path__, str(folder)])


def test_it_is_described_as_its_settings_and_its_tokens_say() -> None:
    assert stack(ACME).stack.providers == {
        "corp": Provider(
            "corp",
            "api://acme",
            ClaimMapping(
                client="app",
                user="person",
                scopes=Listing("scope", "words"),
                service_scopes=Listing("scope", "words"),
                groups="teams",
                marks=(TokenType("use", "access"),),
            ),
            issuer="https://acme.example.com",
        )
    }


@pytest.mark.parametrize(
    ("groups", "findings"),
    [
        ({"desk": "order-desk"}, []),
        (
            {},
            [
                "app1.yaml:19:54: error ENV401: role 'desk': group 'desk' of corp does not exist. Create it there, or "
                "map 'desk' under identityProviders[].groups in stacks/Pulumi.tests.yaml"
            ],
        ),
    ],
)
def test_it_is_inspected_before_anything_is_made(
    groups: dict[str, str], findings: list[str]
) -> None:
    """Groups that roles name are looked up; a missing group is reported at the role that names it."""
    settings = stack({**ACME, "groups": groups})
    inspection = kinds.inspect(
        settings.providers[0],
        estate(WITH_GROUPS, stack=settings.stack),
        frozenset(),
        {},
        Configuration(lambda _: None),
    )
    assert inspection.groups == {"sales": "team-1", "order-desk": "team-2"}
    assert [
        str(finding).splitlines()[0] for finding in inspection.findings
    ] == findings


@dataclass(frozen=True, slots=True)
class Deployed:
    """The registered resources of the sample estate, and the stacks' outputs: of one stack, and of
    a base with two partitions."""

    whole: list[Registered]
    outputs: JsonObject
    base: JsonObject


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with estate_at("oidc", tmp_path_factory.mktemp("project")) as folder:
        set_providers(folder, [ACME])
        states: States = {}
        whole = run_stack(stack_of(None), states)
        outputs = _outputs(states)
        partition(folder, PARTITIONS)
        in_parts: States = {}
        run_all(in_parts)
        yield Deployed(whole, outputs, _outputs(in_parts))


def _outputs(states: States) -> JsonObject:
    """The outputs of the whole estate's stack, or of its base."""
    return next(
        resource["outputs"]
        for urn, resource in states[stack_of(None)].items()
        if "pulumi:pulumi:Stack" in urn
    )


def test_its_clients_are_made_under_their_components(
    deployed: Deployed,
) -> None:
    apps = all_of(deployed.whole, "acme:index:App")
    assert {
        app.name: (app.parent, app.inputs["scopes"]) for app in apps.values()
    } == {
        "corp-app-desk/bot": ("desk/bot", ["tickets.read", "tickets.use"]),
        "corp-app-shop/web": ("shop/web", ["orders.read", "orders.write"]),
        "corp-app-shop/checkout": ("shop/checkout", ["orders.read"]),
        "corp-app-reports/console": (
            "reports/console",
            ["reports.publish", "reports.read"],
        ),
        "corp-app-reports/renderer": (
            "reports/renderer",
            ["reports.audit", "reports.read"],
        ),
    }


def test_the_gateway_knows_its_tokens(deployed: Deployed) -> None:
    """By the spelling that the kind says, and by the keys that its issuer publishes."""
    plugins = all_of(deployed.whole, "kong:index/plugin:Plugin")
    admission = plugins["orders/api-8080-admission"]
    table = table_of(json.loads(admission.inputs["configJson"]))
    assert table is not None
    assert (table["issuer"], table["audiences"]) == (
        "https://acme.example.com",
        ["api://acme"],
    )
    assert table["services"] == {
        "id of corp-app-shop/checkout": ["orders.read"]
    }
    assert table["spelling"]["user"] == "person"
    keys = all_of(deployed.whole, "kong:index/consumerJwtAuth:ConsumerJwtAuth")
    assert keys["gateway-ring-corp-slot-0"].inputs["key"] == "key1"


def test_it_is_exported(deployed: Deployed) -> None:
    """For the next run and the commands, and from the base of an estate to its partitions."""
    assert deployed.outputs["issuers"] == {"corp": "https://acme.example.com"}
    assert deployed.outputs["clients"] == {
        "corp": {
            "desk/bot": "id of corp-app-desk/bot",
            "shop/web": "id of corp-app-shop/web",
            "shop/checkout": "id of corp-app-shop/checkout",
            "reports/console": "id of corp-app-reports/console",
            "reports/renderer": "id of corp-app-reports/renderer",
        }
    }
    assert deployed.base["base"]["providers"] == {
        "corp": {
            "issuer": "https://acme.example.com",
            "tokenEndpoint": "https://acme.example.com/v1/token",
            "authorizationEndpoint": "",
        }
    }
