"""The whole program with Pulumi's mocks: what it registers, without an engine, plugins or products.

Only what looks at the products first is answered: by the Kong stand-in, whose plugin schemas the program needs, and by
the Okta stand-in, which has the groups that roles name.
"""

from __future__ import annotations

import base64
import json
import runpy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pulumi.runtime import mocks, rpc, set_all_config, set_mocks

from kong_oam.engine.state import RING
from kong_oam.identity.common.discovery import Published, SigningKey
from kong_oam.identity.okta.signing_keys import Listed
from sandbox.kong import Kong
from sandbox.okta import Okta

ROOT = Path(__file__).parents[2]
KEY = SigningKey("key1", "RS256", "the public key")
_PAIR = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_KEYS = {
    kind: key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for kind, key in (("RSA", _PAIR.public_key()), ("ECDSA", ec.generate_private_key(ec.SECP256R1()).public_key()))
}
PRIVATE_KEY = _PAIR.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
"""Of every key pair for which a certificate is made; the others have a text that says whose they are."""


@dataclass(frozen=True, slots=True)
class Registered:
    """One registration as the SDK sent it. `inputs` are plain; `secret` names the inputs that are marked secret."""

    type: str
    name: str
    inputs: dict[str, Any]
    secret: frozenset[str]
    after: frozenset[str]
    made_of: dict[str, frozenset[str]]
    secret_outputs: frozenset[str]


class _Answers(pulumi.runtime.Mocks):
    """Ids are `id of NAME`; outputs are the inputs, and what a product would add that the program reads."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        known: dict[str, dict[str, Any]] = {
            "okta:auth/server:Server": {"issuer": "https://okta.example.com/oauth2/aus1", "kid": "key1"},
            "keycloak:openid/client:Client": {"clientSecret": f"secret of {args.name}"},
            "okta:app/oAuth:OAuth": {"clientSecret": f"secret of {args.name}"},
            "azuread:index/application:Application": {
                "clientId": f"client {args.name}",
                "objectId": f"object {args.name}",
            },
            "azuread:index/servicePrincipal:ServicePrincipal": {"objectId": f"object {args.name}"},
            "azuread:index/applicationPassword:ApplicationPassword": {"value": f"secret of {args.name}"},
            "tls:index/privateKey:PrivateKey": {
                "publicKeyPem": PUBLIC_KEYS.get(args.inputs.get("algorithm", "")),
                "privateKeyPemPkcs8": PRIVATE_KEY if "entra" in args.name else f"private half of {args.name}",
            },
        }
        return f"id of {args.name}", {**args.inputs, **known.get(args.typ, {})}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        if args.token == "pulumi:pulumi:readStackResourceOutputs":  # the state, which is empty
            return {"outputs": {}}, []
        named = (
            args.args.get("name")
            or args.args.get("groupPath")
            or args.args.get("displayName")
            or args.args.get("clientId")
        )
        return {"id": f"id of {named}", "objectId": f"object {named}", **args.args}, []


class _Monitor(mocks.MockMonitor):
    """Keeps what the mocks do not see: dependencies, and which inputs are secrets."""

    def __init__(self) -> None:
        super().__init__(_Answers())
        self.registered: list[Registered] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol names it
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
        self.registered.append(
            Registered(
                type=request.type,
                name=request.name,
                inputs={key: rpc.unwrap_rpc_secret(value) for key, value in inputs.items()},
                secret=frozenset(key for key, value in inputs.items() if rpc.is_rpc_secret(value)),
                after=frozenset(map(_name, request.dependencies)),
                made_of={key: frozenset(map(_name, on.urns)) for key, on in request.propertyDependencies.items()},
                secret_outputs=frozenset(request.additionalSecretOutputs),
            )
        )
        return answer


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[1]


def _published(issuer: str, proxy: str | None) -> Published:
    return Published(issuer, f"{issuer}/v1/token", "", (KEY,), ())


@pulumi.runtime.test  # type: ignore[untyped-decorator]
def _program() -> None:
    """Runs the program and waits for all that it registers."""
    runpy.run_path("__main__.py", run_name="__main__")


def clear(secret: Registered) -> dict[str, str]:
    """What a Kubernetes Secret holds."""
    return {key: base64.b64decode(one).decode() for key, one in secret.inputs["data"].items()}


def run_program(
    patch: pytest.MonkeyPatch,
    providers: list[dict[str, Any]] | None = None,
    preview: bool = False,
    **gateway: str | float,
) -> list[Registered]:
    """All that the program registers for the sample estate on the stack `local`; `gateway` are settings of its own, and
    `providers` identity providers in place of its own. In a first preview unknown is what `_Answers` does not say."""
    file = yaml.safe_load((ROOT / "stacks/Pulumi.local.yaml").read_text("utf-8"))["config"]
    file["kong-oam:gateway"] |= gateway
    file["kong-oam:identityProviders"] = providers or file["kong-oam:identityProviders"]
    config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in file.items()}
    monitor = _Monitor()
    patch.chdir(ROOT)
    patch.setenv("KONG_ADMIN_TOKEN", "the admin token")
    patch.setenv("OKTA_API_TOKEN", "the API token")
    patch.setenv("OKTA_ORG_NAME", "sandbox")
    patch.setattr("components.identity.issuer.discover", _published)
    patch.setattr("kong_oam.identity.okta.signing_keys.listed", lambda *_: Listed((KEY,), ()))
    set_all_config(config)
    set_mocks(_Answers(), "kong-oam", "local", preview=preview, monitor=monitor, organization="organization")
    with Okta(api_token="the API token", groups=("sales", "order-desk")) as okta:
        patch.setenv("OKTA_HTTP_PROXY", okta.url)
        _program()
    return monitor.registered


@pytest.fixture(scope="module")
def registered() -> Iterator[list[Registered]]:
    """With the Kong stand-in as the gateway whose plugin schemas the program reads."""
    with Kong() as kong, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        yield run_program(patch)


def all_of(registered: list[Registered], kind: str) -> dict[str, Registered]:
    found = {one.name: one for one in registered if one.type == kind}
    assert found, f"the program registered no {kind}"
    return found


def test_every_service_leads_nowhere(registered: list[Registered]) -> None:
    """To an Upstream to which nothing ever gives a Target; so nothing has to settle to be safe."""
    services = all_of(registered, "kong:index/service:Service")
    (nowhere,) = all_of(registered, "kong:index/upstream:Upstream").values()
    assert len(services) == 5
    for service in services.values():
        assert service.made_of["host"] == {nowhere.name}
        assert service.inputs["host"] == nowhere.inputs["name"] == "kong-oam.local.nowhere"
        assert service.inputs["port"] == 1
    assert not {one.type for one in registered} & {"kong:index/target:Target", "time:index/sleep:Sleep"}


def test_what_closes_comes_before_the_workload_and_what_opens_after_it(registered: list[Registered]) -> None:
    """Admission, then the Deployment, then the gate: each waits for the one before, of its own component."""
    plugins = all_of(registered, "kong:index/plugin:Plugin")
    deployments = all_of(registered, "kubernetes:apps/v1:Deployment")
    ports = [name.removesuffix("-gate") for name in plugins if name.endswith("-gate")]
    assert len(ports) == 5
    for port in ports:
        deployment = f"{port.rpartition('-')[0]}-deployment"
        assert f"{port}-admission" in deployments[deployment].after
        assert deployment in plugins[f"{port}-gate"].after
        assert not any("kubernetes" in urn for urn in plugins[f"{port}-admission"].after)


def test_every_route_waits_for_what_guards_it(registered: list[Registered]) -> None:
    """What is not there yet is not found (404), and each route leads to a service."""
    routes = all_of(registered, "kong:index/route:Route")
    assert len(routes) == 5
    for route in routes.values():
        (service,) = route.made_of["serviceId"]
        port = service.removesuffix("-service")
        assert route.after == {service, *(f"{port}-{role}" for role in ("admission", "jwt", "gate"))}
        assert route.inputs["serviceId"] == f"id of {service}"
        assert service in all_of(registered, "kong:index/service:Service")


def test_every_plugin_is_on_a_service(registered: list[Registered]) -> None:
    """None is global, of a route or of a consumer; and strict matching is against the whole configuration."""
    plugins = all_of(registered, "kong:index/plugin:Plugin")
    assert len(plugins) == 15
    for plugin in plugins.values():
        assert "serviceId" in plugin.inputs, plugin.name
        assert not {"routeId", "consumerId"} & set(plugin.inputs)
        assert plugin.inputs["strictMatch"] is True


def test_secrets_are_marked(registered: list[Registered]) -> None:
    """Both accounts' tokens, the data of each client's Secret, and what Okta and Kong would answer in clear."""
    (kong,) = all_of(registered, "pulumi:providers:kong").values()
    assert kong.inputs["kongAdminToken"] == "the admin token" and "kongAdminToken" in kong.secret
    (okta,) = all_of(registered, "pulumi:providers:okta").values()
    assert okta.inputs["apiToken"] == "the API token" and "apiToken" in okta.secret
    secrets = all_of(registered, "kubernetes:core/v1:Secret")
    assert len(secrets) == 4
    for secret in secrets.values():
        assert "data" in secret.secret and "stringData" not in secret.inputs
    for app in all_of(registered, "okta:app/oAuth:OAuth").values():
        assert "clientSecret" in app.secret_outputs
    for key in all_of(registered, "tls:index/privateKey:PrivateKey").values():
        assert {"privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"} == key.secret_outputs
    for credential in all_of(registered, "kong:index/consumerJwtAuth:ConsumerJwtAuth").values():
        assert "secret" in credential.secret and "secret" in credential.secret_outputs


def test_names_and_tags_in_kong_tell_stack_and_component(registered: list[Registered]) -> None:
    """Services and routes are named by stack, application, component and port; everything is tagged with the stack."""
    services = {one.inputs["name"] for one in all_of(registered, "kong:index/service:Service").values()}
    assert services == {
        "kong-oam.local.hello.hello-world.8000",
        "kong-oam.local.orders.api.8080",
        "kong-oam.local.reports.console.4000",
        "kong-oam.local.reports.library.8000",
        "kong-oam.local.shop.web.3000",
    }
    routes = {one.inputs["name"] for one in all_of(registered, "kong:index/route:Route").values()}
    assert {one for one in routes if ".orders." in one} == {"kong-oam.local.orders.api.8080.protected-1"}
    consumers = {one.inputs["username"] for one in all_of(registered, "kong:index/consumer:Consumer").values()}
    assert consumers == {"kong-oam.local.anonymous", "kong-oam.local.ring.okta"}
    # By this name the next run finds the issuer whose tokens count until now.
    assert f"{RING}okta" in all_of(registered, "kong:index/consumer:Consumer")
    gate = all_of(registered, "kong:index/plugin:Plugin")["orders/api-8080-gate"]
    assert gate.inputs["tags"] == ["kong-oam", "kong-oam-stack:local", "kong-oam-component:orders.api"]
    for one in registered:
        if one.type.startswith("kong:"):
            assert one.inputs["tags"][:2] == ["kong-oam", "kong-oam-stack:local"], one.name


def test_the_pods_use_the_secret_that_the_app_is_in(registered: list[Registered]) -> None:
    """Deployment, Secret and app of one client hang together by what the resources are, not by a name typed twice."""
    secret = all_of(registered, "kubernetes:core/v1:Secret")["shop/checkout-client"]
    assert secret.made_of["data"] == {"okta-app-shop/checkout", "okta-server", "okta-key-shop/checkout-a"}
    assert clear(secret)["OAUTH_PRIVATE_KEY"] == "private half of okta-key-shop/checkout-a"
    assert clear(secret)["OAUTH_KEY_ALGORITHM"] == "RS256"
    assert "OAUTH_CLIENT_SECRET" not in clear(secret)
    deployment = all_of(registered, "kubernetes:apps/v1:Deployment")["shop/checkout-deployment"]
    # Of nothing else: the engine would delete the pods before an app that is deleted before it is replaced.
    assert deployment.made_of["spec"] == {"shop/checkout-client", "shop/checkout-account"}
