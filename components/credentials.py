"""Decides which generation of its key or secret each client has from this run on, and records it
for the next run."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi

from kong_oam.access.model import Client, Estate
from kong_oam.access.rotation import Generation, advanced, current_secret, is_shared
from kong_oam.engine.state import StackState

_Output = pulumi.Output[Mapping[str, Any]]


class Rotation:
    """The rotation of all clients' credentials, kept as they are asked for. `today` is the stack's
    `asOf`.

    `state` has the `credentials` of the run before: by the client's name, what Generation.to_output
    gives.
    """

    def __init__(self, estate: Estate, today: datetime.date, state: StackState) -> None:
        self._estate, self._today = estate, today
        self._previous = state.credentials
        self._keys = state.keys
        self._unturned: dict[str, Generation] = {}
        self._recorded: dict[str, tuple[Client, _Output]] = {}
        self._renewed: set[str] = set()

    def generation(self, client: Client) -> Generation:
        """Gives the generation that the client has when this run is over, and says which step this
        run takes."""
        schedule, previous = (
            self._estate.schedule_of(client),
            self._previous.get(client.name),
        )
        if previous and is_shared(previous):
            _warn_of_switch(
                client, "a key in place of the secret that it shares with it"
            )
            previous = None
        last = Generation.from_output(previous) if previous else None
        now = advanced(last, schedule, self._today)
        if last is not None and last != now:
            pulumi.log.info(f"credentials: {client.name}: {last.step}")
            if last.number != now.number:
                self._renewed.add(client.component)
        if last is not None and last.number == now.number:
            self._unturned[client.name] = now
        self._recorded[client.name] = (
            client,
            pulumi.Output.from_input(now.to_output(schedule)),
        )
        return now

    def watch(self, client: Client, resource: str, key: pulumi.Output[str]) -> None:
        """Records and says where the key of a client whose generation was asked for is another one,
        out of turn.

        That is what an emergency rotation does, of which the engine tells the program nothing.
        `resource` is the logical name of what has the key; `key` tells it from others, as
        StackState.keys does.
        """
        before, now = self._keys.get(resource), self._unturned.get(client.name)
        if before is None or now is None:
            return

        async def step() -> Mapping[str, Any]:
            # What is left out is not known in a run, and what is replaced is not known in a
            # preview.
            is_other = (
                await key.future() != before
                if await key.is_known()
                else pulumi.runtime.is_dry_run()
            )
            if is_other:
                pulumi.log.info(
                    f"credentials: {client.name}: generation {now.number}, since {now.since}, has "
                    f"another key from {self._today} on, out of turn; the one before is refused"
                )
            return (replace(now, replaced=self._today) if is_other else now).to_output(
                self._estate.schedule_of(client)
            )

        self._recorded[client.name] = client, pulumi.Output.from_input(step())

    def has_new_key(self, client: Client) -> bool:
        """Tells whether a client whose generation was asked for has another key when this run is
        over than before."""
        return client.component in self._renewed

    def record_shared_secret(
        self, client: Client, holder: pulumi.Output[str], resource: str
    ) -> None:
        """Records the secret that a client shares with its provider, which knows one at a time.

        `holder` is the id of the object that has it at the provider, `resource` that object's
        logical name. Each run in which the secret is due warns of it, with the command that
        replaces it.
        """
        schedule, previous = (
            self._estate.schedule_of(client),
            self._previous.get(client.name),
        )
        if previous and not is_shared(previous):
            _warn_of_switch(client, "a secret that it shares with it in place of a key")
            previous = None
        last = Generation.from_output(previous) if previous else None

        def step(holder: str) -> Mapping[str, Any]:
            now = current_secret(last, holder, self._today)
            if self._today >= now.due(schedule):
                pulumi.log.warn(
                    f"credentials: {client.name}: the shared secret is due since "
                    f"{now.due(schedule)}, and nobody replaces it but you: pulumi up -s "
                    f"{pulumi.get_stack()} --replace '**::{resource}'"
                )
            return now.to_output(schedule)

        self._recorded[client.name] = client, holder.apply(step)

    def outputs(
        self, holders: Mapping[str, Sequence[pulumi.Resource]]
    ) -> Mapping[str, _Output]:
        """Gives what the next run is to know of the credentials of all clients that have keys or
        secrets, by the client's name. Nothing of it is secret.

        `holders` are what runs with the keys, by component key: a key counts from the run in which
        they had it, so that the key before does not end after a run that failed on the way there.
        """
        return {
            name: pulumi.Output.all(
                recorded, *(one.urn for one in holders[client.component])
            ).apply(lambda all_: all_[0])
            for name, (client, recorded) in self._recorded.items()
        }


def _warn_of_switch(client: Client, to: str) -> None:
    """Warns that the provider takes the one or the other: what running pods have is worth nothing
    from then on."""
    pulumi.log.warn(
        f"credentials: {client.name}: {to}; pods of before are refused tokens from this run until "
        "they have rolled"
    )
