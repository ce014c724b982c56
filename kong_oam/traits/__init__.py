"""Traits by which a component asks the gateway for more than access: a folder for each.

schema.json   its properties, as Applications write them
value.py      what it means, as a frozen value, and the key of that
meaning.py    how it is compiled, what `diff` says of a change, its diagnostic codes
at_kong.py    what it comes to at Kong: plugins, fields of the service, entries of the table, scripts (`*.lua`)
questions.py  its flags of `new`

Of these a folder has those that its trait needs. The registries are `meanings`, `at_kong` and `questions`.
"""
