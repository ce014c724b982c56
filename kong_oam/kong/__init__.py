"""Knowledge of Kong: its entities, the gate's table and scripts, its Admin API.

account       how to reach the Admin API;  admin: its one client;  forward: with a client certificate
preflight     whether the promises hold on a gateway, and how long it takes to settle
conflicts     names that are needed and that somebody has;  host_conflicts: hosts and paths
owners        who owns an entity, by its tags
names         names and tags of entities;  entities: what there is;  intended: what is meant
routes        the routes that a component needs;  certificates: those of its hosts
table         what admission and the gate decide by;  script: how it stands in a plugin;  lua: the scripts themselves
plugins       their configurations;  plugin_kinds: what plugins of others do to a call
key_slots     an issuer's signing keys in a key ring
enforced      what a stack's gates enforce by its state;  actual: by Kong, after a run that failed
codes         the diagnostic codes of Kong
"""
