"""Manual changes of a gateway with the sample estate, each with its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kong_oam.kong.table import VERSION, address
from kong_oam.verify.scripts import script_of
from sandbox.kong.pem import self_signed
from tests.support.json_object import JsonObject
from tests.support.verified_gateway import ISSUER, Hands

CERTIFICATE = "0af5ad7a-0000-4000-8000-000000000002"

ORDERS = "kong-oam.local.orders.api.8080"
LIBRARY = "kong-oam.local.reports.library.8000"
HELLO = "kong-oam.local.hello.hello-world.8000"
ROUTE = f"{ORDERS}.protected-1"
RING = "kong-oam.local.ring.okta"
NOBODY = "kong-oam.local.anonymous"
NO_POSITION = "kong-oam.local.nowhere"

ROLE = '"sales": ["orders.read"]'
AUDIENCES = '"audiences": ["api://kong-oam/local"]'
SERVICES = '"services": {'
ON_BEHALF = '"on_behalf": {'
CHECKOUT = '"id of shop/checkout"'

ANYBODY = "anybody, without a token"
OTHER = "anybody with another token of okta (an ID token, another API's)"
READERS = "shop/checkout, shop/web for users in order-desk, shop/web for users in sales"
WRITERS = "shop/web for users in order-desk"

MEANT = [
    f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
    f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    f"  {ANYBODY} | GET,HEAD | http://orders.example.com/orders/health",
]
"""The report's lines for all callers with grants on this API."""
EVERYWHERE = "plugin pre-function of everything (global)"
EVERYBODY = [
    f"  {ANYBODY} | * | http://console-reports.sandbox.example.com/ http://shop.example.com/",
    "  reports/renderer, shop/checkout, reports/console for users in order-desk, reports/console for users in sales, shop/web for users in order-desk, shop/web for users in sales | * | http://hello.example.com/",
    f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
    f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    f"  {ANYBODY} | GET,HEAD | http://orders.example.com/orders/health http://reports.example.com/docs http://reports.example.com/reports/published",
    "  reports/renderer | GET,HEAD | http://reports.example.com/docs/internal",
    "  reports/renderer, reports/console for users in order-desk, reports/console for users in sales | GET,HEAD | http://reports.example.com/reports",
    "  reports/console for users in order-desk | PUT,DELETE | http://reports.example.com/reports",
    "  reports/console for users in order-desk | GET,HEAD | http://reports.example.com/reports/published/drafts",
]
"""The report's lines for all callers with grants on any API."""
NOBODY_KNOWS = [
    f"  {ANYBODY} | * | http://hello.example.com/ http://orders.example.com/orders http://reports.example.com/docs/internal http://reports.example.com/reports http://reports.example.com/reports/published/drafts",
    f"  {ANYBODY} | POST,PUT,PATCH,DELETE,OPTIONS | http://orders.example.com/orders/health http://reports.example.com/docs http://reports.example.com/reports/published",
]
"""The report's lines for requests that an unknown script may allow to any caller."""
BY_TOKEN = [
    f"  reports/renderer, shop/checkout, reports/console for users in order-desk, reports/console for users in sales, {WRITERS}, shop/web for users in sales | * | http://hello.example.com/",
    f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
    f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    "  reports/renderer | GET,HEAD | http://reports.example.com/docs/internal",
    "  reports/renderer, reports/console for users in order-desk, reports/console for users in sales | GET,HEAD | http://reports.example.com/reports",
    "  reports/console for users in order-desk | PUT,DELETE | http://reports.example.com/reports",
    "  reports/console for users in order-desk | GET,HEAD | http://reports.example.com/reports/published/drafts",
]
"""The report's lines for requests on the estate's hosts that any caller with a token may make."""
Drift = Callable[[Hands, str], None]
"""Make the change; the text is the public key in PEM."""


def _jwt_of(service: str, **config: Any) -> Drift:
    def change(hands: Hands, _: str) -> None:
        plugin = hands.find("plugins", name="jwt", service=service)
        hands.change("plugins", plugin, config={**plugin["config"], **config})

    return change


def _jwt(**config: Any) -> Drift:
    return _jwt_of(ORDERS, **config)


def _removed(name: str) -> Drift:
    return lambda hands, _: hands.remove(
        "plugins", hands.find("plugins", name=name, service=ORDERS)
    )


def _disabled(name: str) -> Drift:
    return lambda hands, _: hands.change(
        "plugins",
        hands.find("plugins", name=name, service=ORDERS),
        enabled=False,
    )


def a_gate_for_tcp_only(hands: Hands, _: str) -> None:
    hands.change(
        "plugins",
        hands.find("plugins", name="post-function", service=ORDERS),
        protocols=["tcp"],
    )


def _answers(service: str, *scripts: str) -> Drift:
    def change(hands: Hands, _: str) -> None:
        plugin = hands.find("plugins", name="pre-function", service=service)
        hands.change(
            "plugins",
            plugin,
            config={**plugin["config"], "header_filter": list(scripts)},
        )

    return change


def a_changed_script(hands: Hands, _: str) -> None:
    plugin = hands.find("plugins", name="post-function", service=ORDERS)
    script = plugin["config"]["access"][0].replace("return 403", "return 200")
    hands.change(
        "plugins", plugin, config={**plugin["config"], "access": [script]}
    )


def a_script_after_the_gate(hands: Hands, _: str) -> None:
    plugin = hands.find("plugins", name="pre-function", service=ORDERS)
    hands.change(
        "plugins",
        plugin,
        config={
            **plugin["config"],
            "access": [*plugin["config"]["access"], "return"],
        },
    )


def _scripts(old: str, new: str, *names: str) -> Drift:
    """Return a change of scripts on one of our services. The JSON of each plugin has the old text
    once."""
    was, now = (text.replace('"', "'") for text in (old, new))

    def change(hands: Hands, _: str) -> None:
        for name in names:
            plugin = hands.find("plugins", name=name, service=ORDERS)
            script = plugin["config"]["access"][0]
            assert script.count(was) == 1, (was, script[:2000])
            hands.change(
                "plugins",
                plugin,
                config={
                    **plugin["config"],
                    "access": [script.replace(was, now)],
                },
            )

    return change


def _tables(old: str, new: str) -> Drift:
    return _scripts(old, new, "pre-function", "post-function")


def _both(*drifts: Drift) -> Drift:
    def change(hands: Hands, pem: str) -> None:
        for drift in drifts:
            drift(hands, pem)

    return change


def _workload(hands: Hands) -> tuple[str, int]:
    script = script_of(
        hands.find("plugins", name="post-function", service=ORDERS)
    )
    assert script and script.upstream
    return script.upstream


def _gate_leads(host: str, port: int) -> Drift:
    def change(hands: Hands, pem: str) -> None:
        _scripts(
            address(*_workload(hands)), address(host, port), "post-function"
        )(hands, pem)

    return change


def an_unreadable_address(hands: Hands, pem: str) -> None:
    _scripts(address(*_workload(hands)), "{}", "post-function")(hands, pem)


def the_version_before(hands: Hands, _: str) -> None:
    """Give the services their workloads' addresses, as an earlier version did; the first `pulumi
    up` has added the gates."""
    host, port = _workload(hands)
    hands.change(
        "services", hands.find("services", name=ORDERS), host=host, port=port
    )


def the_upstream_removed(hands: Hands, _: str) -> None:
    hands.remove("upstreams", hands.find("upstreams", name=NO_POSITION))


def a_target(hands: Hands, _: str) -> None:
    host, port = _workload(hands)
    hands.make(f"/upstreams/{NO_POSITION}/targets", target=f"{host}:{port}")


def a_target_without_weight(hands: Hands, _: str) -> None:
    hands.make(
        f"/upstreams/{NO_POSITION}/targets",
        target="elsewhere.test:80",
        weight=0,
    )


def an_upstream_in_our_workloads_place(hands: Hands, _: str) -> None:
    """Kong looks for an Upstream of a name before DNS."""
    host, _port = _workload(hands)
    hands.make("/upstreams", name=host)
    hands.make(f"/upstreams/{host}/targets", target="elsewhere.test:80")


def an_empty_upstream_in_our_workloads_place(hands: Hands, _: str) -> None:
    hands.make("/upstreams", name=_workload(hands)[0])


def an_upstream_to_our_workload(hands: Hands, _: str) -> None:
    host, port = _workload(hands)
    hands.make("/upstreams", name="foreign")
    hands.make("/upstreams/foreign/targets", target=f"{host}:{port}")
    hands.make("/services", name="foreign", host="foreign")
    hands.make(
        "/services/foreign/routes",
        name="byhand",
        hosts=["by.hand"],
        paths=["/any"],
    )


def a_route_on_our_service(hands: Hands, _: str) -> None:
    hands.make(
        f"/services/{ORDERS}/routes",
        name="byhand",
        hosts=["by.hand"],
        paths=["/orders"],
        strip_path=False,
    )


def a_service_to_our_workload(hands: Hands, _: str) -> None:
    host, port = _workload(hands)
    hands.make("/services", name="foreign", host=host, port=port)
    hands.make(
        "/services/foreign/routes",
        name="byhand",
        hosts=["by.hand"],
        paths=["/any"],
    )


def a_route_that_shadows_ours(hands: Hands, _: str) -> None:
    hands.make("/services", name="foreign", host="elsewhere.test")
    own = hands.find("routes", name=ROUTE)
    fields = {
        name: own[name] for name in ("hosts", "paths", "methods", "protocols")
    }
    hands.make(
        "/services/foreign/routes",
        name="byhand",
        regex_priority=own["regex_priority"] + 50,
        **fields,
    )


def a_route_for_a_header(hands: Hands, _: str) -> None:
    hands.make("/services", name="foreign", host="elsewhere.test")
    own = hands.find("routes", name=ROUTE)
    fields = {
        name: own[name]
        for name in ("hosts", "paths", "methods", "protocols", "regex_priority")
    }
    hands.make(
        "/services/foreign/routes",
        name="byhand",
        headers={"x-canary": ["1"]},
        **fields,
    )


def a_route_for_a_method_of_its_own(hands: Hands, _: str) -> None:
    hands.make("/services", name="foreign", host="elsewhere.test")
    own = hands.find("routes", name=ROUTE)
    fields = {name: own[name] for name in ("hosts", "paths", "protocols")}
    hands.make(
        "/services/foreign/routes", name="byhand", methods=["PURGE"], **fields
    )


def a_route_for_grpc(hands: Hands, _: str) -> None:
    hands.make(
        "/services", name="foreign", host="elsewhere.test", protocol="grpc"
    )
    own = hands.find("routes", name=ROUTE)
    fields = {name: own[name] for name in ("hosts", "paths")}
    hands.make(
        "/services/foreign/routes",
        name="byhand",
        protocols=["grpc", "grpcs"],
        **fields,
    )


def _on_the_route(name: str, **config: Any) -> Drift:
    return lambda hands, _: (
        hands.make(f"/routes/{ROUTE}/plugins", name=name, config=config),
        None,
    )[1]


def a_global_gate(hands: Hands, _: str) -> None:
    hands.make("/plugins", name="post-function", config={"access": ["return"]})


def a_global_script(kind: str) -> Drift:
    """A script of phase `rewrite`, in which Kong runs global plugins for every service."""

    def drift(hands: Hands, _: str) -> None:
        hands.make(
            "/plugins", name=kind, config={"rewrite": ["return function() end"]}
        )

    return drift


def our_gate_made_global(hands: Hands, _: str) -> None:
    hands.change(
        "plugins",
        hands.find("plugins", name="post-function", service=ORDERS),
        service=None,
    )


def a_key_in_the_ring(hands: Hands, pem: str) -> None:
    hands.make(
        f"/consumers/{RING}/jwt",
        key="k9",
        algorithm="RS256",
        rsa_public_key=pem,
        secret="unused",
    )


def a_shared_secret_in_the_ring(hands: Hands, _: str) -> None:
    hands.make(
        f"/consumers/{RING}/jwt",
        key="k9",
        algorithm="HS256",
        secret="known to somebody",
    )


def a_key_of_another_consumer(hands: Hands, pem: str) -> None:
    hands.make("/consumers", username="another")
    hands.make(
        "/consumers/another/jwt",
        key="k9",
        algorithm="RS256",
        rsa_public_key=pem,
        secret="unused",
    )


def _service(**fields: Any) -> Drift:
    return lambda hands, _: hands.change(
        "services", hands.find("services", name=ORDERS), **fields
    )


def a_client_certificate_for_the_workload(hands: Hands, _: str) -> None:
    shown, key = self_signed("byhand.test")
    hands.make("/certificates", id=CERTIFICATE, cert=shown, key=key)
    _service(protocol="https", client_certificate={"id": CERTIFICATE})(
        hands, ""
    )


def _route(role: str, of: str = ORDERS, **fields: Any) -> Drift:
    return lambda hands, _: hands.change(
        "routes", hands.find("routes", name=f"{of}.{role}"), **fields
    )


def _key(**fields: Any) -> Drift:
    return lambda hands, _: hands.change(
        f"consumers/{RING}/jwt", _issuers_key(hands), **fields
    )


def _issuers_key(hands: Hands) -> JsonObject:
    """Return a key of the ring that neither fills a slot nor signs."""
    return next(
        credential
        for credential in hands.list(f"consumers/{RING}/jwt")
        if not credential["key"].startswith(f"{RING}.unused.")
    )


def a_key_moved_to_another_consumer(hands: Hands, _: str) -> None:
    hands.move(
        _issuers_key(hands), hands.make("/consumers", username="another")
    )


def a_renamed_ring(hands: Hands, _: str) -> None:
    hands.change(
        "consumers", hands.find("consumers", username=RING), username="another"
    )


def our_gate_on_a_route_alone(hands: Hands, _: str) -> None:
    plugin = hands.find("plugins", name="post-function", service=ORDERS)
    hands.change(
        "plugins",
        plugin,
        route={"id": hands.find("routes", name=ROUTE)["id"]},
        service=None,
    )


def a_gate_changed_in_every_way(hands: Hands, _: str) -> None:
    plugin = hands.find("plugins", name="post-function", service=ORDERS)
    config = {**plugin["config"], "access": ["return"]}
    hands.change(
        "plugins", plugin, enabled=False, protocols=["tcp"], config=config
    )


def an_instance_of_its_own(hands: Hands, _: str) -> None:
    plugin = hands.find("plugins", name="jwt", service=ORDERS)
    hands.change("plugins", plugin, instance_name="byhand", protocols=["grpc"])


def a_missing_route(hands: Hands, _: str) -> None:
    hands.remove("routes", hands.find("routes", name=ROUTE))


def a_retargeted_route(hands: Hands, _: str) -> None:
    other = hands.find("services", name="kong-oam.local.shop.web.3000")
    route = hands.find("routes", name=ROUTE)
    hands.change("routes", route, service={"id": other["id"]})


def another_issuer_of_the_ring(hands: Hands, _: str) -> None:
    hands.change(
        "consumers",
        hands.find("consumers", username=RING),
        custom_id="https://else.example.com",
    )


def tags(hands: Hands, _: str) -> None:
    hands.change("services", hands.find("services", name=ORDERS), tags=["mine"])
    hands.change(
        "plugins",
        hands.find("plugins", name="jwt", service=ORDERS),
        tags=["mine"],
    )
    hands.change("routes", hands.find("routes", name=ROUTE), tags=["mine"])


def others(hands: Hands, _: str) -> None:
    """Create entities of other teams in the same workspace."""
    hands.make("/services", name="foreign", host="elsewhere.test")
    hands.make(
        "/services/foreign/routes",
        name="theirs",
        hosts=["theirs.example.com"],
        paths=["/"],
    )
    hands.make(
        "/services/foreign/plugins",
        name="post-function",
        config={"access": ["return"]},
    )
    hands.make("/consumers", username="another")
    hands.make(
        "/consumers/another/jwt", key="k9", algorithm="HS256", secret="theirs"
    )


DRIFTS: dict[str, Drift] = {
    "no anonymous on jwt": _jwt(anonymous=None),
    "an anonymous where nothing is public": _jwt_of(HELLO, anonymous=NOBODY),
    "tokens from the query": _jwt(uri_param_names=["jwt"]),
    "tokens that have expired": _jwt(claims_to_verify=[]),
    "tokens in another header": _jwt(header_names=["x-token"]),
    "keys read as base64": _jwt(secret_is_base64=True),
    "tokens of a minute": _jwt(maximum_expiration=60),
    "tokens of a day": _jwt(maximum_expiration=86_400),
    "nobody taken for the ring": _jwt(anonymous=RING),
    "admission removed": _removed("pre-function"),
    "jwt removed": _removed("jwt"),
    "the gate removed": _removed("post-function"),
    "admission disabled": _disabled("pre-function"),
    "jwt disabled": _disabled("jwt"),
    "the gate disabled": _disabled("post-function"),
    "a gate that no request meets": a_gate_for_tcp_only,
    "a changed script": a_changed_script,
    "a script on answers": _answers(
        ORDERS, "kong.response.set_header('Access-Control-Allow-Origin', '*')"
    ),
    "no script on answers": _answers(LIBRARY),
    "one more script": a_script_after_the_gate,
    "a changed rule": _tables('"GET":[["orders.read"]]', '"GET":"public"'),
    "a changed rule at the gate": _scripts(
        '"GET":[["orders.read"]]', '"GET":"public"', "post-function"
    ),
    "a changed role": _tables(ROLE, '"sales": ["orders.read","orders.write"]'),
    "a changed role at admission": _scripts(
        ROLE, '"sales": ["orders.read","orders.write"]', "pre-function"
    ),
    "a role that admission does not know": _scripts(
        ROLE, '"sales": []', "pre-function"
    ),
    "another audience": _tables(AUDIENCES, '"audiences": ["api://else"]'),
    "a client that is granted something": _tables(
        SERVICES, f'{SERVICES}\n "theirs": ["orders.read"],'
    ),
    "a client that is granted something at the gate": _scripts(
        SERVICES, f'{SERVICES}\n "theirs": ["orders.read"],', "post-function"
    ),
    "clients that are granted something at one of both": _both(
        _scripts(
            SERVICES, f'{SERVICES}\n "one": ["orders.read"],', "pre-function"
        ),
        _scripts(
            SERVICES, f'{SERVICES}\n "other": ["orders.read"],', "post-function"
        ),
    ),
    "a client that is granted something for users": _tables(
        ON_BEHALF, f'{ON_BEHALF}\n "theirs": ["orders.write"],'
    ),
    "a client that is granted more": _tables(
        f'{CHECKOUT}: ["orders.read"]',
        f'{CHECKOUT}: ["orders.read","orders.write"]',
    ),
    "a client that is granted nothing": _tables(
        f'{CHECKOUT}: ["orders.read"]', f"{CHECKOUT}: []"
    ),
    "a table that nobody can read": _scripts(
        '"audiences": ', '"audiences" ', "post-function"
    ),
    "a table of another version at admission": _scripts(
        f'"version": {VERSION}', f'"version": {VERSION - 1}', "pre-function"
    ),
    "a gate that leads elsewhere": _gate_leads("elsewhere.test", 80),
    "a gate to another component's workload": _gate_leads(
        "web.shop.test", 3000
    ),
    "a gate to where services lead": _gate_leads(NO_POSITION, 1),
    "a gate with an address that nobody can read": an_unreadable_address,
    "the version before": the_version_before,
    "the version before, and no gate": _both(
        the_version_before, _removed("post-function")
    ),
    "the version before, and jwt alone": _both(
        the_version_before, _removed("pre-function"), _removed("post-function")
    ),
    "the upstream removed": the_upstream_removed,
    "the upstream removed, and the gate": _both(
        the_upstream_removed, _removed("post-function")
    ),
    "a target of our upstream": a_target,
    "a target of our upstream, and no gate": _both(
        a_target, _removed("post-function")
    ),
    "a target of our upstream without a weight": a_target_without_weight,
    "a target of our upstream without a weight, and no gate": _both(
        a_target_without_weight, _removed("post-function")
    ),
    "an upstream in our workload's place": an_upstream_in_our_workloads_place,
    "an empty upstream in our workload's place": an_empty_upstream_in_our_workloads_place,
    "an upstream to our workload": an_upstream_to_our_workload,
    "a route on our service": a_route_on_our_service,
    "a service to our workload": a_service_to_our_workload,
    "a route that shadows ours": a_route_that_shadows_ours,
    "a route for a header": a_route_for_a_header,
    "a route for a method of its own": a_route_for_a_method_of_its_own,
    "a route for gRPC": a_route_for_grpc,
    "a gate of somebody's on our route": _on_the_route(
        "post-function", access=["return"]
    ),
    "a way of somebody's on our route": _on_the_route(
        "post-function",
        access=["kong.service.set_target('api.orders.test', 8080)"],
    ),
    "a jwt of somebody's on our route": _on_the_route(
        "jwt", key_claim_name="kid", anonymous=NOBODY
    ),
    "an admission of somebody's on our route": _on_the_route(
        "pre-function", access=["return"]
    ),
    "an answering plugin on our route": _on_the_route(
        "request-termination", status_code=200, message="hello"
    ),
    "a global gate": a_global_gate,
    "a global script": a_global_script("pre-function"),
    "a global script behind the gate": a_global_script("post-function"),
    "our gate made global": our_gate_made_global,
    "our gate on a route alone": our_gate_on_a_route_alone,
    "a gate changed in every way": a_gate_changed_in_every_way,
    "an instance of its own": an_instance_of_its_own,
    "a key in the ring": a_key_in_the_ring,
    "a shared secret in the ring": a_shared_secret_in_the_ring,
    "a key of another consumer": a_key_of_another_consumer,
    "another workload": _service(host="elsewhere.test"),
    "another component's workload": _service(host="web.shop.test", port=3000),
    "another path": _service(path="/orders"),
    "a disabled service": _service(enabled=False),
    "a disabled service at another path": _service(
        enabled=False, path="/orders"
    ),
    "TLS to the workload": _service(
        protocol="https",
        tls_verify=True,
        tls_verify_depth=2,
        ca_certificates=["0af5ad7a-0000-4000-8000-000000000001"],
    ),
    "a client certificate for the workload": a_client_certificate_for_the_workload,
    "a service under another name": _service(name="byhand"),
    "a service without a name": _service(name=None),
    "a service with a path as good as none": _service(path=None),
    "a stripped path": _route("protected-1", strip_path=True),
    "another host name": _route("protected-1", preserve_host=False),
    "more paths": _route("protected-1", paths=["~/"]),
    "fewer methods": _route("protected-1", methods=["GET"]),
    "a header that our route asks for": _route(
        "protected-1", headers={"x-canary": ["1"]}
    ),
    "a header and a priority": _route(
        "protected-0", HELLO, headers={"x-canary": ["1"]}, regex_priority=5
    ),
    "names of TLS that our route asks for": _route(
        "protected-1", protocols=["https"], snis=["elsewhere.test"]
    ),
    "a route for streams": _route(
        "protected-1",
        protocols=["tcp"],
        hosts=None,
        paths=None,
        methods=None,
        sources=[{"ip": "10.0.0.1"}],
    ),
    "a route without hosts and methods": _route(
        "protected-1", hosts=None, methods=None, strip_path=True
    ),
    "a route without a service": _route("protected-1", service=None),
    "a route without a service for a header": _route(
        "protected-1", service=None, headers={"x-canary": ["1"]}
    ),
    "a route under another name": _route("protected-1", name="byhand"),
    "a route without a name": _route("protected-1", name=None),
    "a missing route": a_missing_route,
    "a retargeted route": a_retargeted_route,
    "another issuer of the ring": another_issuer_of_the_ring,
    "a ring under another name": a_renamed_ring,
    "a key under another id": _key(key="k8"),
    "a key that verifies otherwise": _key(algorithm="HS256"),
    "a key moved to another consumer": a_key_moved_to_another_consumer,
    "tags": tags,
    "others beside us": others,
}

# Findings as tests.support.verified_gateway.report_lines writes them.
EXPECTED: dict[str, list[str]] = {
    "no anonymous on jwt": [
        f"closed: plugin jwt of service '{ORDERS}': anonymous is null, not \"{NOBODY}\"",
        f"  {ANYBODY} | GET,HEAD | http://orders.example.com/orders/health",
    ],
    "an anonymous where nothing is public": [
        f"weakened: plugin jwt of service '{HELLO}': anonymous is \"{NOBODY}\", not null",
    ],
    "tokens from the query": [
        f"weakened: plugin jwt of service '{ORDERS}': uri_param_names is [\"jwt\"], not []",
    ],
    "tokens that have expired": [
        f"weakened: plugin jwt of service '{ORDERS}': claims_to_verify is [], not [\"exp\"]",
    ],
    "tokens in another header": [
        f'closed: plugin jwt of service \'{ORDERS}\': header_names is ["x-token"], not ["authorization"]',
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "keys read as base64": [
        f"closed: plugin jwt of service '{ORDERS}': secret_is_base64 is true, not false",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "tokens of a minute": [
        f"closed: plugin jwt of service '{ORDERS}': maximum_expiration is 60, not 0",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "tokens of a day": [
        f"weakened: plugin jwt of service '{ORDERS}': maximum_expiration is 86400, not 0"
    ],
    "nobody taken for the ring": [
        f'weakened: plugin jwt of service \'{ORDERS}\': anonymous is "{RING}", not "{NOBODY}"',
    ],
    "admission removed": [
        f"closed: plugin pre-function of service '{ORDERS}' is missing",
        *MEANT,
    ],
    "jwt removed": [
        f"closed: plugin jwt of service '{ORDERS}' is missing",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "the gate removed": [
        f"closed: plugin post-function of service '{ORDERS}' is missing",
        *MEANT,
    ],
    "admission disabled": [
        f"closed: plugin pre-function of service '{ORDERS}': it is disabled",
        *MEANT,
    ],
    "jwt disabled": [
        f"closed: plugin jwt of service '{ORDERS}': it is disabled",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "the gate disabled": [
        f"closed: plugin post-function of service '{ORDERS}': it is disabled",
        *MEANT,
    ],
    "a gate that no request meets": [
        f"closed: plugin post-function of service '{ORDERS}': protocols are [\"tcp\"]",
        *MEANT,
    ],
    "a script on answers": [
        f"weakened: plugin pre-function of service '{ORDERS}': its script differs from the intended script"
    ],
    "no script on answers": [
        f"weakened: plugin pre-function of service '{LIBRARY}': its script differs from the intended script"
    ],
    "a changed script": [
        f"opened: plugin post-function of service '{ORDERS}': its script differs from the intended script",
        f"  {ANYBODY} | * | http://orders.example.com/orders",
        f"  {ANYBODY} | POST,PUT,PATCH,DELETE,OPTIONS | http://orders.example.com/orders/health",
    ],
    "one more script": [
        f"opened: plugin pre-function of service '{ORDERS}': its script differs from the intended script",
        f"  {ANYBODY} | * | http://orders.example.com/orders",
        f"  {ANYBODY} | POST,PUT,PATCH,DELETE,OPTIONS | http://orders.example.com/orders/health",
        f"impersonated: plugin pre-function of service '{ORDERS}': its script differs from the intended script",
        *MEANT,
    ],
    "a changed rule": [
        f"opened: plugin pre-function of service '{ORDERS}': its table differs in rules; plugin post-function of service '{ORDERS}': its table differs in rules",
        f"  {ANYBODY} | GET | http://orders.example.com/orders",
    ],
    "a changed rule at the gate": [
        f"weakened: plugin post-function of service '{ORDERS}': its table differs in rules",
    ],
    "a changed role": [
        f"opened: plugin pre-function of service '{ORDERS}': its table differs in groups; plugin post-function of service '{ORDERS}': its table differs in groups",
        "  shop/web for users in sales | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "a changed role at admission": [
        f"weakened: plugin pre-function of service '{ORDERS}': its table differs in groups",
    ],
    "a role that admission does not know": [
        f"closed: plugin pre-function of service '{ORDERS}': its table differs in groups",
        "  shop/web for users in sales | GET,HEAD | http://orders.example.com/orders",
    ],
    "another audience": [
        f"opened: plugin pre-function of service '{ORDERS}': its table differs in audiences; plugin post-function of service '{ORDERS}': its table differs in audiences",
        f"  {OTHER} | GET,HEAD,POST,PUT,DELETE | http://orders.example.com/orders",
        f"closed: plugin pre-function of service '{ORDERS}': its table differs in audiences; plugin post-function of service '{ORDERS}': its table differs in audiences",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "a client that is granted something": [
        f"opened: plugin pre-function of service '{ORDERS}': its table differs in services; plugin post-function of service '{ORDERS}': its table differs in services",
        "  any other client of okta | GET,HEAD | http://orders.example.com/orders",
    ],
    "a client that is granted something at the gate": [
        f"weakened: plugin post-function of service '{ORDERS}': its table differs in services",
    ],
    "clients that are granted something at one of both": [
        f"weakened: plugin pre-function of service '{ORDERS}': its table differs in services",
        f"weakened: plugin post-function of service '{ORDERS}': its table differs in services",
    ],
    "a client that is granted something for users": [
        f"opened: plugin pre-function of service '{ORDERS}': its table differs in on_behalf; plugin post-function of service '{ORDERS}': its table differs in on_behalf",
        "  any other client of okta | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "a client that is granted more": [
        f"opened: plugin pre-function of service '{ORDERS}': its table differs in services; plugin post-function of service '{ORDERS}': its table differs in services",
        "  shop/checkout | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "a client that is granted nothing": [
        f"closed: plugin pre-function of service '{ORDERS}': its table differs in services; plugin post-function of service '{ORDERS}': its table differs in services",
        "  shop/checkout | GET,HEAD | http://orders.example.com/orders",
    ],
    "a table that nobody can read": [
        f"closed: plugin post-function of service '{ORDERS}': its script differs from the intended script",
        *MEANT,
    ],
    "a table of another version at admission": [
        f"closed: plugin pre-function of service '{ORDERS}': its script differs from the intended script",
        *MEANT,
    ],
    "a gate that leads elsewhere": [
        f"diverted: plugin post-function of service '{ORDERS}': it leads to elsewhere.test:80, not to api.orders.test:8080",
        *MEANT,
    ],
    "a gate to another component's workload": [
        f"diverted: plugin post-function of service '{ORDERS}': it leads to web.shop.test:3000, not to api.orders.test:8080",
        *MEANT,
    ],
    "a gate to where services lead": [
        f"closed: plugin post-function of service '{ORDERS}': it leads to {NO_POSITION}:1, not to api.orders.test:8080",
        *MEANT,
    ],
    "a gate with an address that nobody can read": [
        f"closed: plugin post-function of service '{ORDERS}': it leads to an unreadable address, not to api.orders.test:8080",
        *MEANT,
    ],
    "the version before": [
        f'weakened: service \'{ORDERS}\': host is "api.orders.test", not "{NO_POSITION}"; port is 8080, not 1',
    ],
    "the version before, and no gate": [
        f"opened: service '{ORDERS}': host is \"api.orders.test\", not \"{NO_POSITION}\"; port is 8080, not 1; plugin post-function of service '{ORDERS}' is missing",
        f"  {ANYBODY} | * | http://orders.example.com/orders",
        f"  {ANYBODY} | POST,PUT,PATCH,DELETE,OPTIONS | http://orders.example.com/orders/health",
    ],
    "the version before, and jwt alone": [
        f"opened: service '{ORDERS}': host is \"api.orders.test\", not \"{NO_POSITION}\"; port is 8080, not 1; plugin pre-function of service '{ORDERS}' is missing; plugin post-function of service '{ORDERS}' is missing",
        f"  {ANYBODY} | * | http://orders.example.com/orders",
        f"  {ANYBODY} | POST,PUT,PATCH,DELETE,OPTIONS | http://orders.example.com/orders/health",
        f"impersonated: service '{ORDERS}': host is \"api.orders.test\", not \"{NO_POSITION}\"; port is 8080, not 1; plugin pre-function of service '{ORDERS}' is missing; plugin post-function of service '{ORDERS}' is missing",
        *MEANT,
    ],
    "the upstream removed": [
        f"weakened: upstream '{NO_POSITION}' is missing",
    ],
    "the upstream removed, and the gate": [
        f"diverted: plugin post-function of service '{ORDERS}' is missing",
        f"  {ANYBODY} | * | http://orders.example.com/orders http://orders.example.com/orders/health",
        f"weakened: upstream '{NO_POSITION}' is missing",
    ],
    "a target of our upstream": [
        f"weakened: target 'api.orders.test:8080' of upstream '{NO_POSITION}' is not ours",
    ],
    "a target of our upstream, and no gate": [
        f"opened: target 'api.orders.test:8080' of upstream '{NO_POSITION}' is not ours; plugin post-function of service '{ORDERS}' is missing",
        f"  {ANYBODY} | * | http://orders.example.com/orders",
        f"  {ANYBODY} | POST,PUT,PATCH,DELETE,OPTIONS | http://orders.example.com/orders/health",
    ],
    "a target of our upstream without a weight": [],
    "a target of our upstream without a weight, and no gate": [
        f"closed: plugin post-function of service '{ORDERS}' is missing",
        *MEANT,
    ],
    "an upstream in our workload's place": [
        "diverted: upstream 'api.orders.test' is not ours",
        *MEANT,
    ],
    "an empty upstream in our workload's place": [
        "closed: upstream 'api.orders.test' is not ours",
        *MEANT,
    ],
    "an upstream to our workload": [
        "opened: route 'byhand' is not ours; service 'foreign' is not ours; upstream 'foreign' is not ours",
        f"  {ANYBODY} | * | http://by.hand/ http://by.hand/any",
    ],
    "a route on our service": [
        f"weakened: route 'byhand' is not ours and leads to service '{ORDERS}'",
    ],
    "a service to our workload": [
        "opened: route 'byhand' is not ours; service 'foreign' is not ours",
        f"  {ANYBODY} | * | http://by.hand/ http://by.hand/any",
    ],
    "a route that shadows ours": [
        "diverted: route 'byhand' is not ours; service 'foreign' is not ours",
        f"  {ANYBODY} | * | http://orders.example.com/orders http://orders.example.com/orders/health",
    ],
    "a route for a header": [
        "diverted: route 'byhand' is not ours; service 'foreign' is not ours",
        f"  {ANYBODY} | * | http://orders.example.com/orders http://orders.example.com/orders/health",
    ],
    "a route for a method of its own": [
        "diverted: route 'byhand' is not ours; service 'foreign' is not ours",
        f"  {ANYBODY} | PURGE | http://orders.example.com/orders http://orders.example.com/orders/health",
    ],
    "a route for gRPC": [
        "diverted: route 'byhand' is not ours; service 'foreign' is not ours",
        f"  {ANYBODY} | none (and others) | http://orders.example.com/orders http://orders.example.com/orders/health",
    ],
    "a gate of somebody's on our route": [
        f"opened: plugin post-function of route '{ROUTE}' is not ours",
        f"  {ANYBODY} | * | http://orders.example.com/orders",
        f"  {ANYBODY} | POST,PUT,PATCH,DELETE,OPTIONS | http://orders.example.com/orders/health",
    ],
    "a way of somebody's on our route": [
        f"opened: plugin post-function of route '{ROUTE}' is not ours",
        f"  {ANYBODY} | * | http://orders.example.com/orders",
        f"  {ANYBODY} | POST,PUT,PATCH,DELETE,OPTIONS | http://orders.example.com/orders/health",
    ],
    "a jwt of somebody's on our route": [
        f"weakened: plugin jwt of route '{ROUTE}' is not ours",
    ],
    "an admission of somebody's on our route": [
        f"opened: plugin pre-function of route '{ROUTE}' is not ours",
        f"  {ANYBODY} | * | http://orders.example.com/orders",
        f"  {ANYBODY} | POST,PUT,PATCH,DELETE,OPTIONS | http://orders.example.com/orders/health",
        f"impersonated: plugin pre-function of route '{ROUTE}' is not ours",
        *MEANT,
    ],
    "an answering plugin on our route": [
        f"closed: plugin request-termination of route '{ROUTE}' is not ours",
        *MEANT,
    ],
    "a global script": [
        "opened: plugin pre-function of everything (global) is not ours",
        *NOBODY_KNOWS,
    ],
    "a global script behind the gate": [
        "opened: plugin post-function of everything (global) is not ours",
        *NOBODY_KNOWS,
    ],
    "a global gate": [
        "weakened: plugin post-function of everything (global) is not ours",
    ],
    "our gate made global": [
        "weakened: plugin post-function of everything (global) is not intended",
        f"weakened: plugin post-function of service '{ORDERS}' is missing",
    ],
    "our gate on a route alone": [
        f"weakened: plugin post-function of route '{ROUTE}' is not intended",
        f"weakened: plugin post-function of service '{ORDERS}' is missing",
    ],
    "a gate changed in every way": [
        f"closed: plugin post-function of service '{ORDERS}': it is disabled; protocols are [\"tcp\"]; its script differs from the intended script",
        *MEANT,
    ],
    "an instance of its own": [],
    "a key in the ring": [
        f"opened: credential 'k9' of consumer '{RING}' is not the issuer's",
        "  the holder of the key of credential 'k9' | * | http://hello.example.com/",
        "  the holder of the key of credential 'k9' | GET,HEAD,POST,PUT,DELETE | http://orders.example.com/orders",
        "  the holder of the key of credential 'k9' | GET,HEAD | http://reports.example.com/docs/internal http://reports.example.com/reports/published/drafts",
        "  the holder of the key of credential 'k9' | GET,HEAD,PUT,DELETE | http://reports.example.com/reports",
    ],
    "a shared secret in the ring": [
        f"weakened: credential 'k9' of consumer '{RING}' is not the issuer's",
    ],
    "a key of another consumer": [],
    "another workload": [
        f'weakened: service \'{ORDERS}\': host is "elsewhere.test", not "{NO_POSITION}"',
    ],
    "another component's workload": [
        f'weakened: service \'{ORDERS}\': host is "web.shop.test", not "{NO_POSITION}"; port is 3000, not 1',
    ],
    "another path": [
        f'opened: service \'{ORDERS}\': path is "/orders", not "/"',
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders/health http://orders.example.com/orders/HEALTH",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders/HEALTH",
        f'diverted: service \'{ORDERS}\': path is "/orders", not "/"',
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders http://orders.example.com/orders/health",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
        f'closed: service \'{ORDERS}\': path is "/orders", not "/"',
        f"  {ANYBODY} | GET,HEAD | http://orders.example.com/orders/health",
    ],
    "a disabled service": [
        f"closed: service '{ORDERS}': enabled is false, not true",
        *MEANT,
    ],
    "a disabled service at another path": [
        f'closed: service \'{ORDERS}\': path is "/orders", not "/"; enabled is false, not true',
        *MEANT,
    ],
    "TLS to the workload": [
        f'diverted: service \'{ORDERS}\': protocol is "https", not "http"; tls_verify is true, not null; tls_verify_depth is 2, not null; ca_certificates is ["0af5ad7a-0000-4000-8000-000000000001"], not null',
        *MEANT,
    ],
    "a client certificate for the workload": [
        f'diverted: service \'{ORDERS}\': protocol is "https", not "http"; client_certificate is {{"id": "{CERTIFICATE}"}}, not null',
        *MEANT,
    ],
    "a service under another name": [],
    "a service without a name": [],
    "a service with a path as good as none": [],
    "a stripped path": [
        f"closed: route '{ROUTE}': strip_path is true, not false",
        *MEANT,
    ],
    "another host name": [
        f"weakened: route '{ROUTE}': preserve_host is false, not true"
    ],
    "more paths": [
        f'weakened: route \'{ROUTE}\': paths is ["~/"], not ["~/orders(?:/|$)"]'
    ],
    "fewer methods": [
        f'closed: route \'{ROUTE}\': methods is ["GET"], not ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]',
        f"  {READERS} | HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
        f"  {ANYBODY} | HEAD | http://orders.example.com/orders/health",
    ],
    "a header that our route asks for": [
        f'closed: route \'{ROUTE}\': headers is {{"x-canary": ["1"]}}, not null',
        *MEANT,
    ],
    "a header and a priority": [
        f'closed: route \'{HELLO}.protected-0\': headers is {{"x-canary": ["1"]}}, not null; regex_priority is 5, not 0',
        BY_TOKEN[0],
    ],
    "names of TLS that our route asks for": [
        f'closed: route \'{ROUTE}\': protocols is ["https"], not ["http"]; snis is ["elsewhere.test"], not null',
        *MEANT,
    ],
    "a route for streams": [
        f'closed: route \'{ROUTE}\': protocols is ["tcp"], not ["http"]; hosts is null, not ["orders.example.com"]; paths is null, not ["~/orders(?:/|$)"]; methods is null, not ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]; sources is [{{"ip": "10.0.0.1", "port": null}}], not null',
        *MEANT,
    ],
    "a route without hosts and methods": [
        f'closed: route \'{ROUTE}\': hosts is null, not ["orders.example.com"]; methods is null, not ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]; strip_path is true, not false',
        *MEANT,
    ],
    "a route without a service": [
        f"closed: route '{ROUTE}': it leads to no service, not to service '{ORDERS}'",
        *MEANT,
    ],
    "a route without a service for a header": [
        f"closed: route '{ROUTE}': headers is {{\"x-canary\": [\"1\"]}}, not null; it leads to no service, not to service '{ORDERS}'",
        *MEANT,
    ],
    "a route under another name": [],
    "a route without a name": [],
    "a missing route": [
        f"closed: route '{ROUTE}' is missing",
        *MEANT,
    ],
    "a retargeted route": [
        f"closed: route '{ROUTE}': it leads to service 'kong-oam.local.shop.web.3000', not to service '{ORDERS}'",
        *MEANT,
    ],
    "another issuer of the ring": [
        f'weakened: consumer \'{RING}\': custom_id is "https://else.example.com", not "{ISSUER}"',
    ],
    "a ring under another name": [
        f"closed: credential 'k1': it belongs to consumer 'another', not to consumer '{RING}'; consumer '{RING}' is missing",
        *BY_TOKEN,
    ],
    "a key under another id": [
        f"opened: credential 'k8' of consumer '{RING}' is not the issuer's",
        "  the holder of the key of credential 'k8' | * | http://hello.example.com/",
        "  the holder of the key of credential 'k8' | GET,HEAD,POST,PUT,DELETE | http://orders.example.com/orders",
        "  the holder of the key of credential 'k8' | GET,HEAD | http://reports.example.com/docs/internal http://reports.example.com/reports/published/drafts",
        "  the holder of the key of credential 'k8' | GET,HEAD,PUT,DELETE | http://reports.example.com/reports",
        "closed: credential 'k1' is missing",
        *BY_TOKEN,
    ],
    "a key that verifies otherwise": [
        'closed: credential \'k1\': algorithm is "HS256", not "RS256"',
        *BY_TOKEN,
    ],
    "a key moved to another consumer": [
        f"closed: credential 'k1': it belongs to consumer 'another', not to consumer '{RING}'",
        *BY_TOKEN,
    ],
    "tags": [],
    "others beside us": [],
}
