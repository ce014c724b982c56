"""The policy pack: what must hold of everything that the program provisions, checked apart from the
program.

Each rule is a function from what is deployed (`deployed.Deployment`) to findings; `catalogue.RULES`
lists them all with their level, remedy and the controls that they are evidence for; `pack` is all
that knows Pulumi's policy SDK.
"""
