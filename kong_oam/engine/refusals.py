"""How the program says through the engine why it ends a run, so that who reads the engine's events
knows its words."""

OURS = "Kong-OAM: "
"""How an error begins that the program itself raised: its words are fit for everybody to read. What
products, plugins and the engine say may hold anything, and so may an exception that nobody
expected."""
