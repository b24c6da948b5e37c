"""What can be wrong with a region.

RegionError             a region of a result or a prompt that cannot be read
└── RleError            its brush stream
"""

from backend.errors import BackendError


class RegionError(BackendError):
    """A region that is damaged, hostile, or of a kind without pixels."""


class RleError(RegionError):
    """A brush stream that is damaged, hostile, or belongs to an image of another size."""
