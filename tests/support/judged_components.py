"""Components with rendered objects, as `judge` takes them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import yaml

from kong_oam.oam.document import read
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent, Rules
from kong_oam.objects.judge import judge
from tests.support.json_object import JsonObject
from tests.support.plain_data import overlaid

_DOCUMENT, _ = read("shop.yaml", b"components:\n- name: web\n  type: any\n")
PLACE = _DOCUMENT[0].position("components", 0, "type")
"""The source position of all objects: shop.yaml:3:9."""

POD = """
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers: [{name: c, image: i}]
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app.oam.dev/component: web}, ports: [{port: 80}]}
"""


def judged_component(
    *objects: str | Mapping[str, Any],
    key: str = "shop/web",
    pod_spec_path: str = "",
    **more: Any,
) -> JudgedComponent:
    """Return a component with these objects, in YAML or as values; the default namespace is `shop`."""
    application, _, name = key.partition("/")
    fields = {"namespace": "shop", "type": "any", "position": PLACE, **more}
    found = [
        yaml.safe_load(written)
        if isinstance(written, str)
        else copy.deepcopy(dict(written))
        for written in objects
    ]
    for manifest in found:
        if (
            isinstance(manifest.get("metadata"), dict)
            and manifest.get("kind") != "Namespace"
        ):
            manifest["metadata"].setdefault("namespace", fields["namespace"])
    rendered = tuple(
        RenderedObject(manifest, None, "", PLACE, pod_spec_path)
        for manifest in found
    )
    return JudgedComponent(application, name, objects=rendered, **fields)


def merged(text: str, changes: str) -> JsonObject:
    """Return an object in YAML with changes, mapping by mapping; lists are replaced."""
    return overlaid(yaml.safe_load(text), yaml.safe_load(changes))


def findings(*components: JudgedComponent, **rules: Any) -> list[str]:
    """Return the findings of `judge` about components: `CODE message` each."""
    return [
        f"{diagnostic.code} {diagnostic.message}"
        for diagnostic in judge(components, Rules(**rules))
    ]
