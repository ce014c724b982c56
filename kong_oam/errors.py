"""What goes wrong, as one tree: who catches a family need not know its members, which stand where
they are raised.

    KongOamError
      + InputError                what somebody wrote, or asks for, cannot be used
        - FieldPathError          oam.input_values
        - AmbiguousPathError      access.paths
        - TooManyGroupSetsError   access.principals
        - ScaffoldError           cli.scaffold
        - RunOrderError           stacks.plan
        - UsageError              cli.command
      + SettingsError             a stack's settings cannot be used, or what they need is not there
        - StackError              access.settings.values
        - AccountError            kong.account
        - TooManyKeysError        kong.key_slots
        - EvaluatorError          render.program
      + EngineError               what the engine keeps of a stack cannot be read, or is not of now
        - ModelError              access.diff.snapshot
        - PulumiCliError          engine.cli
        - InvalidStateError       engine.export
        - OutdatedStateError      recover.kong
      + ProductError              a product refuses, does not answer, or cannot be used as it is
        - ManagementApiError
        - DiscoveryError          identity.common.discovery
        - InspectionError         identity.common.errors
        - AdminError              kong.admin
          - PreflightError        kong.preflight
          - RejectedChangeError   kong.admin
        - SchemaError             kong.plugins
        - ForwardError            kong.forward
        - KubectlError            kubernetes.kubectl
        - RemovalError            recover.kong
      + OperationError            a command does not come to its end
        - EmergencyError          emergency.changes
          - StillOpenError        emergency.changes
        - ReviewError             review.access_changes
        - RecoveryError           recover.recovery
        - VerificationError       verify.stack
        - ModelMismatchError      verify.deviations
        - MoveError               stacks.move

Every message says what is wrong and, where something can be done, what to do. It is all that is
printed. The command line ends with the `exit_code` of its class: 1 for ReviewError, as for a finding
of a review, 2 for all others.
"""

from typing import ClassVar


class KongOamError(Exception):
    """Whatever this project raises by itself."""

    exit_code: ClassVar[int] = 2
    """The command line ends with this status when it meets the error."""


class InputError(KongOamError):
    """What somebody wrote, or asks for, cannot be used."""


class SettingsError(KongOamError):
    """A stack's settings cannot be used, or what they need is not there."""


class EngineError(KongOamError):
    """What the engine keeps of a stack cannot be read, or is not of now."""


class ProductError(KongOamError):
    """A product refuses, does not answer, or cannot be used as it is."""


class ManagementApiError(ProductError):
    """A product's API refused a request, or nobody answered. The message has its words, or says
    what to do."""


class OperationError(KongOamError):
    """A command does not come to its end. The message says what is left."""
