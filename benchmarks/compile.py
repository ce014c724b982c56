"""Time of reading, validating and compiling, compared with PyYAML's C loader on the same files.

    python -m benchmarks.compile [--applications 1000] [--rounds 5]

Prints the medians of alternating rounds in one process, in CPU seconds, and their ratio; exits 1 if
that is above 2.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import yaml

from benchmarks.conditions import as_commands_run
from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.model import Estate, Stack
from kong_oam.access.settings.stack import read_file
from kong_oam.oam.application import join_readings, read_bytes, read_files

LIMIT = 2.0

APPLICATION = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: app{n}, namespace: team{n}}}
spec:
  components:
    - name: api
      type: webservice
      properties:
        image: registry.example.com/app{n}:1.0
        ports: [{{port: 8080}}]
        cpu: 500m
        memory: 256Mi
        env:
          - {{name: MODE, value: live}}
          - {{name: REGION, value: north}}
      traits:
        - type: gateway
          properties: {{domain: app{n}.example.com, http: {{/items: 8080}}}}
        - type: access
          properties:
            owner: team-{n}
            scopes: {{app{n}.read: Read items, app{n}.write: Change items}}
            rules:
              - {{paths: [/items], methods: [GET], scopes: [app{n}.read]}}
              - {{paths: [/items], methods: [POST, PUT, DELETE], scopes: [app{n}.write]}}
              - {{paths: [/items/health], methods: [GET],
                 public: {{reason: probes of the load balancer}}}}
            roles:
              viewer: {{scopes: [app{n}.read], groups: [readers],
                       components: [app{n}/job, app{n}/web]}}
              editor: {{scopes: [app{n}.read, app{n}.write], groups: [writers],
                       components: [app{n}/web]}}
    - name: job
      type: worker
      properties: {{image: "registry.example.com/job{n}:1.0"}}
      traits:
        - type: client
          properties:
            kind: service
            calls: [{{component: app{n}/api, scopes: [app{n}.read]}}]
    - name: web
      type: webservice
      properties:
        image: registry.example.com/web{n}:1.0
        ports: [{{port: 3000}}]
      traits:
        - type: gateway
          properties: {{domain: web{n}.example.com, http: {{/: 3000}}}}
        - type: access
          properties:
            owner: team-{n}
            rules: [{{public: {{reason: pages}}}}]
        - type: client
          properties:
            kind: web
            redirectPaths: [/callback]
            calls: [{{component: app{n}/api, scopes: [app{n}.read, app{n}.write]}}]
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--applications", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    as_commands_run()
    stack = read_file(Path("stacks/Pulumi.local.yaml")).stack
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number in range(options.applications):
            (root / f"app{number:05}.yaml").write_text(
                APPLICATION.format(n=number)
            )
        files = sorted(root.iterdir())

        def load() -> None:
            for file in files:
                with file.open("rb") as stream:
                    yaml.load(stream, Loader=yaml.CSafeLoader)

        def ours() -> None:
            compiled = compile_estate(read_files([root]), stack)
            assert compiled.estate is not None, compiled.diagnostics[0]
            assert len(compiled.estate.components) == 3 * options.applications

        rounds = [(seconds(load), seconds(ours)) for _ in range(options.rounds)]
    loading, compiling = map(statistics.median, zip(*rounds, strict=True))
    ratio = statistics.median(b / a for a, b in rounds)
    print(
        f"{options.applications} applications of 3 components, {options.rounds} rounds, medians"
    )
    print(f"PyYAML's C loader:            {loading:6.2f} s")
    print(f"read, validate and compile:   {compiling:6.2f} s")
    print(f"ratio:                        {ratio:6.2f}  (at most {LIMIT:g})")
    return 0 if ratio <= LIMIT else 1


def exceeds(measured: Mapping[str, float], limits: Mapping[str, float]) -> bool:
    """Return whether a measured value is above its limit."""
    return any(value > limits[name] for name, value in measured.items())


def compiled(texts: Iterable[str], stack: Stack) -> Estate:
    """Return the estate of Applications in files with these texts."""
    readings = (
        read_bytes(f"app{number}.yaml", text.encode())
        for number, text in enumerate(texts)
    )
    result = compile_estate(join_readings(readings), stack)
    assert result.estate is not None, result.diagnostics[0]
    return result.estate


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    gc.collect()
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
