"""A deployment in the document of two nodes without a database (stand-ins)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kong_oam.access.settings.dbless import DblessSettings
from kong_oam.access.settings.values import Settings
from sandbox.kong import Kong
from tests.support.dbless import nodes, writable
from tests.support.two_stacks import deployment
from tests.support.verified_gateway import Deployment, deploy


@dataclass(frozen=True)
class DblessEstate:
    """The stack `prod` of two_stacks. `settings` have its nodes and its document `file`."""

    nodes: Sequence[Kong]
    deployment: Deployment
    settings: Settings
    file: Path


@contextmanager
def deployed(file: Path) -> Iterator[DblessEstate]:
    """Deploy the stack to two nodes."""
    of_stack = deployment("prod")
    with nodes(2) as standing:
        urls = tuple(node.admin_url for node in standing)
        gateway = replace(
            of_stack.settings.gateway, dbless=DblessSettings(urls, str(file))
        )
        settings = replace(of_stack.settings, gateway=gateway)
        with writable(standing, file) as address:
            deploy(address, of_stack)
        yield DblessEstate(standing, of_stack, settings, file)
