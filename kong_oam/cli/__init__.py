"""The verbs of `python -m access`, a module each: a `Command`, and the small function that runs it."""
