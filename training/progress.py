"""What a running training tells those who wait for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Phase = Literal["inductive", "self_training", "fully"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The state after one optimiser step.

    Attributes:
        phase: what is being learned.
        iteration: steps done in the whole run, from 1.
        iterations: steps of the whole run.
        loss: of this step.
        learning_rate: of this step.
        seconds_left: estimate for the rest of the run, from the steps since it was (re)started.

    """

    phase: Phase
    iteration: int
    iterations: int
    loss: float
    learning_rate: float
    seconds_left: float


Listener = Callable[[Progress], None]
Question = Callable[[], bool]
