"""The phases of a run: one for inductive and fully supervised training, two for transductive training."""

from dataclasses import dataclass

from training.configuration import TrainingConfiguration
from training.progress import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePlan:
    """A stretch of steps with one optimiser.

    Attributes:
        phase: what is learned in it.
        first: the first step of the whole run that belongs to it, from 0.
        steps: how many steps it takes.
        schedule: how many steps its learning rate is planned for; a phase may end before its schedule does.

    """

    phase: Phase
    first: int
    steps: int
    schedule: int

    @property
    def end(self) -> int:
        """The first step of the whole run after it."""
        return self.first + self.steps


def plan_phases(configuration: TrainingConfiguration) -> tuple[PhasePlan, ...]:
    """Return the phases of a run in order.

    Transductive training leaves the inductive schedule half way and starts self-training with a fresh
    optimiser and schedule (ZegCLIP's released configurations); with `inductive_iterations = 0` it
    self-trains from the model it is started from.
    """
    steps = configuration.optimisation.iterations
    if configuration.mode != "transductive":
        return (PhasePlan(phase=configuration.mode, first=0, steps=steps, schedule=steps),)
    settings = configuration.self_training
    start = settings.inductive_iterations
    self_training = PhasePlan(
        phase="self_training", first=start, steps=settings.iterations, schedule=settings.iterations
    )
    if start == 0:
        return (self_training,)
    return (PhasePlan(phase="inductive", first=0, steps=start, schedule=max(start, steps)), self_training)
