"""The rules of Kong's Admin API: names, keys, references, pages, and answers to writes.

Two programs keep entities by these rules. The stand-in of Kong checks fields itself. The command
`dbless` lets a Kong without a database check them.

Source: the Admin API documentation of Kong 3.10 and recorded exchanges.
"""
