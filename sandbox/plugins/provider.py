# The methods of the protocol and of Resource share their names and signatures.
# ruff: noqa: ARG002, N802
"""One provider for any set of resources: the engine's protocol on one side, a few small methods on
the other.

Follows pulumi/proto/provider.proto and, for open choices, the Terraform bridge, which the official
kong, okta and time plugins use. The state of a resource is its inputs plus the server's answer.
`Diff` compares new inputs with that state, and zero values count as absent.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import grpc
from google.protobuf.empty_pb2 import Empty  # type: ignore[attr-defined]
from pulumi.runtime.proto import plugin_pb2, provider_pb2_grpc, status_pb2
from pulumi.runtime.proto import provider_pb2 as pb

from sandbox.plugins import sdk
from sandbox.plugins.values import (
    UNKNOWN,
    Properties,
    Secret,
    Value,
    from_struct,
    has_unknown,
    is_empty,
    to_struct,
)
from sandbox.serving import serve


class ProviderError(Exception):
    """An operation failed; the user sees the text under the resource's name."""


class NotReadyError(ProviderError):
    """A created or changed object did not reach its intended state. The engine records its current
    state, and the next run checks it again."""

    def __init__(
        self,
        identifier: str,
        inputs: Properties,
        state: Properties,
        reason: str,
    ) -> None:
        super().__init__(reason)
        self.identifier = identifier
        self.inputs = inputs
        self.state = state


@dataclass(frozen=True, slots=True)
class Naming:
    """The seed for names that `Check` generates; repeatable within one update."""

    name: str
    seed: bytes


@dataclass(frozen=True, slots=True)
class Difference:
    """Which top-level properties differ, which of them force a replacement, and in which order that
    is made."""

    changed: frozenset[str] = frozenset()
    replaced: frozenset[str] = frozenset()
    delete_first: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """An existing resource: its inputs (as a program would write them) and its state.

    `identifier` is the resource's id if it was imported by another id.
    """

    inputs: Properties
    state: Properties
    identifier: str = ""


class Resource(ABC):
    """One resource type. `token` is its type; the SDK lists its inputs."""

    token: str
    replaces: ClassVar[frozenset[str]] = (
        frozenset()
    )  # inputs whose change forces a replacement
    defaults: ClassVar[
        Mapping[str, Value]
    ] = {}  # the plugin's own values for absent inputs
    computed: ClassVar[frozenset[str]] = (
        frozenset()
    )  # outputs that only the server knows
    # Inputs that keep the server's value when absent.
    sticky: ClassVar[frozenset[str]] = frozenset()
    unordered: ClassVar[frozenset[str]] = frozenset()  # lists that are sets
    secrets: frozenset[str] = frozenset()  # outputs that are always secret

    def check(
        self, news: Properties, olds: Properties, naming: Naming
    ) -> Properties:
        """Return the inputs with defaults filled in."""
        return {
            **self.defaults,
            **{key: value for key, value in news.items() if value is not None},
        }

    def problems(self, inputs: Properties) -> Iterable[sdk.Problem]:
        """Return the errors of the inputs."""
        return sdk.problems(self.token, inputs)

    def differences(
        self, state: Properties, old_inputs: Properties, news: Properties
    ) -> Difference:
        """Compare new inputs with the state, key by key."""
        changed = {
            key
            for key in sdk.inputs_of(self.token).hints
            if (key in news or key not in self.sticky | self.computed)
            and not self.same(key, state.get(key), news.get(key))
        }
        return Difference(
            frozenset(changed), frozenset(changed & self.replaces)
        )

    def same(self, key: str, old: Value, new: Value) -> bool:
        """Return whether two values of the property `key` are equivalent."""
        if has_unknown(new):
            return False
        if (
            key in self.unordered
            and isinstance(old, list)
            and isinstance(new, list)
        ):
            return sorted(map(str, old)) == sorted(map(str, new))
        return bool(old == new) or (is_empty(old) and is_empty(new))

    def planned(self, state: Properties, news: Properties) -> Properties:
        """Return the state for a preview: the inputs, and the server's values if they are known."""
        kept = {
            key: state.get(key, UNKNOWN)
            for key in self.computed | self.sticky
            if key not in news
        }
        return {**kept, **news}

    @abstractmethod
    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Create the object, and return its id and state. Raises ProviderError."""

    @abstractmethod
    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        """Read the object; None if it is gone. Raises ProviderError."""

    @abstractmethod
    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        """Change the object, and return its new state. Raises ProviderError."""

    @abstractmethod
    def delete(self, identifier: str, state: Properties) -> None:
        """Remove it. Raises ProviderError."""


Function = Callable[[Properties], Properties]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A provider: its name and version, how it takes its configuration, its resources and its
    functions."""

    name: str
    version: str
    configure: Callable[[Properties], None]
    resource: Callable[[str], Resource]  # by type token; raises KeyError
    functions: Mapping[str, Function] = field(default_factory=dict)
    cancelled: threading.Event = field(default_factory=threading.Event)


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The gRPC side of a `Plugin`."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    # The plugin itself

    def Handshake(
        self, _request: pb.ProviderHandshakeRequest, _: grpc.ServicerContext
    ) -> pb.ProviderHandshakeResponse:
        return pb.ProviderHandshakeResponse()

    def GetPluginInfo(
        self, _request: Empty, _: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self._plugin.version)

    def GetSchema(
        self, _request: pb.GetSchemaRequest, _: grpc.ServicerContext
    ) -> pb.GetSchemaResponse:
        """Not modelled: the SDK is the schema. Enough for the engine to go on."""
        return pb.GetSchemaResponse(
            schema=f'{{"name": "{self._plugin.name}", "version": "{self._plugin.version}"}}'
        )

    def CheckConfig(
        self, request: pb.CheckRequest, _: grpc.ServicerContext
    ) -> pb.CheckResponse:
        return pb.CheckResponse(inputs=request.news)

    def DiffConfig(
        self, request: pb.DiffRequest, _: grpc.ServicerContext
    ) -> pb.DiffResponse:
        """A changed provider configuration is an update of the provider, and never replaces its
        resources."""
        olds = from_struct(request.old_inputs)
        news = from_struct(request.news)
        return _diff_response(
            Difference(
                frozenset(
                    key for key in olds | news if olds.get(key) != news.get(key)
                )
            )
        )

    def Configure(
        self, request: pb.ConfigureRequest, context: grpc.ServicerContext
    ) -> pb.ConfigureResponse:
        with _errors(context):
            arguments = from_struct(request.args)
            if not has_unknown(arguments):
                self._plugin.configure(arguments)
        return pb.ConfigureResponse(supportsPreview=True)

    def Cancel(self, _request: Empty, _: grpc.ServicerContext) -> Empty:
        self._plugin.cancelled.set()
        return Empty()

    def Invoke(
        self, request: pb.InvokeRequest, context: grpc.ServicerContext
    ) -> pb.InvokeResponse:
        with _errors(context):
            if request.tok not in self._plugin.functions:
                raise ProviderError(
                    f"the stand-in for {self._plugin.name} has no function {request.tok}"
                )
            arguments = from_struct(request.args)
            return pb.InvokeResponse(
                **{
                    "return": to_struct(
                        self._plugin.functions[request.tok](arguments)
                    )
                }
            )

    # Resources

    def Check(
        self, request: pb.CheckRequest, context: grpc.ServicerContext
    ) -> pb.CheckResponse:
        with _errors(context):
            resource = self._resource(request.urn)
            news = from_struct(request.news)
            olds = from_struct(request.olds)
            naming = Naming(request.urn.rsplit("::", 1)[1], request.randomSeed)
            inputs = resource.check(news, olds, naming)
            failures = [
                pb.CheckFailure(property=p.path, reason=p.reason)
                for p in resource.problems(inputs)
            ]
            return pb.CheckResponse(inputs=to_struct(inputs), failures=failures)

    def Diff(
        self, request: pb.DiffRequest, context: grpc.ServicerContext
    ) -> pb.DiffResponse:
        with _errors(context):
            olds, old_inputs, news = map(
                from_struct, (request.olds, request.old_inputs, request.news)
            )
            _keep(request.ignoreChanges, olds, news)
            return _diff_response(
                self._resource(request.urn).differences(olds, old_inputs, news)
            )

    def Create(
        self, request: pb.CreateRequest, context: grpc.ServicerContext
    ) -> pb.CreateResponse:
        with _errors(context):
            resource = self._resource(request.urn)
            inputs = from_struct(request.properties)
            if request.preview:
                return pb.CreateResponse(
                    properties=_state(resource, resource.planned({}, inputs))
                )
            identifier, state = resource.create(inputs)
            return pb.CreateResponse(
                id=identifier, properties=_state(resource, state)
            )

    def Read(
        self, request: pb.ReadRequest, context: grpc.ServicerContext
    ) -> pb.ReadResponse:
        with _errors(context):
            resource = self._resource(request.urn)
            inputs = from_struct(request.inputs)
            state = from_struct(request.properties)
            result = resource.read(request.id, inputs, state)
            if result is None:
                return pb.ReadResponse()
            return pb.ReadResponse(
                id=result.identifier or request.id,
                inputs=to_struct(result.inputs),
                properties=_state(resource, result.state),
            )

    def Update(
        self, request: pb.UpdateRequest, context: grpc.ServicerContext
    ) -> pb.UpdateResponse:
        with _errors(context):
            resource = self._resource(request.urn)
            state = from_struct(request.olds)
            news = from_struct(request.news)
            _keep(request.ignoreChanges, state, news)
            if request.preview:
                return pb.UpdateResponse(
                    properties=_state(resource, resource.planned(state, news))
                )
            return pb.UpdateResponse(
                properties=_state(
                    resource, resource.update(request.id, state, news)
                )
            )

    def Delete(
        self, request: pb.DeleteRequest, context: grpc.ServicerContext
    ) -> Empty:
        with _errors(context):
            self._resource(request.urn).delete(
                request.id, from_struct(request.properties)
            )
        return Empty()

    def _resource(self, urn: str) -> Resource:
        token = _token(urn)
        try:
            return self._plugin.resource(token)
        except KeyError:
            raise ProviderError(
                f"the stand-in for {self._plugin.name} does not model {token}"
            ) from None


def _keep(ignored: Iterable[str], state: Properties, news: Properties) -> None:
    """Replace ignored inputs by their last values, in a diff and in an update (the bridge's
    provider.go)."""
    for path in ignored:
        key = path.split(".")[0].split("[")[0]
        news[key] = state.get(key)


class _errors:  # noqa: N801 - reads as a statement: with _errors(context)
    """Turns an exception inside a call into its gRPC status, so that the user sees the text and no
    traceback."""

    def __init__(self, context: grpc.ServicerContext) -> None:
        self._context = context

    def __enter__(self) -> None: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _: object,
    ) -> None:
        if isinstance(error, NotReadyError):
            made = pb.ErrorResourceInitFailed(
                id=error.identifier,
                inputs=to_struct(error.inputs),
                properties=to_struct(error.state),
                reasons=[str(error)],
            )
            status = status_pb2.Status(
                code=grpc.StatusCode.UNKNOWN.value[0], message=str(error)
            )
            status.details.add().Pack(made)
            # google.rpc sends errors with details in this header, beside the status.
            details: bytes = status.SerializeToString()  # type: ignore[no-untyped-call]
            trailing = (("grpc-status-details-bin", details),)
            self._context.set_trailing_metadata(trailing)  # type: ignore[no-untyped-call]
        if isinstance(error, ProviderError | OSError | sdk.NoSuchResourceError):
            self._context.abort(  # type: ignore[no-untyped-call]
                grpc.StatusCode.UNKNOWN, str(error)
            )


def _token(urn: str) -> str:
    """Return the type in a URN: `urn:pulumi:stack::project::parent$type::name`."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def _state(resource: Resource, state: Properties) -> object:
    marked = {
        key: Secret(value) if key in resource.secrets else value
        for key, value in state.items()
    }
    return to_struct(
        {key: value for key, value in marked.items() if not _is_absent(value)}
    )


def _is_absent(value: Value) -> bool:
    return value is None or (isinstance(value, Secret) and value.value is None)


def _diff_response(difference: Difference) -> pb.DiffResponse:
    return pb.DiffResponse(
        changes=pb.DiffResponse.DIFF_SOME
        if difference.changed
        else pb.DiffResponse.DIFF_NONE,
        diffs=sorted(difference.changed),
        replaces=sorted(difference.replaced),
        deleteBeforeReplace=difference.delete_first,
    )


def run(plugin: Plugin) -> None:
    """Serve `plugin` until the engine ends this process."""
    provider = Provider(plugin)
    serve(
        lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(
            provider, server
        )
    )
