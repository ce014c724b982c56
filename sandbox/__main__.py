"""The sandbox's command.

`python -m sandbox demo`     deploys, calls through the gateway, shows the answers, and deletes all.
`python -m sandbox serve`    keeps the stand-ins running in the foreground for `pulumi up -s local`.
`python -m sandbox token`    prints an access token, as a workload of the running sandbox gets it.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.cluster import CLUSTER
from sandbox.local import STACK, USERS, Local
from sandbox.toolchain import ToolchainError

if TYPE_CHECKING:
    from sandbox.demo.identity import SandboxProvider

_STAND_INS = (
    "Stand-ins, on 127.0.0.1 only: Kong (Admin API and proxy), {}the Kubernetes cluster "
    "and kubectl, the workloads."
)
_REAL = "Real: {}the Pulumi engine, this program, the SDKs, state and previews."


def demo(kind: str, *, verbose: bool = False) -> int:
    """Deploy the sample estate and an Application of custom types with the real CLI, and call it.

    `verbose` prints the output of `pulumi up` and the log of every call. Return the exit status.
    """
    from sandbox.demo.identity import KINDS, identity_provider
    from sandbox.keycloak import UnavailableError
    from sandbox.project import add_own_types, keep_records, project
    from sandbox.server import StartError

    if kind not in KINDS:
        print(
            f"error: the sandbox has no identity provider '{kind}'; use one of {', '.join(KINDS)}",
            file=sys.stderr,
        )
        return 2
    with (
        tempfile.TemporaryDirectory(prefix="kong-oam-") as made,
        Local(project=Path(made)) as local,
    ):
        folder = project(Path(made))
        add_own_types(folder)
        keep_records(folder, records := folder / "records.jsonl")
        try:
            with identity_provider(kind, local, folder) as provider:
                return _deployed(local, folder, provider, records, verbose)
        except (UnavailableError, StartError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1


def _deployed(
    local: Local,
    folder: Path,
    provider: "SandboxProvider",
    records: Path,
    verbose: bool,
) -> int:
    from sandbox.demo.table import deployed, show

    _introduce(local, provider.name, real=provider.real)
    local.pulumi("stack", "init", STACK)
    command = ("up", "-s", STACK, "--yes", "--skip-preview")
    print(f"\npulumi {' '.join(command)}", flush=True)
    try:
        local.pulumi(*command, show=verbose)
    except subprocess.CalledProcessError as failed:
        print(failed.stdout, failed.stderr, sep="\n", file=sys.stderr)
        return failed.returncode
    except subprocess.TimeoutExpired as late:
        print(
            f"error: pulumi up took longer than {late.timeout:.0f} s and was stopped; "
            "reduce the load on this machine and run it again",
            file=sys.stderr,
        )
        return 1
    state = local.pulumi("stack", "export", "-s", STACK).stdout
    print(deployed(state))
    return show(local, folder, str(provider), records, verbose=verbose)


def serve() -> int:
    """Keep everything up until Ctrl-C."""
    with Local() as local:
        _introduce(local)
        local.pulumi("stack", "init", STACK)
        print("\nPaste this into another terminal, in this folder:\n")
        for name, value in local.exports.items():
            print(f"export {name}={_exported(name, value)}")
        print(f"\nThen: pulumi up -s {STACK}")
        print(
            f"Gateway: {local.kong.proxy_url}   Ctrl-C ends everything.",
            flush=True,
        )
        threading.Event().wait()
    return 0


def _exported(name: str, value: str) -> str:
    """A value as a shell takes it. PATH is appended to, so an activated .venv of the other terminal
    stays active."""
    if name != "PATH":
        return shlex.quote(value)
    return f'{shlex.quote(value.removesuffix(os.environ.get("PATH", os.defpath)))}"$PATH"'


def token(client: str, user: str | None, namespace: str) -> int:
    """Print an access token of `client` (application/component), optionally for `user`."""
    cluster = os.environ.get(CLUSTER)
    if not cluster:
        print(
            "error: paste the exports that `make sandbox` prints first",
            file=sys.stderr,
        )
        return 2
    from sandbox import caller
    from sandbox.browser import IssuerError

    try:
        settings = caller.environment(
            cluster, namespace, client.rpartition("/")[2]
        )
        _check_user(settings, user)
        print(caller.token(settings, user)[0])
    except (LookupError, IssuerError) as error:
        print(f"error: {client}: {error}", file=sys.stderr)
        return 1
    return 0


def _check_user(settings: Mapping[str, str], user: str | None) -> None:
    """Check that a user is named exactly for clients that users sign in to. Raises LookupError."""
    logins = [known.login for known in USERS]
    signs_in = "OAUTH_REDIRECT_URIS" in settings
    if signs_in and user is None:
        raise LookupError(
            f"users sign in to this client: add --user {', '.join(logins[:-1])} or {logins[-1]}"
        )
    if user is not None and not signs_in:
        raise LookupError(
            "no user signs in to this client, it calls as itself: leave --user out"
        )
    if user is not None and user not in logins:
        raise LookupError(
            f"the sandbox has no user '{user}'; use one of {', '.join(logins)}"
        )


def _introduce(
    local: Local, provider: str = "Okta", *, real: bool = False
) -> None:
    print(_STAND_INS.format("" if real else f"{provider}, "))
    print(_REAL.format(f"{provider}, " if real else ""))
    print(local.launchers, flush=True)


def main() -> int:
    """Parse the verb and run it."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description=__doc__.splitlines()[0] if __doc__ else "",
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    showing = verbs.add_parser(
        "demo", help="deploy, call through the gateway, show the answers"
    )
    showing.add_argument(
        "--idp",
        default="okta",
        help="the kind of identity provider (default: okta)",
    )
    showing.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="also print the output of pulumi and the log of every call",
    )
    verbs.add_parser(
        "serve", help="keep the stand-ins running in the foreground"
    )
    asking = verbs.add_parser(
        "token", help="print an access token, as a workload gets it"
    )
    asking.add_argument("client", help="application/component")
    asking.add_argument(
        "--user",
        help="a user of the test login (user-sales, user-order-desk, user-both, user-none)",
    )
    asking.add_argument(
        "--namespace",
        default="default",
        help="the application's namespace (default: default)",
    )
    options = parser.parse_args()
    try:
        if options.verb == "token":
            return token(options.client, options.user, options.namespace)
        if options.verb == "demo":
            return demo(options.idp, verbose=options.verbose)
        return serve()
    except ToolchainError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
