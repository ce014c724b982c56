"""The demo: the sample estate on the stand-ins. The one part of the sandbox that knows the
program."""
