"""Number of requests that a run sends to the identity provider and to Kong's Admin API, in estates
of different sizes.

    python -m benchmarks.requests [--components 9 30 99] [--provider okta|entra]

Deploys Applications of three components (as in `benchmarks.compile`, with separate groups) on the
sandbox. The engine is real; Kong, the provider and the plugins are stand-ins.

The User-Agent separates the program's requests (for names, groups and schemas) from the plugins'. A
plugin sends at least one for each resource that a run creates, changes or refreshes. Exits 1 if the
program's requests grow with the estate, except in a first `up`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from benchmarks.compile import APPLICATION
from benchmarks.graph import PER_APPLICATION
from sandbox import project
from sandbox.entra import Entra
from sandbox.kong.http import Request, Response
from sandbox.local import STACK, Local

OURS = "python-httpx"
"""The beginning of the program's User-Agent."""
SAME = ("no change", "refresh", "an Application added")
"""Runs in which the program sends equally many requests in every estate, as long as all groups are
on one page."""


@dataclass
class Heard:
    """Requests of one run, by product and sender."""

    ours: Counter[str] = field(default_factory=Counter)
    plugins: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)

    def to(self, product: str) -> Callable[[str, str, str], None]:
        def heard(method: str, target: str, agent: str) -> None:
            (self.ours if agent.startswith(OURS) else self.plugins)[
                product
            ] += 1
            if agent.startswith(OURS):
                self.lines.append(f"{product} {method} {target}")

        return heard

    def passing(
        self, request: Request, proceed: Callable[[], Response]
    ) -> Response:
        """Record a request to Kong, and let it pass."""
        agent = request.header("user-agent") or ""
        self.to("Kong")(request.method, request.target, agent)
        return proceed()


def application(number: int) -> str:
    """Return the Application of a number, with separate groups."""
    text = APPLICATION.format(n=number)
    return text.replace(
        "groups: [readers]", f"groups: [{groups(number)[0]}]"
    ).replace("groups: [writers]", f"groups: [{groups(number)[1]}]")


def groups(number: int) -> tuple[str, str]:
    """Return the groups that the Application of a number names."""
    return f"readers-{number}", f"writers-{number}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--components", type=int, nargs="+", default=[9, 30, 99]
    )
    parser.add_argument("--provider", choices=("okta", "entra"), default="okta")
    parser.add_argument(
        "--say", action="store_true", help="print each request of the program"
    )
    options = parser.parse_args()
    estates = {
        count: measured(options.provider, count) for count in options.components
    }
    for line in table(options.provider, estates):
        print(line)
    if options.say:
        for count, runs in estates.items():
            for run, heard in runs.items():
                print(f"\n{count} components, {run}:", *heard.lines, sep="\n  ")
    return 0 if all(_alike(run, estates) for run in SAME) else 1


def _alike(run: str, estates: dict[int, dict[str, Heard]]) -> bool:
    """Return whether the program sent equally many requests in a run of every estate."""
    first, *others = (runs[run].ours for runs in estates.values())
    return all(requests == first for requests in others)


def table(provider: str, estates: dict[int, dict[str, Heard]]) -> Iterator[str]:
    """Yield a line for each estate and run: requests of the program, and of the plugins, to the
    provider and to Kong."""
    yield (
        f"{'components':>10}  {'run':<22} {provider:>8} {'Kong':>8} | "
        f"{'plugins: ' + provider:>16} {'Kong':>8}"
    )
    for count, runs in estates.items():
        for run, heard in runs.items():
            ours = heard.ours
            plugins = heard.plugins
            numbers = (
                f"{ours[provider]:8} {ours['Kong']:8} | "
                f"{plugins[provider]:16} {plugins['Kong']:8}"
            )
            yield f"{count:10}  {run:<22} {numbers}"


def measured(provider: str, components: int) -> dict[str, Heard]:
    """Return the requests of each kind of run."""
    number = components // PER_APPLICATION
    named = [*chain.from_iterable(map(groups, range(number + 1)))]
    runs: dict[str, Heard] = {}
    with ExitStack() as opened:
        root = project.project(
            Path(opened.enter_context(tempfile.TemporaryDirectory()))
        )
        local = opened.enter_context(Local(groups=named, users=()))
        tenant = (
            opened.enter_context(_tenant(local, root, named))
            if provider == "entra"
            else None
        )
        for file in (root / "applications").iterdir():
            file.unlink()
        for index in range(1, number + 1):
            (root / "applications" / f"app{index:05}.yaml").write_text(
                application(index)
            )

        def run(kind: str, *arguments: str) -> None:
            heard = runs[kind] = Heard()
            local.okta.heard = heard.to("okta")
            local.kong.faults = heard.passing
            if tenant is not None:
                tenant.heard = heard.to("entra")
            local.pulumi(*arguments, "-s", STACK, cwd=root, timeout=1800)

        up = ("up", "--yes", "--skip-preview")
        local.pulumi("stack", "init", "-s", STACK, cwd=root)
        run("first up", *up)
        run("no change", *up)
        run("refresh", "refresh", "--yes", "--skip-preview")
        (root / "applications" / "app00000.yaml").write_text(application(0))
        run("an Application added", *up)
    return runs


@contextmanager
def _tenant(local: Local, root: Path, named: list[str]) -> Iterator[Entra]:
    with Entra(named) as tenant:
        local.env |= tenant.environment
        entry = {
            "name": "entra",
            "type": "entra",
            "issuer": tenant.issuer,
            "accessTokenMinutes": 90,
        }
        project.set_providers(root, [{**entry, "settleSeconds": 0}])
        yield tenant


if __name__ == "__main__":
    sys.exit(main())
