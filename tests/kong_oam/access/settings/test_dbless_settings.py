"""`gateway.nodes` and `gateway.document`: a Kong without a database."""

from __future__ import annotations

from typing import Any

import pytest

from kong_oam.access.settings.dbless import (
    DblessSettings,
    DocumentSecret,
    NodePods,
)
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import StackError
from tests.support.small_stacks import SETTINGS

URLS = ["http://10.1.0.1:8001", "http://10.1.0.2:8001"]
PODS = {"namespace": "kong", "labels": {"app": "kong"}}
FILE = {"file": "kong.json.gz"}
SECRET = {"secret": "kong-document", "namespace": "kong"}


def parsed(
    nodes: Any, document: Any, context: str | None = None
) -> DblessSettings | None:
    values = {
        **SETTINGS,
        "gateway": {
            **SETTINGS["gateway"],
            "nodes": nodes,
            "document": document,
        },
    }
    if context:
        values["cluster"] = {"context": context}
    return parse("prod", values).gateway.dbless


def test_nodes_are_urls_and_the_document_is_a_file() -> None:
    assert parsed(URLS, FILE) == DblessSettings(
        ("http://10.1.0.1:8001", "http://10.1.0.2:8001"), "kong.json.gz"
    )


def test_nodes_are_pods_and_the_document_is_a_secret() -> None:
    assert parsed(PODS, SECRET, "production") == DblessSettings(
        pods=NodePods("kong", {"app": "kong"}, 8001),
        secret=DocumentSecret("kong", "kong-document"),
        context="production",
    )


def test_the_admin_api_of_pods_has_a_port() -> None:
    settings = parsed({**PODS, "port": 8011}, FILE)
    assert settings
    assert settings.pods == NodePods("kong", {"app": "kong"}, 8011)
    assert settings.file == "kong.json.gz"


@pytest.mark.parametrize(
    ("nodes", "document", "problem"),
    [
        ([], FILE, "gateway.nodes: [] has less than 1 item"),
        ({"namespace": "kong"}, FILE, "gateway.nodes needs 'labels'"),
        ({**PODS, "labels": {}}, FILE, "gateway.nodes.labels: {} has less than 1 property"),
        ({**PODS, "labels": {"app": "a,b"}}, FILE, 'gateway.nodes.labels.app: "a,b" does not match'),
        ({**PODS, "namespace": "--all"}, FILE, 'gateway.nodes.namespace: "--all" does not match'),
        ({**PODS, "port": 0}, FILE, "gateway.nodes.port: 0 is less than the minimum of 1"),
        ({**PODS, "context": "c"}, FILE, "gateway.nodes has no setting 'context'"),
        ("http://kong:8001", FILE, "gateway.nodes: \"http://kong:8001\" is not of types"),
        (PODS, {}, "gateway.document: set either file, or secret and namespace"),
        (PODS, {**FILE, **SECRET}, "gateway.document: set either file, or secret and namespace"),
        (PODS, {"secret": "s"}, "gateway.document: set either file, or secret and namespace"),
        (PODS, {**FILE, "namespace": "n"}, "gateway.document: set either file, or secret and namespace"),
        (PODS, {**SECRET, "secret": "-f"}, 'gateway.document.secret: "-f" does not match'),
    ],
)  # fmt: skip
def test_a_wrong_value_is_rejected_with_its_place(
    nodes: Any, document: Any, problem: str
) -> None:
    with pytest.raises(StackError) as error:
        parsed(nodes, document)
    assert problem in str(error.value)
