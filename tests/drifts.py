"""What somebody may do by hand to a gateway that the sample estate is on, each with its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.verifying import Hands

ORDERS = "kong-oam.local.orders.api.8080"
HEALTH = f"{ORDERS}.public-2"
RING = "kong-oam.local.ring.okta"
NOBODY = "kong-oam.local.anonymous"

ANYBODY = "anybody, without a token"
OTHER = "anybody with another token of okta (an ID token, another API's)"
READERS = "shop/checkout, shop/web for users in order-desk, shop/web for users in sales"
WRITERS = "shop/web for users in order-desk"
REPORTS = "reports/renderer, reports/console for users in order-desk, reports/console for users in sales"

Drift = Callable[[Hands, str], None]
"""Makes the change; the text is the public key in PEM."""


def an_anonymous(hands: Hands, _: str) -> None:
    plugin = hands.find("plugins", name="jwt", service=ORDERS)
    hands.change("plugins", plugin, config={**plugin["config"], "anonymous": NOBODY})


def _jwt(**config: Any) -> Drift:
    def change(hands: Hands, _: str) -> None:
        plugin = hands.find("plugins", name="jwt", service=ORDERS)
        hands.change("plugins", plugin, config={**plugin["config"], **config})

    return change


def nobody_is_the_ring(hands: Hands, _: str) -> None:
    plugin = hands.find("plugins", name="jwt", route=HEALTH)
    hands.change("plugins", plugin, config={**plugin["config"], "anonymous": RING})


def _removed(name: str) -> Drift:
    return lambda hands, _: hands.remove("plugins", hands.find("plugins", name=name, service=ORDERS))


def _disabled(name: str) -> Drift:
    return lambda hands, _: hands.change("plugins", hands.find("plugins", name=name, service=ORDERS), enabled=False)


def a_gate_for_tcp_only(hands: Hands, _: str) -> None:
    hands.change("plugins", hands.find("plugins", name="post-function", service=ORDERS), protocols=["tcp"])


def a_changed_script(hands: Hands, _: str) -> None:
    plugin = hands.find("plugins", name="post-function", service=ORDERS)
    script = plugin["config"]["access"][0].replace("return 403", "return 200")
    hands.change("plugins", plugin, config={**plugin["config"], "access": [script]})


def a_script_after_the_gate(hands: Hands, _: str) -> None:
    plugin = hands.find("plugins", name="pre-function", service=ORDERS)
    hands.change("plugins", plugin, config={**plugin["config"], "access": [*plugin["config"]["access"], "return"]})


def _table(old: str, new: str) -> Drift:
    def change(hands: Hands, _: str) -> None:
        plugin = hands.find("plugins", name="post-function", service=ORDERS)
        script = plugin["config"]["access"][0]
        assert script.count(old) == 1, (old, script[:2000])
        hands.change("plugins", plugin, config={**plugin["config"], "access": [script.replace(old, new)]})

    return change


def a_route_on_our_service(hands: Hands, _: str) -> None:
    hands.make(f"/services/{ORDERS}/routes", name="byhand", hosts=["by.hand"], paths=["/orders"], strip_path=False)


def a_service_to_our_workload(hands: Hands, _: str) -> None:
    target = hands.find("services", name=ORDERS)
    hands.make("/services", name="foreign", host=target["host"], port=target["port"])
    hands.make("/services/foreign/routes", name="byhand", hosts=["by.hand"], paths=["/any"])


def a_route_that_shadows_ours(hands: Hands, _: str) -> None:
    hands.make("/services", name="foreign", host="elsewhere.test")
    own = hands.find("routes", name=f"{ORDERS}.protected-1")
    fields = {name: own[name] for name in ("hosts", "paths", "methods", "protocols")}
    hands.make("/services/foreign/routes", name="byhand", regex_priority=own["regex_priority"] + 50, **fields)


def a_route_for_a_header(hands: Hands, _: str) -> None:
    hands.make("/services", name="foreign", host="elsewhere.test")
    own = hands.find("routes", name=f"{ORDERS}.protected-1")
    fields = {name: own[name] for name in ("hosts", "paths", "methods", "protocols", "regex_priority")}
    hands.make("/services/foreign/routes", name="byhand", headers={"x-canary": ["1"]}, **fields)


def _on_the_route(name: str, **config: Any) -> Drift:
    return lambda hands, _: (hands.make(f"/routes/{ORDERS}.protected-1/plugins", name=name, config=config), None)[1]


def a_global_gate(hands: Hands, _: str) -> None:
    hands.make("/plugins", name="post-function", config={"access": ["return"]})


def our_gate_made_global(hands: Hands, _: str) -> None:
    hands.change("plugins", hands.find("plugins", name="post-function", service=ORDERS), service=None)


def a_key_in_the_ring(hands: Hands, pem: str) -> None:
    hands.make(f"/consumers/{RING}/jwt", key="k9", algorithm="RS256", rsa_public_key=pem, secret="unused")


def a_shared_secret_in_the_ring(hands: Hands, _: str) -> None:
    hands.make(f"/consumers/{RING}/jwt", key="k9", algorithm="HS256", secret="known to somebody")


def a_key_of_another_consumer(hands: Hands, pem: str) -> None:
    hands.make("/consumers", username="another")
    hands.make("/consumers/another/jwt", key="k9", algorithm="RS256", rsa_public_key=pem, secret="unused")


def _service(**fields: Any) -> Drift:
    return lambda hands, _: hands.change("services", hands.find("services", name=ORDERS), **fields)


def _route(role: str, **fields: Any) -> Drift:
    return lambda hands, _: hands.change("routes", hands.find("routes", name=f"{ORDERS}.{role}"), **fields)


def a_missing_route(hands: Hands, _: str) -> None:
    optional = hands.find("plugins", name="jwt", route=HEALTH)
    hands.remove("plugins", optional)
    hands.remove("routes", hands.find("routes", name=HEALTH))


def a_retargeted_route(hands: Hands, _: str) -> None:
    other = hands.find("services", name="kong-oam.local.shop.web.3000")
    route = hands.find("routes", name=f"{ORDERS}.protected-1")
    hands.change("routes", route, service={"id": other["id"]})


def another_issuer_of_the_ring(hands: Hands, _: str) -> None:
    hands.change("consumers", hands.find("consumers", username=RING), custom_id="https://else.example.com")


def tags_and_timeouts(hands: Hands, _: str) -> None:
    hands.change("services", hands.find("services", name=ORDERS), tags=["mine"], read_timeout=1000, retries=1)
    hands.change("plugins", hands.find("plugins", name="jwt", service=ORDERS), tags=["mine"])
    hands.change("routes", hands.find("routes", name=HEALTH), tags=["mine"], request_buffering=False)


def others(hands: Hands, _: str) -> None:
    """What other teams have beside us in the same workspace."""
    hands.make("/services", name="foreign", host="elsewhere.test")
    hands.make("/services/foreign/routes", name="theirs", hosts=["theirs.example.com"], paths=["/"])
    hands.make("/services/foreign/plugins", name="post-function", config={"access": ["return"]})
    hands.make("/consumers", username="another")
    hands.make("/consumers/another/jwt", key="k9", algorithm="HS256", secret="theirs")


DRIFTS: dict[str, Drift] = {
    "an anonymous on jwt": an_anonymous,
    "tokens from the query": _jwt(uri_param_names=["jwt"]),
    "tokens that have expired": _jwt(claims_to_verify=[]),
    "tokens in another header": _jwt(header_names=["x-token"]),
    "keys read as base64": _jwt(secret_is_base64=True),
    "tokens of a minute": _jwt(maximum_expiration=60),
    "tokens of a day": _jwt(maximum_expiration=86_400),
    "nobody taken for the ring": nobody_is_the_ring,
    "admission removed": _removed("pre-function"),
    "jwt removed": _removed("jwt"),
    "the gate removed": _removed("post-function"),
    "admission disabled": _disabled("pre-function"),
    "jwt disabled": _disabled("jwt"),
    "the gate disabled": _disabled("post-function"),
    "a gate that no request meets": a_gate_for_tcp_only,
    "a changed script": a_changed_script,
    "one more script": a_script_after_the_gate,
    "a changed rule": _table('"GET":[["orders.read"]]', '"GET":"public"'),
    "a changed role": _table('"sales": ["orders.read"]', '"sales": ["orders.read","orders.write"]'),
    "another audience": _table('"audiences": ["api://kong-oam/local"]', '"audiences": ["api://else"]'),
    "a table that nobody can read": _table('"audiences": ', '"audiences" '),
    "a route on our service": a_route_on_our_service,
    "a service to our workload": a_service_to_our_workload,
    "a route that shadows ours": a_route_that_shadows_ours,
    "a route for a header": a_route_for_a_header,
    "a gate of somebody's on our route": _on_the_route("post-function", access=["return"]),
    "a jwt of somebody's on our route": _on_the_route("jwt", key_claim_name="kid", anonymous=NOBODY),
    "an admission of somebody's on our route": _on_the_route("pre-function", access=["return"]),
    "an answering plugin on our route": _on_the_route("request-termination", status_code=200, message="hello"),
    "a global gate": a_global_gate,
    "our gate made global": our_gate_made_global,
    "a key in the ring": a_key_in_the_ring,
    "a shared secret in the ring": a_shared_secret_in_the_ring,
    "a key of another consumer": a_key_of_another_consumer,
    "another workload": _service(host="elsewhere.test"),
    "another component's workload": _service(host="web.shop.test", port=3000),
    "another path": _service(path="/orders"),
    "a disabled service": _service(enabled=False),
    "a stripped path": _route("protected-1", strip_path=True),
    "another host name": _route("protected-1", preserve_host=False),
    "more paths": _route("protected-1", paths=["~/"]),
    "fewer methods": _route("protected-1", methods=["GET"]),
    "a missing route": a_missing_route,
    "a retargeted route": a_retargeted_route,
    "another issuer of the ring": another_issuer_of_the_ring,
    "tags and timeouts": tags_and_timeouts,
    "others beside us": others,
}

# Findings as tests.verifying.told tells them.
EXPECTED: dict[str, list[str]] = {
    "an anonymous on jwt": [
        f"weakened: plugin jwt of service '{ORDERS}': anonymous is \"kong-oam.local.anonymous\", not null",
        f"  {ANYBODY} | * | http://orders.example.com/orders",
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
    "tokens of a day": [],
    "nobody taken for the ring": [
        f'weakened: plugin jwt of route \'{HEALTH}\': anonymous is "{RING}", not "{NOBODY}"',
    ],
    "admission removed": [
        f"impersonated: plugin pre-function of service '{ORDERS}' is missing",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
        f"  {ANYBODY} | GET,HEAD | http://orders.example.com/orders/health",
    ],
    "jwt removed": [
        f"weakened: plugin jwt of service '{ORDERS}' is missing",
        f"  {ANYBODY} | * | http://orders.example.com/orders",
        f"closed: plugin jwt of service '{ORDERS}' is missing",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "the gate removed": [
        f"opened: plugin post-function of service '{ORDERS}' is missing",
        f"  {REPORTS}, {OTHER} | GET,HEAD | http://orders.example.com/orders",
        f"  {REPORTS}, shop/checkout, shop/web for users in sales, {OTHER} | POST,PUT,DELETE | http://orders.example.com/orders",
        f"  {REPORTS}, {READERS}, {OTHER} | PATCH,OPTIONS | http://orders.example.com/orders",
        f"  {ANYBODY} | POST,PUT,PATCH,DELETE,OPTIONS | http://orders.example.com/orders/health",
    ],
    "admission disabled": [
        f"impersonated: plugin pre-function of service '{ORDERS}': it is disabled",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
        f"  {ANYBODY} | GET,HEAD | http://orders.example.com/orders/health",
    ],
    "jwt disabled": [
        f"weakened: plugin jwt of service '{ORDERS}': it is disabled",
        f"  {ANYBODY} | * | http://orders.example.com/orders",
        f"closed: plugin jwt of service '{ORDERS}': it is disabled",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "the gate disabled": [
        f"opened: plugin post-function of service '{ORDERS}': it is disabled",
        f"  {REPORTS}, {OTHER} | GET,HEAD | http://orders.example.com/orders",
        f"  {REPORTS}, shop/checkout, shop/web for users in sales, {OTHER} | POST,PUT,DELETE | http://orders.example.com/orders",
        f"  {REPORTS}, {READERS}, {OTHER} | PATCH,OPTIONS | http://orders.example.com/orders",
        f"  {ANYBODY} | POST,PUT,PATCH,DELETE,OPTIONS | http://orders.example.com/orders/health",
    ],
    "a gate that no request meets": [
        f"opened: plugin post-function of service '{ORDERS}': protocols are [\"tcp\"]",
        f"  {REPORTS}, {OTHER} | GET,HEAD | http://orders.example.com/orders",
        f"  {REPORTS}, shop/checkout, shop/web for users in sales, {OTHER} | POST,PUT,DELETE | http://orders.example.com/orders",
        f"  {REPORTS}, {READERS}, {OTHER} | PATCH,OPTIONS | http://orders.example.com/orders",
        f"  {ANYBODY} | POST,PUT,PATCH,DELETE,OPTIONS | http://orders.example.com/orders/health",
    ],
    "a changed script": [
        f"opened: plugin post-function of service '{ORDERS}': its script is not the one that is meant",
        f"  {REPORTS}, {OTHER} | GET,HEAD | http://orders.example.com/orders",
        f"  {REPORTS}, shop/checkout, shop/web for users in sales, {OTHER} | POST,PUT,DELETE | http://orders.example.com/orders",
        f"  {REPORTS}, {READERS}, {OTHER} | PATCH,OPTIONS | http://orders.example.com/orders",
        f"  {ANYBODY} | POST,PUT,PATCH,DELETE,OPTIONS | http://orders.example.com/orders/health",
    ],
    "one more script": [
        f"opened: plugin pre-function of service '{ORDERS}': its script is not the one that is meant",
        f"  {ANYBODY} | * | http://orders.example.com/orders",
        f"  {ANYBODY} | POST,PUT,PATCH,DELETE,OPTIONS | http://orders.example.com/orders/health",
        f"impersonated: plugin pre-function of service '{ORDERS}': its script is not the one that is meant",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
        f"  {ANYBODY} | GET,HEAD | http://orders.example.com/orders/health",
    ],
    "a changed rule": [
        f"opened: plugin post-function of service '{ORDERS}': its table differs in rules",
        f"  {REPORTS}, {OTHER} | GET | http://orders.example.com/orders",
    ],
    "a changed role": [
        f"opened: plugin post-function of service '{ORDERS}': its table differs in groups",
        "  shop/web for users in sales | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "another audience": [
        f"opened: plugin post-function of service '{ORDERS}': its table differs in audiences",
        f"  {OTHER} | GET,HEAD,POST,PUT,DELETE | http://orders.example.com/orders",
        f"closed: plugin post-function of service '{ORDERS}': its table differs in audiences",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "a table that nobody can read": [
        f"closed: plugin post-function of service '{ORDERS}': its script is not the one that is meant",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
        f"  {ANYBODY} | GET,HEAD | http://orders.example.com/orders/health",
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
    "a gate of somebody's on our route": [
        f"opened: plugin post-function of route '{ORDERS}.protected-1' is not ours",
        f"  {REPORTS}, {OTHER} | GET,HEAD | http://orders.example.com/orders",
        f"  {REPORTS}, shop/checkout, shop/web for users in sales, {OTHER} | POST,PUT,DELETE | http://orders.example.com/orders",
        f"  {REPORTS}, {READERS}, {OTHER} | PATCH,OPTIONS | http://orders.example.com/orders",
    ],
    "a jwt of somebody's on our route": [
        f"weakened: plugin jwt of route '{ORDERS}.protected-1' is not ours",
        f"  {ANYBODY} | * | http://orders.example.com/orders",
    ],
    "an admission of somebody's on our route": [
        f"opened: plugin pre-function of route '{ORDERS}.protected-1' is not ours",
        f"  {ANYBODY} | * | http://orders.example.com/orders",
        f"impersonated: plugin pre-function of route '{ORDERS}.protected-1' is not ours",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "an answering plugin on our route": [
        f"closed: plugin request-termination of route '{ORDERS}.protected-1' is not ours",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "a global gate": [
        "weakened: plugin post-function of everything (global) is not ours",
    ],
    "our gate made global": [
        "weakened: plugin post-function of everything (global) is not ours",
    ],
    "a key in the ring": [
        "opened: credential 'k9' of consumer 'kong-oam.local.ring.okta' is not the issuer's",
        "  whoever holds the key of credential 'k9' | * | http://hello.example.com/",
        "  whoever holds the key of credential 'k9' | GET,HEAD,POST,PUT,DELETE | http://orders.example.com/orders",
        "  whoever holds the key of credential 'k9' | GET,HEAD | http://reports.example.com/docs/internal http://reports.example.com/reports/published/drafts",
        "  whoever holds the key of credential 'k9' | GET,HEAD,PUT,DELETE | http://reports.example.com/reports",
    ],
    "a shared secret in the ring": [
        "weakened: credential 'k9' of consumer 'kong-oam.local.ring.okta' is not the issuer's",
        "  whoever holds the key of credential 'k9' | * | http://hello.example.com/ http://orders.example.com/orders http://reports.example.com/reports",
    ],
    "a key of another consumer": [],
    "another workload": [
        f'diverted: service \'{ORDERS}\': host is "elsewhere.test", not "api.orders.test"',
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
        f"  {ANYBODY} | GET,HEAD | http://orders.example.com/orders/health",
    ],
    "another component's workload": [
        f'diverted: service \'{ORDERS}\': host is "web.shop.test", not "api.orders.test"; port is 3000, not 8080',
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
        f"  {ANYBODY} | GET,HEAD | http://orders.example.com/orders/health",
    ],
    "another path": [
        f"opened: service '{ORDERS}': path is \"/orders\", not null",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders/health http://orders.example.com/orders/HEALTH",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders/HEALTH",
        f"diverted: service '{ORDERS}': path is \"/orders\", not null",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders http://orders.example.com/orders/health",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
        f"closed: service '{ORDERS}': path is \"/orders\", not null",
        f"  {ANYBODY} | GET,HEAD | http://orders.example.com/orders/health",
    ],
    "a disabled service": [
        f"closed: service '{ORDERS}': enabled is false, not true",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
        f"  {ANYBODY} | GET,HEAD | http://orders.example.com/orders/health",
    ],
    "a stripped path": [
        f"closed: route '{ORDERS}.protected-1': strip_path is true, not false",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "another host name": [
        f"diverted: route '{ORDERS}.protected-1': preserve_host is false, not true",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "more paths": [],
    "fewer methods": [
        f'closed: route \'{ORDERS}.protected-1\': methods is ["GET"], not ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]',
        f"  {READERS} | HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "a missing route": [
        f"closed: route '{ORDERS}.public-2' is missing; plugin jwt of route '{ORDERS}.public-2' is missing",
        f"  {ANYBODY} | GET,HEAD | http://orders.example.com/orders/health",
    ],
    "a retargeted route": [
        f"closed: route '{ORDERS}.protected-1': it leads to service 'kong-oam.local.shop.web.3000', not to service '{ORDERS}'",
        f"  {READERS} | GET,HEAD | http://orders.example.com/orders",
        f"  {WRITERS} | POST,PUT,DELETE | http://orders.example.com/orders",
    ],
    "another issuer of the ring": [],
    "tags and timeouts": [],
    "others beside us": [],
}
