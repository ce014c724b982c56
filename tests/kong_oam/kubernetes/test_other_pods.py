"""Pods in the cluster with the labels of an access trait that belong to another component."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.engine.state import StackState
from kong_oam.kubernetes import preflight
from kong_oam.kubernetes.other_pods import other_pods
from kong_oam.verify import stack as verification
from tests.support.diffs import settings
from tests.support.rendered import application, compiled, ingress

RELEASE = "apiVersion: helm.sh/v3\nkind: Release\nmetadata: {name: es, namespace: orders}\nspec: {chart: es}\n"
ROUTE = ingress(
    "{rules: [{host: a.test, http: {paths: [{path: /x, backend: {service: {name: es-http, port: {number: 80}}}}]}}]}"
)
SERVICE = "{name: es-http, port: 80, podLabels: {app.kubernetes.io/instance: es, role: data}}"
ACCESS = f"[{{type: access, properties: {{owner: o, service: {SERVICE}, rules: [{{public: {{reason: r}}}}]}}}}]"
NOTHING = StackState(frozenset(), {})
"""The state before the first run."""
PODS = """{"app.kubernetes.io/instance":"es","role":"data"}
{"app.kubernetes.io/instance":"es","role":"data","app.oam.dev/name":"orders","app.oam.dev/component":"api"}
"""
OTHERS = """{"app.kubernetes.io/instance":"es","role":"data","app.oam.dev/name":"shop","app.oam.dev/component":"db"}
{"app.kubernetes.io/instance":"es","role":"data","app.oam.dev/component":"lost"}
"""


@pytest.fixture
def pods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the labels of pods. A fake `kubectl` prints it, and writes its arguments to the
    file `asked`."""
    program, answer = tmp_path / "kubectl", tmp_path / "pods"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\ncase "$*" in *pods*) cat {answer};; *netw*json) echo {{\\"items\\":[]}};; esac\n',
        "utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    answer.write_text(PODS, "utf-8")
    return answer


def test_pods_of_another_component_are_found_by_their_labels(
    pods: Path,
) -> None:
    """One command reads only labels. Pods of no component, and of the component itself, are fine."""
    estate = compiled(
        application(RELEASE + "---\n" + ROUTE, ACCESS, "type: helmchart")
    ).estate
    assert estate
    sites = estate.components["orders/api"].instances
    assert list(other_pods("c", sites)) == []
    call = (pods.parent / "asked").read_text("utf-8")
    assert call.startswith(
        "--context=c --namespace=orders --request-timeout=10s get pods "
    )
    assert (
        "--selector=app.kubernetes.io/instance=es,role=data --output=jsonpath="
        in call
    )
    pods.write_text(PODS + OTHERS, "utf-8")
    (found,) = other_pods(None, sites)
    assert (found.component.key, found.owners) == (
        "orders/api",
        ("/lost", "shop/db"),
    )


def test_a_run_and_verify_refuse_labels_that_pods_of_others_have(
    pods: Path,
) -> None:
    """A run reports it at the labels before it creates anything; `verify` reports it at the
    Service."""
    on = settings(cluster={"createNamespaces": True})
    text = application(RELEASE + "---\n" + ROUTE, ACCESS, "type: helmchart")
    estate = compiled(text, stack=on.stack).estate
    assert estate
    assert [
        finding.code for finding in preflight.inspect(on, estate, NOTHING)
    ] == []
    pods.write_text(OTHERS, "utf-8")
    (finding,) = preflight.inspect(on, estate, NOTHING)
    assert (finding.code, str(finding.position)) == (
        "ENV415",
        "app1.yaml:8:100",
    )
    assert finding.message.startswith(
        "pods of /lost, shop/db in namespace 'orders' have these podLabels. The rules"
    )
    altered = {
        workload.name: workload.reasons
        for workload in verification.workloads(on, estate).altered
    }
    assert (
        "it also selects pods of /lost, shop/db, so the rules of 'orders/api' open them"
        in [reason.text for reason in altered["Service 'orders/api-gateway'"]]
    )
    unrouted = ACCESS.replace(", rules: [{public: {reason: r}}]", "")
    text = application(RELEASE, unrouted, "type: helmchart")
    closed = compiled(text, stack=on.stack).estate
    assert closed
    names = [
        workload.name for workload in verification.workloads(on, closed).altered
    ]
    assert names.count("NetworkPolicy 'orders/api-gateway'") == 2
