"""Verification of a stack, read-only: does its Kong decide as the Applications mean, and is its
cluster unchanged?

stack           the whole check of one stack: `verify`, `judge`, `workloads`
deviations      the comparison: what is decided otherwise than the model means
classes         classes of calls and callers, one of each of which is asked
questions       calls, callers, verdicts: what a gateway is asked and answers
live_gateway    a verdict on every call, by the entities that a Kong has
terms           what a deployment knows beside the entities of its Kong
acting          which plugins act on a route, and what they do
router          which route a call reaches
authentication  whom the authentication plugin lets pass
reading         whom a gate takes a caller for, and what they hold there
scripts         scripts of ours, read back from plugins
identities      callers as tables read them, and what they hold
gate            what a gate decides by its table
balancer        where a call goes that leaves for a host
effects         what plugins of other kinds do to a call
drift           in which entities two gateways differ, in words
repair          what makes an entity as it is meant, where a run does not
"""
