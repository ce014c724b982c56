"""The caller's address at a Kong: read from its settings, printed, and rejected if callers may
choose any address."""

from __future__ import annotations

import pytest

from kong_oam.kong import addresses, preflight
from kong_oam.kong.account import Account
from kong_oam.kong.preflight import PreflightError
from sandbox.kong import Kong
from tests.support.estates import api, estate
from tests.support.json_object import JsonObject

EVERYBODY: list[JsonObject] = [
    {"trusted_ips": ["0.0.0.0/0"]},
    {"trusted_ips": ["0.0.0.0/0", "::/0"], "real_ip_header": "X-Forwarded-For"},
    {"trusted_ips": ["10.0.0.0/8", "::/0"]},
    {"trusted_ips": ["0.0.0.0/1", "128.0.0.0/1"]},
    {
        "nginx_proxy_directives": [
            {"name": "set_real_ip_from", "value": "0.0.0.0/0"}
        ]
    },
]
SOME: list[JsonObject] = [
    {},
    {"trusted_ips": {}},
    {"trusted_ips": ["10.0.0.0/8", "2001:db8::7", "unix:"]},
    {"trusted_ips": ["unix:"]},
    {
        "trusted_ips": ["0.0.0.0/1"],
        "nginx_http_directives": [{"name": "charset", "value": "UTF-8"}],
    },
]


@pytest.mark.parametrize("configuration", EVERYBODY, ids=str)
def test_a_gateway_that_believes_everybody_is_refused(
    configuration: JsonObject,
) -> None:
    """Where rules ask for addresses, and nowhere else."""
    with Kong(configuration=configuration) as kong:
        with pytest.raises(
            PreflightError,
            match=r"lets every caller choose its address .*, so an ip-allow trait "
            "restricts nobody, and a rate-limit by address limits nobody; ",
        ):
            preflight.inspect(Account(kong.admin_url), by_address=True)
        assert preflight.inspect(Account(kong.admin_url)).address is None


@pytest.mark.parametrize(
    ("per", "path", "by_address"),
    [
        ("address", "/orders", True),
        ("client", "/orders", False),
        ("client", "/open", True),
        ("user", "/open", True),
        ("component", "/open", False),
    ],
)
def test_limits_that_count_by_address_ask_for_it(
    per: str, path: str, by_address: bool
) -> None:
    """Otherwise a caller with a new address each time has no limit. Without a public rule, callers
    without a valid token reach no workload."""
    rule = "public: {reason: tests}" if path == "/open" else "scopes: [x]"
    access = f"{{owner: o, scopes: {{x: x}}, rules: [{{paths: [{path}], methods: [GET], {rule}}}]}}"
    limit = f"        - {{type: rate-limit, properties: {{per: {per}, requests: {{second: 1}}}}}}\n"
    made = estate(
        api(
            "limited",
            domain="limited.example.com",
            http="{/: 8080}",
            access=access,
        )
        + limit
    )
    assert addresses.uses_caller_address(made) == by_address


@pytest.mark.parametrize("configuration", SOME, ids=str)
def test_a_gateway_that_believes_some_is_not(
    configuration: JsonObject,
) -> None:
    """`GET /` prints an empty list as {}."""
    with Kong(configuration=configuration) as kong:
        facts = preflight.inspect(Account(kong.admin_url), by_address=True)
    assert facts.address == addresses.in_words(configuration)


def test_what_counts_as_an_address_is_said_in_words() -> None:
    """The words name Kong's header, the trusted networks, and the case of another deciding Kong."""
    trusted = {"trusted_ips": ["10.0.0.0/8"]}
    assert "the connection's (trusted_ips is empty)" in addresses.in_words(
        {"trusted_ips": {}}
    )
    assert (
        "X-Real-IP (real_ip_header) of calls from 10.0.0.0/8"
        in addresses.in_words(trusted)
    )
    forwarded = {**trusted, "real_ip_header": "X-Forwarded-For"}
    assert "X-Forwarded-For (real_ip_header)" in addresses.in_words(forwarded)
    assert (
        "set the same in the kong.conf of its data planes"
        in addresses.in_words({"role": "control_plane"})
    )
