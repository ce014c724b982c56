"""The exceptions of this project as a tree: a caller can catch a family without importing its
members.

    KongOamError.
        InputError: an unusable input of a user.
            FieldPathError in oam.input_values.
            AmbiguousPathError in access.paths.
            DecisionsError in audit.report.decisions.
            HistoryError in audit.history.read.
            MembersError in audit.report.members.
            UsesError in audit.uses.engine.
            TooManyGroupSetsError in access.principals.
            ScaffoldError in cli.scaffold.
            RunOrderError in stacks.plan.
            UsageError in cli.command.
        SettingsError: unusable settings of a stack, or missing requirements.
            StackError in access.settings.values.
            AccountError in kong.account.
            TooManyKeysError in kong.key_slots.
            EvaluatorError in render.program.
            SignatureError in audit.history.signature.
        EngineError: an unreadable or outdated state of the engine.
            ModelError in access.diff.snapshot.
            PulumiCliError in engine.cli.
            InvalidStateError in engine.export.
            OutdatedStateError in recover.kong.
        ProductError: a product rejects a request, does not answer, or is unusable.
            ManagementApiError.
            DiscoveryError in identity.common.discovery.
            InspectionError in identity.common.errors.
            AdminError in kong.admin.
                PreflightError in kong.preflight.
                RejectedChangeError in kong.admin.
            SchemaError in kong.plugins.
            ForwardError in kong.forward.
            DocumentError in kong.dbless.document.
            NodeError in kong.dbless.nodes.
            StaleNodesError in kong.dbless.session.
            KubectlError in kubernetes.kubectl.
                ConflictError in kubernetes.kubectl.
            RemovalError in recover.kong.
        OperationError: an incomplete command.
            EmergencyError in emergency.changes.
                StillOpenError in emergency.changes.
            DblessError in cli.dbless.
            ReviewError in review.access_changes.
            RecoveryError in recover.recovery.
            VerificationError in verify.stack.
            ModelMismatchError in verify.deviations.
            MoveError in stacks.move.

Every message has the problem and, if possible, the remedy; nothing else is printed. The command
line ends with the `exit_code` of the class: 1 for ReviewError, as for findings of a review, 2 for
all others.
"""

from typing import ClassVar

from kong_oam.diagnostics import Diagnostics


class KongOamError(Exception):
    """The base class of all exceptions that this project raises."""

    # The exit status of the command line after this error.
    exit_code: ClassVar[int] = 2

    def __init__(self, summary: str = "", findings: Diagnostics = ()) -> None:
        super().__init__(summary)
        self.summary = summary
        # The findings that the command rejects. The message lists them above the summary.
        self.findings = findings

    def __str__(self) -> str:
        return "\n".join([*map(str, self.findings), self.summary])


class InputError(KongOamError):
    """An unusable input of a user."""


class SettingsError(KongOamError):
    """Unusable settings of a stack, or missing requirements."""


class EngineError(KongOamError):
    """An unreadable or outdated state of the engine."""


class ProductError(KongOamError):
    """A product rejects a request, does not answer, or is unusable."""


class ManagementApiError(ProductError):
    """A product's API rejected a request or did not answer. The message has its answer, or the
    remedy."""


class OperationError(KongOamError):
    """An incomplete command. The message lists the remaining work."""
