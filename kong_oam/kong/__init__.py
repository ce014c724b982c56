"""Knowledge of Kong: its entities, the gate's table and scripts, its Admin API.

account        the address and credentials of the Admin API
admin          the client of the Admin API
forward        a local forwarder that presents a client certificate
preflight      checks of a gateway, and the time it takes to settle
conflicts      conflicts of names, issuers and certificates
host_conflicts conflicts of hosts and paths
owners         the owner of an entity, by its name and tags
names          names and tags of entities
entities       entities as plain values
intended       the entities that an estate needs
routes         the routes of a component
certificates   the certificates of an estate's hosts
table          the table by which admission and the gate decide
script         the inputs of a script
lua            the scripts
plugins        the configurations of plugins
plugin_kinds   the effect of each kind of plugin
trait_plugins  the plugins that traits and the stack add
key_slots      an issuer's signing keys in a key ring
enforced       the rules that gates enforce, read from the state
actual         the plugins in Kong after a failed run
codes          the diagnostic codes of Kong
"""
