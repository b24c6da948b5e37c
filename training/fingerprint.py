"""What makes two runs the same: settings, data and start, but not how they are computed."""

import hashlib
import json

from training.configuration import TrainingConfiguration, to_mapping
from training.dataset_description import DatasetDescription


def run_fingerprint(
    configuration: TrainingConfiguration, description: DatasetDescription, start: str | None
) -> str:
    """Return a digest that tells a run's folder apart from those of other runs.

    Reading processes, saving intervals and what the model is saved with may differ between two parts of one
    run; a micro-batch may not, since other sums round differently.

    Args:
        configuration: of the run.
        description: of the data; its images and masks are told apart by their names.
        start: digest of the weights that the run starts from.

    """
    settings = to_mapping(configuration)
    settings["data"].pop("workers")
    settings["optimisation"].pop("save_every")
    for name in ("context_side", "none_probability"):
        settings["evaluation"].pop(name)
    document = {
        "settings": settings,
        "data": description.to_document(),
        "ids": description.ids(configuration.data.train_split),
        "start": start,
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
