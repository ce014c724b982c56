"""Provisions the proofs of clients at Entra: certificates, secrets, or trust in the tokens of their
cluster.

Entra accepts all certificates and all secrets of an application. So both slots of a client are
always filled (Generation.prepared_in). An expired credential is replaced in its slot, and Entra
denies the old value from then on.

Sources: Microsoft Graph (keyCredential, passwordCredential, federatedIdentityCredential), and the
official plugin, for which a changed `rotateWhenChanged` replaces a secret, the new secret first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pulumi_azuread as azuread
from cryptography.x509 import load_pem_x509_certificate
from pulumi import Input, Output, ResourceOptions

from kong_oam.access.model import Client
from kong_oam.access.rotation import SLOTS
from kong_oam.access.settings.certificates import fingerprint
from kong_oam.identity.common.certificates import VALID_FROM, VALID_UNTIL
from kong_oam.identity.entra.api import federation_audience
from kong_oam.identity.entra.names import tenant_in
from kong_oam.kubernetes.rendered import account_of

from ..issuer import Credential, IssuerArgs
from ..keys import SLOT_NAMES, certified_pairs

_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Makes the credentials of one provider's clients. `options` gives a resource's options by its
    component."""

    args: IssuerArgs
    options: Callable[[str], ResourceOptions]

    def of(self, client: Client, app: azuread.Application) -> Credential:
        """Make the credential of one client: secret, trust in its cluster, or certificate, by the
        settings.

        A client stores no credential where Entra can read the cluster's keys; elsewhere it has a
        certificate. A partner has its own key, and its owner hands over the certificates.
        """
        if not client.keyed:
            self._partner_certificates(client, app)
            return Credential(app.client_id)
        if self.args.settings.client_secrets:
            return self._secret(client, app)
        if self.args.settings.cluster_issuer:
            audience = self._federation(
                client, app, self.args.settings.cluster_issuer
            )
            return Credential(app.client_id, federation_audience=audience)
        return self._certificates(client, app)

    def _secret(self, client: Client, app: azuread.Application) -> Credential:
        turn = self.args.rotation.turn(client)
        generation = turn.generation
        names = [
            f"{self.args.settings.name}-secret-{client.component}-{SLOT_NAMES[slot]}"
            for slot in range(SLOTS)
        ]
        slots = [
            azuread.ApplicationPassword(
                names[slot],
                application_id=app.id,
                display_name=f"kong-oam {SLOT_NAMES[slot]}",
                end_date="2099-12-31T00:00:00Z",
                rotate_when_changed={
                    "generation": str(generation.prepared_in(slot))
                },
                opts=self.options(client.component),
            )
            for slot in range(SLOTS)
        ]
        current = slots[generation.slot]
        return Credential(
            app.client_id,
            client_secret=Output.secret(current.value),
            record=turn.record(names[generation.slot], current.key_id),
        )

    def _federation(
        self, client: Client, app: azuread.Application, issuer: str
    ) -> str:
        """Trust the tokens of its pods' ServiceAccount, and no others of the cluster. Return the
        audience."""
        audience = federation_audience(tenant_in(self.args.settings))
        component = self.args.estate.components[client.component]
        azuread.ApplicationFederatedIdentityCredential(
            f"{self.args.settings.name}-federation-{client.component}",
            application_id=app.id,
            display_name="kubernetes",
            description=f"ServiceAccount of {client.component}",
            issuer=issuer,
            subject=f"system:serviceaccount:{component.workload.namespace}:{account_of(component)}",
            audiences=[audience],
            opts=self.options(client.component),
        )
        return audience

    def _certificates(
        self, client: Client, app: azuread.Application
    ) -> Credential:
        turn = self.args.rotation.turn(client)
        keys, certificates = certified_pairs(
            f"{self.args.settings.name}-key-{client.component}",
            client.component,
            turn.generation,
            self.args.homes[client.component],
        )
        validity = (VALID_FROM, VALID_UNTIL)
        for slot, pem in zip(SLOT_NAMES, certificates, strict=True):
            self._certificate(client.component, slot, app, pem, validity)
        return Credential(
            app.client_id, keys, record=turn.record(*keys.watched)
        )

    def _partner_certificates(
        self, client: Client, app: azuread.Application
    ) -> None:
        """Register certificates, each by its own name: adding or removing one certificate leaves
        the other unchanged."""
        for pem in self.args.settings.certificates.get(client.component, ()):
            certificate = load_pem_x509_certificate(pem.encode())
            validity = (
                certificate.not_valid_before_utc,
                certificate.not_valid_after_utc,
            )
            self._certificate(
                client.component, fingerprint(pem)[:16], app, pem, validity
            )

    def _certificate(
        self,
        component: str,
        role: str,
        app: azuread.Application,
        pem: Input[str],
        validity: tuple[datetime, datetime],
    ) -> None:
        """Register a certificate for its own lifetime: Microsoft Graph rejects longer lifetimes."""
        begin, end = (day.strftime(_TIME) for day in validity)
        azuread.ApplicationCertificate(
            f"{self.args.settings.name}-certificate-{component}-{role}",
            application_id=app.id,
            type="AsymmetricX509Cert",
            encoding="pem",
            value=pem,
            start_date=begin,
            end_date=end,
            opts=self.options(component),
        )
