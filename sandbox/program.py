"""Run one Pulumi program; started by the language host as `python -P program.py SETTINGS`, never
imported.

SETTINGS is a JSON object: `monitor`, `engine` (addresses), `project`, `stack`, `organization`,
`root`, `parallel`, `dry_run`, `program` (the folder or file to run) and `arguments`. Configuration
comes in the environment variables PULUMI_CONFIG and PULUMI_CONFIG_SECRET_KEYS, as the SDK expects.
The exit status is 0, or the program's. It is 32 when the engine has already shown the error, as in
the official language host.
"""

import asyncio
import json
import logging
import os
import runpy
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict

import grpc
import pulumi
from pulumi.runtime import Settings, configure, run_in_stack
from pulumi.runtime.config import (
    get_config_env,
    get_config_secret_keys_env,
    set_all_config,
)

ERROR_WAS_SHOWN = 32


class RunSettings(TypedDict):
    """The settings of a run from the language host, as JSON."""

    monitor: str
    engine: str
    project: str
    stack: str
    organization: str
    root: str
    parallel: int
    dry_run: bool
    program: str
    arguments: list[str]


def main(settings: RunSettings) -> int:
    """Run the program in a stack and wait for all that it registered."""
    set_all_config(get_config_env(), get_config_secret_keys_env())
    parallel = settings["parallel"]
    configure(
        Settings(
            project=settings["project"],
            stack=settings["stack"],
            monitor=settings["monitor"],
            engine=settings["engine"],
            parallel=parallel,
            dry_run=settings["dry_run"],
            organization=settings["organization"],
            root_directory=settings["root"],
        )
    )
    program = settings["program"]
    sys.argv = [program, *settings["arguments"]]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # Every registration occupies a thread while the engine works on it.
    loop.set_default_executor(
        ThreadPoolExecutor(max_workers=min(max(parallel, 1), 256))
    )
    # A failed program leaves futures that are never awaited; asyncio's complaints about them would
    # hide the error.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    def run() -> None:
        runpy.run_path(program, run_name="__main__")

    try:
        loop.run_until_complete(run_in_stack(run))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return ERROR_WAS_SHOWN
    except Exception as error:  # noqa: BLE001 - whatever the program raises is shown to its author
        if not _engine_gave_up(error):
            pulumi.log.error(
                f"Program failed with an unhandled exception:\n{traceback.format_exc()}"
            )
        return ERROR_WAS_SHOWN
    return 0


def _engine_gave_up(error: BaseException | None) -> bool:
    """Return whether the engine ended the update, for a reason that it shows itself, while the
    program was waiting for it."""
    seen = set[
        int
    ]()  # errors that went through several futures may be each other's context
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, grpc.RpcError):
            code = getattr(error, "code", lambda: None)()
            return code in (
                grpc.StatusCode.CANCELLED,
                grpc.StatusCode.UNAVAILABLE,
            )
        error = error.__cause__ or error.__context__
    return False


def _record_cpu() -> None:
    """For benchmarks: CPU seconds of this process, added to the file that the environment names."""
    if times := os.environ.get("KONG_OAM_PROGRAM_SECONDS"):
        with Path(times).open("a") as file:
            file.write(f"{time.process_time()}\n")


if __name__ == "__main__":
    code = main(json.loads(sys.argv[1]))
    _record_cpu()
    sys.exit(code)
