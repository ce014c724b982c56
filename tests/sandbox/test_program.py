"""The program's runner, of which the language host makes a process: why it ends."""

from __future__ import annotations

import runpy

import grpc

from tests.support.repository import ROOT


class _CancelledError(grpc.RpcError):
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.CANCELLED


def test_errors_that_are_each_others_context_are_looked_at_once() -> None:
    """As those are that went through several futures: the run ends, and its error is shown."""
    gave_up = runpy.run_path(str(ROOT / "sandbox/program.py"))[
        "_engine_gave_up"
    ]
    first, second = LookupError("one"), LookupError("other")
    first.__context__, second.__context__ = second, first
    assert not gave_up(first)
    second.__cause__ = _CancelledError()
    assert gave_up(first)
