"""Nodes that are pods. A stand-in for `kubectl` lists them, and forwards ports to them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from kong_oam.access.settings.dbless import (
    DblessSettings,
    DocumentSecret,
    NodePods,
)
from kong_oam.kong.account import Account
from kong_oam.kong.dbless import pods
from kong_oam.kong.dbless import session as module
from kong_oam.kong.dbless.document import Document
from kong_oam.kong.dbless.nodes import NodeError
from kong_oam.kong.dbless.secret import SecretDocument
from kong_oam.kong.dbless.session import StaleNodesError, session
from kong_oam.kubernetes.kubectl import KubectlError
from sandbox.kong import Kong
from tests.support.dbless import nodes
from tests.support.kubectl_standin import ClusterStandIn, installed, pod

CLIENT = httpx.Client(timeout=60.0)
SERVICE = {"name": "orders", "host": "orders.local"}
PODS = NodePods("kong", {"app": "kong"})


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterStandIn:
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    return installed(tmp_path, monkeypatch)


@pytest.fixture
def two(cluster: ClusterStandIn) -> Iterator[Sequence[Kong]]:
    """Nodes in the pods `one` and `two`."""
    with nodes(2) as standing:
        cluster.put(_pods(standing))
        yield standing


def _pods(standing: Sequence[Kong]) -> list[Any]:
    return [
        pod("one", standing[0].admin_url),
        pod("two", standing[1].admin_url),
    ]


@contextmanager
def writable(wanted: NodePods = PODS) -> Iterator[str]:
    secret = DocumentSecret("kong", "document")
    settings = DblessSettings(pods=wanted, secret=secret, context="production")
    with session("prod", settings, Account(""), "test", 0) as address:
        yield address


def _names(node: Kong) -> list[str]:
    return [service["name"] for service in node.entities("services")]


def _saved() -> Document:
    document = SecretDocument(None, "kong", "document").load("prod")
    assert document
    return document


def _start(node: Kong, document: Document) -> None:
    """Load a document, as a node does when it starts."""
    body = {"config": document.text()}
    CLIENT.post(f"{node.admin_url}/config", json=body).raise_for_status()


def test_a_write_is_in_the_secret_and_in_each_pod(
    cluster: ClusterStandIn, two: Sequence[Kong]
) -> None:
    with writable() as address:
        made = CLIENT.post(f"{address}/services", json=SERVICE)
        assert made.status_code == 201
        assert [_names(node) for node in two] == [["orders"]] * 2
        assert [*_saved().tables["services"]] == [made.json()["id"]]
    assert [
        "--context=production",
        "--namespace=kong",
        "port-forward",
        "pod/one",
        ":8001",
        "--address=127.0.0.1",
    ] in cluster.calls()
    assert "annotations" not in cluster.secret["metadata"] or (
        cluster.secret["metadata"]["annotations"] == {}
    )


def test_all_forwards_end_with_the_session(
    cluster: ClusterStandIn, two: Sequence[Kong]
) -> None:
    with pytest.raises(ZeroDivisionError), writable():
        first = cluster.forwards()
        assert len(first) == len(two)
        for process in first:
            os.kill(process, 0)
        raise ZeroDivisionError
    for process in cluster.forwards():
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_without_pods_nothing_starts(cluster: ClusterStandIn) -> None:
    cluster.put(
        [
            pod("done", phase="Succeeded"),
            pod("new", phase="Pending"),
            pod("gone", deletionTimestamp="2026-01-01T00:00:00Z"),
        ]
    )
    with (
        pytest.raises(
            NodeError,
            match="^no pod runs in the namespace 'kong' with the labels app=kong; start Kong, or "
            r"correct gateway\.nodes$",
        ),
        writable(),
    ):
        pass


def test_a_missing_kubectl_is_named(
    cluster: ClusterStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    settings = DblessSettings(pods=PODS, file=str(cluster.folder / "document"))
    with (
        pytest.raises(
            KubectlError, match=r"^kubectl is not on PATH; install it$"
        ),
        session("prod", settings, Account(""), "test", 0),
    ):
        pass


def test_messages_name_the_pod(two: Sequence[Kong]) -> None:
    with (
        pytest.raises(
            StaleNodesError, match="the node kong/two does not answer"
        ) as stale,
        writable() as address,
    ):
        two[1].stop()
        failed = CLIENT.post(f"{address}/services", json=SERVICE)
        assert failed.status_code == 503
        message = failed.json()["message"]
        assert message.startswith("the node kong/two does not answer")
        assert _names(two[0]) == []
    assert "127.0.0.1" not in message + str(stale.value)


def test_a_pod_that_cannot_be_reached_is_named(
    cluster: ClusterStandIn,
    two: Sequence[Kong],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It disappears between the list and the forward."""
    gone = [*_pods(two), pod("gone", two[0].admin_url)]
    monkeypatch.setattr("kong_oam.kubernetes.kubectl.pods", lambda *_: gone)
    with (
        pytest.raises(
            NodeError,
            match=r"^kubectl cannot reach the pod kong/gone: Error from server \(NotFound\)",
        ),
        writable(),
    ):
        pass
    assert len(cluster.pods()) == len(two)


def test_a_new_pod_with_the_saved_document_is_fine(
    cluster: ClusterStandIn, two: Sequence[Kong]
) -> None:
    with nodes(1) as [third], writable() as address:
        CLIENT.post(f"{address}/services", json=SERVICE)
        _start(third, _saved())
        cluster.put([*_pods(two), pod("three", third.admin_url)])


def test_a_new_pod_with_another_document_is_stale(
    cluster: ClusterStandIn, two: Sequence[Kong]
) -> None:
    with (
        nodes(1) as [third],
        pytest.raises(
            StaleNodesError,
            match=r"the document in the Secret kong/document; repair them, .*:\n"
            "  the node kong/three has another document$",
        ),
        writable() as address,
    ):
        _start(third, _saved())
        cluster.put([*_pods(two), pod("three", third.admin_url)])
        CLIENT.post(f"{address}/services", json=SERVICE)


def test_a_pod_gets_time_to_start(
    cluster: ClusterStandIn,
    two: Sequence[Kong],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 60.0)
    with nodes(1) as [third]:
        three = pod("three", third.admin_url)

        unsettled = pods.unsettled

        def then_started(*arguments: Any) -> Iterator[str]:
            yield from unsettled(*arguments)
            _start(third, _saved())
            cluster.put([*_pods(two), three])

        monkeypatch.setattr(pods, "unsettled", then_started)
        with writable() as address:
            CLIENT.post(f"{address}/services", json=SERVICE)
            pending = {**three, "status": {"phase": "Pending"}}
            cluster.put([*_pods(two), pending])
        assert len(cluster.pods()) == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": {"phase": "Pending"}}, "is starting, perhaps with another document"),
        ({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "is ending, with another document"),
    ],
)  # fmt: skip
def test_a_pod_that_may_have_another_document_is_named(
    cluster: ClusterStandIn,
    two: Sequence[Kong],
    change: dict[str, Any],
    words: str,
) -> None:
    with (
        pytest.raises(StaleNodesError, match=f"the pod kong/three {words}$"),
        writable(),
    ):
        three = pod("three")
        for name, value in change.items():
            three[name] = {**three[name], **value}
        cluster.put([*_pods(two), three])


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_a_pod_without_a_document_is_ignored(
    cluster: ClusterStandIn, two: Sequence[Kong], phase: str
) -> None:
    """A pod without a machine reads the document later."""
    with writable():
        three = pod("three", phase=phase)
        del three["spec"]["nodeName"]
        cluster.put([*_pods(two), three])


def test_a_vanished_pod_is_no_failure(
    cluster: ClusterStandIn, two: Sequence[Kong]
) -> None:
    with writable() as address:
        CLIENT.post(f"{address}/services", json=SERVICE)
        cluster.put(_pods(two)[:1])
        two[1].stop()


def test_an_ending_pod_of_the_session_is_no_failure(
    cluster: ClusterStandIn, two: Sequence[Kong]
) -> None:
    with writable() as address:
        CLIENT.post(f"{address}/services", json=SERVICE)
        other, ending = _pods(two)
        ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        cluster.put([other, ending])


def test_a_write_that_a_vanished_pod_misses_fails(
    cluster: ClusterStandIn, two: Sequence[Kong]
) -> None:
    with writable() as address:
        cluster.put(_pods(two)[:1])
        two[1].stop()
        failed = CLIENT.post(f"{address}/services", json=SERVICE)
        assert failed.status_code == 503
    assert _names(two[0]) == []
    assert not _saved().tables["services"]


def test_only_pods_with_all_labels_are_nodes(two: Sequence[Kong]) -> None:
    first = NodePods("kong", {"app": "kong", "pod": "one"})
    with writable(first) as address:
        CLIENT.post(f"{address}/services", json=SERVICE)
    assert [_names(node) for node in two] == [["orders"], []]


def test_two_writers_of_one_secret_do_not_mix(
    cluster: ClusterStandIn, two: Sequence[Kong]
) -> None:
    """A write after somebody else's write fails, and so does each later write."""
    with (
        pytest.raises(StaleNodesError, match="somebody else wrote"),
        writable() as address,
    ):
        theirs = cluster.secret
        cluster.write(theirs)
        for name in ("a", "b"):
            body = {**SERVICE, "name": name}
            failed = CLIENT.post(f"{address}/services", json=body)
            assert failed.status_code == 503
            assert "somebody else wrote" in failed.json()["message"]
        assert cluster.secret["data"] == theirs["data"]
        assert [_names(node) for node in two] == [[], []]
