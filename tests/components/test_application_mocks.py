"""The whole program under Pulumi's mocks: what it registers for the sample estate."""

from __future__ import annotations

import re

import pytest

from kong_oam.engine.state import RING
from tests.support.mocks import Registered, all_of, clear, program
from tests.support.verified_gateway import Deployment, sample


@pytest.fixture(scope="module")
def registered() -> list[Registered]:
    return program()


def test_every_service_leads_nowhere(registered: list[Registered]) -> None:
    """To an Upstream to which nothing ever gives a Target; so nothing has to settle to be safe."""
    services = all_of(registered, "kong:index/service:Service")
    (nowhere,) = all_of(registered, "kong:index/upstream:Upstream").values()
    assert services
    for service in services.values():
        assert service.made_of["host"] == {nowhere.name}
        assert (
            service.inputs["host"]
            == nowhere.inputs["name"]
            == "kong-oam.local.nowhere"
        )
        assert service.inputs["port"] == 1
    assert not {resource.type for resource in registered} & {
        "kong:index/target:Target",
        "time:index/sleep:Sleep",
    }


def test_every_input_of_services_and_routes_is_judged(
    registered: list[Registered],
) -> None:
    """`verify` compares all that the program sets, with the same values."""
    settings, estate = sample()
    expected = Deployment.of(settings, estate).meant
    for token, entities in (
        ("service:Service", expected.services),
        ("route:Route", expected.routes),
    ):
        wanted = {entity["name"]: entity for entity in entities}
        found = all_of(registered, f"kong:index/{token}").values()
        assert {resource.inputs["name"] for resource in found} == wanted.keys()
        for resource in found:
            inputs = {
                re.sub("([A-Z])", r"_\1", name).lower(): value
                for name, value in resource.inputs.items()
            }
            inputs.pop("service_id", None)
            entity = wanted[inputs["name"]]
            assert inputs == {name: entity[name] for name in inputs}


def test_what_closes_comes_before_the_workload_and_what_opens_after_it(
    registered: list[Registered],
) -> None:
    """Admission, then the Deployment, then the gate: each waits for the resource before it in the
    same component."""
    plugins = all_of(registered, "kong:index/plugin:Plugin")
    deployments = all_of(registered, "kubernetes:apps/v1:Deployment")
    ports = [
        name.removesuffix("-gate") for name in plugins if name.endswith("-gate")
    ]
    assert ports
    for port in ports:
        deployment = f"{port.rpartition('-')[0]}-deployment"
        assert f"{port}-admission" in deployments[deployment].after
        assert deployment in plugins[f"{port}-gate"].after
        assert not any(
            "kubernetes" in urn for urn in plugins[f"{port}-admission"].after
        )


def test_every_route_waits_for_what_guards_it(
    registered: list[Registered],
) -> None:
    """An unfinished service answers 404, and each route points to a service."""
    routes = all_of(registered, "kong:index/route:Route")
    assert routes
    for route in routes.values():
        (service,) = route.made_of["serviceId"]
        port = service.removesuffix("-service")
        assert route.after == {
            service,
            *(f"{port}-{role}" for role in ("admission", "jwt", "gate")),
        }
        assert route.inputs["serviceId"] == f"id of {service}"
        assert service in all_of(registered, "kong:index/service:Service")


def test_every_plugin_is_on_a_service(registered: list[Registered]) -> None:
    """No plugin is global, or of a route or a consumer. Strict matching is against the whole configuration."""
    plugins = all_of(registered, "kong:index/plugin:Plugin")
    assert len(plugins) == 3 * len(
        all_of(registered, "kong:index/service:Service")
    )
    for plugin in plugins.values():
        assert "serviceId" in plugin.inputs, plugin.name
        assert not {"routeId", "consumerId"} & set(plugin.inputs)
        assert plugin.inputs["strictMatch"] is True


def test_secrets_are_marked(registered: list[Registered]) -> None:
    """Both accounts' tokens, the data of each client's Secret, and values that Okta and Kong would
    show in plain text."""
    (kong,) = all_of(registered, "pulumi:providers:kong").values()
    assert (
        kong.inputs["kongAdminToken"] == "the admin token"
        and "kongAdminToken" in kong.secret
    )
    (okta,) = all_of(registered, "pulumi:providers:okta").values()
    assert (
        okta.inputs["apiToken"] == "the API token" and "apiToken" in okta.secret
    )
    secrets = all_of(registered, "kubernetes:core/v1:Secret")
    apps = all_of(registered, "okta:app/oAuth:OAuth")
    assert len(secrets) == len(apps) > 0
    for secret in secrets.values():
        assert "data" in secret.secret and "stringData" not in secret.inputs
    for app in apps.values():
        assert "clientSecret" in app.secret_outputs
    for key in all_of(registered, "tls:index/privateKey:PrivateKey").values():
        assert {
            "privateKeyPem",
            "privateKeyPemPkcs8",
            "privateKeyOpenssh",
        } == key.secret_outputs
    for credential in all_of(
        registered, "kong:index/consumerJwtAuth:ConsumerJwtAuth"
    ).values():
        assert (
            "secret" in credential.secret
            and "secret" in credential.secret_outputs
        )


def test_names_and_tags_in_kong_tell_stack_and_component(
    registered: list[Registered],
) -> None:
    """Services and routes are named by stack, application, component and port; everything is tagged with the stack."""
    services = {
        service.inputs["name"]
        for service in all_of(registered, "kong:index/service:Service").values()
    }
    assert services == {
        "kong-oam.local.desk.mcp.8000",
        "kong-oam.local.hello.hello-world.8000",
        "kong-oam.local.orders.api.8080",
        "kong-oam.local.reports.console.4000",
        "kong-oam.local.reports.library.8000",
        "kong-oam.local.shop.web.3000",
    }
    routes = {
        route.inputs["name"]
        for route in all_of(registered, "kong:index/route:Route").values()
    }
    assert {route for route in routes if ".orders." in route} == {
        "kong-oam.local.orders.api.8080.protected-1"
    }
    consumers = {
        consumer.inputs["username"]
        for consumer in all_of(
            registered, "kong:index/consumer:Consumer"
        ).values()
    }
    assert consumers == {"kong-oam.local.anonymous", "kong-oam.local.ring.okta"}
    # By this name the next run finds the issuer whose tokens count until now.
    assert f"{RING}okta" in all_of(registered, "kong:index/consumer:Consumer")
    gate = all_of(registered, "kong:index/plugin:Plugin")[
        "orders/api-8080-gate"
    ]
    assert gate.inputs["tags"] == [
        "kong-oam",
        "kong-oam-stack:local",
        "kong-oam-component:orders.api",
    ]
    for resource in registered:
        if resource.type.startswith("kong:"):
            assert resource.inputs["tags"][:2] == [
                "kong-oam",
                "kong-oam-stack:local",
            ], resource.name


def test_the_pods_use_the_secret_that_the_app_is_in(
    registered: list[Registered],
) -> None:
    """The pods come after the Secret that they read, which has the app's values."""
    secret = all_of(registered, "kubernetes:core/v1:Secret")[
        "shop/checkout-client"
    ]
    assert secret.made_of["data"] == {
        "okta-app-shop/checkout",
        "okta-server",
        "okta-key-shop/checkout-a",
    }
    assert (
        clear(secret)["OAUTH_PRIVATE_KEY"]
        == "private half of okta-key-shop/checkout-a"
    )
    assert clear(secret)["OAUTH_KEY_ALGORITHM"] == "RS256"
    assert "OAUTH_CLIENT_SECRET" not in clear(secret)
    deployment = all_of(registered, "kubernetes:apps/v1:Deployment")[
        "shop/checkout-deployment"
    ]
    pods = deployment.inputs["spec"]["template"]["spec"]
    account = all_of(registered, "kubernetes:core/v1:ServiceAccount")[
        "shop/checkout-account"
    ]
    assert pods["containers"][0]["envFrom"] == [
        {"secretRef": {"name": secret.inputs["metadata"]["name"]}}
    ]
    assert pods["serviceAccountName"] == account.inputs["metadata"]["name"]
    assert {"shop/checkout-client", "shop/checkout-account"} <= deployment.after
    # They depend on no output: the engine would delete the pods before an app that is deleted
    # before its replacement.
    assert deployment.made_of["spec"] == frozenset()
