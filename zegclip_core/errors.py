"""Every error that `zegclip_core` raises, one tree by who can mend it.

ZegCLIPError
├── ModelError              the weights or their name: the person who chose the model mends it
│   ├── UnknownModelError
│   ├── UnsupportedArchitectureError
│   ├── ModelOptionError
│   └── WeightsError
│       ├── DownloadError
│       ├── UpstreamCheckpointError
│       └── CheckpointError
│           ├── CheckpointDamagedError
│           ├── CheckpointWriteError
│           └── BackboneMismatchError
├── DeviceError             the machine: the person who chose the device mends it
├── EngineError             the engine: the person who chose the engine mends it
├── LabelError              the words: the person who wrote the label set mends it
└── ShapeError              tensors that do not fit: the programmer mends it
"""


class ZegCLIPError(Exception):
    """Base of all errors of this package; the message names the offending value and the cure."""


class ModelError(ZegCLIPError):
    """A model cannot be found, read or trusted."""


class UnknownModelError(ModelError):
    """A model notation that names nothing this package can load."""


class UnsupportedArchitectureError(ModelError):
    """A model whose image tower this package cannot take apart."""


class ModelOptionError(ModelError):
    """An option of a model that is out of range or does not fit its backbone."""


class WeightsError(ModelError):
    """A weight file is missing, incomplete, altered or made for another architecture."""


class DownloadError(WeightsError):
    """Weights could not be brought from where they are published."""


class UpstreamCheckpointError(WeightsError):
    """A file that is not one of the models which the authors of ZegCLIP published."""


class CheckpointError(WeightsError):
    """A compact checkpoint that is not there, or of another format."""


class CheckpointDamagedError(CheckpointError):
    """A compact checkpoint whose files are not what was once written."""


class CheckpointWriteError(CheckpointError):
    """A compact checkpoint that could not be written; nothing was changed."""


class BackboneMismatchError(CheckpointError):
    """A compact checkpoint beside another backbone than the one it was trained on."""


class DeviceError(ZegCLIPError):
    """A device that this machine does not have."""


class EngineError(ZegCLIPError):
    """An engine that is not installed, not converted or not checked for a model on this machine."""


class LabelError(ZegCLIPError):
    """A label set that cannot be turned into text features."""


class ShapeError(ZegCLIPError):
    """A tensor or array of the wrong shape, type or value range."""
