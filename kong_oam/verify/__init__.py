"""A Kong as it is: its entities read from the Admin API, and what it decides with them.

entities  what there is, and what there is meant to be
router    which route a request reaches
gate      what a gate decides by its table
gateway   the two, with the plugins between them: a verdict on every call
drift     in which entities two gateways differ, in words
repair    what makes an entity as it is meant, where a run does not
effects   what plugins of other kinds do to a call
admin     reading the Admin API
"""
