"""What the settings of every stage have."""

from dataclasses import dataclass

from training.setting_groups import require


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Length and course of a stage; each stage has its own numbers.

    Attributes:
        steps: optimiser steps of the whole schedule.
        weight_decay: AdamW's decay.
        warmup: steps of linear warm-up; a cosine brings the rate to zero at the end.
        clip: largest norm of the gradient.
        seed: where every random number starts.
        save_every: steps between saved states.

    """

    steps: int
    weight_decay: float
    warmup: int
    clip: float = 1.0
    seed: int = 0
    save_every: int

    def __post_init__(self) -> None:
        require(self.steps >= 1, "steps", self.steps, "1 or more")
        require(self.save_every >= 1, "save_every", self.save_every, "1 or more")
