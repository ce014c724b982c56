"""Ctrl-C during a command over several stacks."""

from __future__ import annotations

import signal

from kong_oam.cli.interrupts import interrupting


def test_an_interrupt_is_passed_on() -> None:
    """Each time, and for SIGTERM too. Afterwards both signals have their former handlers."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before, calls = [signal.getsignal(number) for number in numbers], [0]

    def interrupt() -> None:
        calls[0] += 1

    with interrupting(interrupt):
        for number in (*numbers, signal.SIGINT):
            signal.raise_signal(number)
    assert calls == [3]
    assert [signal.getsignal(number) for number in numbers] == before
