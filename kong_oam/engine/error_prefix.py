"""The prefix that marks this program's errors among the engine's events."""

# The prefix of errors that the program itself raises: their texts are fit for everybody to read.
# Errors of products, plugins and the engine, and unexpected exceptions, may contain secrets.
ERROR_PREFIX = "Kong-OAM: "
