"""The values of the traits `limits` and `headers`, and their findings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kong_oam.kong
from kong_oam.diagnostics import Diagnostic
from kong_oam.traits.headers.at_kong import headers_entry
from kong_oam.traits.headers.meaning import RESERVED
from kong_oam.traits.headers.value import HEADERS, Headers
from kong_oam.traits.key import Traits
from kong_oam.traits.limits.at_kong import limit_fields, limits_entry
from kong_oam.traits.limits.value import IDEMPOTENT, LIMITS, Limits, Retries
from tests.support.diffs import settings
from tests.support.estates import compiled, estate

_LUA = Path(kong_oam.kong.__file__).parent / "lua" / "admission.lua"
ROUTE = "        - {type: gateway, properties: {domain: a.example.com, http: {/: 80}}}\n"


def application(*traits: str, exposed: bool = True) -> str:
    lines = "".join(f"        - {{type: {trait}}}\n" for trait in traits)
    return f"""\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: shop, namespace: shop}}
spec:
  components:
    - name: api
      type: webservice
      properties: {{image: x}}
      traits:
{ROUTE if exposed else ""}{lines}\
        - type: access
          properties: {{owner: o, rules: [{{methods: [GET], public: {{reason: a test}}}}]}}
"""


def diagnostics(text: str) -> list[Diagnostic]:
    return list(compiled(text).diagnostics)


def values(*traits: str) -> Traits:
    return estate(application(*traits)).components["shop/api"].traits


def test_sizes_and_times_are_bytes_and_milliseconds() -> None:
    properties = "{body: 10Mi, timeouts: {connect: 500ms, read: 30s, write: 2m}, retries: {count: 0, methods: [PUT, GET]}}"
    limits = Limits(
        10 * 2**20, 500, 30_000, 120_000, Retries(0, ("GET", "PUT"))
    )
    assert values(f"limits, properties: {properties}")[LIMITS] == limits
    fields = {
        "connect_timeout": 500,
        "read_timeout": 30_000,
        "write_timeout": 120_000,
        "retries": 0,
    }
    assert limit_fields(limits) == fields


def test_what_is_not_said_is_as_the_gateway_has_it() -> None:
    """And what means the same twice is tried again, nothing else."""
    assert values() == Traits()
    assert values("limits, properties: {}")[LIMITS] == Limits()
    assert limit_fields(Limits()) == limits_entry(Limits()) == {}
    retried = Limits(retries=Retries(3))
    assert (
        values("limits, properties: {retries: {count: 3}}")[LIMITS] == retried
    )
    assert limits_entry(retried) == {"limits": {"retried": list(IDEMPOTENT)}}


def test_a_preset_sets_what_nobody_says_otherwise() -> None:
    properties = "{preset: secure, response: {set: {x-frame-options: SAMEORIGIN}, remove: [Referrer-Policy]}}"
    headers = values(f"headers, properties: {properties}")[HEADERS]
    assert headers == Headers(
        True, {"x-frame-options": "SAMEORIGIN"}, ("Referrer-Policy",)
    )
    entry = headers_entry(headers)["headers"]
    assert entry["set"] == [
        ["Cross-Origin-Opener-Policy", "same-origin-allow-popups"],
        ["Cross-Origin-Resource-Policy", "same-site"],
        ["Permissions-Policy", "camera=(), geolocation=(), microphone=()"],
        ["X-Content-Type-Options", "nosniff"],
        ["x-frame-options", "SAMEORIGIN"],
    ]
    assert entry["remove"] == [
        "Referrer-Policy",
        "Server",
        "X-AspNet-Version",
        "X-AspNetMvc-Version",
        "X-Powered-By",
    ]
    assert entry["add"] == [
        ["Content-Security-Policy", "frame-ancestors 'none'"]
    ]
    own = headers_entry(
        Headers(True, {"Content-Security-Policy": "default-src 'self'"})
    )["headers"]
    assert (
        own["add"],
        ["Content-Security-Policy", "default-src 'self'"] in own["set"],
    ) == (
        [],
        True,
    )
    assert headers_entry(Headers()) == {}


@pytest.mark.parametrize(
    ("properties", "code", "at", "why"),
    [
        (
            "response: {set: {Access-Control-Allow-Origin: '*'}}",
            "ACC240",
            "Access",
            "the trait cors sets it",
        ),
        (
            "response: {remove: [vary]}",
            "ACC240",
            "vary",
            "the trait cors sets it",
        ),
        (
            "response: {set: {strict-transport-security: max-age=0}}",
            "ACC240",
            "strict",
            "gateway.hstsSeconds",
        ),
        (
            "response: {set: {Set-Cookie: a=1}}",
            "ACC240",
            "Set-Cookie",
            "every caller would get the same",
        ),
        (
            "response: {remove: [WWW-Authenticate]}",
            "ACC240",
            "WWW",
            "sets it in denials",
        ),
        (
            "response: {set: {RateLimit-Limit: '1'}}",
            "ACC240",
            "RateLimit",
            "sets it in denials",
        ),
        (
            "response: {set: {Content-Length: '1'}}",
            "ACC240",
            "Content",
            "how an answer is sent",
        ),
        (
            "response: {set: {Content-Encoding: gzip}}",
            "ACC240",
            "Content",
            "how an answer is sent",
        ),
        (
            "request: {set: {X-Auth-Client: admin}}",
            "ACC240",
            "X-Auth",
            "read the caller from it",
        ),
        (
            "request: {set: {X-WEBAUTH-User: admin}}",
            "ACC240",
            "X-WEB",
            "read the caller from it",
        ),
        (
            "request: {set: {authorization: Bearer x}}",
            "ACC240",
            "auth",
            "read the caller from it",
        ),
        (
            "request: {set: {Host: other}}",
            "ACC240",
            "Host",
            "the gateway sets it",
        ),
        (
            "request: {set: {X-Forwarded-For: 10.0.0.1}}",
            "ACC240",
            "X-Forw",
            "the gateway sets it",
        ),
        (
            "request: {set: {Connection: X-Auth-Client}}",
            "ACC240",
            "Conn",
            "how a request is sent",
        ),
        (
            "request: {set: {Transfer-Encoding: chunked}}",
            "ACC240",
            "Transfer",
            "how a request is sent",
        ),
        (
            "response: {set: {X-A: a, x-a: b}}",
            "ACC241",
            "x-a",
            "is listed twice",
        ),
        (
            "request: {set: {X-A: a, x-a: b}}",
            "ACC241",
            "x-a",
            "is listed twice",
        ),
        (
            "response: {set: {X-A: a}, remove: [x-a]}",
            "ACC241",
            "x-a]",
            "is listed twice, also as 'X-A'",
        ),
        (
            'response: {set: {X-A: "a\\r\\nX-B: c"}}',
            "OAM103",
            '"a',
            "does not match",
        ),
        ("response: {set: {X_A: a}}", "OAM103", "{X_A", "does not match"),
    ],
)
def test_a_header_that_somebody_else_says_is_refused_where_it_stands(
    properties: str, code: str, at: str, why: str
) -> None:
    text = application(f"headers, properties: {{{properties}}}")
    (found,) = diagnostics(text)
    assert (found.code, why in found.message) == (code, True), found
    line = text.splitlines()[found.position.line - 1]
    assert line[found.position.column - 1 :].startswith(at), line[
        found.position.column - 1 :
    ]


def test_a_header_that_the_stack_takes_from_callers_is_refused() -> None:
    """This includes headers with that prefix, since workloads of this stack read the caller from
    them."""
    on = settings(
        gateway={
            "stripHeaders": ["X-Internal"],
            "cidrs": ["192.0.2.0/24"],
            "reach": "loadBalancer",
        }
    )
    text = application(
        "headers, properties: {request: {set: {x-internal-user: root, X-Internals: a}}}"
    )
    (found,) = compiled(text, stack=on.stack).diagnostics
    assert (found.code, found.message.split(";")[0]) == (
        "ACC240",
        "an Application cannot set header 'x-internal-user': the stack removes it from requests, since workloads read "
        "the caller from it",
    )


@pytest.mark.parametrize(
    "properties",
    [
        "response: {remove: [Set-Cookie, Server]}",
        "request: {set: {X-Env: prod}}",
    ],
)
def test_other_headers_are_an_application_s(properties: str) -> None:
    assert not [
        *diagnostics(application(f"headers, properties: {{{properties}}}"))
    ]


@pytest.mark.parametrize("trait", ["limits", "headers"])
def test_nothing_is_bounded_that_is_not_exposed(trait: str) -> None:
    (found,) = (
        diagnostic
        for diagnostic in diagnostics(
            application(f"{trait}, properties: {{}}", exposed=False)
        )
        if diagnostic.code == "ACC231"
    )
    assert "add a gateway trait" in found.message


def test_the_reserved_names_are_those_that_admission_takes_away() -> None:
    """But for `connection`, which says how a message is sent."""
    text = _LUA.read_text("utf-8")
    listed = re.search(r"gmatch\(\n(.*?),\n", text, re.DOTALL)
    assert listed
    assert {*" ".join(re.findall("'([^']*)'", listed[1])).split()} == {
        "connection",
        *RESERVED,
    }
