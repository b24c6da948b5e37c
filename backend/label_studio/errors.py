"""What can go wrong with Label Studio, by who can mend it.

LabelStudioError
├── LabelStudioUnreachableError     network, time-outs, 5xx: passing
├── TokenError                      no token, or one that Label Studio refuses
├── ApiError                        Label Studio says no; carries the HTTP status
└── LabelConfigError                a labelling configuration that cannot be read
"""

from backend.errors import BackendError


class LabelStudioError(BackendError):
    """Base of all errors of talking to Label Studio."""


class LabelStudioUnreachableError(LabelStudioError):
    """Label Studio does not answer, or answers with 5xx."""


class TokenError(LabelStudioError):
    """There is no token, or Label Studio refuses it."""


class ApiError(LabelStudioError):
    """Label Studio refuses a call.

    Attributes:
        status: the HTTP status.

    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class LabelConfigError(LabelStudioError):
    """A labelling configuration that is no valid XML, or is hostile."""
