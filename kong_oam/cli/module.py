"""What the commands of this package share: a help that is their module's docstring, and errors as one line each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

FAILED = 2


def parser(module: str, doc: str | None) -> argparse.ArgumentParser:
    """The parser of `python -m MODULE`; the first line of `doc` is what it does, and the rest is told below."""
    summary, _, details = (doc or "").partition("\n")
    return argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=summary,
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def reported(run: Callable[[], int], *expected: type[Exception]) -> int:
    """The exit status that `run` gives; FAILED where it raises what is expected, or a server does not answer."""
    import httpx  # here, since a command that asks nobody starts without it

    try:
        return run()
    except expected as error:
        print(f"error: {error}", file=sys.stderr)
    except httpx.HTTPError as error:
        print(f"error: {error.request.url.host} does not answer ({type(error).__name__})", file=sys.stderr)
    return FAILED
