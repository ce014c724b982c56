"""The access model: callers and their allowed requests, as Applications declare them.

Modules compute frozen values from frozen values, without the engine or any product. `model` has the
vocabulary, and `compile` turns Applications and a stack into an estate or diagnostics. `issue`,
`tokens` and `decide` answer a request. `callers` and `principals` list all callers of a request,
and `diff`, `matrix` and `graph` build on them. `lint` finds allowed but doubtful rules, and `codes`
lists the diagnostic codes.
"""
