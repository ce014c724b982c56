"""The meaning of `headers`. It rejects headers of the gateway, the stack or other traits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from kong_oam.access.diff.kind import Kind
from kong_oam.access.meaning import Declared, Meaning
from kong_oam.diagnostics import Code, Diagnostic, Findings
from kong_oam.oam.position import SourcePosition
from kong_oam.traits.headers.value import HEADERS, Headers, HeadersYaml

# Prefixes of header names that Applications must not set, by the reason.
_Owners = Mapping[str, Iterable[str]]

_FRAMING = (
    "connection",
    "content-length",
    "keep-alive",
    "proxy",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
)

# Headers that admission removes from requests (kong/lua/admission.lua), because workloads may read
# the caller from them. An Application must not set them either: every caller would look the same.
RESERVED = (
    "forwarded x-original x-rewrite x-http-method x-method x-anonymous x-auth x-consumer "
    "x-credential x-authenticated x-remote x-ssl x-forwarded-user x-forwarded-email "
    "x-forwarded-groups x-forwarded-roles x-forwarded-preferred x-forwarded-access "
    "x-forwarded-client-cert x-forwarded-tls x-userinfo x-client-cert "
    + "x-arr-clientcert x-webauth remote x-amzn-oidc x-amzn-mtls x-ms-client-principal "
    "x-ms-token x-goog-authenticated x-goog-iap x-pomerium x-apigateway-api x-endpoint-api "
    "x-jwt x-id-token cf-access tailscale impersonate ssl client-cert iv sm shib"
).split()

_RESERVED_IN_ANSWERS: _Owners = {
    "the trait cors sets it": ("access-control", "vary"),
    "the stack sets it by gateway.hstsSeconds": ("strict-transport-security",),
    "the gateway sets it in denials": (
        "content-type",
        "ratelimit",
        "retry-after",
        "www-authenticate",
        "x-ratelimit",
    ),
    "it describes how an answer is sent, which only the server knows": (
        *_FRAMING,
        "content-encoding",
        "content-range",
        "date",
        "via",
    ),
    "the gateway sets it": ("x-kong", "traceparent", "tracestate"),
}
_NOT_SET_IN_ANSWERS: _Owners = {
    "every caller would get the same value instead of the workload's": (
        "set-cookie",
    ),
    **_RESERVED_IN_ANSWERS,
}

# Prefixes of header names, up to a dash as in admission, by the reason.
_RESERVED_IN_REQUESTS: _Owners = {
    "workloads may read the caller from it, which only the gate may name": (
        *RESERVED,
        "authorization",
        "cookie",
    ),
    "the gateway sets it": (
        "host",
        "origin",
        "access-control",
        "via",
        "x-forwarded",
        "x-kong",
        "x-real-ip",
        "traceparent",
        "tracestate",
        "x-request-id",
        "ratelimit",
        "x-ratelimit",
    ),
    "it describes how a request is sent, which only the gateway knows": (
        *_FRAMING,
        "content-type",
        "expect",
        "date",
    ),
}


def _compile(declared: Declared) -> Headers | None:
    trait = declared.part.trait(HEADERS.name)
    if trait is None:
        return None
    out = declared.out
    properties = cast("HeadersYaml", trait.properties)
    response = properties.get("response", {})
    answers = response.get("set", {})
    removed = response.get("remove", ())
    requests = properties.get("request", {}).get("set", {})
    at_answers = trait.position.at("properties", "response", "set")
    at_removed = trait.position.at("properties", "response", "remove")
    at_requests = trait.position.at("properties", "request", "set")
    in_answers = [(name, at_answers.key(name)) for name in answers]
    in_removed = [
        (name, at_removed.at(index)) for index, name in enumerate(removed)
    ]
    in_requests = [(name, at_requests.key(name)) for name in requests]
    owners = {
        "the stack removes it from requests, since workloads read the caller from it": (
            declared.stack.stripped
        ),
        **_RESERVED_IN_REQUESTS,
    }
    out += _reserved_headers(in_answers, _NOT_SET_IN_ANSWERS)
    out += _reserved_headers(in_removed, _RESERVED_IN_ANSWERS)
    out += _reserved_headers(in_requests, owners)
    out += _duplicates([*in_answers, *in_removed])
    out += _duplicates(in_requests)
    return Headers(
        properties.get("preset") == "secure",
        answers,
        tuple(sorted(set(removed))),
        requests,
    )


# Names of headers with their positions.
_Written = Iterable[tuple[str, SourcePosition]]


def _reserved_headers(names: _Written, owners: _Owners) -> Findings:
    for name, position in names:
        for why, beginnings in owners.items():
            if _begins_with_one_of(name, beginnings):
                message = f"an Application cannot set header '{name}': {why}; remove it"
                yield Diagnostic("ACC240", message, position)
                break


def _begins_with_one_of(name: str, beginnings: Iterable[str]) -> bool:
    return any(f"{name.lower()}-".startswith(f"{each}-") for each in beginnings)


def _duplicates(names: _Written) -> Findings:
    seen: dict[str, str] = {}
    for name, position in names:
        if first := seen.get(name.lower()):
            message = f"header '{name}' is listed twice, also as '{first}'; remove one of them"
            yield Diagnostic("ACC241", message, position)
        seen.setdefault(name.lower(), name)


def _change(name: str, *_: Any) -> Kind:
    """Return the kind of a change. Request headers may grant access at the workload; answer headers
    do not."""
    return "may widen" if name == "request" else "changed"


MEANING = Meaning(
    HEADERS,
    _compile,
    _change,
    codes={
        "ACC240": Code(
            "a header of a trait `headers` that the gateway, the stack or another trait sets",
            "remove it; the message names the place that sets it",
        ),
        "ACC241": Code(
            "a header of a trait `headers` that is listed twice, or both set and removed",
            "remove one of them; names do not differ by capitals",
        ),
    },
)
