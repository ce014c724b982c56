"""Check and type a stack's settings, from Pulumi's configuration or from the stack's file."""

from __future__ import annotations

import datetime
import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from operator import itemgetter
from pathlib import Path
from typing import Any, TypedDict, cast

import jsonschema_rs

from kong_oam.access.data import NameLists, TextList, Texts, YamlObject
from kong_oam.access.domains import DomainsYaml
from kong_oam.access.rotation import schedule_of
from kong_oam.access.settings import certificates, project, upstream_tls
from kong_oam.access.settings import partitions as parts
from kong_oam.access.settings.cluster import (
    ClusterYaml,
    cluster_problems,
    cluster_settings,
    with_cluster_settings,
)
from kong_oam.access.settings.fields import tuples
from kong_oam.access.settings.gateway import (
    GatewayYaml,
    gateway_problems,
    gateway_settings,
)
from kong_oam.access.settings.groups import SETTING, known_groups
from kong_oam.access.settings.identity_providers import (
    IdentityProviderYaml,
    client_problems,
    known_secrets,
    provider_settings,
)
from kong_oam.access.settings.logs import log_problems, records
from kong_oam.access.settings.project import NAMESPACE, STACKS, stack_file
from kong_oam.access.settings.values import (
    APPLICATIONS,
    Describe,
    Settings,
    StackError,
    plain,
)
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import nearest, suggestion
from kong_oam.errors import SettingsError
from kong_oam.oam.schema import properties_at

# The optional folder of the project's definitions.
DEFINITIONS = "definitions"


class StackYaml(TypedDict, total=False):
    """The settings of a stack: the `kong-oam:` values in its file."""

    cloud: str
    asOf: str
    applications: TextList
    definitions: TextList
    cluster: ClusterYaml
    images: Texts
    domains: DomainsYaml
    gateway: GatewayYaml
    partitions: NameLists
    rotation: Texts
    evidence: str
    invariants: str
    knownGroups: TextList | str
    identityProviders: list[IdentityProviderYaml]


_CREDENTIALS = "are secrets: kong:kongAdminToken (KONG_ADMIN_TOKEN)"


def parse(
    name: str,
    values: YamlObject,
    describe: Describe = plain,
    folder: Path = STACKS,
) -> Settings:
    """Parse the `kong-oam:` values of stack `name`. Files that they name are in `folder`.

    Raises StackError.
    """
    if parts.ESTATE in values:
        return _partition(name, values, describe, folder)
    data = _checked(name, values, folder)
    cluster = data.get("cluster", {})
    domains = data.get("domains", {})
    providers = tuple(
        map(partial(provider_settings, name), data["identityProviders"])
    )
    setting = SETTING
    try:
        groups = known_groups(
            data.get("knownGroups"),
            folder,
            (settings.groups for settings in providers),
        )
        setting = upstream_tls.SETTING
        over_tls = upstream_tls.upstream_tls(
            data["gateway"].get("upstreamTls"), folder
        )
    except SettingsError as error:
        raise StackError(
            f"stack '{name}': {NAMESPACE}:{setting}: {error}"
        ) from None
    gateway = gateway_settings(
        data["gateway"], over_tls, cluster.get("context")
    )
    stack = Stack(
        name=name,
        providers={settings.name: describe(settings) for settings in providers},
        domain=domains.get("default"),
        suffixes=domains.get("suffixes", {}),
        scheme=gateway.scheme,
        rotation=schedule_of(**data.get("rotation", {})),
        gateway_namespace=gateway.namespace,
        reach=gateway.reach,
        upstream_tls=upstream_tls.protocol_of(over_tls),
        upstreams=gateway.upstreams,
        placed=bool(gateway.namespace or gateway.cidrs),
        known_secrets=frozenset(known_secrets(providers)),
        known_groups=groups,
        addressed=bool(gateway.cidrs),
        redis=gateway.redis is not None,
        records=records(data["gateway"].get("logs")),
        stripped=gateway.strip_headers,
        partitions=tuples(data.get("partitions", {})),
        federated=frozenset(
            settings.name for settings in providers if settings.cluster_issuer
        ),
    )
    return Settings(
        stack=with_cluster_settings(stack, cluster),
        cloud=data["cloud"],
        as_of=datetime.date.fromisoformat(data["asOf"]),
        cluster=cluster_settings(cluster, data.get("images", {})),
        gateway=gateway,
        providers=providers,
        applications=tuple(data.get("applications", APPLICATIONS)),
        definitions=tuple(data.get("definitions", ())),
        evidence=data.get("evidence"),
        invariants=data.get("invariants"),
    )


def _partition(
    name: str, data: YamlObject, describe: Describe, folder: Path
) -> Settings:
    try:
        estate = parts.estate_of(name, data)
        of_estate = values_in(stack_file(estate, folder))
        if parts.ESTATE in of_estate:
            raise SettingsError(
                f"{parts.ESTATE}: '{estate}' is a partition; name its estate"
            )
        settings = parse(estate, of_estate, describe, folder)
        return replace(
            settings,
            partition=parts.partition_of(
                name, estate, settings.stack.partitions
            ),
        )
    except StackError:
        raise
    except SettingsError as error:
        raise StackError(f"stack '{name}': {NAMESPACE}:{error}") from None


def stack_names(folder: Path = STACKS) -> list[str]:
    """Return the names of the stacks with a settings file in `folder`."""
    return [*map(_stack_in, folder.glob("Pulumi.*.yaml"))]


def read_file(file: Path, describe: Describe = plain) -> Settings:
    """Read the settings in `Pulumi.<stack>.yaml` without the engine. Raises StackError."""
    return parse(_stack_in(file), values_in(file), describe, file.parent)


def values_in(file: Path) -> YamlObject:
    """Return the unchecked `kong-oam:` values of `Pulumi.<stack>.yaml`. Raises StackError."""
    name = _stack_in(file)
    if not file.is_file():
        raise StackError(
            f"no stack '{name}' in "
            f"{file.parent}{suggestion(name, stack_names(file.parent))}"
        )
    try:
        return project.values_in(file, _schema()["properties"])
    except SettingsError as error:
        raise StackError(f"stack '{name}': {error}") from None


def _stack_in(file: Path) -> str:
    return file.name.removeprefix("Pulumi.").removesuffix(".yaml")


@cache
def _schema() -> Any:
    return json.loads(
        Path(__file__).with_name("stack.schema.json").read_text("utf-8")
    )


@cache
def _validator() -> Any:
    return jsonschema_rs.validator_for(_schema())


def _checked(name: str, values: YamlObject, folder: Path) -> StackYaml:
    problems = [*map(_violation, _validator().iter_errors(dict(values)))]
    data = cast("StackYaml", values)
    if not problems:
        partitions = data.get("partitions", {})
        providers = data["identityProviders"]
        problems += itertools.chain(
            _own_problems(data),
            parts.partition_problems(partitions),
            parts.file_problems(name, partitions, folder),
            cluster_problems(name, data.get("cluster", {})),
            gateway_problems(data["gateway"]),
            log_problems(data["gateway"].get("logs")),
            certificates.certificate_problems(
                provider.get("certificates", {}) for provider in providers
            ),
            client_problems(providers),
        )
    if problems:
        listed = "\n  ".join(f"{NAMESPACE}:{problem}" for problem in problems)
        raise StackError(
            f"stack '{name}' cannot be used; correct stacks/Pulumi.{name}.yaml:\n  {listed}"
        )
    return data


def _own_problems(data: StackYaml) -> Iterator[str]:
    """Yield problems of the stack's date, its providers' names, and its rotation."""
    try:
        datetime.date.fromisoformat(data["asOf"])
    except ValueError:
        yield f"asOf: {data['asOf']} is not a date; write YYYY-MM-DD"
    names = [*map(itemgetter("name"), data["identityProviders"])]
    for name in set(names):
        if names.count(name) > 1:
            yield f"identityProviders: two have the name '{name}'; rename one"
    rotation = schedule_of(**data.get("rotation", {}))
    if rotation.overlap >= rotation.every:
        yield f"rotation: overlap must be less than every ({rotation.every} days)"


def _violation(error: Any) -> str:
    setting = ".".join(map(str, error.instance_path))
    return f"{setting}{_violation_in_words(error)}"


def _violation_in_words(error: Any) -> str:
    """Return the violation in words that follow the setting's name."""
    kind = error.kind.as_dict()
    match error.kind.name:
        case "additionalProperties":
            names = properties_at(_schema(), [*error.schema_path][:-1])
            return "; ".join(
                f" has no setting '{name}'{suggestion(name, names)}"
                for name in kind["unexpected"]
            )
        case "required":
            return f" needs '{kind['property']}'"
        case "enum":
            options = kind["options"]
            listed = f"{', '.join(options)}{nearest(str(error.instance), options, 1)}"
            return f": {json.dumps(error.instance)} is not one of {listed}"
        case "pattern" | "type" if error.instance_path[-1:] == ["version"]:
            return (
                f": {json.dumps(error.instance)} is not a version of Kubernetes; write it in "
                'quotes, as "1.30"'
            )
        case "pattern" if "https?://" in kind["pattern"]:
            # Do not show the value: it may have credentials.
            is_log = "logs" in error.instance_path
            where = "belong in headers" if is_log else _CREDENTIALS
            return f" does not match {kind['pattern']}; credentials {where}"
        case "pattern" if "vault" in kind["pattern"]:
            # Do not show the value: it may be the password.
            return (
                " is not a reference to Kong's vault; write {vault://env/redis-password}, not the "
                "password"
            )
        case "minItems" | "maxItems" | "type" if (
            "certificates" in error.instance_path
        ):
            # Do not show the value: it may be a key.
            return ": is not a list of one or two certificates"
        case _:
            return f": {error.message}"
