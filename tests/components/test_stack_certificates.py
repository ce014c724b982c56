"""Certificates of a stack without a cluster: they are the stack's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.gateway.certificates import require_certificates
from kong_oam.access.settings.values import StackError
from kong_oam.access.upstream import Target, Upstream
from tests.support.estates import STACK, api, estate, external


def test_a_certificate_needs_a_cluster_or_the_stack() -> None:
    upstream = Upstream((Target("10.0.0.1"),), "http")
    stack = replace(STACK, upstreams={"legacy/crm": upstream})
    text = external().replace("http: {", "secretName: crm-tls, http: {")
    alone = estate(text, stack=stack)
    with pytest.raises(StackError, match="'crm-tls' is missing"):
        require_certificates(alone, {"other"})
    require_certificates(alone, {"crm-tls"})
    require_certificates(estate(text, api(), stack=stack), ())
