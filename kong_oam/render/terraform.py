"""Types of Terraform: the `Configuration` that Terraform's controller takes, as a template in CUE.
Pure.

So it is checked, labelled, and changed by traits like whatever other definitions make.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kong_oam.oam.definitions.definition import Definition
from kong_oam.oam.document import Fields
from kong_oam.oam.model import Application, Component
from kong_oam.render.requests import as_json

_REFERENCE = "{name: string, namespace?: string}"
_OF_KUBERNETES = "{name?: string, namespace?: string}"
_FIELDS: Mapping[str, str] = {
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
"""The fields of a Configuration's `spec` that a component may have among its properties."""
_NO_VARIABLES = frozenset(
    {
        "customRegion",
        "forceDelete",
        "gitCredentialsSecretReference",
        "providerRef",
        "writeConnectionSecretToRef",
    }
)
"""Those of them that are no variables as well."""
_BY_DEFINITION = (
    "writeConnectionSecretToRef",
    "providerRef",
    "gitCredentialsSecretReference",
)
"""What the definition says where a component does not."""
_VARIABLE = re.compile(r'\bvariable[ \t]+"?([\w-]+)"?\s*\{')


def as_template(
    definition: Definition, application: Application, component: Component
) -> Definition:
    """The definition of a type of Terraform with a template in CUE, made for this component; any
    other as it is."""
    if not definition.terraform:
        return definition
    made = json.dumps(
        _configuration(definition, application, component), ensure_ascii=False
    )
    return replace(
        definition,
        template=f"output: {made}\nparameter: {_parameter(definition.terraform)}\n",
    )


def _configuration(
    definition: Definition, application: Application, component: Component
) -> dict[str, Any]:
    """KubeVela's object: with what Go's structures have where nothing is said (`gitRef`,
    `status`)."""
    properties = as_json(component.properties)
    said = {name: value for name, value in properties.items() if value is not None}
    spec: dict[str, Any] = {"gitRef": {}} | {
        name: said[name] for name in _FIELDS if name in said
    }
    for name in _BY_DEFINITION:
        if name not in spec and definition.terraform.get(name) is not None:
            spec[name] = definition.terraform[name]
    written = spec.get("writeConnectionSecretToRef")
    if isinstance(written, Mapping) and not written.get("namespace"):
        spec["writeConnectionSecretToRef"] = {
            **written,
            "namespace": application.namespace,
        }
    if definition.terraform.get("type", "hcl") == "remote":
        spec["remote"] = definition.terraform["configuration"]
        spec.pop("path", None)
        if path := definition.terraform.get("path"):
            spec["path"] = path
    else:
        spec["hcl"] = definition.terraform["configuration"]
    spec["variable"] = {
        name: one for name, one in properties.items() if name not in _NO_VARIABLES
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
    """What properties there are: the fields, and the variables that the HCL declares. Those of a
    repository nobody knows here: any."""
    fields = [f"{json.dumps(name)}?: null | {type_}" for name, type_ in _FIELDS.items()]
    if schematic.get("type", "hcl") == "remote":
        return f"{{{', '.join([*fields, '...'])}}}"
    variables = dict.fromkeys(_VARIABLE.findall(schematic["configuration"]))
    names = [one for one in variables if one not in _FIELDS]
    return f"{{{', '.join([*fields, *(f'{json.dumps(name)}?: _' for name in names)])}}}"
