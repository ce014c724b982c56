"""Which generation of its key or secret each client has from this run on, and what the next run has to know of it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import pulumi

from kong_oam.access.model import Client, Estate
from kong_oam.access.rotation import Generation, SharedSecret, advanced, current_secret, is_shared
from kong_oam.engine.state import StackState

_Output = pulumi.Output[Mapping[str, Any]]


class Rotation:
    """Not frozen: it keeps whose keys it was asked about. `today` is the stack's `asOf`.

    `state` has the output `credentials` of the run before: by the client's name, what Generation.to_output or
    SharedSecret.to_output gives. `algorithms` are those of StackState.
    """

    def __init__(self, estate: Estate, today: datetime.date, state: StackState) -> None:
        self._estate, self._today = estate, today
        self._previous: Mapping[str, Mapping[str, Any]] = state.outputs.get("credentials") or {}
        self.algorithms = state.algorithms
        self._asked: dict[str, tuple[Client, _Output]] = {}
        self._turned: set[str] = set()

    def generation(self, client: Client) -> Generation:
        """The one that the client has when this run is over. A step that this run takes is said."""
        schedule, told = self._estate.schedule_of(client), self._previous.get(client.name)
        if told and is_shared(told):
            _switched(client, "a key in place of the secret that it shares with it")
            told = None
        last = Generation.from_output(told) if told else None
        now = advanced(last, schedule, self._today)
        if last is not None and last != now:
            pulumi.log.info(f"credentials: {client.name}: {last.step}")
            if last.number != now.number:
                self._turned.add(client.component)
        self._asked[client.name] = client, pulumi.Output.from_input(now.to_output(schedule))
        return now

    def turns(self, client: Client) -> bool:
        """Whether a client whose generation was asked for has another key when this run is over than before."""
        return client.component in self._turned

    def kept(self, client: Client, holder: pulumi.Output[str], resource: str) -> None:
        """The secret of a client that its provider knows one at a time of, by the id of what has it there.

        It is said of it in each run when it is due, with the command that replaces it: `resource` is the logical name
        of what has it.
        """
        schedule, told = self._estate.schedule_of(client), self._previous.get(client.name)
        if told and not is_shared(told):
            _switched(client, "a secret that it shares with it in place of a key")
            told = None
        last = SharedSecret.from_output(told) if told else None

        def step(holder: str) -> Mapping[str, Any]:
            now = current_secret(last, holder, self._today)
            if self._today >= now.due(schedule):
                pulumi.log.warn(
                    f"credentials: {client.name}: the shared secret is due since {now.due(schedule)}, and nobody "
                    f"replaces it but you: pulumi up -s {self._estate.stack.name} --replace '**::{resource}'"
                )
            return now.to_output(schedule)

        self._asked[client.name] = client, holder.apply(step)

    def outputs(self, holders: Mapping[str, pulumi.Resource]) -> Mapping[str, _Output]:
        """What is exported as `credentials`, of all that have keys. Nothing of it is secret.

        `holders` are what runs with the keys, by component key: it counts from the run in which they had it, so that
        the key before does not end after a run that failed on the way there.
        """
        return {
            name: pulumi.Output.all(told, holders[client.component].urn).apply(lambda both: both[0])
            for name, (client, told) in self._asked.items()
        }


def _switched(client: Client, to: str) -> None:
    """The provider takes the one or the other: what pods have that run already is nothing from then on."""
    pulumi.log.warn(
        f"credentials: {client.name}: {to}; pods of before are refused tokens from this run until they have rolled"
    )
