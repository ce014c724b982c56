"""Decides which generation of its key or secret each client has from this run on, and records it
for the next run."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi

from kong_oam.access.model import Client, Estate
from kong_oam.access.rotation import (
    Generation,
    GenerationOutput,
    Schedule,
    advanced,
    current_secret,
    is_shared,
)
from kong_oam.oam.position import Texts

from .graph import Predecessors

Recorded = pulumi.Output[GenerationOutput]
"""What the next run is to know of a client's credential. Nothing of it is secret."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The key that one client has when this run is over. `today` is the stack's `asOf`.

    `is_new`: it is the client's next key, from this run on. `before`: what tells the key from
    others by the state, by the logical name of what has it; empty where the client has a first key
    or the next.
    """

    client: str
    generation: Generation
    is_new: bool
    before: Texts
    schedule: Schedule
    today: datetime.date

    def record(self, resource: str, key: pulumi.Output[str]) -> Recorded:
        """Return what the next run is to know. Where the key is another one out of turn, say so.

        That is what an emergency rotation does, of which the engine tells the program nothing.
        `resource` is the logical name of what has the key; `key` tells it from others, as
        the state does.
        """
        generation = self.generation
        before = self.before.get(resource)
        if before is None:
            return pulumi.Output.from_input(generation.to_output(self.schedule))

        async def output() -> GenerationOutput:
            if not await _is_other(key, before):
                return generation.to_output(self.schedule)
            pulumi.log.info(
                f"credentials: {self.client}: generation {generation.number}, since "
                f"{generation.since}, has another key from {self.today} on, out of turn; the one "
                "before is refused"
            )
            return replace(generation, replaced=self.today).to_output(
                self.schedule
            )

        return pulumi.Output.from_input(output())


@dataclass(frozen=True, slots=True)
class Rotation:
    """The rotation of all clients' credentials. `today` is the stack's `asOf`.

    `previous`: by the client's name, what Generation.to_output gave in the run before. `proofs`:
    what tells keys and secrets from others by the state (kong_oam.identity.kinds.proofs_in).
    """

    estate: Estate
    today: datetime.date
    previous: Mapping[str, GenerationOutput]
    proofs: Texts

    def turn(self, client: Client) -> Turn:
        """Decide which key the client has when this run is over, and say which step this run
        takes."""
        last = self._last(
            client,
            "a key in place of the secret that it shares with it",
            shared=False,
        )
        schedule = self.estate.schedule_of(client)
        now = advanced(last, schedule, self.today)
        stays = last is not None and last.number == now.number
        if last is not None and last != now:
            pulumi.log.info(f"credentials: {client.name}: {last.step}")
        is_new = last is not None and not stays
        before = self.proofs if stays else {}
        return Turn(client.name, now, is_new, before, schedule, self.today)

    def shared_secret(
        self, client: Client, holder: pulumi.Output[str], resource: str
    ) -> Recorded:
        """Return what the next run is to know of a secret that a client shares with its provider.

        The provider knows one at a time. `holder` is the id of the object that has it there,
        `resource` that object's logical name. Each run in which the secret is due warns of it, with
        the command that replaces it.
        """
        last = self._last(
            client,
            "a secret that it shares with it in place of a key",
            shared=True,
        )
        schedule = self.estate.schedule_of(client)

        def output(holder: str) -> GenerationOutput:
            now = current_secret(last, holder, self.today)
            if self.today >= now.due(schedule):
                pulumi.log.warn(
                    f"credentials: {client.name}: the shared secret is due since "
                    f"{now.due(schedule)}, and nobody replaces it but you: pulumi up -s "
                    f"{pulumi.get_stack()} --replace '**::{resource}'"
                )
            return now.to_output(schedule)

        return holder.apply(output)

    def _last(
        self, client: Client, to: str, *, shared: bool
    ) -> Generation | None:
        """Return the generation of the run before. Warn where that was of the other kind of proof.

        The provider takes the one or the other: what running pods have is worth nothing from then
        on. `to` says what the client has now; `shared`: it is a secret.
        """
        previous = self.previous.get(client.name)
        if not previous:
            return None
        if is_shared(previous) == shared:
            return Generation.from_output(previous)
        pulumi.log.warn(
            f"credentials: {client.name}: {to}; pods of before are refused tokens from this run "
            "until they have rolled"
        )
        return None


async def _is_other(key: pulumi.Output[str], before: str) -> bool:
    """Return whether a key is another one than before."""
    if await key.is_known():
        return await key.future() != before
    # What is left out is not known in a run, and what is replaced is not known in a preview.
    return pulumi.runtime.is_dry_run()


def once_held(record: Recorded, holders: Predecessors) -> Recorded:
    """Return the record once all that runs with the credential is registered."""
    urns = [holder.urn for holder in holders]
    return pulumi.Output.all(record, *urns).apply(lambda outputs: outputs[0])
