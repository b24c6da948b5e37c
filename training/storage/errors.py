"""What can go wrong with a storage that machines share, by who can mend it.

StorageError
├── StorageAddressError     an address that cannot be used: the operator mends it
├── StorageAwayError        no answer, or no permission: passes, or the operator mends it
├── MissingObjectError      nothing has this name
├── DamagedObjectError      an object that differs from its checksum
└── ChangedObjectError      somebody else wrote first
"""

from training.errors import TrainingError


class StorageError(TrainingError):
    """Base of all errors about shared storage."""


class StorageAddressError(StorageError):
    """An address of a kind that is unknown, or whose library is not installed."""


class StorageAwayError(StorageError):
    """The storage does not answer, or refuses."""


class MissingObjectError(StorageError):
    """Nothing has this name."""


class DamagedObjectError(StorageError):
    """What was read is not what was written."""


class ChangedObjectError(StorageError):
    """An object that was to be made or replaced was written by somebody else meanwhile."""
