"""Why an image cannot be had, and whether asking again later may help.

ImageError
├── ImageContentError       the bytes are no image that can be painted: permanent
├── ImageAddressError       the address is refused or means nothing: permanent
├── ImageMissingError       the server says there is no such image: permanent
│   └── ImageRefusedError       … or that it is not for us (401, 403)
└── ImageUnreachableError   network, time-outs, 429 and 5xx: passing
"""

from backend.errors import BackendError


class ImageError(BackendError):
    """Base of all image errors; `passing` tells whether the next try may succeed."""

    passing = False


class ImageContentError(ImageError):
    """The bytes are not an image, are truncated, or would be too large."""


class ImageAddressError(ImageError):
    """An address that this product does not follow."""


class ImageMissingError(ImageError):
    """The server has no such image."""


class ImageUnreachableError(ImageError):
    """The server cannot be reached or is busy.

    Attributes:
        retry_after: seconds that the server asks to wait; None when it says nothing.

    """

    passing = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ImageRefusedError(ImageMissingError):
    """The server wants authentication, or another one.

    Attributes:
        status: 401 or 403.

    """

    def __init__(self, message: str, *, status: int = 401) -> None:
        super().__init__(message)
        self.status = status
