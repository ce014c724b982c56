"""The stand-in speaks TLS to workloads as a Kong 3.10 does."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.kong import Kong
from tests.support import gateway_estates
from tests.support.json_object import JsonObject
from tests.support.live.upstream_tls import tls_gateway, workloads_are_verified
from tests.support.workload_tls import Workload, authority, signed


@pytest.mark.deep
def test_only_a_workload_with_its_own_certificate_is_spoken_to() -> None:
    """The live tier makes the same checks with a real Kong."""
    stack = gateway_estates.stack("tests", "http")
    with (
        Kong() as kong,
        tls_gateway(
            kong.admin_url,
            None,
            kong.proxy_url,
            stack,
            "tls.example.com",
            "127.0.0.1",
            bound=10,
        ) as gateway,
    ):
        workloads_are_verified(gateway)


SEND = "return function() kong.service.set_target('127.0.0.1', {}) kong.service.request.set_header('Host', '{}') end"


@pytest.mark.parametrize(
    ("name", "fields", "status"),
    [
        ("api.shop.svc", {"tls_verify": True, "ca_certificates": []}, 502),
        ("api.shop.svc", {"tls_verify": True}, 502),
        ("api.shop.svc", {"tls_verify": True, "ca_certificates": ["0af5ad7a-0000-4000-8000-000000000001"]}, 502),
        ("x.shop.svc", {"tls_verify": False}, 200),
        ("x.shop.svc", {}, 200),
        ("api.shop.svc:24443", {"tls_verify": True, "ca_certificates": ["CA"]}, 200),
        ("api.shop.svc", {"protocol": "http"}, 502),
    ],
)  # fmt: skip
def test_certificates_are_verified_as_by_a_kong(
    name: str, fields: JsonObject, status: int
) -> None:
    """Each expected answer is recorded from a Kong 3.10."""
    ca = authority("ca")
    with (
        Kong() as kong,
        Workload(signed(ca, "api.shop.svc")) as workload,
        _admin(kong) as admin,
    ):
        own = _create(admin, "/ca_certificates", {"cert": ca.certificate})["id"]
        if "ca_certificates" in fields:
            fields = {
                **fields,
                "ca_certificates": [
                    own if certificate == "CA" else certificate
                    for certificate in fields["ca_certificates"]
                ],
            }
        service = {
            "name": "t",
            "protocol": "https",
            "host": "nowhere.invalid",
            "port": 1,
            **fields,
        }
        scope = {"service": {"id": _create(admin, "/services", service)["id"]}}
        _create(
            admin,
            "/routes",
            {**scope, "hosts": ["public.example.com"], "preserve_host": True},
        )
        script = SEND.format(workload.port, name)
        _create(
            admin,
            "/plugins",
            {**scope, "name": "post-function", "config": {"access": [script]}},
        )
        answer = httpx.get(
            kong.proxy_url,
            headers={"Host": "public.example.com"},
            trust_env=False,
        )
        assert answer.status_code == status


def _admin(kong: Kong) -> httpx.Client:
    return httpx.Client(base_url=kong.admin_url, trust_env=False)


def _create(admin: httpx.Client, path: str, body: Any) -> Any:
    answer = admin.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()
