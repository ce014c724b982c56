"""Plan the new side of an old Kong: the paths, rules and forwards of each component, by host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from kong_oam.access.data import Names, PathSegments
from kong_oam.access.model import METHODS
from kong_oam.adopt.entities import OldKong
from kong_oam.adopt.writing.addresses import Address, problem_of
from kong_oam.adopt.writing.cells import cells_of, declared_texts, paths_of
from kong_oam.adopt.writing.hosts import adopted_hosts, examples, may_match
from kong_oam.adopt.writing.judge import Cells, Judge, Region
from kong_oam.adopt.writing.options import Options
from kong_oam.adopt.writing.outcomes import (
    Outcome,
    Outcomes,
    merged,
)
from kong_oam.adopt.writing.regions import Chooser, Plan, declaring
from kong_oam.adopt.writing.rules import PlannedRule, RuleWriter
from kong_oam.adopt.writing.sites import Site, Sites, consumer_problem


@dataclass(slots=True)
class Planned:
    """The new side: a plan for each host, and the settings of each exposed address."""

    old: OldKong
    hosts: Names
    plans: list[Plan] = field(default_factory=list)
    sites: dict[Address, Site] = field(default_factory=dict)

    def exposed(self, address: Address) -> Iterator[tuple[Plan, Region]]:
        """Yield the exposed regions of an address, by host."""
        for plan in self.plans:
            for region in plan.exposed:
                if region.address == address:
                    yield plan, region


def plan(old: OldKong, options: Options) -> Planned:
    """Plan the new side of an old Kong."""
    planned = Planned(old, adopted_hosts(old, options.hosts))
    outcomes = Outcomes(old)
    sites = Sites(outcomes.answers.chains)
    tables: dict[str, dict[PathSegments, Cells]] = {}
    for host in planned.hosts:
        tables[host] = _cells(host, planned, outcomes)
    for outcome in _outcomes(tables):
        sites.add(outcome)
    judge = Judge(
        sites,
        _problems(tables, planned.hosts),
        {each.name: consumer_problem(each) for each in old.consumers},
    )
    groups = {each.name: frozenset(each.groups) for each in old.consumers}
    own = declaring(old.routes)
    for host in planned.hosts:
        chooser = Chooser(
            host, judge, RuleWriter(judge, groups), own, {}, options.closes
        )
        made = chooser.choose(tables[host])
        while conflicts := _conflicts(planned, made):
            chooser.banned = {**chooser.banned, **conflicts}
            made = chooser.choose(tables[host])
        planned.plans.append(made)
    for each in planned.plans:
        for region in each.exposed:
            assert region.address is not None
            planned.sites[region.address] = sites.site(region.address)
    return planned


def _problems(
    tables: Mapping[str, Mapping[PathSegments, Cells]], hosts: Names
) -> dict[Address, str]:
    addresses = {
        outcome.way.address for outcome in _outcomes(tables) if outcome.way
    }
    return {address: problem_of(address, hosts) for address in addresses}


def _outcomes(
    tables: Mapping[str, Mapping[PathSegments, Cells]],
) -> Iterator[Outcome]:
    """Yield the outcomes of all cells, by host, path, cell and method."""
    for by_path in tables.values():
        for cells in by_path.values():
            for _, by_method in cells:
                yield from by_method.values()


def _cells(
    host: str, planned: Planned, outcomes: Outcomes
) -> dict[PathSegments, Cells]:
    """Return the cells of a host with their outcomes, the deepest paths first."""
    routes = [route for route in planned.old.routes if may_match(route, host)]
    texts = declared_texts(routes)
    paths = paths_of(texts)
    regions = cells_of(texts, paths)
    named = set[str]().union(*(route.methods for route in routes))
    others = [method for method in METHODS if method not in named]
    hosts = examples(host, planned.old)
    table: dict[PathSegments, Cells] = {}
    for path in paths:
        table[path] = []
        for cell in regions[path]:
            by_method: dict[str, Outcome] = {}
            for method in METHODS:
                if others and method in others[1:]:
                    by_method[method] = by_method[others[0]]
                    continue
                by_method[method] = merged(
                    [
                        outcomes.outcome(method, each, cell.example, host)
                        for each in hosts
                    ]
                )
            table[path].append((cell, by_method))
    return table


def _conflicts(planned: Planned, made: Plan) -> dict[Address, str]:
    """Return the addresses whose rules on this host contradict another host.

    A component's rules and forwards hold on all its hosts.
    """
    found = _shared(planned, made)
    addresses = {region.address for region in made.exposed}
    for address in addresses:
        for earlier in planned.plans:
            if address is not None and not _agree(earlier, made, address):
                found[address] = (
                    f"its service has other rules on host '{earlier.host}'"
                )
    return found


def _shared(planned: Planned, made: Plan) -> dict[Address, str]:
    """Return the addresses with a target of another address, which only one component can have."""
    found: dict[Address, str] = {}
    owners: dict[tuple[str, int], Address] = {}
    for each in (*planned.plans, made):
        addresses = {
            region.address for region in each.exposed if region.address
        }
        for address in sorted(addresses):
            for target in address.targets:
                if owners.setdefault(target, address) != address:
                    found[address] = (
                        "another service has its address, by another protocol or with other targets"
                    )
    return found


def _agree(first: Plan, second: Plan, address: Address) -> bool:
    """Return whether the rules of both hosts mean the same at each path of the address."""
    for plan_, other in ((first, second), (second, first)):
        for region in plan_.exposed:
            owner = other.owner(region.path)
            if (
                region.address == address
                and owner is not None
                and owner.address == address
                and not _is_same(plan_, region, other, owner)
            ):
                return False
    return True


def _is_same(plan_: Plan, region: Region, other: Plan, owner: Region) -> bool:
    """Return whether a region's rules may take the place of its owner's on another host."""
    rules, others = plan_.rules[region.path], other.rules[owner.path]
    if owner.path == region.path:
        is_sent_alike = owner.target == region.target
        is_plain = True
    else:
        is_sent_alike = owner.sent(region.path) == region.target
        is_plain = not any(rule.refused for rule in (*rules, *others))
    return (
        is_sent_alike
        and is_plain
        and [*map(_without_path, rules)] == [*map(_without_path, others)]
        and all(
            region.networks.get(method) is owner.networks.get(method)
            for method in METHODS
        )
    )


def _without_path(rule: PlannedRule) -> PlannedRule:
    return replace(rule, path=())
