"""Whether a recipe's views fit the backbone, checked before anything is computed."""

from training.configuration import TrainingConfiguration
from training.errors import ConfigurationError
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.windows import nearest_multiple


def require_fitting_views(configuration: TrainingConfiguration, backbone: Backbone) -> None:
    """Raise `ConfigurationError` when the crop is no multiple of what the backbone needs."""
    crop, multiple = configuration.augmentation.crop, backbone.size_multiple
    if crop % multiple:
        raise ConfigurationError(
            f"augmentation.crop = {crop}: {backbone.name} needs multiples of {multiple} pixels, "
            f"such as {nearest_multiple(crop, multiple)}"
        )
