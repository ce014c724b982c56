"""The openings of KubeVela's built-in types and traits, written as users would write them and
checked as rendered."""

from __future__ import annotations

import json
from bisect import bisect
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from kong_oam.__main__ import main
from tests.support.json_object import JsonObject

IMAGE = {"image": "nginx"}


def trait(named: str, /, **properties: Any) -> JsonObject:
    return {"type": named, "properties": properties}


def component(
    name: str, kind: str, properties: Any, *traits: Any
) -> JsonObject:
    return {
        "name": name,
        "type": kind,
        "properties": properties,
        "traits": list(traits),
    }


def objects(name: str, *found: JsonObject) -> JsonObject:
    return component(name, "k8s-objects", {"objects": list(found)})


def patched(name: str, operation: str, path: str, value: Any) -> JsonObject:
    return component(
        name,
        "webservice",
        IMAGE,
        trait(
            "json-patch",
            operations=[{"op": operation, "path": path, "value": value}],
        ),
    )


SECRET = {"secretKeyRef": {"name": "web-client", "key": "k"}}
MERGED = {"spec": {"template": {"spec": {"hostPID": True}}}}
ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "r"},
    "spec": {},
}
OPENINGS = [
    (patched("a1", "add", "/spec/template/spec/hostNetwork", True), "ACC226"),
    (component("a2", "webservice", IMAGE, trait("json-merge-patch", **MERGED)), "ACC226"),
    (component("a3", "webservice", IMAGE, trait("container-ports", ports=[{"containerPort": 80, "hostPort": 80}])), "ACC226"),
    (component("a4", "webservice", IMAGE, trait("storage", hostPath=[{"name": "h", "path": "/", "mountPath": "/h"}])), "ACC226"),
    (component("a5", "statefulset", {"image": "x", "volumeMounts": {"hostPath": [{"name": "h", "mountPath": "/h", "path": "/"}]}}), "ACC226"),
    (component("a6", "webservice", IMAGE, trait("securitycontext", privileged=True)), "ACC226"),
    (component("a7", "webservice", IMAGE, trait("labels", **{"app.oam.dev/component": "web"})), "ACC226"),
    (component("b1", "webservice", {**IMAGE, "ports": [{"port": 80, "expose": True}], "exposeType": "NodePort"}, trait("scaler")), "ACC227"),
    (component("b2", "webservice", IMAGE, trait("expose", port=[80], type="LoadBalancer")), "ACC227"),
    (component("c1", "webservice", IMAGE, trait("service-binding", envMappings={"A": {"secret": "web-client", "key": "k"}})), "ACC217"),
    (component("c2", "webservice", IMAGE, trait("storage", secret=[{"name": "web-client", "mountPath": "/s", "mountOnly": True}])), "ACC217"),
    (component("c3", "webservice", IMAGE, trait("sidecar", name="s", image="x", env=[{"name": "A", "valueFrom": SECRET}])), "ACC217"),
    (component("c4", "cron-task", {"image": "x", "schedule": "* * * * *", "env": [{"name": "A", "valueFrom": SECRET}]}), "ACC217"),
    (component("c5", "daemon", {"image": "x", "env": [{"name": "A", "valueFrom": SECRET}]}), "ACC217"),
    (component("c6", "webservice", IMAGE, trait("service-account", name="web")), "ACC217 OAM108"),
    (component("c7", "webservice", IMAGE, trait("service-account", name="web", create=True)), "OAM107"),
    (component("c8", "webservice", IMAGE, trait("storage", secret=[{"name": "web-client", "mountPath": "/s", "data": {"a": "Yg=="}}])), "ACC217 OAM107"),
    (component("d1", "webservice", IMAGE, trait("annotations", **{"konghq.com/plugins": "x"})), "ACC228"),
    (component("d2", "webservice", IMAGE, trait("annotations", **{"k8s.v1.cni.cncf.io/networks": "x"})), "ACC228"),
    (component("e1", "raw", ROUTE), "ACC224"),
    (objects("e2", {**ROUTE, "metadata": {"name": "s"}}), "ACC224"),
    (objects("e3", {"apiVersion": "v1", "kind": "List", "metadata": {"name": "l"}, "items": []}), "ACC224"),
    (objects("e4", {"apiVersion": "helm.sh/v3", "kind": "Release", "metadata": {"name": "r"}, "spec": {"postrender": "x"}}), "ACC224"),
    (objects("e5", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "kube-system"}}), "ACC225"),
    (
        component(
            "e6",
            "helmchart",
            {"chart": {"source": "podinfo", "repoURL": "https://charts.example.org"}},
            trait("json-patch", operations=[{"op": "add", "path": "/spec/postrender", "value": "./x"}]),
        ),
        "ACC224",
    ),
    (
        component(
            "e7", "webservice", IMAGE, trait("service-account", name="own", create=True, privileges=[{"verbs": ["*"], "apiGroups": [""], "resources": ["secrets"]}])
        ),
        "ACC224",
    ),
]  # fmt: skip
WEB = component(
    "web", "webservice", IMAGE, trait("client", kind="service", calls=[])
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The codes in the output of `check`, by component."""
    folder: Path = tmp_path_factory.mktemp("openings")
    components = [WEB, *(opening for opening, _ in OPENINGS)]
    document = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "shop"},
        "spec": {"components": components},
    }
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    lines = path.read_text("utf-8").splitlines()
    begins = [
        number
        for number, line in enumerate(lines, 1)
        if line.startswith("  - name: ")
    ]
    with redirect_stdout(StringIO()) as out:
        assert main(["check", "--applications", str(path), "--json"]) == 1
    codes: dict[str, set[str]] = {
        component["name"]: set() for component in components
    }
    for diagnostic in json.loads(out.getvalue())["diagnostics"]:
        part = components[bisect(begins, diagnostic["line"]) - 1]
        codes[part["name"]].add(diagnostic["code"])
    return codes


@pytest.mark.parametrize(
    ("opening", "codes"),
    OPENINGS,
    ids=[opening["name"] for opening, _ in OPENINGS],
)
def test_an_opening_is_refused(
    opening: JsonObject, codes: str, found: dict[str, set[str]]
) -> None:
    assert found[opening["name"]] == {*codes.split()}


def test_harmless_objects_have_no_findings(found: dict[str, set[str]]) -> None:
    assert not any(code.startswith(("OAM", "ACC")) for code in found["web"])
