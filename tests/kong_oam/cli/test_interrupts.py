"""What Ctrl-C does to a command over several stacks."""

from __future__ import annotations

import signal

from kong_oam.cli.interrupts import interrupting


def test_an_interrupt_is_handed_on_and_the_command_goes_on() -> None:
    """Each time, and so is the signal that ends a job; afterwards both do what they did before."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before, calls = [signal.getsignal(number) for number in numbers], [0]

    def interrupt() -> None:
        calls[0] += 1

    with interrupting(interrupt):
        for number in (*numbers, signal.SIGINT):
            signal.raise_signal(number)
    assert calls == [3]
    assert [signal.getsignal(number) for number in numbers] == before
