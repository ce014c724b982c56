# ruff: noqa: N802 - the protocol names the methods
"""The language host: it runs a Python program for the engine. A stand-in for the official
pulumi-language-python.

Speaks pulumi/proto/language.proto. It starts the program in a new process (`program.py`). It runs
policy packs and other plugins in Python as `python DIR`, and lists the plugins that the installed
SDKs need. Not modelled: project templates, dependency installation, code generation, the debugger,
poetry and uv.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import grpc
import pulumi
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty  # type: ignore[attr-defined]
from pulumi.runtime.proto import language_pb2 as pb
from pulumi.runtime.proto import language_pb2_grpc, plugin_pb2

from sandbox import forking
from sandbox.serving import serve

VERSION = "0.0.1+stand-in"
_PROGRAM = Path(__file__).with_name("program.py")
_ERROR_WAS_SHOWN = 32
_SITE_PACKAGES = Path(pulumi.__file__).parent.parent


def required_plugins(site_packages: Path) -> list[plugin_pb2.PackageDependency]:
    """Return the resource plugins that the SDKs installed in `site_packages` name in their
    pulumi-plugin.json."""
    wanted = []
    for file in sorted(site_packages.glob("pulumi*/pulumi-plugin.json")):
        plugin = json.loads(file.read_text())
        if not plugin.get("resource"):
            continue
        wanted.append(
            plugin_pb2.PackageDependency(
                name=plugin.get(
                    "name", file.parent.name.removeprefix("pulumi_")
                ),
                kind="resource",
                version=plugin.get("version")
                or _distribution_version(file.parent.name),
                server=plugin.get("server", ""),
            )
        )
    return wanted


def _distribution_version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def interpreter(info: pb.ProgramInfo) -> str:
    """Return the Python that runs the program: from the project's `virtualenv` option if it exists,
    otherwise this interpreter."""
    options: dict[str, str] = json_format.MessageToDict(  # type: ignore[no-untyped-call]
        info.options
    )
    virtualenv = options.get("virtualenv")
    if virtualenv:
        python = Path(info.root_directory, virtualenv, "bin", "python")
        if python.exists():
            return str(python)
    return sys.executable


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """One language host; `engine` is the address of the engine's own service, for logging."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._children: set[subprocess.Popen[bytes]] = set()

    def Handshake(
        self, request: pb.LanguageHandshakeRequest, _: grpc.ServicerContext
    ) -> pb.LanguageHandshakeResponse:
        self._engine = request.engine_address or self._engine
        return pb.LanguageHandshakeResponse()

    def GetPluginInfo(
        self, _request: Empty, _: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetRequiredPackages(
        self, _request: pb.GetRequiredPackagesRequest, _: grpc.ServicerContext
    ) -> pb.GetRequiredPackagesResponse:
        return pb.GetRequiredPackagesResponse(
            packages=required_plugins(_SITE_PACKAGES)
        )

    def RuntimeOptionsPrompts(
        self, _request: pb.RuntimeOptionsRequest, _: grpc.ServicerContext
    ) -> pb.RuntimeOptionsResponse:
        return pb.RuntimeOptionsResponse()

    def About(
        self, request: pb.AboutRequest, _: grpc.ServicerContext
    ) -> pb.AboutResponse:
        return pb.AboutResponse(
            executable=interpreter(request.info), version=sys.version.split()[0]
        )

    def GetProgramDependencies(
        self,
        _request: pb.GetProgramDependenciesRequest,
        _: grpc.ServicerContext,
    ) -> pb.GetProgramDependenciesResponse:
        packages = sorted(
            (d.metadata["Name"], d.version) for d in metadata.distributions()
        )
        return pb.GetProgramDependenciesResponse(
            dependencies=[
                pb.DependencyInfo(name=name, version=version)
                for name, version in packages
            ]
        )

    def Run(
        self, request: pb.RunRequest, context: grpc.ServicerContext
    ) -> pb.RunResponse:
        """Run the program to its end. Its output is this process's output."""
        settings = {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization or "organization",
            "root": request.info.root_directory,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "program": str(
                Path(
                    request.info.program_directory or request.pwd,
                    request.info.entry_point or ".",
                )
            ),
            "arguments": list(request.args),
        }
        environment = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(
                list(request.configSecretKeys)
            ),
            "PYTHONUNBUFFERED": "1",
        }
        # -P: the program must not import `kong` and `okta` from the folder of program.py.
        command = [
            *forking.command(interpreter(request.info), str(_PROGRAM)),
            json.dumps(settings),
        ]
        child = self._start(
            subprocess.Popen(command, cwd=request.pwd or None, env=environment),
            context,
        )
        code = self._wait(child)
        if code == _ERROR_WAS_SHOWN:
            return pb.RunResponse(bail=True)
        return pb.RunResponse(
            error=f"Program exited with non-zero exit code: {code}"
            if code
            else ""
        )

    def RunPlugin(
        self, request: pb.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.RunPluginResponse]:
        """Run a plugin written in Python, such as a policy pack, and forward its output."""
        program = str(
            Path(
                request.info.program_directory or request.pwd,
                request.info.entry_point or ".",
            )
        )
        environment = {
            **dict(item.split("=", 1) for item in request.env),
            "PYTHONUNBUFFERED": "1",
        }
        child = self._start(
            subprocess.Popen(
                [
                    *forking.command(interpreter(request.info), program),
                    *request.args,
                ],
                cwd=request.pwd or None,
                env=environment or None,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            ),
            context,
        )
        assert child.stdout is not None
        while chunk := os.read(child.stdout.fileno(), 65536):
            yield pb.RunPluginResponse(stdout=chunk)
        yield pb.RunPluginResponse(exitcode=self._wait(child))

    def stop(self) -> None:
        """End every program that is still running."""
        for child in list(self._children):
            child.terminate()

    def _start(
        self, child: subprocess.Popen[bytes], context: grpc.ServicerContext
    ) -> subprocess.Popen[bytes]:
        self._children.add(child)
        # Called when the engine cancels; harmless once the child has ended.
        context.add_callback(child.terminate)  # type: ignore[no-untyped-call]
        return child

    def _wait(self, child: subprocess.Popen[bytes]) -> int:
        code = child.wait()
        self._children.discard(child)
        return code


def main() -> None:
    """Serve until the engine ends this process. The last argument is the engine's address."""
    host = LanguageHost(sys.argv[-1])
    serve(
        lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(
            host, server
        ),
        host.stop,
    )
