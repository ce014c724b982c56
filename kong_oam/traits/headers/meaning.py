"""Compiles the trait `headers`: none of them is one that the gateway itself, the stack or another
trait answers for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import kong_oam.oam.application as oam
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.document import Place
from kong_oam.traits.headers.value import Headers

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
RESERVED = (  # noqa: SIM905 - as the script has it
    "forwarded x-original x-rewrite x-http-method x-method x-anonymous x-auth x-consumer "
    "x-credential x-authenticated x-remote x-ssl x-forwarded-user x-forwarded-email "
    "x-forwarded-groups x-forwarded-roles x-forwarded-preferred x-forwarded-access "
    "x-forwarded-client-cert x-forwarded-tls x-userinfo x-client-cert x-arr-clientcert x-webauth "
    "remote x-amzn-oidc x-amzn-mtls x-ms-client-principal x-ms-token x-goog-authenticated "
    "x-goog-iap x-pomerium x-apigateway-api x-endpoint-api x-jwt x-id-token cf-access tailscale "
    "impersonate ssl client-cert iv sm shib"
).split()
"""What admission takes from callers (kong/lua/admission.lua), since workloads may take it for who
calls. So an Application must not set it, either: every caller would be the same."""

_OF_ANSWERS: Mapping[str, Iterable[str]] = {
    "the trait cors says what pages may read": ("access-control", "vary"),
    "the stack says for how long browsers use https only, as gateway.hstsSeconds": (
        "strict-transport-security",
    ),
    "the gateway says it where it refuses": (
        *(
            "content-type",
            "ratelimit",
            "retry-after",
            "www-authenticate",
            "x-ratelimit",
        ),
    ),
    "it says how an answer is sent, which who sends it knows alone": (
        *(*_FRAMING, "content-encoding", "content-range", "date", "via"),
    ),
    "the gateway says it itself": ("x-kong", "traceparent", "tracestate"),
}
_SET_ON_ANSWERS: Mapping[str, Iterable[str]] = {
    "every caller would get the same, in place of the workload's": ("set-cookie",),
    **_OF_ANSWERS,
}
_OF_REQUESTS: Mapping[str, Iterable[str]] = {
    "workloads may take it for who calls, which the gate alone says": (
        *RESERVED,
        "authorization",
        "cookie",
    ),
    "the gateway says it itself": (
        *(
            "host",
            "origin",
            "access-control",
            "via",
            "x-forwarded",
            "x-kong",
            "x-real-ip",
            "traceparent",
        ),
        *("tracestate", "x-request-id", "ratelimit", "x-ratelimit"),
    ),
    "it says how a request is sent, which the gateway knows alone": (
        *_FRAMING,
        "content-type",
        "expect",
        "date",
    ),
}
"""Why a header is no Application's: beginnings of names before a dash, as admission compares
them."""


def headers_of(
    part: oam.Component, stack: Stack, out: list[Diagnostic]
) -> Headers | None:
    """What the component's trait `headers` says; None without one. Findings are added to `out`."""
    trait = part.trait("headers")
    if trait is None:
        return None
    said, place = trait.properties, trait.place.at("properties")
    answers, requests = said.get("response", {}), said.get("request", {})
    values, removed, told = (
        answers.get("set", {}),
        answers.get("remove", []),
        requests.get("set", {}),
    )
    at_answers, at_removed = place.at("response", "set"), place.at("response", "remove")
    at_requests = place.at("request", "set")
    in_answers = [(name, at_answers.key(name)) for name in values]
    in_removed = [(name, at_removed.at(index)) for index, name in enumerate(removed)]
    in_requests = [(name, at_requests.key(name)) for name in told]
    owners = {
        "the stack takes it from callers, since workloads take it for who calls": stack.stripped,
        **_OF_REQUESTS,
    }
    out += _owned(in_answers, _SET_ON_ANSWERS)
    out += _owned(in_removed, _OF_ANSWERS)
    out += _owned(in_requests, owners)
    out += _twice([*in_answers, *in_removed])
    out += _twice(in_requests)
    return Headers(
        said.get("preset") == "secure",
        dict(values),
        tuple(sorted(set(removed))),
        dict(told),
    )


_Written = Iterable[tuple[str, Place]]
"""Names of headers, and where they stand."""


def _owned(
    names: _Written, owners: Mapping[str, Iterable[str]]
) -> Iterator[Diagnostic]:
    for name, place in names:
        for why, beginnings in owners.items():
            if any(
                f"{name.lower()}-".startswith(f"{beginning}-")
                for beginning in beginnings
            ):
                message = f"header '{name}' is not an Application's: {why}; take it out"
                yield Diagnostic("ACC240", message, place)
                break


def _twice(names: _Written) -> Iterator[Diagnostic]:
    seen: dict[str, str] = {}
    for name, place in names:
        if first := seen.get(name.lower()):
            message = (
                f"header '{name}' stands twice, as '{first}', too; take one of them out"
            )
            yield Diagnostic("ACC241", message, place)
        seen.setdefault(name.lower(), name)
