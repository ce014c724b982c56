"""Digests that identify the workload of a component.

A workload identifies the holder of a client's credential, so a renamed component is recognized.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from hashlib import sha256
from typing import Any

from kong_oam.access.model import Component

_ENCODER = json.JSONEncoder(sort_keys=True, default=str)


def workload_of(component: Component) -> str:
    """Return the label of the component's workload: a digest of it in its (first) place,
    independent of its component's name and its images' versions.

    Without data about a workload, as for an application on users' devices, only the name identifies
    it. The workload behind a Service in an access trait is identified by the labels of its pods.
    """
    workload = component.workload
    if workload.label:
        return workload.label
    unversioned = _reduced(workload.properties)
    content: Any = unversioned or component.key
    names = {component.name, component.application}
    objects = [
        _reduced(rendered.object, names)
        for rendered in workload.rendered
        if not rendered.plain  # else the properties are complete
    ]
    if objects:
        content = [unversioned, objects]
    if named := workload.named_service:
        content = [content, named.port, named.target, named.labels]
    text = _ENCODER.encode([workload.at, component.type, content]).encode()
    return sha256(text).hexdigest()[:32]


def _reduced(value: Any, names: Set[str] = frozenset()) -> Any:
    """Return a value in which no `image` has a tag or digest. With `names`, it is an object: return
    it without its own metadata, with None in place of these names."""
    if isinstance(value, str):  # the usual case, and faster
        return None if value in names else value
    if isinstance(value, (list, tuple)):
        return [_reduced(inner, names) for inner in value]
    if not isinstance(value, (dict, Mapping)):  # dict is faster
        return value
    reduced = {key: _reduced(inner, names) for key, inner in value.items()}
    if names and "apiVersion" in value:
        reduced.pop("metadata", None)
    image = value.get("image")
    if isinstance(image, str):
        reduced["image"] = _repository(image)
    return reduced


def _repository(image: str) -> str:
    """Return `registry:5000/team/shop` for `registry:5000/team/shop:1.4@sha256:...`."""
    repository, _, last = image.partition("@")[0].rpartition("/")
    return f"{repository}/{last.partition(':')[0]}"
