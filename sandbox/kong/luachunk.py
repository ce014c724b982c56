"""Whether LuaJIT can compile a chunk."""

from __future__ import annotations

import threading

from lupa.luajit21 import LuaRuntime

from sandbox.kong.wire import wire

_RUNTIME = LuaRuntime(
    encoding="latin-1",
    register_eval=False,
    register_builtins=False,
    unpack_returned_tuples=True,
)
_LOAD = _RUNTIME.eval(
    "function(code) local chunk, err = loadstring(code) return err end"
)
_LOCK = threading.Lock()


def syntax_error(code: str) -> str | None:
    """Return LuaJIT's message for a chunk that does not compile (`[string "..."]:1: ...`),
    otherwise None."""
    with _LOCK:
        error = _LOAD(wire(code))
    return None if error is None else str(error)
