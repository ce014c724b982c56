"""Kong-OAM: provisions identity, gateway and workloads from this repository's OAM Applications."""

from components.program import deploy

deploy()
