"""A component that `new` wrote, on the real engine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sandbox.local import ROOT, STACK
from tests.support.engine.deployment import Empty
from tests.support.new_component import NEW


@pytest.mark.deep
def test_a_scaffolded_component_can_be_previewed_at_once(empty: Empty) -> None:
    """Workload, identity, gate and routes are planned, and its access equals the template's."""
    deployment = empty()
    calls = ("--calls", "orders/api:orders.read")
    command = [sys.executable, "-m", "kong_oam", *NEW, *calls]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        command,
        cwd=deployment.folder,
        env=environment,
        check=True,
        capture_output=True,
        timeout=60,
    )
    previewed = deployment.pulumi("preview", "-s", STACK, "--show-full-output")
    for messages in (
        "kubernetes:apps/v1:Deployment billing/invoices-deployment create",
        "okta:app:OAuth okta-app-billing/invoices create",
        "kong:index:Plugin billing/invoices-8080-gate create",
        "kong:index:Route billing/invoices-protected-0-8080 create",
    ):
        assert messages in previewed.stdout
    for line in (
        "GET,HEAD billing.example.com/  billing/invoices: invoices.read: nobody",
        "billing/invoices at okta  orders.read",
    ):
        assert line in previewed.stdout
