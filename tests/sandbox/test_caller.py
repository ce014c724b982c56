"""A caller has the environment of its pods, for every kind of workload."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sandbox import caller
from sandbox.cluster import Cluster
from tests.support.json_object import JsonObject

TEMPLATE = {
    "spec": {
        "containers": [
            {
                "name": "a",
                "image": "x",
                "env": [
                    {
                        "name": "KEY",
                        "valueFrom": {
                            "secretKeyRef": {"name": "theirs", "key": "k"}
                        },
                    }
                ],
            }
        ]
    }
}


def _put(
    cluster: Cluster, api: str, kind: str, name: str, **fields: Any
) -> None:
    cluster.put(
        {
            "apiVersion": api,
            "kind": kind,
            "metadata": {"name": name, "namespace": "default"},
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("api", "kind", "spec"),
    [
        ("apps/v1", "Deployment", {"template": TEMPLATE}),
        ("apps/v1", "StatefulSet", {"template": TEMPLATE}),
        (
            "batch/v1",
            "CronJob",
            {"jobTemplate": {"spec": {"template": TEMPLATE}}},
        ),
    ],
)
def test_values_from_secrets_are_read(
    api: str, kind: str, spec: JsonObject
) -> None:
    """Values of the client's Secret, and of Secrets that the workload refers to."""
    cluster = Cluster()
    cluster.start()
    try:
        _put(
            cluster,
            "v1",
            "Secret",
            "job-client",
            data={"OAUTH_CLIENT_ID": base64.b64encode(b"id").decode()},
        )
        _put(
            cluster,
            "v1",
            "Secret",
            "theirs",
            data={"k": base64.b64encode(b"value").decode()},
        )
        _put(cluster, api, kind, "job", spec=spec)
        assert caller.environment(cluster.url, "default", "job") == {
            "OAUTH_CLIENT_ID": "id",
            "KEY": "value",
        }
    finally:
        cluster.stop()
