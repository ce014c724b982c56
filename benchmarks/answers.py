"""Size of each JSON answer with `--limit 50`, on 1,000 components with a finding each.

    python -m benchmarks.answers [--components 1000]

A client calls every component, and a public rule of every component lacks an end date. Exits 1 if
an answer exceeds 25 KB.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.check import STACK
from kong_oam.__main__ import main as kong_oam

COUNT = 1000
MOST = 25_000
"""The bytes of an answer."""
API = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: app{n}, namespace: app{n}}}
spec:
  components:
    - name: api
      type: webservice
      properties: {{image: "registry.example.com/app{n}:1.0"}}
      traits:
        - {{type: gateway, properties: {{domain: app{n}.example.com, http: {{/items: 8080}}}}}}
        - type: access
          properties:
            owner: team-{n}
            scopes: {{app{n}.read: Read items}}
            rules:
              - {{paths: [/items], methods: [GET], scopes: [app{n}.read]}}
              - {{paths: [/items/health], methods: [GET], public: {{reason: probes}}}}
            roles: {{viewer: {{scopes: [app{n}.read], groups: [readers], components: [hub/desk]}}}}
"""
HUB = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: hub, namespace: hub}}
spec:
  components:
    - name: desk
      type: external
      traits:
        - type: client
          properties:
            kind: native
            redirectUris: ["com.example.desk:/callback"]
            calls:
{calls}
"""
CALL = "              - {{component: app{n}/api, scopes: [app{n}.read]}}"
VERBS = (
    ("check",),
    ("diff", "before", "."),
    ("diff", "broken", "."),
    ("merge", ".", "before"),
    ("what", "hub/desk", "--public"),
    ("who", "--component", "app1/api"),
    ("matrix",),
    ("graph",),
)


def write(folder: Path, count: int, methods: str = "[GET]") -> None:
    """Write the estate into a folder. `methods` are the methods of the first rule."""
    applications = folder / "applications"
    applications.mkdir(parents=True)
    (folder / "stacks").mkdir()
    (folder / "stacks/Pulumi.local.yaml").write_text(STACK)
    calls = []
    for n in range(count):
        text = API.format(n=n).replace("[GET]", methods, 1)
        (applications / f"app{n}.yaml").write_text(text)
        calls.append(CALL.format(n=n))
    hub = HUB.format(calls="\n".join(calls))
    (applications / "hub.yaml").write_text(hub)


def size(words: Sequence[str]) -> int:
    """Return the bytes of a verb's answer."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        kong_oam([*words, "--json", "--limit", "50"])
    return len(out.getvalue().encode())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--components", type=int, default=COUNT)
    count = parser.parse_args().components
    folder = Path(tempfile.mkdtemp())
    write(folder, count)
    write(folder / "before", count, "[PUT]")
    write(folder / "broken", count, "[GTE]")
    os.chdir(folder)
    largest = 0
    for words in VERBS:
        bytes_of_answer = size(words)
        largest = max(largest, bytes_of_answer)
        print(f"{bytes_of_answer:8,} bytes  {' '.join(words)}")
    shutil.rmtree(folder)
    print(f"{largest:8,} bytes at most (limit {MOST:,})")
    return int(largest > MOST)


if __name__ == "__main__":
    sys.exit(main())
