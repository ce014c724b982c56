"""Traits that add features of the gateway to a component: a folder for each.

    `schema.json`   The properties, as Applications write them.
    `value.py`      The trait's meaning as a frozen value, and its key.
    `meaning.py`    The compilation, the kinds of change for `diff`, and the diagnostic codes.
    `at_kong.py`    The plugins, service fields, table entries and scripts (`*.lua`) at Kong.
    `questions.py`  The flags of `new`.

A folder has only the files that its trait needs. The registries are `meanings`, `at_kong` and
`questions`.
"""
