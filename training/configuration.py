"""Every choice of a training run in one frozen value."""

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from training.errors import ConfigurationError
from training.setting_groups import (
    AugmentationSettings,
    DataSettings,
    EvaluationSettings,
    LossSettings,
    ModelSettings,
    OptimisationSettings,
    SelfTrainingSettings,
    require,
)

Mode = Literal["inductive", "transductive", "fully"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfiguration:
    """A whole training run; equal configurations on equal data and machine give equal weights.

    Attributes:
        mode: "inductive" hides pixels and names of unseen classes, "transductive" knows their names and
            self-trains on their pixels, "fully" learns all classes.
        seed: where every random number starts.

    """

    mode: Mode = "inductive"
    seed: int = 0
    model: ModelSettings = field(default_factory=ModelSettings)
    data: DataSettings = field(default_factory=DataSettings)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    optimisation: OptimisationSettings = field(default_factory=OptimisationSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    self_training: SelfTrainingSettings = field(default_factory=SelfTrainingSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def __post_init__(self) -> None:
        require(self.seed >= 0, "seed", self.seed, "0 or more")
        if self.data.cache == "features" and (self.model.prompt_tokens or self.model.tuned == "blocks"):
            raise ConfigurationError(
                "data.cache = 'features' keeps the tower's output, which prompts or tuned blocks would "
                "change: set model.prompt_tokens = 0 and model.tuned = 'prompts', or data.cache = 'stem'"
            )
        if self.data.cache != "none" and self.augmentation.photometric:
            raise ConfigurationError(
                f"data.cache = {self.data.cache!r} keeps features of fixed views: set "
                "augmentation.photometric = false, or data.cache = 'none'"
            )
        if self.mode == "transductive" and self.loss.kind == "exclusive":
            raise ConfigurationError("transductive training needs loss.kind = 'non_exclusive'")


def to_mapping(settings: Any) -> dict[str, Any]:
    """Turn a configuration or one of its parts into plain nested dictionaries, lists and numbers."""
    mapping: dict[str, Any] = {}
    for one in fields(settings):
        value = getattr(settings, one.name)
        if is_dataclass(value):
            mapping[one.name] = to_mapping(value)
        else:
            mapping[one.name] = list(value) if isinstance(value, tuple) else value
    return mapping
