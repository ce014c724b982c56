"""Components rendered with definitions that a test writes."""

from __future__ import annotations

import textwrap
from functools import partial
from typing import Any

import yaml

from kong_oam.oam.definitions.library import Library, library
from kong_oam.oam.definitions.reading import read_definitions
from kong_oam.oam.document import read
from kong_oam.render.cache import Cache
from kong_oam.render.evaluator import Evaluator
from kong_oam.render.rendering import RenderedComponent, definitions_of, render
from kong_oam.render.requests import Setting
from kong_oam.render.tools import answered
from tests.support.oam_corpus import application_of

WORKLOAD = """
parameter: {image: *"one" | string, ports?: [...int]}
output: {
    apiVersion: "apps/v1"
    kind: "Deployment"
    spec: template: spec: containers: [{name: context.name, image: parameter.image, env: [{name: "A", value: "1"}]}]
}
"""
"""The template of a component: a Deployment with a container."""


def written(kind: str, name: str, template: str, **spec: Any) -> str:
    """Return a definition as YAML: kind is Component, Trait or Policy."""
    schematic = {"cue": {"template": textwrap.dedent(template)}}
    data = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": f"{kind}Definition",
        "metadata": {"name": name},
        "spec": {**spec, "schematic": schematic},
    }
    return yaml.safe_dump(data)


def defined(component: str = WORKLOAD, **traits: str) -> Library:
    """Return a library with a component type `app` and trait types, by their templates."""
    texts = [
        written("Component", "app", component),
        *(written("Trait", *pair) for pair in traits.items()),
    ]
    definitions = read_definitions(
        "definitions.yaml", "---\n".join(texts).encode()
    )
    assert not definitions.diagnostics
    return library(definitions.definitions)


def rendered(
    evaluator: Evaluator,
    stack: Library,
    component: str = "",
    *,
    metadata: str = "{name: shop}",
    type_: str = "app",
    cache: Cache | None = None,
    setting: Setting = Setting(),  # noqa: B008
) -> RenderedComponent:
    """Return the rendered component `web`; `component` are further fields of it, in YAML."""
    more = textwrap.indent(textwrap.dedent(component).strip(), " " * 6)
    text = f"""apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {metadata}
spec:
  components:
    - name: web
      type: {type_}
{more}
"""
    (document,), findings = read("shop.yaml", text.encode())
    assert not findings
    application = application_of(document)
    (web,) = application.components
    ask = (
        partial(answered, evaluator=evaluator, cache=cache)
        if cache
        else evaluator.ask
    )
    return render(definitions_of(web, stack), application, web, ask, setting)
