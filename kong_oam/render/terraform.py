"""Convert Terraform types to CUE templates of a `Configuration` for Terraform's controller. Pure.

Checks, labels and traits then apply as to all definitions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from kong_oam.oam.definitions.definition import Definition
from kong_oam.oam.model import Application, ComponentSpec
from kong_oam.oam.position import Fields, JsonObject, Texts
from kong_oam.render.requests import as_json

_REFERENCE = "{name: string, namespace?: string}"
_OF_KUBERNETES = "{name?: string, namespace?: string}"
# The fields of a Configuration's `spec` that a component may set.
_FIELDS: Texts = {
    "JobEnv": "{...}",
    "backend": "{...}",
    "customRegion": "string",
    "deleteResource": "bool",
    "forceDelete": "bool",
    "gitCredentialsSecretReference": _OF_KUBERNETES,
    "gitRef": "{branch?: string, tag?: string, commit?: string}",
    "inlineCredentials": "bool",
    "path": "string",
    "providerRef": _REFERENCE,
    "terraformCredentialsHelperConfigMapReference": _OF_KUBERNETES,
    "terraformCredentialsSecretReference": _OF_KUBERNETES,
    "terraformRCConfigMapReference": _OF_KUBERNETES,
    "writeConnectionSecretToRef": _REFERENCE,
}
# Fields that are not variables too.
_NO_VARIABLES = frozenset(
    {
        "customRegion",
        "forceDelete",
        "gitCredentialsSecretReference",
        "providerRef",
        "writeConnectionSecretToRef",
    }
)
# Fields that the definition may set if the component does not.
_BY_DEFINITION = (
    "writeConnectionSecretToRef",
    "providerRef",
    "gitCredentialsSecretReference",
)
_VARIABLE = re.compile(r'\bvariable[ \t]+"?([\w-]+)"?\s*\{')


def as_template(
    definition: Definition, application: Application, component: ComponentSpec
) -> Definition:
    """Return a Terraform definition with a CUE template for this component; other definitions
    unchanged."""
    if not definition.terraform:
        return definition
    configuration = _configuration(definition, application, component)
    output = json.dumps(configuration, ensure_ascii=False)
    parameter = _parameter(definition.terraform)
    template = f"output: {output}\nparameter: {parameter}\n"
    return replace(definition, template=template)


def _configuration(
    definition: Definition, application: Application, component: ComponentSpec
) -> Fields:
    """Return the Configuration in KubeVela's format, with the empty fields of Go's structures
    (`gitRef`, `status`)."""
    properties = as_json(component.properties)
    schematic = definition.terraform
    spec: JsonObject = {"gitRef": {}}
    for name in _FIELDS:
        if properties.get(name) is not None:
            spec[name] = properties[name]
    for name in _BY_DEFINITION:
        if name not in spec and schematic.get(name) is not None:
            spec[name] = schematic[name]
    secret = spec.get("writeConnectionSecretToRef")
    if isinstance(secret, Mapping) and not secret.get("namespace"):
        where = {"namespace": application.namespace}
        spec["writeConnectionSecretToRef"] = {**secret, **where}
    if schematic.get("type", "hcl") == "remote":
        spec["remote"] = schematic["configuration"]
        spec.pop("path", None)
        if path := schematic.get("path"):
            spec["path"] = path
    else:
        spec["hcl"] = schematic["configuration"]
    spec["variable"] = {
        name: value
        for name, value in properties.items()
        if name not in _NO_VARIABLES
    }
    return {
        "apiVersion": "terraform.core.oam.dev/v1beta2",
        "kind": "Configuration",
        "metadata": {
            "name": component.name,
            "annotations": dict(definition.annotations),
        },
        "spec": spec,
        "status": {"apply": {}, "destroy": {}},
    }


def _parameter(schematic: Fields) -> str:
    """Return the schema of the properties: the fields, and the variables in the HCL. Variables in a
    repository are unknown, so any are allowed."""
    fields = [
        f"{json.dumps(name)}?: null | {type_}"
        for name, type_ in _FIELDS.items()
    ]
    if schematic.get("type", "hcl") == "remote":
        fields.append("...")
    else:
        for name in dict.fromkeys(
            _VARIABLE.findall(schematic["configuration"])
        ):
            if name not in _FIELDS:
                fields.append(f"{json.dumps(name)}?: _")
    return f"{{{', '.join(fields)}}}"
