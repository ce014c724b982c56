"""Cost of rendering: CPU per component, for 100 and 1,000 components, and the evaluator's memory.

    python -m benchmarks.render [--definitions FOLDER]

Each component is a webservice with a Service, a scaler and a gateway. FOLDER has definitions of
these types that replace the built-in definitions, such as KubeVela's own. CPU includes Python and
the evaluator. Warm has every answer in the cache. Exits 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.compile import exceeds
from kong_oam.oam.definitions.library import Library, library
from kong_oam.oam.model import Application, ComponentSpec, Trait
from kong_oam.oam.position import Document
from kong_oam.render.cache import Cache
from kong_oam.render.program import program
from kong_oam.render.project import own_definitions
from kong_oam.render.rendering import definitions_of, render
from kong_oam.render.tools import Tools

FEW = 100
MANY = 1000
LIMITS = {
    "cold, ms a component": 20.0,
    "1,000 to 100, a component": 1.2,
    "warm, ms a component": 2.0,
    "MB of evaluator": 100.0,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--definitions", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    program()
    with Tools() as tools:
        definitions = tools.built_in
        if options.definitions:
            definitions = own_definitions(
                [options.definitions], tools.ask
            ).definitions
    stack = library(definitions)
    few, _ = _milliseconds(FEW, stack)
    many, warm = _milliseconds(MANY, stack)
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    measured = dict(
        zip(LIMITS, (many, many / few, warm, megabytes), strict=True)
    )
    for name, value in measured.items():
        print(f"{name:28} {value:8.2f}   limit {LIMITS[name]:g}")
    return int(exceeds(measured, LIMITS))


def _milliseconds(count: int, stack: Library) -> tuple[float, float]:
    """Return the CPU seconds per component, cold and then warm."""
    application = _application(count)
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder), "benchmark")
        cold = _rendered(application, stack, cache)
        warm = _rendered(application, stack, cache)
    return cold / count * 1000, warm / count * 1000


def _rendered(application: Application, stack: Library, cache: Cache) -> float:
    before = _cpu()
    with Tools(cache=cache) as tools:
        for component in application.components:
            made = render(
                definitions_of(component, stack),
                application,
                component,
                tools.ask,
            )
            assert len(made.objects) == 4, made.diagnostics
    return _cpu() - before


def _cpu() -> float:
    ours = time.process_time()
    theirs = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ours + theirs.ru_utime + theirs.ru_stime


def _application(count: int) -> Application:
    position = Document("benchmark.yaml", "", 0, {}).position()
    components = tuple(
        ComponentSpec(
            name=f"component-{number}",
            type="webservice",
            properties={
                "image": "example/image:1",
                "ports": [{"port": 80, "expose": True}],
                "cpu": "0.5",
            },
            traits=(
                Trait("scaler", {"replicas": 2}, position),
                Trait(
                    "gateway",
                    {
                        "domain": f"c{number}.example",
                        "http": {"/": 80},
                        "name": "front",
                    },
                    position,
                ),
            ),
            depends_on=(),
            position=position,
        )
        for number in range(count)
    )
    return Application("benchmark", "default", {}, {}, components, position)


if __name__ == "__main__":
    sys.exit(main())
