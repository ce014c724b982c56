"""Knowledge of Kong: its entities, the gate's table and scripts, its Admin API.

`account`           The address and credentials of the Admin API.
`admin`             The client of the Admin API.
`forward`           A local forwarder that presents a client certificate.
`preflight`         Checks of a gateway, and the time it takes to settle.
`conflicts`         Conflicts of names, issuers and certificates.
`host_conflicts`    Conflicts of hosts and paths.
`owners`            The owner of an entity, by its name and tags.
`names`             Names and tags of entities.
`entities`          Entities as plain values.
`intended`          The entities that an estate needs.
`routes`            The routes of a component.
`certificates`      The certificates of an estate's hosts.
`table`             The table by which admission and the gate decide.
`script`            The inputs of a script.
`lua`               The scripts.
`plugins`           The configurations of plugins.
`plugin_kinds`      The effect of each kind of plugin.
`trait_plugins`     The plugins that traits and the stack add.
`key_slots`         An issuer's signing keys in a key ring.
`enforced`          The rules that gates enforce, read from the state.
`actual`            The plugins in Kong after a failed run.
`codes`             The diagnostic codes of Kong.
"""
