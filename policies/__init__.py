"""The policy pack: rules for everything that the program provisions, checked apart from the
program.

Each rule is a function from a `deployed.Deployment` to findings. `catalogue.RULES` lists all rules
with level, remedy, and the controls that they are evidence for. Only `pack` knows Pulumi's policy
SDK.
"""
