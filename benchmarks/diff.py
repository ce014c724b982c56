"""Time of `diff` between two compiled estates, also as a ratio to compiling one estate.

    python -m benchmarks.diff [--components 1000] [--rounds 5]

There are five pairs: nothing changed, one application in a hundred, and every application. In the
fourth, all components are on one host, and one application in a hundred changes. In the fifth, a
component with as many clients and rules gets another rule, if one list can hold them.

Prints medians, with garbage collected as rarely as by the command. Exits 1 if a pair takes more
than a second for 1,000 components, or the first two more than 3 for 30,000 (10,000 applications).
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.compile import APPLICATION, compiled, seconds
from kong_oam.__main__ import GC_THRESHOLDS
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.settings.stack import read_file
from kong_oam.access.settings.values import Settings
from kong_oam.oam.document import MAX_ENTRIES

FEW = 1000
LIMIT = 1.0
MANY = 30_000
OF_MANY = {"nothing changed": 3.0, "1 application in 100 changed": 3.0}

CHANGES = (
    ("methods: [POST, PUT, DELETE]", "methods: [POST, PUT]"),
    ("groups: [readers]", "groups: [readers, guests]"),
    ("paths: [/items/health]", "paths: [/items/health, /items/news]"),
)
"""Edits that follow each other: revoke, widen, make public."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--components", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    applications = -(-options.components // 3)
    gc.set_threshold(*GC_THRESHOLDS)
    settings = read_file(Path("stacks/Pulumi.local.yaml"))
    pairs: dict[str, Callable[[], tuple[AccessModel, AccessModel]]] = {
        "nothing changed": lambda: (
            _model(settings, applications),
            _model(settings, applications),
        ),
        "1 application in 100 changed": lambda: (
            _model(settings, applications),
            _model(settings, applications, every=100),
        ),
        "every application changed": lambda: (
            _model(settings, applications),
            _model(settings, applications, every=1),
        ),
        "all on one host, 1 in 100 changed": lambda: (
            _model(settings, applications, one_host=True),
            _model(settings, applications, every=100, one_host=True),
        ),
    }
    if options.components <= MAX_ENTRIES:
        pairs["clients and rules of one, a rule more"] = lambda: (
            _one_for_all(settings, options.components, options.components - 1),
            _one_for_all(settings, options.components, options.components),
        )
    compiling = statistics.median(
        seconds(lambda: _model(settings, applications))
        for _ in range(options.rounds)
    )
    print(
        f"{3 * applications} components, {options.rounds} rounds, medians; compiling is not "
        "included"
    )
    print(f"{'read, validate and compile one estate:':40} {compiling:6.2f} s")
    slow = False
    for name, pair in pairs.items():
        rounds = [_diff(pair()) for _ in range(options.rounds)]
        taken = statistics.median(seconds_taken for seconds_taken, _ in rounds)
        changes = rounds[0][1]
        most = _most(name, options.components)
        slow = slow or (most is not None and taken > most)
        limit = f"  (at most {most:g} s)" if most else ""
        print(
            f"{name + ':':40} {taken:6.2f} s, {taken / compiling:4.2f} of it, {changes} "
            f"changes{limit}"
        )
    return int(slow)


def _most(name: str, components: int) -> float | None:
    """Return the most seconds for a pair with so many components; None: no limit."""
    if components <= FEW:
        return LIMIT
    return OF_MANY.get(name) if components <= MANY else None


def _diff(pair: tuple[AccessModel, AccessModel]) -> tuple[float, int]:
    """Return the seconds, and the number of changes. The models are new, because an estate caches
    its lookups."""
    counts: list[int] = []
    return seconds(lambda: counts.append(len(diff(*pair)))), counts[0]


def _model(
    settings: Settings,
    applications: int,
    *,
    every: int = 0,
    one_host: bool = False,
) -> AccessModel:
    return _compiled(
        settings,
        [_text(number, every, one_host) for number in range(applications)],
    )


def _compiled(settings: Settings, texts: list[str]) -> AccessModel:
    return model_of(compiled(texts, settings.stack), settings)


def _one_for_all(settings: Settings, clients: int, rules: int) -> AccessModel:
    """Return an estate in which all clients may read all of one component, each path by a separate
    rule."""
    callers = ", ".join(f"client{number}/job" for number in range(clients))
    listed = "\n".join(
        f"            - {{paths: [/{number}], methods: [GET], scopes: [read]}}"
        for number in range(rules)
    )
    return _compiled(
        settings,
        [
            CALLED.format(rules=listed, callers=callers),
            *(CLIENT.format(n=n) for n in range(clients)),
        ],
    )


CALLED = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: called}}
spec:
  components:
    - name: api
      type: webservice
      properties: {{image: api}}
      traits:
        - {{type: gateway, properties: {{domain: api.example.com, http: {{/: 8080}}}}}}
        - type: access
          properties:
            owner: team
            scopes: {{read: Read}}
            rules:
{rules}
            roles:
              reader: {{scopes: [read], components: [{callers}]}}
"""
CLIENT = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: client{n}, namespace: client{n}}}
spec:
  components:
    - name: job
      type: worker
      properties: {{image: job}}
      traits:
        - {{type: client,
           properties: {{kind: service, calls: [{{component: called/api, scopes: [read]}}]}}}}
"""


def _text(number: int, every: int, one_host: bool) -> str:
    text = APPLICATION.format(n=number)
    if every and number % every == 0:
        text = text.replace(*CHANGES[number // every % len(CHANGES)])
    if one_host:
        text = text.replace(
            f"app{number}.example.com", "api.example.com"
        ).replace("/items", f"/items-{number}")
        text = text.replace(
            f"web{number}.example.com, http: {{/: 3000}}",
            f"api.example.com, http: {{/web-{number}: 3000}}",
        )
        text = text.replace(
            "redirectPaths: [/callback]",
            f"redirectPaths: [/web-{number}/callback]",
        )
    return text


if __name__ == "__main__":
    sys.exit(main())
