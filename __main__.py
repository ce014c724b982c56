"""Kong-OAM: the OAM Applications of this repository become identity, gateway and workload, in one graph."""

from pathlib import Path

import pulumi

from components import settings as config
from components.announcement import announce
from components.application import provision_components
from components.gateway.certificates import provision_certificates
from components.gateway.gateway import Gateway
from components.graph import require_checkpoints, short_traces, stay
from components.identity import InspectionError, inspect, provision
from components.process import spare
from components.refusal import accept, refuse, stop_at
from components.rotation import Rotation
from components.state import recorded
from components.workload.cluster import provision_cluster
from components.workload.environment import elsewhere
from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.diff.snapshot import exported, model_of
from kong_oam.access.report import access_table, grants
from kong_oam.access.settings.stack import StackError
from kong_oam.kong import conflicts as taken
from kong_oam.kong import preflight
from kong_oam.kong.actual import corrected
from kong_oam.kong.admin import AdminError
from kong_oam.kubernetes import preflight as workload
from kong_oam.oam.application import read_files

spare()
require_checkpoints()
try:
    settings = config.load()
    compiled = compile_estate(read_files([Path("applications")]), settings.stack)
    estate = accept(compiled)
    account, own_certificates = config.kong(settings), config.certificates()
    facts = preflight.inspect(account, settings.gateway.edition)
    state = corrected(recorded(), account)
    found = [one for provider in settings.providers for one in inspect(provider, estate, state.held, state.issuers)]
    found += taken.inspect(account, estate, state.held)
    stop_at([*found, *workload.inspect(settings, estate, state.held)])
except (StackError, AdminError, InspectionError) as error:
    refuse(error)

stay(state.moved)
with short_traces():
    model = model_of(estate, settings)
    announce(model, state)
    rotation = Rotation(estate, settings.as_of, state)
    identities = {provider.name: provision(provider, estate, rotation) for provider in settings.providers}
    gateway = Gateway("gateway", settings, account, facts, estate, identities, state)
    cluster = provision_cluster(estate, settings)
    components = {
        key: one
        for application in estate.applications
        for key, one in provision_components(application, gateway, identities, cluster)
    }
    gateway.say_what_is_left()
    certificates = provision_certificates(gateway, own_certificates, cluster.provider)
    for component in components.values():
        component.route(certificates)

pulumi.export("access", access_table(estate))
pulumi.export("grants", grants(estate))
pulumi.export("model", gateway.once_known(exported(model), state.outputs.get("model", "")))
pulumi.export("elsewhere", elsewhere(estate, identities))
pulumi.export("enforced", gateway.enforced)
pulumi.export("keySlots", gateway.slots)
pulumi.export("credentials", rotation.outputs({key: one.deployment for key, one in components.items()}))
pulumi.export("issuers", {name: identity.issuer for name, identity in identities.items()})
pulumi.export("audiences", {key: made for one in identities.values() for key, made in one.audiences.items()})
pulumi.export(
    "clients",
    {name: {key: one.client_id for key, one in identity.clients.items()} for name, identity in identities.items()},
)
services = [service for one in components.values() for service in one.gated.values()]
pulumi.export("upstreams", {service.name: service.upstream.address for service in services})
