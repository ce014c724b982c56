"""Kong-OAM: the OAM Applications of this repository become identity, gateway and workload, in one
graph."""

from components.program import deploy

deploy()
