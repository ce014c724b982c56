"""The Secret of a document, and its lock. A stand-in for `kubectl` keeps the Secret."""

from __future__ import annotations

import base64
import gzip
import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kong_oam.kong.dbless.document import Document, DocumentError
from kong_oam.kong.dbless.secret import SecretDocument
from tests.support.kubectl_standin import ClusterStandIn, installed

SERVICE = {
    "id": "8f0a0b9e-7f4b-4a3e-9d0c-3f6c6f0a1b2c",
    "host": "private-text",
}
EMPTY = Document("prod")
FULL = replace(
    EMPTY, tables={**EMPTY.tables, "services": {SERVICE["id"]: SERVICE}}
)
LOCK = "kong-oam.dev/dbless"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterStandIn:
    return installed(tmp_path, monkeypatch)


@pytest.fixture
def place(cluster: ClusterStandIn) -> SecretDocument:
    return SecretDocument("production", "kong", "document")


def content(cluster: ClusterStandIn) -> str:
    compressed = base64.b64decode(cluster.secret["data"]["kong.json.gz"])
    return gzip.decompress(compressed).decode()


def by_hand(cluster: ClusterStandIn, **change: Any) -> None:
    cluster.write({**cluster.secret, **change})


def lock_of(cluster: ClusterStandIn) -> Any:
    return json.loads(cluster.secret["metadata"]["annotations"][LOCK])


def locked_by(cluster: ClusterStandIn, **change: Any) -> None:
    secret = cluster.secret
    lock = {**lock_of(cluster), **change}
    secret["metadata"]["annotations"][LOCK] = json.dumps(lock)
    cluster.write(secret)


def test_the_secret_has_the_compressed_document(
    cluster: ClusterStandIn, place: SecretDocument
) -> None:
    with place.locked("pulumi up"):
        assert place.load("prod") is None
        place.save(EMPTY)
        place.save(FULL)
    assert cluster.secret["metadata"]["name"] == "document"
    assert cluster.secret["metadata"]["namespace"] == "kong"
    assert content(cluster) == FULL.text()
    assert SecretDocument(None, "kong", "document").load("prod") == FULL


def test_the_document_is_on_no_command_line(
    cluster: ClusterStandIn, place: SecretDocument
) -> None:
    with place.locked("pulumi up"):
        place.save(FULL)
    assert {tuple(call) for call in cluster.calls()} == {
        (
            "--context=production",
            "--namespace=kong",
            "--request-timeout=10s",
            *("get", "secrets", "document"),
            *("--ignore-not-found", "--output=json"),
        ),
        *(
            (
                "--context=production",
                "--namespace=kong",
                "--request-timeout=30s",
                *(verb, "--filename=-", "--validate=false", "--output=json"),
            )
            for verb in ("create", "replace")
        ),
    }


def test_other_fields_of_the_secret_stay(
    cluster: ClusterStandIn, place: SecretDocument
) -> None:
    """kubectl would copy the whole Secret into its own annotation, so this annotation goes."""
    about = {
        "name": "document",
        "namespace": "kong",
        "labels": {"team": "edge"},
        "annotations": {
            "note": "ours",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
        },
    }
    cluster.write(
        {"kind": "Secret", "metadata": about, "data": {"other": "eA=="}}
    )
    with place.locked("pulumi up"):
        assert place.load("prod") is None
        place.save(FULL)
    assert cluster.secret["data"]["other"] == "eA=="
    assert cluster.secret["metadata"]["labels"] == {"team": "edge"}
    assert cluster.secret["metadata"]["annotations"] == {"note": "ours"}
    assert content(cluster) == FULL.text()


def test_a_write_of_somebody_else_is_not_overwritten(
    cluster: ClusterStandIn, place: SecretDocument
) -> None:
    with place.locked("pulumi up"):
        place.save(EMPTY)
        by_hand(cluster, data={"kong.json.gz": "theirs"})
        with pytest.raises(
            DocumentError, match=r"somebody else wrote .* Secret kong/document"
        ):
            place.save(FULL)
        assert cluster.secret["data"] == {"kong.json.gz": "theirs"}
    # The lock goes nevertheless.
    assert cluster.secret["metadata"]["annotations"] == {}


def test_a_secret_that_appears_meanwhile_is_not_overwritten(
    cluster: ClusterStandIn, place: SecretDocument
) -> None:
    assert place.load("prod") is None
    with SecretDocument(None, "kong", "document").locked("pulumi up"):
        before = cluster.secret
        with pytest.raises(DocumentError, match="somebody else wrote"):
            place.save(FULL)
        assert cluster.secret == before


def test_a_document_above_1_mib_is_refused(
    cluster: ClusterStandIn, place: SecretDocument
) -> None:
    noise = random.Random(0).randbytes(1_100_000).hex()
    large = replace(
        EMPTY,
        tables={
            **EMPTY.tables,
            "services": {SERVICE["id"]: {**SERVICE, "tags": [noise]}},
        },
    )
    with place.locked("pulumi up"):
        place.save(FULL)
        with pytest.raises(
            DocumentError,
            match=r"has 1\.\d MiB compressed, and a Secret holds 1 MiB; use gateway.document.file",
        ):
            place.save(large)
    assert content(cluster) == FULL.text()


@pytest.mark.parametrize("encoded", ["", base64.b64encode(b"{}").decode()])
def test_other_content_is_refused(
    cluster: ClusterStandIn, place: SecretDocument, encoded: str
) -> None:
    with place.locked("pulumi up"):
        place.save(FULL)
        by_hand(cluster, data={"kong.json.gz": encoded})
        with pytest.raises(
            DocumentError,
            match=r"in the Secret kong/document is not usable: .*last good copy",
        ):
            place.load("prod")


def test_another_stacks_secret_is_refused(place: SecretDocument) -> None:
    with place.locked("pulumi up"):
        place.save(FULL)
        with pytest.raises(DocumentError, match="belongs to the stack 'prod'"):
            place.load("test")


def test_one_command_at_a_time_holds_the_secret(
    cluster: ClusterStandIn, place: SecretDocument
) -> None:
    other = SecretDocument(None, "kong", "document")
    with place.locked("pulumi up"):
        assert lock_of(cluster) == place.holder()
        assert {*place.holder()} == {"command", "host", "process", "since"}
        with (
            pytest.raises(
                DocumentError,
                match=rf"Secret kong/document is in use by 'pulumi up' \(process {os.getpid()} on",
            ),
            other.locked("pulumi destroy"),
        ):
            pass
        assert place.holder()["command"] == "pulumi up"
    assert place.holder() == {}
    with other.locked("pulumi destroy"):
        pass


def test_of_two_commands_at_once_one_gets_the_lock(
    cluster: ClusterStandIn,
    place: SecretDocument,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other command read the Secret without the lock."""
    with place.locked("pulumi up"):
        place.save(EMPTY)
    without_lock = cluster.secret
    other = SecretDocument(None, "kong", "document")
    with place.locked("pulumi up"):
        with (
            monkeypatch.context() as patched,
            pytest.raises(DocumentError, match="somebody else wrote"),
        ):
            patched.setattr(
                "kong_oam.kubernetes.kubectl.secret", lambda *_: without_lock
            )
            other.locked("pulumi destroy").__enter__()
        assert lock_of(cluster)["command"] == "pulumi up"


def test_a_failed_command_frees_the_secret(
    cluster: ClusterStandIn, place: SecretDocument
) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        place.locked("pulumi up"),
    ):
        raise ZeroDivisionError
    assert cluster.secret["metadata"]["annotations"] == {}


def test_only_the_lock_of_a_dead_command_is_freed(
    cluster: ClusterStandIn, place: SecretDocument
) -> None:
    assert place.free() is None
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with place.locked("pulumi up"):
        with pytest.raises(DocumentError, match="which may still run"):
            place.free()
        locked_by(cluster, host="elsewhere")
        with pytest.raises(
            DocumentError,
            match=r"on elsewhere, .*`kubectl --context=production --namespace=kong annotate "
            "secret/document kong-oam.dev/dbless-`",
        ):
            place.free()
        locked_by(cluster, host=os.uname().nodename, process=dead.pid)
        freed = place.free()
        assert freed
        assert freed.startswith(f"'pulumi up' (process {dead.pid} on ")
        assert place.free() is None


def test_another_commands_lock_stays(
    cluster: ClusterStandIn, place: SecretDocument
) -> None:
    """Somebody freed the Secret of a living command, and the next command holds it."""
    with place.locked("pulumi up"):
        locked_by(cluster, command="pulumi destroy")
    assert lock_of(cluster)["command"] == "pulumi destroy"


def test_a_missing_kubectl_is_named(
    place: SecretDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DocumentError) as error:
        place.load("prod")
    assert str(error.value) == (
        "the document in the Secret kong/document cannot be read: kubectl is not on PATH; "
        "install it"
    )


def test_a_refusal_of_the_cluster_is_named(
    cluster: ClusterStandIn, place: SecretDocument
) -> None:
    with (
        pytest.raises(
            DocumentError,
            match="cannot be saved: `kubectl --context=production --namespace=kong "
            r"--request-timeout=30s replace --filename=-` failed: .*\(NotFound\)",
        ),
        place.locked("pulumi up"),
    ):
        (cluster.folder / "secret").unlink()
        place.save(FULL)
