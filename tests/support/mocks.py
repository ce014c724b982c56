"""The whole program under Pulumi's mocks: its registrations, without an engine, plugins or
products.

Stand-ins answer only the code that reads the products first. The Kong stand-in has the plugin
schemas that the program needs; the Okta stand-in has the groups that roles name.
"""

from __future__ import annotations

import base64
import json
import runpy
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)
from pulumi.runtime import mocks, rpc, set_all_config, set_mocks
from pulumi.runtime.resource import register_resource
from pulumi.runtime.settings import get_root_resource

from components.graph import first_missing
from kong_oam.access.compile.estate import compile_estate
from kong_oam.engine.state import STACK
from kong_oam.identity.common.discovery import Published, SigningKey
from kong_oam.identity.common.kind import Inspection
from kong_oam.identity.kinds import inspect
from kong_oam.identity.okta.signing_keys import ServerKeys
from kong_oam.traits.key import Key
from sandbox.kong import Kong
from sandbox.okta import Okta
from tests.support.estates import with_traits
from tests.support.json_object import JsonObject
from tests.support.partner_keys import private_pem
from tests.support.repository import ROOT

_IN_TURN = "graph", "grants", "workload.credential"
"""Modules whose resources wait for other resources only within the program."""
KEY = SigningKey("key1", "RS256", "the public key")
_PAIR = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_KEYS = {
    kind: key.public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ).decode()
    for kind, key in (
        ("RSA", _PAIR.public_key()),
        ("ECDSA", ec.generate_private_key(ec.SECP256R1()).public_key()),
    )
}
PRIVATE_KEY = private_pem(_PAIR)
"""A key for every key pair that gets a certificate; the others have a text with their owner's name.
"""


@dataclass(frozen=True, slots=True)
class Registered:
    """One registration as the SDK sent it. `inputs` are plain; `secret` names the inputs that are
    marked secret; `ignored` the inputs whose changes are ignored. `behind` are dependencies of
    this run alone (graph.once_made), which the state does not record."""

    type: str
    name: str
    inputs: JsonObject
    secret: frozenset[str]
    after: frozenset[str]
    made_of: dict[str, frozenset[str]]
    secret_outputs: frozenset[str]
    parent: str = ""
    ignored: tuple[str, ...] = ()
    behind: frozenset[str] = field(default=frozenset(), compare=False)


States = dict[str, dict[str, JsonObject]]
"""The stacks' states that the engine gives a program: by the stack's name, {URN: {type, outputs}}.
"""


Identify = Callable[[str], str]
"""Maps a logical name to its resource's id."""


class _Answers(pulumi.runtime.Mocks):
    """Mocks of resources. Ids are `id of NAME`, also for groups. Outputs are the inputs, and values
    that a product would add and the program reads."""

    def __init__(
        self,
        states: States | None = None,
        identify: Identify = "id of {}".format,
        stays: Mapping[tuple[str, str], Registered] | None = None,
    ) -> None:
        self._states, self._identify, self._stays = (
            states or {},
            identify,
            stays or {},
        )

    def new_resource(
        self, args: pulumi.runtime.MockResourceArgs
    ) -> tuple[str | None, JsonObject]:
        known: dict[str, JsonObject] = {
            "okta:auth/server:Server": {
                "issuer": "https://okta.example.com/oauth2/aus1",
                "kid": "key1",
            },
            "keycloak:openid/client:Client": {
                "clientSecret": f"secret of {args.name}"
            },
            "okta:app/oAuth:OAuth": {"clientSecret": f"secret of {args.name}"},
            "azuread:index/application:Application": {
                "clientId": f"client {args.name}",
                "objectId": f"object {args.name}",
            },
            "azuread:index/servicePrincipal:ServicePrincipal": {
                "objectId": f"object {args.name}"
            },
            "azuread:index/applicationPassword:ApplicationPassword": {
                "value": f"secret of {args.name}"
            },
            "tls:index/privateKey:PrivateKey": {
                "publicKeyPem": PUBLIC_KEYS.get(
                    args.inputs.get("algorithm", "")
                ),
                "privateKeyPemPkcs8": PRIVATE_KEY
                if "entra" in args.name
                else f"private half of {args.name}",
            },
        }
        inputs = (
            self._stays[args.typ, args.name].inputs
            if (args.typ, args.name) in self._stays
            else args.inputs
        )
        if args.typ == "kubernetes:core/v1:Service":
            known[args.typ] = _of_service(inputs.get("spec") or {})
        return self._identify(args.name), {**inputs, **known.get(args.typ, {})}

    def call(
        self, args: pulumi.runtime.MockCallArgs
    ) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        if args.token == "pulumi:pulumi:readStackOutputs":
            of_stack = self._states.get(
                args.args["name"].rpartition("/")[2], {}
            )
            return {
                "outputs": next(
                    (
                        resource["outputs"]
                        for resource in of_stack.values()
                        if resource["type"] == STACK
                    ),
                    {},
                )
            }, []
        if args.token == "pulumi:pulumi:readStackResourceOutputs":
            return {
                "outputs": self._states.get(
                    args.args["stackName"].rpartition("/")[2], {}
                )
            }, []
        return {"objectId": f"object {args.args['clientId']}", **args.args}, []


def _of_service(spec: Mapping[str, Any]) -> JsonObject:
    """Return the fields that a cluster adds to a Service that is reachable from outside."""
    if spec.get("type") == "LoadBalancer":
        return {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    if spec.get("type") != "NodePort":
        return {}
    ports = [
        {**port, "nodePort": 30000 + number}
        for number, port in enumerate(spec["ports"])
    ]
    return {"spec": {**spec, "ports": ports}}


class _Monitor(mocks.MockMonitor):
    """Record the facts that mocks do not see: dependencies, and the inputs that are secrets."""

    def __init__(self, answers: _Answers | None = None) -> None:
        super().__init__(answers or _Answers())
        self.registered: list[Registered] = []
        self._turns: dict[
            int, tuple[pulumi.Output[Any], Sequence[pulumi.Resource]]
        ] = {}
        self._behind: dict[tuple[str, str], frozenset[str]] = {}

    def first_missing(
        self, resources: Sequence[pulumi.Resource]
    ) -> pulumi.Output[Any]:
        """Replace the program's function, and record its resources: no request shows them."""
        made = first_missing(resources)
        self._turns[id(made)] = made, resources
        return made

    def register(
        self, resource: pulumi.Resource, type_: str, name: str, *more: Any
    ) -> None:
        """Replace the SDK's function, which then registers at the monitor; record the resource's
        dependencies."""
        (options,) = (
            argument
            for argument in more
            if isinstance(argument, pulumi.ResourceOptions)
        )
        waits = (
            options.depends_on
            if isinstance(options.depends_on, Sequence)
            else ()
        )
        turns = [
            self._turns[id(wait)][1]
            for wait in waits
            if id(wait) in self._turns
        ]
        self._behind[type_, name] = frozenset(
            resource._name for resources in turns for resource in resources
        )
        register_resource(resource, type_, name, *more)

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol names it
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
        self.registered.append(
            Registered(
                type=request.type,
                name=request.name,
                inputs={
                    key: rpc.unwrap_rpc_secret(value)
                    for key, value in inputs.items()
                },
                secret=frozenset(
                    key
                    for key, value in inputs.items()
                    if rpc.is_rpc_secret(value)
                ),
                after=frozenset(map(_name, request.dependencies)),
                made_of={
                    key: frozenset(map(_name, on.urns))
                    for key, on in request.propertyDependencies.items()
                },
                secret_outputs=frozenset(request.additionalSecretOutputs),
                parent=_name(request.parent),
                ignored=tuple(request.ignoreChanges),
                behind=self._behind.get(
                    (request.type, request.name), frozenset()
                ),
            )
        )
        return answer


def recorder() -> _Monitor:
    """Return a monitor that records registrations in place of an engine."""
    return _Monitor()


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _published(issuer: str, proxy: str | None) -> Published:
    return Published(issuer, f"{issuer}/v1/token", "", (KEY,))


class _EveryGroup(dict[str, str]):
    """Ids of groups as `_Answers` gives them, for any name."""

    def __missing__(self, name: str) -> str:
        return f"id of {name}"


def _inspected(*arguments: Any) -> Inspection:
    return replace(inspect(*arguments), groups=_EveryGroup())


@pulumi.runtime.test  # type: ignore[untyped-decorator]
def _program() -> None:
    """Run the program and wait for all its registrations."""
    runpy.run_path("__main__.py", run_name="__main__")


def run_stack(
    stack: str,
    states: States,
    *,
    preview: bool = False,
    identify: Identify = "id of {}".format,
    stays: Mapping[tuple[str, str], Registered] | None = None,
) -> list[Registered]:
    """Return all registrations of the program in the working directory, on a stack with an existing
    file. `states` are the states that the engine knows; this run adds its registrations and
    outputs for later runs. `stays`: resources that a flag leaves unchanged, by type and logical
    name; the program gets these values for them.
    """
    file = yaml.safe_load(
        Path(f"stacks/Pulumi.{stack}.yaml").read_text("utf-8")
    )["config"]
    set_all_config(
        {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in file.items()
        }
    )
    monitor, outputs = (
        _Monitor(_Answers(states, identify, stays)),
        JsonObject(),
    )
    set_mocks(
        monitor.mocks,
        "kong-oam",
        stack,
        preview=preview,
        monitor=monitor,
        organization="organization",
    )
    root = get_root_resource()
    assert root is not None
    root._transformations = []  # left by the run before in this process

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> pulumi.Output[Any]:
        exported: JsonObject = {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("pulumi.export", exported.__setitem__)
            patch.setattr("pulumi.resource.register_resource", monitor.register)
            for module in _IN_TURN:
                patch.setattr(
                    f"components.{module}.first_missing", monitor.first_missing
                )
            runpy.run_path("__main__.py", run_name="__main__")
        return pulumi.Output.from_input(exported).apply(outputs.update)

    program()
    urn = f"urn:pulumi:{stack}::kong-oam::"
    state = {
        f"{urn}{item.type}::{item.name}": {
            "type": item.type,
            "outputs": item.inputs,
        }
        for item in monitor.registered
    }
    states[stack] = {
        **state,
        f"{urn}{STACK}::kong-oam-{stack}": {"type": STACK, "outputs": outputs},
    }
    return monitor.registered


def answer(patch: pytest.MonkeyPatch) -> None:
    """Set the environment's addresses of products, and let issuers publish a key."""
    patch.setenv("KONG_ADMIN_TOKEN", "the admin token")
    patch.setenv("OKTA_API_TOKEN", "the API token")
    patch.setenv("OKTA_ORG_NAME", "sandbox")
    patch.setattr("components.identity.issuer.discover", _published)
    patch.setattr("components.program.inspect", _inspected)
    patch.setattr(
        "kong_oam.identity.okta.signing_keys.server_keys",
        lambda *_: ServerKeys((KEY,), ()),
    )


def clear(secret: Registered) -> dict[str, str]:
    """Return the values of a Kubernetes Secret."""
    return {
        key: base64.b64decode(item).decode()
        for key, item in secret.inputs["data"].items()
    }


def ask_at(
    patch: pytest.MonkeyPatch, key: str, values: Mapping[Key[Any], Any]
) -> None:
    """Give the component `key` these values of traits, in place of its Application's."""

    def compiled(*arguments: Any) -> Any:
        made = compile_estate(*arguments)
        assert made.estate is not None
        return replace(made, estate=with_traits(made.estate, key, values))

    patch.setattr("components.program.compile_estate", compiled)


def run_program(
    patch: pytest.MonkeyPatch,
    providers: list[JsonObject] | None = None,
    preview: bool = False,
    **gateway: Any,
) -> list[Registered]:
    """Return all registrations of the program for the sample estate on the stack `local`; `patch`
    sets the environment.

    `gateway` are extra settings, and `providers` replace its identity providers. In a first preview
    the values that `_Answers` does not give are unknown. The environment names the Kong whose
    plugin schemas the program reads.
    """
    file = yaml.safe_load(
        (ROOT / "stacks/Pulumi.local.yaml").read_text("utf-8")
    )["config"]
    file["kong-oam:gateway"] |= gateway
    file["kong-oam:identityProviders"] = (
        providers or file["kong-oam:identityProviders"]
    )
    config = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in file.items()
    }
    monitor = _Monitor()
    patch.chdir(ROOT)
    answer(patch)
    patch.setattr(
        "components.settings.values_in",
        lambda _: {name.partition(":")[2]: item for name, item in file.items()},
    )
    set_all_config(config)
    set_mocks(
        _Answers(),
        "kong-oam",
        "local",
        preview=preview,
        monitor=monitor,
        organization="organization",
    )
    with Okta(
        api_token="the API token", groups=("sales", "order-desk")
    ) as okta:
        patch.setenv("OKTA_HTTP_PROXY", okta.url)
        _program()
    return monitor.registered


def program(*providers: JsonObject, preview: bool = False) -> list[Registered]:
    """Return all registrations of the program with the Kong stand-in as its gateway, and with these
    identity providers, if any."""
    with Kong() as kong, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        return run_program(patch, list(providers) or None, preview)


def all_of(registered: list[Registered], kind: str) -> dict[str, Registered]:
    """Return the registrations of one type, by logical name. Fails where there are none."""
    found = {item.name: item for item in registered if item.type == kind}
    assert found, f"the program registered no {kind}"
    return found


@pulumi.runtime.test  # type: ignore[untyped-decorator]
def on_the_loop(program: Any) -> Coroutine[Any, Any, None]:
    """Run on the event loop of the SDK, which outlives a test."""
    return program()  # type: ignore[no-any-return]
