"""Cost of a Kong without a database: seconds of a load, the worst answer meanwhile, and `up`.

    python -m benchmarks.dbless --nodes URL ... --proxy URL [--ports 5 64 300 600] \
        [--database URL]

`--nodes` are the Admin APIs of empty nodes without a database, and `--proxy` is their proxy. The
entities of each number of ports are loaded, and single writes follow. Callers ask meanwhile.

`--database` is the Admin API of an empty Kong with PostgreSQL. `up` of the sample estate, and of
100 components, then runs on both in turn. Exits 1 if `up` without a database takes more than LIMIT
times as long. Okta and the cluster are stand-ins; KONG_OAM_PLUGINS names official plugins.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from benchmarks.compile import APPLICATION
from benchmarks.conditions import as_users_run
from benchmarks.graph import GROUPS, PER_APPLICATION, write
from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.model import Estate
from kong_oam.access.settings.assumed import assumed
from kong_oam.access.settings.dbless import DblessSettings
from kong_oam.access.settings.values import Settings
from kong_oam.kong.account import Account
from kong_oam.kong.dbless.document import Document
from kong_oam.kong.dbless.file import DocumentFile
from kong_oam.kong.dbless.session import session
from kong_oam.oam.application import read_bytes
from kong_rules.entities import Table
from kong_rules.kinds import KINDS
from sandbox import project
from sandbox.local import STACK, Local
from tests.support.dbless import emptied
from tests.support.two_stacks import union
from tests.support.verified_gateway import Deployment

LIMIT = 1.5
PORTS_OF_APPLICATION = 2
COMPONENTS = 100
WRITES = 5
ROUNDS, ROUNDS_OF_MANY = 2, 1
"""How often `up` runs of the sample estate, and of 100 components, which take minutes."""
CALLERS = 4
_ISSUER = "https://issuer.example.com"
_KINDS = ("services", "routes", "plugins", "consumers", "upstreams", "targets")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--nodes", nargs="+", required=True)
    parser.add_argument("--proxy", required=True)
    parser.add_argument(
        "--ports", nargs="*", type=int, default=[5, 64, 300, 600]
    )
    parser.add_argument("--database")
    options = parser.parse_args()
    as_users_run()
    folder = Path(tempfile.mkdtemp())
    try:
        print(f"{len(options.nodes)} nodes of {_product(options.nodes[0])}")
        for ports in options.ports:
            print_load(folder, options.nodes, options.proxy, ports)
        if not options.database:
            return 0
        print(f"against {_product(options.database)}")
        sample = print_up(folder, options.nodes, options.database, 0)
        many = print_up(folder, options.nodes, options.database, COMPONENTS)
    finally:
        shutil.rmtree(folder)
    return int(max(sample, many) > LIMIT)


def _product(url: str) -> str:
    root = httpx.get(url).raise_for_status().json()
    kind = "a stand-in for Kong" if "stand_in" in root else "Kong"
    return f"{kind} {root['version']}, database {root['configuration']['database']}"


def print_load(
    folder: Path, nodes: Sequence[str], proxy: str, ports: int
) -> None:
    """Print the seconds of a write, and of the worst answer meanwhile."""
    file = DocumentFile(folder / f"{ports}.json.gz")
    document = Document("benchmark", _tables(*_estate(ports)))
    file.save(document)
    megabytes = len(document.text()) / 2**20
    service = next(iter(document.tables["services"]))
    with _writable("benchmark", nodes, file.path) as address:
        with _asking(proxy) as quiet:
            time.sleep(2)
        seconds = []
        with _asking(proxy) as answers:
            for retries in range(WRITES):
                begun = time.monotonic()
                httpx.patch(
                    f"{address}/services/{service}",
                    json={"retries": retries},
                    timeout=60,
                ).raise_for_status()
                seconds.append(time.monotonic() - begun)
    print(
        f"{ports:4} ports, {megabytes:4.1f} MiB: a write {statistics.median(seconds):.2f} s, "
        f"worst answer {max(answers):.2f} s of {len(answers)}, {max(quiet):.2f} s without writes"
    )


def _estate(ports: int) -> tuple[Settings, Estate]:
    settings = _with_issuer(assumed("benchmark", date(2026, 1, 31)))
    texts = [
        APPLICATION.format(n=n)
        for n in range(-(-ports // PORTS_OF_APPLICATION))
    ]
    compiled = compile_estate(
        read_bytes("applications.yaml", "---\n".join(texts).encode()),
        settings.stack,
    )
    if compiled.estate is None:
        raise RuntimeError(compiled.diagnostics)
    return settings, compiled.estate


def _with_issuer(settings: Settings) -> Settings:
    known = {
        name: replace(provider, issuer=_ISSUER)
        for name, provider in settings.stack.providers.items()
    }
    return replace(settings, stack=replace(settings.stack, providers=known))


def _tables(settings: Settings, estate: Estate) -> Mapping[str, Table]:
    """Return the entities of an estate, with ids, by kind."""
    entities = union([Deployment.of(settings, estate)])
    tables: dict[str, Table] = {kind: {} for kind in KINDS}
    for kind in _KINDS:
        made = getattr(entities, kind)
        tables[kind] = {entity["id"]: entity for entity in made}
    return tables


@contextmanager
def _writable(stack: str, nodes: Sequence[str], file: Path) -> Iterator[str]:
    """Yield the address of the nodes' writable Admin API. The nodes are empty at the end."""
    settings = DblessSettings(tuple(nodes), str(file))
    with (
        emptied(nodes),
        session(stack, settings, Account(""), "benchmark", 0) as address,
    ):
        yield address
    file.unlink()


@contextmanager
def _asking(proxy: str) -> Iterator[list[float]]:
    """Yield the seconds of each answer to callers without a token."""
    address = urlsplit(proxy)
    request = b"GET /items HTTP/1.1\r\nHost: app0.example.com\r\nConnection: close\r\n\r\n"
    answers: list[float] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            begun = time.monotonic()
            where = address.hostname or "", address.port or 80
            with socket.create_connection(where, timeout=60) as connection:
                connection.sendall(request)
                while connection.recv(65536):
                    pass
            answers.append(time.monotonic() - begun)
            time.sleep(0.01)

    threads = [threading.Thread(target=ask) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def print_up(
    folder: Path, nodes: Sequence[str], database: str, components: int
) -> float:
    """Print the seconds of `up` from nothing on both gateways. Return their ratio."""
    with_database = []
    without = []
    for number in range(ROUNDS_OF_MANY if components else ROUNDS):
        with_database.append(_up(database, components))
        file = folder / f"up-{components}-{number}.json.gz"
        with _writable(STACK, nodes, file) as address:
            without.append(_up(address, components))
    ratio = min(without) / min(with_database)
    estate = f"{components} components" if components else "the sample estate"
    print(
        f"up of {estate}: PostgreSQL {min(with_database):.1f} s, without a database "
        f"{min(without):.1f} s, {ratio:.2f} times (limit {LIMIT})"
    )
    return ratio


def _up(admin_url: str, components: int) -> float:
    """Return the seconds of `up` from nothing. All is destroyed at the end."""
    folder = Path(tempfile.mkdtemp())
    root = project.project(folder)
    if components:
        for file in (root / "applications").iterdir():
            file.unlink()
        for number in range(-(-components // PER_APPLICATION)):
            write(root, number)
    local = Local(groups=GROUPS, users=()) if components else Local()
    with local:
        local.env |= {"KONG_ADMIN_ADDR": admin_url}
        local.env.pop("KONG_ADMIN_TOKEN", None)
        run = ("--yes", "--skip-preview", "-s", STACK)
        local.pulumi("stack", "init", "-s", STACK, cwd=root)
        begun = time.monotonic()
        try:
            local.pulumi("up", *run, cwd=root, timeout=1800)
            seconds = time.monotonic() - begun
        finally:
            local.pulumi("destroy", *run, cwd=root, timeout=1800)
    shutil.rmtree(folder)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
