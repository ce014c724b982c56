"""`diff` of connections against its oracle: the NetworkPolicies of generated estates.

The oracle reads placed objects as Kubernetes does, without any code of the project.
"""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import product
from typing import Any

import pytest

from kong_oam.access.diff.change import Setting
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import Settings
from kong_oam.kubernetes.rendered import placed_objects
from tests.support.diffs import settings
from tests.support.rendered import compiled
from tests.support.tiers import examples

WEBSERVICE = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  policies: [{{name: t, type: topology, properties: {{clusters: {clusters}}}}}]
  components:
    - name: {name}
      type: webservice
      properties: {{image: i, ports: [{{port: 3306}}, {{port: 53, protocol: UDP}}]}}
      traits: [{{type: access, properties: {{owner: o, internal: {internal}}}}}]
"""
CHART = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  components:
    - name: {name}
      type: helmchart
      traits:
        - type: access
          properties:
            owner: o
            internal: {internal}
            service: {{name: s, port: 80, podLabels: {{app.kubernetes.io/instance: x, tier: {tier}}}}}
\x00
apiVersion: helm.sh/v3
kind: Release
metadata: {{name: x, namespace: {namespace}}}
"""
PORTS = {
    "3306": {"port": 3306, "protocol": "TCP"},
    "53/UDP": {"port": 53, "protocol": "UDP"},
}
# Where an Application runs; nowhere if it is absent.
PLACES = [
    *product(([], ["local"], ["west"], ["local", "west"]), ("one", "two"))
]
# By port and caller, and by callee: the pairs of pods that may connect.
Passing = dict[Any, Any]


def generated(chance: random.Random) -> tuple[AccessModel, Passing]:
    """Return an estate of up to two components with own pods, `a` and `b`, and of a chart `c`,
    whose pods the access trait selects. With it, return what passes."""
    places = {name: chance.choice(PLACES) for name in "ab"}
    places["c"] = chance.choice(PLACES[:4])
    tier, namespace = chance.choices("uv", k=2)
    texts = []
    for name, (clusters, home) in places.items():
        entries = []
        for port in PORTS.values():
            callers = [
                f"{caller}/{caller}"
                for caller, (others, _) in places.items()
                if {*others} & {*clusters}
                and (caller != name or name == "c")
                and chance.random() < 0.5
            ]
            peers = [] if callers and chance.random() < 0.5 else ["m"]
            entries.append({**port, "components": callers, "peers": peers})
        text = (CHART if name == "c" else WEBSERVICE).format(
            name=name,
            namespace=home,
            clusters=clusters,
            tier=tier,
            internal=entries,
        )
        texts += [text] * bool(clusters)
    peer = {"namespace": namespace, "podLabels": {"app": "m"}}
    on = settings(
        cluster={
            "context": "here",
            "contexts": {"west": "w"},
            "peers": {"m": peer},
        }
    )
    estate = compiled(*texts, stack=on.stack).estate
    assert estate, texts
    return model_of(estate, on), passing(estate, on, tier)


def passing(estate: Estate, on: Settings, tier: str) -> Passing:
    """Return what the placed NetworkPolicies let pass. A pod is a tuple: cluster, namespace, labels,
    owner, and a value that is equal for the pods of a component at all its places."""
    pods: list[Any] = [
        (*place, {"app": "m"}, "peer m", place[1])
        for place in product((None, "west"), "uv")
    ]
    rules: list[Any] = []
    for application in estate.applications:
        for site in application.components[0].instances:
            at = site.workload.cluster, site.workload.namespace
            labels = {"app.kubernetes.io/instance": "x", "tier": tier}
            if site.name == "c":
                pods.append((*at, labels, "c/c", (at[1], tier)))
            for placed in placed_objects(application, site, on).objects:
                spec = placed.manifest.get("spec", {})
                if placed.manifest["kind"] == "NetworkPolicy":
                    for rule in spec["ingress"]:
                        rules += product([(at, spec, rule)], rule["from"])
                elif "template" in spec:
                    labels = spec["template"]["metadata"]["labels"]
                    pods.append((*at, labels, site.key, "own"))
    found: Passing = defaultdict(set)
    cases = product(pods, pods, PORTS.items(), rules)
    for caller, callee, (text, port), ((at, spec, rule), peer) in cases:
        if (
            at == callee[:2]
            and at[0] == caller[0]
            and port in rule["ports"]
            and selects(spec, callee)
            and selects(peer, caller)
        ):
            connection = (text, caller[3]), callee[3]
            found[connection].add((caller[4], callee[4]))
    return found


def selects(selector: Any, pod: Any) -> bool:
    """Return whether a NetworkPolicy or one of its peers selects a pod."""
    labels = selector["podSelector"]["matchLabels"].items()
    namespace = {"matchLabels": {"kubernetes.io/metadata.name": pod[1]}}
    is_here = selector.get("namespaceSelector", namespace) == namespace
    return is_here and labels <= pod[2].items()


@pytest.mark.generated
def test_connections_are_reported_exactly_where_network_policies_differ() -> (
    None
):
    """For the pairs of a caller and a port."""
    chance = random.Random(41)
    old, was = generated(chance)
    for _ in range(examples(1000)):
        new, now = generated(chance)
        assert {
            (change.connection, change.of.component)
            for change in diff(old, new)
            if isinstance(change, Setting) and change.connection
        } == {pair for pair in {*was, *now} if was[pair] != now[pair]}
        old, was = new, now
