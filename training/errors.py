"""Every error that `training` raises, one tree by who can mend it.

TrainingError
├── DatasetError                     the data on disk: the person who prepared it mends it
│   ├── DatasetDescriptionError      `dataset.json` is missing, unreadable or contradicts itself
│   ├── SplitError                   a split that the description does not name, or whose file is wrong
│   │   └── EmptySplitError
│   ├── MissingImageError            a photograph that a split lists does not exist
│   ├── UnreadableImageError         a photograph or mask that no decoder can read
│   ├── MissingMaskError             a mask that a split lists does not exist
│   ├── MaskContentError             a mask that cannot belong to its photograph
│   │   └── UnknownMaskIdsError      pixel values that are no class of the data set
│   └── DownloadError                an official download that a converter cannot use
│       ├── DownloadLayoutError      a folder or list of it is missing
│       ├── LabelIdsError            its masks count classes in another way than the benchmark
│       └── MissingExtraError        an optional library is needed to read it
├── ConfigurationError               a recipe or option: the person who starts the run mends it
├── RunError                         a run folder: the person who starts the run mends it
│   ├── TrainingStateError           a saved state is damaged or belongs to another run
│   ├── StartModelError              a model to start from that does not fit the run
│   ├── DivergedError                the loss is no number any more
│   ├── DiskFullError                no room for a state, a log or a model
│   └── RunStoppedError              whoever waits for the run asked it to stop; it can go on later
└── EvaluationError                  predictions that cannot be scored: the predictor's programmer mends it
"""


class TrainingError(Exception):
    """Base of all errors of this package; the message names the offending value and the cure."""


class DatasetError(TrainingError):
    """A data set that cannot be used as it lies on disk."""


class DatasetDescriptionError(DatasetError):
    """`dataset.json` is missing, unreadable or contradicts itself."""


class SplitError(DatasetError):
    """A split that the description does not name, or whose file is missing or wrong."""


class EmptySplitError(SplitError):
    """A split without any image."""


class MissingImageError(DatasetError):
    """A photograph that a split lists does not exist."""


class UnreadableImageError(DatasetError):
    """A photograph or a mask that no decoder can read."""


class MissingMaskError(DatasetError):
    """A mask that a split lists does not exist."""


class MaskContentError(DatasetError):
    """A mask that cannot belong to its photograph."""


class UnknownMaskIdsError(MaskContentError):
    """A mask with pixel values that are no class of the data set."""


class DownloadError(DatasetError):
    """An official download that a converter cannot turn into `dataset.json`."""


class DownloadLayoutError(DownloadError):
    """A folder or a list of the download is missing, or the download is another version."""


class LabelIdsError(DownloadError):
    """Masks whose numbers mean other classes than the benchmark's: raw ids, shifted ids, or a mixture."""


class MissingExtraError(DownloadError):
    """An optional library is needed to read the download."""


class ConfigurationError(TrainingError):
    """A recipe or option that is unknown, out of range, or contradicts another."""


class RunError(TrainingError):
    """A training run that cannot start, go on or be read."""


class TrainingStateError(RunError):
    """A saved training state is damaged, or belongs to a run with other settings."""


class StartModelError(RunError):
    """A model to start from that is damaged, of another backbone or of another architecture."""


class DivergedError(RunError):
    """The loss became infinite or no number."""


class DiskFullError(RunError):
    """There is no room for a state, a log or a model; what was written before is whole."""


class RunStoppedError(RunError):
    """The run was asked to stop, and saved its state first."""


class EvaluationError(TrainingError):
    """Predictions, classes or options that cannot be scored."""
