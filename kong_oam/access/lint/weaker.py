"""Find the rules of a component that never decide beside another rule of the same path."""

from __future__ import annotations

from collections.abc import Mapping

from kong_oam.access.model import Component, Rule, listing


def weaker_rules(component: Component) -> Mapping[int, Rule]:
    """Map the index of each rule that never decides to a rule of the same path that asks for less.

    A rule that asks for the same as an earlier rule never decides either. Each caller that
    satisfies the mapped rule satisfies the other rule.
    """
    result = {}
    for number, rule in enumerate(component.exposure.rules):
        rivals = []
        for index, rival in enumerate(component.exposure.rules):
            of_path = index != number and rival.path == rule.path
            if of_path and _asks_for_less(rival, rule, index < number):
                rivals.append(rival)
        weaker = [listing(rivals, method) for method in rule.listed]
        if all(weaker):
            result[number] = weaker[0][0]
    return result


def _asks_for_less(rival: Rule, rule: Rule, earlier: bool) -> bool:
    """Return whether `rival` asks for less than `rule`, or for the same and comes first.

    A public rule is compared only with public rules.
    """
    if not rival.refusals.within(rule.refusals):
        return False
    if rival.public or rule.public:
        return bool(rival.public and rule.public) and earlier
    return set(rival.scopes) < set(rule.scopes) or (
        set(rival.scopes) == set(rule.scopes) and earlier
    )
