"""Every error of `backend`, one tree by who can mend it.

BackendError
├── SettingsError           flags or environment: the operator mends it
├── QueueError              the queue server: the operator mends it, jobs wait
│   ├── QueueServerError        the embedded server does not start
│   └── QueueUnavailableError   no answer from Redis
├── RequestError            a request's body or size: the caller mends it
└── AlreadyRunningError     a second start on the same data folder
"""


class BackendError(Exception):
    """Base of all errors of this package; the message names the offending value and the cure."""


class SettingsError(BackendError):
    """A flag or an environment variable with a value that cannot be used."""


class QueueError(BackendError):
    """The queue cannot take or run jobs."""


class QueueServerError(QueueError):
    """The embedded queue server does not start."""


class QueueUnavailableError(QueueError):
    """The queue server does not answer."""


class RequestError(BackendError):
    """A request that breaks the contract; becomes a 4xx reply.

    Attributes:
        status: the HTTP status of the reply.
        code: a short word that scripts can rely on.

    """

    def __init__(self, message: str, *, status: int = 400, code: str = "bad_request") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class AlreadyRunningError(BackendError):
    """Another process of this product works on the same data folder."""
