"""Read-only verification of a stack: its Kong's decisions and the objects in its cluster.

`stack`           The whole check of a stack: `verify`, `judge`, `workloads`.
`deviations`      The comparison of a gateway's decisions with the model.
`classes`         Classes of calls and callers; a member of each is asked.
`questions`       Calls, callers and verdicts as values.
`live_gateway`    A verdict on every call, from the entities of a Kong.
`terms`           The facts of a deployment beside the entities of its Kong.
`acting`          The plugins that act on a route, and their effects.
`router`          The route that a call reaches.
`authentication`  The callers that the authentication plugin accepts.
`reading`         The identity and the scopes of a caller at a gate.
`scripts`         Our scripts, read back from plugins.
`identities`      Callers as tables read them, and their scopes.
`gate`            The decision of a gate by its table.
`balancer`        The address behind a host.
`effects`         The effects of other kinds of plugins on a call.
`drift`           The entities in which two gateways differ, in words.
`repair`          The requests that repair an entity where a run does not.
"""
