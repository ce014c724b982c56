"""Other spellings than Okta's: the gate reads a provider's tokens as `authenticate` and `decide` do
(a stand-in for Kong).

Tokens here are for a single API each. Users' scopes are words in one string, and services' scopes
are a list with a prefix. Users' groups are values of roles, and only groups that roles name.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kong_oam.access.decide import Request, answer, decide
from kong_oam.access.issue import User, issue
from kong_oam.access.model import Client, Stack
from kong_oam.access.providers import Provider
from kong_oam.access.tokens import Claims, Refusal, authenticate
from sandbox.kong import Kong
from tests.support import kong_deployment
from tests.support.estates import ENTRA_SPELLING, api, estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene
from tests.support.gateway_tokens import Issuer
from tests.support.json_object import JsonObject
from tests.support.tiers import examples

PROVIDER = Provider(
    "main",
    "api://t",
    ENTRA_SPELLING,
    "https://issuer.example.com",
    {"sales": "ACME Sales"},
    per_api=True,
)
MADE_UP = {"a/api": "6c1f-a", "b/api": "6c1f-b"}
ISSUER = Issuer(now=time.time(), provider=PROVIDER, audiences=MADE_UP)
ACCESS = """
            owner: team
            scopes: {NAME.read: r, NAME.write: w}
            rules:
              - {paths: [/], methods: [GET], scopes: [NAME.read]}
              - {paths: [/], methods: [POST], scopes: [NAME.write]}
            roles:
              viewer: {scopes: [NAME.read], groups: [sales], components: [shop/job, shop/web]}
              editor: {scopes: [NAME.read, NAME.write], groups: [desk], components: [shop/web]}
"""
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: a/api, scopes: [a.read]}, {component: b/api, scopes: [b.read]}]}
    - name: web
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: web.example.com, http: {/: 80}}
        - type: access
          properties: {owner: w, rules: [{public: {reason: pages}}]}
        - type: client
          properties: {kind: web, redirectPaths: [/cb], calls: [{component: a/api, scopes: [a.read, a.write]}]}
"""
ESTATE = estate(
    *(
        api(
            name,
            domain=f"{name}.example.com",
            http="{/: 80}",
            access=ACCESS.replace("NAME", name),
        )
        for name in "ab"
    ),
    api("open", domain="open.example.com", http="{/: 80}"),
    SHOP,
    stack=Stack("tests", {"main": PROVIDER}),
)
RING = ISSUER.ring
SCENE = Scene(ESTATE, {"main": ISSUER})


def client(component: str) -> Client:
    (entry,) = (
        entry for entry in ESTATE.clients if entry.component == component
    )
    return entry


JOB, WEB = client("shop/job"), client("shop/web")
A, B = ESTATE.components["a/api"], ESTATE.components["b/api"]


def service(**changes: Any) -> JsonObject:
    base = {
        "aud": "6c1f-a",
        "azp": "c",
        "oid": "object",
        "sub": "object",
        "ver": "2.0",
        "idtyp": "app",
        "roles": ["scope=a.read"],
    }
    return {"jti": None, "cid": None, "scp": None} | base | changes


def user(**changes: Any) -> JsonObject:
    return service(
        **(
            {
                "idtyp": None,
                "scp": "a.read a.write",
                "roles": ["group=ACME%20Sales"],
            }
            | changes
        )
    )


@pytest.fixture(scope="module")
def kong() -> Iterator[Kong]:
    with Kong(now=lambda: ISSUER.now) as gateway:
        kong_deployment.deploy(
            gateway.admin_url,
            SCENE.estate,
            {"main": {ISSUER.kid: ISSUER.pem}},
            audiences=MADE_UP,
        )
        yield gateway


@pytest.mark.parametrize(
    ("payload", "statuses"),
    [
        (service(), (200, 403, 403, 200)),
        (
            service(roles=["scope=a.read", "scope=a.write"]),
            (200, 200, 403, 200),
        ),
        (
            service(
                roles=["scope=a.read", "a.write", "group=desk", "scope=", ""]
            ),
            (200, 403, 403, 200),
        ),
        (
            service(
                roles=[
                    "a.read",
                    "scopea.read",
                    "scope:a.read",
                    " scope=a.read",
                    "scope=scope=a.read",
                ]
            ),
            (403, 403, 403, 200),
        ),
        (service(aud="6c1f-b", roles=["scope=b.read"]), (403, 403, 200, 200)),
        (service(aud=["6c1f-a", "6c1f-b"]), (200, 403, 403, 200)),
        (service(aud="api://t/a/api"), (403, 403, 403, 403)),
        (service(aud=[]), (401, 401, 401, 401)),
        (service(aud=["6c1f-a", 1]), (401, 401, 401, 401)),
        (service(aud=None), (401, 401, 401, 401)),
        (service(aud="6c1f-b", exp=1), (401, 401, 401, 401)),
        (service(aud="graph", roles=["scope=a.read"]), (403, 403, 403, 403)),
        (service(roles="scope=a.read"), (401, 401, 401, 401)),
        (service(idtyp=None), (401, 401, 401, 401)),
        (service(idtyp="user"), (401, 401, 401, 401)),
        (service(ver="1.0"), (401, 401, 401, 401)),
        (service(oid=None), (401, 401, 401, 401)),
        (user(), (200, 403, 403, 200)),
        (user(roles=["group=desk"]), (200, 200, 403, 200)),
        (
            user(roles=["group=ACME%20Sales", "group=desk"], scp="a.read"),
            (200, 403, 403, 200),
        ),
        (user(roles=["a.read", "a.write"]), (403, 403, 403, 200)),
        (user(roles=None), (403, 403, 403, 200)),
        (
            user(roles=["viewer", "ACME Sales", "sales", "role=viewer"]),
            (403, 403, 403, 200),
        ),
        (user(scp=["a.read"]), (401, 401, 401, 401)),
        (user(idtyp="app"), (200, 403, 403, 200)),
    ],
)
def test_the_gate_reads_tokens_for_one_api_as_decide_does(
    kong: Kong, payload: JsonObject, statuses: tuple[int, ...]
) -> None:
    """Calls go to GET and POST of the token's own API, to GET of another API, and to a component
    that accepts any token. Audience, scopes and groups vary. A token for another API gives 403,
    as with tokens for all APIs."""
    token = ISSUER.token(**payload)
    answers, expected = [], []
    for method, name in (
        ("GET", "a"),
        ("POST", "a"),
        ("GET", "b"),
        ("GET", "open"),
    ):
        host = f"{name}.example.com"
        raw = f"{method} / HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
        answers.append(kong.handle(raw.encode(), scheme="https").status)
        request = Request(method, host, b"/")
        expected.append(
            answer(
                SCENE.estate,
                request,
                [f"Bearer {token}"],
                {"main": RING},
                ISSUER.now,
            ).status
        )
    assert (tuple(answers), tuple(expected)) == (statuses, statuses)


_AUDIENCES = ["6c1f-a", "6c1f-b", "graph", "api://t/a/api", "api://t", ""]
_ROLES = [
    "scope=a.read",
    "scope=a.write",
    "scope=b.read",
    "group=ACME%20Sales",
    "group=desk",
    "a.read",
    "scope=",
    "",
]
_PAYLOADS = st.fixed_dictionaries(
    {},
    optional={
        "aud": st.sampled_from([*_AUDIENCES, None, 7])
        | st.lists(st.sampled_from([*_AUDIENCES, 7]), max_size=3),
        "roles": st.lists(st.sampled_from(_ROLES), max_size=4)
        | st.sampled_from([None, "group=desk", [1]]),
        "scp": st.sampled_from(
            ["a.read", "a.read a.write", " b.read  a.read ", "", 7, ["a.read"]]
        ),
        "idtyp": st.sampled_from(["app", "user", None]),
        "ver": st.sampled_from(["2.0", "1.0", None]),
        "exp": st.sampled_from([ISSUER.now - 1, "never"]),
    },
)
_HOSTS = st.sampled_from(["a", "a", "b", "open", "web"])
_LOGICAL_GROUPS = ("sales", "desk", "staff", "sales eu")
_GROUP_NAMES = st.sampled_from(_LOGICAL_GROUPS)


@settings(
    max_examples=examples(800),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    user_signed_in=st.booleans(),
    payload=_PAYLOADS,
    host=_HOSTS,
    method=st.sampled_from(["GET", "POST", "PATCH"]),
)
def test_any_token_for_one_api_is_read_as_decide_reads_it(
    kong: Kong,
    user_signed_in: bool,
    payload: JsonObject,
    host: str,
    method: str,
) -> None:
    """Every audience and every list gives the same status and identity, at each kind of component."""
    token = ISSUER.token(**(user if user_signed_in else service)(**payload))
    case = Case(method, f"{host}.example.com", b"/", (f"Bearer {token}",))
    answers, expected = (
        kong.handle(case.raw(b"Content-Length: 0"), scheme="https"),
        case.meant(SCENE),
    )
    assert answers.status == expected.status
    if expected.allowed:
        assert answers.upstream is not None
        sent = {
            name.lower(): value
            for name, value in answers.upstream.headers
            if name.lower().startswith("x-auth-")
        }
        assert sent == case.identity_headers(SCENE, expected)


@pytest.mark.parametrize(
    ("host", "audience", "client"),
    [
        ("web", "6c1f-a", None),
        ("web", "graph", None),
        ("a", "6c1f-a", "c"),
        ("open", "6c1f-a", "c"),
    ],
)
def test_a_public_path_is_told_nothing_of_a_token_for_another_api(
    kong: Kong, host: str, audience: str, client: str | None
) -> None:
    """The service does not know its client."""
    token = ISSUER.token(**service(aud=audience))
    raw = f"GET / HTTP/1.1\r\nHost: {host}.example.com\r\nAuthorization: Bearer {token}\r\n\r\n"
    sent = kong.handle(raw.encode(), scheme="https").upstream
    assert sent is not None
    assert {name.lower(): value for name, value in sent.headers}.get(
        "x-auth-client"
    ) == client


def test_a_token_is_issued_for_one_api() -> None:
    """It has only the scopes of calls to that API. A user's token lists only the user's groups that
    roles there name."""
    job = issue(PROVIDER, JOB, api=B)
    assert job == Claims(
        "main",
        "shop/job",
        "shop/job",
        False,
        ("b.read",),
        audience="api://t/b/api",
    )
    assert issue(PROVIDER, JOB) == Refusal(
        "a token of 'main' is for one API: name the API"
    )
    assert issue(PROVIDER, JOB, api=A, scopes=["b.read"]) == Refusal(
        "shop/job was not granted b.read"
    )
    assert issue(PROVIDER, WEB, api=B, user=User("x", ("desk",))) == Refusal(
        "shop/web was granted nothing"
    )
    seller = issue(PROVIDER, WEB, User("x", ("ACME Sales",)), api=A)
    assert seller == Claims(
        "main",
        "shop/web",
        "x",
        True,
        ("a.read", "a.write"),
        ("group=ACME%20Sales",),
        "api://t/a/api",
    )
    token = issue(PROVIDER, WEB, User("x", ("ACME Sales", "desk")), api=A)
    assert isinstance(token, Claims)
    assert token.groups == ("group=ACME%20Sales", "group=desk")
    assert issue(PROVIDER, WEB, User("x", ("sales",)), api=A) == Refusal(
        "the user is in no group that shop/web is assigned to"
    )


def test_what_is_issued_is_what_is_authenticated() -> None:
    """The model's claims and those read from a token agree on audience, scopes and groups."""
    claims = authenticate(ISSUER.token(**user()), RING, ISSUER.now, ["a/api"])
    token = issue(PROVIDER, WEB, User("object", ("ACME Sales",)), api=A)
    assert isinstance(token, Claims)
    assert claims == replace(token, client="callers/all")


def test_a_token_that_was_issued_for_another_api_is_not_for_this_one() -> None:
    """Also in the model alone: a scope of the same name at another API opens nothing."""
    for_b = issue(PROVIDER, JOB, api=B)
    assert isinstance(for_b, Claims)
    for claims, status in (
        (for_b, 403),
        (replace(for_b, scopes=("a.read",)), 403),
        (issue(PROVIDER, JOB, api=A), 200),
    ):
        assert (
            decide(ESTATE, Request("GET", "a.example.com", b"/"), claims).status
            == status
        )


def test_a_token_of_before_holds_nothing_by_a_role_that_others_have_come_to_hold() -> (
    None
):
    """It lists the user's group, not the role. The group never had the new scopes of the role."""
    before = issue(PROVIDER, WEB, User("x", ("ACME Sales",)), api=A)
    old_role, new_role = (
        "{scopes: [NAME.read], groups: [sales]",
        "{scopes: [NAME.read, NAME.write], groups: [desk]",
    )
    access = {
        name: ACCESS.replace(old_role, new_role).replace("NAME", name)
        for name in "ab"
    }
    apis = (
        api(
            name,
            domain=f"{name}.example.com",
            http="{/: 80}",
            access=access[name],
        )
        for name in "ab"
    )
    after = estate(*apis, SHOP, stack=Stack("tests", {"main": PROVIDER}))
    assert isinstance(before, Claims)
    for method in ("GET", "POST"):
        assert (
            decide(after, Request(method, "a.example.com", b"/"), before).status
            == 403
        )


@given(
    groups=st.dictionaries(_GROUP_NAMES, _GROUP_NAMES), per_api=st.booleans()
)
def test_groups_are_listed_alike_exactly_where_they_are_one_at_the_provider(
    groups: dict[str, str], per_api: bool
) -> None:
    """Whatever Applications call them: an old token says whose it was at the provider, and not by which name."""
    provider = replace(PROVIDER, groups=groups, per_api=per_api)
    for group, other_group in product(_LOGICAL_GROUPS, repeat=2):
        are_one = groups.get(group, group) == groups.get(
            other_group, other_group
        )
        assert (
            provider.listed(group) == provider.listed(other_group)
        ) == are_one
    if not per_api:
        assert all(
            provider.listed(group) == groups.get(group, group)
            for group in _LOGICAL_GROUPS
        )


def test_no_two_groups_are_listed_as_one() -> None:
    """Each group has a unique value that a role at Entra may have (Microsoft Graph, appRole), for
    any name."""
    names = [
        "sales",
        "Sales",
        "sales/eu",
        "sales%2Feu",
        "sales eu",
        "Vertrieb Köln",
        "#sales",
        "x" * 200,
        "x" * 201,
        "é" * 99,
    ]
    values = [PROVIDER.listed(name) for name in names]
    assert values[0] == "group=ACME%20Sales"
    assert len(set(values)) == len(names)
    assert all(
        len(value) <= 120 and re.fullmatch(r"group=[!-~]+", value)
        for value in values
    )
