"""Finds the rules of a component that never decide beside another rule of the same path."""

from __future__ import annotations

from collections.abc import Mapping

from kong_oam.access.methods import METHODS
from kong_oam.access.model import Component, Rule, listing


def weaker_rules(component: Component) -> Mapping[int, Rule]:
    """Map positions in `component.rules` of rules that never decide to a rule of the same path
    that asks for less.

    A rule with the same needs as one before it never decides, too. Whoever satisfies such a rule
    satisfies the other.
    """
    result = {}
    for number, rule in enumerate(component.exposure.rules):
        rivals = []
        for index, rival in enumerate(component.exposure.rules):
            of_path = index != number and rival.path == rule.path
            if of_path and _asks_for_less(rival, rule, index < number):
                rivals.append(rival)
        weaker = [
            listing(rivals, method) for method in filter(rule.lists, METHODS)
        ]
        if all(weaker):
            result[number] = weaker[0][0]
    return result


def _asks_for_less(rival: Rule, rule: Rule, earlier: bool) -> bool:
    """Whether `rival` asks for less than `rule`, or for the same and comes first. Both are public,
    or none is."""
    if rival.public or rule.public:
        return bool(rival.public and rule.public) and earlier
    return set(rival.scopes) < set(rule.scopes) or (
        set(rival.scopes) == set(rule.scopes) and earlier
    )
